/* Two independent samples: by how much one is shifted against the other. */
#include <math.h>
#include <stdlib.h>

#include "shmeter/stats.h"

/* Beyond this many values on a side the normal approximation of U is good to many digits. */
#define EXACT_MAX 100

/* Cumulative null distribution of Mann and Whitney's U (1947) for n and m values, from 0 to n * m; NULL without
 * memory.  The number of arrangements with U = u obeys f(n, m, u) = f(n - 1, m, u - m) + f(n, m - 1, u). */
static double *exact_distribution(size_t n, size_t m)
{
	size_t width = n * m + 1;
	double *count = calloc((m + 1) * width, sizeof(*count)), all = 0;

	if (!count)
		return NULL;
	for (size_t j = 0; j <= m; j++)
		count[j * width] = 1;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			double *here = &count[j * width];
			const double *below = &count[(j - 1) * width];

			/* downwards: what stands at u - j is still that of i - 1 */
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

double sm_shift_test(const double *x, size_t nx, const double *y, size_t ny, double shift)
{
	double u = 0, *table, p;

	if (nx == 0 || ny == 0)
		return NAN;
	for (size_t i = 0; i < nx; i++)
		for (size_t j = 0; j < ny; j++) {
			double d = x[i] - y[j] - shift;

			u += d > 0 ? 1 : d == 0 ? 0.5 : 0;
		}
	table = table_for(nx, ny);
	/* P(U >= u) = P(U <= pairs - u); a half from a tie counts against the finding */
	p = cdf(table, nx, ny, (double)nx * (double)ny - floor(u));
	free(table);
	return p;
}

struct sm_interval sm_shift_interval(const double *x, size_t nx, const double *y, size_t ny,
				     double confidence)
{
	struct sm_interval interval = {
		.estimate = NAN, .low = NAN, .high = NAN, .count = nx < ny ? nx : ny
	};
	size_t pairs = nx * ny, rank = 0;
	double *difference = pairs > 0 ? malloc(pairs * sizeof(*difference)) : NULL;
	double *table;

	if (!difference)
		return interval;
	for (size_t i = 0; i < nx; i++)
		for (size_t j = 0; j < ny; j++)
			difference[i * ny + j] = x[i] - y[j];
	interval.estimate = sm_median(difference, pairs); /* and sorts */
	table = table_for(nx, ny);
	while (2 * (rank + 1) <= pairs &&
	       2 * cdf(table, nx, ny, (double)rank) <= 1 - confidence + 1e-12)
		rank++;
	if (rank > 0) {
		interval.low = difference[rank - 1];
		interval.high = difference[pairs - rank];
		interval.confidence = 1 - 2 * cdf(table, nx, ny, (double)rank - 1);
	}
	free(table);
	free(difference);
	return interval;
}
