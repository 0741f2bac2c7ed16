/* The instrument on trial: how often it sees what is not there, and what is. */
#ifndef SHMETER_SELFTEST_H
#define SHMETER_SELFTEST_H

#include <stddef.h>

#include "shmeter/results.h"

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

#endif
