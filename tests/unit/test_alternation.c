/* An alternation's runs as one, and its gates, over made-up run folders. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "made_up_run.h"
#include "shmeter/compare.h"
#include "shmeter/store.h"

#define BLOCKS 8

static char scratch[64];
static char *folders[2][BLOCKS];
static struct sm_results merged;
static struct sm_gates gates;
static struct sm_gate_row rows[16];
static struct sm_error err;
static const struct sm_alternation_keys nothing;

/* One side's run of one block: what each test adds to the global run, as files. */
static void save(unsigned side, unsigned block)
{
	json_t *manifest = json_pack("{s:i, s:s}", "schema_version", SM_SCHEMA_VERSION, "status", "complete");
	struct sm_store *store;

	cr_assert(asprintf(&folders[side][block], "%s/%u-%u", scratch, side, block) > 0);
	cr_assert_eq(sm_store_create(&store, folders[side][block], manifest, &err), 0, "%s", err.text);
	for (size_t i = 0, s = 0; i < run.sample_count; i++) {
		struct sm_slice_facts slices[SLICES] = { 0 };
		struct sm_trial_rows trial = { .c = &run.cases[run.samples[i].case_index],
					       .sample = &run.samples[i],
					       .slices = slices };

		for (; s < run.slice_count && run.slices[s].trial == run.samples[i].trial; s++) {
			struct sm_slice_facts *slice = &slices[trial.slice_count++];

			slice->row = run.slices[s];
			slice->before = (struct sm_probes){ 1, { run.slices[s].probe_before_ns } };
			slice->after = (struct sm_probes){ 1, { run.slices[s].probe_after_ns } };
		}
		cr_assert_eq(sm_store_append(store, &trial, &err), 0, "%s", err.text);
	}
	sm_store_close(store);
	json_decref(manifest);
	tear_down();
	set_up();
	sm_random_seed(&noise, 2 * block + side + 2);
}

static void begin(void)
{
	set_up();
	snprintf(scratch, sizeof(scratch), "/tmp/shmeter-alternation-XXXXXX");
	cr_assert(mkdtemp(scratch));
	sm_results_init(&merged);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", scratch);
	cr_expect_eq(system(command), 0);
	for (unsigned i = 0; i < 2 * BLOCKS; i++)
		free(folders[i / BLOCKS][i % BLOCKS]);
	sm_gates_free(&gates);
	sm_results_free(&merged);
	tear_down();
}

TestSuite(alternation, .init = begin, .fini = end);

static void load(unsigned first, unsigned count, const struct sm_alternation_keys *differ)
{
	sm_gates_free(&gates);
	sm_results_free(&merged);
	sm_results_init(&merged);
	cr_assert_eq(sm_alternation_load(&merged, (const char *const *)&folders[0][first],
					 (const char *const *)&folders[1][first], count, differ, &err),
		     0, "%s", err.text);
	cr_assert_eq(sm_alternation_gates(&gates, &merged, 1.02, &err), 0, "%s", err.text);
}

static void judge(void)
{
	load(0, BLOCKS, &nothing);
	cr_assert_eq(sm_alternation_judge(&gates, &merged, rows, &err), 0, "%s", err.text);
}

/* A trial of `pack` that ended with `status`: no slices unless it is well. */
static void add_ended(const char *variant, double ns, enum sm_status status, const char *reason)
{
	unsigned c = add_case("pack", variant, "op=add", 2);

	if (status == SM_OK) {
		add_trial(c, 0, 0, 0, ns);
		return;
	}
	struct sm_sample *sample = add_sample(c, 0);

	sample->ended = status;
	sample->reason = reason;
}

