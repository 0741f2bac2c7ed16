/* The statistics against GSL and against published tables. */
#include <criterion/criterion.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics_double.h>
#include <math.h>
#include <string.h>

#include "shmeter/analysis.h"
#include "shmeter/stats.h"

static double relative_error(double got, double expected)
{
	return fabs(got - expected) / fmax(fabs(expected), 1e-300);
}

static void fill(struct sm_random *random, double *values, size_t count)
{
	for (size_t i = 0; i < count; i++)
		values[i] = (double)sm_random_below(random, 1000000) / 997.0;
}

Test(stats, median_mad_and_quantile_match_gsl)
{
	struct sm_random random;
	double values[101], copy[101], work[101];

	sm_random_seed(&random, 11);
	for (size_t count = 1; count <= 101; count++) {
		fill(&random, values, count);
		memcpy(copy, values, sizeof(copy));
		gsl_sort(copy, 1, count);
		double median = gsl_stats_median_from_sorted_data(copy, 1, count);

		cr_expect_float_eq(sm_median(values, count), median, 1e-9, "median of %zu", count);
		cr_expect_float_eq(sm_mad(values, count), gsl_stats_mad0(copy, 1, count, work), 1e-9, "mad of %zu",
				   count);
		for (double q = 0; q <= 1; q += 0.125)
			cr_expect_float_eq(sm_quantile_sorted(copy, count, q),
					   gsl_stats_quantile_from_sorted_data(copy, 1, count, q), 1e-9,
					   "quantile %g of %zu", q, count);
	}
}

Test(stats, nothing_is_not_a_number)
{
	double none[1] = { 1 };

	cr_expect(isnan(sm_median(none, 0)));
	cr_expect(isnan(sm_mad(none, 0)));
	cr_expect(isnan(sm_quantile_sorted(none, 0, 0.5)));
	cr_expect(isnan(sm_quantile_sorted(none, 1, 1.5)));
	cr_expect_float_eq(sm_mad(none, 1), 0, 0);
	struct sm_interval interval = sm_median_interval(none, 0, 0.95);

	cr_expect(isnan(interval.estimate) && isnan(interval.low) && isnan(interval.high));
	cr_expect(interval.count == 0 && interval.confidence == 0);
}

Test(stats, binomial_cdf_matches_gsl)
{
	const unsigned n_of[] = { 1, 2, 6, 10, 30, 100, 200, 1000, 20000 };
	const double p_of[] = { 0.001, 0.05, 0.3, 0.5, 0.8, 0.999 };

	for (size_t i = 0; i < sizeof(n_of) / sizeof(n_of[0]); i++)
		for (size_t j = 0; j < sizeof(p_of) / sizeof(p_of[0]); j++)
			for (unsigned step = 0; step <= 20; step++) {
				unsigned n = n_of[i], k = (unsigned)((uint64_t)n * step / 20);
				double expected = gsl_cdf_binomial_P(k, p_of[j], n);

				cr_expect_float_eq(sm_binomial_cdf(k, n, p_of[j]), expected, 1e-10,
						   "k=%u n=%u p=%g: %.17g, expected %.17g", k, n, p_of[j],
						   sm_binomial_cdf(k, n, p_of[j]), expected);
			}
	cr_expect_float_eq(sm_binomial_cdf(3, 10, 0), 1, 0);
	cr_expect_float_eq(sm_binomial_cdf(3, 10, 1), 0, 0);
	cr_expect_float_eq(sm_binomial_cdf(10, 10, 1), 1, 0);
	cr_expect_float_eq(sm_binomial_cdf(0, 6, 0.5), 1.0 / 64, 1e-15);
}

