/* Settled or not: the arithmetic, and the rule on slices that were recorded. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/trend.h"

#define CASES_MAX  64
#define TRIALS_MAX 8
#define SLICES_MAX 24
#define SIMULATED  10000

/* What a run recorded: the slices of each trial of each case. */
struct recorded {
	unsigned cases;
	struct {
		unsigned trials;
		struct {
			unsigned slices;
			double time[SLICES_MAX];
		} trial[TRIALS_MAX];
	} at[CASES_MAX];
};

static struct recorded *load(void)
{
	struct recorded *recorded = calloc(1, sizeof(*recorded));
	FILE *file = fopen(TEST_DATA "/slice_scatter.txt", "r");
	char line[512];

	cr_assert(recorded && file, "no recorded slices");
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, "case ", 5) == 0) {
			cr_assert_lt(recorded->cases++, CASES_MAX);
			continue;
		}
		if (line[0] == '#')
			continue;
		unsigned c = recorded->cases - 1, t = recorded->at[c].trials++, *n;

		cr_assert_lt(t, TRIALS_MAX);
		n = &recorded->at[c].trial[t].slices;
		for (char *at = strtok(line, " \n"); at && *n < SLICES_MAX; at = strtok(NULL, " \n"))
			recorded->at[c].trial[t].time[(*n)++] = atof(at);
	}
	fclose(file);
	cr_assert_geq(recorded->cases, 40);
	return recorded;
}

/* The log-ratio of a recorded trial, run from its end to its beginning as often as not: the scatter and its memory are
 * as recorded, and no direction is left.  Then a straight drift is laid over it, from the middle of the first third to
 * that of the last one `drift` times as much. */
static double simulated_trial(const struct recorded *recorded, unsigned c, struct sm_random *random, double drift)
{
	unsigned t = (unsigned)sm_random_below(random, recorded->at[c].trials);
	unsigned count = recorded->at[c].trial[t].slices;
	const double *time = recorded->at[c].trial[t].time;
	bool backwards = sm_random_below(random, 2);
	double made[SLICES_MAX], work[SLICES_MAX], between = count - count / 3;

	for (unsigned i = 0; i < count; i++)
		made[i] = time[backwards ? count - 1 - i : i] * exp(log(drift) * i / between);
	return sm_trend_of_trial(made, count, work);
}

static struct sm_trend simulated_case(const struct recorded *recorded, unsigned c, unsigned trials,
				      struct sm_random *random, double drift)
{
	double logs[64];

	for (unsigned t = 0; t < trials; t++)
		logs[t] = simulated_trial(recorded, c, random, drift);
	return sm_trend_judge(logs, trials);
}

Test(trend, a_trial_is_its_last_third_over_its_first)
{
	double work[4];
	const double falling[] = { 40, 8, 10, 7, 7, 7, 5, 50, 5 };

	cr_expect_float_eq(sm_trend_of_trial(falling, 9, work), log(5.0 / 10), 1e-12);
	cr_expect_float_eq(sm_trend_of_trial(falling, 8, work), log(27.5 / 24), 1e-12,
			   "thirds of two: the middle is longer");
	cr_expect_float_eq(sm_trend_of_trial(falling, 3, work), log(10.0 / 40), 1e-12);
	cr_expect(isnan(sm_trend_of_trial(falling, 2, work)));
	cr_expect_eq(falling[0], 40, "what was measured stays as it is");
}

Test(trend, an_interval_beyond_what_is_allowed_is_unsettled)
{
	for (size_t count = 6; count <= 30; count++) {
		double up[30], down[30], edge[30];

		for (size_t i = 0; i < count; i++) {
			up[i] = log(1.0301) + 0.01 * (double)(i % 3);
			down[i] = log(0.9699) - 0.01 * (double)(i % 3);
			edge[i] = log(1.029) + 0.0001 * (double)(i % 3);
		}
		cr_expect_eq(sm_trend_judge(up, count).verdict, SM_TREND_UNSETTLED, "%zu", count);
		cr_expect_eq(sm_trend_judge(down, count).verdict, SM_TREND_UNSETTLED, "%zu", count);
		cr_expect_eq(sm_trend_judge(edge, count).verdict, SM_TREND_FLAT, "%zu", count);
	}
}

