/* Question: what does an uncontended lock cost?
 * Method:   one process takes and releases the same lock; one such pair is an operation.
 * Not shown: contended locks (lock_throughput, lock_handoff).
 * Cost of the loop: a counter and a branch; nothing is done under the lock. */
#include "../subject/locks.h"

enum { TALLY_PAIRS };

struct state {
	struct lock_own own;
};

struct shared {
	struct lock_shared lock;
	alignas(SM_LINE_PAIR) ck_spinlock_mcs_context_t node;
};

static size_t region_bytes(const struct sm_case *c)
{
	return sizeof(struct shared) + lock_plugin_bytes(c, c->workers);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;
	struct state *state = trial->state;

	return lock_setup(trial->c, &shared->lock, &state->own, shared + 1, err);
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	lock_teardown(&state->own);
}

static int warm_up(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;

	return lock_join(worker, &state->own, &shared->node);
}

static ALWAYS_INLINE uint64_t pairs(struct sm_worker *worker, enum lock_kind kind)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	uint64_t n = worker->op_count, i = 0;

	for (; i < n; i++) {
		if (!lock_take(kind, &shared->lock, &state->own))
			break;
		lock_give(kind, &shared->lock, &state->own);
	}
	worker->outcome->tally[TALLY_PAIRS] += i;
	return i;
}
#define STAMP_LOOP pairs
#include "../subject/stamp_locks.h"

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (trial->outcome[0]->tally[TALLY_PAIRS] != trial->outcome[0]->ops)
		return sm_fail(err, EILSEQ, "%lu pairs in %lu operations", trial->outcome[0]->tally[TALLY_PAIRS],
			       trial->outcome[0]->ops);
	return 0;
}

static const struct sm_variant variants[] = {
#define LOCKS_OWN
#define LOCK LOCK_VARIANT
#include "../subject/locks.def"
	{ 0 },
};
static const struct sm_plug plugs[] = LOCK_PLUGS;

static const struct sm_claim claims[] = {
	{ .id = "S1",
	  .text = "A robust mutex costs under 10 % more than a normal one while nobody else wants it",
	  .source = "popular belief: robustness is a list entry",
	  SM_RATIO("mutex_robust", "mutex", .max = 1.1) },
	{ .id = "S3",
	  .text = "A System V semaphore costs at least 3 times what a mutex costs that nobody else wants",
	  .source = "textbooks: every operation is a system call",
	  SM_RATIO("sysv_sem", "mutex", .min = 3) },
	{ 0 },
};

const struct sm_scenario sm_scenario_lock_uncontended = {
	.name = "lock_uncontended",
	.family = "sync",
	.question = "What does a lock cost that nobody else wants?",
	.summary = "One process takes and gives back a lock.",
	.why = "A lock that nobody holds is taken by one atomic operation on a line that is "
	       "already here. A robust mutex also keeps a list of what it holds, for the "
	       "kernel to find; a System V semaphore and a file lock are system calls each "
	       "way.",
	.claims = claims,
	.variants = variants,
	.plugs = plugs,
	.workers = 1,
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per pair of lock and unlock", "ns/op" },
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.setup = setup,
	.warm_up = warm_up,
	.run = pairs_run,
	.verify = verify,
	.teardown = teardown,
};
