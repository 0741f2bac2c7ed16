/* The futex calls, between processes (never FUTEX_PRIVATE). */
#ifndef SHMETER_SUBJECT_FUTEX_H
#define SHMETER_SUBJECT_FUTEX_H

#include <errno.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
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

/* futex_waitv(2), Linux 5.16; for older headers: the number, the same on x86-64 and arm64, and the struct. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
struct futex_waited {
	uint64_t value, word;
	uint32_t flags, reserved;
};
#define FUTEX_WAITED_U32 2u /* FUTEX_32 */

/* Whether the kernel has it, and lets this process call it: it refuses an empty list. */
static inline bool futex_has_waitv(void)
{
	return syscall(SYS_futex_waitv, NULL, 0, 0, NULL, CLOCK_MONOTONIC) < 0 && errno == EINVAL;
}

/* Sleeps while both words have the value 0, at most 50 ms. */
static inline void futex_sleep_either(_Atomic uint32_t *one, _Atomic uint32_t *other)
{
	struct futex_waited waited[] = { { 0, (uintptr_t)one, FUTEX_WAITED_U32, 0 },
					 { 0, (uintptr_t)other, FUTEX_WAITED_U32, 0 } };
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += FUTEX_NAP_NS;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	(void)syscall(SYS_futex_waitv, waited, 2, 0, &until, CLOCK_MONOTONIC);
}

static inline void futex_wake_one(_Atomic uint32_t *word)
{
	(void)syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

#endif
