/* Order statistics and what is computed from them. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "shmeter/memory.h"
#include "shmeter/stats.h"

/* Depths of the values of a sample, 1 being the outermost: beyond it half of a value is known to be missing.  If a
 * test still has too little power there, two gaps more are added.  With exponential tails, many values and all of them
 * needed on one side, that gives a power of 0.80: the mean of exp(-sqrt(G H (V W)^3)), G and H of the gamma
 * distribution of shape 2, V and W uniform. */
#define OUTERMOST 0.5
#define BEYOND    (-1.0)

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double middle_of_sorted(const double *values, size_t count)
{
	if (count == 0)
		return NAN;
	if (count % 2 == 1)
		return values[count / 2];
	/* Halved before the sum: two large values must not overflow. */
	return values[count / 2 - 1] / 2 + values[count / 2] / 2;
}

double sm_median(double *values, size_t count)
{
	if (count > 1)
		qsort(values, count, sizeof(*values), compare_double);
	return middle_of_sorted(values, count);
}

double sm_mad(double *values, size_t count)
{
	double median = sm_median(values, count);

	if (count == 0)
		return NAN;
	/* In sorted order the deviations fall towards the median from both ends: taking the larger
	 * of the two ends again and again yields them in descending order, without a second array.
	 */
	size_t left = 0, right = count, middle = count / 2;
	double previous = 0, deviation = 0;

	for (size_t rank = count; rank-- > middle - (count % 2 == 0);) {
		double below = median - values[left], above = values[right - 1] - median;

		previous = deviation;
		if (below > above) {
			deviation = below;
			left++;
		} else {
			deviation = above;
			right--;
		}
	}
	return count % 2 == 1 ? deviation : previous / 2 + deviation / 2;
}

double sm_quantile_sorted(const double *values, size_t count, double q)
{
	if (count == 0 || !(q >= 0 && q <= 1))
		return NAN;
	double at = q * (double)(count - 1);
	size_t below = (size_t)at;

	if (below + 1 >= count)
		return values[count - 1];
	return values[below] + (at - (double)below) * (values[below + 1] - values[below]);
}

/* The largest rank k (from 1) whose interval [x(k), x(n+1-k)] covers the median with at least
 * `confidence`; 0 where there is none.  `*achieved` is its exact coverage. */
static size_t sign_test_rank(size_t count, double confidence, double *achieved)
{
	/* Coverages such as 1 - 2/64 are sums of binary fractions: the slack only absorbs the last
	 * bits of the incomplete beta function. */
	const double slack = 1e-12;
	size_t best = 0;

	*achieved = 0;
	for (size_t k = 1; 2 * k <= count; k++) {
		double coverage = 1 - 2 * sm_binomial_cdf(k - 1, count, 0.5);

		if (coverage + slack < confidence)
			break;
		best = k;
		*achieved = coverage;
	}
	return best;
}

struct sm_interval sm_median_interval(double *values, size_t count, double confidence)
{
	struct sm_interval interval = { .estimate = sm_median(values, count), .low = NAN, .high = NAN, .count = count };
	size_t rank = sign_test_rank(count, confidence, &interval.confidence);

	if (rank > 0) {
		interval.low = values[rank - 1];
		interval.high = values[count - rank];
	}
	return interval;
}

double sm_median_coverage(size_t used, size_t lowest, size_t highest, double confidence)
{
	double achieved;
	size_t all = used + lowest + highest, rank = sign_test_rank(used, confidence, &achieved);

	if (rank == 0)
		return 0;
	/* x(rank) and x(used + 1 - rank) have ranks in all values that are higher by `lowest`; the median lies between
	 * them if that many of all values are below it. */
	return sm_binomial_cdf(used - rank + lowest, all, 0.5) - sm_binomial_cdf(rank + lowest - 1, all, 0.5);
}

size_t sm_sign_test_need(size_t count, double level)
{
	double achieved;
	size_t rank = sign_test_rank(count, 1 - 2 * level, &achieved);

	return rank > 0 ? count + 1 - rank : 0;
}

static double ln_beta(double a, double b)
{
	return lgamma(a) + lgamma(b) - lgamma(a + b);
}

/* Power of the test for a shift by half the distance between the values of this depth (1: the outermost) in another
 * sample.  The share that lies farther out has the distribution Beta(2 depth, count + 1 - 2 depth), half of it on the
 * wrong side, so the number of values that lie there is beta-binomial. */
static double power_at_depth(double depth, size_t count, size_t need)
{
	double n = (double)count, out = 2 * depth, in = n + 1 - out, power = 0;

	for (size_t k = 0; k <= count; k++) {
		double far = (double)k, near = n - far;
		double ln_chance =
			ln_beta(far + out, near + in) - ln_beta(out, in) - ln_beta(far + 1, near + 1) - log(n + 1);

		power += exp(ln_chance) * sm_binomial_cdf(count - need, k, 0.5);
	}
	return power;
}

/* The depth at which the power is SM_DETECTABLE_POWER. */
static double detectable_depth(size_t count, size_t need)
{
	double low = OUTERMOST, high = (double)count / 2;

	if (power_at_depth(low, count, need) < SM_DETECTABLE_POWER)
		return BEYOND;
	while (high - low > 1e-4) {
		double middle = (low + high) / 2;

		if (power_at_depth(middle, count, need) < SM_DETECTABLE_POWER)
			high = middle;
		else
			low = middle;
	}
	return low;
}

/* Interpolates between the depths; under 1 it extrapolates by the outermost gap. */
static double half_distance(const double *sorted, size_t count, double depth)
{
	size_t at = depth < 1 ? 0 : (size_t)depth - 1;
	double outer = sorted[count - 1 - at] - sorted[at], inner = sorted[count - 2 - at] - sorted[at + 1];

	return (outer + (depth - 1 - (double)at) * (inner - outer)) / 2;
}

double sm_minimum_detectable_ratio(double *logs, size_t count, size_t need)
{
	if (need == 0)
		return NAN;
	qsort(logs, count, sizeof(*logs), compare_double);
	return exp(half_distance(logs, count, detectable_depth(count, need)));
}

struct ranked {
	double p;
	size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->p != y->p)
		return x->p > y->p ? 1 : -1;
	return (x->index > y->index) - (x->index < y->index);
}

/* S. Holm, "A simple sequentially rejective multiple test procedure", 1979. */
void sm_holm(double *p, size_t count)
{
	struct ranked *ranked = sm_memory(count * sizeof(*ranked));
	double highest = 0;

	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){ p[i], i };
	qsort(ranked, count, sizeof(*ranked), compare_ranked);
	for (size_t i = 0; i < count; i++) {
		double adjusted = fmin(1, ranked[i].p * (double)(count - i));

		highest = fmax(highest, adjusted);
		p[ranked[i].index] = highest;
	}
	free(ranked);
}
