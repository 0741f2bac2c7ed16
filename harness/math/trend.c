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

/* What the interval has to exclude.  One of lower confidence than asked for must lie beyond the allowed drift as a
 * whole: it would exclude a ratio of 1 in too many flat cases. */
static double bound(const struct sm_interval *ratio)
{
	return ratio->confidence < SM_TREND_CONFIDENCE ? log(SM_TREND_ALLOWED) : 0;
}

/* The smallest detectable drift, as ln, from both conditions of "unsettled": enough trials on one side that the
 * interval excludes `bound`, and a median beyond the allowed drift. */
static double detectable_log(double *logs, size_t count, const struct sm_interval *ratio)
{
	size_t need = sm_sign_test_need(count, (1 - ratio->confidence) / 2);
	/* 1.4826 makes a MAD a normal standard deviation, sqrt(pi / 2n) that of a median's error */
	double sigma = 1.4826 * sm_mad(logs, count), error = sigma * sqrt(acos(-1.0) / (2 * (double)count));
	double excludes = sigma * sm_normal_quantile(sm_binomial_p(need - 1, count, 1 - POWER));
	double passes = log(SM_TREND_ALLOWED) + sm_normal_quantile(POWER) * error;
	/* the ends of the interval show a tail that a MAD does not */
	double half_width = fmax(ratio->high - ratio->estimate, ratio->estimate - ratio->low);

	return fmax(bound(ratio) + fmax(excludes, half_width), passes);
}

/* `ratio` is of log-ratios. */
static bool is_unsettled(const struct sm_interval *ratio)
{
	return fabs(ratio->estimate) > log(SM_TREND_ALLOWED) &&
	       (ratio->low > bound(ratio) || ratio->high < -bound(ratio));
}

struct sm_trend sm_trend_judge(double *log_ratios, size_t count)
{
	struct sm_trend trend = { .detectable = NAN };
	struct sm_interval *ratio = &trend.ratio;

	*ratio = sm_median_interval(log_ratios, count, SM_TREND_CONFIDENCE);
	if (count >= TRIALS_MIN && isnan(ratio->low))
		*ratio = sm_median_interval(log_ratios, count, CONFIDENCE_OF_SIX);
	if (!isnan(ratio->low)) {
		trend.detectable = exp(detectable_log(log_ratios, count, ratio));
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
