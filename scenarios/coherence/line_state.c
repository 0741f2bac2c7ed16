/* Question: what does an access cost by the state of its line, in this core's cache and in another's?
 * Method:   the processes first bring 128 lines into a state (M, E, S or I of MESI): they write, read or flush the
 *           lines in a fixed sequence for each variant.  Then worker 0 alone passes over the lines in a scattered
 *           order, and this pass is timed.  Loads form a dependent chain.  A store is an atomic exchange followed by
 *           a barrier, so that it is complete before the next one begins; a plain store would not be.  The lines lie
 *           on four pages that are fresh in every trial.
 * Not shown: the time that a plain store hides in the store buffer (`store` of false_sharing); states of a line in a
 *           cache that no process uses; O of MOESI and F of MESIF, which a program cannot distinguish from S.
 * Cost of the loop: load: the load and a mask.  store: a locked exchange, a load of the next index from a table in
 *           the L1 cache, and an lfence (dsb): 10 ns if the line is in this core's cache.  A pass reads the clock
 *           twice, 0.2 to 0.3 ns per access. */
#include <errno.h>
#include <stdalign.h>

#include "../subject/line_events.h"
#include "../subject/meet.h"
#include "shmeter/scenario.h"

enum op { OP_LOAD, OP_STORE };
enum { PARAM_OP };
enum { TALLY_ACCESSES, TALLY_WRONG, TALLY_PASSES };
enum state_of { HERE_M, HERE_E, HERE_S, NOWHERE, THERE_M, THERE_E, THERE_S };

/* Half of a 32 KiB L1 cache; with lines of 64 bytes they use half of its sets. */
#define LINES   128u
#define WORKERS 3u /* at most: S in other caches needs two sharers besides worker 0 */
#define NEXT    0xffu

/* What a step of the preparation does, and which worker does it. */
enum step { STEP_END, STEP_FLUSH, STEP_READ, STEP_WRITE };
static const struct {
	enum step step;
	unsigned worker;
} preparation[][4] = {
	[HERE_M] = { { STEP_FLUSH, 0 }, { STEP_WRITE, 0 } },
	[HERE_E] = { { STEP_FLUSH, 0 }, { STEP_READ, 0 } },
	[HERE_S] = { { STEP_FLUSH, 0 }, { STEP_READ, 0 }, { STEP_READ, 1 } },
	[NOWHERE] = { { STEP_FLUSH, 0 } },
	[THERE_M] = { { STEP_FLUSH, 0 }, { STEP_WRITE, 1 } },
	[THERE_E] = { { STEP_FLUSH, 0 }, { STEP_READ, 1 } },
	[THERE_S] = { { STEP_FLUSH, 0 }, { STEP_READ, 1 }, { STEP_READ, 2 } },
};

struct line {
	/* low byte: index of the next line; above it: the number of the last store */
	alignas(SM_LINE_PAIR) _Atomic uint64_t word;
};

struct shared {
	struct line line[LINES];
	struct meet meet[WORKERS]; /* steps done by each worker */
};

struct state {
	uint64_t steps;      /* of all workers together */
	uint64_t stores;     /* number of the last pass that stored */
	uint8_t next[LINES]; /* the order of the chain, as in the lines */
	uint64_t sink;       /* keeps the loads of the preparation */
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct shared);
}

/* complete(): waits until the access is complete before the next one begins.  Without it a Zen 5 overlaps the
 * exchanges of several Shared lines: each reads its local copy and waits for ownership later. */
#if defined(__x86_64__) || defined(__i386__)
static inline void complete(void)
{
	__builtin_ia32_lfence();
}
#elif defined(__aarch64__)
static inline void complete(void)
{
	__asm__ volatile("dsb ish" ::: "memory");
}
#else
static inline void complete(void)
{
}
#endif

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (!SM_HAS_CACHE_FLUSH)
		return sm_fail(why, ENOTSUP,
			       "this CPU has no instruction that flushes a line without privilege: "
			       "run it on x86-64 or aarch64");
	return meet_supported(c, why);
}

