/* A made-up run held against several earlier ones: runs are the units, and each case has its noise floor. */
#include <criterion/criterion.h>

#include "gate_runs_fixture.h"
#include "shmeter/compare.h"
#include "shmeter/floor.h"

static const char ratio_gate[] = "[r]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmax = 1.05\n";
static const char id[] = "pack/packed?op=add@near";

/* Four clean runs of one build, 700, 548, 756 and 717 ns: held against the second, the others are 28 to 38 % slower, and
 * their blocks are sure of it. */
Test(analysis, one_earlier_run_never_fails_a_time)
{
	static const double others[] = { 700, 756, 717 };

	for (size_t i = 0; i < 3; i++) {
		begin(time_gate);
		add_earlier(548, 10);
		add_run(others[i], 10);
		expect_verdict(SM_INCONCLUSIVE, "too few baseline runs to detect a failure: 1 of at least 3");
		cr_expect_eq(rows[0].baseline_runs, 1);
		cr_expect(isnan(rows[0].floor));
		expect_text(rows[0].evidence, "noise floor unknown");
		end();
		sm_results_free(&run);
		set_up();
	}
}

/* The same runs as baselines: they differ by more than the threshold, which is refused.  What is further out than runs of
 * one build are fails all the same. */
Test(analysis, a_threshold_under_the_scatter_of_the_runs_is_refused)
{
	begin(time_gate);
	add_earlier(700, 10);
	add_earlier(548, 10);
	add_earlier(756, 10);
	add_run(717, 10);
	expect_verdict(SM_NOT_TESTABLE, "its threshold 1.05 is under the noise floor");
	expect_text(rows[0].reason, " of pack/packed: runs of one build differ by as much");
	cr_expect_float_eq(rows[0].floor, exp(1.95996 * sqrt(2) * 0.168), 0.01, "%g", rows[0].floor);
	sm_results_free(&run);
	set_up();
	add_run(1500, 10); /* 2.2 times as long: with three runs that scatter so much, p is 3 % */
	expect_verdict(SM_NOT_TESTABLE, "its threshold 1.05 is under the noise floor");
	sm_results_free(&run);
	set_up();
	add_run(3500, 10);
	expect_verdict(SM_REFUTED, "-");
	cr_expect_float_eq(rows[0].floor, exp(1.95996 * sqrt(2) * 0.168), 0.01, "%g", rows[0].floor);
	end();
}

Test(analysis, a_run_beyond_the_scatter_of_five_fails)
{
	begin(time_gate);
	add_five(20, 0.5);
	add_run(21.4, 10);
	expect_verdict(SM_REFUTED, "-");
	cr_expect_float_eq(rows[0].ratio.estimate, 1.07, 0.002);
	cr_expect(rows[0].ratio.low > 1.05 && rows[0].ratio.high < 1.10);
	cr_expect_eq(rows[0].baseline_runs, 5);
	cr_expect_eq(rows[0].baseline_blocks, 80);
	expect_text(
		rows[0].evidence,
		"as in 5 baseline runs (95 % interval 1.053 to 1.087, runs scatter by 0.52 %, class 410ns, 16 blocks against 80");
	expect_text(rows[0].evidence, "; noise floor 1.01");
	end();
}

/* Blocks of a run that spread over 10 % on both sides. */
static void add_noisy(double packed, unsigned blocks)
{
	unsigned one = add_case("pack", "packed", "op=add", 2), other = add_case("pack", "padded", "op=add", 2);

	for (unsigned block = 0; block < blocks; block++) {
		double spread = (double)(block * 7 % blocks) / (blocks - 1) * 0.2 - 0.1;

		add_trial(one, block, 0, 0, packed * (1 + spread));
		add_trial(other, block, 0, 0, 10);
	}
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s}", "type", "a", "host", "h1"));
}

/* How noisy a run is says nothing of the earlier ones: it neither raises the floor nor hides that it is slow. */
Test(analysis, the_noise_of_the_run_is_not_that_of_its_baselines)
{
	double floor;

	begin(time_gate);
	add_five(20, 0.5);
	add_run(20, 10);
	expect_verdict(SM_SUPPORTED, "-");
	floor = rows[0].floor;
	sm_results_free(&run);
	set_up();
	add_noisy(40, 16);
	expect_verdict(SM_REFUTED, "-");
	cr_expect_float_eq(rows[0].floor, floor, 1e-9, "%g", rows[0].floor);
	expect_text(rows[0].evidence, "runs scatter by 0.52 %");
	sm_results_free(&run);
	set_up();
	add_noisy(21.6, 16); /* 8 %: its own blocks do not show that it is slow */
	expect_verdict(SM_INCONCLUSIVE,
		       "too few blocks to detect a failure: those of this run show its level within 2");
	end();
}