Test(stats, normal_quantile_matches_gsl)
{
	for (double p = 1e-12; p < 1; p = p < 0.01 ? p * 3 : p + 0.0017)
		cr_expect_float_eq(sm_normal_quantile(p), gsl_cdf_ugaussian_Pinv(p), 2e-9, "p=%g", p);
	/* To the last digits where the value is known: Wichura's own check values. */
	cr_expect(relative_error(sm_normal_quantile(0.25), -0.6744897501960817) < 1e-15);
	cr_expect(relative_error(sm_normal_quantile(0.001), -3.090232306167814) < 1e-15);
	cr_expect(relative_error(sm_normal_quantile(1e-20), -9.262340089798408) < 1e-15);
	cr_expect(relative_error(sm_normal_quantile(0.975), 1.959963984540054) < 1e-15);
	cr_expect_float_eq(sm_normal_quantile(0.5), 0, 0);
	cr_expect(isinf(sm_normal_quantile(0)) && sm_normal_quantile(0) < 0);
	cr_expect(isinf(sm_normal_quantile(1)) && sm_normal_quantile(1) > 0);
	cr_expect(isnan(sm_normal_quantile(-0.1)) && isnan(sm_normal_quantile(NAN)));
}

Test(stats, clopper_pearson_matches_the_beta_quantiles_of_gsl)
{
	const unsigned n_of[] = { 1, 5, 10, 20, 100, 200, 2000 };

	for (size_t i = 0; i < sizeof(n_of) / sizeof(n_of[0]); i++)
		for (unsigned step = 0; step <= 10; step++) {
			unsigned n = n_of[i], k = n * step / 10;
			struct sm_interval interval = sm_binomial_interval(k, n, 0.95);
			double low = k == 0 ? 0 : gsl_cdf_beta_Pinv(0.025, k, n - k + 1);
			double high = k == n ? 1 : gsl_cdf_beta_Pinv(0.975, k + 1, n - k);

			cr_expect_float_eq(interval.low, low, 1e-7, "%u of %u: low", k, n);
			cr_expect_float_eq(interval.high, high, 1e-7, "%u of %u: high", k, n);
			cr_expect_float_eq(interval.estimate, (double)k / n, 1e-15);
		}
	/* Textbook values. */
	cr_expect_float_eq(sm_binomial_interval(0, 10, 0.95).high, 0.3085, 5e-5);
	cr_expect_float_eq(sm_binomial_interval(5, 10, 0.95).low, 0.1871, 5e-5);
	cr_expect_float_eq(sm_binomial_interval(5, 10, 0.95).high, 0.8129, 5e-5);
	cr_expect(isnan(sm_binomial_interval(0, 0, 0.95).low));
}

/* Rank of the lower end and coverage in per cent of the 95 % interval of a median, as in the tables
 * of textbooks on nonparametric statistics (Conover; Hollander and Wolfe). */
static const struct {
	size_t n, rank;
	double coverage;
} sign_ranks[] = {
	{ 6, 1, 96.9 },  { 7, 1, 98.4 },  { 8, 1, 99.2 },  { 9, 2, 96.1 },  { 10, 2, 97.9 },
	{ 11, 2, 98.8 }, { 12, 3, 96.1 }, { 13, 3, 97.8 }, { 14, 3, 98.7 }, { 15, 4, 96.5 },
	{ 16, 4, 97.9 }, { 17, 5, 95.1 }, { 18, 5, 96.9 }, { 19, 5, 98.1 }, { 20, 6, 95.9 },
	{ 21, 6, 97.3 }, { 22, 6, 98.3 }, { 23, 7, 96.5 }, { 24, 7, 97.7 }, { 25, 8, 95.7 },
	{ 26, 8, 97.1 }, { 27, 8, 98.1 }, { 28, 9, 96.4 }, { 29, 9, 97.6 }, { 30, 10, 95.7 },
};

Test(stats, interval_ranks_match_the_tables)
{
	for (size_t i = 0; i < sizeof(sign_ranks) / sizeof(sign_ranks[0]); i++) {
		size_t n = sign_ranks[i].n, rank = sign_ranks[i].rank;
		double values[30];

		/* The value is its rank; handed over in falling order. */
		for (size_t j = 0; j < n; j++)
			values[j] = (double)(n - j);
		struct sm_interval interval = sm_median_interval(values, n, 0.95);

		cr_expect_float_eq(interval.low, (double)rank, 0, "n=%zu: low rank %g", n, interval.low);
		cr_expect_float_eq(interval.high, (double)(n + 1 - rank), 0, "n=%zu: high rank %g", n, interval.high);
		cr_expect_float_eq(100 * interval.confidence, sign_ranks[i].coverage, 0.05, "n=%zu: %g %%", n,
				   100 * interval.confidence);
		cr_expect_float_eq(interval.estimate, (double)(n + 1) / 2, 1e-12);
		cr_expect(interval.count == n);
	}
}

