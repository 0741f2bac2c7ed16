/* Question: do larger pages make random access faster?
 * Method:   one worker walks a cycle through every cache line of the region; where to go next is read
 *           from the line, so each load waits for the last one and no prefetcher can run ahead.  The
 *           cycle is a full-period linear congruential sequence (a = 5 mod 8, c odd, modulo 2^k: Hull and
 *           Dobell, 1962) seen through an invertible mixing of the line numbers, which makes its low
 *           bits as irregular as its high ones; so it is written in one sequential pass, and where the
 *           walk has to be after n steps can be computed to prove it.
 * Not shown: independent random accesses, which overlap; sequential access (page size hardly matters).
 * Cost of the loop: one dependent load and a shift; latency only. */
#include <errno.h>

#include "shmeter/scenario.h"

#define LINE                                                                                       \
	64 /* bytes a node takes: the line size of x86-64; a node on a longer line is visited twice */

enum { PARAM_BYTES };
enum { TALLY_POSITION, TALLY_STEPS };

struct walk {
	uint64_t position; /* line that the next step starts from */
};

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t bytes = c->param[PARAM_BYTES], page = sm_case_variant(c)->memory.pages.bytes;

	if (bytes & (bytes - 1))
		return sm_fail(why, ENOTSUP, "the cycle needs a power of two of bytes, not %lu",
			       bytes);
	if (bytes < page)
		return sm_fail(why, ENOTSUP,
			       "%lu bytes are less than a page of this size: --set bytes=1g",
			       bytes);
	return 0;
}

/* Invertible on [0, lines): xor-shift, odd multiplication, xor-shift. */
static inline uint64_t mix(uint64_t i, uint64_t mask, unsigned half)
{
	i ^= i >> half;
	i = i * 0x9e3779b97f4a7c15u & mask;
	return i ^ i >> half;
}

/* Inverse of 0x9e3779b97f4a7c15 modulo 2^64 (Newton's iteration gives it; verify() depends on it). */
#define MIX_INVERSE 0xf1de83e19937733du

static inline uint64_t unmix(uint64_t i, uint64_t mask, unsigned half)
{
	/* half is at least half the bits of i, so one xor-shift undoes itself */
	i ^= i >> half;
	i = i * MIX_INVERSE & mask;
	return i ^ i >> half;
}

#define STEP_A 6364136223846793005u /* Knuth, MMIX; 5 modulo 8 */
#define STEP_C 1442695040888963407u /* odd */

static inline unsigned half_of(uint64_t lines)
{
	return ((unsigned)__builtin_ctzll(lines) + 1) / 2;
}

static int warm_up(struct sm_worker *worker)
{
	uint64_t lines = worker->region_bytes / LINE, mask = lines - 1;
	uint64_t *words = worker->region;
	unsigned half = half_of(lines);

	for (uint64_t i = 0; i < lines; i++)
		words[i * (LINE / 8)] =
			mix((unmix(i, mask, half) * STEP_A + STEP_C) & mask, mask, half);
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	const uint64_t *words = worker->region;
	struct walk *walk = worker->state;
	uint64_t position = walk->position, steps = 0;

	for (uint64_t n = worker->op_count; steps < n; steps++)
		position = words[position * (LINE / 8)];
	walk->position = position;
	worker->outcome->tally[TALLY_POSITION] = position;
	worker->outcome->tally[TALLY_STEPS] += steps;
	return steps;
}

/* x after n steps of x -> a x + c, in O(log n): F. Brown, Random number generation with arbitrary
 * strides, 1994. */
static uint64_t jump(uint64_t x, uint64_t n, uint64_t mask)
{
	uint64_t a = STEP_A, c = STEP_C, total_a = 1, total_c = 0;

	for (; n; n >>= 1) {
		if (n & 1) {
			total_a *= a;
			total_c = total_c * a + c;
		}
		c *= a + 1;
		a *= a;
	}
	return (total_a * x + total_c) & mask;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t lines = trial->region_bytes / LINE, mask = lines - 1;
	unsigned half = half_of(lines);
	uint64_t due = mix(jump(unmix(0, mask, half), trial->outcome[0]->ops, mask), mask, half);

	if (trial->outcome[0]->tally[TALLY_POSITION] != due)
		return sm_fail(
			err, EILSEQ, "the walk is at line %lu after %lu steps and should be at %lu",
			trial->outcome[0]->tally[TALLY_POSITION], trial->outcome[0]->ops, due);
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "4k", .summary = "base pages", .memory = { .pages = { SM_PAGES_BASE, 4096 } } },
	{ .name = "thp",
	  .summary = "transparent huge pages",
	  .memory = { .pages = { SM_PAGES_THP, 2u << 20 } } },
	{ .name = "2m",
	  .summary = "explicit 2 MiB pages",
	  .memory = { .pages = { SM_PAGES_HUGETLB, 2u << 20 } } },
	{ .name = "1g",
	  .summary = "explicit 1 GiB pages",
	  .memory = { .pages = { SM_PAGES_HUGETLB, 1u << 30 } } },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "P7",
	  .text = "2 MiB pages speed up random access over 1 GiB by at least 10 %",
	  .source = "popular belief: fewer TLB misses",
	  .question = "4 KiB, 2 MiB or 1 GiB pages?",
	  .left = "4k",
	  .right = "2m",
	  .at = "bytes=1073741824",
	  .ratio_min = 1.1,
	  .needs = "a pool of 2 MiB pages (--tune)" },
	{ .id = "P8",
	  .text = "1 GiB pages add at least 5 % to that",
	  .source = "popular belief",
	  .question = "4 KiB, 2 MiB or 1 GiB pages?",
	  .left = "2m",
	  .right = "1g",
	  .at = "bytes=1073741824",
	  .ratio_min = 1.05,
	  .needs = "a 1 GiB page (--tune)" },
	{ 0 },
};

const struct sm_scenario sm_scenario_page_size_random = {
	.name = "page_size_random",
	.family = "paging",
	.question = "Do larger pages make random access faster?",
	.summary = "A random cycle of dependent loads, one per cache line.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region, a power of two",
		      .quick = SM_VALUES(1 << 30),
		      .standard = SM_VALUES(1 << 20, 16 << 20, 128 << 20, 1 << 30),
		      .full = SM_VALUES(1 << 20, 4 << 20, 16 << 20, 64 << 20, 256 << 20, 1 << 30,
					4ull << 30),
		      .min = 1 << 16,
		      .max = 1ull << 40 } },
	.workers = 1,
	/* all that is touched was populated before: a fault in a slice is a mistake */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per dependent load", "ns/op" },
	.memory = { .backing = SM_ANON, .prefault = SM_MADVISE },
	.state_bytes = sizeof(struct walk),
	.region_bytes = region_bytes,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
