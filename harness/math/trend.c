/* Whether the trials of a case reached a steady state. */
#include "shmeter/trend.h"

#include <math.h>
#include <string.h>

/* Fewest trials that give a confidence interval, as everywhere (method.md), and its level. */
#define TRIALS_MIN        6
#define CONFIDENCE_OF_SIX 0.95
/* Probability that a drift of the detectable size is detected. */
#define POWER 0.95

static double median_of(const double *time, size_t count, double *work)
{
	memcpy(work, time, count * sizeof(*work));
	return sm_median(work, count);
}

double sm_trend_of_trial(const double *time, size_t count, double *work)
{
	size_t third = count / 3;

	if (count < SM_TREND_SLICES_MIN)
		return NAN;
	double first = median_of(time, third, work);

	return log(median_of(time + count - third, third, work) / first);
}

/* The smallest probability of a trial to lie on one side for which `need` of `count` trials do so with probability
 * POWER. */
static double share_needed(size_t need, size_t count)
{
	double low = 0, high = 1;

	while (high - low > 1e-9) {
		double middle = (low + high) / 2;

		if (1 - sm_binomial_cdf(need - 1, count, middle) < POWER)
			low = middle;
		else
			high = middle;
	}
	return high;
}

/* The smallest detectable drift, as ln, from both conditions of "unsettled": enough trials on one side of 0 that the
 * interval excludes it, and a median beyond the allowed drift.  `mad` is that of the log-ratios, `rank` that of the
 * interval's ends. */
static double detectable_log(double mad, double half_width, size_t rank, size_t count)
{
	/* 1.4826 makes a MAD a normal standard deviation, sqrt(pi / 2n) that of a median's error */
	double sigma = 1.4826 * mad, error = sigma * sqrt(acos(-1.0) / (2 * (double)count));
	double excludes = sigma * sm_normal_quantile(share_needed(count - rank + 1, count));
	double passes = log(SM_TREND_ALLOWED) + sm_normal_quantile(POWER) * error;

	/* the ends of the interval show a tail that a MAD does not */
	return fmax(fmax(excludes, half_width), passes);
}

/* The rank (from 1) of the interval's ends: its coverage is 1 - 2 BinomCDF(rank - 1; count, 1/2). */
static size_t rank_of(size_t count, double confidence)
{
	size_t rank = 1;

	while (1 - 2 * sm_binomial_cdf(rank, count, 0.5) >= confidence - 1e-12)
		rank++;
	return rank;
}

/* `ratio` is of log-ratios.  An interval of lower confidence than asked for must lie beyond the allowed drift as a
 * whole: it would exclude a ratio of 1 in too many flat cases. */
static bool is_unsettled(const struct sm_interval *ratio)
{
	double allowed = log(SM_TREND_ALLOWED);
	double beyond = ratio->confidence < SM_TREND_CONFIDENCE ? allowed : 0;

	return fabs(ratio->estimate) > allowed && (ratio->low > beyond || ratio->high < -beyond);
}

struct sm_trend sm_trend_judge(double *log_ratios, size_t count)
{
	struct sm_trend trend = { .detectable = NAN };
	struct sm_interval *ratio = &trend.ratio;

	*ratio = sm_median_interval(log_ratios, count, SM_TREND_CONFIDENCE);
	if (count >= TRIALS_MIN && isnan(ratio->low))
		*ratio = sm_median_interval(log_ratios, count, CONFIDENCE_OF_SIX);
	if (!isnan(ratio->low)) {
		double half_width = fmax(ratio->high - ratio->estimate, ratio->estimate - ratio->low);
		double log_found =
			detectable_log(sm_mad(log_ratios, count), half_width, rank_of(count, ratio->confidence), count);

		trend.detectable = exp(log_found);
		if (is_unsettled(ratio))
			trend.verdict = SM_TREND_UNSETTLED;
		else if (trend.detectable <= SM_TREND_FOUND)
			trend.verdict = SM_TREND_FLAT;
	}
	ratio->estimate = exp(ratio->estimate);
	ratio->low = exp(ratio->low);
	ratio->high = exp(ratio->high);
	return trend;
}
