/* A made-up run held against an earlier one: gates on a baseline, and the comparison of two runs. */
#include <criterion/criterion.h>

#include "gate_fixture.h"
#include "shmeter/compare.h"

static const char baseline_gate[] =
	"[b]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmax = 1.03\n[t]\ncase = "
	"pack/packed\nbaseline = yes\nmax = 1.03\n";

/* The machine of the run: `type` and `host`; host NULL: not recorded. */
static void set_machine(const char *type, const char *host)
{
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s*}", "type", type, "host", host));
}

static struct sm_results fresh(double packed, double padded, const char *type)
{
	struct sm_results before;

	add_pack_point("op=add", packed, padded, 10, 16);
	set_machine(type, "h1");
	before = run;
	set_up();
	return before;
}

/* Both runs on a clock that is 5 % slower in one of them: the ratio does not mind.  Of the time, one earlier run says
 * nothing: by how much runs of one build differ is not known. */
Test(analysis, a_baseline_is_met_or_not)
{
	struct sm_results before = fresh(20, 10, "a");

	load(baseline_gate, 0);
	add_pack_point("op=add", 21, 10.5, 10, 16);
	set_machine("a", "h1");
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s %s", rows[0].evidence, rows[0].reason);
	expect_text(rows[0].evidence, "; noise floor unknown");
	cr_expect_eq(rows[1].verdict, SM_INCONCLUSIVE, "%s %s", rows[1].evidence, rows[1].reason);
	cr_expect_float_eq(rows[1].ratio.estimate, 1.05, 0.005);
	cr_expect(isnan(rows[1].ratio.low) && rows[1].p == 1);
	expect_text(rows[1].evidence, "as in 1 baseline run (class 410ns, 16 blocks against 16");
	expect_text(rows[1].reason, "too few baseline runs to detect a failure: 1 of at least 3");

	/* others at work, or a host that takes time: a time says nothing then, a ratio still does */
	json_object_set_new(run.manifest, "noise", json_pack("{s:f}", "others_percent", 20.0));
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED);
	cr_expect_eq(rows[1].verdict, SM_INCONCLUSIVE);
	expect_text(rows[1].reason, "other processes used 20 %");

	/* a threshold under the noise floor is refused */
	json_object_set_new(run.manifest, "noise_floor", json_pack("{s:f, s:f}", "time", 1.06, "ratio", 1.01));
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED);
	cr_expect_eq(rows[1].verdict, SM_NOT_TESTABLE);
	expect_text(rows[1].reason, "noise floor");
	sm_gates_free(&gates);
	sm_results_free(&before);
}

static const char alone_gate[] = "[b]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmax = 1.03\n";

/* A run of a worker alone in the global run: `near` of the slices of a trial had the core for themselves, in every fourth
 * block `fourth` of them. */
static void add_mixed(unsigned near, unsigned fourth, double packed_even, double packed_odd)
{
	unsigned packed = add_case("pack", "packed", "op=one", 1);
	unsigned padded = add_case("pack", "padded", "op=one", 1);

	for (unsigned block = 0; block < 16; block++) {
		unsigned own = block % 4 == 3 ? fourth : near;

		add_trial(packed, block, own, block % 2 ? packed_odd : packed_even, 30);
		add_trial(padded, block, own, 10, 10);
	}
	set_machine("a", "h1");
}

static void add_alone(unsigned near, double packed_even, double packed_odd)
{
	add_mixed(near, near, packed_even, packed_odd);
}

/* The run made so far becomes the baseline, and a new one is begun. */
static struct sm_results put_aside(void)
{
	struct sm_results before = run;

	set_up();
	load(alone_gate, 0);
	return before;
}

/* A run whose worker had its core for itself, and one whose worker never had: nothing to compare. */
Test(analysis, another_pace_is_never_compared)
{
	add_alone(SLICES, 20, 20);
	struct sm_results before = put_aside();

	add_alone(0, 20, 20);
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE, "%s", rows[0].evidence);
	expect_text(rows[0].reason, "no block in a class like 410cyc-solo");
	sm_gates_free(&gates);
	sm_results_free(&before);
}

/* The class in which most slices of this run are is not the baseline's: they are compared where they meet. */
Test(analysis, runs_are_compared_in_the_class_that_both_have)
{
	add_alone(SLICES, 20, 20);
	struct sm_results before = put_aside();

	add_alone(5, 20, 20);
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s %s", rows[0].evidence, rows[0].reason);
	expect_text(rows[0].evidence, "class 92cyc-solo, 16 blocks against 16");
	sm_gates_free(&gates);
	sm_results_free(&before);
}

/* Both runs know both classes; most slices of this one are in the one in which the baseline has four blocks. */
Test(analysis, runs_are_compared_where_they_have_most_blocks)
{
	add_mixed(SLICES, 0, 20, 20);
	struct sm_results before = put_aside();

	add_alone(5, 20, 20);
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s %s", rows[0].evidence, rows[0].reason);
	expect_text(rows[0].evidence, "class 92cyc-solo, 16 blocks against 12");
	sm_gates_free(&gates);
	sm_results_free(&before);
}

/* Who reads that nothing was decided reads which of the two runs was the noisy one. */
Test(analysis, a_noisy_baseline_is_named)
{
	add_alone(SLICES, 22, 18);
	struct sm_results before = put_aside();

	add_alone(SLICES, 20, 20);
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE, "%s", rows[0].evidence);
	expect_text(rows[0].reason, "blocks scatter by 15 % in the baseline and by 0.");
	expect_text(rows[0].reason, "measure the baseline again");
	sm_gates_free(&gates);
	sm_results_free(&before);
}

