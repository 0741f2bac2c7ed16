/* Flushing memory from the caches. */
#ifndef SHMETER_CACHE_H
#define SHMETER_CACHE_H

#include <stddef.h>

#include "shmeter/error.h"

/* sm_cache_flush_line() writes the line of `address` back and removes it from the caches of all cores; the address must
 * be mapped.  sm_cache_flushed() returns when the flushes before it are complete.  Both work only where
 * SM_HAS_CACHE_FLUSH is 1: on other architectures user code has no such instruction.  x86 has CLFLUSH; arm64 has DC
 * CIVAC, which Linux allows in user code. */
#if defined(__x86_64__) || defined(__i386__)
#define SM_HAS_CACHE_FLUSH 1
static inline void sm_cache_flush_line(void *address)
{
	__builtin_ia32_clflush(address);
}
static inline void sm_cache_flushed(void)
{
	__builtin_ia32_mfence();
}
#elif defined(__aarch64__)
#define SM_HAS_CACHE_FLUSH 1
static inline void sm_cache_flush_line(void *address)
{
	__asm__ volatile("dc civac, %0" ::"r"(address) : "memory");
}
static inline void sm_cache_flushed(void)
{
	__asm__ volatile("dsb ish" ::: "memory");
}
#else
#define SM_HAS_CACHE_FLUSH 0
static inline void sm_cache_flush_line(void *address)
{
	(void)address;
}
static inline void sm_cache_flushed(void)
{
}
#endif

/* Flushes `bytes` from `address` on from the caches of all cores, so the next access to each line comes from memory.
 * All of the bytes must be mapped.  Takes about 1 ns a line where flushes overlap (CLFLUSHOPT), whatever the size of
 * the caches.  -ENOTSUP where SM_HAS_CACHE_FLUSH is 0. */
SM_MUST_USE int sm_cache_flush(void *address, size_t bytes, struct sm_error *err);

#endif
