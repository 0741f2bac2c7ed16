/* Question: how far apart must two counters be?
 * Method:   each of two processes writes to its own 4-byte counter; the counters are 4, 8, 16 ... 512 bytes apart. A
 *           slice visits all distances, each time starting with another one, and both processes meet before each
 *           distance.  The medians over the slices fall from the level of one line to the level of two.  The line
 *           size is the smallest distance from which on the time is nearer (in ratio) to the lower level.  Each
 *           slice works on another copy of the counters (replicas.h).
 * Not shown: more than two processes; how the adjacent-line prefetcher affects readers.
 * Cost of the loop: atomic_add: one lock add and the loop counter.  load_store: a load, an addition, a store, the
 *           loop counter.  Two readings of the clock per distance, for thousands of operations. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "../subject/line_events.h"
#include "../subject/meet.h"
#include "../subject/replicas.h"
#include "shmeter/scenario.h"

enum way { ATOMIC_ADD, LOAD_STORE };

#define DISTANCES   8u
#define FARTHEST    512u /* bytes: 4 << 7; no CPU has longer lines */
#define COPY_BYTES  (FARTHEST + SM_LINE_PAIR)
#define ROUNDS_KEPT 256u /* slices that are recorded; later ones overwrite the oldest */
/* The smallest ratio between the two levels: below it there is no step to find. */
#define STEP_MIN 1.5

enum { MORE_LINE, MORE_OVER_LINE, MORE_STEP, MORE_ONE_LINE_NS, MORE_TWO_LINES_NS, MORE_REPORTED };

/* A worker's results: nanoseconds per operation for each distance in each slice.  Only this worker writes them. */
struct told {
	unsigned rounds;
	double ns[ROUNDS_KEPT][DISTANCES];
};

struct shared {
	struct meet meet[2];
	struct told told[2];
	uint64_t line_bytes; /* from hwloc; 0: unknown */
};

struct state {
	struct replica_turn turn;
	uint64_t number; /* of the last meeting */
};

static uint64_t distance_of(unsigned index)
{
	return (uint64_t)4 << index;
}

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return REPLICAS * replica_stride(COPY_BYTES) + sizeof(struct shared);
}

static struct shared *shared_of(void *region)
{
	return (struct shared *)(void *)((char *)region + REPLICAS * replica_stride(COPY_BYTES));
}

/* Worker 0's counter is the same at all distances. */
static _Atomic uint32_t *counter_of(void *region, uint64_t copy, unsigned worker, unsigned index)
{
	return (_Atomic uint32_t *)(void *)((char *)replica_of(region, COPY_BYTES, copy) + worker * distance_of(index));
}

/* The line size of the nearest cache is stored here, because the parent, which compares, has no topology. */
static int warm_up(struct sm_worker *worker)
{
	struct sm_cache nearest = { 0 };

	if (worker->index == 0 && sm_topology_caches(worker->mapping->topology, &nearest, 1) > 0)
		shared_of(worker->region)->line_bytes = nearest.line_bytes;
	return 0;
}

static void write_to(enum way way, _Atomic uint32_t *counter, uint64_t n)
{
	/* relaxed: each counter has one writer, and is read after the workers ended. */
	if (way == ATOMIC_ADD)
		for (uint64_t i = 0; i < n; i++)
			atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	else
		for (uint64_t i = 0; i < n; i++)
			atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
					      memory_order_relaxed);
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	struct shared *shared = shared_of(worker->region);
	struct told *told = &shared->told[worker->index];
	enum way way = (enum way)sm_case_variant(worker->c)->arg;
	uint64_t turn = state->turn.calls++, n = worker->op_count;
	double *ns = told->ns[told->rounds % ROUNDS_KEPT];

	for (unsigned i = 0; i < DISTANCES; i++) {
		unsigned index = (unsigned)((turn + i) % DISTANCES);
		_Atomic uint32_t *counter = counter_of(worker->region, turn, worker->index, index);
		uint64_t start_ns, taken_ns;

		meet_tell(&shared->meet[worker->index], ++state->number);
		if (!meet_await(&shared->meet[!worker->index], state->number, worker->abort))
			return 0;
		start_ns = sm_clock_ns();
		write_to(way, counter, n);
		taken_ns = sm_clock_ns() - start_ns;
		worker->time_ns += taken_ns;
		if (n > 0)
			ns[index] = (double)taken_ns / (double)n;
	}
	told->rounds += n > 0;
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	for (unsigned w = 0; w < 2; w++)
		for (unsigned index = 0; index < (w == 0 ? 1 : DISTANCES); index++) {
			uint64_t want = trial->outcome[w]->ops * (w == 0 ? DISTANCES : 1), sum = 0;

			for (unsigned copy = 0; copy < REPLICAS; copy++)
				sum += atomic_load(counter_of(trial->region, copy, w, index));
			if (sum != want)
				return sm_fail(err, EILSEQ, "worker %u's counter is %lu after %lu operations", w, sum,
					       want);
		}
	return 0;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median over the slices of the slower worker's time at a distance; NaN: no slice. */
