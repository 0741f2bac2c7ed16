/* From comparisons and counts to words, on made-up runs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "made_up_run.h"

Test(analysis, evidence_is_one_sentence_for_people)
{
	add_pack_point("op=add processes=2", 16, 2, 2, 8);
	analyse();
	const struct sm_claim_row *row = claim_of("C1");
	const struct sm_pair_row *pair = pair_of("packed", "padded", NULL);
	char expected[300];

	snprintf(expected, sizeof(expected),
		 "packed takes %.2f times as long per operation as padded (95 %% interval %.3g to "
		 "%.3g, class 410ns, 8 blocks, op=add processes=2, near)",
		 pair->ratio.estimate, pair->ratio.low, pair->ratio.high);
	cr_expect_str_eq(row->evidence, expected);
	cr_expect_eq(row->verdict, SM_SUPPORTED);
	cr_expect_str_eq(row->reason, "-");
	cr_expect_str_eq(row->question, "Padded or not?");
	cr_expect_str_eq(row->source, "a popular belief");
	/* One row a comparison: the claimed one is not there a second time as a plain one. */
	cr_expect_eq(run.pair_count, 3);
	cr_expect_str_eq(pair->claim, "C1");
	cr_expect_eq(claim_of("C2")->verdict, SM_SUPPORTED, "%s", claim_of("C2")->evidence);
}

Test(analysis, the_reverse_of_a_claim_is_not_compared_again)
{
	add_pack_point("op=addition", 16, 2, 2, 8);
	analyse();
	cr_expect_eq(run.pair_count, 2);
	cr_expect(pair_of("packed", "padded", NULL) && !pair_of("padded", "packed", NULL));
	cr_expect(pair_of("wide", "packed", NULL));
	/* C2 names another point. */
	cr_expect_eq(claim_of("C2")->verdict, SM_NOT_TESTABLE);
	expect_text(claim_of("C2")->reason,
		    "no case of this run has op=add placement=near: it needs two lines; where that is there, a "
		    "longer profile, --set or --placement adds it");
}

Test(analysis, a_claim_that_holds_here_and_fails_there_is_refuted_and_says_where)
{
	add_pack_point("op=add processes=2", 16, 2, 2, 8);
	add_pack_point("op=store processes=2", 2.2, 2, 2, 8);
	analyse();
	const struct sm_claim_row *row = claim_of("C1");

	cr_expect_eq(row->verdict, SM_REFUTED);
	expect_text(row->evidence, "packed takes 1.1");
	expect_text(row->evidence, "; holds at op=add processes=2; refuted at op=store processes=2");
}

Test(analysis, a_claim_that_holds_at_all_points_shows_the_weakest)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	add_pack_point("op=store", 6, 2, 2, 8);
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED);
	expect_text(claim_of("C1")->evidence, "op=store, near)");
	expect_text(claim_of("C1")->evidence, "it holds at all 2 points, this being the weakest");
}

/* 28 points of C1, whose threshold is 1.5. */
static void add_points_at(double ratio, unsigned blocks)
{
	for (unsigned i = 0; i < 28; i++) {
		const char *params = sm_results_string(&run, "op=%s size=%u", pack_ops[i % 4], 1u << i / 4);
		unsigned packed = add_case("pack", "packed", params, 2);
		unsigned padded = add_case("pack", "padded", params, 2);

		for (unsigned b = 0; b < blocks; b++) {
			double ns = 2 * ratio * scattered(0.03);

			add_trial(packed, b, 0, 0, ns);
			ns = 2 * scattered(0.03);
			add_trial(padded, b, 0, 0, ns);
		}
	}
	analyse();
}

/* Each of 28 intervals lies beyond the threshold in one of 250 runs (8 blocks) or one of 100 (16). */
Test(analysis, a_claim_that_just_holds_at_many_points_is_not_refuted_by_chance)
{
	unsigned refuted = 0, demoted = 0;

	for (unsigned round = 1; round <= 40; round++) {
		tear_down();
		set_up();
		sm_random_seed(&noise, round);
		add_points_at(1.5, round % 2 ? 8 : 16);
		refuted += claim_of("C1")->verdict == SM_REFUTED;
		for (size_t i = 0; i < run.pair_count; i++)
			demoted += strstr(run.pairs[i].reason, "by chance one of the 28 comparisons") != NULL;
	}
	cr_expect_leq(refuted, 1, "%u of 40 runs", refuted);
	cr_expect_geq(demoted, 3, "%u", demoted);
}

