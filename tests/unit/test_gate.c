/* The verdicts of gates on one made-up run, and on fresh trials that confirm it or do not. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gate_fixture.h"
#include "shmeter/selftest.h"

/* What measured nothing has not passed. */
Test(analysis, nothing_measured_is_no_pass)
{
	static const struct {
		enum sm_verdict one, other, overall, strictly;
	} all[] = {
		{ SM_NOT_TESTABLE, SM_NOT_TESTABLE, SM_NOT_TESTABLE, SM_NOT_TESTABLE },
		{ SM_SUPPORTED, SM_NOT_TESTABLE, SM_SUPPORTED, SM_NOT_TESTABLE },
		{ SM_SUPPORTED, SM_SUPPORTED, SM_SUPPORTED, SM_SUPPORTED },
		{ SM_INCONCLUSIVE, SM_NOT_TESTABLE, SM_INCONCLUSIVE, SM_INCONCLUSIVE },
		{ SM_INCONCLUSIVE, SM_REFUTED, SM_REFUTED, SM_REFUTED },
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct sm_gate_row both[2] = { { .verdict = all[i].one }, { .verdict = all[i].other } };

		cr_expect_eq(sm_gates_overall(both, 2), all[i].overall, "%u", i);
		cr_expect_eq(sm_gates_strictly(both, 2), all[i].strictly, "%u", i);
	}
}

static const char ratio_gate[] = "[packed]\ncase = pack/packed\nagainst = padded\nmin = 1.5\n";

Test(analysis, a_ratio_gate_passes_fails_and_stays_open)
{
	load(ratio_gate, 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s", rows[0].reason);
	cr_expect_float_eq(rows[0].ratio.estimate, 2, 0.05);
	tear_down();
	set_up();
	add_pack_point("op=add", 12, 10, 10, 16);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED, "%s", rows[0].reason);
	expect_text(rows[0].evidence, "at least 1.5 is required");
	expect_text(rows[0].again, "shmeter run 'pack/packed' 'pack/padded'");
	tear_down();
	set_up(); /* six blocks on the wrong side: 2^-6 is more than one in a hundred */
	add_pack_point("op=add", 12, 10, 10, 6);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	expect_text(rows[0].reason, "not surely enough");
	tear_down();
	set_up(); /* bounds need six blocks: without them none are printed */
	add_pack_point("op=add", 12, 10, 10, 3);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	cr_expect_null(strstr(rows[0].evidence, "nan"), "%s", rows[0].evidence);
	expect_text(rows[0].evidence, "no interval: too few blocks");
	sm_gates_free(&gates);
}

/* A run that looked at its gates is judged by tests that allow it. */
Test(analysis, a_run_that_looked_needs_more)
{
	sm_name open[8];
	size_t count;

	load(ratio_gate, 0);
	add_pack_point("op=add", 12, 10, 10, 7); /* 2^-7: a FAIL, had nobody looked */
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED, "%s", rows[0].reason);
	json_object_set_new(run.manifest, "looked", json_true());
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	expect_text(rows[0].reason, "no interval under 8");
	tear_down();
	set_up();
	json_object_set_new(run.manifest, "looked", json_true());
	add_pack_point("op=add", 12, 10, 10, 8);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	expect_text(rows[0].reason, "9 blocks that agree are needed");
	cr_assert_eq(sm_gates_open(&gates, &run, known, 3, open, &count, &err), 0);
	cr_expect_eq(count, 1, "a gate that fails, but not surely enough, is open");
	tear_down();
	set_up();
	json_object_set_new(run.manifest, "looked", json_true());
	add_pack_point("op=add", 12, 10, 10, 9);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED, "%s", rows[0].reason);
	cr_assert_eq(sm_gates_open(&gates, &run, known, 3, open, &count, &err), 0);
	cr_expect_eq(count, 0, "a sure FAIL is decided");
	tear_down();
	set_up();
	json_object_set_new(run.manifest, "looked", json_true());
	add_pack_point("op=add", 20, 10, 10, 8);
	cr_assert_eq(sm_gates_open(&gates, &run, known, 3, open, &count, &err), 0);
	cr_expect_eq(count, 0, "a clear PASS is decided");
	sm_gates_free(&gates);
}

