/* Two runs side by side. */
#ifndef SHMETER_COMPARE_H
#define SHMETER_COMPARE_H

#include <stdio.h>

#include "shmeter/digest.h"
#include "shmeter/results.h"

/* One case of both runs. */
struct sm_compared {
	const char *id;    /* of the case in the new run */
	const char *klass; /* pair class in the new run, and in the old one */
	const char *old_klass;
	struct sm_interval ratio; /* new / old */
	double mde;               /* smallest ratio (> 1) that could have been seen; NaN */
	double p; /* two-sided, of "no difference", Holm-adjusted over all cases; NaN */
	unsigned new_blocks, old_blocks;
	const char *reason; /* why there is no ratio, or why it is not to be trusted; "-" */
	const char *
		says; /* "slower", "faster" ("longer there" on another machine), "within the noise"... */
};

struct sm_comparison_of_runs {
	struct sm_compared *row;
	size_t count;
	struct sm_interval overall; /* median over the cases of their ratios */
	double overall_mde;         /* smallest ratio (> 1) that the median could have shown; NaN */
	unsigned slower, faster;    /* cases that say so */
	bool same_machine;
	double floor; /* within this factor runs of one build differ here; 1: not known */
	struct sm_results strings; /* owns the rows' */
};

/* Compares what both runs hold (matched by the case's identity).  Free with sm_compare_free(), also after an
 * error. */
SM_MUST_USE int sm_compare_runs(struct sm_comparison_of_runs *out, const struct sm_digest *before,
				const struct sm_digest *now, struct sm_error *err);
void sm_compare_free(struct sm_comparison_of_runs *comparison);

/* Loads the runs of an alternation (see `shmeter ab`) as one: `old` and `new` become the variants of each case, and
 * `count` runs of each, in their order, its blocks.  The folders' A/A controls become the one control.  Cases that
 * only one side has are left out and counted in `*unmatched`. */
SM_MUST_USE int sm_alternation_load(struct sm_results *out, const char *const *old_folders,
				    const char *const *new_folders, size_t count, size_t *unmatched,
				    struct sm_error *err);

#endif