Test(stats, no_interval_under_six_values)
{
	double values[5] = { 5, 1, 4, 2, 3 };

	for (size_t n = 1; n <= 5; n++) {
		struct sm_interval interval = sm_median_interval(values, n, 0.95);

		cr_expect(isnan(interval.low) && isnan(interval.high), "n=%zu", n);
		cr_expect_float_eq(interval.confidence, 0, 0);
		cr_expect(!isnan(interval.estimate));
	}
	/* 1 - 2/32 = 93.75 % is what five values can do, and no more. */
	cr_expect_float_eq(sm_median_interval(values, 5, 0.9375).low, 1, 0);
}

Test(stats, sign_test_matches_gsl)
{
	for (unsigned n = 1; n <= 60; n++)
		for (unsigned above = 0; above <= n; above++) {
			unsigned fewer = above < n - above ? above : n - above;
			double expected = fmin(1, 2 * gsl_cdf_binomial_P(fewer, 0.5, n));

			cr_expect_float_eq(sm_sign_test(above, n), expected, 1e-12, "%u of %u", above, n);
		}
	cr_expect_float_eq(sm_sign_test(0, 0), 1, 0);
	cr_expect_float_eq(sm_sign_test(9, 10), 22.0 / 1024, 1e-12); /* 2 (1 + 10) / 2^10 */
}

Test(stats, a_sign_test_needs_what_its_interval_excludes)
{
	for (size_t i = 0; i < sizeof(sign_ranks) / sizeof(sign_ranks[0]); i++)
		cr_expect_eq(sm_sign_test_need(sign_ranks[i].n, 0.025), sign_ranks[i].n + 1 - sign_ranks[i].rank);
	cr_expect_eq(sm_sign_test_need(5, 0.025), 0);
	/* P(all of 16) = 2^-16, P(15 or more) = 17 / 2^16 = 0.00026 */
	cr_expect_eq(sm_sign_test_need(16, 0.00026), 15);
	cr_expect_eq(sm_sign_test_need(16, 0.00025), 16);
	cr_expect_eq(sm_sign_test_need(16, 0.00001), 0);
}

static double detectable(double *logs, size_t count, double level)
{
	return sm_minimum_detectable_ratio(logs, count, sm_sign_test_need(count, level));
}

Test(stats, minimum_detectable_ratio_is_half_a_distance)
{
	double eight[] = { 0.04, -0.01, 0.02, -0.04, 0.03, -0.02, 0.01, -0.03 }, values[60], many[1000];

	/* all of 8 are needed: half of the range, and twice the outermost gap of 0.01 */
	cr_expect_float_eq(detectable(eight, 8, 0.025), exp(0.06), 1e-12);
	for (size_t i = 0; i < 8; i++)
		eight[i] += 0.5;
	cr_expect_float_eq(detectable(eight, 8, 0.025), exp(0.06), 1e-12, "a shift changes nothing");
	for (size_t i = 0; i < 60; i++)
		values[i] = 0.01 * (double)i;
	/* 39 of 60 are needed: the share within is 2 p - 1 with 0.69 for p, about 0.39 of 60 gaps */
	cr_expect_float_eq(log(detectable(values, 60, 0.025)), 0.39 * 0.61 / 2, 0.01);
	cr_expect_lt(detectable(values, 60, 0.025), detectable(values, 60, 0.0001));
	for (size_t i = 0; i < 60; i++)
		values[i] = 0.3;
	cr_expect_float_eq(detectable(values, 60, 0.025), 1, 0);
	/* many values: the normal approximation of the sign test, (1.96 + 0.84) / sqrt(n) of the values within */
	for (size_t i = 0; i < 1000; i++)
		many[i] = 0.01 * (double)i;
	cr_expect_float_eq(log(detectable(many, 1000, 0.025)), 10 * 2.8 / sqrt(1000) / 2, 0.02);
	for (size_t n = 0; n <= 5; n++)
		cr_expect(isnan(detectable(values, n, 0.025)), "%zu", n);
}