Test(analysis, a_claim_that_clearly_fails_at_many_points_is_refuted)
{
	add_points_at(1.3, 8);
	cr_expect_eq(claim_of("C1")->verdict, SM_REFUTED, "%s", claim_of("C1")->reason);
	expect_text(claim_of("C1")->evidence,
		    "it is refuted at all 28 points, this being the furthest off (the interval is that of this point "
		    "alone)");
}

/* One trial of a case is lost: none of its slices is pure. */
static void lose(unsigned c, unsigned block)
{
	for (size_t s = 0; s < run.sample_count; s++)
		for (size_t i = 0; i < run.slice_count; i++)
			if (run.samples[s].case_index == c && run.samples[s].block == block &&
			    run.slices[i].trial == run.samples[s].trial)
				interrupt(&run.slices[i]);
}

Test(analysis, few_blocks_lost_by_one_side_are_said)
{
	add_pack_point("op=add", 16, 2, 2, 16);
	lose(0, 3);
	lose(0, 9);
	analyse();
	cr_expect_eq(pair_of("packed", "padded", NULL)->left_lost, 2);
	cr_expect_eq(pair_of("packed", "padded", NULL)->right_lost, 0);
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED, "%s", claim_of("C1")->reason);
	expect_text(claim_of("C1")->evidence, "; of 16 blocks packed alone lost 2 and padded alone 0");
}

Test(analysis, many_blocks_lost_by_one_side_take_the_verdict_away)
{
	add_pack_point("op=add", 16, 2, 2, 16);
	for (unsigned b = 0; b < 3; b++)
		lose(0, 4 * b);
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason,
		    "of 16 blocks packed alone lost 3 and padded alone 0: if these were the slowest, the 95 % interval "
		    "contains the true ratio in only 89 % of runs (90 % are required)");
}

Test(analysis, blocks_lost_evenly_keep_the_verdict)
{
	add_pack_point("op=add", 16, 2, 2, 16);
	lose(0, 3);
	lose(0, 5);
	lose(1, 7);
	lose(1, 9);
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED, "%s", claim_of("C1")->reason);
	cr_expect_null(strstr(claim_of("C1")->evidence, "alone lost"));
}

Test(analysis, an_interval_across_the_threshold_decides_nothing)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < 8; b++) {
		add_trial(packed, b, 0, 0, b % 2 ? 2.6 : 3.4);
		add_trial(padded, b, 0, 0, 2);
	}
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "includes the threshold 1.5");
	expect_text(claim_of("C1")->reason, "smallest detectable difference");
}

Test(analysis, five_blocks_have_no_interval)
{
	add_pack_point("op=add", 16, 2, 2, 5);
	analyse();
	const struct sm_pair_row *row = pair_of("packed", "padded", NULL);

	cr_expect(isnan(row->ratio.low) && isnan(row->mde));
	cr_expect_float_eq(row->ratio.estimate, 8, 0.1);
	cr_expect_eq(row->verdict, SM_INCONCLUSIVE);
	expect_text(row->reason, "no interval under 6");
	expect_text(claim_of("C1")->evidence, "no interval, class 410ns, 5 blocks");
	cr_expect(isnan(run.summaries[0].value.low));
	expect_text(run.summaries[0].reason, "no interval under 6");
}

Test(analysis, too_many_blocks_without_a_class)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	/* In the last three of ten the two never met in one class. */
	for (unsigned b = 0; b < 10; b++) {
		add_trial(packed, b, b < 7 ? 10 : 0, 28, 14);
		add_trial(padded, b, b < 7 ? 10 : 20, 2.6, 2.6);
	}
	analyse();
	const struct sm_pair_row *row = pair_of("packed", "padded", "92ns");

	cr_expect_eq(row->blocks_used, 7);
	cr_expect_eq(row->verdict, SM_INCONCLUSIVE);
	expect_text(row->reason, "3 of 10 blocks were dropped");
}

