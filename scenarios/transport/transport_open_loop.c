/* Question: how late are messages that have to leave on a schedule, whatever became of the ones before?
 * Method:   before its slices each trial finds out how fast the transport can go (the fastest of three
 *           bursts of 2.5 ms); then worker 0 sends at a share of that rate, each message at its intended time.  The
 *           latency is counted from the intended time, so a message that waits behind a slow one is as late
 *           as its user would see it.  The variants called `.closed` send on the same schedule and count
 *           from the moment of sending, as a closed loop does: the wait before it is missing there
 *           (coordinated omission, G. Tene).
 * Not shown: several senders; rates that change.
 * Cost of the loop: the sender reads the clock until the intended time, the receiver once a message, and
 *           adds to a histogram. */
#include <math.h>

#include "../subject/transport.h"

#define CLOSED      0x100u   /* in a variant's `arg` */
#define BURSTS      3u       /* of sending as fast as possible; the fastest counts */
#define BURST_NS    2500000u
#define BURST_GROUP 64u /* messages between looks at the clock meanwhile */
#define HEADER      2        /* words before the checked ones: the time, whether more will come */

enum { TALLY_SENT, TALLY_RECEIVED, TALLY_WRONG, TALLY_INTERVAL_PS, TALLY_SCHEDULED };
enum { PARAM_LOAD = PARAM_CAPACITY + 1 };

struct open_loop_state {
	struct channel channel[2]; /* the second is not used */
	struct transport_buffers own;
	uint64_t sent, received;
	uint64_t interval_ps; /* between intended times; in the sender */
};

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (c->param[PARAM_MESSAGE] < (HEADER + 1) * sizeof(uint64_t))
		return sm_fail(why, ENOTSUP, "a message holds its time: --set message=24 at least");
	if (c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "a sender that keeps to a schedule needs a PU of its own: choose "
			       "--placement near on a machine with two");
	return transport_supported(c, why);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct open_loop_state *state = trial->state;

	return transport_open_pair(trial->c, state->channel, trial->region, false, err);
}

static void teardown(struct sm_trial *trial)
{
	struct open_loop_state *state = trial->state;

	transport_close(transport_of(trial->c), state->channel);
}

/* Sends one message: when it was meant to go, or, seen `closed`, went; whether another one follows. */
static ALWAYS_INLINE bool put(struct sm_worker *worker, enum transport transport, uint64_t intended_ns,
			      bool more, bool closed)
{
	struct open_loop_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t *out = transport_place(transport, &state->channel[0], state->own.out);

	if (!out)
		return false;
	out[0] = closed ? sm_clock_ns() : intended_ns;
	out[1] = more;
	message_write(out + HEADER, bytes - HEADER * sizeof(*out), state->sent++);
	worker->outcome->tally[TALLY_SENT]++;
	return transport_send(transport, &state->channel[0], out, bytes);
}

/* Receives one message into state->own.in and checks it. */
static ALWAYS_INLINE bool take(struct sm_worker *worker, enum transport transport)
{
	struct open_loop_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t *in = state->own.in;

	if (!transport_receive(transport, &state->channel[0], in, bytes))
		return false;
	worker->outcome->tally[TALLY_WRONG] +=
		message_check(in + HEADER, bytes - HEADER * sizeof(*in), state->received++) != 0;
	worker->outcome->tally[TALLY_RECEIVED]++;
	return true;
}

/* One burst: the sender's picoseconds a message over its second half, when the channel is full; in the
 * receiver 1.  0: the peer is gone. */