Test(stats, minimum_detectable_ratio_of_two_samples)
{
	double x[16], y[16], wide[16];

	for (size_t i = 0; i < 16; i++) {
		x[i] = 0.01 * (double)(i * 7 % 16);
		y[i] = 5 + 0.01 * (double)(i * 3 % 16);
		wide[i] = 3 * y[i];
	}
	double same = sm_minimum_detectable_shift_ratio(x, 16, y, 16, 0.025);

	/* of two uniform samples, P(x > y) = 0.77 at a shift of 0.32 widths; the width is 0.16 */
	cr_expect_float_eq(log(same), 0.32 * 0.16, 0.006, "%g", log(same));
	cr_expect_float_eq(sm_minimum_detectable_shift_ratio(y, 16, x, 16, 0.025), same, 1e-12);
	cr_expect_gt(sm_minimum_detectable_shift_ratio(x, 16, wide, 16, 0.025), same);
	cr_expect_gt(sm_minimum_detectable_shift_ratio(x, 8, y, 8, 0.025), same);
	cr_expect(isnan(sm_minimum_detectable_shift_ratio(x, 3, y, 3, 0.025)));
	cr_expect(isnan(sm_minimum_detectable_shift_ratio(x, 0, y, 3, 0.025)));
}

Test(stats, holm_matches_the_worked_example)
{
	/* R's p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm"). */
	double p[4] = { 0.01, 0.04, 0.03, 0.005 };
	const double expected[4] = { 0.03, 0.06, 0.06, 0.02 };
	double large[3] = { 0.9, 0.6, 0.7 };

	sm_holm(p, 4);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_float_eq(p[i], expected[i], 1e-12, "p[%u] = %g", i, p[i]);
	sm_holm(large, 3);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_float_eq(large[i], 1, 0);
	sm_holm(NULL, 0);
}

static enum sm_verdict verdict(double low, double high, double min, double max)
{
	struct sm_interval interval = { .low = low, .high = high };

	return sm_verdict_of(&interval, min, max);
}

Test(stats, verdicts_follow_the_interval)
{
	cr_expect_eq(verdict(1.6, 1.9, 1.5, 0), SM_SUPPORTED);
	cr_expect_eq(verdict(1.5, 1.9, 1.5, 0), SM_SUPPORTED);
	cr_expect_eq(verdict(1.4, 1.9, 1.5, 0), SM_INCONCLUSIVE);
	cr_expect_eq(verdict(1.1, 1.49, 1.5, 0), SM_REFUTED);
	cr_expect_eq(verdict(0.5, 0.9, 0, 1), SM_SUPPORTED);
	cr_expect_eq(verdict(0.5, 1.1, 0, 1), SM_INCONCLUSIVE);
	cr_expect_eq(verdict(1.01, 1.1, 0, 1), SM_REFUTED);
	/* Equality: the whole interval inside, never "no difference seen". */
	cr_expect_eq(verdict(0.98, 1.02, 1 / 1.03, 1.03), SM_SUPPORTED);
	cr_expect_eq(verdict(0.5, 2, 1 / 1.03, 1.03), SM_INCONCLUSIVE);
	cr_expect_eq(verdict(1.04, 1.06, 1 / 1.03, 1.03), SM_REFUTED);
	cr_expect_eq(verdict(0.9, 0.95, 1 / 1.03, 1.03), SM_REFUTED);
	cr_expect_eq(verdict(NAN, NAN, 1.5, 0), SM_INCONCLUSIVE);
	cr_expect_eq(verdict(1, 2, 0, 0), SM_VERDICT_NONE);
}

static const char *words(double ratio)
{
	static char out[200];

	return sm_ratio_words(out, sizeof(out), "one", "two", "per operation", ratio);
}

Test(stats, a_ratio_in_words_both_ways)
{
	cr_expect_str_eq(words(8.12), "one takes 8.12 times as long per operation as two");
	cr_expect_str_eq(words(45.67), "one takes 45.7 times as long per operation as two");
	cr_expect_str_eq(words(1234.4), "one takes 1234 times as long per operation as two");
	cr_expect_str_eq(words(1.031), "one takes 1.03 times as long per operation as two, that is "
				       "3.1 % more time");
	cr_expect_str_eq(words(1), "one takes as long per operation as two");
	cr_expect_str_eq(words(0.97), "one takes 0.970 times as long per operation as two, that is "
				      "3.0 % less time");
	cr_expect_str_eq(words(0.12), "one takes 0.120 times as long per operation as two, that is "
				      "8.33 times faster");
	cr_expect_str_eq(words(0.0012345), "one takes 0.00123 times as long per operation as two, "
					   "that is 810 times faster");
	cr_expect_str_eq(words(NAN), "one cannot be compared with two");
	cr_expect_str_eq(words(0), "one cannot be compared with two");
}