/* What is printed under a FAIL measures what failed, and judges it as it was judged. */
Test(analysis, the_command_to_measure_again_is_whole)
{
	load("[g]\ncase = pack/packed\nbaseline = yes\nmax = 1.1\n[c]\ncase = touch/lazy\n"
	     "count = minor-faults\n",
	     0);
	json_object_set_new(run.manifest, "options",
			    json_pack("{s:s, s:i, s:s, s:[], s:s, s:s, s:s, s:s, s:[{s:s, s:s}, {s:s, s:s}], s:s}",
				      "profile", "standard", "repeat_blocks", 100, "placement", "same-core", "pus",
				      "backing", "memfd", "pages", "2m", "prefault", "", "numa", "bind:0", "set",
				      "name", "op", "values", "add,store", "name", "size", "values", "4", "inject",
				      "pack/packed=5"));
	json_object_set_new(run.manifest, "command_line",
			    json_pack("[s, s, s]", "run", "--events", "minor-faults,cycles"));
	judge(NULL);
	sm_gates_name_again(&gates, rows, &run, (const char *[]){ "the base's", "b2" }, 2, true);
	expect_text(rows[0].again, "shmeter run 'pack/packed' --profile standard --repeat-blocks 100 "
				   "--backing 'memfd' --pages '2m' --numa 'bind:0' --inject 'pack/packed=5' "
				   "--placement 'same-core' --set 'op=add,store' --set 'size=4' --events "
				   "'minor-faults,cycles' --out again && shmeter check again --thresholds "
				   "'/tmp/shmeter-gates-");
	expect_text(rows[0].again, "' --baseline 'the base'\\''s' --baseline 'b2' --confirm");
	cr_expect(!strstr(rows[1].again, "--baseline"));
	json_object_set_new(json_object_get(run.manifest, "options"), "pus", json_pack("[i, i]", 3, 1));
	judge(NULL);
	expect_text(rows[1].again, " --placement 3,1 --set");
	sm_gates_free(&gates);
}

Test(analysis, the_worst_of_several_points_speaks)
{
	load(ratio_gate, 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	add_pack_point("op=store", 10, 10, 10, 16);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED);
	expect_text(rows[0].evidence, "op=store");
	sm_gates_free(&gates);
}

/* `near` on a machine of one PU: the two take turns, and the ratio is 1. */
Test(analysis, one_core_says_nothing_of_two)
{
	static const char gate[] = "[g]\ncase = pack/packed\nagainst = padded\n"
				   "at = op=add placement=near cores=different\nmin = 1.5\n";
	static const enum sm_placement apart[] = { SM_PLACE_SHARED_L2, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE,
						   SM_PLACE_CROSS_NODE };
	static const enum sm_placement one[] = { SM_PLACE_SAME_CORE, SM_PLACE_SMT };

	load(gate, 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	for (unsigned i = 0; i < 4; i++) {
		for (size_t c = 0; c < run.case_count; c++)
			run.cases[c].relation = apart[i];
		judge(NULL);
		cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s: %s", sm_placement_name(apart[i]), rows[0].reason);
	}
	tear_down();
	set_up();
	add_pack_point("op=add", 10, 10, 10, 16);
	for (unsigned i = 0; i < 2; i++) {
		for (size_t c = 0; c < run.case_count; c++)
			run.cases[c].relation = one[i];
		judge(NULL);
		cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE, "%s: %s", sm_placement_name(one[i]), rows[0].evidence);
		expect_text(rows[0].reason, "cores=different");
	}
	sm_gates_free(&gates);
}

static void steal_from(size_t first, double share)
{
	for (size_t i = first; i < run.sample_count; i++)
		run.samples[i].steal_ns = (uint64_t)((double)run.samples[i].wall_ns * 2 * share);
}

