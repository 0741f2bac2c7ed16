/* From slices to values, comparisons and summaries, on made-up runs. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "made_up_run.h"

/* The trap that slices exist for: in the near class packed costs 28 ns, in the far one 14, and how
 * much of either a trial sees is luck. */
Test(analysis, a_comparison_stays_within_a_class)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < 8; b++) {
		add_trial(packed, b, b % 2 ? 12 : 4, 28, 14);
		add_trial(padded, b, b % 2 ? 3 : 13, 2.6, 2.6);
	}
	analyse();
	/* Two classes, one row each, and the one with most pure slices leads. */
	cr_assert_eq(run.pair_count, 2);
	const struct sm_pair_row *near = NULL, *far = NULL;

	for (size_t i = 0; i < 2; i++) {
		if (run.pairs[i].ratio.estimate > 8)
			near = &run.pairs[i];
		else
			far = &run.pairs[i];
	}
	cr_assert(near && far);
	cr_expect_float_eq(near->ratio.estimate, 28 / 2.6, 0.1);
	cr_expect_float_eq(far->ratio.estimate, 14 / 2.6, 0.1);
	cr_expect(near->ratio.high / near->ratio.low < 1.03, "a mixture would be wide");
	cr_expect_str_eq(near->klass, "92ns");
	cr_expect_str_eq(far->klass, "410ns");
	cr_expect(far->leading && !near->leading);
	cr_expect_eq(near->blocks_used, 8);
	cr_expect_eq(near->blocks_dropped, 0);
	cr_expect_str_eq(far->claim, "C1");
	cr_expect_eq(far->verdict, SM_SUPPORTED);
	/* A sample speaks for the class that holds most of its slices. */
	cr_expect_str_eq(run.samples[0].found.klass, "410ns");
	cr_expect_float_eq(run.samples[0].found.value, 14, 0.1);
	cr_expect_str_eq(run.samples[2].found.klass, "92ns");
	cr_expect_float_eq(run.samples[2].found.value, 28, 0.2);
	cr_expect_eq(run.samples[2].found.slices_pure, SLICES);
	/* The finding names the leading class and shows the other beside it. */
	expect_text(claim_of("C1")->evidence, "class 410ns, 8 blocks, op=add, near");
	expect_text(claim_of("C1")->evidence, "in class 92ns 10.8 times");
}

Test(analysis, a_block_counts_where_both_have_three_pure_slices)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < 10; b++) {
		add_trial(packed, b, b < 3 ? 2 : 3, 28, 14);
		add_trial(padded, b, 10, 2.6, 2.6);
	}
	analyse();
	const struct sm_pair_row *near = pair_of("packed", "padded", "92ns");

	cr_assert(near);
	cr_expect_eq(near->blocks_used, 7);
	cr_expect_eq(near->blocks_dropped, 3);
	cr_expect_eq(near->verdict, SM_SUPPORTED, "the blocks count in the other class: %s", near->reason);
	cr_expect_eq(pair_of("packed", "padded", "410ns")->blocks_used, 10);
}

/* Five processes on two PUs and two that have one each: what takes turns is not probed, so it is in no pair class. */
Test(analysis, more_blocks_do_not_help_where_one_side_alone_shares_pus)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);
	unsigned wide = add_case("pack", "wide", "op=add", 5);

	for (unsigned b = 0; b < 8; b++) {
		unsigned trial = add_sample(wide, b)->trial;

		run.samples[run.sample_count - 1].shared_pus = true;
		for (unsigned i = 0; i < SLICES; i++)
			add_slice(trial, i, 500, NAN, NAN);
		add_trial(packed, b, 0, 0, 28);
		add_trial(padded, b, b < 2 ? 0 : SLICES, 10, 10);
	}
	analyse();
	const struct sm_pair_row *apart = pair_of("wide", "padded", NULL), *few = pair_of("packed", "padded", NULL);

	cr_assert(apart && few);
	cr_expect_eq(apart->blocks_used, 0);
	cr_expect(apart->set_aside, "the run would add blocks in vain");
	cr_expect_str_eq(apart->reason,
			 "the processes of wide share PUs, those of padded do not: no pair class has both");
	cr_expect_eq(few->blocks_used, 2);
	cr_expect(!few->set_aside, "these may meet in a further block");
}

