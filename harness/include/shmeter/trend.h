/* Whether the trials of a case reached a steady state: compares the last third of each trial with its first third.
 *
 * The value of a trial is the median of its slices, which means little where they still drift.  The decision is made
 * for a case over all its trials: dropping only the trials that drift would select by outcome.  Pure functions. */
#ifndef SHMETER_TREND_H
#define SHMETER_TREND_H

#include <stddef.h>

#include "shmeter/stats.h"

/* A trial with fewer slices in one pair class is ignored: it has no thirds to compare. */
#define SM_TREND_SLICES_MIN 3
/* Drifts up to this ratio are accepted: confidence intervals of a run are seldom narrower than 3 %. */
#define SM_TREND_ALLOWED 1.03
/* Level of the confidence interval.  A run judges about 200 cases, so at the 95 % of a claim ten would be unsettled by
 * chance alone.  At 99 % at most two are, and the accepted drift makes it fewer (tests/unit/test_trend.c).  Six and
 * seven trials cannot reach this level: they get their widest interval, of 96.9 and 98.4 %. */
#define SM_TREND_CONFIDENCE 0.99
/* A case is called flat only where a drift of this ratio would have been detected. */
#define SM_TREND_FOUND 1.05

enum sm_trend_verdict {
	SM_TREND_NONE,      /* not known: under six trials, or scatter that hides a drift of SM_TREND_FOUND */
	SM_TREND_FLAT,      /* such a drift would have been detected, and was not */
	SM_TREND_UNSETTLED, /* the interval excludes 1 and the ratio exceeds SM_TREND_ALLOWED, up or down */
};

struct sm_trend {
	enum sm_trend_verdict verdict;
	struct sm_interval ratio; /* last third / first third, median over the trials; low and high are NaN under six */
	/* The smallest ratio above 1 that so many trials with this scatter detect with 95 % probability, if the
	 * scatter is normal and as large as these trials say; below 1 it is the inverse.  NaN where low and high are. */
	double detectable;
};

/* A trial's log-ratio: ln(median of the last third / median of the first third) of its slices, in their order, as times
 * per operation (> 0) in one pair class; a third is count / 3 slices.  NaN under SM_TREND_SLICES_MIN.  `work` has room
 * for count / 3 values. */
double sm_trend_of_trial(const double *time, size_t count, double *work);

/* Judges a case from the log-ratios of all its trials that have one (all finite).  Reorders `log_ratios`.  The
 * confidence interval uses order statistics (sm_median_interval()), so it assumes no distribution, and a flat case is
 * called unsettled at most as often as the interval misses.  `detectable` assumes normal scatter, of the size of the
 * trials' MAD or of their interval, whichever is wider.  That size is itself uncertain: the
 * drift that one case of normal scatter names is found in 83 to 94 % of others (tests/unit/test_trend.c), with heavy
 * tails in fewer. */
struct sm_trend sm_trend_judge(double *log_ratios, size_t count);

#endif