/* One point is on the wrong side and not to be trusted; the other cannot decide.  Neither makes up for the other. */
Test(analysis, a_point_that_is_not_trusted_fails_no_other)
{
	load(ratio_gate, 0);
	unsigned packed = add_case("pack", "packed", "op=add", 2);
	unsigned padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < 16; b++) {
		add_trial(packed, b, 0, 0, b % 2 ? 14 : 16);
		add_trial(padded, b, 0, 0, 10);
	}
	size_t first = run.sample_count;

	add_pack_point("op=store", 10, 10, 10, 64);
	steal_from(first, 0.2);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE, "%s", rows[0].evidence);
	cr_expect(rows[0].p > 0.1, "%g", rows[0].p);
	tear_down();
	set_up(); /* a point that fails is told, not the one that is not trusted */
	add_pack_point("op=add", 12, 10, 10, 16);
	first = run.sample_count;
	add_pack_point("op=store", 10, 10, 10, 64);
	steal_from(first, 0.2);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED, "%s", rows[0].reason);
	expect_text(rows[0].evidence, "op=add");
	sm_gates_free(&gates);
}

Test(analysis, a_point_that_was_not_tried_is_told)
{
	load(ratio_gate, 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	size_t first = run.sample_count;

	add_pack_point("op=store", 10, 10, 10, 16);
	for (size_t i = first; i < run.sample_count; i++) {
		run.samples[i].ended = SM_SKIPPED;
		run.samples[i].reason = "no such PUs";
	}
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s", rows[0].reason);
	expect_text(rows[0].evidence, "not testable at 1 of 2 points: pack/packed: no such PUs");
	sm_gates_free(&gates);
}

Test(analysis, a_gate_can_be_about_one_point)
{
	load("[g]\ncase = pack/packed\nagainst = padded\nat = op=add\nmin = 1.5\n", 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	add_pack_point("op=store", 10, 10, 10, 16);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED);
	sm_gates_free(&gates);
	load("[g]\ncase = pack/packed\nagainst = padded\nat = op=none\nmin = 1.5\n", 0);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	sm_gates_free(&gates);
}

/* Two PUs: eight processes are four times as many. */
Test(analysis, a_gate_can_speak_of_the_pus)
{
	static const struct {
		const char *at;
		enum sm_verdict verdict;
	} asked[] = {
		{ "processes=4xPU", SM_SUPPORTED },
		{ "processes=1xPU", SM_REFUTED },
		{ "processes>=4 op=add", SM_SUPPORTED },
		{ "processes<=1xPU", SM_REFUTED },
		{ "processes>=2", SM_REFUTED },
		{ "processes=3xPU", SM_NOT_TESTABLE },
		/* the made-up run has two workers everywhere */
		{ "workers<=1xPU processes=8", SM_SUPPORTED },
		{ "workers>=3", SM_NOT_TESTABLE },
	};

	add_pack_point("op=add processes=2", 10, 10, 10, 16);
	add_pack_point("op=add processes=8", 20, 10, 10, 16);
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "[g]\ncase = pack/packed\nagainst = padded\nat = %s\nmin = 1.5\n",
			 asked[i].at);
		load(text, 0);
		judge(NULL);
		cr_expect_eq(rows[0].verdict, asked[i].verdict, "%s: %d", asked[i].at, rows[0].verdict);
		sm_gates_free(&gates);
	}
}

/* Nor is a claim about neighbours one about two processes that take turns. */
Test(analysis, near_is_never_one_pu)
{
	load("[g]\ncase = pack/packed\nagainst = padded\nat = op=add placement=near\nmin = 1.5\n", 0);
	add_pack_point("op=add", 10, 10, 10, 16);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED);
	for (size_t c = 0; c < run.case_count; c++)
		run.cases[c].relation = SM_PLACE_SAME_CORE;
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	sm_gates_free(&gates);
}