Test(analysis, slices_are_pure_by_rules_blind_to_their_time)
{
	unsigned c = add_case("pack", "packed", "op=add", 2), trial;

	for (unsigned b = 0; b < 3; b++)
		add_trial(c, b, 10, 20, 20); /* for the classes */
	trial = add_sample(c, 3)->trial;
	size_t first = run.slice_count;

	add_slice(trial, 0, 20, NEAR, NEAR * 1.1);
	add_slice(trial, 1, 20, NEAR, FAR);
	add_slice(trial, 2, 20, FAR * 0.7, FAR * 1.2);
	add_slice(trial, 3, 20, FAR, NAN);
	add_slice(trial, 4, 20, 4e6, 4.1e6);
	add_slice(trial, 5, 0, FAR, FAR);
	interrupt(add_slice(trial, 6, 20, FAR, FAR));
	add_slice(trial, 7, 20, FAR, FAR)->pin_lost = true;
	add_slice(trial, 8, 9e6, FAR, FAR); /* slow, and kept */
	const enum sm_purity purity[] = {
		SM_PURE,    SM_CLASS_CHANGED,      SM_PROBES_DISAGREE, SM_PROBE_MISSING, SM_PROBE_INTERRUPTED,
		SM_NO_TIME, SM_INVOLUNTARY_SWITCH, SM_PIN_LOST,        SM_PURE
	};

	for (unsigned round = 0; round < 2; round++) {
		analyse();
		for (unsigned i = 0; i < 9; i++) {
			cr_expect_eq(run.slices[first + i].purity, purity[i], "slice %u: %s", i,
				     sm_purity_name((enum sm_purity)run.slices[first + i].purity));
		}
		cr_expect_str_eq(run.slices[first].klass, "92ns");
		cr_expect_str_eq(run.slices[first + 1].klass, "-");
		cr_expect_str_eq(run.slices[first + 8].klass, "410ns");
		cr_expect_eq(run.samples[3].found.slices_pure, 2);
	}
}

Test(analysis, a_trial_without_a_pure_slice_is_disturbed)
{
	unsigned c = add_case("pack", "packed", "op=add", 2), trial;

	add_trial(c, 0, 10, 20, 20);
	trial = add_sample(c, 1)->trial;
	add_slice(trial, 0, 20, NEAR, FAR);
	add_slice(trial, 1, 20, FAR, NEAR);
	interrupt(add_slice(trial, 2, 20, FAR, FAR));
	add_sample(c, 2); /* and one without slices */
	for (unsigned round = 0; round < 2; round++) {
		analyse();
		cr_expect_eq(run.samples[1].found.status, SM_DISTURBED);
		cr_expect_eq(run.samples[1].ended, SM_OK, "what was measured stays");
		cr_expect_str_eq(run.samples[1].found.reason,
				 "no pure slice of 3: involuntary switch 1, class changed 2");
		cr_expect(isnan(run.samples[1].found.value));
		cr_expect_eq(run.samples[2].found.status, SM_DISTURBED);
		cr_expect_eq(run.samples[0].found.status, SM_OK);
	}
	cr_expect_eq(run.summaries[0].ok, 1);
	cr_expect_eq(run.summaries[0].disturbed, 2);
}

/* One pass runs in the near class, the next in the far one, some in both by halves; counts do not care. */
Test(analysis, a_metric_of_a_trial_is_in_the_class_of_most_of_its_slices)
{
	unsigned c = add_case("pack", "packed", "op=add", 2);

	for (unsigned b = 0; b < 16; b++) {
		/* 0 and 15 of 20 slices near, and every fourth 10 of each */
		unsigned near = b % 4 == 3 ? SLICES / 2 : b % 2 ? 0 : 15;
		unsigned trial = add_trial(c, b, near, 20, 20)->trial;
		double p50 = near == 15 ? 82 : near == 0 ? 325 : 200;

		*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "p50", "ns", p50 };
		*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "rate", "writes/s", 1e9 / p50 };
		*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "lost", "1", b };
	}
	for (unsigned round = 0; round < 2; round++) {
		analyse();
		const struct sm_summary_row *p50 = &run.summaries[1], *rate = p50 + 1, *lost = p50 + 2;

		cr_assert_eq(run.summary_count, 4);
		cr_expect_str_eq(p50->klass, "92ns");
		cr_expect_eq(p50->value.count, 8);
		cr_expect_eq(p50->value.low, 82);
		cr_expect_eq(p50->value.high, 82, "no trial of the other class, and none of both");
		cr_expect_eq(p50->ok, 12);
		cr_expect_eq(p50->disturbed, 4);
		cr_expect_str_eq(rate->klass, "92ns");
		cr_expect_float_eq(rate->value.high, 1e9 / 82, 1);
		cr_expect_str_eq(lost->klass, "any");
		cr_expect_eq(lost->value.count, 16);
	}
}

