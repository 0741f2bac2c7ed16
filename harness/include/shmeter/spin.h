/* Waiting by spinning, for workers on PUs of their own. */
#ifndef SHMETER_SPIN_H
#define SHMETER_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Destructive interference size that layouts use: two 64-byte lines, because adjacent-line
 * prefetchers pair them (Intel optimization manual) and some CPUs have 128-byte lines. */
#define SM_LINE_PAIR 128

/* Tells the core that this is a spin loop: a short pause, some tens of cycles.  On arm64 that is isb, which waits until
 * the pipeline is empty; yield is a hint that cores without hardware threads treat as nothing (Arm Architecture
 * Reference Manual, YIELD; 0.4 ns on a Neoverse N1, rust-lang/rust pull request 84725, which went over to isb). */
static inline void sm_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("isb" ::: "memory");
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* Loop body of a wait: relaxes, and once in 1024 turns looks at the abort flag.  `turns` is the
 * caller's local counter.  Returns false when the wait has to end because a peer is gone.
 *   for (unsigned turns = 0; !condition;) if (!sm_spin(&turns, worker->abort)) return done; */
static inline bool sm_spin(unsigned *turns, const _Atomic uint32_t *abort)
{
	sm_relax();
	return (++*turns & 1023u) != 0 || atomic_load_explicit(abort, memory_order_relaxed) == 0;
}

/* How many turns of a wait (a load of a word at hand, then sm_relax()) take so many nanoseconds on this core, at least
 * 1: for waits that spin for a time before they sleep, and cannot look at the clock each turn.  Measures for about
 * 0.1 ms; call it before the stamps. */
unsigned sm_spin_turns(uint64_t window_ns);

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LONG_LOCK_FREE == 2 && ATOMIC_POINTER_LOCK_FREE == 2,
	       "atomics in shared memory must be lock-free: a library lock is per process");

#endif