/* A FAIL needs both: beyond the threshold, and further out than runs of one build are. */
Test(analysis, a_run_within_the_threshold_passes_and_one_within_the_scatter_does_not_fail)
{
	begin(time_gate);
	add_five(20, 0.5);
	add_run(20.6, 10); /* 3 % slower: surely, but within the threshold */
	expect_verdict(SM_SUPPORTED, "-");
	end();
	sm_results_free(&run);
	set_up();
	begin(time_gate);
	add_five(20, 1.2);
	add_run(21.05, 10); /* 5.25 %: over the threshold, but with five runs not sure enough */
	expect_verdict(SM_INCONCLUSIVE, "too few baseline runs to detect a failure: with 5 that scatter by 1.3 %");
	expect_text(
		rows[0].reason,
		"a run must differ by 5.3 %, and the threshold is 5 %; 10 such runs are needed to find that in 8 of 10 runs");
	end();
}

/* One point's runs scatter by more than the threshold.  The other point is judged: it can fail the gate or leave it
 * open, but not pass it. */
Test(analysis, a_point_that_is_refused_holds_back_a_pass_and_no_fail)
{
	static const double wild[] = { 20, 22, 18 }, calm[] = { 20, 20.1, 19.9 };

	begin(time_gate);
	for (size_t i = 0; i < 3; i++) {
		add_pack_point("op=store", wild[i], 10, 10, 16);
		add_earlier(calm[i], 10);
	}
	add_pack_point("op=store", 20, 10, 10, 16);
	add_run(20, 10);
	expect_verdict(SM_NOT_TESTABLE, "its threshold 1.05 is under the noise floor 1.3");
	cr_expect_eq(sm_gates_strictly(rows, 1), SM_NOT_TESTABLE);
	expect_text(rows[0].evidence,
		    "; not testable at 1 of 2 points: its threshold 1.05 is under the noise floor 1.3");
	sm_results_free(&run);
	set_up();
	add_pack_point("op=store", 20, 10, 10, 16);
	add_run(21, 10);
	expect_verdict(SM_INCONCLUSIVE, "too few baseline runs to detect a failure: with 3 that scatter by 0.5 %");
	sm_results_free(&run);
	set_up();
	add_pack_point("op=store", 20, 10, 10, 16);
	add_run(24, 10);
	expect_verdict(SM_REFUTED, "-");
	end();
}

/* A refused gate was measured: its figures stay, by blocks as well. */
Test(analysis, a_refused_gate_keeps_its_figures)
{
	begin(ratio_gate);
	add_earlier(20, 10);
	add_run(20, 10);
	json_object_set_new(run.manifest, "noise_floor", json_pack("{s:f, s:f}", "time", 1.01, "ratio", 1.2));
	expect_verdict(SM_NOT_TESTABLE, "under the noise floor 1.2 of the A/A control");
	expect_text(rows[0].evidence, "takes 1 times as long per operation as in the baseline (95 % interval");
	cr_expect_float_eq(rows[0].ratio.estimate, 1, 0.01);
	cr_expect(rows[0].blocks == 16 && rows[0].baseline_blocks == 16 && rows[0].baseline_runs == 1);
	end();
}

/* A bound below the baseline asks for a faster run. */
Test(analysis, a_run_must_be_faster_than_several)
{
	begin("[t]\ncase = pack/packed\nbaseline = yes\nmax = 0.9\n");
	add_five(20, 0.5);
	add_run(17, 10);
	expect_verdict(SM_SUPPORTED, "-");
	sm_results_free(&run);
	set_up();
	add_run(20, 10);
	expect_verdict(SM_REFUTED, "-");
	sm_results_free(&run);
	set_up();
	add_run(18.1, 10); /* 9.5 %: not enough, but not surely */
	expect_verdict(SM_INCONCLUSIVE, "includes the threshold; a ratio");
	end();
	/* five that scatter more cannot show that a run like them is not faster */
	begin("[t]\ncase = pack/packed\nbaseline = yes\nmax = 0.96\n");
	begin_again();
	add_five(20, 1);
	add_run(20, 10);
	expect_verdict(SM_INCONCLUSIVE, "too few baseline runs to detect a failure: with 5 that scatter by 1");
	expect_text(rows[0].reason, "must miss the threshold by 4");
	expect_text(rows[0].reason, "and one like them misses it by 4.2 %; ");
	expect_text(rows[0].reason, " such runs are needed to find that in 8 of 10 runs");
	end();
}

