/* Question: what rate does a contended lock sustain, and how is it shared among the processes?
 * Method:   all processes take the lock, add to a counter under it, do some work inside and outside, and release it.
 *           Fairness is Jain's index of each process's acquisitions when the first one was done, averaged over the
 *           slices after the warm-up.  The longest wait comes from a traced stretch after the slices, in which each
 *           wait is timed.  A slice ends for all when the first process is done, so that nobody has the lock to
 *           itself.
 * Not shown: readers (read_side), strict alternation (lock_handoff).
 * Cost of the loop: an addition under the lock, a store of this worker's progress on a line of its own, and the
 *           requested work: dependent multiplications.  On shared PUs also a reading of the clock, which ends the
 *           slice for all at once. */
#include <math.h>

#include "../subject/locks.h"
#include "../subject/work.h"

enum { PARAM_PROCESSES, PARAM_INSIDE, PARAM_OUTSIDE };
enum { TALLY_TAKEN, TALLY_JAIN, TALLY_SLICES, TALLY_LONGEST_NS };

/* The low bits count acquisitions in a slice, the bits above hold the slice's number.  A worker that has not begun
 * the slice has an older number there. */
#define PROGRESS_BITS 40
#define WARM_UP       1u /* slice 0 is the rehearsal, which does nothing */

/* The longest round of a lock that passes from one spinning worker to the next in the queue: each passes it on when
 * its PU comes to it, after the workers that share the PU.  This many turns of the scheduler take seconds. */
#define TURNS_MAX 2048u

struct place {
	alignas(SM_LINE_PAIR) _Atomic uint64_t progress; /* written by its worker */
	alignas(SM_LINE_PAIR) ck_spinlock_mcs_context_t node;
};

struct shared {
	struct lock_shared lock;
	uint64_t count;                                  /* guarded by the lock, on its own line pair */
	alignas(SM_LINE_PAIR) _Atomic uint64_t finished; /* number of slices that some worker has finished */
	_Atomic uint64_t until[2]; /* when the slice of this parity ends; 0: nobody has begun it */
	struct place place[];
};

struct state {
	struct lock_own own;
	uint64_t slice;
};

static size_t region_bytes(const struct sm_case *c)
{
	return sizeof(struct shared) + c->workers * sizeof(struct place) + lock_plugin_bytes(c, c->workers);
}

/* Whether those who wait spin in a queue. */
static bool spins_in_queue(const struct sm_case *c)
{
	const struct sm_plugged *plugged = sm_case_variant(c)->plugged;

	return plugged ? plugged->traits & SHMETER_SPINS && plugged->traits & SHMETER_FIFO
		       : lock_of(c) == LOCK_ticket || lock_of(c) == LOCK_mcs;
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	unsigned in_turn = c->shared_pu ? (c->workers + c->pus - 1) / c->pus : 1;

	if (spins_in_queue(c) && in_turn > 1 && c->workers > TURNS_MAX / in_turn)
		return sm_fail(why, ENOTSUP,
			       "%u processes on %u PUs hand this lock on in the order of a queue, each when the "
			       "scheduler comes to it: one round would take many seconds; ask for fewer "
			       "(--set processes=...)",
			       c->workers, c->pus);
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;
	struct state *state = trial->state;

	return lock_setup(trial->c, &shared->lock, &state->own, &shared->place[trial->c->workers], err);
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

/* Jain's index, in millionths (see transport_fan_in), of the acquisitions of the workers in a slice. */
static void judge_fairness(struct sm_worker *worker, struct shared *shared, uint64_t slice)
{
	unsigned workers = worker->c->workers;
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < workers; i++) {
		uint64_t got = atomic_load_explicit(&shared->place[i].progress, memory_order_relaxed) -
			       (slice << PROGRESS_BITS);
		double share = got >> PROGRESS_BITS ? 0 : (double)got;

		sum += share;
		squares += share * share;
	}
	if (squares == 0) /* no acquisitions at all: that is not unfair */
		return;
	worker->outcome->tally[TALLY_JAIN] += (uint64_t)(1e6 * sum * sum / (workers * squares));
	worker->outcome->tally[TALLY_SLICES]++;
}

/* The time at which this slice ends for all: the first worker to begin the slice sets it.  Workers meet between
 * slices, so nobody can have begun the next slice, and its time may be cleared here.  Returns 0 if operations are
 * counted instead. */
static uint64_t end_of_slice(struct sm_worker *worker, uint64_t slice)
{
	struct shared *shared = worker->region;
	uint64_t none = 0, until;

	if (worker->slice_ns == 0)
		return 0;
	atomic_store(&shared->until[(slice + 1) % 2], 0);
	until = sm_clock_ns() + worker->slice_ns;
	return atomic_compare_exchange_strong(&shared->until[slice % 2], &none, until) ? until : none;
}

/* False: the worker has failed, so that a trial in which the lock could not be taken is an error. */
static ALWAYS_INLINE bool take_or_fail(struct sm_worker *worker, enum lock_kind kind)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;

	if (lock_take(kind, &shared->lock, &state->own))
		return true;
	if (!worker->failed)
		sm_worker_fail(worker, EIO,
			       "the lock cannot be taken: its owner died with it, or the system refuses it");
	return false;
}