Test(analysis, a_pair_that_never_meets_is_said)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < 8; b++) {
		add_trial(packed, b, 0, 28, 14);
		add_trial(padded, b, 20, 2.6, 2.6);
	}
	analyse();
	const struct sm_pair_row *row = pair_of("packed", "padded", "-");

	cr_assert(row);
	cr_expect(row->leading && isnan(row->ratio.estimate));
	cr_expect_eq(row->blocks_dropped, 8);
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "no block of 8 has a pair class");
}

Test(analysis, a_third_variant_does_not_spoil_a_pair)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	for (size_t s = 0; s < run.sample_count; s++)
		if (run.samples[s].case_index == 2)
			run.samples[s].ended = SM_WORKER_DIED;
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED);
	cr_expect_eq(pair_of("packed", "padded", NULL)->blocks_used, 8);
	cr_expect_eq(run.summaries[2].failed, 8);
}

Test(analysis, steal_takes_the_verdict_away)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	for (size_t s = 0; s < run.sample_count; s++)
		run.samples[s].steal_ns = run.samples[s].wall_ns * 2 * 4 / 100;
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED, "4 %% is accepted");
	for (size_t s = 0; s < run.sample_count; s++)
		run.samples[s].steal_ns = run.samples[s].wall_ns * 2 * 6 / 100;
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "6.0 % of the PU time");
	expect_text(claim_of("C1")->evidence, "packed takes");
}

Test(analysis, a_coarse_clock_takes_the_verdict_away)
{
	unsigned wide = add_case("pack", "wide", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < 12; b++) {
		unsigned x = add_sample(wide, b)->trial, y = add_sample(padded, b)->trial;

		for (unsigned i = 0; i < 5; i++) {
			add_slice(x, i, 2, FAR, FAR);
			add_slice(y, i, b < 3 ? 2 : 1.99 + 0.002 * b, FAR, FAR);
		}
	}
	analyse();
	cr_expect_eq(claim_of("C2")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C2")->reason, "the clock is too coarse");
	expect_text(claim_of("C2")->reason, "of 12 blocks");
}

Test(analysis, a_lost_pin_takes_the_verdict_away)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	run.slices[5].pin_lost = true;
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "in 1 trials a worker did not stay");
	cr_expect_eq(claim_of("C2")->verdict, SM_SUPPORTED, "the other pair kept its pins");
}

Test(analysis, a_control_may_move_either_way)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	add_control(0.9);
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "differed by a factor of 0.90");
}

Test(analysis, a_control_that_moved_takes_all_verdicts_away)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	add_control(1.1);
	analyse();
	const json_t *found = json_object_get(run.analysis, "aa");

	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "the A/A control moved");
	expect_text(claim_of("C1")->reason, "at most 1 in 100 runs");
	cr_expect(json_is_true(json_object_get(found, "moved")));
	/* Its own row stays what it is. */
	cr_expect_float_eq(pair_of("b", "a", NULL)->ratio.estimate, 1.1, 0.01);
	cr_expect_str_eq(pair_of("b", "a", NULL)->reason, "-");
}

/* 14 of 16 blocks one way are sure at 99 % (sign test, p = 0.0042), 13 at 95 % alone (p = 0.021). */
Test(analysis, a_control_has_moved_when_it_is_sure_at_99_per_cent)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	add_control_of(1.1, 16, 2);
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
}

Test(analysis, a_control_has_not_moved_when_it_is_sure_at_95_per_cent_alone)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	add_control_of(1.1, 16, 3);
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED);
}

/* Six blocks that agree (p = 0.031) cannot reach 1 %: there 5 % has to do. */
Test(analysis, a_control_of_few_blocks_is_judged_as_everything_else)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	add_control_of(1.1, 6, 0);
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "at most 5 in 100 runs");
}

