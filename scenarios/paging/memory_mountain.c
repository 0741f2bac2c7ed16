/* Question: how does read bandwidth depend on the size of the memory and on the stride?
 * Method:   one worker sums the words of a region at a stride, again and again.  Small regions stay in a cache,
 *           small strides use all of a line, and prefetchers follow constant strides.  An operation is 64 words, in
 *           loads as wide as the machine has: one load brings all the words that lie within its width.
 * Not shown: dependent loads, which wait for each other (page_size_random).
 * Cost of the loop: a vector load and an addition each, into four sums in rotation; a comparison and a branch per 64
 *           words. */
#include <errno.h>
#include <math.h>

#include "../subject/wide.h"

enum { PARAM_BYTES, PARAM_STRIDE };
enum { TALLY_WORDS, TALLY_WRONG, TALLY_WIDTH };
#define WORDS 64u

struct state {
	uint64_t at;   /* byte that the next slice starts with */
	unsigned wide; /* bytes of a load */
};

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t bytes = c->param[PARAM_BYTES], stride = c->param[PARAM_STRIDE];

	if (stride & (stride - 1) || bytes % (stride * WORDS))
		return sm_fail(why, ENOTSUP,
			       "the stride has to be a power of two and 64 of them have to divide the size: choose "
			       "powers of two with --set");
	return 0;
}

/* Every word holds the same value, so the expected sum of any words is their number times this value. */
#define WORD 3u

static int warm_up(struct sm_worker *worker)
{
	uint64_t *words = worker->region;
	struct state *state = worker->state;

	for (size_t i = 0; i < worker->region_bytes / sizeof(*words); i++)
		words[i] = WORD;
	state->wide = wide_bytes();
	worker->outcome->tally[TALLY_WIDTH] = state->wide;
	return 0;
}

/* PASS(vector): n operations in loads of one vector.  Returns the sum of all words that were loaded: one vector per
 * step, where a step is the stride, or the vector's width if that is larger. */
#define PASS(vector)                                                                                                   \
	static WIDE_LOOP_##vector uint64_t pass_##vector(const char *region, uint64_t end, uint64_t stride,            \
							 uint64_t n, uint64_t *position)                               \
	{                                                                                                              \
		uint64_t step = stride > sizeof(vector) ? stride : sizeof(vector), at = *position;                     \
		vector sum[4] = { { 0 } };                                                                             \
                                                                                                                       \
		for (uint64_t i = 0; i < n; i++) {                                                                     \
			for (uint64_t last = at + WORDS * stride; at < last; at += 4 * step)                           \
				for (unsigned k = 0; k < 4; k++)                                                       \
					sum[k] += *(const vector *)(const void *)(region + at + k * step);             \
			at = at >= end ? 0 : at;                                                                       \
		}                                                                                                      \
		*position = at;                                                                                        \
		sum[0] += sum[1] + sum[2] + sum[3];                                                                    \
		for (unsigned lane = 1; lane < sizeof(vector) / sizeof(uint64_t); lane++)                              \
			sum[0][0] += sum[0][lane];                                                                     \
		return sum[0][0];                                                                                      \
	}
WIDE_EACH(PASS)

static uint64_t run(struct sm_worker *worker)
{
	uint64_t stride = worker->c->param[PARAM_STRIDE], n = worker->op_count, end = worker->region_bytes, sum;
	struct state *state = worker->state;
	uint64_t loaded = n * WORDS * (stride < state->wide ? stride : state->wide) / sizeof(uint64_t);

	switch (state->wide) {
#define OF_WIDTH(vector)                                                                                               \
	case sizeof(vector): sum = pass_##vector(worker->region, end, stride, n, &state->at); break;
		WIDE_EACH(OF_WIDTH)
	default: return 0;
	}
	worker->outcome->tally[TALLY_WORDS] += n * WORDS;
	worker->outcome->tally[TALLY_WRONG] += sum != loaded * WORD;
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *o = trial->outcome[0];

	if (o->tally[TALLY_WRONG] || o->tally[TALLY_WORDS] != o->ops * WORDS)
		return sm_fail(err, EILSEQ, "%lu words in %lu operations, or a wrong sum", o->tally[TALLY_WORDS],
			       o->ops);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	value[0] = (double)trial->outcome[0]->tally[TALLY_WIDTH];
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	(void)c;
	return WORDS * sizeof(uint64_t);
}

static const struct sm_variant variants[] = {
	{ .name = "read", .summary = "loads as wide as the machine has" },
	{ 0 },
};

const struct sm_scenario sm_scenario_memory_mountain = {
	.name = "memory_mountain",
	.family = "paging",
	.question = "How does reading speed depend on size and stride?",
	.summary = "Words of a region of some size in steps of some bytes.",
	.why = "A region that fits into a cache is read at that cache's speed: each terrace "
	       "is a cache. Along the stride the slope is the line: from the line's size on, "
	       "each word needs another one, and all but the word of it is wasted. With loads as "
	       "wide as the machine has, small strides are bound by the caches, not by the number "
	       "of loads.",
	.variants = variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_SWEEP((16 << 10, 256 << 10, 4 << 20), SM_TIMES_LLC(2)),
		      .standard = SM_SWEEP((16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20),
					   SM_TIMES_LLC(2)),
		      .full = SM_SWEEP((8 << 10, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 1 << 20,
					2 << 20, 4 << 20, 8 << 20, 16 << 20, 32 << 20, 64 << 20, 128 << 20, 256 << 20),
				       SM_TIMES_LLC(4)),
		      .min = 512,
		      .max = 1ull << 40 },
		    { .name = "stride",
		      .unit = "B",
		      .summary = "from one word to the next, a power of two",
		      .quick = SM_VALUES(8, 64),
		      .standard = SM_VALUES(8, 32, 64, 256),
		      .full = SM_VALUES(8, 16, 32, 64, 128, 256, 512, 1024),
		      .min = 8,
		      .max = 1 << 20 } },
	.workers = 1,
	.warm_ns = SM_WARM_MEMORY_NS,
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per 64 words", "ns/op" },
	.more = { { "width of a load", "B" } },
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
