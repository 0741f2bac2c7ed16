/* Question: how long does a line take from one core to another?
 * Method:   a process on each PU; two of them at a time play ping-pong through shared memory.  The slices of a trial
 *           measure one pair of a relation, each slice with another line (replicas.h).  Then the trial visits other
 *           pairs of that relation, until all ordered pairs were visited or the time is over (docs/adr/0023).  Half
 *           a round trip is one transfer: store, invalidation, load.
 * Not shown: transfers in one direction; a round trip cannot be split into its two directions.
 * Cost of the loop: a load and a comparison in each turn of the wait, without a pause, and a store. */
#include <errno.h>
#include <stdalign.h>

#include "../subject/line_events.h"
#include "../subject/meet.h"
#include "../subject/replicas.h"
#include "shmeter/scenario.h"

enum way { ONE_LINE, TWO_LINES };

/* A trial has fewer slices than in other scenarios, because it has a tour, too. */
#define SLICES 12

/* The leader stores odd numbers, the follower even ones. */
struct lines {
	alignas(SM_LINE_PAIR) _Atomic uint64_t leader; /* both write here in the variant with one line */
	alignas(SM_LINE_PAIR) _Atomic uint64_t follower;
};

struct state {
	struct replica_turn turn;
	uint64_t trips[REPLICAS];
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return REPLICAS * replica_stride(sizeof(struct lines));
}

/* relaxed is enough, as the number is the only data.  There is no pause, because it would be measured, too. */
static inline bool await(const _Atomic uint64_t *word, uint64_t value, const _Atomic uint32_t *abort)
{
	for (unsigned turns = 1; atomic_load_explicit(word, memory_order_relaxed) != value; turns++)
		if ((turns & 1023u) == 0 && atomic_load_explicit(abort, memory_order_relaxed))
			return false;
	return true;
}

/* Round trips from the number `value` on, which is even; returns how many. */
static uint64_t ping(_Atomic uint64_t *mine, const _Atomic uint64_t *other, uint64_t value, uint64_t trips,
		     const _Atomic uint32_t *abort)
{
	uint64_t done = 0;

	for (; done < trips; done++, value += 2) {
		atomic_store_explicit(mine, value + 1, memory_order_relaxed);
		if (!await(other, value + 2, abort))
			break;
	}
	return done;
}

static uint64_t pong(_Atomic uint64_t *mine, const _Atomic uint64_t *other, uint64_t value, uint64_t trips,
		     const _Atomic uint32_t *abort)
{
	uint64_t done = 0;

	for (; done < trips; done++, value += 2) {
		if (!await(other, value + 1, abort))
			break;
		atomic_store_explicit(mine, value + 2, memory_order_relaxed);
	}
	return done;
}

static uint64_t play(const struct sm_worker *worker, struct lines *lines, unsigned role, uint64_t value, uint64_t trips)
{
	bool two = sm_case_variant(worker->c)->arg == TWO_LINES;
	_Atomic uint64_t *follower = two ? &lines->follower : &lines->leader;

	return role == 0 ? ping(&lines->leader, follower, value, trips, worker->abort)
			 : pong(follower, &lines->leader, value, trips, worker->abort);
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t copy = state->turn.calls++ % REPLICAS, done;

	done = play(worker, replica_of(worker->region, sizeof(struct lines), copy), worker->index,
		    2 * state->trips[copy], worker->op_count);
	state->trips[copy] += done;
	return done;
}

/* The follower's last number is the one from which both go on: it is even, and the leader may have answered it. */
static uint64_t visit(const struct sm_worker *worker, void *area, unsigned role, uint64_t trips)
{
	struct lines *lines = area;
	bool two = sm_case_variant(worker->c)->arg == TWO_LINES;
	uint64_t last = atomic_load_explicit(two ? &lines->follower : &lines->leader, memory_order_relaxed);

	return play(worker, lines, role, last & ~(uint64_t)1, trips);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	bool two = sm_case_variant(trial->c)->arg == TWO_LINES;
	uint64_t trips = 0;

	for (unsigned copy = 0; copy < REPLICAS; copy++) {
		struct lines *lines = replica_of(trial->region, sizeof(struct lines), copy);

		trips += atomic_load(two ? &lines->follower : &lines->leader) / 2;
	}
	for (unsigned i = 0; i < 2; i++)
		if (trial->outcome[i]->ops != trips)
			return sm_fail(err, EILSEQ, "the lines saw %lu round trips, worker %u %lu", trips, i,
				       trial->outcome[i]->ops);
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "one_line", .summary = "a line that both write", .arg = ONE_LINE },
	{ .name = "two_lines", .summary = "a line for each way", .arg = TWO_LINES },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "C5",
	  .text = "Line transfers follow the topology: of two pairs of PUs the closer one is faster, nine times out "
		  "of ten at least",
	  .source = "hwloc's picture of the machine, by which people place processes",
	  SM_CLOSER_IS_FASTER("one_line", 0.9),
	  .needs = "PUs that relate in two ways at least" },
	{ 0 },
};

const struct sm_scenario sm_scenario_core_to_core = {
	.name = "core_to_core",
	.family = "coherence",
	.question = "How long does a line take from one core to another?",
	.summary = "Ping-pong between pairs of PUs: all of them, as far as the time allows.",
	.why = "A line that another core wrote last has to be fetched from that core's cache. How "
	       "long that takes is a matter of the wires between the two: threads of one core, one "
	       "L3, one socket, two.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "from", .unit = "PU", .summary = "of the process that begins", .every_pu = true },
		    { .name = "to", .unit = "PU", .summary = "of the other one", .every_pu = true } },
	.workers = 2,
	.pair_params = { "from", "to" },
	.slices = SLICES,
	.metric = { "time per round trip", "ns/op" },
	.transfers_per_op = 2,
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.events = LINE_EVENTS,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.supported = meet_supported,
	.run = run,
	.visit = visit,
	.visit_bytes = sizeof(struct lines),
	.verify = verify,
};