/* Trials are shuffled: the first blocks begin with another case than the fresh ones. */
Test(alternation, the_order_of_trials_is_not_that_of_the_gates)
{
	static const char *const order[2][3] = { { "wide", "packed", "padded" }, { "packed", "padded", "wide" } };

	for (unsigned block = 0; block < 2; block++)
		for (unsigned side = 0; side < 2; side++) {
			for (unsigned i = 0; i < 3; i++)
				add_ended(order[block][i], 10, SM_OK, "-");
			save(side, block);
		}
	for (unsigned block = 0; block < 2; block++) {
		load(block, 1, &nothing);
		cr_assert_eq(gates.count, 3);
		cr_expect_eq(strncmp(gates.gate[0].name, "pack/packed?", 12), 0, "%s", gates.gate[0].name);
		cr_expect_eq(strncmp(gates.gate[1].name, "pack/padded?", 12), 0);
		cr_expect_eq(strncmp(gates.gate[2].name, "pack/wide?", 10), 0);
	}
	for (size_t i = 0; i < merged.sample_count; i++)
		cr_expect_eq(merged.samples[i].case_index, (i % 3) * 2 + (i < 3 ? 1 : 0),
			     "sample %zu went along with its case", i);
}

/* Two placements are two cases, unless the sides are told to differ in just that. */
Test(alternation, placement_and_memory_name_a_case)
{
	for (unsigned side = 0; side < 2; side++) {
		add_ended("packed", 10, SM_OK, "-");
		add_ended("packed", 20, SM_OK, "-");
		run.cases[1].placement = SM_PLACE_SMT;
		run.cases[1].id = "pack/packed?op=add@smt";
		add_ended("packed", 30, SM_OK, "-");
		run.cases[2].pages = "2m";
		run.cases[2].id = "pack/packed?op=add@near+2m";
		save(side, 0);
	}
	load(0, 1, &nothing);
	cr_assert_eq(gates.count, 3);
	cr_expect_str_eq(gates.gate[0].name, "pack/packed?op=add@near+none,2m,none,none");
	cr_expect_str_eq(gates.gate[1].name, "pack/packed?op=add@near+none,none,none,none");
	cr_expect_str_eq(gates.gate[2].name, "pack/packed?op=add@smt+none,none,none,none");
}

Test(alternation, what_the_sides_are_told_to_differ_in_names_no_case)
{
	static const struct sm_alternation_keys both = { .key = { "pages", "placement" }, .count = 2 };

	for (unsigned side = 0; side < 2; side++) {
		add_ended("packed", 10, SM_OK, "-");
		if (side) {
			run.cases[0].placement = SM_PLACE_SMT;
			run.cases[0].pages = "2m";
			run.cases[0].id = "pack/packed?op=add@smt+2m";
		}
		save(side, 0);
	}
	load(0, 1, &both);
	cr_assert_eq(gates.count, 1);
	cr_expect_str_eq(gates.gate[0].name, "pack/packed?op=add+none,none,none");
	cr_expect(sm_alternation_has(&merged, gates.gate[0].name, "new"));
}

/* --left message=64 --right message=4k: one case. */
Test(alternation, a_parameter_that_the_sides_differ_in_names_no_case)
{
	static const struct sm_alternation_keys op = { .key = { "op" }, .count = 1 };

	for (unsigned side = 0; side < 2; side++) {
		add_trial(add_case("pack", "packed", side ? "op=add n=2" : "op=store n=2", 2), 0, 0, 0, 10);
		save(side, 0);
	}
	load(0, 1, &op);
	cr_assert_eq(gates.count, 1);
	cr_expect(sm_alternation_has(&merged, gates.gate[0].name, "new"));
	expect_text(gates.gate[0].name, "pack/packed?n=2@near");
	load(0, 1, &nothing);
	cr_expect_not(sm_alternation_has(&merged, gates.gate[0].name, "new"));
}

/* All blocks: packed as the tests want it in either side, padded well in both. */
static void alternate(enum sm_status old, enum sm_status new, unsigned failing_blocks)
{
	for (unsigned block = 0; block < BLOCKS; block++)
		for (unsigned side = 0; side < 2; side++) {
			enum sm_status status = side ? new : old;

			if (block >= failing_blocks && status != SM_SKIPPED)
				status = SM_OK;
			if (status != SM_STATUS_NONE)
				add_ended("packed", 10, status, side ? "new's" : "old's");
			add_ended("padded", side ? 9 : 10, SM_OK, "-");
			save(side, block);
		}
	judge();
	cr_assert_eq(gates.count, 2);
	cr_expect_eq(rows[1].verdict, SM_SUPPORTED, "the other case: %s", rows[1].reason);
}

