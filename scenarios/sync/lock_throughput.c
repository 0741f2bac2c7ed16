/* Question: what do processes get through a lock that all want, and who gets how much?
 * Method:   all take the lock, add to a counter under it, work a little inside and outside, and give it back.  Fairness
 *           is Jain's index of what each got when the first was done, a mean over the slices after the warm-up; the
 *           longest wait is that of a stretch after the slices in which each wait is stamped.  A slice ends for all when
 *           the first is done, so that nobody has the lock to itself.
 * Not shown: readers (read_side), strict alternation (lock_handoff).
 * Cost of the loop: an addition under the lock, a store of this worker's progress on a line of its own, and the work
 *           asked for: dependent multiplications.  Where PUs are shared, a reading of the clock, which ends the slice
 *           for all at once. */
#include <math.h>

#include "../subject/locks.h"
#include "../subject/work.h"

enum { PARAM_PROCESSES, PARAM_INSIDE, PARAM_OUTSIDE };
enum { TALLY_TAKEN, TALLY_JAIN, TALLY_SLICES, TALLY_LONGEST_NS };

/* Acquisitions in a slice, with the slice's number above them: who has not begun a slice has none in it. */
#define PROGRESS_BITS 40
#define WARM_UP       1u /* slice 0 is the rehearsal, which does nothing */

/* Of a lock that goes from one that spins to the next in the queue, the longest round: each passes it on when its PU comes to
 * it, after those that it shares the PU with.  So many turns of the scheduler are seconds. */
#define TURNS_MAX 2048u

struct place {
	alignas(SM_LINE_PAIR) _Atomic uint64_t progress; /* its worker writes */
	alignas(SM_LINE_PAIR) ck_spinlock_mcs_context_t node;
};

struct shared {
	struct lock_shared lock;
	uint64_t count;                                  /* under the lock, on a line pair of its own */
	alignas(SM_LINE_PAIR) _Atomic uint64_t finished; /* number of the slice that one has finished */
	_Atomic uint64_t until[2]; /* when the slice with this parity ends; 0: nobody has begun it */
	struct place place[];
};

struct state {
	struct lock_own own;
	uint64_t slice;
};

static size_t region_bytes(const struct sm_case *c)
{
	return sizeof(struct shared) + c->workers * sizeof(struct place);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	enum lock_kind kind = lock_of(c);
	unsigned in_turn = c->shared_pu ? (c->workers + c->pus - 1) / c->pus : 1;

	if ((kind == LOCK_ticket || kind == LOCK_mcs) && in_turn > 1 && c->workers > TURNS_MAX / in_turn)
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

	return lock_open(lock_of(trial->c), &shared->lock, &state->own, err);
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	lock_close(&state->own);
}

static int warm_up(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	int rc = lock_attach(lock_of(worker->c), &state->own, &shared->place[worker->index].node);

	return rc < 0 ? sm_worker_fail(worker, -rc, "the lock's file cannot be opened") : 0;
}

/* Jain's index, in millionths (see transport_fan_in), of what each has got in a slice. */
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
	if (squares == 0) /* nobody got anything: that is not unfair */
		return;
	worker->outcome->tally[TALLY_JAIN] += (uint64_t)(1e6 * sum * sum / (workers * squares));
	worker->outcome->tally[TALLY_SLICES]++;
}

/* When this slice ends for all: the first to begin it says so.  Workers meet between slices, so that whoever begins one
 * may clear the next one's: nobody has begun that.  Returns 0 where operations are counted. */
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

/* False: the worker has failed, so that a trial whose lock was not to be had does not end well. */
static ALWAYS_INLINE bool take_or_fail(struct sm_worker *worker, enum lock_kind kind)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;

	if (lock_take(kind, &shared->lock, &state->own))
		return true;
	sm_worker_fail(worker, EIO, "the lock cannot be taken: its owner died with it, or the system refuses it");
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
	/* Whoever is first: the rehearsal, which does nothing, counts slices, too. */
	if (n > 0 && atomic_compare_exchange_strong(&shared->finished, &last, slice + 1)) {
		if (slice > WARM_UP)
			judge_fairness(worker, shared, slice);
	} else if (n == 0)
		atomic_store(&shared->finished, state->slice);
	return i;
}
#define STAMP_LOOP take_turns
#include "../subject/stamp_locks.h"

/* The same with every wait stamped. */
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
#define LOCK LOCK_VARIANT
#include "../subject/locks.def"
	{ 0 },
};

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
