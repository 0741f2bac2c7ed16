/* What the intervals are worth: seeded simulations of their coverage and of false alarms. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "shmeter/analysis.h"
#include "shmeter/stats.h"

#define ROUNDS      6000
#define BLOCKS_MOST 30

static double uniform(struct sm_random *random)
{
	return ((double)(sm_random_next(random) >> 11) + 0.5) * 0x1p-53;
}

static double normal(struct sm_random *random)
{
	return sm_normal_quantile(uniform(random));
}

/* One sample of `n` values. */
typedef void (*draw_fn)(struct sm_random *random, double *values, size_t n);

static void draw_normal(struct sm_random *random, double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = 10 + normal(random);
}

static void draw_log_normal(struct sm_random *random, double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = exp(1 + 0.8 * normal(random));
}

/* Seven of ten about 1, the others about 2. */
static void draw_bimodal(struct sm_random *random, double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		values[i] = (uniform(random) < 0.7 ? 1 : 2) + 0.05 * normal(random);
}

static double correlation;

/* Each value remembers the one before: correlation^lag. */
static void draw_autocorrelated(struct sm_random *random, double *values, size_t n)
{
	double state = normal(random);

	for (size_t i = 0; i < n; i++) {
		state = correlation * state + sqrt(1 - correlation * correlation) * normal(random);
		values[i] = 10 + state;
	}
}

/* How often the interval holds the true median. */
static unsigned covered(draw_fn draw, size_t n, double median, uint64_t seed, double *nominal)
{
	double values[BLOCKS_MOST];
	struct sm_random random;
	unsigned hits = 0;

	sm_random_seed(&random, seed);
	for (unsigned round = 0; round < ROUNDS; round++) {
		draw(&random, values, n);
		struct sm_interval interval = sm_median_interval(values, n, 0.95);

		hits += interval.low <= median && median <= interval.high;
		*nominal = interval.confidence;
	}
	return hits;
}

/* Independent values of any shape: the coverage is the one that the interval states, and that is at
 * least 95 %. */
Test(coverage, holds_for_independent_values_of_any_shape)
{
	const struct {
		const char *name;
		draw_fn draw;
		double median;
	} shape[] = {
		{ "normal", draw_normal, 10 },
		{ "log-normal", draw_log_normal, exp(1) },
		{ "bimodal", draw_bimodal, 1 + 0.05 * sm_normal_quantile(0.5 / 0.7) },
	};
	const size_t sizes[] = { 6, 8, 16, 30 };

	for (size_t s = 0; s < 3; s++)
		for (size_t i = 0; i < 4; i++) {
			double nominal = 0;
			unsigned hits = covered(shape[s].draw, sizes[i], shape[s].median, 100 * s + i, &nominal);
			/* Twelve looks at once: each at 99.9 %. */
			struct sm_interval share = sm_binomial_interval(hits, ROUNDS, 0.999);

			cr_log_info("%s, %zu values: %.2f %% of %.2f %%\n", shape[s].name, sizes[i],
				    100.0 * hits / ROUNDS, 100 * nominal);
			cr_expect_geq(nominal, 0.95);
			cr_expect(share.low <= nominal && nominal <= share.high,
				  "%s, %zu values: %u of %u hold it, %.4f stated", shape[s].name, sizes[i], hits,
				  ROUNDS, nominal);
		}
}

/* Values that remember each other carry less information than their number says, and no interval
 * that takes them as independent can know: with a correlation of 0.5 from block to block the 95 %
 * interval of 16 blocks holds the median in 87 of 100 cases.  That is why the blocks of
 * a group are scattered over the whole run, between those of all others, and why pairs are
 * differences within a block, from which what moves slowly cancels. */
Test(coverage, falls_short_where_values_remember_each_other)
{
	const double correlations[] = { 0, 0.2, 0.5, 0.8 };
	double before = 1;

	for (size_t i = 0; i < 4; i++) {
		double nominal = 0;

		correlation = correlations[i];
		double share = (double)covered(draw_autocorrelated, 16, 10, 7, &nominal) / ROUNDS;

		cr_log_info("correlation %.1f: %.2f %% of %.2f %%\n", correlation, 100 * share, 100 * nominal);
		cr_expect_lt(share, before, "the more they remember, the less is covered");
		before = share;
		if (i == 0)
			cr_expect_gt(share, 0.95);
		if (i == 2)
			cr_expect(share > 0.78 && share < 0.90, "%g", share);
	}
}

