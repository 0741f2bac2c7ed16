/* A condition for processes that may be killed while they wait: a sequence number that waiters sleep on.  A waiter leaves
 * nothing behind in it, so a dead one takes nothing away.  A signal wakes all, because the kernel would spend a single
 * wake-up on a waiter that is being killed.  A waiter that misses exactly 2^32 signals while it goes to sleep misses one. */
#ifndef SHMETER_SUBJECT_FUTEX_COND_H
#define SHMETER_SUBJECT_FUTEX_COND_H

#include <limits.h>

#include "alive.h"
#include "futex.h"

struct futex_cond {
	_Atomic uint32_t sequence;
};

/* The mutex is held, before and after; it is robust. */
static inline void futex_cond_wait(struct futex_cond *cond, pthread_mutex_t *mutex)
{
	/* relaxed: the mutex orders it; a signal after this changes it, and the kernel then does not sleep. */
	uint32_t sequence = atomic_load_explicit(&cond->sequence, memory_order_relaxed);

	pthread_mutex_unlock(mutex);
	futex_wait(&cond->sequence, sequence);
	robust_lock(mutex);
}

static inline void futex_cond_signal(struct futex_cond *cond)
{
	atomic_fetch_add_explicit(&cond->sequence, 1, memory_order_relaxed);
	(void)syscall(SYS_futex, &cond->sequence, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

#endif