Test(alternation, wrong_data_of_new_is_a_fail_and_needs_no_repetition)
{
	alternate(SM_OK, SM_VERIFY_FAILED, 1);
	cr_expect_eq(rows[0].verdict, SM_REFUTED);
	expect_text(rows[0].evidence, "1 of 8 trials of new failed");
	expect_text(rows[0].evidence, "1 with wrong data");
	expect_text(rows[0].evidence, "new's");
	sm_gates_confirm(rows, 1, NULL, 0);
	cr_expect_eq(rows[0].verdict, SM_REFUTED);
}

Test(alternation, dead_workers_of_new_are_a_fail_if_they_die_again)
{
	struct sm_gate_row fresh;

	alternate(SM_OK, SM_WORKER_DIED, BLOCKS);
	cr_expect_eq(rows[0].verdict, SM_REFUTED);
	expect_text(rows[0].evidence, "8 of 8 trials of new failed");
	fresh = rows[0];
	sm_gates_confirm(rows, 1, &fresh, 1);
	cr_expect(rows[0].confirmed);
	sm_gates_confirm(rows, 1, NULL, 0);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
}

Test(alternation, what_fails_on_both_sides_is_no_regression)
{
	alternate(SM_TIMED_OUT, SM_TIMED_OUT, BLOCKS);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	expect_text(rows[0].reason, "8 of 8 trials of old failed (old's), and 8 of 8 of new");
}

Test(alternation, wrong_data_is_no_failure_like_others)
{
	alternate(SM_TIMED_OUT, SM_VERIFY_FAILED, 1);
	cr_expect_eq(rows[0].verdict, SM_REFUTED, "a host that stalled once excuses no wrong data");
	cr_expect(rows[0].wrong_data);
}

Test(alternation, wrong_data_on_both_sides_is_no_regression)
{
	alternate(SM_VERIFY_FAILED, SM_VERIFY_FAILED, 1);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	cr_expect_not(rows[0].wrong_data);
	cr_expect_null(sm_alternation_wrong(&merged), "its gate tells");
}

Test(alternation, wrong_data_that_no_gate_tells_is_found)
{
	for (unsigned side = 0; side < 2; side++) {
		add_ended("padded", 10, SM_OK, "-");
		if (side)
			add_ended("wide", 10, SM_VERIFY_FAILED, "new's");
		save(side, 0);
	}
	load(0, 1, &nothing);
	cr_assert_eq(gates.count, 1);
	cr_assert_not_null(sm_alternation_wrong(&merged));
	expect_text(sm_alternation_wrong(&merged), "pack/wide");
}

/* Two values of what names no case would be one case. */
Test(alternation, one_name_for_two_points_is_refused)
{
	static const struct sm_alternation_keys size = { .key = { "size" }, .count = 1 };

	for (unsigned side = 0; side < 2; side++) {
		add_trial(add_case("pack", "packed", "op=add size=2", 2), 0, 0, 0, 10);
		if (!side)
			add_trial(add_case("pack", "packed", "op=add size=4", 2), 0, 0, 0, 10);
		save(side, 0);
	}
	cr_expect_eq(sm_alternation_load(&merged, (const char *const *)folders[0], (const char *const *)folders[1], 1,
					 &size, &err),
		     -EINVAL);
	expect_text(err.text, "differ only in what --left and --right set");
}

Test(alternation, what_new_skips_is_told)
{
	alternate(SM_OK, SM_SKIPPED, BLOCKS);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	expect_text(rows[0].reason, "old ran it, new did not: new's");
}

Test(alternation, what_neither_can_run_is_not_testable)
{
	alternate(SM_SKIPPED, SM_SKIPPED, BLOCKS);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
}