/* The share of rounds in which the interval of the blocks that are left contains the median of all, where `lost` blocks
 * were lost for being the slowest of one side. */
static double covered_after_loss(struct sm_random *random, size_t blocks, size_t lost)
{
	double values[BLOCKS_MOST];
	unsigned hits = 0;

	for (unsigned round = 0; round < ROUNDS; round++) {
		draw_normal(random, values, blocks);
		(void)sm_median(values, blocks); /* sorts */
		struct sm_interval interval = sm_median_interval(values, blocks - lost, 0.95);

		hits += interval.low <= 10 && 10 <= interval.high;
	}
	return (double)hits / ROUNDS;
}

/* docs/method.md has this table: --verbose prints it. */
Test(coverage, falls_where_one_side_loses_its_slowest_blocks)
{
	const size_t sizes[] = { 8, 12, 16, 24, 30 };
	struct sm_random random;

	sm_random_seed(&random, 31);
	for (size_t i = 0; i < 5; i++) {
		char line[160];
		size_t used = (size_t)snprintf(line, sizeof(line), "| %zu |", sizes[i]);

		for (size_t lost = 0; lost < 6; lost++) {
			double exact = sm_median_coverage(sizes[i] - lost, 0, lost, 0.95);
			double share;

			if (sizes[i] - lost < SM_BLOCKS_MIN)
				break;
			share = covered_after_loss(&random, sizes[i], lost);
			/* 28 looks at once */
			cr_expect_lt(fabs(share - exact), 3.5 * sqrt(0.25 / ROUNDS), "%zu of %zu: %g, %g", lost,
				     sizes[i], share, exact);
			used += (size_t)snprintf(line + used, sizeof(line) - used, " %.1f |", 100 * share);
		}
		cr_log_info("%s\n", line);
	}
	/* losses of both sides cancel */
	cr_expect_float_eq(sm_median_coverage(12, 2, 2, 0.95), 0.9232, 1e-4);
	cr_expect_gt(sm_median_coverage(12, 2, 2, 0.95), sm_median_coverage(12, 0, 4, 0.95));
	cr_expect_eq(sm_median_coverage(5, 0, 0, 0.95), 0, "no interval");
	cr_expect_float_eq(sm_median_coverage(8, 0, 0, 0.95), 1 - 2.0 / 256, 1e-12);
}

/* Times of two equal cases on a machine that drifts by 10 % over the run and wanders besides. */
struct machine {
	struct sm_random random;
	double wander;
};

static double log_time(struct machine *machine, double progress)
{
	machine->wander = 0.95 * machine->wander + 0.01 * normal(&machine->random);
	return 0.1 * progress + machine->wander + 0.01 * normal(&machine->random);
}

static bool excludes_zero(double *differences, size_t n)
{
	struct sm_interval interval = sm_median_interval(differences, n, 0.95);

	return interval.low > 0 || interval.high < 0;
}

Test(coverage, equal_cases_differ_in_at_most_five_of_a_hundred)
{
	const size_t sizes[] = { 8, 16, 30 };
	struct machine machine = { .wander = 0 };

	sm_random_seed(&machine.random, 77);
	for (size_t i = 0; i < 3; i++) {
		size_t n = sizes[i];
		unsigned paired = 0, one_after_other = 0;

		for (unsigned round = 0; round < ROUNDS; round++) {
			double d[BLOCKS_MOST], first[BLOCKS_MOST];

			/* In blocks, in random order. */
			for (size_t b = 0; b < n; b++) {
				double x = log_time(&machine, (double)b / (double)n);
				double y = log_time(&machine, (b + 0.5) / (double)n);

				d[b] = sm_random_below(&machine.random, 2) ? x - y : y - x;
			}
			paired += excludes_zero(d, n);
			/* All of one, then all of the other: what blocks are there to prevent. */
			for (size_t b = 0; b < n; b++)
				first[b] = log_time(&machine, 0.5 * b / (double)n);
			for (size_t b = 0; b < n; b++)
				d[b] = first[b] - log_time(&machine, 0.5 + 0.5 * b / (double)n);
			one_after_other += excludes_zero(d, n);
		}
		cr_log_info("%zu blocks: false alarms %.2f %%, without blocks %.2f %%\n", n, 100.0 * paired / ROUNDS,
			    100.0 * one_after_other / ROUNDS);
		/* Allowed what five of a hundred may show by chance at 99.9 %. */
		cr_expect_leq(sm_binomial_interval(paired, ROUNDS, 0.998).low, 0.05, "%u of %u with %zu blocks", paired,
			      ROUNDS, n);
		cr_expect_gt(one_after_other, ROUNDS / 2);
	}
}

