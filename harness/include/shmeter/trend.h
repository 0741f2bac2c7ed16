/* Whether the trials of a case were settled: the last third of each against its first third.
 *
 * A trial's figure is the median of its slices, which says little where they still fall or rise.  That is decided for a
 * case over all of its trials: to drop the trials that drift would be to select by outcome.  Pure functions. */
#ifndef SHMETER_TREND_H
#define SHMETER_TREND_H

#include <stddef.h>

#include "shmeter/stats.h"

/* Thirds of fewer slices are not made: a trial has this many in one pair class, or says nothing. */
#define SM_TREND_SLICES_MIN 3
/* Drifts up to this ratio are let pass: intervals of a run are seldom narrower than 3 %. */
#define SM_TREND_ALLOWED 1.03
/* Level of the interval.  A run judges some 200 cases, so at the 95 % of a claim ten would be unsettled by chance alone;
 * as it is two are at most, and the allowed drift makes it fewer (tests/unit/test_trend.c).  Six and seven trials cannot
 * reach it: theirs is the widest interval, of 96.9 and 98.4 %. */
#define SM_TREND_CONFIDENCE 0.99
/* A case is called flat only where a drift of this ratio would have been found. */
#define SM_TREND_FOUND 1.05

enum sm_trend_verdict {
	SM_TREND_NONE,      /* cannot tell: under six trials, or a scatter in which a drift of SM_TREND_FOUND hides */
	SM_TREND_FLAT,      /* such a drift would have been found, and was not */
	SM_TREND_UNSETTLED, /* the interval excludes 1 and the ratio is beyond SM_TREND_ALLOWED, either way */
};

struct sm_trend {
	enum sm_trend_verdict verdict;
	struct sm_interval ratio; /* last third / first third: median over the trials; limits are NaN under six */
	/* The smallest ratio above 1 that this many trials with this scatter would have shown in 95 of 100 cases; one below
	 * 1 is its inverse.  NaN where the limits are. */
	double detectable;
};

/* A trial's log-ratio: ln(median of the last third / median of the first third) of its slices, in their order, as times
 * per operation (> 0) in one pair class; a third is count / 3 slices.  NaN under SM_TREND_SLICES_MIN.  `work` has room
 * for count / 3 values. */
double sm_trend_of_trial(const double *time, size_t count, double *work);

/* The case's: from the log-ratios of all of its trials that have one (all finite).  Reorders `log_ratios`.
 * The interval is of order statistics (sm_median_interval()), so no shape of the scatter is assumed, and a flat case is
 * called unsettled no more often than it misses.  `detectable` takes the scatter as normal, of the size that the
 * trials' MAD or their interval has, whichever is wider. */
struct sm_trend sm_trend_judge(double *log_ratios, size_t count);

#endif