Test(analysis, a_control_that_stood_leaves_them)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	add_control(1);
	/* By the sign test a shift in all 8 blocks counts, so the two are made to alternate. */
	for (size_t i = run.slice_count - 16 * SLICES; i < run.slice_count; i++)
		run.slices[i].ns = 10000 + (run.slices[i].trial % 4 == 0 ? 20 : run.slices[i].trial % 4 == 3 ? 20 : 0);
	analyse();
	const json_t *found = json_object_get(run.analysis, "aa");

	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED, "%s", claim_of("C1")->reason);
	cr_expect(json_is_false(json_object_get(found, "moved")));
	cr_expect_eq(json_integer_value(json_object_get(found, "blocks")), 8);
}

/* A switch is likelier in a slice that takes longer: where one side loses more of them, the reader hears of it. */
Test(analysis, sides_that_were_not_disturbed_alike_are_told)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	for (size_t i = 0; i < run.slice_count; i++)
		if (run.samples[run.slices[i].trial].case_index == 0 && run.slices[i].slice % 4 == 0)
			interrupt(&run.slices[i]);
	analyse();
	cr_expect_float_eq(pair_of("packed", "padded", NULL)->left_dropped, 0.25, 1e-9);
	cr_expect_float_eq(pair_of("packed", "padded", NULL)->right_dropped, 0, 1e-9);
	expect_text(claim_of("C1")->evidence, "25 % of the slices of packed were left out and 0 % of padded");
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED);
	cr_expect(!strstr(claim_of("C2")->evidence, "left out"), "%s", claim_of("C2")->evidence);
}

/* The figure of a case that still drifts is none, and no trial is dropped for its own drift. */
Test(analysis, a_case_that_drifts_is_unsettled)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	for (size_t i = 0; i < run.slice_count; i++)
		if (run.samples[run.slices[i].trial].case_index == 0)
			run.slices[i].ns -= run.slices[i].ns * run.slices[i].slice / 100;
	analyse();
	for (size_t s = 0; s < run.sample_count; s++) {
		bool packed = run.samples[s].case_index == 0;

		cr_expect_eq(run.samples[s].found.status, packed ? SM_UNSETTLED : SM_OK);
		cr_expect_eq(run.samples[s].ended, SM_OK, "what was measured stays");
	}
	cr_expect_eq(run.summaries[0].unsettled, 8);
	cr_expect_eq(run.summaries[0].value.count, 0);
	expect_text(run.summaries[0].reason, "the last third of a trial takes 0.8");
	cr_expect_eq(claim_of("C1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("C1")->reason, "packed is not settled");
	cr_assert(pair_of("packed", "padded", NULL));
	cr_expect(pair_of("packed", "padded", NULL)->set_aside, "more blocks would not help it");
	cr_expect_eq(claim_of("C2")->verdict, SM_SUPPORTED, "the others stand");
}

static void add_metrics(unsigned trial)
{
	*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "p99", "ns", 70 };
	*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "rate", "messages/s", 5e6 };
	*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "held", "B", 65536 };
}

static const struct sm_summary_row *summary_of(const char *metric)
{
	for (size_t i = 0; i < run.summary_count; i++)
		if (strcmp(run.cases[run.summaries[i].case_index].metric, metric) == 0)
			return &run.summaries[i];
	cr_assert_fail("no summary of %s", metric);
	return NULL;
}

/* What else a trial tells of time is as little a figure as its time; what it counted is one. */
Test(analysis, further_times_of_a_case_that_drifts_are_set_aside_with_it)
{
	unsigned c = add_case("pack", "packed", "op=add", 2);

	for (unsigned b = 0; b < 8; b++)
		add_metrics(add_trial(c, b, 0, 0, 16)->trial);
	for (size_t i = 0; i < run.slice_count; i++)
		run.slices[i].ns -= run.slices[i].ns * run.slices[i].slice / 100;
	analyse();
	for (unsigned m = 0; m < 2; m++) {
		const struct sm_summary_row *row = summary_of(m == 0 ? "p99" : "rate");

		cr_expect_eq(row->value.count, 0, "metric %u", m);
		cr_expect_eq(row->unsettled, 8);
		cr_expect_eq(row->ok, 0);
		expect_text(row->reason, "not settled");
	}
	cr_expect_eq(summary_of("held")->value.count, 8);
	cr_expect_eq(summary_of("held")->ok, 8);
}