/* A minimum is the mirror image. */
Test(analysis, a_run_must_not_be_faster_than_several)
{
	begin("[t]\ncase = pack/packed\nbaseline = yes\nmin = 0.95\n");
	add_five(20, 0.5);
	add_run(18, 10);
	expect_verdict(SM_REFUTED, "-");
	sm_results_free(&run);
	set_up();
	add_run(20, 10);
	expect_verdict(SM_SUPPORTED, "-");
	end();
}

/* Either bound can fail, so p is doubled. */
Test(analysis, two_bounds_share_the_level)
{
	double p;

	begin(time_gate);
	add_five(20, 0.5);
	add_run(21.4, 10);
	expect_verdict(SM_REFUTED, "-");
	p = rows[0].p;
	sm_gates_free(&gates);
	load("[t]\ncase = pack/packed\nbaseline = yes\nmin = 0.95\nmax = 1.05\n", 0);
	expect_verdict(SM_REFUTED, "-");
	cr_expect_float_eq(rows[0].p, 2 * p, 1e-9, "%g, %g", rows[0].p, p);
	begin_again();
	add_run(18.6, 10);
	expect_verdict(SM_REFUTED, "-");
	begin_again();
	add_run(20, 10);
	expect_verdict(SM_SUPPORTED, "-");
	end();
}

/* What is rare enough for one point is not for the worst of four. */
Test(analysis, points_share_the_level)
{
	static const char *const others[] = { "op=store", "op=one", "op=none" };
	static const double scale[] = { 0.99, 1.005, 1.01, 0.9875, 1.0075 };
	double p;

	begin("[t]\ncase = pack/packed\nbaseline = yes\nmax = 1.035\n");
	add_five(20, 1);
	add_run(20.96, 10);
	expect_verdict(SM_REFUTED, "-");
	p = rows[0].p;
	cr_expect(p > 0.0026 && p < 0.01, "%g", p);
	end();
	begin_again();
	begin("[t]\ncase = pack/packed\nbaseline = yes\nmax = 1.035\n");
	for (size_t i = 0; i < 5; i++) {
		add_run(20 * scale[i], 10);
		for (size_t j = 0; j < 3; j++)
			add_pack_point(others[j], 20 * scale[i], 10, 10, 16);
		put_aside();
	}
	add_run(20.96, 10);
	for (size_t j = 0; j < 3; j++)
		add_pack_point(others[j], 20, 10, 10, 16);
	expect_verdict(SM_INCONCLUSIVE, "too few baseline runs to detect a failure: with 5 ");
	cr_expect(rows[0].p > 0.01, "%g", rows[0].p);
	end();
}

/* Runs as units for ratios, too: their blocks agree, but the runs do not. */
Test(analysis, ratios_of_several_runs_are_judged_by_runs)
{
	begin("[r]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmax = 1.03\n");
	add_earlier(20, 10);
	add_run(20.8, 10);
	expect_verdict(SM_REFUTED, "-"); /* one earlier run: by blocks, as long as its floor is unknown */
	expect_text(rows[0].evidence, "; noise floor unknown");
	cr_expect_eq(rows[0].baseline_runs, 1);
	sm_results_free(&run);
	set_up();
	add_earlier(20.1, 10);
	add_run(20.8, 10);
	expect_verdict(SM_INCONCLUSIVE, "too few baseline runs to detect a failure: 2 of at least 3");
	end();
}

/* Runs that agree to the last digit do so by chance: their blocks do not. */
Test(analysis, equal_runs_scatter_by_the_error_of_their_levels)
{
	begin(time_gate);
	for (size_t i = 0; i < 3; i++)
		add_earlier(20, 10);
	add_run(20, 10);
	expect_verdict(SM_SUPPORTED, "-");
	cr_expect(rows[0].floor > 1.0001 && rows[0].floor < 1.01, "%g", rows[0].floor);
	end();
}

static void set_floor(double time, double ratio)
{
	json_object_set_new(run.manifest, "noise_floor",
			    json_pack("{s:f, s:f, s:{s:{s:f, s:{s:f}}}}", "time", 1.2, "ratio", 1.2, "cases", id,
				      "time", time, "ratio", "padded", ratio));
}

