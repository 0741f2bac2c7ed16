/* Question: what does the first touch of shared memory cost, and how many page faults does it take?
 * Method:   one worker writes one word of every base page of a fresh region that nobody has touched; the variants
 *           differ in page size.  An operation is a base page (of 4, 16 or 64 KiB) whatever the size of the mapped
 *           pages, so that the variants compare.  The same amount of memory is touched, flushed from the caches and
 *           freed right before. There are two reasons: the free memory of a guest may not be backed by the host yet,
 *           and that would add a fault in the host; and frames that have been free for a while are in no cache.
 * Not shown: the host's zeroing of memory; the file system's own work; frames that were freed just before, which are
 *           zeroed in the cache.
 * Cost of the loop: one store and an addition per page; everything else is the fault. */
#include <errno.h>
#include <unistd.h>

#include "../subject/pages.h"

enum { PARAM_BYTES };

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static uint64_t base_pages(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / (uint64_t)sysconf(_SC_PAGESIZE);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t page = sm_case_variant(c)->memory.pages.bytes;

	if (c->param[PARAM_BYTES] % page)
		return sm_fail(why, ENOTSUP, "%lu bytes are no whole number of pages of this size: --set bytes=1g",
			       c->param[PARAM_BYTES]);
	return 0;
}

/* The word that page number `i` gets: never 0, so that a page that was not written is noticed. */
static inline uint64_t mark(uint64_t i)
{
	return i * 2 + 1;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t step = (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t), n = worker->op_count;
	volatile uint64_t *words = worker->region;

	for (uint64_t i = 0; i < n; i++)
		words[i * step] = mark(i);
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t step = (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	const uint64_t *words = trial->region;

	for (uint64_t i = 0; i < trial->outcome[0]->ops; i++)
		if (words[i * step] != mark(i))
			return sm_fail(err, EILSEQ, "page %lu was not written", i);
	return 0;
}

static const struct sm_claim claims[] = {
	{ .id = "P1",
	  .text = "Writing fresh shared memory takes exactly one minor fault per 4 KiB page",
	  .source = "textbooks on demand paging",
	  SM_EXACT_COUNT("4k", "minor-faults", 1) },
	{ .id = "P2",
	  .text = "Explicit 2 MiB pages take exactly one minor fault per 2 MiB",
	  .source = "textbooks on huge pages",
	  SM_EXACT_COUNT("2m", "minor-faults", 1.0 / 512),
	  .by_page = true,
	  .needs = "a pool of 2 MiB pages (--tune)" },
	{ .id = "P3",
	  .text = "Touching memory first is cheaper with 2 MiB pages than with 4 KiB ones",
	  .source = "popular belief: fewer faults; zeroing stays",
	  .question = "4 KiB, 2 MiB or 1 GiB pages?",
	  SM_RATIO("4k", "2m", .min = 1),
	  .needs = "a pool of 2 MiB pages (--tune)" },
	{ 0 },
};

const struct sm_scenario sm_scenario_first_touch = {
	.name = "first_touch",
	.family = "paging",
	.question = "What does the first touch of shared memory cost?",
	.summary = "One write a page to memory that nobody touched.",
	.why = "The first write to a page enters the kernel, which finds a page, fills it with "
	       "zeros and maps it. Larger pages need fewer entries; the zeroing stays. Faults an "
	       "operation tell the entries.",
	.claims = claims,
	.variants = pages_variants_lazy,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_VALUES(64 << 20),
		      .full = SM_VALUES(64 << 20, 1 << 30),
		      .min = 4096,
		      .max = 1ull << 40 } },
	.workers = 1,
	.expected = { { .variant = "4k", .event = "minor-faults", .per_op = 1 },
		      { .variant = "2m", .event = "minor-faults", .per_op = 1.0 / 512, .by_page = true } },
	.metric = { "time per 4 KiB of fresh memory", "ns/op" },
	.memory = { .backing = SM_ANON, .prefault = SM_LAZY },
	.subject = SM_COLD,
	.warm_physical = true,
	.region_bytes = region_bytes,
	.fixed_ops = base_pages,
	.supported = supported,
	.run = run,
	.verify = verify,
};
