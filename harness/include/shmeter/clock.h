/* The clock of every timed section: CLOCK_MONOTONIC_RAW, read through the vDSO. */
#ifndef SHMETER_CLOCK_H
#define SHMETER_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "shmeter/error.h"

struct sm_topology;

/* Nanoseconds since an arbitrary start.  RAW is not slewed by NTP.  Stamps of different workers are subtracted, which
 * takes one clock for all PUs: the kernel means to give one, and where counters of the cores differ it goes back to a
 * slower source; sm_clock_check() holds pairs of PUs against each other and tells within how much they agree. */
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
	unsigned pus;       /* whose clocks were compared with the first one's, this included; 1: there
			     * is no other, or they could not be compared in time */
	double apart_ns;    /* no clock of these is further from the first one's; NaN: pus is 1 */
};

/* Measures the clock in about 2 ms, and where the topology (may be NULL) has several PUs compares those of up to 16 of
 * them, spread evenly, for at most 0.2 s: two processes pass a stamp back and forth, and none may be earlier than one
 * that was taken before it.  What is guaranteed: a clock that is behind by more than a line's way between the cores is
 * seen, and `apart_ns`, the longest of the shortest ways, bounds what is not.  -EIO with a remedy where a clock steps
 * backwards or is behind another. */
SM_MUST_USE int sm_clock_check(const struct sm_topology *topology, struct sm_clock_report *report,
			       struct sm_error *err);

/* The comparison alone: fills `pus` and `apart_ns`.  `read` is how member i of those compared reads its clock; NULL:
 * sm_clock_ns().  Only a test passes anything else. */
SM_MUST_USE int sm_clock_compare(const struct sm_topology *topology, uint64_t (*read)(unsigned member),
				 struct sm_clock_report *report, struct sm_error *err);

#endif
