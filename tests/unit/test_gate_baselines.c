/* Which of several earlier runs count for a gate, and which are refused. */
#include <criterion/criterion.h>
#include <errno.h>

#include "gate_runs_fixture.h"

static const char ratio_gate[] = "[r]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmax = 1.05\n";

/* A run that others disturbed is no unit; with too few left nothing can fail. */
Test(analysis, a_disturbed_run_is_left_out)
{
	begin(time_gate);
	add_five(20, 0.5);
	json_object_set_new(before[1].manifest, "noise", json_pack("{s:f}", "others_percent", 20.0));
	add_run(22, 10);
	expect_verdict(SM_REFUTED, "-");
	cr_expect_eq(rows[0].baseline_runs, 4);
	expect_text(rows[0].evidence,
		    "; 1 of 5 baseline runs left out: during baseline base-2 other processes used 20 %");
	for (size_t i = 2; i < 4; i++)
		json_object_set_new(before[i].manifest, "noise", json_pack("{s:f}", "others_percent", 20.0));
	expect_verdict(SM_INCONCLUSIVE, "too few baseline runs to detect a failure: 2 of at least 3");
	for (size_t i = 0; i < 5; i++)
		json_object_set_new(before[i].manifest, "noise", json_pack("{s:f}", "others_percent", 20.0));
	expect_verdict(SM_INCONCLUSIVE, "no baseline run counts: during baseline base-1 other processes used 20 %");
	/* ratios tolerate load */
	sm_gates_free(&gates);
	load(ratio_gate, 0);
	expect_verdict(SM_REFUTED, "-");
	cr_expect_eq(rows[0].baseline_runs, 5);
	end();
}

/* A run of 16 blocks in which `near` slices of each are near, and the others far. */
static void add_classes(unsigned near)
{
	unsigned one = add_case("pack", "packed", "op=add", 2);

	for (unsigned block = 0; block < 16; block++)
		add_trial(one, block, near, 20, 20);
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s}", "type", "a", "host", "h1"));
}

/* Most baselines are of the near class, but were disturbed: the others count where they meet the run. */
Test(analysis, the_class_is_that_of_the_runs_that_count)
{
	begin(time_gate);
	for (size_t i = 0; i < 7; i++) {
		add_classes(i < 4 ? SLICES : 0);
		if (i < 4)
			json_object_set_new(run.manifest, "noise", json_pack("{s:f}", "others_percent", 20.0));
		put_aside();
	}
	add_classes(SLICES / 2);
	expect_verdict(SM_SUPPORTED, "-");
	cr_expect_eq(rows[0].baseline_runs, 3);
	expect_text(rows[0].evidence, "class 410ns");
	expect_text(rows[0].evidence, "4 of 7 baseline runs left out: during baseline base-1 other processes");
	end();
}

/* What a baseline lacks is said of the one that lacks it. */
Test(analysis, a_baseline_of_another_class_or_without_the_case_is_left_out)
{
	begin(time_gate);
	for (size_t i = 0; i < 3; i++)
		add_earlier(20, 10);
	add_classes(SLICES);
	put_aside();
	add_run(20, 10);
	expect_verdict(SM_SUPPORTED, "-");
	cr_expect_eq(rows[0].baseline_runs, 3);
	expect_text(rows[0].evidence,
		    "1 of 4 baseline runs left out: baseline base-4 has 0 blocks in a class like 410ns");
	sm_results_free(&before[3]);
	runs = 3;
	before[3] = run;
	set_up();
	add_trial(add_case("pack", "wide", "op=add", 2), 0, 0, 0, 10);
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s}", "type", "a", "host", "h1"));
	struct sm_results other = before[3];
	put_aside();
	run = other;
	expect_verdict(SM_SUPPORTED, "-");
	expect_text(rows[0].evidence, "1 of 4 baseline runs left out: baseline base-4 has no such case");
	end();
}

Test(analysis, a_run_of_few_blocks_has_no_level)
{
	begin(time_gate);
	add_five(20, 0.5);
	add_pack_point("op=add", 40, 10, 10, 4);
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s}", "type", "a", "host", "h1"));
	expect_verdict(SM_INCONCLUSIVE, "4 blocks: no level under");
	end();
}

