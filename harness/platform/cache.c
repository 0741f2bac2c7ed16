/* Flushing ranges of memory. */
#include "shmeter/cache.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

#define LINE 64u

static bool has_clflushopt(void)
{
	unsigned a, b, c, d;

	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_CLFLUSHOPT);
}

/* These flushes are not ordered with each other, so many are under way at once.  The asm names the instruction,
 * because the compiler does not target this CPU. */
static void flush_overlapped(char *at, const char *end)
{
	for (; at < end; at += LINE)
		__asm__ volatile("clflushopt %0" : "+m"(*at));
}

static void flush_range(char *at, const char *end)
{
	at -= (uintptr_t)at % LINE;
	if (has_clflushopt()) {
		flush_overlapped(at, end);
		return;
	}
	for (; at < end; at += LINE)
		sm_cache_flush_line(at);
}

#elif defined(__aarch64__)

/* CTR_EL0.DminLine: log2 of the words in the smallest line of any data cache (Arm ARM, D19). */
static size_t line_bytes(void)
{
	uint64_t type;

	__asm__ volatile("mrs %0, ctr_el0" : "=r"(type));
	return (size_t)4 << (type >> 16 & 15);
}

static void flush_range(char *at, const char *end)
{
	size_t line = line_bytes();

	for (at -= (uintptr_t)at % line; at < end; at += line)
		sm_cache_flush_line(at);
}

#else

static void flush_range(char *at, const char *end)
{
	(void)at;
	(void)end;
}

#endif

int sm_cache_flush(void *address, size_t bytes, struct sm_error *err)
{
	if (!SM_HAS_CACHE_FLUSH)
		return sm_fail(err, ENOTSUP, "user code cannot take memory out of this architecture's caches");
	flush_range(address, (const char *)address + bytes);
	sm_cache_flushed();
	return 0;
}
