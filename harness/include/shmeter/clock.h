/* The clock of every timed section: CLOCK_MONOTONIC_RAW, read through the vDSO. */
#ifndef SHMETER_CLOCK_H
#define SHMETER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "shmeter/error.h"

/* Nanoseconds since an arbitrary start.  RAW is not slewed by NTP; on Linux it is one clock for all
 * PUs, so stamps of different workers may be subtracted (sm_clock_check verifies that). */
static inline uint64_t sm_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* CPU time of the calling process in nanoseconds. */
static inline uint64_t sm_clock_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct sm_clock_report {
	double cost_ns;     /* median cost of one read */
	double quantum_ns;  /* smallest non-zero step seen */
	uint64_t backwards; /* steps backwards seen (must be 0) */
	bool syscall;       /* reads cost a system call: no vDSO clock source */
	char source[32];    /* kernel's clock source, e.g. "tsc"; "unknown" where unreadable */
};

/* Measures the clock in about 2 ms.  -EIO with a remedy where it steps backwards. */
SM_MUST_USE int sm_clock_check(struct sm_clock_report *report, struct sm_error *err);

#endif