Test(alternation, a_case_that_new_lacks_is_told)
{
	for (unsigned block = 0; block < BLOCKS; block++) {
		add_ended("packed", 10, SM_OK, "-");
		add_ended("padded", 10, SM_OK, "-");
		save(0, block);
		add_ended("padded", 9, SM_OK, "-");
		add_ended("wide", 9, SM_OK, "-");
		save(1, block);
	}
	judge();
	cr_assert_eq(gates.count, 2, "what only new has is no gate");
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	expect_text(rows[0].reason, "new has no such case");
	cr_expect_eq(rows[1].verdict, SM_SUPPORTED, "%s", rows[1].reason);
	cr_expect_eq(sm_gates_overall(rows, 2), SM_INCONCLUSIVE);
}

/* 2^-n against 1 % shared by the gates that have a p-value. */
Test(alternation, a_fail_needs_blocks)
{
	static const char *const needed[] = { "no case was measured", "7 needed, 6 usable of 9", "8 needed",
					      "9 needed" };
	struct sm_gate_row row[4] = { { .p = NAN }, { .p = 1 }, { .p = 0.5 }, { .p = 0.1 } };

	for (size_t i = 0; i < 4; i++) {
		row[i].blocks = 6;
		gates.count = i + 1;
		expect_text(sm_alternation_doubt(&gates, row, &merged, 9), needed[i]);
	}
	gates.layouts = 8;
	expect_text(sm_alternation_doubt(&gates, row, &merged, 8),
		    "too few layouts to detect a failure: 9 needed, 6 usable of 8");
	row[3].blocks = 9;
	cr_expect_null(sm_alternation_doubt(&gates, row, &merged, 9), "one that could fail is enough");
}

/* One case: in each block, new takes 1 + over[block] times as long. */
static void alternate_unevenly(const double over[BLOCKS])
{
	for (unsigned block = 0; block < BLOCKS; block++)
		for (unsigned side = 0; side < 2; side++) {
			add_ended("packed", side ? 10 * (1 + over[block]) : 10, SM_OK, "-");
			save(side, block);
		}
}

/* Judges the blocks as those of so many layouts, in turn. */
static void judge_layouts(unsigned layouts)
{
	static unsigned layout_of_block[BLOCKS];

	for (unsigned block = 0; block < BLOCKS; block++)
		layout_of_block[block] = block % layouts;
	load(0, BLOCKS, &nothing);
	gates.layouts = layouts;
	gates.layout_of_block = layout_of_block;
	cr_assert_eq(sm_alternation_judge(&gates, &merged, rows, &err), 0, "%s", err.text);
	cr_assert_eq(gates.count, 1);
}

/* Blocks of one build agree with each other on what its layout costs. */
Test(alternation, all_blocks_of_a_layout_are_one_unit)
{
	static const double slower[BLOCKS] = { 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1 };

	alternate_unevenly(slower);
	judge_layouts(1);
	cr_expect_eq(rows[0].verdict, SM_REFUTED, "one layout: the blocks are the units");
	cr_expect_eq(rows[0].blocks, BLOCKS);
	expect_text(rows[0].evidence, "8 blocks");
	judge_layouts(4);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	cr_expect_eq(rows[0].blocks, 4);
	expect_text(rows[0].reason, "4 pairs of layouts: no interval under 6");
	judge_layouts(7);
	cr_expect_eq(rows[0].verdict, SM_REFUTED, "%s", rows[0].reason);
	expect_text(rows[0].evidence, "7 pairs of layouts");
	cr_expect(rows[0].ratio.low > 1.08 && rows[0].ratio.high < 1.12);
}

/* The layouts of two pairs are slow, and each of them ran in two blocks. */
Test(alternation, what_some_layouts_cost_is_no_difference)
{
	static const double some[BLOCKS] = { 0.1, 0.1, 0, 0, 0.1, 0.1, 0, 0 };

	alternate_unevenly(some);
	judge_layouts(4);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE, "%s", rows[0].evidence);
	cr_expect(fabs(rows[0].ratio.estimate - 1.05) < 0.01, "%g: between two and two", rows[0].ratio.estimate);
}

