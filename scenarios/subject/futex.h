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

/* Only a test, in which a lost wake-up has to be a standstill, sets it to anything else. */
#ifndef FUTEX_NAP_NS
#define FUTEX_NAP_NS 50000000
#endif

/* Sleeps while the word holds `value`, at most 50 ms: for callers that look at their abort flag. */
static inline void futex_sleep(_Atomic uint32_t *word, uint32_t value)
{
	/* Not a constant: its page would be faulted in by the first sleep, which is counted. */
	struct timespec nap = { .tv_sec = FUTEX_NAP_NS / 1000000000, .tv_nsec = FUTEX_NAP_NS % 1000000000 };

	(void)syscall(SYS_futex, word, FUTEX_WAIT, value, &nap, NULL, 0);
}

static inline void futex_wake_one(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

#endif
