/* The futex calls, between processes (never FUTEX_PRIVATE). */
#ifndef SHMETER_SUBJECT_FUTEX_H
#define SHMETER_SUBJECT_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while the word holds `value`, until it is woken: a lost wake-up is a standstill, not a long wait. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	(void)syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

/* Sleeps while the word holds `value`, at most 50 ms: for callers that look at their abort flag. */
static inline void futex_sleep(_Atomic uint32_t *word, uint32_t value)
{
	static const struct timespec nap = { .tv_nsec = 50000000 };

	(void)syscall(SYS_futex, word, FUTEX_WAIT, value, &nap, NULL, 0);
}

static inline void futex_wake_one(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

#endif
