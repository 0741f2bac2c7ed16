/* Question: can two processes both read the old value of what the other has just written?
 * Method:   the litmus test of store buffers: process 0 stores to x and loads y, process 1 stores to y and loads x.
 *           In every interleaving of the four accesses at least one load sees a store.  A machine with store buffers
 *           allows that neither load sees one.  The two processes meet before each try; each try in a batch has its
 *           own lines.
 * Not shown: other litmus tests (message_passing).
 * Cost of the loop: a meeting costs a round trip on a line; only the store and the load between meetings matter. */
#include <errno.h>
#include <stdalign.h>

#include "shmeter/scenario.h"

enum way { RELAXED, FENCED, SEQ_CST };
enum { TALLY_TRIES, TALLY_BOTH_OLD };
#define BATCH 64u

struct slot {
	alignas(SM_LINE_PAIR) _Atomic uint64_t word;
};

struct shared {
	alignas(SM_LINE_PAIR) _Atomic uint64_t at_0; /* number of meetings that each process reached */
	alignas(SM_LINE_PAIR) _Atomic uint64_t at_1;
	struct slot slot[2][BATCH];
	struct {
		alignas(SM_LINE_PAIR) _Atomic uint64_t saw[BATCH];
	} result[2];
};

struct state {
	uint64_t met; /* number of meetings, over all slices */
	uint64_t try;
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct shared);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "one PU sees its own stores in order: what is asked needs two, choose "
			       "--placement near on a machine that has them");
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;

	(void)err;
	for (unsigned i = 0; i < 2 * BATCH; i++) /* so that nothing is counted before the first try */
		atomic_store(&shared->result[i / BATCH].saw[i % BATCH], 1);
	return 0;
}

static inline bool meet(struct sm_worker *worker, struct shared *shared, struct state *state)
{
	_Atomic uint64_t *own = worker->index == 0 ? &shared->at_0 : &shared->at_1;
	_Atomic uint64_t *other = worker->index == 0 ? &shared->at_1 : &shared->at_0;

	/* release and acquire: each process sees after the meeting what the other did before it. */
	atomic_store_explicit(own, ++state->met, memory_order_release);
	for (unsigned turns = 0; atomic_load_explicit(other, memory_order_acquire) < state->met;) {
		if ((++turns & 1023u) == 0 && atomic_load_explicit(worker->abort, memory_order_relaxed))
			return false;
	}
	return true;
}

static inline __attribute__((always_inline)) uint64_t look(enum way way, _Atomic uint64_t *mine,
							   _Atomic uint64_t *theirs, uint64_t mark)
{
	if (way == SEQ_CST) {
		atomic_store_explicit(mine, mark, memory_order_seq_cst);
		return atomic_load_explicit(theirs, memory_order_seq_cst);
	}
	atomic_store_explicit(mine, mark, memory_order_relaxed);
	if (way == FENCED)
		atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(theirs, memory_order_relaxed);
}

static inline __attribute__((always_inline)) uint64_t tries(struct sm_worker *worker, enum way way)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	unsigned me = worker->index;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		/* A slot that is used again has another mark, so it needs no clearing. */
		uint64_t mark = ++state->try, slot = mark % BATCH, seen;

		if (!meet(worker, shared, state))
			return i;
		seen = look(way, &shared->slot[me][slot].word, &shared->slot[1 - me][slot].word, mark);
		atomic_store_explicit(&shared->result[me].saw[slot], seen == mark, memory_order_relaxed);
		tally[TALLY_TRIES]++;
		if (slot != BATCH - 1 && i + 1 < n)
			continue;
		/* The batch is full or the slice is over: compare what the two processes saw. */
		if (!meet(worker, shared, state))
			return i;
		for (uint64_t s = 0; me == 0 && s <= slot; s++)
			tally[TALLY_BOTH_OLD] +=
				!atomic_load_explicit(&shared->result[0].saw[s], memory_order_relaxed) &&
				!atomic_load_explicit(&shared->result[1].saw[s], memory_order_relaxed);
		if (!meet(worker, shared, state))
			return i;
		for (uint64_t s = 0; s <= slot; s++) /* so that each try is counted once */
			atomic_store_explicit(&shared->result[me].saw[s], 1, memory_order_relaxed);
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	switch ((enum way)sm_case_variant(worker->c)->arg) {
	case RELAXED: return tries(worker, RELAXED);
	case FENCED: return tries(worker, FENCED);
	default: return tries(worker, SEQ_CST);
	}
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_TRIES) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu tries in %lu operations", sm_trial_tally(trial, TALLY_TRIES),
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	value[0] = (double)trial->outcome[0]->tally[TALLY_BOTH_OLD];
	value[1] = (double)trial->outcome[0]->tally[TALLY_TRIES];
}

static const struct sm_variant variants[] = {
	{ .name = "relaxed", .summary = "relaxed stores and loads", .arg = RELAXED },
	{ .name = "fence", .summary = "a seq_cst fence between them", .arg = FENCED },
	{ .name = "seq_cst", .summary = "seq_cst stores and loads", .arg = SEQ_CST },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K3",
	  .text = "With relaxed accesses both processes can read the old value: the stores waited",
	  .source = "P. Sewell et al., x86-TSO, CACM 2010",
	  SM_METRIC("relaxed", "both read the old value", .min = 1, .max = 1e18, .once = true) },
	{ .id = "K3.seq_cst",
	  .text = "With seq_cst accesses they never do",
	  .source = "C11, 7.17.3: one order of all of them",
	  SM_METRIC("seq_cst", "both read the old value", .max = 0),
	  .control = "K3" },
	{ .id = "K3.fence",
	  .text = "Nor with a seq_cst fence between store and load",
	  .source = "C11, 7.17.4",
	  SM_METRIC("fence", "both read the old value", .max = 0),
	  .control = "K3" },
	{ 0 },
};

const struct sm_scenario sm_scenario_store_buffering = {
	.name = "store_buffering",
	.family = "correctness",
	.question = "Can two processes both miss what the other has just written?",
	.summary = "The store-buffer litmus test between two processes.",
	.why = "A store waits in the core's store buffer until its line has come, and later "
	       "loads go past it. So both processes can load before the other's store is "
	       "anywhere but in a buffer. With seq_cst the load waits until the store is "
	       "out: on x86 the store itself empties the buffer.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SMT, SM_PLACE_CROSS_NODE },
	.metric = { "time per try", "ns/op" },
	.more = { { "both read the old value", "1" }, { "tries", "1" } },
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