Test(analysis, another_machine_is_never_compared)
{
	struct sm_results before = fresh(10, 10, "a");

	load(baseline_gate, 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	set_machine("b", "h2");
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "another machine");
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "no baseline");
	sm_gates_free(&gates);
	sm_results_free(&before);
}

/* Two cloud hosts of one type are two machines: their times are compared only where the user accepts the type.  A ratio is
 * compared, but its blocks know nothing of how two hosts differ, so runs are the units. */
Test(analysis, times_of_another_host_are_compared_only_on_request)
{
	struct sm_results before = fresh(20, 10, "a");

	load(baseline_gate, 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	set_machine("a", "h2");
	judge(&before);
	cr_expect_eq(rows[1].verdict, SM_NOT_TESTABLE);
	expect_text(rows[1].reason, "another host of the same type");
	expect_text(rows[1].reason, "--same-type");
	cr_expect_eq(rows[0].verdict, SM_INCONCLUSIVE);
	expect_text(rows[0].reason, "too few baseline runs to detect a failure: 1 of at least 3");
	gates.same_type = true;
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s", rows[0].reason);
	cr_expect_eq(rows[1].verdict, SM_INCONCLUSIVE);
	expect_text(rows[1].reason, "too few baseline runs to detect a failure: 1 of at least 3");
	sm_gates_name_again(&gates, rows, &run, (const char *[]){ "there" }, 1, false);
	expect_text(rows[0].again, "--baseline 'there' --same-type");
	/* another type never is; the same host may have become another type */
	set_machine("b", "h2");
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "another machine");
	set_machine("b", "h1");
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "of this host when it was another type");
	sm_gates_free(&gates);
	sm_results_free(&before);
}

/* Runs of earlier versions have only a type: their times are compared on request, nothing is lost. */
Test(analysis, a_run_without_a_host_is_of_its_type)
{
	struct sm_results before = fresh(20, 10, "a");

	load(baseline_gate, 0);
	add_pack_point("op=add", 20, 10, 10, 16);
	set_machine("a", NULL);
	judge(&before);
	cr_expect_eq(rows[1].verdict, SM_NOT_TESTABLE);
	expect_text(rows[1].reason, "does not record its host: pass --same-type");
	gates.same_type = true;
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s", rows[0].reason);
	sm_gates_free(&gates);
	sm_results_free(&before);
}

Test(analysis, a_comparison_of_runs_tells_slower_from_noise)
{
	struct sm_results before = fresh(20, 10, "a");
	struct sm_comparison_of_runs comparison;

	add_pack_point("op=add", 22, 10, 10, 16);
	set_machine("a", "h1");
	struct sm_digest *old = NULL, *new = NULL;

	cr_assert_eq(sm_digest_make(&old, &before, known, 3, &err), 0);
	cr_assert_eq(sm_digest_make(&new, &run, known, 3, &err), 0);
	cr_assert_eq(sm_compare_runs(&comparison, old, new, &err), 0, "%s", err.text);
	sm_digest_free(old);
	sm_digest_free(new);
	cr_expect_eq(comparison.count, 3);
	cr_expect_eq(comparison.slower, 1);
	cr_expect_eq(comparison.faster, 0);
	cr_expect_eq(comparison.likeness, SM_SAME_HOST);
	cr_expect_float_eq(comparison.row[0].ratio.estimate, 1.1, 0.01);
	cr_expect_str_eq(comparison.row[0].says, "slower");
	cr_expect(isnan(comparison.overall.low) && isnan(comparison.overall_mde),
		  "three cases decide nothing at 95 %%");
	cr_expect(comparison.row[0].mde > 1 && comparison.row[0].mde < 1.1);
	sm_compare_free(&comparison);
	sm_results_free(&before);
}

static void compare_with(struct sm_results *before, unsigned slower, const char *says)
{
	struct sm_comparison_of_runs comparison;
	struct sm_digest *old = NULL, *new = NULL;

	cr_assert_eq(sm_digest_make(&old, before, known, 3, &err), 0);
	cr_assert_eq(sm_digest_make(&new, &run, known, 3, &err), 0);
	cr_assert_eq(sm_compare_runs(&comparison, old, new, &err), 0, "%s", err.text);
	sm_digest_free(old);
	sm_digest_free(new);
	cr_expect_eq(comparison.slower, slower, "%u", comparison.slower);
	cr_expect_str_eq(comparison.row[0].says, says);
	sm_compare_free(&comparison);
}

/* The sums are of what the rows say: not of what is within the noise, or of a run whose control moved. */
Test(analysis, a_comparison_of_runs_counts_what_its_rows_say)
{
	struct sm_results before = fresh(20, 10, "a");

	add_pack_point("op=add", 22, 10, 10, 16);
	set_machine("a", "h1");
	json_object_set_new(run.manifest, "noise_floor", json_pack("{s:f, s:f}", "time", 1.2, "ratio", 1.01));
	compare_with(&before, 0, "within the noise");
	json_object_del(run.manifest, "noise_floor");
	compare_with(&before, 1, "slower");
	set_machine("b", "h1");
	compare_with(&before, 1, "longer there");
	set_machine("a", "h2");
	compare_with(&before, 1, "longer there");
	add_control(1.1);
	compare_with(&before, 0, "not trusted");
	sm_results_free(&before);
}