Test(analysis, a_claim_is_judged_as_strictly_as_a_written_gate)
{
	load("[c]\nclaim = C1\n", 0);
	add_pack_point("op=add", 12, 10, 10, 6);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE, "its own verdict, refuted, has a weaker level");
	tear_down();
	set_up();
	add_pack_point("op=add", 12, 10, 10, 16);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED);
	sm_gates_free(&gates);
}

Test(analysis, a_count_is_exact)
{
	load("[c]\ncase = touch/lazy\ncount = minor-faults\nper_op = 1\n", 0);
	add_touch(1);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED);
	tear_down();
	set_up();
	add_touch(1.001);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED);
	expect_text(rows[0].evidence, "1001 minor-faults where exactly 1000 are expected");
	cr_expect(rows[0].wrong_data);
	size_t claims = run.claim_count;

	judge(NULL);
	cr_expect_eq(run.claim_count, claims, "a gate leaves no claim behind");
	sm_gates_free(&gates);
}

/* What is left over of trials that died proves no exact count; work done wrongly fails whatever is gated. */
Test(analysis, trials_that_ended_badly_are_no_pass)
{
	load("[c]\ncase = touch/lazy\ncount = minor-faults\nper_op = 1\n"
	     "[p]\nclaim = P1\n"
	     "[r]\ncase = pack/packed\nagainst = padded\nmin = 1.5\n",
	     0);
	add_touch(1);
	end_badly(0, 7, SM_WORKER_DIED);
	add_pack_point("op=add", 20, 10, 10, 16);
	end_badly(8, 2, SM_TIMED_OUT);
	judge(NULL);
	for (unsigned i = 0; i < 2; i++) {
		cr_expect_eq(rows[i].verdict, SM_INCONCLUSIVE, "%u: %s", i, rows[i].evidence);
		expect_text(rows[i].reason, "7 of 8 trials ended badly (trial 0 of touch/lazy, ");
		expect_text(rows[i].reason, "so it was");
	}
	cr_expect_eq(rows[2].verdict, SM_SUPPORTED, "%s", rows[2].reason);
	expect_text(rows[2].evidence, "2 of 32 trials ended badly");
	end_badly(0, 8, SM_WORKER_DIED); /* none is left */
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE, "%s", rows[0].reason);
	end_badly(9, 1, SM_VERIFY_FAILED); /* padded, which packed is compared with */
	judge(NULL);
	cr_expect_eq(rows[2].verdict, SM_INCONCLUSIVE, "%s", rows[2].evidence);
	expect_text(rows[2].reason, "of pack/padded");
	end_badly(1, 1, SM_VERIFY_FAILED);
	end_badly(8, 1, SM_VERIFY_FAILED);
	judge(NULL);
	for (unsigned i = 0; i < 3; i++) {
		cr_expect_eq(rows[i].verdict, SM_REFUTED, "%u: %s", i, rows[i].reason);
		expect_text(rows[i].evidence, "so it was");
		cr_expect(rows[i].wrong_data);
	}
	sm_gates_free(&gates);
}

Test(analysis, an_interrupted_run_is_told)
{
	load(ratio_gate, 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	json_object_set_new(run.manifest, "status", json_string("interrupted"));
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED);
	expect_text(rows[0].evidence, "the run was interrupted");
	json_object_set_new(run.manifest, "status", json_string("complete"));
	judge(NULL);
	cr_expect(!strstr(rows[0].evidence, "interrupted"));
	sm_gates_free(&gates);
}

