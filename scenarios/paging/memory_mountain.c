/* Question: how does reading speed depend on how much memory there is to read and in what steps?
 * Method:   one worker adds up the words of a region at a stride, again and again: small regions stay in a cache,
 *           small strides use all of a line, and prefetchers follow steady ones.  An operation is 64 loads.
 * Not shown: dependent loads, which wait for each other (page_size_random).
 * Cost of the loop: a load and an addition each, four sums in turn; a branch for each 64. */
#include <errno.h>

#include "shmeter/scenario.h"

enum { PARAM_BYTES, PARAM_STRIDE };
enum { TALLY_LOADS, TALLY_WRONG };
#define LOADS 64u

struct state {
	uint64_t at; /* word that the next slice starts with */
};

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t bytes = c->param[PARAM_BYTES], stride = c->param[PARAM_STRIDE];

	if (stride % 8 || bytes % (stride * LOADS))
		return sm_fail(why, ENOTSUP,
			       "the stride has to be a multiple of 8 and 64 of them have to divide the "
			       "size: choose powers of two with --set");
	return 0;
}

/* Every word holds the same, so that any 64 of them add up to 64 times it. */
#define WORD 3u

static int warm_up(struct sm_worker *worker)
{
	uint64_t *words = worker->region;

	for (size_t i = 0; i < worker->region_bytes / sizeof(*words); i++)
		words[i] = WORD;
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t end = worker->region_bytes / sizeof(uint64_t), n = worker->op_count, wrong = 0;
	uint64_t step = worker->c->param[PARAM_STRIDE] / sizeof(uint64_t);
	const volatile uint64_t *words = worker->region;
	struct state *state = worker->state;
	uint64_t at = state->at;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t sum[4] = { 0 };

		for (unsigned load = 0; load < LOADS; load += 4, at += 4 * step) {
			sum[0] += words[at];
			sum[1] += words[at + step];
			sum[2] += words[at + 2 * step];
			sum[3] += words[at + 3 * step];
		}
		wrong |= (sum[0] + sum[1] + sum[2] + sum[3]) ^ (uint64_t)LOADS * WORD;
		at = at >= end ? 0 : at;
	}
	state->at = at;
	worker->outcome->tally[TALLY_LOADS] += n * LOADS;
	worker->outcome->tally[TALLY_WRONG] += wrong != 0;
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *o = trial->outcome[0];

	if (o->tally[TALLY_WRONG] || o->tally[TALLY_LOADS] != o->ops * LOADS)
		return sm_fail(err, EILSEQ, "%lu loads in %lu operations, or a wrong sum",
			       o->tally[TALLY_LOADS], o->ops);
	return 0;
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	(void)c;
	return LOADS * sizeof(uint64_t);
}

static const struct sm_variant variants[] = {
	{ .name = "read", .summary = "64-bit loads" },
	{ 0 },
};

const struct sm_scenario sm_scenario_memory_mountain = {
	.name = "memory_mountain",
	.family = "paging",
	.question = "How does reading speed depend on size and stride?",
	.summary = "Loads over a region of some size in steps of some bytes.",
	.why = "A region that fits into a cache is read at that cache's speed: each terrace "
	       "is a cache. Along the stride the slope is the line: from the line's size on, "
	       "each load needs another one, and all but a word of it is wasted.",
	.variants = variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_VALUES(16 << 10, 256 << 10, 4 << 20, 64 << 20),
		      .standard = SM_VALUES(16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20,
					    64 << 20),
		      .full = SM_VALUES(8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10,
					512 << 10, 1 << 20, 2 << 20, 4 << 20, 8 << 20, 16 << 20,
					32 << 20, 64 << 20, 128 << 20, 256 << 20),
		      .min = 512,
		      .max = 1ull << 40 },
		    { .name = "stride",
		      .unit = "B",
		      .summary = "from one load to the next",
		      .quick = SM_VALUES(8, 64),
		      .standard = SM_VALUES(8, 32, 64, 256),
		      .full = SM_VALUES(8, 16, 32, 64, 128, 256, 512, 1024),
		      .min = 8,
		      .max = 1 << 20 } },
	.workers = 1,
	/* all that is touched was populated before: a fault in a slice is a mistake */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per 64 loads", "ns/op" },
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