/* What a trial took as a whole is no figure where its slices are none. */
Test(analysis, a_time_of_a_disturbed_trial_is_none)
{
	unsigned c = add_case("pack", "packed", "op=add", 2), trial;

	add_trial(c, 0, 10, 20, 20);
	trial = add_sample(c, 1)->trial;
	add_slice(trial, 0, 20, NEAR, FAR);
	*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "p50", "ns", 82 };
	*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "lost", "1", 7 };
	analyse();
	cr_expect_eq(run.summaries[1].disturbed, 1);
	cr_expect_eq(run.summaries[1].value.count, 0);
	cr_expect_str_eq(run.summaries[1].reason, "no pure slice of 1: class changed 1");
	cr_expect_eq(run.summaries[2].value.estimate, 7);
}

/* Trials that did not end well have no metrics, and count in the rows of the metrics as in that of the case. */
Test(analysis, a_metric_counts_the_trials_of_its_case)
{
	static const enum sm_status ended[] = { SM_SKIPPED, SM_TIMED_OUT, SM_WORKER_DIED, SM_DISTURBED };
	unsigned c = add_case("pack", "packed", "op=add", 2);

	for (unsigned b = 0; b < 6; b++) {
		unsigned trial = add_trial(c, b, 10, 20, 20)->trial;

		*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "lost", "1", b };
		*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "never", "1", NAN };
	}
	for (unsigned i = 0; i < 4; i++) {
		struct sm_sample *sample = add_sample(c, 6 + i);

		sample->ended = ended[i];
		sample->reason = "so it ended";
	}
	for (unsigned round = 0; round < 2; round++) {
		analyse();
		cr_assert_eq(run.summary_count, 3);
		for (unsigned i = 0; i < 3; i++) {
			const struct sm_summary_row *row = &run.summaries[i];

			cr_expect_eq(row->ok, 6, "row %u", i);
			cr_expect_eq(row->skipped, 1, "row %u", i);
			cr_expect_eq(row->failed, 2, "row %u", i);
			cr_expect_eq(row->disturbed, 1, "row %u", i);
		}
		cr_expect_eq(run.summaries[1].value.count, 6);
		cr_expect_eq(run.summaries[1].value.confidence, run.summaries[0].value.confidence);
		cr_expect_str_eq(run.summaries[1].reason, "-");
	}
}

/* A metric that no trial knows: its slices are not to blame. */
Test(analysis, a_metric_that_is_never_known_says_so)
{
	unsigned c = add_case("pack", "packed", "op=add", 2);

	for (unsigned b = 0; b < 6; b++)
		*sm_results_add_metric(&run) =
			(struct sm_metric_row){ add_trial(c, b, 10, 20, 20)->trial, "never", "1", NAN };
	analyse();
	cr_expect_eq(run.summaries[1].value.count, 0);
	cr_expect_str_eq(run.summaries[1].reason, "its value is not known in any trial");
}

Test(analysis, without_probes_the_class_says_why)
{
	unsigned solo = add_case("pack", "packed", "op=one", 1);
	unsigned many = add_case("pack", "packed", "op=many", 256), trial;

	trial = add_sample(solo, 0)->trial;
	for (unsigned i = 0; i < 4; i++)
		add_slice(trial, i, 5 + i, NAN, NAN);
	interrupt(&run.slices[3]);
	add_sample(many, 0)->shared_pus = true;
	trial = run.samples[1].trial;
	for (unsigned i = 0; i < 4; i++)
		interrupt(add_slice(trial, i, 50 + i, NAN, NAN));
	analyse();
	cr_expect_str_eq(run.samples[0].found.klass, "solo");
	cr_expect_eq(run.samples[0].found.slices_pure, 3);
	cr_expect_float_eq(run.samples[0].found.value, 6, 1e-9);
	cr_expect_str_eq(run.samples[1].found.klass, "shared-pu");
	cr_expect_eq(run.samples[1].found.slices_pure, 4, "taking turns is the subject there");
	cr_expect_float_eq(run.samples[1].found.value, 51.5, 1e-9);
	cr_expect_eq(json_object_size(json_object_get(run.analysis, "classes")), 0);
}