Test(alternation, the_scatter_of_layouts_is_told_from_that_of_blocks)
{
	static const double some[BLOCKS] = { 0.04, -0.04, 0.04, -0.04, 0.04, -0.04, 0.04, -0.04 };
	double layouts, blocks;
	const char *found;

	alternate_unevenly(some);
	judge_layouts(4);
	found = strstr(rows[0].evidence, "the ratio varies by");
	cr_assert_not_null(found, "%s", rows[0].evidence);
	cr_assert_eq(sscanf(found, "the ratio varies by %lf %% between layouts, by %lf %% between blocks of one",
			    &layouts, &blocks),
		     2, "%s", found);
	cr_expect(layouts > 4.2 && layouts < 5, "%g %%", layouts); /* 4 * sqrt(4 / 3) */
	cr_expect(blocks < 1, "%g %%", blocks);
	judge_layouts(BLOCKS);
	cr_expect_null(strstr(rows[0].evidence, "varies"), "one block of each: %s", rows[0].evidence);
}

/* Nothing has passed that could not have failed, and blocks without a figure do not count. */
Test(alternation, too_few_blocks_are_no_pass)
{
	struct sm_gate_row row[3] = { { .p = 1, .verdict = SM_SUPPORTED, .blocks = 9 },
				      { .p = 1, .verdict = SM_SUPPORTED, .blocks = 8 },
				      { .p = 1, .verdict = SM_REFUTED, .blocks = 8 } };

	gates.count = 3;
	cr_expect_null(sm_alternation_doubt(&gates, row, &merged, 16));
	cr_expect_eq(row[0].verdict, SM_SUPPORTED);
	cr_expect_eq(row[1].verdict, SM_INCONCLUSIVE);
	expect_text(row[1].reason, "9 needed, 8 usable of 16 measured");
	cr_expect_eq(row[2].verdict, SM_REFUTED);
}

/* A case of both sides in `blocks` blocks; in the first `over` of them new takes 3 % longer than old, then 1 %. */
static void add_sides(const char *params, unsigned blocks, unsigned over)
{
	unsigned old = add_case("pack", "old", params, 2), new = add_case("pack", "new", params, 2);

	for (unsigned block = 0; block < blocks; block++) {
		add_trial(old, block, 0, 0, 10);
		add_trial(new, block, 0, 0, block < over ? 10.3 : 10.1);
	}
}

/* Looks at the global run as at an alternation. */
static void look(bool *open, unsigned least)
{
	cr_assert_eq(sm_results_prepare(&run, &err), 0, "%s", err.text);
	json_object_set_new(run.manifest, "looked", json_true());
	cr_assert_eq(sm_alternation_gates(&gates, &run, 1.02, &err), 0, "%s", err.text);
	gates.least = least;
	cr_assert_eq(sm_alternation_open(&gates, &run, open, &err), 0, "%s", err.text);
}

