/* Waiting by spinning, for workers on PUs of their own. */
#ifndef SHMETER_SPIN_H
#define SHMETER_SPIN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Distance that keeps data of two workers from sharing lines: two 64-byte lines, because adjacent-line prefetchers pair
 * them (Intel optimization manual) and some CPUs have 128-byte lines. */
#define SM_LINE_PAIR 128

/* Tells the core that this is a spin loop: a short pause of some tens of cycles.  On arm64 this is isb, which waits
 * until the pipeline is empty. yield is only a hint, which cores without hardware threads ignore (Arm Architecture
 * Reference Manual, YIELD; it takes 0.4 ns on a Neoverse N1, rust-lang/rust pull request 84725, which switched to
 * isb). */
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

/* Loop body of a spin wait: relaxes, and checks the abort flag once in 1024 turns.  `turns` is the caller's local
 * counter.  Returns false when the wait must end because a peer is gone.
 *   for (unsigned turns = 0; !condition;) if (!sm_spin(&turns, worker->abort)) return done; */
static inline bool sm_spin(unsigned *turns, const _Atomic uint32_t *abort)
{
	sm_relax();
	return (++*turns & 1023u) != 0 || atomic_load_explicit(abort, memory_order_relaxed) == 0;
}

/* How many turns of a spin wait (a load of a cached word, then sm_relax()) take `window_ns` on this core, at least 1.
 * For waits that spin for a time before they sleep and cannot read the clock each turn.  Measures for about 0.1 ms;
 * call it outside the timed part. */
unsigned sm_spin_turns(uint64_t window_ns);

_Static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LONG_LOCK_FREE == 2 && ATOMIC_POINTER_LOCK_FREE == 2,
	       "atomics in shared memory must be lock-free: a library lock is per process");

#endif
