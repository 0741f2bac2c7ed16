/* Question: does the page size matter for sequential access?
 * Method:   one worker passes over a populated region again and again, reading, writing, or copying one half to the
 *           other; only the page size differs between the variants.  An operation is 4096 bytes.  In the quick profile
 *           the region is at least four times the last-level cache; in the standard one it is 1 GiB, which a page of
 *           that size needs.
 * Not shown: random access (page_size_random), the faults of the first pass (first_touch).
 * Cost of the loop: 256 vectors of 16 bytes; a comparison and a branch per block. */
#include "../subject/pages.h"
#include "../subject/stream.h"

enum { PARAM_OP, PARAM_BYTES };

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t page = sm_case_variant(c)->memory.pages.bytes;

	if (c->param[PARAM_BYTES] % page)
		return sm_fail(why, ENOTSUP, "%lu bytes are no whole number of pages of this size: --set bytes=1g",
			       c->param[PARAM_BYTES]);
	return 0;
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	(void)c;
	return STREAM_BLOCK;
}

static int warm_up(struct sm_worker *worker)
{
	stream_fill(worker->region, worker->region_bytes);
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	switch ((enum stream_op)worker->c->param[PARAM_OP]) {
	case STREAM_READ: return stream_run(worker, STREAM_READ);
	case STREAM_WRITE: return stream_run(worker, STREAM_WRITE);
	default: return stream_run(worker, STREAM_COPY);
	}
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	return stream_verify(trial, (enum stream_op)trial->c->param[PARAM_OP], err);
}

#define WITHIN_10(id_, large, words)                                                                                   \
	{                                                                                                              \
		.id = id_, .text = "For passing over memory in order the page size matters under 10 %: " words,        \
		.source = "prefetchers and page walkers run ahead", SM_RATIO("4k", large, .min = 1 / 1.1, .max = 1.1)  \
	}
static const struct sm_claim claims[] = {
	WITHIN_10("P9", "2m", "4 KiB against 2 MiB pages"),
	WITHIN_10("P9.thp", "thp", "4 KiB against transparent huge pages"),
	WITHIN_10("P9.1g", "1g", "4 KiB against 1 GiB pages"),
	{ 0 },
};

const struct sm_scenario sm_scenario_page_size_stream = {
	.name = "page_size_stream",
	.family = "paging",
	.question = "Does the page size matter when memory is passed over in order?",
	.summary = "Reading, writing and copying over pages of every size.",
	.why = "In order, one translation serves a whole page, and prefetchers and the page "
	       "walker run ahead of the loads. There is little left for larger pages to "
	       "save. Where the CPU can count them, dTLB misses fall with no time to show "
	       "for it.",
	.claims = claims,
	.variants = pages_variants,
	.params = { STREAM_OP_PARAM,
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_SCALED(SM_TIMES_LLC(4)),
		      .standard = SM_VALUES(1 << 30),
		      .min = 3 * STREAM_BLOCK,
		      .max = 1ull << 40 } },
	.workers = 1,
	.warm_ns = SM_WARM_MEMORY_NS,
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per 4096 bytes", "ns/op" },
	.memory = { .backing = SM_ANON, .prefault = SM_MADVISE },
	.state_bytes = sizeof(struct stream_state),
	.region_bytes = region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
