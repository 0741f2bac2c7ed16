/* Question: how much does a writer of a line slow down its readers?
 * Method:   worker 0 is the writer, the others read.  Variants: each reads a line of its own (`own_line`), all read
 *           one that nobody writes (`unwritten`; worker 0 reads it too), or one that worker 0 writes with a pause of
 *           10 us, of 1 us, or none.  The time of the readers counts; the writer continues until all readers are
 *           done.  Each slice works on another copy (replicas.h).
 * Not shown: several writers; readers that do other work between two reads.
 * Cost of the loop: a load, a comparison with the value read before, and the loop counter.  The loads are
 *           independent, so a core has several under way.  The pause of the writer reads the clock, which takes 20
 *           to 40 ns. */
#include <errno.h>
#include <stdalign.h>

#include "../subject/line_events.h"
#include "../subject/meet.h"
#include "../subject/replicas.h"
#include "shmeter/scenario.h"

enum { TALLY_READS, TALLY_BACKWARDS, TALLY_WRITES };

/* variant->arg: the writer's pause in ns, or one of these */
#define OWN_LINE  UINT64_MAX
#define UNWRITTEN (UINT64_MAX - 1)

/* The writes between two checks of the readers when there is no pause. */
#define BURST 64

struct copy {
	alignas(SM_LINE_PAIR) _Atomic uint64_t line; /* all workers read this */
	struct {
		alignas(SM_LINE_PAIR) _Atomic uint64_t line;
	} own[];
};

struct state {
	struct replica_turn turn;
	uint64_t round;
};

static size_t copy_bytes(const struct sm_case *c)
{
	return sizeof(struct copy) + (size_t)c->workers * SM_LINE_PAIR;
}

static size_t region_bytes(const struct sm_case *c)
{
	return REPLICAS * replica_stride(copy_bytes(c)) + c->workers * sizeof(struct meet);
}

/* One per worker: the last round whose reads are done. */
static struct meet *meets_of(const struct sm_case *c, void *region)
{
	return (struct meet *)(void *)((char *)region + REPLICAS * replica_stride(copy_bytes(c)));
}

static bool has_no_writer(const struct sm_case *c)
{
	uint64_t arg = sm_case_variant(c)->arg;

	return arg == OWN_LINE || arg == UNWRITTEN;
}

/* relaxed: the number is the only data. */
static uint64_t read_line(struct sm_worker *worker, const _Atomic uint64_t *line)
{
	uint64_t n = worker->op_count, last = 0, backwards = 0;
	uint64_t start_ns = sm_clock_ns();

	for (uint64_t i = 0; i < n; i++) {
		uint64_t value = atomic_load_explicit(line, memory_order_relaxed);

		backwards += value < last;
		last = value;
	}
	worker->time_ns += sm_clock_ns() - start_ns;
	worker->outcome->tally[TALLY_READS] += n;
	worker->outcome->tally[TALLY_BACKWARDS] += backwards;
	return n;
}

static bool all_through(const struct sm_worker *worker, struct meet *meets, uint64_t round)
{
	for (unsigned i = 1; i < worker->c->workers; i++)
		if (atomic_load_explicit(&meets[i].word, memory_order_relaxed) < round)
			return false;
	return true;
}

