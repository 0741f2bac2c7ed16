/* Steps in simulated series: how often noise has one, how often a real one is found, and what a drift is taken for.
 * TABLES=1 prints the limits that steps.c holds. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shmeter/stats.h"
#include "shmeter/steps.h"

#define RUNS_MAX 120
#define SIGMA    0.01

static struct sm_random seeded;

static double normal(void)
{
	return SIGMA * sm_normal_quantile(((double)sm_random_below(&seeded, 1u << 30) + 0.5) / (1u << 30));
}

/* Student's t with 3 degrees of freedom. */
static double heavy(void)
{
	double a = normal(), b = normal(), c = normal(), top = normal();

	return SIGMA * top / sqrt((a * a + b * b + c * c) / 3);
}

struct marked {
	unsigned steps;
	bool drifts;
};

static struct marked mark(const double *value, size_t count)
{
	double level[RUNS_MAX];
	bool step[RUNS_MAX];
	struct marked marked = { .drifts = sm_steps_find(value, count, step, level) };

	for (size_t i = 0; i < count; i++)
		marked.steps += step[i];
	return marked;
}

/* Shares of the series: with a step, with more than one, with a drift. */
struct shares {
	double any, several, drift;
};

/* Series with `rise` along a straight line and a step of `size` at `at`. */
static struct shares shares_of(size_t count, double (*draw)(void), double rise, size_t at, double size, unsigned series)
{
	struct shares found = { 0 };
	double value[RUNS_MAX];

	sm_random_seed(&seeded, 77 + count);
	for (unsigned r = 0; r < series; r++) {
		for (size_t i = 0; i < count; i++)
			value[i] = draw() + rise * (double)i / (double)(count - 1) + (i >= at ? size : 0);
		struct marked marked = mark(value, count);

		found.any += marked.steps > 0;
		found.several += marked.steps > 1;
		found.drift += marked.drifts;
	}
	return (struct shares){ found.any / series, found.several / series, found.drift / series };
}

static const size_t lengths[] = { 5, 6, 7, 8, 9, 10, 11, 12, 20, 30, 60, 120 };
#define LENGTHS (sizeof(lengths) / sizeof(lengths[0]))

Test(steps, noise_of_any_length_has_few)
{
	for (size_t i = 0; i < LENGTHS; i++) {
		size_t n = lengths[i];
		unsigned series = n > 30 ? 2000 : 10000;
		struct shares flat = shares_of(n, normal, 0, n, 0, series),
			      tails = shares_of(n, heavy, 0, n, 0, series);

		printf("%3zu runs: a false step or drift in %.4f of series of normal noise, in %.4f of heavy-tailed noise\n",
		       n, flat.any + flat.drift, tails.any + tails.drift);
		cr_expect_leq(flat.any + flat.drift, 0.004, "%zu runs: %.4f", n, flat.any + flat.drift);
		cr_expect_leq(tails.any + tails.drift, 0.008, "%zu runs: %.4f", n, tails.any + tails.drift);
	}
}

Test(steps, a_step_of_five_deviations_is_found_from_twelve_runs_on)
{
	for (size_t i = 0; i < LENGTHS; i++) {
		size_t n = lengths[i];
		struct shares middle = shares_of(n, normal, 0, n / 2, 5 * SIGMA, 1000);
		struct shares end = shares_of(n, normal, 0, n - 2, 5 * SIGMA, 1000);

		printf("%3zu runs: a step of 5 %% with 1 %% scatter is found in %.2f in the middle (more than one in %.3f, a "
		       "drift in %.3f), in %.2f two runs before the end\n",
		       n, middle.any, middle.several, middle.drift, end.any);
		if (n >= 12)
			cr_expect_geq(middle.any, 0.8, "%zu runs: %.2f", n, middle.any);
		if (n >= 20)
			cr_expect_geq(end.any, 0.7, "%zu runs: %.2f", n, end.any);
		cr_expect_leq(middle.several, 0.02);
	}
}

Test(steps, a_drift_is_no_step)
{
	for (size_t i = 0; i < LENGTHS; i++) {
		static const double rises[] = { 2, 5, 10 };
		size_t n = lengths[i];

		printf("%3zu runs:", n);
		for (size_t k = 0; k < 3; k++) {
			struct shares drift = shares_of(n, normal, rises[k] * SIGMA, n, 0, 1000);

			printf("  rise %2.0f %%: step %.3f, several %.3f, drift %.3f", 100 * rises[k] * SIGMA,
			       drift.any, drift.several, drift.drift);
			cr_expect_leq(drift.any, rises[k] > 5 ? 0.05 : 0.25, "%zu runs: %.3f", n, drift.any);
			cr_expect_leq(drift.several, 0.08, "%zu runs: %.3f", n, drift.several);
		}
		putchar('\n');
	}
}

/* An outlier of 20 deviations. */
Test(steps, an_outlier_hides_no_step)
{
	double value[30];
	unsigned found = 0;

	sm_random_seed(&seeded, 5);
	for (unsigned r = 0; r < 1000; r++) {
		for (size_t i = 0; i < 30; i++)
			value[i] = normal() + (i >= 15 ? 5 * SIGMA : 0) + (i == 7 ? 20 * SIGMA : 0);
		found += mark(value, 30).steps == 1;
	}
	printf("beside an outlier of 20 %% a step of 5 %% is found in %u of 1000 series\n", found);
	cr_expect_geq(found, 900);
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

Test(steps, tables, .timeout = 100000)
{
	static const size_t made[] = { 6, 7, 8, 9, 10, 12, 14, 16, 19, 20, 24, 30, 40, 60, 120 };
	const char *series_text = getenv("TABLES");
	unsigned series = series_text ? (unsigned)atoi(series_text) : 0;
	double *sigmas = malloc((series + 1) * sizeof(*sigmas)), value[RUNS_MAX];

	cr_assert(sigmas);
	for (size_t i = 0; series && i < sizeof(made) / sizeof(made[0]); i++) {
		size_t n = made[i];

		sm_random_seed(&seeded, n);
		for (unsigned r = 0; r < series; r++) {
			for (size_t j = 0; j < n; j++)
				value[j] = 1000 * normal(); /* far over SM_STEP_MIN */
			sigmas[r] = sm_step_largest(value, n);
		}
		qsort(sigmas, series, sizeof(*sigmas), ascending);
		printf("{ %zu, %.2f },\n", n, sigmas[(size_t)(0.998 * series)]);
	}
	free(sigmas);
}