/* One cycle through all lines, scattered so that no prefetcher follows it. */
static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;
	struct state *state = trial->state;
	uint8_t order[LINES];
	uint64_t random = trial->seed | 1;

	(void)err;
	for (unsigned i = 0; i < LINES; i++)
		order[i] = (uint8_t)i;
	for (unsigned i = LINES - 1; i > 0; i--) {
		random = random * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
		unsigned j = (unsigned)((random >> 33) % (i + 1));
		uint8_t kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
	for (unsigned i = 0; i < LINES; i++) {
		state->next[order[i]] = order[(i + 1) % LINES];
		atomic_store(&shared->line[order[i]].word, order[(i + 1) % LINES]);
	}
	return 0;
}

static void do_step(enum step step, struct shared *shared, struct state *state)
{
	uint64_t sum = 0;
	unsigned at = 0;

	/* In the order of the chain: a sequential pass would make the prefetcher fetch further lines. */
	for (unsigned i = 0; i < LINES; i++, at = state->next[at]) {
		_Atomic uint64_t *word = &shared->line[at].word;

		if (step == STEP_FLUSH)
			sm_cache_flush_line(word);
		else if (step == STEP_READ)
			sum += atomic_load_explicit(word, memory_order_relaxed);
		else
			atomic_store_explicit(word, atomic_load_explicit(word, memory_order_relaxed),
					      memory_order_relaxed);
	}
	if (step == STEP_FLUSH)
		sm_cache_flushed();
	atomic_thread_fence(memory_order_seq_cst);
	state->sink += sum;
}

/* All workers go through the steps; each waits for the step before its own.  False: aborted. */
static bool prepare(struct sm_worker *worker, enum state_of wanted)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	unsigned last = 0;

	for (unsigned i = 0; preparation[wanted][i].step != STEP_END; i++) {
		unsigned who = preparation[wanted][i].worker;

		state->steps++;
		if (who == worker->index) {
			if (i > 0 && last != who && !meet_await(&shared->meet[last], state->steps - 1, worker->abort))
				return false;
			do_step(preparation[wanted][i].step, shared, state);
			meet_tell(&shared->meet[who], state->steps);
		}
		last = who;
	}
	return last == worker->index || meet_await(&shared->meet[last], state->steps, worker->abort);
}

/* The timed passes: `n` lines starting at line 0.  They return the index where they ended. */
static unsigned load_pass(struct shared *shared, unsigned n)
{
	uint64_t at = 0;

	for (unsigned i = 0; i < n; i++)
		at = atomic_load_explicit(&shared->line[at].word, memory_order_relaxed) & NEXT;
	return (unsigned)at;
}

static unsigned store_pass(struct shared *shared, const struct state *state, unsigned n)
{
	uint64_t at = 0, stamp = state->stores << 8;

	for (unsigned i = 0; i < n; i++) {
		at = atomic_exchange_explicit(&shared->line[at].word, stamp | state->next[at], memory_order_relaxed) &
		     NEXT;
		complete();
	}
	return (unsigned)at;
}

/* Counts errors of the pass: lines without its number, and an end that is not where the chain leads. */
static unsigned wrong(struct shared *shared, const struct state *state, unsigned n, unsigned end, bool stored)
{
	unsigned at = 0, count = 0;

	for (unsigned i = 0; i < n; i++, at = state->next[at])
		count += stored &&
			 atomic_load_explicit(&shared->line[at].word, memory_order_relaxed) >> 8 != state->stores;
	return count + (at != end);
}

static void timed_pass(struct sm_worker *worker, unsigned n)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	bool store = worker->c->param[PARAM_OP] == OP_STORE;
	uint64_t start_ns;
	unsigned end;

	state->stores += store;
	start_ns = sm_clock_ns();
	end = store ? store_pass(shared, state, n) : load_pass(shared, n);
	worker->time_ns += sm_clock_ns() - start_ns;
	worker->outcome->tally[TALLY_ACCESSES] += n;
	worker->outcome->tally[TALLY_WRONG] += wrong(shared, state, n, end, store);
}