/* The fresh rows are another list in another order: names say which is which. */
Test(analysis, a_fail_that_is_not_repeated_is_none)
{
	struct sm_gate gate[3] = { { .name = "a", .kind = SM_GATE_RATIO },
				   { .name = "b", .kind = SM_GATE_BASELINE },
				   { .name = "c", .kind = SM_GATE_RATIO } };
	struct sm_gate_row first[3], again[2] = {
		{ .gate = &gate[1], .verdict = SM_REFUTED },
		{ .gate = &gate[0], .verdict = SM_SUPPORTED, .evidence = "0.98 (0.97 to 0.99)", .reason = "-" }
	};
	char text[256];

	for (unsigned i = 0; i < 3; i++)
		first[i] = (struct sm_gate_row){ .gate = &gate[i], .verdict = SM_REFUTED };
	sm_gates_confirm(first, 3, again, 2);
	cr_expect_eq(first[0].verdict, SM_INCONCLUSIVE);
	expect_text(sm_gate_reason(&first[0], text, sizeof(text)), "did not repeat it: PASS, 0.98 (0.97 to 0.99)");
	cr_expect_eq(first[1].verdict, SM_REFUTED);
	cr_expect(first[1].confirmed && !first[0].confirmed);
	cr_expect_eq(first[2].verdict, SM_INCONCLUSIVE, "nobody measured it again");
	expect_text(first[2].reason, "no such gate");
	cr_expect_eq(sm_gates_overall(first, 3), SM_REFUTED);
	cr_expect_eq(sm_gates_overall(first, 1), SM_INCONCLUSIVE);

	first[0] = (struct sm_gate_row){ .gate = &gate[0], .verdict = SM_REFUTED };
	again[1] = (struct sm_gate_row){ .gate = &gate[0],
					 .verdict = SM_INCONCLUSIVE,
					 .evidence = "2.0 times",
					 .reason = "4 blocks: no interval under 6" };
	sm_gates_confirm(first, 1, again, 2);
	cr_expect_eq(first[0].verdict, SM_INCONCLUSIVE);
	expect_text(sm_gate_reason(&first[0], text, sizeof(text)),
		    "fresh trials could not tell: INCONCLUSIVE, 2.0 times; 4 blocks: no interval under 6");
}

Test(analysis, wrong_data_stays_wrong_where_fresh_trials_are_right)
{
	struct sm_gate gate[3] = { { .name = "a", .kind = SM_GATE_COUNT },
				   { .name = "b", .kind = SM_GATE_CLAIM },
				   { .name = "c", .kind = SM_GATE_CLAIM } };
	struct sm_gate_row first[3], again = {
		.gate = &gate[0], .verdict = SM_NOT_TESTABLE, .evidence = "not counted", .reason = "not permitted"
	};
	char text[256];

	for (unsigned i = 0; i < 3; i++)
		first[i] = (struct sm_gate_row){ .gate = &gate[i], .verdict = SM_REFUTED, .wrong_data = i < 2 };
	sm_gates_confirm(first, 3, &again, 1);
	cr_expect_eq(first[0].verdict, SM_REFUTED);
	cr_expect(!first[0].confirmed);
	expect_text(sm_gate_reason(&first[0], text, sizeof(text)),
		    "is proof, though fresh trials could not tell: NOT TESTABLE, not counted; "
		    "not permitted");
	cr_expect_eq(first[1].verdict, SM_REFUTED);
	cr_expect_eq(first[2].verdict, SM_INCONCLUSIVE, "a claim that something comes about");
}

/* What must never be fails and is proof; what comes now and then may come later. */
Test(analysis, a_claim_of_a_rare_event_fails_no_gate)
{
	load("[never]\nclaim = V1\n[rare]\nclaim = V2\n", 0);
	add_lost("lazy", 5);
	add_lost("ready", 0);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_REFUTED, "%s", rows[0].reason);
	cr_expect(rows[0].wrong_data);
	cr_expect_eq(rows[1].verdict, SM_INCONCLUSIVE, "%s", rows[1].evidence);
	expect_text(rows[1].reason, "a rare event may come in others");
	tear_down();
	set_up();
	add_lost("lazy", 0);
	add_lost("ready", 5);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s", rows[0].reason);
	cr_expect_eq(rows[1].verdict, SM_SUPPORTED, "%s", rows[1].reason);
	sm_gates_free(&gates);
}

Test(analysis, a_moved_control_silences_ratios)
{
	load(ratio_gate, 0);
	add_pack_point("op=add", 12, 10, 10, 16);
	add_control(1.1);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	expect_text(rows[0].reason, "A/A control moved");
	sm_gates_free(&gates);
}

