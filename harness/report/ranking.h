/* The variants of one point of a scenario, best first, and which of them are tied: the tables of `run`, `report` and
 * `choose` show them. */
#ifndef SHMETER_REPORT_RANKING_H
#define SHMETER_REPORT_RANKING_H

#include <stdio.h>

#include "shmeter/report.h"

/* A variant at the point. */
struct ranked {
	const struct sm_case_row *c;
	const struct sm_summary_row *summary;
	struct sm_interval figure; /* the ranked value, less is better; ns per operation unless the caller sets it */
	struct sm_interval ratio;  /* its time over that of the baseline; NaN if the run does not compare the two */
	/* One more than the number of variants that are certainly better (ranking_is_better()); variants of the same
	 * rank are tied.  0: a value without an interval has no rank. */
	unsigned rank;
	bool tied; /* another variant has this rank, too */
};

struct ranking {
	const struct sm_results *results;
	const char *metric; /* the metric of `figure`: "time per round trip" */
	struct ranked *row; /* by rank and figure, those without a rank last; variants without a value are left out */
	size_t count;
	const char *baseline;            /* the first variant of the plan that has a value; NULL: none */
	const struct sm_pair_row **pair; /* the main comparisons of the point, at most one for each two variants */
	size_t pair_count;
	bool paired; /* the comparisons are of the metric of `figure` */
};

/* Ranks the variants of a group (sm_case_row.group) by their time.  Ends the program if there is no memory. */
struct ranking ranking_open(const struct sm_results *results, const char *group);
/* Sorts and ranks again, after the caller has changed values or removed rows. */
void ranking_order(struct ranking *ranking);
void ranking_close(struct ranking *ranking);
/* Whether one is certainly better than the other.  If the run compares the two block by block, the 95 % interval of
 * their ratio decides, because it is narrower.  Otherwise their own intervals decide; an unknown interval excludes
 * nothing. */
bool ranking_is_better(const struct ranking *ranking, const struct ranked *one, const struct ranked *other);
/* The main ratio of two variants of a group, left over right, in whichever direction the run computed it; false:
 * none. */
bool ranking_ratio(const struct sm_results *results, sm_name group, sm_name left, sm_name right,
		   struct sm_interval *out);
/* Prints the table: rank, variant, value, interval, ratio to the baseline, CPU time, rate, and more if the width
 * allows. */
void ranking_print(const struct ranking *ranking, unsigned width, FILE *out);

#endif