Test(analysis, a_worker_alone_is_compared_at_one_pace)
{
	unsigned left = add_case("pack", "packed", "op=one", 1);
	unsigned right = add_case("pack", "padded", "op=one", 1);

	for (unsigned block = 0; block < 8; block++) {
		add_trial(left, block, 12, 20, 60);
		add_trial(right, block, 12, 10, 20);
	}
	analyse();
	cr_expect_str_eq(run.slices[0].klass, "92cyc-solo");
	cr_expect_float_eq(pair_of("packed", "padded", "92cyc-solo")->ratio.estimate, 2, 0.02);
	cr_expect_float_eq(pair_of("packed", "padded", "410cyc-busy")->ratio.estimate, 3, 0.03);
	const json_t *analysis = run.analysis;
	const char *pace = json_string_value(json_object_get(json_object_get(analysis, "pace_changed"), "sentence"));
	const char *moved = json_string_value(json_object_get(json_object_get(analysis, "cores_moved"), "sentence"));

	cr_expect(strstr(pace, "in turn (92cyc-solo and 410cyc-busy; it changed in 5.26 %"), "%s", pace);
	cr_expect(strstr(moved, "is unknown"), "a pace is no round trip: %s", moved);
}

/* A resumed run has more probes, and may have other classes. */
Test(analysis, a_second_look_starts_afresh)
{
	unsigned c = add_case("pack", "packed", "op=add", 2);

	add_trial(c, 0, 10, 20, 20);
	add_trial(c, 1, 10, 20, 20);
	run.slices[3].probe_after_ns = FAR;
	analyse();
	cr_expect_eq(run.slices[3].purity, SM_CLASS_CHANGED);
	run.slices[3].probe_after_ns = NEAR;
	analyse();
	cr_expect_eq(run.slices[3].purity, SM_PURE);
}

Test(analysis, a_cold_trial_needs_its_one_slice)
{
	unsigned lazy = add_case("touch", "lazy", "-", 1);
	unsigned ready = add_case("touch", "ready", "-", 1);

	for (unsigned b = 0; b < 7; b++) {
		add_slice(add_sample(lazy, b)->trial, 0, 800 * jitter(), NAN, NAN);
		add_slice(add_sample(ready, b)->trial, 0, 100 * jitter(), NAN, NAN);
	}
	analyse();
	const struct sm_pair_row *row = pair_of("ready", "lazy", "solo");

	cr_assert(row, "every other variant against the first");
	cr_expect_eq(row->blocks_used, 7);
	cr_expect_float_eq(row->ratio.estimate, 0.125, 0.002);
	cr_expect_str_eq(row->claim, "-");
	cr_expect_eq(row->verdict, SM_VERDICT_NONE);
	cr_expect_str_eq(row->reason, "-");
}

Test(analysis, the_first_variant_with_samples_is_the_baseline)
{
	unsigned packed = add_case("pack", "packed", "op=sub", 2);
	unsigned padded = add_case("pack", "padded", "op=sub", 2);
	unsigned wide = add_case("pack", "wide", "op=sub", 2);

	add_sample(packed, 0)->ended = SM_SKIPPED;
	for (unsigned b = 0; b < 8; b++) {
		add_trial(padded, b, 0, 0, 2);
		add_trial(wide, b, 0, 0, 3);
	}
	analyse();
	cr_expect_eq(run.pair_count, 1);
	cr_expect_float_eq(pair_of("wide", "padded", NULL)->ratio.estimate, 1.5, 0.02);
	cr_expect_gt(pair_of("wide", "padded", NULL)->mde, 1);
}

