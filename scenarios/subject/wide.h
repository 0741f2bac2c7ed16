/* Vectors as wide as the machine loads at once: the loop is compiled for each width, and one is chosen at run time.
 *
 *   #define PASS(vector) static WIDE_LOOP_##vector uint64_t pass_##vector(...) { ... sizeof(vector) ... }
 *   WIDE_EACH(PASS)
 *
 * makes one function per width, all in C.  wide_bytes() returns the width that this CPU supports: call it once
 * outside the timed part, `switch` on it and call the function directly.  x86-64: 16 bytes (SSE2) always, 32 with
 * AVX2, 64 with AVX-512F; arm64 and others: 16, which is all of NEON. */
#ifndef SHMETER_SUBJECT_WIDE_H
#define SHMETER_SUBJECT_WIDE_H

#include <stdint.h>

#include "shmeter/scenario.h"

typedef uint64_t wide_16 __attribute__((vector_size(16), may_alias));
#define WIDE_LOOP_wide_16 __attribute__((noinline))

#if defined(__x86_64__)

typedef uint64_t wide_32 __attribute__((vector_size(32), may_alias));
typedef uint64_t wide_64 __attribute__((vector_size(64), may_alias));
#define WIDE_LOOP_wide_32 __attribute__((noinline, target("avx2")))
#define WIDE_LOOP_wide_64 __attribute__((noinline, target("avx512f")))
#define WIDE_EACH(make)   make(wide_16) make(wide_32) make(wide_64)

/* Also checks that the operating system saves the registers (GCC manual, x86 built-in functions; XGETBV). */
static inline unsigned wide_bytes(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") ? 64 : __builtin_cpu_supports("avx2") ? 32 : 16;
}

#else

#define WIDE_EACH(make) make(wide_16)

static inline unsigned wide_bytes(void)
{
	return 16;
}

#endif

#endif
