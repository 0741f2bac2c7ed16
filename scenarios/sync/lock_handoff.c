/* Question: how long does it take to hand a lock from one process to another?
 * Method:   two processes must take the lock alternately: a process that takes it out of turn releases it and tries
 *           again. An operation is a turn of each.
 * Not shown: locks that are held long enough for the other process to fall asleep every time.
 * Cost of the loop: a load, an addition and a store under the lock; attempts out of turn, whose number is reported. */
#include <math.h>
#include <sched.h>

#include "../subject/locks.h"

enum { TALLY_TURNS, TALLY_TRIES };

struct shared {
	struct lock_shared lock;
	uint64_t turn; /* guarded by the lock, on another line pair; even: it is worker 0's turn */
	struct {
		alignas(SM_LINE_PAIR) ck_spinlock_mcs_context_t node;
	} place[2];
};

struct state {
	struct lock_own own;
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

	return lock_join(worker, &state->own, &shared->place[worker->index].node);
}

static ALWAYS_INLINE uint64_t turns(struct sm_worker *worker, enum lock_kind kind)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	uint64_t n = worker->op_count, done = 0, tries = 0;

	while (done < n) {
		bool mine;

		if (!lock_take(kind, &shared->lock, &state->own))
			break;
		mine = (shared->turn & 1) == worker->index;
		shared->turn += mine;
		lock_give(kind, &shared->lock, &state->own);
		done += mine;
		if ((++tries & 1023u) == 0 && atomic_load_explicit(worker->abort, memory_order_relaxed))
			break;
		if (!mine && worker->c->shared_pu)
			sched_yield();
	}
	worker->outcome->tally[TALLY_TURNS] += done;
	worker->outcome->tally[TALLY_TRIES] += tries;
	return done;
}
#define STAMP_LOOP turns
#include "../subject/stamp_locks.h"

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct shared *shared = trial->region;

	if (shared->turn != sm_trial_ops(trial) || sm_trial_tally(trial, TALLY_TURNS) != shared->turn)
		return sm_fail(err, EILSEQ, "the lock changed hands %lu times in %lu operations", shared->turn,
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	value[0] = (double)sm_trial_tally(trial, TALLY_TRIES) / (double)sm_trial_ops(trial);
}

static const struct sm_variant variants[] = {
#define LOCKS_OWN
#define LOCK LOCK_VARIANT
#include "../subject/locks.def"
	{ 0 },
};
static const struct sm_plug plugs[] = LOCK_PLUGS;

const struct sm_scenario sm_scenario_lock_handoff = {
	.name = "lock_handoff",
	.family = "sync",
	.question = "How long does a lock take from one process to the other?",
	.summary = "Two processes take a lock strictly in turn.",
	.why = "The lock's line goes to the other core, the line of what it guards after it, and "
	       "where the other one sleeps, so does a wake-up: that is most of the time then. "
	       "Context switches an operation tell the two apart. A lock that is not fair is "
	       "often taken back by the one who just gave it away.",
	.variants = variants,
	.plugs = plugs,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per turn of both", "ns/op" },
	.more = { { "acquisitions per turn", "1" } },
	.transfers_per_op = 2,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.setup = setup,
	.warm_up = warm_up,
	.run = turns_run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
