/* my_plugin: an experiment for shmeter.  shmeter/scenario.h says what each member and function does. */
#include <errno.h>
#include <stdatomic.h>

#include "shmeter/scenario.h"

/* ---- yours from here: two processes write to one cache line, or to one each, which works ---- */
enum { APART, TOGETHER };

static _Atomic uint64_t *counter(void *region, unsigned worker, const struct sm_case *c)
{
	size_t distance = sm_case_variant(c)->arg == TOGETHER ? sizeof(uint64_t) : SM_LINE_PAIR;

	return (_Atomic uint64_t *)(void *)((char *)region + worker * distance);
}

/* In each worker, between the stamps: exactly op_count operations. */
static uint64_t run(struct sm_worker *worker)
{
	_Atomic uint64_t *mine = counter(worker->region, worker->index, worker->c);

	for (uint64_t i = 0; i < worker->op_count; i++)
		atomic_fetch_add_explicit(mine, 1, memory_order_relaxed);
	return worker->op_count;
}

/* After the workers ended: was the work done? */
static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	for (unsigned i = 0; i < trial->c->workers; i++)
		if (*counter(trial->region, i, trial->c) != trial->outcome[i]->ops)
			return sm_fail(err, EILSEQ, "worker %u did less than it says", i);
	return 0;
}
/* ---- yours to here ---- */

static size_t region_bytes(const struct sm_case *c)
{
	return c->workers * (size_t)SM_LINE_PAIR;
}

/* The first is what the others are compared with. */
static const struct sm_variant variants[] = {
	{ .name = "apart", .summary = "each counter has a line of its own", .arg = APART },
	{ .name = "together", .summary = "both counters lie in one line", .arg = TOGETHER },
	{ 0 },
};

/* Sentences that a run may refute. */
static const struct sm_claim claims[] = {
	{ .id = "my_plugin.1",
	  .text = "counters in one line take at least twice as long",
	  .source = "what I expect",
	  SM_RATIO("together", "apart", .min = 2) },
	{ 0 },
};

static const struct sm_scenario scenario = {
	.name = "my_plugin",
	.family = "mine",
	.question = "What does it cost to share a line?",
	.summary = "Two processes add to a counter each.",
	.why = "A line that two cores write moves between their caches.",
	.variants = variants,
	.claims = claims,
	.workers = 2,
	.placements = { SM_PLACE_NEAR },
	.metric = { "time per addition", "ns/op" },
	.region_bytes = region_bytes,
	.run = run,
	.verify = verify,
};

SM_PLUGIN(&scenario);
