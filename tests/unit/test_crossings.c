/* Where a variant overtakes its baseline over a size, and the further metrics of a trial: compared, and held
 * against what is claimed of their values. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "made_up_run.h"

static const double sizes[] = { 64, 1024, 16384, 262144 };

/* padded takes 50 ns whatever the size; packed takes this much of it. */
static void sweep(const double ratio[4], double spread)
{
	for (unsigned s = 0; s < 4; s++) {
		const char *params = sm_results_string(&run, "bytes=%.0f op=add", sizes[s]);
		unsigned packed = add_case("pack", "packed", params, 2);
		unsigned padded = add_case("pack", "padded", params, 2);

		for (unsigned b = 0; b < 8; b++) {
			double off = 1 + spread * (b - 3.5) / 3.5;

			add_trial(packed, b, 0, 50 * ratio[s] * off, 50 * ratio[s] * off);
			add_trial(padded, b, 0, 50, 50);
		}
	}
	analyse();
}

Test(analysis, the_point_lies_on_the_line_between_two_sizes)
{
	/* ln ratio goes from ln 2 to -ln 2: the middle of 1024 and 16384 in the logarithm is 4096 */
	sweep((double[]){ 4, 2, 0.5, 0.25 }, 0.1);
	cr_assert_eq(run.crossing_count, 1);
	const struct sm_crossing_row *c = &run.crossings[0];

	cr_expect_str_eq(c->param, "bytes");
	cr_expect(fabs(c->at / 4096 - 1) < 0.1, "%g", c->at);
	cr_expect(c->low < c->at && c->at < c->high, "%g %g %g", c->low, c->at, c->high);
	cr_expect(c->low > 2048 && c->high < 8192, "%g %g", c->low, c->high);
	/* the first variant of the scenario is the baseline */
	cr_expect_str_eq(c->left, "padded");
	cr_expect_str_eq(c->right, "packed");
	cr_expect(!c->overtakes, "padded is the faster one below");
}

Test(analysis, lines_that_do_not_cross_have_no_point)
{
	sweep((double[]){ 4, 3, 2, 1.5 }, 0.1);
	cr_expect_eq(run.crossing_count, 0);
}

Test(analysis, what_one_side_does_not_decide_is_no_crossing)
{
	/* at the largest size the interval still holds 1 */
	sweep((double[]){ 4, 3, 1.5, 0.95 }, 0.2);
	cr_expect_eq(run.crossing_count, 0);
}

/* Times of variants at seven sizes of each of four curves; `factor` gives packed's, relative to the others'. */
static void add_curves(double (*factor)(unsigned op, unsigned size), double scatter, unsigned blocks)
{
	for (unsigned op = 0; op < 4; op++)
		for (unsigned size = 0; size < 7; size++) {
			const char *params = sm_results_string(&run, "op=%s size=%u", pack_ops[op], 1u << size);
			unsigned first = add_case("pack", "packed", params, 2);

			add_case("pack", "padded", params, 2);
			add_case("pack", "wide", params, 2);
			for (unsigned b = 0; b < blocks; b++)
				for (unsigned v = 0; v < 3; v++) {
					double ns = 50 * (v == 0 ? factor(op, size) : 1) * scattered(scatter);

					add_trial(first + v, b, 0, ns, ns);
				}
		}
}

static double identical(unsigned op, unsigned size)
{
	(void)op;
	(void)size;
	return 1;
}

/* The medians of identical variants cross at every other size, by chance. */
Test(analysis, identical_variants_cross_nowhere)
{
	size_t crossings = 0;

	for (unsigned round = 1; round <= 30; round++) {
		tear_down();
		set_up();
		sm_random_seed(&noise, round);
		add_curves(identical, 0.03, round % 2 ? 8 : 16);
		analyse();
		crossings += run.crossing_count;
	}
	cr_expect_eq(crossings, 0, "%zu", crossings);
}

static double one_crosses(unsigned op, unsigned size)
{
	return op == 2 ? 2 / pow(2, size / 3.0) : 1;
}

