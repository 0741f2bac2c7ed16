/* Taking memory out of the caches. */
#ifndef SHMETER_CACHE_H
#define SHMETER_CACHE_H

#include <stddef.h>

#include "shmeter/error.h"

/* sm_cache_flush_line() writes the line of `address` back and takes it out of every core's caches; the address has to be
 * mapped.  It is done when sm_cache_flushed() is over.  Both may be called where SM_HAS_CACHE_FLUSH is 1: user code of
 * other architectures has no such instruction.  x86: CLFLUSH; arm64: DC CIVAC, which Linux allows user code. */
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

/* Takes `bytes` from `address` on, all of them mapped, out of every core's caches: the next access to each line comes from
 * memory.  Takes about a nanosecond a line where it is overlapped (CLFLUSHOPT), whatever the caches' size.  -ENOTSUP
 * where SM_HAS_CACHE_FLUSH is 0. */
SM_MUST_USE int sm_cache_flush(void *address, size_t bytes, struct sm_error *err);

#endif
