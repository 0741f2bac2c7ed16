/* A test of the counters: they count work whose counts are known. */
#ifndef SHMETER_KNOWN_COUNTS_H
#define SHMETER_KNOWN_COUNTS_H

#include "shmeter/counters.h"
#include "shmeter/topology.h"

/* The kinds of work. */
enum sm_known { SM_KNOWN_LINES, SM_KNOWN_PAGES, SM_KNOWN_SHARED, SM_KNOWN_PADDED, SM_KNOWN_COUNTS };
struct sm_known_count {
	const char *what;
	char event[SM_EVENT_TEXT_MAX]; /* the event that was counted */
	double counted, expected;      /* events of all processes; `expected` of SM_KNOWN_PADDED is that of sharing */
	enum sm_count_state state;
	enum sm_verdict verdict;        /* supported: within the bounds; refuted; or not testable, with the reason */
	char reason[SM_ERROR_TEXT_MAX]; /* "" where it was tested */
};
/* Forks processes that do each kind of work, and counts its events.  LINES walks twice the size of the last-level
 * cache, at least 64 MiB and at most a quarter of the free memory; its count must be within 5 % of the expected one,
 * that of PAGES within 10 %.  The count of SHARED, transfers of one line, must be within half of the expected one; that
 * of PADDED, lines far apart, under 1 % of it. */
SM_MUST_USE int sm_known_counts(const struct sm_os *os, const struct sm_topology *topology,
				struct sm_known_count out[SM_KNOWN_COUNTS], struct sm_error *err);

#endif
