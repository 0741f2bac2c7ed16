/* Estimates the shift between two independent samples. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/memory.h"
#include "shmeter/stats.h"

/* With more values on a side the normal approximation of U is accurate to many digits. */
#define EXACT_MAX 100
/* Differences closer to each other than this, absolutely or relatively, are equal. */
#define CLOSE 1e-13

/* Cumulative null distribution of Mann and Whitney's U (1947) for n and m values, from 0 to n * m.
 * The number of arrangements with U = u obeys f(n, m, u) = f(n - 1, m, u - m) + f(n, m - 1, u). */
static double *exact_distribution(size_t n, size_t m)
{
	size_t width = n * m + 1;
	double *count = sm_zeroed_memory((m + 1) * width, sizeof(*count)), all = 0;

	for (size_t j = 0; j <= m; j++)
		count[j * width] = 1;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			double *here = &count[j * width];
			const double *below = &count[(j - 1) * width];

			/* downwards: the value at u - j is still that of i - 1 */
			for (size_t u = i * j + 1; u-- > 0;)
				here[u] = (u >= j ? here[u - j] : 0) + below[u];
		}
	double *total = &count[m * width];

	for (size_t u = 0; u < width; u++) {
		all += total[u];
		count[u] = total[u]; /* row 0 is not needed any more */
	}
	double sum = 0;

	for (size_t u = 0; u < width; u++) {
		sum += count[u];
		count[u] = sum / all;
	}
	return count;
}

static double normal_cdf(double z)
{
	return erfc(-z / sqrt(2)) / 2;
}

/* P(U <= u), with the exact distribution or (table NULL) the normal one with continuity correction. */
static double cdf(const double *table, size_t n, size_t m, double u)
{
	double pairs = (double)n * (double)m;

	if (u < 0)
		return 0;
	if (u >= pairs)
		return 1;
	if (table)
		return table[(size_t)floor(u)];
	return normal_cdf((u + 0.5 - pairs / 2) / sqrt(pairs * ((double)n + (double)m + 1) / 12));
}

static double *table_for(size_t n, size_t m)
{
	return n <= EXACT_MAX && m <= EXACT_MAX ? exact_distribution(n, m) : NULL;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double *sorted(const double *values, size_t count)
{
	double *copy = sm_memory(count * sizeof(*copy));

	memcpy(copy, values, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), ascending);
	return copy;
}

/* How many of the differences of two ascending samples are at most (below: under) `limit`. */
static double count_differences(const double *x, size_t nx, const double *y, size_t ny, double limit, bool below)
{
	double count = 0;
	size_t j = 0; /* index from which y is large enough for this x; it never decreases for a larger x */

	for (size_t i = 0; i < nx; i++) {
		while (j < ny && (below ? x[i] - y[j] >= limit : x[i] - y[j] > limit))
			j++;
		count += (double)(ny - j);
	}
	return count;
}

/* The largest difference that is at most `limit`. */
static double largest_up_to(const double *x, size_t nx, const double *y, size_t ny, double limit)
{
	double largest = -INFINITY;

	for (size_t i = 0, j = 0; i < nx; i++) {
		while (j < ny && x[i] - y[j] > limit)
			j++;
		if (j < ny)
			largest = fmax(largest, x[i] - y[j]);
	}
	return largest;
}

/* The difference of this rank (from 1, ascending), without computing all differences: bisection to within CLOSE, then
 * the largest difference up to there. */
static double difference_of_rank(const double *x, size_t nx, const double *y, size_t ny, double rank)
{
	double low = x[0] - y[ny - 1], high = x[nx - 1] - y[0];

	if (count_differences(x, nx, y, ny, low, false) >= rank)
		return low;
	while (high - low > CLOSE * fmax(1, fabs(high))) {
		double middle = low + (high - low) / 2;

		if (count_differences(x, nx, y, ny, middle, false) >= rank)
			high = middle;
		else
			low = middle;
	}
	return largest_up_to(x, nx, y, ny, high);
}

