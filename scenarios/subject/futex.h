/* The futex calls, between processes (never FUTEX_PRIVATE). */
#ifndef SHMETER_SUBJECT_FUTEX_H
#define SHMETER_SUBJECT_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleeps while the word has the value `value`, until it is woken.  There is no timeout, so a lost wake-up is a hang,
 * not a long wait. */
static inline void futex_wait(_Atomic uint32_t *word, uint32_t value)
{
	(void)syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

/* Only one test changes this: it needs a lost wake-up to hang. */
#ifndef FUTEX_NAP_NS
#define FUTEX_NAP_NS 50000000
#endif

/* Sleeps while the word has the value `value`, at most 50 ms: for callers that check their abort flag. */
static inline void futex_sleep(_Atomic uint32_t *word, uint32_t value)
{
	/* Not a constant: its page would be faulted in by the first sleep, and that fault would be counted. */
	struct timespec nap = { .tv_sec = FUTEX_NAP_NS / 1000000000, .tv_nsec = FUTEX_NAP_NS % 1000000000 };

	(void)syscall(SYS_futex, word, FUTEX_WAIT, value, &nap, NULL, 0);
}

static inline void futex_wake_one(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

#endif