Test(analysis, a_crossing_is_told_among_curves_that_do_not_differ)
{
	add_curves(one_crosses, 0.03, 8);
	analyse();
	cr_assert_eq(run.crossing_count, 2, "packed with padded and with wide: %zu", run.crossing_count);
	for (unsigned i = 0; i < 2; i++) {
		const struct sm_crossing_row *c = &run.crossings[i];

		cr_expect_str_eq(c->param, "size");
		cr_expect(c->at > 6 && c->at < 11, "%g", c->at);
		cr_expect(c->low <= c->at && c->at <= c->high, "%g %g %g", c->low, c->at, c->high);
	}
}

static double slower_at_first(unsigned op, unsigned size)
{
	(void)op;
	return size < 3 ? 1.5 : 1;
}

/* One side that differs does not make a crossing of the chance on the other: in one run of forty, where each size by itself
 * would in one of four. */
Test(analysis, curves_that_meet_do_not_cross)
{
	unsigned crossed = 0;

	for (unsigned round = 1; round <= 20; round++) {
		tear_down();
		set_up();
		sm_random_seed(&noise, round);
		add_curves(slower_at_first, 0.03, 16);
		analyse();
		crossed += run.crossing_count > 0;
	}
	cr_expect_leq(crossed, 2, "%u of 20 runs", crossed);
}

static double alike_in_the_middle(unsigned op, unsigned size)
{
	static const double ratio[] = { 4, 2, 0.998, 1.002, 0.998, 0.5, 0.25 };

	return op == 1 ? ratio[size] : 4;
}

Test(analysis, sizes_that_do_not_differ_are_one_crossing)
{
	add_curves(alike_in_the_middle, 0.03, 8);
	analyse();
	cr_assert_eq(run.crossing_count, 2, "packed with padded and with wide: %zu", run.crossing_count);
	cr_expect(run.crossings[0].low > 2 && run.crossings[0].low < run.crossings[0].at, "%g", run.crossings[0].low);
	cr_expect(run.crossings[0].high < 32 && run.crossings[0].at < run.crossings[0].high, "%g",
		  run.crossings[0].high);
}

Test(analysis, nothing_crosses_where_the_control_moved)
{
	add_control(1.2);
	sweep((double[]){ 4, 2, 0.5, 0.25 }, 0.1);
	cr_expect_eq(run.crossing_count, 0);
}

Test(analysis, two_sizes_are_no_curve)
{
	for (unsigned s = 0; s < 2; s++) {
		const char *params = sm_results_string(&run, "bytes=%.0f op=add", sizes[s]);
		unsigned packed = add_case("pack", "packed", params, 2);
		unsigned padded = add_case("pack", "padded", params, 2);

		for (unsigned b = 0; b < 8; b++) {
			add_trial(packed, b, 0, s ? 25 : 100, s ? 25 : 100);
			add_trial(padded, b, 0, 50, 50);
		}
	}
	analyse();
	cr_expect_eq(run.crossing_count, 0);
}

/* A metric of whole trials is compared like their time, apart from it. */
Test(analysis, a_further_metric_has_its_own_comparison)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < 8; b++) {
		unsigned trials[2];

		add_trial(packed, b, 0, 28, 14);
		trials[0] = run.samples[run.sample_count - 1].trial;
		add_trial(padded, b, 0, 2.6, 2.6);
		trials[1] = run.samples[run.sample_count - 1].trial;
		for (unsigned i = 0; i < 2; i++)
			*sm_results_add_metric(&run) =
				(struct sm_metric_row){ trials[i], "fairness", "1", i ? 1 : 0.5 };
	}
	for (unsigned round = 0; round < 2; round++) {
		const struct sm_pair_row *row = NULL;

		analyse();
		for (size_t i = 0; i < run.pair_count; i++)
			if (strcmp(run.pairs[i].metric, "fairness") == 0)
				row = &run.pairs[i];
		cr_assert(row);
		cr_expect_str_eq(row->klass, "any");
		cr_expect_eq(row->blocks_used, 8);
		cr_expect_float_eq(row->ratio.estimate, strcmp(row->left, "packed") == 0 ? 0.5 : 2, 1e-9);
		cr_expect_str_eq(row->claim, "-", "a claim about the time is not one about this");
		cr_expect_eq(run.samples[0].found.status, SM_OK, "the time is not touched");
	}
}