static ALWAYS_INLINE uint64_t burst(struct sm_worker *worker, enum transport transport)
{
	struct open_loop_state *state = worker->state;
	uint64_t start = sm_clock_ns(), half = 0, now = start, count = 0;

	if (worker->index > 0) {
		do
			if (!take(worker, transport))
				return 0;
		while (state->own.in[1]);
		return 1;
	}
	while (now - start < BURST_NS) {
		for (unsigned i = 0; i < BURST_GROUP; i++)
			if (!put(worker, transport, now, true, false))
				return 0;
		now = sm_clock_ns();
		if (half == 0 && now - start >= BURST_NS / 2)
			half = now;
		else if (half > 0)
			count += BURST_GROUP;
	}
	if (!put(worker, transport, now, false, false))
		return 0;
	/* One group may take all of the time where each message wakes a sleeper. */
	return count > 0 ? (now - half) * 1000 / count : (now - start) * 1000 / BURST_GROUP;
}

/* The interval between intended times, from the fastest burst: a pause of the machine makes one slower. */
static ALWAYS_INLINE uint64_t saturate(struct sm_worker *worker, enum transport transport)
{
	struct open_loop_state *state = worker->state;
	uint64_t least_ps = UINT64_MAX;

	for (unsigned i = 0; i < BURSTS; i++) {
		uint64_t ps = burst(worker, transport);

		if (ps == 0)
			return 0;
		least_ps = ps < least_ps ? ps : least_ps;
	}
	if (worker->index == 0) {
		state->interval_ps = least_ps * 100 / worker->c->param[PARAM_LOAD];
		worker->outcome->tally[TALLY_INTERVAL_PS] = state->interval_ps;
	}
	return 1;
}
#define STAMP_LOOP saturate
#include "../subject/stamp.h"

static int warm_up(struct sm_worker *worker)
{
	struct open_loop_state *state = worker->state;

	state->channel[0].abort = worker->abort;
	if (worker->index == 0 && transport_attach(transport_of(worker->c), &state->channel[0]) < 0)
		return sm_worker_fail(worker, ENOMEM, "no memory for the messages in flight");
	if (transport_buffers(worker, &state->own, worker->c->param[PARAM_MESSAGE]) < 0)
		return -ENOMEM;
	if (!saturate_run(worker))
		return sm_worker_fail(worker, EPIPE, "the peer ended while the rate was looked for");
	return 0;
}

static ALWAYS_INLINE uint64_t scheduled(struct sm_worker *worker, enum transport transport)
{
	struct open_loop_state *state = worker->state;
	bool closed = sm_case_variant(worker->c)->arg & CLOSED;
	uint64_t n = worker->op_count, start = sm_clock_ns(), intended, now;

	for (uint64_t i = 0; i < n; i++) {
		if (worker->index > 0) {
			if (!take(worker, transport))
				return i;
			now = sm_clock_ns();
			/* Clocks of two PUs may differ by a few ns: never below 0. */
			now = now > state->own.in[0] ? now - state->own.in[0] : 0;
			sm_histogram_add(worker->histogram, now);
			worker->time_ns += now;
			worker->outcome->tally[TALLY_SCHEDULED]++;
			continue;
		}
		intended = start + (i + 1) * state->interval_ps / 1000;
		for (unsigned turns = 0; sm_clock_ns() < intended;)
			if (!sm_spin(&turns, worker->abort))
				return i;
		if (!put(worker, transport, intended, true, closed))
			return i;
		worker->outcome->tally[TALLY_SCHEDULED]++;
	}
	return n;
}
#define STAMP_LOOP scheduled
#include "../subject/stamp.h"

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *sender = trial->outcome[0], *receiver = trial->outcome[1];

	if (receiver->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu messages arrived wrong",
			       receiver->tally[TALLY_WRONG]);
	/* The search for the rate sent some, too. */
	if (sender->tally[TALLY_SENT] != receiver->tally[TALLY_RECEIVED])
		return sm_fail(err, EILSEQ, "%lu messages were sent and %lu received",
			       sender->tally[TALLY_SENT], receiver->tally[TALLY_RECEIVED]);
	for (unsigned i = 0; i < 2; i++)
		if (trial->outcome[i]->tally[TALLY_SCHEDULED] != trial->outcome[i]->ops)
			return sm_fail(err, EILSEQ,
				       "worker %u passed %lu messages in %lu operations", i,
				       trial->outcome[i]->tally[TALLY_SCHEDULED],
				       trial->outcome[i]->ops);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	static const double quantile[] = { 0.5, 0.99, 0.999 };
	uint64_t interval_ps = trial->outcome[0]->tally[TALLY_INTERVAL_PS];

	for (unsigned i = 0; i < 3; i++) {
		uint64_t ns = sm_histogram_quantile(trial->histogram, quantile[i]);

		value[i] = ns == UINT64_MAX ? (double)NAN : (double)ns;
	}
	value[3] = interval_ps ? 1e12 / (double)interval_ps : (double)NAN;
}

