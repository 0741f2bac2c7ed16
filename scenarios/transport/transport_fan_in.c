/* Question: which transports keep their total rate when more processes send to one?
 * Method:   1, 2 or 4 senders, one receiver, one channel.  Every message has the number of its sender and the count
 *           of messages that the sender has sent before; the receiver checks order and content.  Each sender has the
 *           same number of messages per slice.
 * Not shown: transports that take one sender only; a receiver with a channel for each sender.
 * Cost of the loop: as transport_throughput, and in the receiver one multiplication that finds the sender, two
 *           tallies and a comparison. */
#include <limits.h>
#include <math.h>

#include "../subject/transport.h"

#define SENDERS_MAX  8
#define SENDER_SHIFT 40 /* position of the sender in a message's number */

enum { TALLY_SENT, TALLY_RECEIVED, TALLY_WRONG, TALLY_NS, TALLY_JAIN, TALLY_SLICES };

struct fan_in_state {
	struct channel channel[2]; /* the second is not used */
	struct transport_buffers own;
	uint64_t sent;                  /* by this worker */
	uint64_t received[SENDERS_MAX]; /* by sender */
};

static int supported(const struct sm_case *c, struct sm_error *why)
{
	enum transport transport = transport_of(c);

	if ((transport == TRANSPORT_pipe || transport == TRANSPORT_fifo) && c->param[PARAM_MESSAGE] > PIPE_BUF)
		return sm_fail(why, ENOTSUP,
			       "a pipe keeps messages of several senders apart up to %d bytes "
			       "(PIPE_BUF): --set message=%d",
			       PIPE_BUF, PIPE_BUF);
	return transport_supported(c, why);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct fan_in_state *state = trial->state;

	return transport_open_pair(trial->c, state->channel, trial->region, err);
}

static void teardown(struct sm_trial *trial)
{
	struct fan_in_state *state = trial->state;

	transport_close(transport_of(trial->c), state->channel);
}

static int warm_up(struct sm_worker *worker)
{
	struct fan_in_state *state = worker->state;
	int rc = transport_join(worker, state->channel, worker->index > 0 ? 0 : -1, worker->index > 0 ? -1 : 0);

	if (rc < 0)
		return rc;
	return transport_buffers(worker, &state->own, worker->c->param[PARAM_MESSAGE]);
}

static ALWAYS_INLINE uint64_t send_all(struct sm_worker *worker, enum transport transport)
{
	struct fan_in_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count, who = (uint64_t)(worker->index - 1) << SENDER_SHIFT;

	for (uint64_t i = 0; i < n; i++) {
		message_write(state->own.out, bytes, who | state->sent);
		if (!transport_send(transport, &state->channel[0], state->own.out, bytes))
			return i;
		state->sent++;
		worker->outcome->tally[TALLY_SENT]++;
	}
	return n;
}

/* Jain's index, in millionths, of how many messages each sender had sent when the first was done: 1 if all had sent
 * the same number, 1/senders if one had sent them all.  R. Jain et al., A quantitative measure of fairness,
 * DEC-TR-301, 1984. */
static uint64_t jain(const uint64_t *share, unsigned senders)
{
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < senders; i++) {
		sum += (double)share[i];
		squares += (double)share[i] * (double)share[i];
	}
	return (uint64_t)(1e6 * sum * sum / (senders * squares));
}

static ALWAYS_INLINE uint64_t receive_all(struct sm_worker *worker, enum transport transport)
{
	struct fan_in_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	unsigned senders = worker->c->workers - 1;
	uint64_t n = worker->op_count, start = sm_clock_ns(), took;
	uint64_t share[SENDERS_MAX] = { 0 };
	bool judged = false;

	for (uint64_t i = 0; i < n * senders; i++) {
		uint64_t number, who;

		if (!transport_receive(transport, &state->channel[0], state->own.in, bytes))
			return 0;
		number = message_number(state->own.in);
		who = number >> SENDER_SHIFT;
		worker->outcome->tally[TALLY_RECEIVED]++;
		if (who >= senders || message_check(state->own.in, bytes, number) ||
		    number != (who << SENDER_SHIFT | state->received[who])) {
			worker->outcome->tally[TALLY_WRONG]++;
			continue;
		}
		state->received[who]++;
		if (++share[who] == n && !judged) {
			judged = true;
			worker->outcome->tally[TALLY_JAIN] += jain(share, senders);
			worker->outcome->tally[TALLY_SLICES]++;
		}
	}
	took = sm_clock_ns() - start;
	worker->outcome->tally[TALLY_NS] += took;
	worker->time_ns = took / senders;
	return n;
}

