/* The self-test: how often shmeter reports a difference that does not exist, and how often it detects one that does. */
#ifndef SHMETER_SELFTEST_H
#define SHMETER_SELFTEST_H

#include <stddef.h>

#include "shmeter/results.h"

/* A run of the A/A control, cut into parts of equal numbers of blocks; each part is judged separately. */
struct sm_parts {
	unsigned count;
	unsigned slower;  /* parts whose 95 % confidence interval of b / a lies above 1 */
	unsigned faster;  /* parts whose interval lies below 1 */
	double *time_ln;  /* ln of the part's median time of a, malloc'ed */
	double *ratio_ln; /* ln of its median ratio b / a */
};
/* Analyses the run and cuts it into parts of `part_blocks` blocks.  Free with sm_parts_free(). */
SM_MUST_USE int sm_parts_of(struct sm_parts *out, struct sm_results *run, unsigned part_blocks, struct sm_error *err);
void sm_parts_free(struct sm_parts *parts);
/* Judges the self-test.  Where nothing was changed (`percent` 0): refuted where the parts show a rate of false alarms
 * above 5 %.  Where b was slowed down by `percent`: refuted where significantly fewer than half of the parts detect it,
 * inconclusive where not most do.  Not testable without parts. */
enum sm_verdict sm_parts_judge(const struct sm_parts *parts, unsigned percent);

/* The noise floor: the factor (>= 1), as ln, by which `share` of all pairs of the values differ at most.  Reorders
 * `ln`. */
double sm_couples_within(double *ln, size_t count, double share);

#endif