Test(analysis, what_is_no_time_crosses_nothing)
{
	for (unsigned s = 0; s < 4; s++) {
		const char *params = sm_results_string(&run, "bytes=%.0f op=add", sizes[s]);
		unsigned side[2] = { add_case("pack", "packed", params, 2), add_case("pack", "padded", params, 2) };

		for (unsigned i = 0; i < 16; i++) {
			add_trial(side[i % 2], i / 2, 0, i % 2 ? 50 : 60, i % 2 ? 50 : 60);
			*sm_results_add_metric(&run) =
				(struct sm_metric_row){ run.samples[run.sample_count - 1].trial, "in flight", "B",
							i % 2 ? 100 : 40 * (1 + s) };
		}
	}
	analyse();
	cr_expect_eq(run.crossing_count, 0, "at %g %s", run.crossings[0].at, run.crossings[0].metric);
}

/* A trial of `touch` that knows how much was lost. */
static void add_lost(unsigned c, unsigned block, double lost)
{
	add_trial(c, block, 0, 10, 10);
	*sm_results_add_metric(&run) =
		(struct sm_metric_row){ run.samples[run.sample_count - 1].trial, "lost", "1", lost };
}

Test(analysis, a_value_has_to_hold_in_every_trial_or_in_one)
{
	unsigned lazy = add_case("touch", "lazy", "-", 1), ready = add_case("touch", "ready", "-", 1);

	for (unsigned b = 0; b < 8; b++) {
		add_lost(lazy, b, 0);
		add_lost(ready, b, b == 5 ? 3 : 0);
	}
	analyse();
	cr_expect_eq(claim_of("V1")->verdict, SM_SUPPORTED);
	expect_text(claim_of("V1")->evidence, "0 in each of 8 trials");
	cr_expect_eq(claim_of("V2")->verdict, SM_SUPPORTED);
	expect_text(claim_of("V2")->evidence, "0 to 3 in 8 trials");
}

Test(analysis, one_trial_refutes_what_is_claimed_of_every_one)
{
	unsigned lazy = add_case("touch", "lazy", "-", 1), ready = add_case("touch", "ready", "-", 1);

	for (unsigned b = 0; b < 8; b++) {
		add_lost(lazy, b, b == 6);
		add_lost(ready, b, 0);
	}
	analyse();
	cr_expect_eq(claim_of("V1")->verdict, SM_REFUTED);
	expect_text(claim_of("V1")->evidence, "1 in trial 12");
	cr_expect_eq(claim_of("V2")->verdict, SM_INCONCLUSIVE, "what did not come may come");
}

Test(analysis, an_unknown_value_or_a_failed_trial_says_nothing)
{
	unsigned lazy = add_case("touch", "lazy", "-", 1);

	add_lost(lazy, 0, NAN);
	add_lost(lazy, 1, 7);
	run.samples[run.sample_count - 1].ended = SM_TIMED_OUT;
	analyse();
	cr_expect_eq(claim_of("V1")->verdict, SM_NOT_TESTABLE);
}

/* Whatever becomes of a trial's timing: its metric is of the whole trial. */
Test(analysis, a_disturbed_trial_keeps_its_metric)
{
	unsigned lazy = add_case("touch", "lazy", "-", 1);

	add_lost(lazy, 0, 0);
	for (size_t i = 0; i < run.slice_count; i++)
		run.slices[i].pin_lost = true;
	analyse();
	cr_expect_eq(run.samples[0].found.status, SM_DISTURBED);
	cr_assert_eq(run.sample_count, 2);
	cr_expect_eq(run.samples[1].found.status, SM_OK);
	cr_expect_eq(run.samples[1].found.value, 0);
}