/* Two trials that drift say nothing of the case. */
Test(analysis, a_case_is_judged_over_all_of_its_trials)
{
	add_pack_point("op=add", 16, 2, 2, 8);
	for (size_t i = 0; i < run.slice_count; i++)
		if (run.slices[i].trial < 3)
			run.slices[i].ns -= run.slices[i].ns * run.slices[i].slice / 100;
	analyse();
	cr_expect_eq(run.samples[0].found.status, SM_OK);
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED);
	cr_expect_eq(claim_of("C1")->verdict, SM_SUPPORTED);
}

/* An open loop that did not get what it offered has a rate and no latency. */
Test(analysis, a_trial_under_its_offered_rate_is_saturated)
{
	static const struct sm_variant variants[] = { { .name = "half" }, { 0 } };
	static const struct sm_scenario loop = { .name = "loop", .variants = variants, .achieved = "achieved share" };
	const struct sm_scenario *const one[] = { &loop };
	unsigned c = add_case("loop", "half", "-", 2);
	struct sm_error err = { 0 };

	for (unsigned b = 0; b < 8; b++) {
		unsigned trial = add_trial(c, b, 0, 0, 10)->trial;

		*sm_results_add_metric(&run) =
			(struct sm_metric_row){ trial, "achieved share", "1", b < 3 ? 0.979 : 0.981 };
		add_metrics(trial);
	}
	cr_assert_eq(sm_analyse(&run, one, 1, &err), 0, "%s", err.text);
	cr_expect_eq(run.summaries[0].saturated, 3);
	cr_expect_eq(run.summaries[0].ok, 5);
	cr_expect_eq(run.samples[0].found.status, SM_SATURATED);
	expect_text(run.samples[0].found.reason, "97.9 % of the offered rate");
	cr_expect(isnan(run.samples[0].found.value));
	cr_expect_eq(run.summaries[0].value.count, 5);
	cr_expect_eq(summary_of("p99")->saturated, 3, "its latency is none");
	cr_expect_eq(summary_of("p99")->value.count, 5);
	cr_expect_eq(summary_of("rate")->value.count, 8, "it passed what it passed");
	cr_expect_eq(summary_of("achieved share")->value.count, 8);
}

Test(analysis, a_skipped_variant_is_not_testable_and_says_why)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);
	struct sm_sample *skipped = add_sample(packed, 0);

	skipped->ended = SM_SKIPPED;
	skipped->reason = "needs two cores; this machine has one";
	for (unsigned b = 0; b < 8; b++)
		add_trial(padded, b, 0, 0, 2);
	analyse();
	cr_expect_eq(run.pair_count, 0);
	cr_expect_eq(claim_of("C1")->verdict, SM_NOT_TESTABLE);
	cr_expect_str_eq(claim_of("C1")->reason, "packed: needs two cores; this machine has one");
	expect_text(claim_of("C2")->reason, "wide: not measured in this run");
	cr_expect_str_eq(run.summaries[0].reason, "needs two cores; this machine has one");
	cr_expect_eq(run.summaries[0].skipped, 1);
	cr_expect_eq(run.claim_count, 2, "scenarios that are not in the run claim nothing");
}

static void count_event(unsigned trial, const char *event, uint64_t raw, enum sm_count_state state)
{
	struct sm_counter_row *row = sm_results_add_counter(&run);

	row->trial = trial;
	row->event = row->fstr = event;
	row->raw = raw;
	row->scope = SM_SCOPE_USER_KERNEL;
	row->state = state;
}

/* Seven trials of `touch`, 16384 operations each; lazy takes a fault an operation. */
static void add_touch(enum sm_count_state state)
{
	unsigned lazy = add_case("touch", "lazy", "-", 1);
	unsigned ready = add_case("touch", "ready", "-", 1);

	for (unsigned b = 0; b < 7; b++) {
		for (unsigned v = 0; v < 2; v++) {
			struct sm_sample *sample = add_sample(v == 0 ? lazy : ready, b);

			sample->ops = 16384;
			add_slice(sample->trial, 0, v == 0 ? 800 : 100, NAN, NAN);
			count_event(sample->trial, "minor-faults", v == 0 ? 16384 : 0, state);
			count_event(sample->trial, "cycles", 99, SM_NOT_SUPPORTED);
		}
	}
}