/* The whole way from slices to ratio, on a guest whose cores move: near for 3 slices at a time, far
 * for 17, and an operation that costs twice as much near as far. */
static void add_moving_trial(struct sm_results *run, struct sm_random *random, unsigned c, unsigned block, bool *near)
{
	unsigned trial = (unsigned)run->sample_count;
	double probe = *near ? 92 : 410, bias = exp(0.01 * normal(random));

	for (unsigned i = 0; i < 20; i++) {
		struct sm_slice_row *slice = sm_results_add_slice(run);
		bool starts_near = *near;

		if (uniform(random) < (*near ? 1.0 / 3 : 1.0 / 17))
			*near = !*near;
		slice->trial = trial;
		slice->slice = i;
		slice->ops = 1000;
		slice->ns = (uint64_t)((starts_near ? 14000 : 7000) +
				       (*near ? 14000 : 7000) * bias * exp(0.03 * normal(random)));
		slice->probe_before_ns = probe;
		probe = (*near ? 92 : 410) * exp(0.05 * normal(random));
		slice->probe_after_ns = probe;
		slice->probe_step = NAN;
	}
	struct sm_sample *sample = sm_results_add_sample(run);

	sample->trial = trial;
	sample->case_index = c;
	sample->block = block;
	sample->pus = "0 1";
	sample->nodes = sample->pages_got = sample->reason = "-";
	sample->wall_ns = 30000000;
	sample->ended = SM_OK;
}

static void add_moving_case(struct sm_results *run, const char *variant)
{
	struct sm_case_row *row = sm_results_add_case(run);

	*row = (struct sm_case_row){ .id = variant,
				     .group = "aa",
				     .scenario = "aa",
				     .variant = variant,
				     .params = "-",
				     .placement = SM_PLACE_NEAR,
				     .relation = SM_PLACE_SHARED_L3,
				     .backing = "none",
				     .pages = "none",
				     .prefault = "none",
				     .numa = "none",
				     .unit = "ns/op",
				     .metric = "time per operation",
				     .workers = 2 };
}

Test(coverage, equal_cases_stay_equal_while_the_cores_move)
{
	enum { RUNS = 400, BLOCKS = 8 };
	const struct sm_scenario *const none[] = { NULL };
	struct sm_random random;
	unsigned alarms = 0, intervals = 0, two_classes = 0;
	double widest = 0;

	sm_random_seed(&random, 4711);
	for (unsigned i = 0; i < RUNS; i++) {
		struct sm_error err = { 0 };
		struct sm_results run;
		bool near = false;

		sm_results_init(&run);
		add_moving_case(&run, "a");
		add_moving_case(&run, "b");
		for (unsigned b = 0; b < BLOCKS; b++) {
			unsigned first = (unsigned)sm_random_below(&random, 2);

			add_moving_trial(&run, &random, first, b, &near);
			add_moving_trial(&run, &random, 1 - first, b, &near);
		}
		cr_assert_eq(sm_analyse(&run, none, 0, &err), 0, "%s", err.text);
		for (size_t p = 0; p < run.pair_count; p++) {
			const struct sm_interval *ratio = &run.pairs[p].ratio;

			two_classes += strcmp(run.pairs[p].klass, "-") != 0 && !run.pairs[p].leading;
			if (!run.pairs[p].leading || isnan(ratio->low))
				continue;
			intervals++;
			alarms += ratio->low > 1 || ratio->high < 1;
			widest = fmax(widest, ratio->high / ratio->low);
		}
		sm_results_free(&run);
	}
	struct sm_interval share = sm_binomial_interval(alarms, intervals, 0.998);

	cr_log_info("%u of %u runs excluded 1; widest interval %.3f\n", alarms, intervals, widest);
	cr_expect_geq(intervals, RUNS * 9 / 10);
	cr_expect_geq(two_classes, RUNS / 2);
	cr_expect_leq(share.low, 0.05);
	/* The classes differ by a factor of two; a mixture of them could not stay this narrow. */
	cr_expect_lt(widest, 1.15);
}
