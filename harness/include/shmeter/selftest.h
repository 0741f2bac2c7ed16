/* The instrument on trial: how often it sees what is not there, and what is. */
#ifndef SHMETER_SELFTEST_H
#define SHMETER_SELFTEST_H

#include <stddef.h>

#include "shmeter/counters.h"
#include "shmeter/results.h"
#include "shmeter/topology.h"

/* A run of the A/A control cut into parts of so many blocks, each judged by itself. */
struct sm_parts {
	unsigned count;
	unsigned slower;  /* parts whose 95 % interval of b / a lies above 1 */
	unsigned faster;  /* below 1 */
	double *time_ln;  /* ln of the part's median time of a, malloc'ed */
	double *ratio_ln; /* ln of its median ratio b / a */
};
/* Analyses the run on the way.  Free with sm_parts_free(). */
SM_MUST_USE int sm_parts_of(struct sm_parts *out, struct sm_results *run, unsigned part_blocks, struct sm_error *err);
void sm_parts_free(struct sm_parts *parts);
/* What the parts say of the instrument.  Nothing changed (`percent` 0): refuted where more false alarms than 5 % are no
 * surprise.  Slowed down: refuted where surely less than half of the parts see it, inconclusive where not most do.
 * Without parts, not testable. */
enum sm_verdict sm_parts_judge(const struct sm_parts *parts, unsigned percent);

/* The factor (>= 1) within which `share` of all couples of the values lie, as ln: a noise floor.  Reorders. */
double sm_couples_within(double *ln, size_t count, double share);

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
