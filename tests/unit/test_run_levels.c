/* Runs as units: Student's distribution against GSL, and simulated runs of one build and of slower ones. */
#include <criterion/criterion.h>
#include <gsl/gsl_cdf.h>
#include <math.h>

#include "shmeter/stats.h"

#define TRIES    20000
#define ALPHA    0.01
#define RUNS_MAX 20

static struct sm_random noise;

Test(run_levels, student_matches_gsl)
{
	static const double freedom[] = { 1, 2, 3.5, 4, 7, 19, 100 };
	static const double tails[] = { 1e-6, 1e-3, 0.01, 0.025, 0.2, 0.5, 0.9, 0.999 };

	for (size_t i = 0; i < sizeof(freedom) / sizeof(freedom[0]); i++) {
		for (double t = -40; t <= 40; t += 0.73)
			cr_expect_float_eq(sm_student_tail(t, freedom[i]), gsl_cdf_tdist_Q(t, freedom[i]), 1e-12,
					   "tail of %g at %g", t, freedom[i]);
		for (size_t k = 0; k < sizeof(tails) / sizeof(tails[0]); k++) {
			double expected = gsl_cdf_tdist_Qinv(tails[k], freedom[i]);

			cr_expect_float_eq(sm_student_quantile(tails[k], freedom[i]), expected,
					   1e-9 * fmax(1, fabs(expected)), "quantile %g at %g", tails[k], freedom[i]);
		}
	}
	cr_expect(isnan(sm_student_quantile(0, 4)) && isnan(sm_student_quantile(1, 4)));
	cr_expect(isnan(sm_student_quantile(0.01, 0)));
}

Test(run_levels, levels_of_a_few_runs)
{
	/* ln of 700, 548, 756 and 717 ns: four runs of one build */
	const double level[] = { log(700), log(548), log(756), log(717) };
	struct sm_run_levels runs = sm_run_levels(level, 4);

	cr_expect_float_eq(runs.mean, 6.5151, 1e-3, "%g", runs.mean);
	cr_expect_float_eq(runs.scatter, 0.1429, 1e-3, "%g", runs.scatter);
	/* t(0.99, 3) = 4.541 (Abramowitz and Stegun, table 26.10) */
	cr_expect_float_eq(sm_run_levels_margin(&runs, 0.01), 4.541 * runs.scatter * sqrt(1.25), 1e-3);
	cr_expect_float_eq(sm_run_levels_beyond(&runs, runs.mean + sm_run_levels_margin(&runs, 0.01), 0), 0.01, 1e-9);
	cr_expect_float_eq(sm_run_levels_floor(0.01), 0.02772, 1e-5);
	/* within the bound, however sure */
	cr_expect_eq(sm_run_levels_beyond(&runs, runs.mean + 10, 11), 1);
	cr_expect(isnan(sm_run_levels(level, 1).scatter) && isnan(sm_run_levels(level, 0).mean));
	runs = sm_run_levels(level, 1);
	cr_expect_eq(sm_run_levels_beyond(&runs, 100, 0), 1);
	cr_expect(isnan(sm_run_levels_margin(&runs, 0.01)));
	/* runs that never differ */
	runs = sm_run_levels((const double[]){ 1, 1, 1 }, 3);
	cr_expect_eq(sm_run_levels_beyond(&runs, 1.1, 0), 0);
	cr_expect_eq(sm_run_levels_beyond(&runs, 1, 0), 1);
}

Test(run_levels, more_runs_are_needed_for_smaller_differences)
{
	cr_expect_eq(sm_run_levels_needed(0.01, 0.05, ALPHA, 0.5, 64), 5);
	cr_expect_eq(sm_run_levels_needed(0.01, 0.05, ALPHA, 0.8, 64), 6);
	cr_expect_eq(sm_run_levels_needed(0.01, 0.03, ALPHA, 0.5, 64), 10);
	cr_expect_eq(sm_run_levels_needed(0.01, 0.4, ALPHA, 0.5, 64), 2);
	cr_expect_eq(sm_run_levels_needed(0.01, 0.02, ALPHA, 0.5, 64), 0); /* under the normal quantile */
}

static double uniform(void)
{
	return ((double)sm_random_below(&noise, 1u << 30) + 0.5) / (double)(1u << 30);
}

static double normal(void)
{
	return sm_normal_quantile(uniform());
}