Test(trend, a_median_says_nothing_where_the_interval_holds_1)
{
	double logs[] = { -0.01, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2 };
	struct sm_trend trend = sm_trend_judge(logs, 8);

	cr_expect_eq(trend.verdict, SM_TREND_NONE);
	cr_expect_float_eq(trend.ratio.estimate, exp(0.2), 1e-12);
	cr_expect_float_eq(trend.ratio.low, exp(-0.01), 1e-12);
	cr_expect_geq(trend.ratio.confidence, 0.99);
	cr_expect_gt(trend.detectable, 1.2, "one trial that far off hides drifts as large");
}

Test(trend, few_trials_cannot_tell)
{
	double logs[] = { 0.5, 0.5, 0.5, 0.5, 0.5 };

	for (size_t count = 0; count <= 5; count++) {
		struct sm_trend trend = sm_trend_judge(logs, count);

		cr_expect_eq(trend.verdict, SM_TREND_NONE);
		cr_expect(isnan(trend.ratio.low) && isnan(trend.detectable));
	}
}

Test(trend, flat_cases_of_recorded_scatter_are_seldom_unsettled)
{
	static const unsigned trials_of[] = { 6, 7, 8, 16, 30 };
	struct recorded *recorded = load();
	struct sm_random random;

	sm_random_seed(&random, 20);
	for (size_t k = 0; k < sizeof(trials_of) / sizeof(trials_of[0]); k++) {
		unsigned alarms = 0;

		for (unsigned i = 0; i < SIMULATED; i++)
			alarms += simulated_case(recorded, i % recorded->cases, trials_of[k], &random, 1).verdict ==
				  SM_TREND_UNSETTLED;
		printf("%u trials: %u of %u flat cases are unsettled\n", trials_of[k], alarms, SIMULATED);
		cr_expect_leq(alarms, SIMULATED / 100, "%u of %u with %u trials", alarms, SIMULATED, trials_of[k]);
	}
	free(recorded);
}

/* Cases that say that they would have seen 5 % have, and the verdict flat is never given to those that drift. */
Test(trend, a_drift_of_5_per_cent_is_found_where_it_can_be)
{
	static const unsigned trials_of[] = { 8, 16, 30 };
	struct recorded *recorded = load();
	struct sm_random random;

	sm_random_seed(&random, 21);
	for (size_t k = 0; k < sizeof(trials_of) / sizeof(trials_of[0]); k++) {
		unsigned able = 0, found = 0, called_flat = 0;

		for (unsigned i = 0; i < SIMULATED; i++) {
			double drift = i % 2 ? 1.05 : 1 / 1.05;
			struct sm_trend trend =
				simulated_case(recorded, i / 2 % recorded->cases, trials_of[k], &random, drift);
			bool seen = trend.verdict == SM_TREND_UNSETTLED;

			called_flat += trend.verdict == SM_TREND_FLAT;
			if (!(trend.detectable <= 1.05))
				continue;
			able++;
			found += seen;
		}
		printf("%u trials: 5 %% can be found in %u of %u cases and is in %u; %u are called flat\n",
		       trials_of[k], able, SIMULATED, found, called_flat);
		cr_expect_gt(able, SIMULATED / 4, "5 %% can be found in %u cases", able);
		cr_expect_geq(found, 0.95 * able, "found in %u of %u with %u trials", found, able, trials_of[k]);
		cr_expect_leq(called_flat, SIMULATED / 100);
	}
	free(recorded);
}

/* What one case of normal scatter names is found in another: of six and seven trials the whole interval must lie beyond
 * the allowed drift. */
Test(trend, a_named_drift_is_found)
{
	static const size_t trials_of[] = { 6, 7, 8, 16, 30 };
	struct sm_random random;

	sm_random_seed(&random, 22);
	for (size_t k = 0; k < sizeof(trials_of) / sizeof(trials_of[0]); k++) {
		size_t count = trials_of[k];
		unsigned found = 0;

		for (unsigned i = 0; i < 2000; i++) {
			double logs[30], drift = 0;

			for (unsigned again = 0; again < 2; again++) {
				for (size_t t = 0; t < count; t++)
					logs[t] = drift +
						  0.02 * sm_normal_quantile(
								 ((double)sm_random_below(&random, 1u << 30) + 0.5) /
								 (1u << 30));
				struct sm_trend trend = sm_trend_judge(logs, count);

				drift = log(trend.detectable);
				found += again && trend.verdict == SM_TREND_UNSETTLED;
			}
		}
		printf("%zu trials: the drift that one case names is found in %u of 2000 others\n", count, found);
		cr_expect_geq(found, 1600, "%zu trials: %u", count, found);
	}
}