/* Writes until all readers are done, at least once. */
static bool write_line(struct sm_worker *worker, struct meet *meets, _Atomic uint64_t *line, uint64_t round)
{
	uint64_t pause_ns = sm_case_variant(worker->c)->arg, next_ns = 0, writes = 0;
	uint64_t value = atomic_load_explicit(line, memory_order_relaxed);

	do {
		if (atomic_load_explicit(worker->abort, memory_order_relaxed))
			return false;
		if (pause_ns > 0) {
			uint64_t now_ns = sm_clock_ns();

			if (now_ns < next_ns)
				continue;
			next_ns = now_ns + pause_ns;
		}
		for (unsigned i = 0; i < (pause_ns ? 1 : BURST); i++, writes++)
			atomic_store_explicit(line, ++value, memory_order_relaxed);
	} while (!all_through(worker, meets, round));
	worker->outcome->tally[TALLY_WRITES] += writes;
	return true;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	struct meet *meets = meets_of(worker->c, worker->region);
	struct copy *copy = replica_of(worker->region, copy_bytes(worker->c), state->turn.calls++);
	uint64_t round = ++state->round, n = worker->op_count;

	if (has_no_writer(worker->c))
		return read_line(worker, sm_case_variant(worker->c)->arg == OWN_LINE ? &copy->own[worker->index].line
										     : &copy->line);
	if (worker->index == 0) {
		if (!write_line(worker, meets, &copy->line, round))
			return 0;
		worker->outcome->tally[TALLY_READS] +=
			n; /* the reads of the other workers, for which this one waited */
		return n;
	}
	n = read_line(worker, &copy->line);
	meet_tell(&meets[worker->index], round);
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t writes = trial->outcome[0]->tally[TALLY_WRITES], seen = 0;

	for (unsigned i = 0; i < trial->c->workers; i++) {
		const struct sm_outcome *outcome = trial->outcome[i];

		if (outcome->tally[TALLY_READS] != outcome->ops || outcome->tally[TALLY_BACKWARDS])
			return sm_fail(err, EILSEQ, "worker %u did %lu of %lu reads, and %lu went backwards", i,
				       outcome->tally[TALLY_READS], outcome->ops, outcome->tally[TALLY_BACKWARDS]);
	}
	for (unsigned copy = 0; copy < REPLICAS; copy++)
		seen += atomic_load(&((struct copy *)replica_of(trial->region, copy_bytes(trial->c), copy))->line);
	if (seen != writes || (writes > 0) == has_no_writer(trial->c))
		return sm_fail(err, EILSEQ, "the lines hold %lu writes and %lu were made", seen, writes);
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "unwritten", .summary = "all read one line that nobody writes", .arg = UNWRITTEN },
	{ .name = "own_line", .summary = "each reads a line of its own", .arg = OWN_LINE },
	{ .name = "written_10us", .summary = "written every 10 us", .arg = 10000 },
	{ .name = "written_1us", .summary = "written every microsecond", .arg = 1000 },
	{ .name = "written", .summary = "written without a pause", .arg = 0 },
	{ 0 },
};

#define C7 "cache coherence: a line that nobody writes may be in any number of caches"
#define AT "processes<=1xPU placement=near cores=different"
#define READERS(id_, variant, base, words, source_, ...)                                                               \
	{                                                                                                              \
		.id = id_, .text = "Readers of " words, .source = source_, SM_RATIO(variant, base, __VA_ARGS__),       \
		.at = AT, .needs = "a core for each process"                                                           \
	}

static const struct sm_claim claims[] = {
	READERS("C7a", "unwritten", "own_line",
		"one unwritten line scale: reading it costs what a line of one's own does, within 10 %", C7,
		.min = 1 / 1.1, .max = 1.1),
	READERS("C7b", "written", "unwritten", "a line that is written all the time pay at least twice as much", C7,
		.min = 2),
	READERS("C7c", "written_10us", "unwritten",
		"a line that is written once in 10 us do not notice it, within 10 %",
		"popular belief: read-mostly data may share a line with what changes rarely", .min = 1 / 1.1,
		.max = 1.1),
	{ 0 },
};

const struct sm_scenario sm_scenario_read_mostly = {
	.name = "read_mostly",
	.family = "coherence",
	.question = "What do readers of a line pay for its writer?",
	.summary = "One writer at several rates, and readers.",
	.why = "A line that nobody writes lies in every reader's cache, and a load of it is "
	       "a hit. Each write takes all those copies away, and each reader fetches the "
	       "line again: the readers pay once a write, not once a read, so the writer's "
	       "pause sets the price.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "processes",
		      .unit = "1",
		      .summary = "the writer and its readers",
		      .quick = SM_VALUES(2),
		      .standard = SM_SWEEP((2, 4), SM_TIMES_PUS(1)),
		      .full = SM_SWEEP((2, 4, 8, 16), SM_DOUBLING, SM_TIMES_PUS(1)),
		      .min = 2,
		      .max = 4096 } },
	.workers_param = "processes",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	.metric = { "time per read", "ns/op" },
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.events = LINE_EVENTS,
	.state_bytes = sizeof(struct state),
	.self_timed = true,
	.region_bytes = region_bytes,
	.supported = meet_supported,
	.run = run,
	.verify = verify,
};
