/* The clock of every timed section: CLOCK_MONOTONIC_RAW, read through the vDSO. */
#ifndef SHMETER_CLOCK_H
#define SHMETER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "shmeter/error.h"

/* A compiler that is asked for ISO C alone (-std=c17) sees none of these in time.h.  The numbers are Linux's
 * (include/uapi/linux/time.h). */
#ifndef CLOCK_MONOTONIC_RAW
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_MONOTONIC_RAW      4
extern int clock_gettime(int clock, struct timespec *ts);
#endif

struct sm_topology;

/* Nanoseconds since an arbitrary start.  RAW is not slewed by NTP.  Timestamps of different workers are subtracted, so
 * all PUs need the same clock.  The kernel provides one: where the cores' counters differ, it falls back to a slower
 * source. sm_clock_check() compares PUs and reports how closely they agree. */
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
	/* number of PUs whose clocks were compared, with the first; 1: no other PU, or no result in time */
	unsigned pus;
	double apart_ns; /* upper bound of how far their clocks are from the first PU's, ns; NaN where pus is 1 */
};

/* Measures the clock in about 2 ms.  Where the topology (may be NULL) has several PUs, compares the clocks of up to 16
 * of them, spread evenly, for at most 0.2 s.  Two processes pass a timestamp back and forth, and no timestamp may be
 * earlier than one taken before it.  This detects a clock that is behind by more than the transfer time of a cache line
 * between the cores.  `apart_ns` is the largest of the shortest transfer times, and bounds any difference that goes
 * undetected.  -EIO with a remedy where a clock steps backwards or is behind another. */
SM_MUST_USE int sm_clock_check(const struct sm_topology *topology, struct sm_clock_report *report,
			       struct sm_error *err);

/* Only compares the clocks: fills `pus` and `apart_ns`.  `read` reads the clock of compared PU number `member`; NULL:
 * sm_clock_ns().  Only tests pass another function. */
SM_MUST_USE int sm_clock_compare(const struct sm_topology *topology, uint64_t (*read)(unsigned member),
				 struct sm_clock_report *report, struct sm_error *err);

#endif