Test(analysis, the_manifest_says_whether_the_cores_moved)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);

	for (unsigned b = 0; b < 6; b++)
		add_trial(packed, b, 10, 28, 14); /* one change in 19 steps */
	analyse();
	const json_t *analysis = run.analysis;
	const json_t *moved = json_object_get(analysis, "cores_moved");
	const json_t *list = json_object_get(json_object_get(analysis, "classes"), "shared-l3");
	char *text = json_dumps(run.analysis, 0);

	cr_assert(text, "JSON holds no NaN and no infinity");
	free(text);
	cr_expect_float_eq(json_real_value(json_object_get(moved, "fraction")), 1.0 / 19, 1e-9);
	expect_text(json_string_value(json_object_get(moved, "sentence")), "core distance changed");
	expect_text(json_string_value(json_object_get(moved, "sentence")), "5.26 %");
	expect_text(json_string_value(json_object_get(moved, "sentence")), "shared-l3 92ns and 410ns");
	cr_assert_eq(json_array_size(list), 2);
	cr_expect_eq(json_integer_value(json_object_get(json_array_get(list, 0), "members")), 120);
	cr_expect(json_is_null(json_object_get(json_array_get(list, 1), "upper_ns")));
	cr_expect(json_is_null(json_object_get(analysis, "aa")));
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(analysis, "slices"), "pure")), 120);
}

Test(analysis, the_manifest_says_that_they_stood)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);

	for (unsigned b = 0; b < 6; b++)
		add_trial(packed, b, 0, 28, 14);
	run.slices[0].pin_lost = true;
	analyse();
	const json_t *analysis = run.analysis;
	const json_t *slices = json_object_get(analysis, "slices");

	expect_text(json_string_value(json_object_get(json_object_get(analysis, "cores_moved"), "sentence")),
		    "core distance was stable: one round-trip class");
	cr_expect_eq(json_integer_value(json_object_get(slices, "total")), 120);
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(slices, "disturbed"), "pin lost")), 1);
}

Test(analysis, summaries_stand_in_the_class_that_leads_their_group)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < 9; b++) {
		add_trial(packed, b, 12, 28, 14);
		add_trial(padded, b, 3, 2.6, 2.8);
	}
	analyse();
	/* 25 far slices a block, 15 near ones. */
	cr_expect_str_eq(run.summaries[packed].klass, "410ns");
	cr_expect_float_eq(run.summaries[packed].value.estimate, 14, 0.1);
	cr_expect_float_eq(run.summaries[padded].value.estimate, 2.8, 0.03);
	cr_expect(run.summaries[packed].value.low <= run.summaries[packed].value.high);
	cr_expect_eq(run.summaries[packed].value.count, 9);
	cr_expect_eq(run.summaries[packed].ok, 9);
	cr_expect_float_eq(run.summaries[packed].cpu_ns_per_op, 7, 0);
	analyse();
	cr_expect_eq(run.summary_count, 2);
}

static unsigned long checksum(void)
{
	unsigned long sum = 5381;

	for (size_t i = 0; i < run.pair_count; i++) {
		const struct sm_pair_row *row = &run.pairs[i];
		char text[400];

		snprintf(text, sizeof(text), "%s %s %s %s %.12g %.12g %.12g %u %u %s", row->left, row->right,
			 row->klass, row->claim, row->ratio.estimate, row->ratio.low, row->mde, row->blocks_used,
			 row->verdict, row->reason);
		for (const char *c = text; *c; c++)
			sum = sum * 33 + (unsigned char)*c;
	}
	return sum;
}

/* A report analyses again what a run has analysed, from rows in whatever order. */
Test(analysis, does_not_depend_on_the_order_of_rows_or_on_itself)
{
	add_pack_point("op=add", 16, 2, 2, 9);
	add_control(1);
	run.slices[7].probe_after_ns = NEAR;
	analyse();
	unsigned long before = checksum();
	size_t pairs = run.pair_count, claims = run.claim_count;

	analyse();
	cr_expect_eq(checksum(), before);
	cr_expect_eq(run.pair_count, pairs);
	cr_expect_eq(run.claim_count, claims);
	sm_random_shuffle(&noise, run.slices, run.slice_count, sizeof(run.slices[0]));
	sm_random_shuffle(&noise, run.samples, run.sample_count, sizeof(run.samples[0]));
	analyse();
	cr_expect_eq(checksum(), before);
}

Test(analysis, an_empty_run_is_no_error)
{
	analyse();
	cr_expect_eq(run.pair_count + run.claim_count + run.summary_count, 0);
}

Test(analysis, a_damaged_run_is_one)
{
	struct sm_error err = { 0 };

	add_sample(3, 0);
	cr_expect_eq(sm_analyse(&run, known, 3, &err), -EBADMSG);
	expect_text(err.text, "trial 0 names a case");
}