static ALWAYS_INLINE uint64_t fan_in(struct sm_worker *worker, enum transport transport)
{
	return worker->index == 0 ? receive_all(worker, transport) : send_all(worker, transport);
}
#define STAMP_LOOP fan_in
#include "../subject/stamp.h"

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *receiver = trial->outcome[0];
	uint64_t sent = sm_trial_tally(trial, TALLY_SENT), due = receiver->ops * (trial->c->workers - 1);

	if (receiver->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu messages arrived wrong or out of their sender's order",
			       receiver->tally[TALLY_WRONG]);
	if (sent != due || receiver->tally[TALLY_RECEIVED] != due)
		return sm_fail(err, EILSEQ, "%lu messages were sent and %lu received, %lu were due", sent,
			       receiver->tally[TALLY_RECEIVED], due);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[0]->tally;

	value[0] = tally[TALLY_NS] ? 1e9 * (double)tally[TALLY_RECEIVED] / (double)tally[TALLY_NS] : (double)NAN;
	value[1] = tally[TALLY_SLICES] ? (double)tally[TALLY_JAIN] / (double)tally[TALLY_SLICES] / 1e6 : (double)NAN;
	transport_measure(trial->c, ((struct fan_in_state *)trial->state)->channel, value + 2);
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return c->param[PARAM_MESSAGE];
}

#define WITH(transport, words, count)                                                                                  \
	{                                                                                                              \
		.name = #transport "." #count, .summary = words ", senders: " #count, .arg = TRANSPORT_##transport,    \
		.workers = 1 + (count)                                                                                 \
	}
#define SENDERS(transport, words) WITH(transport, words, 1), WITH(transport, words, 2), WITH(transport, words, 4)
static const struct sm_plug plugs[] = {
	{ .suffix = ".1", .words = ", senders: 1", .arg = TRANSPORT_plugin, .workers = 2, .needs = SHMETER_MANY },
	{ .suffix = ".2", .words = ", senders: 2", .arg = TRANSPORT_plugin, .workers = 3, .needs = SHMETER_MANY },
	{ .suffix = ".4", .words = ", senders: 4", .arg = TRANSPORT_plugin, .workers = 5, .needs = SHMETER_MANY },
	{ 0 },
};
static const struct sm_variant variants[] = {
	SENDERS(pipe, "a pipe"),
	SENDERS(fifo, "a named pipe"),
	SENDERS(unix_seqpacket, "a Unix sequenced-packet socket"),
	SENDERS(unix_dgram, "a Unix datagram socket"),
	SENDERS(posix_mq, "a POSIX message queue"),
	SENDERS(sysv_msg, "a System V message queue"),
	SENDERS(shm_mutex_cond, "a ring under mutex and condition"),
	{ 0 },
};

#define KEEPS(id_, transport, words)                                                                                   \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "With four senders instead of one " words                                                      \
			" keeps at least 80 % of its total rate, where each process has a core",                       \
		.source = "a question of every server: does the shared queue collapse?",                               \
		SM_RATIO(#transport ".4", #transport ".1", .metric = "total rate", .min = 0.8),                        \
		.at = "workers<=1xPU cores=different", .needs = "a core for each of five processes"                    \
	}
static const struct sm_claim claims[] = {
	KEEPS("T5.pipe", pipe, "a pipe"),
	KEEPS("T5.fifo", fifo, "a named pipe"),
	KEEPS("T5.unix_seqpacket", unix_seqpacket, "a Unix sequenced-packet socket"),
	KEEPS("T5.unix_dgram", unix_dgram, "a Unix datagram socket"),
	KEEPS("T5.posix_mq", posix_mq, "a POSIX message queue"),
	KEEPS("T5.sysv_msg", sysv_msg, "a System V message queue"),
	KEEPS("T5.shm_mutex_cond", shm_mutex_cond, "a ring under mutex and condition"),
	{ 0 },
};

const struct sm_scenario sm_scenario_transport_fan_in = {
	.name = "transport_fan_in",
	.family = "transport",
	.question = "Which transports keep their total rate when more processes send?",
	.summary = "Several senders, one receiver, one channel.",
	.why = "Several senders share one lock or one index, whose line goes around between "
	       "them, and one receiver, which is the limit in the end. Switches an operation "
	       "tell waiting for the receiver from working.",
	.claims = claims,
	.variants = variants,
	.plugs = plugs,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64)), TRANSPORT_CAPACITY },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	.metric = { "time per message received", "ns/op" },
	.more = { { "total rate", "messages/s" }, { "fairness between senders", "1" }, TRANSPORT_HOLDS },
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct fan_in_state),
	.self_timed = true,
	.region_bytes = transport_region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = fan_in_run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