/* Critical values of U at 5 %, two-sided (Mann and Whitney, 1947, and later tables): 5 and 5 values: 2; 8 and 8: 13; 10
 * and 10: 23; 20 and 20: 127.  An interval drops so many differences plus one on each side. */
Test(stats, the_interval_of_a_shift_drops_as_many_differences_as_the_tables_say)
{
	static const struct {
		size_t n;
		unsigned critical;
	} table[] = { { 5, 2 }, { 8, 13 }, { 10, 23 }, { 20, 127 } };

	for (size_t t = 0; t < 4; t++) {
		size_t n = table[t].n;
		double x[20], y[20];

		/* all n * n differences distinct: i + j / 100 against 0 */
		for (size_t i = 0; i < n; i++) {
			x[i] = (double)i;
			y[i] = -(double)i / 100;
		}
		struct sm_interval interval = sm_shift_interval(x, n, y, n, 0.95);
		unsigned under = 0;

		for (size_t i = 0; i < n; i++)
			for (size_t j = 0; j < n; j++)
				under += x[i] - y[j] < interval.low;
		cr_expect_eq(under, table[t].critical, "%zu: %u", n, under);
		cr_expect(interval.confidence >= 0.95 && interval.confidence < 0.97, "%g", interval.confidence);
	}
	double few[] = { 1, 2, 3 };

	cr_expect(isnan(sm_shift_interval(few, 3, few, 3, 0.95).low), "3 and 3 values have no interval at 95 %%");
}

Test(stats, the_test_of_a_shift_is_exact_and_the_approximation_near_it)
{
	double x[150], y[150];

	/* all of x above all of y: one arrangement of 252 */
	for (unsigned i = 0; i < 5; i++) {
		x[i] = 10 + i;
		y[i] = i;
	}
	cr_expect_float_eq(sm_shift_test(x, 5, y, 5, 0), 1.0 / 252, 1e-12);
	cr_expect_float_eq(sm_shift_test(y, 5, x, 5, 0), 1, 1e-12);
	cr_expect(sm_shift_test(x, 5, y, 5, 12) > 0.5, "a shift of 12 is not exceeded");
	cr_expect_float_eq(sm_shift_test(x, 5, x, 5, 0), 0.5, 0.12, "equal samples");
	/* exact at 100 against approximate at 101 */
	struct sm_random random;

	sm_random_seed(&random, 7);
	for (unsigned i = 0; i < 101; i++) {
		x[i] = (double)sm_random_below(&random, 1000000);
		y[i] = (double)sm_random_below(&random, 1000000) - 60000;
	}
	double exact = sm_shift_test(x, 100, y, 100, 0), near = sm_shift_test(x, 101, y, 101, 0);

	cr_expect(exact > 1e-6 && near / exact > 0.5 && near / exact < 2, "%g %g", exact, near);
}

/* 2,000 seeded couples of skewed samples: the interval holds the true shift in 95 % of them. */
Test(stats, the_interval_of_a_shift_covers)
{
	struct sm_random random;
	unsigned held = 0;

	sm_random_seed(&random, 11);
	for (unsigned r = 0; r < 2000; r++) {
		double x[16], y[16];

		for (unsigned i = 0; i < 16; i++) {
			x[i] = 0.3 - log(((double)sm_random_below(&random, 1000000) + 1) / 1e6);
			y[i] = -log(((double)sm_random_below(&random, 1000000) + 1) / 1e6);
		}
		struct sm_interval interval = sm_shift_interval(x, 16, y, 16, 0.95);

		held += interval.low <= 0.3 && 0.3 <= interval.high;
	}
	cr_expect(held >= 1875 && held <= 1950, "%u of 2000", held);
}