/* A floor of the case counts, not that of an addition loop. */
Test(analysis, every_case_has_its_own_noise_floor)
{
	begin(ratio_gate);
	add_earlier(20, 10);
	add_run(20, 10);
	set_floor(1.3, 1.02);
	expect_verdict(SM_SUPPORTED, "-");
	expect_text(rows[0].evidence, "; noise floor 1.02");
	cr_expect_float_eq(rows[0].floor, 1.02, 1e-9);
	set_floor(1.01, 1.06);
	expect_verdict(SM_NOT_TESTABLE, "under the noise floor 1.06 of pack/packed as a ratio to padded");
	cr_expect_float_eq(rows[0].floor, 1.06, 1e-9);
	/* without a floor of the case, the control's is a least one */
	json_object_set_new(run.manifest, "noise_floor", json_pack("{s:f, s:f}", "time", 1.01, "ratio", 1.2));
	expect_verdict(SM_NOT_TESTABLE, "under the noise floor 1.2 of the A/A control on this machine");
	/* what is no factor is no floor */
	set_floor(1.01, 0.5);
	json_object_set_new(json_object_get(run.manifest, "noise_floor"), "ratio", json_string("x"));
	expect_verdict(SM_SUPPORTED, "-");
	expect_text(rows[0].evidence, "; noise floor unknown");
	end();
}

/* Blocks of two runs are sure of 3.5 %, but where runs of the ratio scatter by 0.7 %, two of them differ by that. */
Test(analysis, one_earlier_run_fails_a_ratio_beyond_what_runs_differ_by)
{
	begin("[r]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmax = 1.03\n");
	add_earlier(20, 10);
	add_run(20.7, 10);
	expect_verdict(SM_REFUTED, "-"); /* the floor is unknown */
	set_floor(1.3, 1.02);
	expect_verdict(SM_INCONCLUSIVE, "beyond the threshold, but not surely enough");
	expect_text(rows[0].reason, "more baseline runs are needed");
	cr_expect(rows[0].p > 0.01 && rows[0].p < 0.02, "%g", rows[0].p);
	cr_expect(rows[0].mde > 1.045, "%g", rows[0].mde);
	sm_results_free(&run);
	set_up();
	add_run(21, 10);
	set_floor(1.3, 1.02);
	expect_verdict(SM_REFUTED, "-");
	sm_gates_free(&gates);
	load("[r]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmin = 0.97\n", 0);
	sm_results_free(&run);
	set_up();
	add_run(19.3, 10);
	set_floor(1.3, 1.02);
	expect_verdict(SM_INCONCLUSIVE, "beyond the threshold, but not surely enough");
	sm_results_free(&run);
	set_up();
	add_run(19, 10);
	set_floor(1.3, 1.02);
	expect_verdict(SM_REFUTED, "-");
	end();
}

static json_t *floors(void)
{
	struct sm_baselines digests = { .count = runs };
	json_t *found;

	for (size_t i = 0; i < runs; i++)
		cr_assert_eq(sm_digest_make(&digests.run[i], &before[i], known, 3, &err), 0, "%s", err.text);
	cr_assert_eq(sm_floor_of_cases(&digests, &found, &err), 0, "%s", err.text);
	sm_baselines_free(&digests);
	return found;
}

/* What a self-test learns of several runs: both cases drift together, so that their ratio is steadier than their
 * times. */
