/* Memory that was flushed comes from memory, and so do frames that were warmed for a cold measurement. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../harness_fixture.h"
#include "shmeter/cache.h"

/* Half a level-2 cache of today: what was just written is in it, and the TLB has its pages. */
#define BYTES  (256u << 10)
#define LINE   64u
#define ROUNDS 15

/* The shortest: what else the machine does makes times longer, and puts memory out of the cache. */
static uint64_t shortest(const uint64_t *values)
{
	uint64_t least = values[0];

	for (unsigned i = 1; i < ROUNDS; i++)
		least = values[i] < least ? values[i] : least;
	return least;
}

/* Loads that wait for each other, a line each, in an order that no prefetcher follows. */
static uint64_t chase_ns(const uint32_t *next)
{
	uint64_t start = sm_clock_ns();
	uint32_t at = 0;

	for (unsigned i = 0; i < BYTES / LINE; i++)
		at = next[at * (LINE / sizeof(*next))];
	cr_expect_eq(at, 0, "the cycle ends where it began");
	return sm_clock_ns() - start;
}

Test(cache, what_was_flushed_comes_from_memory)
{
	static _Alignas(4096) uint32_t next[BYTES / sizeof(uint32_t)];
	uint64_t warm[ROUNDS], flushed[ROUNDS];
	struct sm_error err = { 0 };
	unsigned lines = BYTES / LINE;

	if (!SM_HAS_CACHE_FLUSH) {
		cr_expect_eq(sm_cache_flush(next, sizeof(next), &err), -ENOTSUP);
		return;
	}
	for (unsigned i = 0; i < lines; i++) /* a = 5, c odd, modulo a power of two: one cycle through all */
		next[i * (LINE / sizeof(*next))] = (i * 5 + 2731) % lines;
	for (unsigned r = 0; r < ROUNDS; r++) {
		chase_ns(next);
		warm[r] = chase_ns(next);
		/* from within a line to within another: both ends are flushed, and nothing is changed */
		cr_assert_eq(sm_cache_flush((char *)next + 7, sizeof(next) - 8, &err), 0, "%s", err.text);
		flushed[r] = chase_ns(next);
	}
	cr_expect_gt(shortest(flushed), 3 * shortest(warm), "%lu ns flushed, %lu ns warm", shortest(flushed),
		     shortest(warm));
}

/* Nanoseconds of the first touch of 4 MiB in 2 MiB pages, of which the kernel zeroes every line; 0: there are none. */
static uint64_t first_touch_ns(const struct sm_trial_context *context, bool warmed)
{
	struct sm_memory asked = { SM_ANON, { SM_PAGES_HUGETLB, 2u << 20 }, SM_LAZY, SM_FIRST_TOUCH, 0 };
	size_t bytes = 4u << 20;
	struct sm_error err = { 0 };
	struct sm_region region;
	uint64_t took[2] = { 0 };

	if (warmed && sm_region_warm_physical(context->os, context->topology, asked, bytes, NULL, NULL, &err) < 0)
		return 0;
	/* touched and freed: by hand where it was not warmed */
	for (unsigned turn = warmed; turn < 2; turn++) {
		if (sm_region_create(&region, context->os, context->topology, asked, bytes, NULL, &err) < 0)
			return 0;
		took[turn] = sm_clock_ns();
		for (size_t i = 0; i < bytes; i += 2u << 20)
			((volatile char *)region.address)[i] = 1;
		took[turn] = sm_clock_ns() - took[turn];
		sm_region_destroy(&region);
	}
	return took[1];
}

/* As root, where a pool of 2 MiB pages can be had; base pages spend too little of their fault in memory. */
Test(cache, frames_that_were_warmed_are_in_no_cache, .timeout = 60)
{
	static const char pool[] = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
	uint64_t warmed[ROUNDS], freed[ROUNDS];
	struct sm_trial_context context;
	char before[32];
	FILE *file;

	if (!SM_HAS_CACHE_FLUSH || sm_os_read(&sm_os_linux, before, sizeof(before), "%s", pool) < 0 ||
	    !(file = fopen(pool, "w")))
		return;
	fprintf(file, "%lu", strtoul(before, NULL, 10) + 2);
	fclose(file);
	context_open(&context);
	for (unsigned r = 0; r < ROUNDS; r++) {
		freed[r] = first_touch_ns(&context, false);
		warmed[r] = first_touch_ns(&context, true);
	}
	if ((file = fopen(pool, "w"))) {
		fputs(before, file);
		fclose(file);
	}
	if (shortest(freed) > 0 && shortest(warmed) > 0)
		cr_expect_gt(2 * shortest(warmed), 3 * shortest(freed),
			     "%lu ns where the frames were flushed, %lu where they were freed a moment ago",
			     shortest(warmed), shortest(freed));
}
