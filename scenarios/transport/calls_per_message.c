/* Question: how many system calls does a message take?
 * Method:   worker 0 sends, worker 1 receives, each in a child whose every system call a seccomp filter turns into a
 *           signal and its handler counts (system_calls.h).  The calls of both ends are divided by the messages.
 * Not shown: transports that need the memory of the process that was set up (process_vm, vmsplice); what a call costs,
 *           because counting one takes longer than the call.
 * Cost of the loop: as transport_throughput, and about a microsecond for each counted call. */
#include <sys/mman.h>

#include "../subject/child.h"
#include "../subject/system_calls.h"
#include "../subject/transport_pair.h"

enum { TALLY_CALLS = TALLY_WRONG + 1 };

/* What a worker and its children share, slice after slice. */
struct ours {
	struct transport_state pair;
	struct sm_worker *worker;
	uint64_t done, time_ns;
};

struct state {
	struct transport_state pair; /* as pair_setup() made it */
	struct ours *ours;
};

/* Worker 0 sends, worker 1 receives. */
static ALWAYS_INLINE uint64_t one_way(struct sm_worker *worker, enum transport transport)
{
	struct transport_state *pair = &((struct state *)worker->state)->ours->pair;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t done = 0;

	while (done < worker->op_count && (worker->index == 0 ? pair_put(worker, transport, pair, 0, bytes)
							      : pair_take(worker, transport, pair, 0, bytes)))
		done++;
	return done;
}
#define STAMP_LOOP one_way
#include "../subject/stamp.h"

/* In the child. */
static int pass(void *argument)
{
	struct ours *ours = argument;
	uint64_t begin, before, counted;

	if (system_calls_count() < 0)
		return 1;
	/* Around the loop alone: a clock that the vDSO does not answer is a system call, too. */
	begin = sm_clock_ns();
	before = system_calls_counted;
	ours->done = one_way_run(ours->worker);
	counted = system_calls_counted - before;
	ours->time_ns = sm_clock_ns() - begin;
	ours->worker->outcome->tally[TALLY_CALLS] += counted;
	return 0;
}

static int try_filter(void *argument)
{
	(void)argument;
	return system_calls_count() < 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;

	if (in_child(try_filter, NULL) != 0)
		return sm_fail(err, ENOTSUP, "the kernel takes no seccomp filter here, so nothing counts system calls");
	return transport_open_pair(trial->c, state->pair.channel, trial->region, err);
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	transport_close(transport_of(trial->c), state->pair.channel);
}

static int warm_up(struct sm_worker *worker)
{
	struct state *state = worker->state;
	int own = (int)worker->index, rc = transport_join(worker, state->pair.channel, own, !own);

	if (rc == 0)
		rc = transport_buffers(worker, &state->pair.own, worker->c->param[PARAM_MESSAGE]);
	if (rc < 0)
		return rc;
	state->ours = mmap(NULL, sizeof(*state->ours), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (state->ours == MAP_FAILED)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	state->ours->pair = state->pair;
	state->ours->worker = worker;
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	struct ours *ours = ((struct state *)worker->state)->ours;

	ours->done = 0;
	if (in_child(pass, ours) != 0)
		sm_worker_fail(worker, ECHILD, "the child that passes messages did not end well");
	worker->time_ns += ours->time_ns;
	return ours->done;
}

/* Enough that a slice is not all fork(). */
static uint64_t fixed_ops(const struct sm_case *c)
{
	(void)c;
	return 1000;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *sender = trial->outcome[0], *receiver = trial->outcome[1];

	if (receiver->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu messages arrived wrong", receiver->tally[TALLY_WRONG]);
	if (sender->tally[TALLY_SENT] != sender->ops || receiver->tally[TALLY_RECEIVED] != receiver->ops)
		return sm_fail(err, EILSEQ, "%lu messages were sent and %lu received in %lu operations",
			       sender->tally[TALLY_SENT], receiver->tally[TALLY_RECEIVED], sender->ops);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	for (unsigned i = 0; i < 2; i++)
		value[i] = (double)trial->outcome[i]->tally[TALLY_CALLS] / (double)trial->outcome[i]->ops;
}

#define ONE(transport, words, spins_)                                                                                  \
	{                                                                                                              \
		.name = #transport, .summary = words, .arg = TRANSPORT_##transport, .spins = spins_                    \
	}
static const struct sm_variant variants[] = {
	ONE(pipe, "a pipe", false),
	ONE(unix_stream, "a Unix stream socket pair", false),
	ONE(posix_mq, "a POSIX message queue", false),
	ONE(shm_ring, "a ring in shared memory that spins", true),
	ONE(shm_slots, "slots in shared memory, message and state in one line, spinning", true),
	ONE(shm_ring_futex, "a ring in shared memory that spins a little, then sleeps", false),
	ONE(shm_mutex_cond, "a ring under a process-shared mutex with conditions", false),
	{ 0 },
};

#define NO_CALL(id_, variant, what, of_end, end)                                                                       \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = what " makes no system call: its end that " end " makes none, message after message",          \
		.source = "textbooks: shared memory needs no kernel once it is mapped",                                \
		SM_METRIC(variant, of_end, .max = 0), .control = "T31.pipe", .needs = "two cores"                      \
	}
static const struct sm_claim claims[] = {
	NO_CALL("T31", "shm_ring", "A ring in shared memory that spins", "calls to send", "sends"),
	NO_CALL("T31.receive", "shm_ring", "A ring in shared memory that spins", "calls to receive", "receives"),
	NO_CALL("T31.slots", "shm_slots", "A message in a slot of shared memory", "calls to send", "sends"),
	{ .id = "T31.pipe",
	  .text = "Each message into a pipe is one system call",
	  .source = "pipe(7)",
	  SM_METRIC("pipe", "calls to send", .min = 1, .max = 1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_calls_per_message = {
	.name = "calls_per_message",
	.family = "transport",
	.question = "How many system calls does a message take?",
	.summary = "Messages one way, every system call of both ends counted.",
	.why = "A pipe, a socket and a queue are the kernel's, so each message enters it twice. Memory that both ends have "
	       "mapped is reached by loads and stores: a ring whose ends spin never calls. One that sleeps calls where an "
	       "end finds it empty or full, so its count tells how well the two ends keep step. What strace shows of a "
	       "program is what is counted here: of a spinning ring it shows nothing.",
	.claims = claims,
	.variants = variants,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64), .full = SM_VALUES(64, 4096)), TRANSPORT_CAPACITY },
	.workers = 2,
	.placements = { SM_PLACE_NEAR },
	.metric = { "time per message, each call counted", "ns/op" },
	.more = { { "calls to send", "1" }, { "calls to receive", "1" } },
	.state_bytes = sizeof(struct state),
	.slices = 4,
	.self_timed = true,
	.region_bytes = transport_region_bytes,
	.fixed_ops = fixed_ops,
	.supported = transport_supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