Test(analysis, floors_are_learned_from_several_runs)
{
	char folder[] = "/tmp/shmeter-floor-XXXXXX", path[64];
	const struct sm_identity machine = { "t", "h" };
	json_t *learned, *one, *loaded;
	double ratio;

	begin(time_gate);
	add_earlier(20, 10);
	add_earlier(20.4, 10.2);
	learned = floors();
	cr_expect(json_is_null(json_object_get(learned, id)), "two runs show no scatter, and the case is named");
	json_decref(learned);
	add_earlier(19.6, 9.8);
	learned = floors();
	one = json_object_get(learned, id);
	cr_expect_float_eq(json_number_value(json_object_get(one, "time")), exp(2.7718 * 0.02), 0.002);
	ratio = json_number_value(json_object_get(json_object_get(one, "ratio"), "padded"));
	cr_expect(ratio > 1.0001 && ratio < 1.01, "%g", ratio); /* the error of the levels */
	cr_expect(!json_object_get(json_object_get(one, "ratio"), "packed"), "a case has no ratio to itself");
	cr_expect_eq(json_integer_value(json_object_get(one, "runs")), 3);
	/* kept beside those of other cases */
	cr_assert(mkdtemp(folder));
	setenv("SHMETER_STATE_DIR", folder, 1);
	cr_assert_eq(sm_floor_save(&machine, &(struct sm_floor){ 1.1, 1.1, learned }, &err), 0, "%s", err.text);
	json_object_del(one, "time"); /* not learned the next time */
	json_object_del(json_object_get(one, "ratio"), "padded");
	cr_assert_eq(sm_floor_save(&machine, &(struct sm_floor){ 1.2, 1.2, learned }, &err), 0, "%s", err.text);
	json_object_set_new(learned, id, json_null());
	json_object_set_new(learned, "other", json_pack("{s:f}", "time", 1.5));
	cr_assert_eq(sm_floor_save(&machine, &(struct sm_floor){ 1.2, 1.2, learned }, &err), 0, "%s", err.text);
	cr_assert_eq(sm_floor_save(&machine, &(struct sm_floor){ 1.3, 1.3, NULL }, &err), 0, "%s", err.text);
	loaded = sm_floor_load(&machine);
	cr_expect_float_eq(json_number_value(json_object_get(loaded, "time")), 1.3, 1e-9);
	one = json_object_get(json_object_get(loaded, "cases"), id);
	cr_expect(json_object_get(one, "time") != NULL);
	cr_expect_float_eq(json_number_value(json_object_get(json_object_get(one, "ratio"), "padded")), ratio, 1e-9);
	cr_expect(json_object_get(json_object_get(loaded, "cases"), "other") != NULL);
	json_decref(loaded);
	json_decref(learned);
	snprintf(path, sizeof(path), "%s/noise.json", folder);
	unlink(path);
	rmdir(folder);
	end();
}

static void compare_runs(struct sm_comparison_of_runs *comparison)
{
	struct sm_digest *old = NULL, *new = NULL;

	cr_assert_eq(sm_digest_make(&old, &before[0], known, 3, &err), 0);
	cr_assert_eq(sm_digest_make(&new, &run, known, 3, &err), 0);
	cr_assert_eq(sm_compare_runs(comparison, old, new, &err), 0, "%s", err.text);
	sm_digest_free(old);
	sm_digest_free(new);
}

/* A comparison of two runs knows what runs alone differ by, where a self-test measured it. */
Test(analysis, a_comparison_knows_the_floor_of_each_case)
{
	struct sm_comparison_of_runs comparison;

	begin(time_gate);
	add_earlier(20, 10);
	add_run(22, 10);
	compare_runs(&comparison);
	cr_expect(isnan(comparison.row[0].floor) && isnan(comparison.most));
	cr_expect_eq(comparison.unknown, 3);
	cr_expect_str_eq(comparison.row[0].says, "slower");
	sm_compare_free(&comparison);
	/* the floor of the case, not the control's, which is 20 % */
	set_floor(1.05, 1.01);
	compare_runs(&comparison);
	cr_expect_float_eq(comparison.most, 1.05, 1e-9);
	cr_expect_eq(comparison.unknown, 2);
	cr_expect_str_eq(comparison.row[0].says, "slower");
	sm_compare_free(&comparison);
	set_floor(1.15, 1.01);
	compare_runs(&comparison);
	cr_expect_str_eq(comparison.row[0].says, "within the noise");
	sm_compare_free(&comparison);
	end();
}

/* The facts reach programs. */
Test(analysis, the_json_has_runs_and_floor)
{
	struct sm_baselines baselines = { .count = 1 };
	struct sm_gate_report report = { .gates = &gates, .rows = rows, .run = &run, .baselines = &baselines };
	json_t *json, *one;

	begin(time_gate);
	add_five(20, 0.5);
	add_run(20, 10);
	judge_against(before, runs);
	cr_assert_eq(sm_digest_make(&baselines.run[0], &before[0], known, 3, &err), 0);
	json = sm_gates_json(&report);
	one = json_array_get(json_object_get(json, "gates"), 0);
	cr_expect_eq(json_integer_value(json_object_get(json, "baselines")), 1);
	cr_expect_eq(json_integer_value(json_object_get(one, "baseline_runs")), 5);
	cr_expect_float_eq(json_number_value(json_object_get(one, "noise_floor")), rows[0].floor, 1e-9);
	json_decref(json);
	judge_against(before, 1);
	json = sm_gates_json(&report);
	one = json_array_get(json_object_get(json, "gates"), 0);
	cr_expect(json_is_null(json_object_get(one, "noise_floor")));
	json_decref(json);
	sm_baselines_free(&baselines);
	end();
}