/* All workers meet at the end of a pass, so that the next preparation cannot begin during it. */
static uint64_t run(struct sm_worker *worker)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	enum state_of wanted = (enum state_of)sm_case_variant(worker->c)->arg;

	for (uint64_t done = 0; done < worker->op_count; done += LINES) {
		uint64_t left = worker->op_count - done;

		if (!prepare(worker, wanted))
			return done;
		state->steps++;
		if (worker->index == 0) {
			timed_pass(worker, left < LINES ? (unsigned)left : LINES);
			meet_tell(&shared->meet[0], state->steps);
		} else if (!meet_await(&shared->meet[0], state->steps, worker->abort)) {
			return done;
		}
		worker->outcome->tally[TALLY_PASSES]++;
	}
	return worker->op_count;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *first = trial->outcome[0];

	if (first->tally[TALLY_ACCESSES] != first->ops || first->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu accesses for %lu operations, %lu of them wrong",
			       first->tally[TALLY_ACCESSES], first->ops, first->tally[TALLY_WRONG]);
	for (unsigned i = 1; i < trial->c->workers; i++)
		if (trial->outcome[i]->tally[TALLY_PASSES] != first->tally[TALLY_PASSES])
			return sm_fail(err, EILSEQ, "worker %u prepared %lu of %lu passes", i,
				       trial->outcome[i]->tally[TALLY_PASSES], first->tally[TALLY_PASSES]);
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "here_m", .summary = "modified by this core", .arg = HERE_M },
	{ .name = "here_e", .summary = "exclusive to this core, clean", .arg = HERE_E },
	{ .name = "here_s", .summary = "shared by this core and another", .arg = HERE_S },
	{ .name = "nowhere", .summary = "invalid in all caches: in memory", .arg = NOWHERE },
	{ .name = "there_m", .summary = "invalid here, modified by another core", .arg = THERE_M },
	{ .name = "there_e", .summary = "invalid here, exclusive to another core", .arg = THERE_E },
	{ .name = "there_s", .summary = "invalid here, shared by two others", .arg = THERE_S, .workers = WORKERS },
	{ 0 },
};

#define C8 "MESI: a write needs the only copy, and a Shared line has others to invalidate"
#define SHARED(id_, op, other, words, source_, ...)                                                                    \
	{                                                                                                              \
		.id = id_, .text = words, .source = source_, SM_RATIO("here_s", other, __VA_ARGS__),                   \
		.at = "op=" op " placement=near cores=different", .needs = "two cores"                                 \
	}

static const struct sm_claim claims[] = {
	SHARED("C8a", "store", "here_m", "A store to a Shared line costs more than one to a Modified line", C8,
	       .min = 1),
	SHARED("C8b", "store", "here_e", "A store to a Shared line costs more than one to an Exclusive line", C8,
	       .min = 1),
	SHARED("C8c", "load", "here_m",
	       "A load from a Shared line costs what one from a Modified line does, within 10 %", "MESI: both are hits",
	       .min = 1 / 1.1, .max = 1.1),
	{ 0 },
};

static const char *const op_labels[] = { "load", "store", NULL };

const struct sm_scenario sm_scenario_line_state = {
	.name = "line_state",
	.family = "coherence",
	.question = "What does an access cost by the state of its line?",
	.summary = "Loads and stores to lines that are M, E, S, I here and M, E, S elsewhere.",
	.why = "Before a core may store to a line, every other copy of it has to be given "
	       "up, and the store is over when the answers are in; a load of a line that another core "
	       "modified has to come out of that core's cache. What is already this core's "
	       "own alone (M, E) needs neither. Both ask elsewhere: whether a store to a Shared line takes "
	       "longer than one to a line that another core modified is a matter of the CPU.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "op",
		      .unit = "1",
		      .summary = "the access that is timed",
		      .labels = op_labels,
		      .quick = SM_VALUES(OP_LOAD, OP_STORE) } },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	.metric = { "time per access", "ns/op" },
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.events = LINE_EVENTS,
	.state_bytes = sizeof(struct state),
	.self_timed = true,
	.region_bytes = region_bytes,
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = verify,
};