static double median_at(const struct shared *shared, unsigned index)
{
	double ns[ROUNDS_KEPT];
	unsigned rounds =
		shared->told[0].rounds < shared->told[1].rounds ? shared->told[0].rounds : shared->told[1].rounds;

	if (rounds > ROUNDS_KEPT)
		rounds = ROUNDS_KEPT;
	for (unsigned i = 0; i < rounds; i++)
		ns[i] = fmax(shared->told[0].ns[i][index], shared->told[1].ns[i][index]);
	if (rounds == 0)
		return (double)NAN;
	qsort(ns, rounds, sizeof(*ns), by_value);
	return ns[rounds / 2];
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct shared *shared = shared_of(trial->region);
	double reported = shared->line_bytes ? (double)shared->line_bytes : (double)NAN;
	double ns[DISTANCES], step, between;
	unsigned from = DISTANCES - 1;

	for (unsigned i = 0; i < DISTANCES; i++)
		ns[i] = median_at(shared, i);
	step = ns[0] / ns[DISTANCES - 1];
	between = sqrt(ns[0] * ns[DISTANCES - 1]);
	while (from > 0 && ns[from - 1] < between)
		from--;
	value[MORE_LINE] = step >= STEP_MIN ? (double)distance_of(from) : (double)NAN;
	value[MORE_OVER_LINE] = value[MORE_LINE] / reported;
	value[MORE_STEP] = step;
	value[MORE_ONE_LINE_NS] = ns[0];
	value[MORE_TWO_LINES_NS] = ns[DISTANCES - 1];
	value[MORE_REPORTED] = reported;
}

static const struct sm_variant variants[] = {
	{ .name = "atomic_add", .summary = "atomic additions", .arg = ATOMIC_ADD },
	{ .name = "load_store", .summary = "loads and stores, not atomic", .arg = LOAD_STORE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "C4",
	  .text = "Counters stop disturbing each other exactly at the line size that hwloc reports",
	  .source = "cache coherence works on lines; the adjacent-line prefetcher is said to double them",
	  SM_METRIC("atomic_add", "line size found over line size reported", .min = 1, .max = 1),
	  .at = "placement=near cores=different",
	  .needs = "two cores, as between the threads of one, which share its cache, no step may show, "
		   "and a line size that hwloc knows" },
	{ 0 },
};

const struct sm_scenario sm_scenario_line_stride = {
	.name = "line_stride",
	.family = "coherence",
	.question = "How far apart must two counters be?",
	.summary = "Two counters 4 to 512 bytes apart, a writer each.",
	.why = "Two counters disturb each other as long as they lie in one line, whatever the "
	       "distance in bytes. The step from dear to cheap is therefore the size of what the "
	       "caches hand over; a step at two lines would be the adjacent-line prefetcher.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	.metric = { "time per operation at all distances", "ns/op" },
	.more = { { "line size found", "B" },
		  { "line size found over line size reported", "1" },
		  { "one line over two", "1" },
		  { "time in one line", "ns" },
		  { "time in two lines", "ns" },
		  { "line size reported", "B" } },
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.events = LINE_EVENTS,
	.state_bytes = sizeof(struct state),
	.self_timed = true,
	.region_bytes = region_bytes,
	.supported = meet_supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