Test(analysis, exact_counts_hold_in_every_trial)
{
	add_touch(SM_COUNTED);
	/* A noisy trial has no time to show, but its count stands. */
	interrupt(&run.slices[0]);
	analyse();
	cr_expect_eq(run.samples[0].found.status, SM_DISTURBED);
	cr_expect_eq(claim_of("P1")->verdict, SM_SUPPORTED);
	cr_expect_str_eq(claim_of("P1")->evidence,
			 "lazy: 114688 minor-faults in 114688 operations, 1 an operation in each "
			 "of 7 trials");
	cr_expect_eq(claim_of("touch.expected")->verdict, SM_SUPPORTED);
	cr_expect_str_eq(claim_of("touch.expected")->source, "exact count");
	cr_expect_str_eq(claim_of("touch.expected")->sentence,
			 "Exactly 1 minor-faults an operation in lazy, 0 minor-faults an operation "
			 "in ready.");
}

Test(analysis, one_fault_too_many_refutes)
{
	add_touch(SM_COUNTED);
	for (size_t i = 0; i < run.counter_count; i++)
		if (run.counters[i].trial == 4 && strcmp(run.counters[i].event, "minor-faults") == 0)
			run.counters[i].raw++;
	analyse();
	cr_expect_eq(claim_of("P1")->verdict, SM_REFUTED);
	cr_expect_str_eq(claim_of("P1")->evidence,
			 "lazy: 16385 minor-faults where exactly 16384 are expected (trial 4), and "
			 "so in 1 of 7 trials");
	cr_expect_eq(claim_of("touch.expected")->verdict, SM_REFUTED);
	cr_expect_eq(run.samples[4].found.status, SM_OK, "the status is the trial's");
}

/* The kernel's own faults may be added to those of the work, and can hide none of them. */
Test(analysis, faults_of_numa_balancing_refute_nothing)
{
	add_touch(SM_COUNTED);
	json_object_set_new(json_object_get(run.manifest, "environment"), "numa_balancing", json_integer(1));
	for (size_t i = 0; i < run.counter_count; i++)
		if (run.counters[i].trial == 4 && strcmp(run.counters[i].event, "minor-faults") == 0)
			run.counters[i].raw++;
	analyse();
	cr_expect_eq(claim_of("P1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("P1")->reason, "kernel.numa_balancing=0");
	cr_expect_eq(claim_of("touch.expected")->verdict, SM_INCONCLUSIVE);
	for (size_t i = 0; i < run.counter_count; i++)
		if (run.counters[i].trial == 4 && strcmp(run.counters[i].event, "minor-faults") == 0)
			run.counters[i].raw -= 2;
	analyse();
	cr_expect_eq(claim_of("P1")->verdict, SM_REFUTED);
}

Test(analysis, a_count_that_could_not_be_had_is_not_zero)
{
	add_touch(SM_NOT_PERMITTED);
	json_object_set_new(
		run.manifest, "events",
		json_pack("[{s:s, s:s}]", "name", "minor-faults", "reason", "lower perf_event_paranoid to 2"));
	analyse();
	cr_expect_eq(claim_of("P1")->verdict, SM_NOT_TESTABLE);
	cr_expect_str_eq(claim_of("P1")->reason, "minor-faults reads not_permitted in 7 of 7 trials: lower "
						 "perf_event_paranoid to 2");
	cr_expect_eq(claim_of("touch.expected")->verdict, SM_NOT_TESTABLE);
	/* And events that nobody asked for. */
	run.counter_count = 0;
	analyse();
	cr_expect_eq(claim_of("P1")->verdict, SM_NOT_TESTABLE);
	expect_text(claim_of("P1")->reason, "name it with --events");
}

Test(analysis, an_extrapolated_count_is_not_exact)
{
	add_touch(SM_SCALED);
	analyse();
	cr_expect_eq(claim_of("P1")->verdict, SM_NOT_TESTABLE);
	expect_text(claim_of("P1")->reason, "reads scaled");
}
