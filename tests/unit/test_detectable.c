/* The smallest detectable difference against simulated runs: how often an independent run of the same shape, shifted by
 * what one run printed, is detected.  TABLES=1 prints more lengths and the levels of gates. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shmeter/stats.h"

#define BLOCKS_MAX 60
/* Runs that print a difference, and further runs on which each of them is tried. */
#define RUNS  1000
#define TRIED 4
/* The bar: the stated power is 0.8. */
#define LEAST 0.75
#define MOST  0.9
/* Of a 95 % interval. */
#define INTERVAL 0.025

static struct sm_random seeded;

/* Uniform between 0 and 1, neither of them. */
static double uniform(void)
{
	return ((double)sm_random_below(&seeded, 1u << 30) + 0.5) / (1u << 30);
}

static double normal(void)
{
	return sm_normal_quantile(uniform());
}

static double laplace(void)
{
	double u = uniform();

	return u < 0.5 ? log(2 * u) : -log(2 - 2 * u);
}

/* Student's t with 3 degrees of freedom. */
static double heavy(void)
{
	double a = normal(), b = normal(), c = normal(), top = normal();

	return top / sqrt((a * a + b * b + c * c) / 3);
}

static double centred_uniform(void)
{
	return uniform() - 0.5;
}

static double two_peaks(void)
{
	return (uniform() < 0.5 ? -1 : 1) + 0.4 * normal();
}

static double exponential(void)
{
	return -log(uniform()) - log(2);
}

static double log_normal(void)
{
	return exp(0.8 * normal()) - 1;
}

/* All have the median 0. */
static const struct shape {
	const char *name;
	double (*draw)(void);
} shapes[] = {
	{ "normal", normal },           { "Laplace", laplace },     { "t, 3 df", heavy },
	{ "uniform", centred_uniform }, { "two peaks", two_peaks }, { "exponential", exponential },
	{ "log-normal", log_normal },
};
#define SHAPES (sizeof(shapes) / sizeof(shapes[0]))

static void draw(const struct shape *shape, double *value, size_t count, double shift)
{
	for (size_t i = 0; i < count; i++)
		value[i] = shape->draw() + shift;
}

/* Shares of the runs shifted up, and of those shifted down, that are detected on the side of the shift. */
struct power {
	double up, down;
};

static bool is_above(double *value, size_t count, double level)
{
	return sm_median_interval(value, count, 1 - 2 * level).low > 0;
}

static struct power power_of(const struct shape *shape, size_t count, double level)
{
	struct power power = { 0 };
	double value[BLOCKS_MAX];

	for (unsigned i = 0; i < RUNS; i++) {
		draw(shape, value, count, 0);
		double shift = log(sm_minimum_detectable_ratio(value, count, sm_sign_test_need(count, level)));

		for (unsigned k = 0; k < TRIED; k++) {
			draw(shape, value, count, shift);
			power.up += is_above(value, count, level);
			draw(shape, value, count, -shift);
			for (size_t j = 0; j < count; j++)
				value[j] = -value[j];
			power.down += is_above(value, count, level);
		}
	}
	return (struct power){ power.up / (RUNS * TRIED), power.down / (RUNS * TRIED) };
}

/* p-values by U, each computed once: it depends on nothing else. */
static double p_of(const double *x, const double *y, size_t count, double *known)
{
	size_t u = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			u += x[i] > y[j];
	if (isnan(known[u]))
		known[u] = sm_shift_test(x, count, y, count, 0);
	return known[u];
}

static struct power power_of_two(const struct shape *shape, size_t count, double level)
{
	static double known[BLOCKS_MAX * BLOCKS_MAX + 1];
	unsigned runs = count > 20 ? RUNS / 4 : RUNS; /* the table of U takes long */
	struct power power = { 0 };
	double x[BLOCKS_MAX], y[BLOCKS_MAX];

	for (size_t i = 0; i <= count * count; i++)
		known[i] = NAN;
	for (unsigned i = 0; i < runs; i++) {
		draw(shape, x, count, 0);
		draw(shape, y, count, 0);
		double shift = log(sm_minimum_detectable_shift_ratio(x, count, y, count, level));

		for (unsigned k = 0; k < TRIED; k++) {
			draw(shape, x, count, shift);
			draw(shape, y, count, 0);
			power.up += p_of(x, y, count, known) <= level;
			draw(shape, x, count, -shift);
			draw(shape, y, count, 0);
			power.down += p_of(y, x, count, known) <= level;
		}
	}
	return (struct power){ power.up / (runs * TRIED), power.down / (runs * TRIED) };
}

static void check(const char *test, struct power (*power_at)(const struct shape *, size_t, double), double level,
		  double least, const size_t *counts, size_t rows)
{
	for (size_t i = 0; i < rows; i++) {
		size_t n = counts[i];

		printf("%s, level %.2g, n = %2zu:", test, level, n);
		for (size_t s = 0; s < SHAPES; s++) {
			sm_random_seed(&seeded, 1000 * n + s);
			struct power power = power_at(&shapes[s], n, level);
			double mean = (power.up + power.down) / 2;

			printf(" %s %.2f (%.2f, %.2f)", shapes[s].name, mean, power.up, power.down);
			cr_expect(mean >= least && mean <= MOST, "%s, n = %zu, %s: %.3f", test, n, shapes[s].name,
				  mean);
		}
		putchar('\n');
	}
}

static const size_t usual[] = { 8, 12, 16, 30 }, more[] = { 6, 7, 9, 10, 14, 20, 24, 60 };

Test(detectable, a_printed_difference_is_found_with_the_stated_power)
{
	check("sign test", power_of, INTERVAL, LEAST, usual, 4);
	check("Mann-Whitney", power_of_two, INTERVAL, LEAST, usual, 4);
}

/* The level of one gate of ten. */
Test(detectable, so_is_that_of_a_gate)
{
	static const size_t gates[] = { 16, 32 };

	check("sign test", power_of, 0.001, LEAST, gates, 2);
	check("Mann-Whitney", power_of_two, 0.001, LEAST, gates, 2);
}

Test(detectable, tables)
{
	if (!getenv("TABLES"))
		return;
	check("sign test", power_of, INTERVAL, LEAST, more, 8);
	check("Mann-Whitney", power_of_two, INTERVAL, 0.73, more, 7); /* 6 a side are few */
}