/* Blocks are spent on the cases that neither pass nor fail, and on no others. */
Test(alternation, what_is_clear_gets_no_more_blocks)
{
	bool open[9];
	unsigned dies;

	add_sides("op=add size=1", 14, 0);  /* a PASS */
	add_sides("op=add size=2", 14, 14); /* a FAIL */
	add_sides("op=add size=3", 14, 7);  /* neither */
	add_sides("op=add size=4", 11, 0);  /* a PASS, with blocks lost */
	add_sides("op=add size=5", 14, 13); /* a FAIL for a single gate */
	add_sides("op=add size=6", 14, 7);  /* neither, but a worker of new dies */
	dies = (unsigned)run.case_count - 1;
	add_case("pack", "old", "op=add size=7", 2);
	add_trial((unsigned)run.case_count - 1, 0, 0, 0, 10); /* new lacks it */
	add_sample(dies, 14)->ended = SM_WORKER_DIED;
	add_sides("op=add size=8", 0, 0);
	for (unsigned block = 0; block < 14; block++) { /* trials without a slice that counts */
		add_sample((unsigned)run.case_count - 2, block);
		add_sample((unsigned)run.case_count - 1, block);
	}
	add_sides("op=add size=9", 2, 0); /* as before, but two blocks count: 9 would of 64 */
	for (unsigned block = 2; block < 14; block++) {
		add_sample((unsigned)run.case_count - 2, block);
		add_sample((unsigned)run.case_count - 1, block);
	}
	look(open, 13);
	cr_assert_eq(gates.count, 9);
	cr_expect_not(open[0], "a clear PASS");
	cr_expect_not(open[1], "a clear FAIL");
	cr_expect(open[2], "half of the blocks are over");
	cr_expect(open[3], "too few blocks for a PASS");
	cr_expect(open[4], "another gate could take this FAIL back");
	cr_expect_not(open[5], "dead workers are a FAIL, whatever the times");
	cr_expect_not(open[6], "new has no such case: no block changes that");
	cr_expect_not(open[7], "no block counts");
	cr_expect_not(open[8], "too few count");
	sm_gates_free(&gates);
	look(open, 0);
	cr_expect_not(open[3], "enough for an interval");
}

/* A verdict that was settled stays, whatever the blocks that were added for other cases show of it or of the control. */
Test(alternation, what_is_settled_stays)
{
	struct sm_gate_row row[1];
	unsigned control[2];

	add_sides("op=add size=1", 30, 14);
	for (unsigned k = 0; k < 2; k++)
		control[k] = add_case("aa", k ? "b" : "a", "-", 2);
	for (unsigned block = 0; block < 60; block++)
		for (unsigned k = 0; k < 2; k++)
			add_trial(control[k], block, 0, 0, k ? 12 : 10);
	for (unsigned settled = 0; settled <= 14; settled += 14) {
		cr_assert_eq(sm_results_prepare(&run, &err), 0, "%s", err.text);
		json_object_set_new(run.manifest, "looked", json_true());
		cr_assert_eq(sm_alternation_gates(&gates, &run, 1.02, &err), 0, "%s", err.text);
		gates.gate[0].settled = settled;
		cr_assert_eq(sm_alternation_judge(&gates, &run, row, &err), 0, "%s", err.text);
		cr_expect_eq(row[0].verdict, settled ? SM_REFUTED : SM_INCONCLUSIVE, "%s", row[0].evidence);
		cr_expect_eq(row[0].blocks, settled ? 14 : 30, "%u", row[0].blocks);
		if (settled)
			continue;
		expect_text(row[0].reason, "the A/A control moved");
		sm_gates_free(&gates);
	}
}

/* An alternation that looked needs more blocks for a FAIL, and begins with as many. */
Test(alternation, looks_need_more_blocks)
{
	static const unsigned needed[][3] = { { 1, 7, 9 }, { 4, 9, 12 }, { 12, 11, 14 }, { 30, 12, 15 } };
	struct sm_gate_row row[1] = { { .p = 1, .verdict = SM_SUPPORTED, .blocks = 8 } };
	const char *doubt;

	for (unsigned i = 0; i < 4; i++) {
		cr_expect_eq(sm_gates_blocks_needed(needed[i][0], false), needed[i][1]);
		cr_expect_eq(sm_gates_blocks_needed(needed[i][0], true), needed[i][2], "%u: %u", needed[i][0],
			     sm_gates_blocks_needed(needed[i][0], true));
	}
	cr_expect_eq(sm_gates_blocks_needed(0, true), 0);
	cr_expect_eq(sm_gates_first_blocks(1), 12);
	cr_expect_eq(sm_gates_first_blocks(30), 16, "both sides go first equally often");
	merged.manifest = json_pack("{s:b}", "looked", 1);
	gates.count = 1;
	doubt = sm_alternation_doubt(&gates, row, &merged, 8);
	cr_assert_not_null(doubt);
	expect_text(doubt, "9 needed, 8 usable of 8");
	cr_expect_eq(row[0].verdict, SM_INCONCLUSIVE);
	gates.count = 0;
}