Test(analysis, a_selftest_is_about_what_is_seen)
{
	static const struct {
		unsigned count, slower, faster, percent;
		enum sm_verdict verdict;
	} all[] = {
		{ 0, 0, 0, 0, SM_NOT_TESTABLE },    { 20, 1, 1, 0, SM_SUPPORTED },    { 20, 3, 2, 0, SM_REFUTED },
		{ 0, 0, 0, 10, SM_NOT_TESTABLE },   { 20, 0, 0, 10, SM_REFUTED },     { 20, 0, 20, 10, SM_REFUTED },
		{ 20, 10, 0, 10, SM_INCONCLUSIVE }, { 2, 0, 0, 10, SM_INCONCLUSIVE }, { 20, 11, 0, 10, SM_SUPPORTED },
	};

	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct sm_parts parts = { .count = all[i].count, .slower = all[i].slower, .faster = all[i].faster };

		cr_expect_eq(sm_parts_judge(&parts, all[i].percent), all[i].verdict, "%u", i);
	}
}

Test(analysis, parts_of_a_control_find_what_was_injected)
{
	unsigned a = add_case("aa", "a", "-", 2), b = add_case("aa", "b", "-", 2);
	struct sm_parts parts;

	for (unsigned block = 0; block < 80; block++) {
		add_trial(a, block, 0, 0, 10);
		add_trial(b, block, 0, 0, 10.2);
	}
	cr_assert_eq(sm_parts_of(&parts, &run, 8, &err), 0);
	cr_expect_eq(parts.count, 10);
	cr_expect_eq(parts.slower, 10);
	cr_expect_float_eq(parts.ratio_ln[0], log(1.02), 0.005);
	cr_expect(sm_couples_within(parts.ratio_ln, parts.count, 0.95) < 0.005);
	sm_parts_free(&parts);
}

/* Blocks that scatter around the threshold. */
static void add_scattered(unsigned blocks)
{
	unsigned packed = add_case("pack", "packed", "op=add", 2), padded = add_case("pack", "padded", "op=add", 2);

	for (unsigned b = 0; b < blocks; b++) {
		add_trial(packed, b, 0, 0, 9.3 + 0.1 * (b * 7 % 16));
		add_trial(padded, b, 0, 0, 10);
	}
}

/* What a gate can detect is what would be a FAIL, so it is more the more gates there are. */
Test(analysis, a_gate_tells_what_would_be_a_fail)
{
	static const char one[] = "[a]\ncase = pack/packed\nagainst = padded\nmax = 1\n";
	char more[512];

	add_scattered(16);
	load(one, 0);
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE, "%s", rows[0].evidence);
	expect_text(rows[0].reason, "beyond it would be a FAIL in 8 of 10 runs");
	double alone = rows[0].mde;

	sm_gates_free(&gates);
	snprintf(more, sizeof(more), "%s[b]\nclaim = P1\n[c]\ncase = touch/lazy\ncount = minor-faults\nper_op = 1\n",
		 one);
	load(more, 0);
	judge(NULL);
	cr_expect_float_eq(rows[0].mde, alone, 0, "claims and counts have no p-value");
	sm_gates_free(&gates);
	snprintf(more, sizeof(more), "%s", one);
	for (char name = 'b'; name <= 'h'; name++)
		snprintf(more + strlen(more), sizeof(more) - strlen(more),
			 "[%c]\ncase = pack/packed\nagainst = padded\nmax = 2\n", name);
	load(more, 0);
	judge(NULL);
	cr_expect_gt(rows[0].mde, alone);
	sm_gates_free(&gates);
	tear_down();
	set_up();
	add_scattered(6);
	load(one, 0);
	judge(NULL);
	cr_expect(isnan(rows[0].mde));
	expect_text(rows[0].reason, "these blocks are too few for a FAIL");
	sm_gates_free(&gates);
}
