/* Question: how long until a store is seen?
 * Method:   two workers answer each other by storing to a word and waiting for the other's answer; an operation is one
 *           store that the other core sees and its answer, which is seen here.  In `own` each worker loads two stores of
 *           its own back.  In `behind_stores` each answer comes after stores to lines that the other core has just
 *           written.
 * Not shown: stores that the compiler moved or left out; the two directions apart, for which two clocks would have to
 *           agree to a nanosecond.
 * Cost of the loop: a load and a comparison in each turn of the wait. */
#include <errno.h>
#include <stdalign.h>

#include "../subject/line_events.h"
#include "../subject/meet.h"
#include "../subject/replicas.h"
#include "shmeter/scenario.h"

enum { OWN, OTHER, BEHIND_STORES };
#define LINES 16 /* fewer than any store buffer of the last ten years holds */

struct shared {
	alignas(SM_LINE_PAIR) _Atomic uint64_t word;
	struct {
		alignas(SM_LINE_PAIR) _Atomic uint64_t word;
	} line[LINES];
};

struct state {
	struct replica_turn turn;
	uint64_t trips[REPLICAS];
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return REPLICAS * replica_stride(sizeof(struct shared));
}

/* release: no store may be seen before those in front of it, which is what a program that passes data needs. */
static inline void store(struct shared *shared, uint64_t value, unsigned lines)
{
	for (unsigned i = 0; i < lines; i++)
		atomic_store_explicit(&shared->line[i].word, value, memory_order_relaxed);
	atomic_store_explicit(&shared->word, value, memory_order_release);
}

static inline bool await(const _Atomic uint64_t *word, uint64_t value, const _Atomic uint32_t *abort)
{
	for (unsigned turns = 1; atomic_load_explicit(word, memory_order_acquire) != value; turns++)
		if ((turns & 1023u) == 0 && atomic_load_explicit(abort, memory_order_relaxed))
			return false;
	return true;
}

/* Two stores to a word of one's own, each loaded back.  Relaxed: on Arm a load-acquire may have to wait for a
 * store-release of its own core. */
static uint64_t look_back(_Atomic uint64_t *own, uint64_t value, uint64_t n)
{
	for (uint64_t end = value + 2 * n; value < end; value++) {
		atomic_store_explicit(own, value + 1, memory_order_relaxed);
		if (atomic_load_explicit(own, memory_order_relaxed) != value + 1)
			return 0;
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t way = sm_case_variant(worker->c)->arg, n = worker->op_count, done = 0;
	struct state *state = worker->state;
	uint64_t copy = state->turn.calls++ % REPLICAS, value = 2 * state->trips[copy];
	struct shared *shared = replica_of(worker->region, sizeof(struct shared), copy);
	unsigned lines = way == BEHIND_STORES ? LINES : 0;

	if (way == OWN) {
		done = look_back(worker->index == 0 ? &shared->word : &shared->line[0].word, value, n);
	} else if (worker->index == 0) {
		for (; done < n; done++, value += 2) {
			store(shared, value + 1, lines);
			if (!await(&shared->word, value + 2, worker->abort))
				break;
		}
	} else {
		for (; done < n; done++, value += 2) {
			if (!await(&shared->word, value + 1, worker->abort))
				break;
			store(shared, value + 2, lines);
		}
	}
	state->trips[copy] += done;
	return done;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t seen = 0;

	for (unsigned copy = 0; copy < REPLICAS; copy++) {
		struct shared *shared = replica_of(trial->region, sizeof(struct shared), copy);

		seen += atomic_load(&shared->word) / 2;
	}
	for (unsigned i = 0; i < trial->c->workers; i++)
		if (trial->outcome[i]->ops != seen)
			return sm_fail(err, EILSEQ, "%lu answers were seen in %lu operations of worker %u", seen,
				       trial->outcome[i]->ops, i);
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "own", .summary = "each core loads its own stores", .arg = OWN },
	{ .name = "other", .summary = "another core sees a store, and answers", .arg = OTHER },
	{ .name = "behind_stores",
	  .summary = "the same, each behind stores to 16 lines of the other core",
	  .arg = BEHIND_STORES },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "C31",
	  .text = "A store is seen later by another core than by its own: at least 5 times as late",
	  .source = "x86 and Arm manuals: a core forwards its own stores, others wait until the line was fetched",
	  SM_RATIO("other", "own", .min = 5),
	  .at = "placement=near cores=different",
	  .needs = "two cores" },
	{ .id = "C31.behind",
	  .text = "And later still behind 16 stores to lines of the other core: at least 1.5 times as late",
	  .source = "x86 manuals: stores leave the store buffer in order",
	  SM_RATIO("behind_stores", "other", .min = 1.5),
	  .at = "placement=near cores=different",
	  .needs = "two cores" },
	{ 0 },
};

const struct sm_scenario sm_scenario_visibility = {
	.name = "visibility",
	.family = "coherence",
	.question = "How long until a store is seen?",
	.summary = "Stores that are seen: by their own core, by another, behind other stores.",
	.why = "A store waits in its core's store buffer until the line is there for writing; its own core reads it from "
	       "the buffer meanwhile. Another core sees it when it fetches the line, some tens of nanoseconds later. "
	       "Stores leave the buffer in order where one has to be seen after another, so a store behind others waits "
	       "for their lines, too. Nothing makes it faster: a fence makes the core wait for the same thing.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SMT, SM_PLACE_CROSS_NODE },
	.metric = { "time until a store and its answer are seen", "ns/op" },
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.events = LINE_EVENTS,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.supported = meet_supported,
	.run = run,
	.verify = verify,
};
