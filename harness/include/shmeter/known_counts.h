/* Counters on trial: work whose counts are known. */
#ifndef SHMETER_KNOWN_COUNTS_H
#define SHMETER_KNOWN_COUNTS_H

#include "shmeter/counters.h"
#include "shmeter/topology.h"

/* Work whose counts are known, on which counters are tried. */
enum sm_known { SM_KNOWN_LINES, SM_KNOWN_PAGES, SM_KNOWN_SHARED, SM_KNOWN_PADDED, SM_KNOWN_COUNTS };
struct sm_known_count {
	const char *what;
	char event[SM_EVENT_TEXT_MAX]; /* that was counted */
	double counted, expected;      /* events of all its processes; for SM_KNOWN_PADDED what sharing would have */
	enum sm_count_state state;
	enum sm_verdict verdict;        /* supported: within the bounds; refuted; not testable, with the reason */
	char reason[SM_ERROR_TEXT_MAX]; /* "" where it was tested */
};
/* Forks processes that do each kind of work and counts them.  Lines are walked over twice the last-level cache, 64 MiB at
 * least and a quarter of the free memory at most, and must count within 5 %; pages within 10 %; transfers of one line
 * within half, of lines apart under 1 % of that. */
SM_MUST_USE int sm_known_counts(const struct sm_os *os, const struct sm_topology *topology,
				struct sm_known_count out[SM_KNOWN_COUNTS], struct sm_error *err);

#endif