static void set_machine(struct sm_results *one, const char *type, const char *host)
{
	json_object_set_new(one->manifest, "identity", json_pack("{s:s, s:s}", "type", type, "host", host));
}

/* One rule for each run and each gate: a run of this host always counts, one of another host of the type as a ratio, one of
 * another type never.  What does not count is left out, and the first is named. */
Test(analysis, a_run_of_another_host_counts_as_a_ratio_and_not_as_a_time)
{
	begin(time_gate);
	add_five(20, 0.5);
	set_machine(&before[1], "a", "h2");
	set_machine(&before[3], "b", "h1");
	add_run(20, 10);
	expect_verdict(SM_SUPPORTED, "-");
	cr_expect_eq(rows[0].baseline_runs, 3);
	expect_text(rows[0].evidence, "; 2 of 5 baseline runs left out: baseline base-2 is of another host of the same "
				      "type: pass --same-type");
	set_machine(&before[2], "a", "h2");
	expect_verdict(SM_INCONCLUSIVE, "too few baseline runs to detect a failure: 2 of at least 3");
	gates.same_type = true;
	expect_verdict(SM_SUPPORTED, "-");
	cr_expect_eq(rows[0].baseline_runs, 4);
	for (size_t i = 0; i < 5; i++)
		set_machine(&before[i], "a", "h2");
	gates.same_type = false;
	expect_verdict(SM_NOT_TESTABLE, "baseline base-1 is of another host of the same type: pass --same-type");
	sm_gates_free(&gates);
	load(ratio_gate, 0);
	expect_verdict(SM_SUPPORTED, "-");
	cr_expect_eq(rows[0].baseline_runs, 5);
	set_machine(&before[0], "b", "h1");
	expect_verdict(SM_SUPPORTED, "-");
	cr_expect_eq(rows[0].baseline_runs, 4);
	expect_text(rows[0].evidence,
		    "; 1 of 5 baseline runs left out: baseline base-1 is of this host when it was another");
	end();
}

Test(analysis, there_are_at_most_64_baselines)
{
	struct sm_baselines full = { .count = SM_BASELINE_RUNS_MAX };

	cr_expect_eq(sm_baselines_add(&full, "one-more", known, 3, &err), -EINVAL);
	expect_text(err.text, "too many baselines: at most 64");
}

static void begin_run(struct sm_results *one, const char *start, const char *seed)
{
	json_object_set_new(one->manifest, "started_utc", json_string(start));
	json_object_set_new(one->manifest, "seed", json_string(seed));
}

/* The run itself or a copy, named among its baselines, would pull their mean towards it, and alone it would always pass.
 * So would a failed run whose fresh trials are held against it. */
Test(analysis, the_run_itself_is_no_baseline)
{
	static const char *const folder[] = { "base", "copy" };
	struct sm_baselines digests = { .count = 2 };

	begin(time_gate);
	add_earlier(20, 10);
	add_earlier(20, 10);
	add_run(20, 10);
	begin_run(&before[0], "2026-01-01T00:00:00Z", "1");
	begin_run(&before[1], "2026-01-02T00:00:00Z", "1");
	begin_run(&run, "2026-01-02T00:00:00Z", "2");
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(sm_digest_make(&digests.run[i], &before[i], known, 3, &err), 0, "%s", err.text);
	cr_expect_eq(sm_baselines_exclude(&digests, folder, &run, &err), 0, "%s", err.text);
	begin_run(&run, "2026-01-02T00:00:00Z", "1");
	cr_expect_eq(sm_baselines_exclude(&digests, folder, &run, &err), -EINVAL);
	expect_text(err.text, "--baseline copy: it is the run that is checked");
	json_object_del(run.manifest, "seed"); /* what is not recorded cannot be the same */
	cr_expect_eq(sm_baselines_exclude(&digests, folder, &run, &err), 0);
	sm_baselines_free(&digests);
	end();
}