/* Student's t with three degrees of freedom, with standard deviation 1. */
static double heavy(void)
{
	double a = normal(), b = normal(), c = normal();

	return normal() / sqrt(a * a + b * b + c * c);
}

/* One run in ten is disturbed. */
static double contaminated(void)
{
	return normal() * (uniform() < 0.1 ? 5 : 1);
}

/* Every fourth run is in a slower mode. */
static double two_modes(void)
{
	return 0.2 * normal() + (uniform() < 0.25 ? 5 : 0);
}

/* The share of runs, slower by `effect`, that FAIL against `count` earlier ones; runs scatter by `scatter`.  `again`:
 * a second run of the same build has to fail, too (--confirm). */
static double failing(double (*draw)(void), size_t count, double scatter, double effect, double bound, bool again)
{
	unsigned failed = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		double level[RUNS_MAX];
		struct sm_run_levels runs;

		for (size_t r = 0; r < count; r++)
			level[r] = scatter * draw();
		runs = sm_run_levels(level, count);
		failed += sm_run_levels_beyond(&runs, effect + scatter * draw(), bound) <= ALPHA &&
			  (!again || sm_run_levels_beyond(&runs, effect + scatter * draw(), bound) <= ALPHA);
	}
	return (double)failed / TRIES;
}

static const size_t counts[] = { 3, 5, 8, 20 };
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

/* The rate of false FAILs without any threshold: what the test itself promises. */
Test(run_levels, runs_of_one_build_fail_at_their_level)
{
	sm_random_seed(&noise, 25);
	for (size_t i = 0; i < COUNTS; i++) {
		double rate = failing(normal, counts[i], 0.01, 0, 0, false);

		cr_log_info("%zu normal runs: %.4f, with a second run %.4f", counts[i], rate,
			    failing(normal, counts[i], 0.01, 0, 0, true));
		/* four standard deviations of a share of 20000 */
		cr_expect(fabs(rate - ALPHA) < 0.0029, "%zu normal runs: %.4f", counts[i], rate);
	}
}

/* Scatter that is not normal makes more, and a second run that has to fail brings them below the level. */
Test(run_levels, heavy_tails_and_modes_are_bounded)
{
	static const struct {
		const char *name;
		double (*draw)(void);
		double most, most_again;
	} kinds[] = {
		{ "t with 3", heavy, 0.025, 0.005 },
		{ "one in ten disturbed", contaminated, 0.03, 0.01 },
		{ "two modes", two_modes, 0.11, 0.03 }, /* no more than a rank test's 1 / (count + 1) */
	};

	sm_random_seed(&noise, 26);
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (size_t i = 0; i < COUNTS; i++) {
			double once = failing(kinds[k].draw, counts[i], 0.01, 0, 0, false);
			double twice = failing(kinds[k].draw, counts[i], 0.01, 0, 0, true);

			cr_log_info("%s, %zu runs: %.4f, with a second run %.4f", kinds[k].name, counts[i], once,
				    twice);
			cr_expect(once < kinds[k].most, "%s, %zu runs: %.4f", kinds[k].name, counts[i], once);
			cr_expect(twice < kinds[k].most_again, "%s, %zu runs, twice: %.4f", kinds[k].name, counts[i],
				  twice);
		}
}

/* Five earlier runs are usable: 5 % is seen over a threshold of 2 % where runs scatter by 0.7 %, and 2 % over one of
 * 1 % where they scatter by 0.25 %. */
Test(run_levels, five_runs_detect_what_is_worth_it)
{
	static const double least[COUNTS] = { 0.4, 0.95, 0.99, 0.99 };

	sm_random_seed(&noise, 27);
	for (size_t i = 0; i < COUNTS; i++) {
		double five = failing(normal, counts[i], 0.007, log(1.05), log(1.02), false);
		double two = failing(normal, counts[i], 0.0025, log(1.02), log(1.01), false);
		double slower = failing(normal, counts[i], 0.007, log(1.01), log(1.02), false);

		cr_log_info("%zu runs: 5 %% %.3f, 2 %% %.3f, 1 %% over a threshold of 2 %% %.4f", counts[i], five, two,
			    slower);
		cr_expect(five > least[i] && two > least[i], "%zu runs: %.3f, %.3f", counts[i], five, two);
	}
}