static ALWAYS_INLINE uint64_t take_turns(struct sm_worker *worker, enum lock_kind kind)
{
	uint64_t inside = worker->c->param[PARAM_INSIDE], outside = worker->c->param[PARAM_OUTSIDE];
	struct shared *shared = worker->region;
	_Atomic uint64_t *progress = &shared->place[worker->index].progress;
	struct state *state = worker->state;
	uint64_t n = worker->op_count, x = 1, slice = state->slice++, i = 0, part;
	uint64_t until = end_of_slice(worker, slice), base = slice << PROGRESS_BITS, last = slice;

	atomic_store_explicit(progress, base, memory_order_relaxed);
	while ((part = sm_next_part(worker, i)) > 0)
		for (; part > 0; part--) {
			if (!take_or_fail(worker, kind))
				goto out;
			shared->count++;
			x = work(x, inside);
			lock_give(kind, &shared->lock, &state->own);
			x = work(x, outside);
			atomic_store_explicit(progress, base + ++i, memory_order_relaxed);
			if (until && sm_clock_ns() > until)
				goto out;
		}
out:
	worker->outcome->tally[TALLY_TAKEN] += i;
	/* The first worker to finish.  The rehearsal does nothing, but counts as a slice, too. */
	if (n > 0 && atomic_compare_exchange_strong(&shared->finished, &last, slice + 1)) {
		if (slice > WARM_UP)
			judge_fairness(worker, shared, slice);
	} else if (n == 0)
		atomic_store(&shared->finished, state->slice);
	return i;
}
#define STAMP_LOOP take_turns
#include "../subject/stamp_locks.h"

/* The same, with each wait timed. */
static ALWAYS_INLINE uint64_t stamped(struct sm_worker *worker, enum lock_kind kind)
{
	uint64_t inside = worker->c->param[PARAM_INSIDE], outside = worker->c->param[PARAM_OUTSIDE];
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	uint64_t n = worker->op_count, x = 1, i = 0, *tally = worker->outcome->tally;
	uint64_t until = worker->slice_ns ? end_of_slice(worker, state->slice++) : UINT64_MAX;

	for (uint64_t now = 0; i < n && now < until; i++) {
		uint64_t waited = sm_clock_ns();

		if (!take_or_fail(worker, kind))
			break;
		now = sm_clock_ns();
		waited = now - waited;
		shared->count++;
		x = work(x, inside);
		lock_give(kind, &shared->lock, &state->own);
		x = work(x, outside);
		sm_histogram_add(worker->histogram, waited);
		if (waited > tally[TALLY_LONGEST_NS])
			tally[TALLY_LONGEST_NS] = waited;
	}
	tally[TALLY_TAKEN] += i;
	return i;
}
#define STAMP_LOOP stamped
#include "../subject/stamp_locks.h"

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct shared *shared = trial->region;

	if (shared->count != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "the counter is %lu after %lu acquisitions", shared->count,
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	uint64_t slices = sm_trial_tally(trial, TALLY_SLICES), longest = 0;

	for (unsigned i = 0; i < trial->c->workers; i++)
		if (trial->outcome[i]->tally[TALLY_LONGEST_NS] > longest)
			longest = trial->outcome[i]->tally[TALLY_LONGEST_NS];
	value[0] = slices ? (double)sm_trial_tally(trial, TALLY_JAIN) / (double)slices / 1e6 : (double)NAN;
	value[1] = longest ? (double)longest : (double)NAN;
}

static const struct sm_variant variants[] = {
#define LOCKS_OWN
#define LOCK LOCK_VARIANT
#include "../subject/locks.def"
	{ 0 },
};
static const struct sm_plug plugs[] = LOCK_PLUGS;

#define COLLAPSES(id_, lock, words)                                                                                    \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "With four times as many processes as PUs " words                                              \
			" takes at least twice as long as a mutex that sleeps",                                        \
		.source = "popular belief: never spin when oversubscribed", SM_RATIO(lock, "mutex", .min = 2),         \
		.at = "processes=4xPU inside=0 outside=0 placement=near"                                               \
	}
static const struct sm_claim claims[] = {
	COLLAPSES("S2", "ticket", "a ticket lock"),
	COLLAPSES("S2.mcs", "mcs", "an MCS lock"),
	COLLAPSES("S2.tas", "tas", "a test-and-set lock"),
	COLLAPSES("S2.ttas", "ttas", "a test-and-test-and-set lock"),
	COLLAPSES("S2.pthread_spin", "pthread_spin", "a pthread spinlock"),
	{ 0 },
};

const struct sm_scenario sm_scenario_lock_throughput = {
	.name = "lock_throughput",
	.family = "sync",
	.question = "What do processes get through a lock that all want?",
	.summary = "All take one lock, work, and give it back.",
	.why = "Under contention a lock's price is the handing over: of its line and that of what it "
	       "guards between cores, or of the CPU between sleepers. Many switches an operation "
	       "mean sleeping; CPU time near processes times time means that nobody slept.",
	.claims = claims,
	.variants = variants,
	.plugs = plugs,
	.params = { { .name = "processes",
		      .unit = "1",
		      .summary = "that want the lock",
		      .quick = SM_VALUES(2),
		      .standard = SM_SWEEP((2), SM_TIMES_PUS(4)),
		      .full = SM_SWEEP((1, 2), SM_DOUBLING, SM_TIMES_PUS(4)),
		      .min = 1,
		      .max = 4096 },
		    { .name = "inside",
		      .unit = "multiplications",
		      .summary = "work under the lock",
		      .quick = SM_VALUES(0),
		      .full = SM_VALUES(0, 100, 1000),
		      .max = 1 << 30 },
		    { .name = "outside",
		      .unit = "multiplications",
		      .summary = "work without the lock",
		      .quick = SM_VALUES(0),
		      .full = SM_VALUES(0, 1000),
		      .max = 1 << 30 } },
	.workers_param = "processes",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_CROSS_NODE },
	.metric = { "time per acquisition of each process", "ns/op" },
	.more = { { "fairness between processes", "1" }, { "longest wait", "ns" } },
	.ends = SM_FIRST_DONE_OR_CLOCK,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = take_turns_run,
	.trace = stamped_run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
