/* The variants of one point of a scenario, best first, and which of them are ties: what the tables of `run`, `report`
 * and `choose` show. */
#ifndef SHMETER_REPORT_RANKING_H
#define SHMETER_REPORT_RANKING_H

#include <stdio.h>

#include "shmeter/report.h"

/* A variant at the point. */
struct ranked {
	const struct sm_case_row *c;
	const struct sm_summary_row *summary;
	struct sm_interval figure; /* what ranks, less is better; ns an operation unless the caller sets it */
	struct sm_interval ratio;  /* its time over that of the baseline; NaN where the run does not compare the two */
	/* The place of the best one that is not better beyond doubt than the next: who shares it is tied with that one. */
	unsigned rank;
	bool tied; /* another one has this rank */
};

struct ranking {
	const struct sm_results *results;
	const char *metric; /* what `figure` is of: "time per round trip" */
	struct ranked *row; /* by figure; variants without one are not here */
	size_t count;
	const char *baseline;            /* the first variant of the plan that has a figure; NULL: none has */
	const struct sm_pair_row **pair; /* the leading comparisons of the point, one for each two variants at most */
	size_t pair_count;
	bool paired; /* the comparisons are of `figure` */
};

/* Ranks the variants of a group (sm_case_row.group) by their time.  Ends the program without memory. */
struct ranking ranking_open(const struct sm_results *results, const char *group);
/* Sorts and ranks anew, after the caller has changed figures or taken rows out. */
void ranking_order(struct ranking *ranking);
void ranking_close(struct ranking *ranking);
/* Whether one is better than the other beyond doubt.  Where the run compares the two block by block, the 95 % interval
 * of their ratio decides: it is sharper.  Else their own intervals do, and one that is not known lies everywhere. */
bool ranking_is_better(const struct ranking *ranking, const struct ranked *one, const struct ranked *other);
/* The leading ratio of two variants of a group, left over right, whichever way round the run made it; false: none. */
bool ranking_ratio(const struct sm_results *results, sm_name group, sm_name left, sm_name right,
		   struct sm_interval *out);
/* The table: rank, variant, figure, interval, ratio to the baseline, CPU time, rate, and what else the width allows. */
void ranking_print(const struct ranking *ranking, unsigned width, FILE *out);

#endif