double sm_shift_test(const double *x, size_t nx, const double *y, size_t ny, double shift)
{
	double pairs = (double)nx * (double)ny, p, under, ties, *a, *b, *table;

	if (nx == 0 || ny == 0)
		return NAN;
	a = sorted(x, nx);
	b = sorted(y, ny);
	table = table_for(nx, ny);
	under = count_differences(a, nx, b, ny, shift, true);
	ties = count_differences(a, nx, b, ny, shift, false) - under;
	/* P(U >= u) = P(U <= pairs - u); the half of a tie is rounded so that p is larger */
	p = cdf(table, nx, ny, pairs - floor(pairs - under - ties / 2));
	free(table);
	free(a);
	free(b);
	return p;
}

/* The largest rank whose tail has at most half of 1 - confidence; 0: none. */
static double rank_of(const double *table, size_t nx, size_t ny, double confidence)
{
	double low = 0, high = floor((double)nx * (double)ny / 2);
	double tail = (1 - confidence) / 2 + 1e-12;

	while (low < high) {
		double middle = ceil(low + (high - low) / 2);

		if (cdf(table, nx, ny, middle - 1) <= tail)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

struct sm_interval sm_shift_interval(const double *x, size_t nx, const double *y, size_t ny, double confidence)
{
	struct sm_interval interval = { .estimate = NAN, .low = NAN, .high = NAN, .count = nx < ny ? nx : ny };
	double pairs = (double)nx * (double)ny, rank, *a, *b, *table;

	if (nx == 0 || ny == 0)
		return interval;
	a = sorted(x, nx);
	b = sorted(y, ny);
	table = table_for(nx, ny);
	rank = rank_of(table, nx, ny, confidence);
	interval.estimate = difference_of_rank(a, nx, b, ny, floor((pairs + 1) / 2)) / 2 +
			    difference_of_rank(a, nx, b, ny, floor(pairs / 2) + 1) / 2;
	if (rank > 0) {
		interval.low = difference_of_rank(a, nx, b, ny, rank);
		interval.high = difference_of_rank(a, nx, b, ny, pairs + 1 - rank);
		interval.confidence = 1 - 2 * cdf(table, nx, ny, rank - 1);
	}
	free(table);
	free(a);
	free(b);
	return interval;
}

/* Power of the test where a value of x exceeds one of y with this probability and `need` of all pairs must: their share
 * is nearly normal, with the standard error of Hanley and McNeil; x and y may stand for either side. */
static double power_at(double exceeds, size_t nx, size_t ny, double need)
{
	double pairs = (double)nx * (double)ny, square = exceeds * exceeds;
	double one = exceeds / (2 - exceeds) - square, other = 2 * square / (1 + exceeds) - square;
	double variance = (exceeds * (1 - exceeds) + ((double)(nx + ny) / 2 - 1) * (one + other)) / pairs;

	return normal_cdf((exceeds - (need - 0.5) / pairs) / sqrt(variance));
}

/* The probability that a value of x exceeds one of y at which the test has the power SM_DETECTABLE_POWER; NaN where the
 * level is out of reach. */
static double detectable_excess(size_t nx, size_t ny, double level)
{
	double *table = table_for(nx, ny), rank = rank_of(table, nx, ny, 1 - 2 * level), low = 0.5, high = 1;

	free(table);
	while (rank > 0 && high - low > CLOSE) {
		double middle = (low + high) / 2;

		if (power_at(middle, nx, ny, (double)nx * (double)ny + 1 - rank) < SM_DETECTABLE_POWER)
			low = middle;
		else
			high = middle;
	}
	return rank > 0 ? high : (double)NAN;
}

double sm_minimum_detectable_shift_ratio(const double *x, size_t nx, const double *y, size_t ny, double level)
{
	double excess = nx > 1 && ny > 1 ? detectable_excess(nx, ny, level) : (double)NAN, shift, *difference;
	size_t k = 0;

	if (isnan(excess))
		return NAN;
	difference = sm_memory(nx * ny * sizeof(*difference));
	for (size_t i = 0; i < nx; i++)
		for (size_t j = 0; j < ny; j++)
			difference[k++] = x[i] - y[j];
	qsort(difference, k, sizeof(*difference), ascending);
	shift = (sm_quantile_sorted(difference, k, excess) - sm_quantile_sorted(difference, k, 1 - excess)) / 2;
	free(difference);
	return exp(shift * sqrt(((double)nx / ((double)nx - 1.5) + (double)ny / ((double)ny - 1.5)) / 2));
}