#define OPEN(transport, words, traits)                                                             \
	{ .name = #transport,                                                                      \
	  .summary = words,                                                                        \
	  .arg = TRANSPORT_##transport,                                                            \
	  .memory = TRANSPORT_FILE_BACKED(traits) },
#define CLOSED_VIEW(transport, words)                                                              \
	{ .name = #transport ".closed",                                                            \
	  .summary = words ", counted from the moment of sending",                                 \
	  .arg = TRANSPORT_##transport | CLOSED }
static const struct sm_variant variants[] = {
#define TRANSPORT OPEN
#include "../subject/transports.def"
	CLOSED_VIEW(pipe, "a pipe"),
	CLOSED_VIEW(unix_stream, "a Unix stream socket"),
	CLOSED_VIEW(shm_ring, "a spinning ring"),
	{ 0 },
};

#define UNDERSTATES(id_, transport, words)                                                         \
	{ .id = id_,                                                                               \
	  .text = "Near saturation the 99 % quantile of " words                                    \
		  " counted from the moment of sending understates that from the intended time",   \
	  .source = "G. Tene, How NOT to measure latency: coordinated omission",                   \
	  .metric = "p99",                                                                         \
	  .left = #transport,                                                                      \
	  .right = #transport ".closed",                                                           \
	  .at = "load=95",                                                                         \
	  .ratio_min = 1 }
static const struct sm_claim claims[] = {
	UNDERSTATES("T6", pipe, "a pipe"),
	UNDERSTATES("T6.unix_stream", unix_stream, "a Unix stream socket"),
	UNDERSTATES("T6.shm_ring", shm_ring, "a spinning ring"),
	{ 0 },
};

const struct sm_scenario sm_scenario_transport_open_loop = {
	.name = "transport_open_loop",
	.family = "transport",
	.question = "How late is a message that leaves on a schedule?",
	.summary = "Messages at a share of the highest rate, latency from the intended time.",
	.why = "Near the limit a late message makes those behind it late. A closed loop "
	       "waits with them and never sees it: it counts from the moment of sending, "
	       "which was late already. Counted from the intended time the queue is in the "
	       "figure.",
	.claims = claims,
	.variants = variants,
	.params = { TRANSPORT_MESSAGE(24, .quick = SM_VALUES(64)),
		    TRANSPORT_CAPACITY,
		    { .name = "load",
		      .unit = "%",
		      .summary = "offered rate as a share of the highest that the transport takes",
		      .quick = SM_VALUES(95),
		      .standard = SM_VALUES(50, 95),
		      .full = SM_VALUES(10, 25, 50, 70, 80, 90, 95, 100),
		      .min = 1,
		      .max = 120 } },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SHARED_L3, SM_PLACE_CROSS_NODE },
	.metric = { "time per message from its intended sending", "ns/op" },
	.more = { { "p50", "ns" }, { "p99", "ns" }, { "p999", "ns" }, { "offered rate", "messages/s" } },
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct open_loop_state),
	.self_timed = true,
	.histogram = true,
	.region_bytes = transport_region_bytes,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = scheduled_run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
