/* Verdicts, and a ratio in words. */
#include <math.h>
#include <stdio.h>

#include "parts.h"

#define SAME 0.0005 /* a ratio closer to 1 than 0.05 % is printed as "as long" */

struct sm_interval sm_analysis_interval(const struct sm_analysis *a, double *values, size_t count)
{
	return a->looked ? sm_median_sequence(values, count, SM_CONFIDENCE)
			 : sm_median_interval(values, count, SM_CONFIDENCE);
}

double sm_analysis_sign_p(const struct sm_analysis *a, uint64_t above, uint64_t n)
{
	uint64_t more = 2 * above > n ? above : n - above;

	return a->looked ? fmin(1, 2 * sm_sign_sequence_p(more, n)) : sm_sign_test(above, n);
}

size_t sm_analysis_need(const struct sm_analysis *a, size_t count, double level)
{
	return a->looked ? sm_sign_sequence_need(count, level) : sm_sign_test_need(count, level);
}

unsigned sm_analysis_blocks_min(const struct sm_analysis *a)
{
	return a->looked ? SM_LOOKED_BLOCKS_MIN : SM_BLOCKS_MIN;
}

enum sm_verdict sm_verdict_of(const struct sm_interval *ratio, double min, double max)
{
	if (min == 0 && max == 0)
		return SM_VERDICT_NONE; /* nothing is claimed */
	if (isnan(ratio->low) || isnan(ratio->high))
		return SM_INCONCLUSIVE;
	if ((min > 0 && ratio->high < min) || (max > 0 && ratio->low > max))
		return SM_REFUTED;
	if ((min > 0 && ratio->low < min) || (max > 0 && ratio->high > max))
		return SM_INCONCLUSIVE;
	return SM_SUPPORTED;
}

/* Three significant digits without an exponent: "0.123", "8.12", "45.7", "1234". */
static void write_number(char out[32], double value)
{
	int digits = value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3;

	for (double limit = 0.09995; value > 0 && value < limit && digits < 9; limit /= 10)
		digits++;
	snprintf(out, 32, "%.*f", digits, value);
}

const char *sm_ratio_words(char *out, size_t size, const char *left, const char *right, const char *per, double ratio)
{
	char number[32], inverse[32], aside[64] = "";

	if (!(ratio > 0) || isinf(ratio)) {
		snprintf(out, size, "%s cannot be compared with %s", left, right);
		return out;
	}
	write_number(number, ratio);
	write_number(inverse, 1 / ratio);
	/* A factor close to 1 is easier to read in per cent, and one under 1 as its inverse. */
	if (fabs(ratio - 1) < SAME) {
		snprintf(out, size, "%s takes as long %s as %s", left, per, right);
		return out;
	}
	if (ratio > 1 && ratio < 1.25)
		snprintf(aside, sizeof(aside), ", that is %.1f %% more time", (ratio - 1) * 100);
	else if (ratio < 1 && ratio > 0.8)
		snprintf(aside, sizeof(aside), ", that is %.1f %% less time", (1 - ratio) * 100);
	else if (ratio < 1)
		snprintf(aside, sizeof(aside), ", that is %s times faster", inverse);
	snprintf(out, size, "%s takes %s times as long %s as %s%s", left, number, per, right, aside);
	return out;
}
