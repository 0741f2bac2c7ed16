/* Question: do larger pages make random access faster?
 * Method:   one worker walks a cycle through every cache line of the region.  It reads the next address from the
 *           line, so each load waits for the previous one and no prefetcher can run ahead (walk.h).
 * Not shown: independent random accesses, which overlap; sequential access (page size hardly matters).
 * Cost of the loop: one dependent load and a shift; latency only. */
#include <errno.h>

#include "../subject/pages.h"
#include "../subject/walk.h"

enum { PARAM_BYTES };
static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t bytes = c->param[PARAM_BYTES], page = sm_case_variant(c)->memory.pages.bytes;

	if (bytes & (bytes - 1))
		return sm_fail(why, ENOTSUP, "the cycle needs a power of two of bytes, not %lu", bytes);
	if (bytes < page)
		return sm_fail(why, ENOTSUP, "%lu bytes are less than a page of this size: --set bytes=1g", bytes);
	return 0;
}

static const struct sm_claim claims[] = {
	{ .id = "P7",
	  .text = "2 MiB pages speed up random access over 1 GiB by at least 10 %",
	  .source = "popular belief: fewer TLB misses",
	  .question = "4 KiB, 2 MiB or 1 GiB pages?",
	  SM_RATIO("4k", "2m", .min = 1.1),
	  .at = "bytes=1073741824",
	  .needs = "a pool of 2 MiB pages (--tune)" },
	{ .id = "P8",
	  .text = "1 GiB pages add at least 5 % to that",
	  .source = "popular belief",
	  .question = "4 KiB, 2 MiB or 1 GiB pages?",
	  SM_RATIO("2m", "1g", .min = 1.05),
	  .at = "bytes=1073741824",
	  .needs = "a 1 GiB page (--tune)" },
	{ 0 },
};

const struct sm_scenario sm_scenario_page_size_random = {
	.name = "page_size_random",
	.family = "paging",
	.question = "Do larger pages make random access faster?",
	.summary = "A random cycle of dependent loads, one per cache line.",
	.why = "Each access needs its page's translation. Where the pages in use are more than the "
	       "TLB holds, the processor walks page tables in memory; larger pages need fewer "
	       "translations. Where the CPU can count them, dTLB misses fall with the time.",
	.claims = claims,
	.variants = pages_variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region, a power of two",
		      .quick = SM_VALUES(1 << 30),
		      .standard = SM_SWEEP((1 << 20, 16 << 20), SM_TIMES_LLC(4), SM_VALUE(1 << 30)),
		      .full = SM_VALUES(1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30, 4ull << 30),
		      .min = 1 << 16,
		      .max = 1ull << 40 } },
	.workers = 1,
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per dependent load", "ns/op" },
	.memory = { .backing = SM_ANON, .prefault = SM_MADVISE },
	.state_bytes = sizeof(struct walk),
	.subject = SM_KEPT,
	.warm_ns = SM_WARM_MEMORY_NS,
	.region_bytes = region_bytes,
	.supported = supported,
	.warm_up = walk_warm_up,
	.run = walk_run,
	.verify = walk_verify,
};
