/* The terms on which claims are judged: what both sides hold, a control, the kind of machine; and differences. */
#include "made_up_run.h"

#define NAME "sends"
static const struct sm_variant variants[] = { { .name = "pipe" }, { .name = "ring" }, { .name = "copy" }, { 0 } };

static const struct sm_claim claims[] = {
	{ .id = "H1",
	  .text = "A ring is at least twice as fast.",
	  SM_RATIO("pipe", "ring", .min = 2, .holds = "in flight", .holds_min = 2) },
	{ .id = "D1", .text = "A pipe adds 5 ns at least.", SM_DIFFERENCE("pipe", "ring", .min = 5), .control = "D0" },
	{ .id = "D0", .text = "A copy adds less.", SM_DIFFERENCE("copy", "ring", .max = 5) },
	{ .id = "W1",
	  .text = "Between cores a pipe is slower.",
	  SM_RATIO("pipe", "ring", .min = 1),
	  .at = "workers<=1xPU cores=different" },
	{ .id = "X1", .text = "On x86 a copy is no slower.", SM_RATIO("copy", "ring", .max = 1.5), .machine = SM_X86 },
	{ .id = "R1",
	  .text = "It is seen now and then on arm64.",
	  SM_METRIC("ring", "seen", .min = 1, .max = 1e18, .once = true),
	  .machine = SM_ARM64 },
	{ 0 },
};
static const struct sm_scenario sends = { .name = NAME, .variants = variants, .claims = claims };
static const struct sm_scenario *const scenarios[] = { &sends };

static void analyse_terms(const char *architecture)
{
	struct sm_error err = { 0 };
	json_t *environment = json_object_get(run.manifest, "environment");

	if (architecture)
		json_object_set_new(environment, "architecture", json_string(architecture));
	cr_assert_eq(sm_analyse(&run, scenarios, 1, &err), 0, "%s", err.text);
}

static void add_metric(unsigned trial, const char *name, double value)
{
	*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, name, "1", value };
}

/* A point of eight blocks; `held`: messages in flight of the pipe, NaN for a trial that does not tell. */
static void add_point(const char *params, double pipe_ns, double ring_ns, double copy_ns, double held)
{
	double ns[3] = { pipe_ns, ring_ns, copy_ns };
	unsigned first = 0;

	for (unsigned v = 0; v < 3; v++) {
		unsigned c = add_case(NAME, variants[v].name, params, 2);

		first = v == 0 ? c : first;
	}
	for (unsigned b = 0; b < 8; b++)
		for (unsigned v = 0; v < 3; v++) {
			unsigned trial = add_trial(first + v, b, 0, 0, ns[v])->trial;

			add_metric(trial, "in flight", v == 0 ? held : 16);
			add_metric(trial, "seen", 0);
		}
}

Test(analysis, sides_that_hold_enough_are_compared)
{
	add_point("message=64", 40, 10, 11, 2);
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("H1")->verdict, SM_SUPPORTED, "%s", claim_of("H1")->reason);
}

Test(analysis, a_side_that_holds_too_little_is_not_compared)
{
	add_point("message=1048576", 40, 10, 11, 0.0625);
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("H1")->verdict, SM_NOT_TESTABLE);
	cr_expect_str_eq(claim_of("H1")->reason,
			 "in flight at message=1048576: 0.0625 of pipe and 16 of ring, where the comparison takes 2 "
			 "on either side");
	for (size_t i = 0; i < run.pair_count; i++)
		cr_expect_str_neq(run.pairs[i].claim, "H1");
}

Test(analysis, a_side_that_does_not_tell_what_it_holds_is_not_compared)
{
	add_point("message=64", 40, 10, 11, NAN);
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("H1")->verdict, SM_NOT_TESTABLE);
	expect_text(claim_of("H1")->reason, "an unknown number of pipe");
}

Test(analysis, points_that_hold_too_little_are_left_out)
{
	add_point("message=64", 40, 10, 11, 1024);
	add_point("message=1048576", 10, 10, 11, 0.0625);
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("H1")->verdict, SM_SUPPORTED, "%s", claim_of("H1")->evidence);
	expect_text(claim_of("H1")->evidence, "message=64");
	expect_text(claim_of("H1")->reason, "not testable at 1 of 2 points: in flight at message=1048576: 0.0625");
}

/* Of one case, not of its neighbour whose name begins alike. */
Test(analysis, what_a_case_holds_is_its_own)
{
	add_point("message=6", 40, 10, 11, 0.5);
	add_point("message=64", 40, 10, 11, 8);
	analyse_terms("x86_64");
	expect_text(claim_of("H1")->reason, "not testable at 1 of 2 points: in flight at message=6: 0.5");
	expect_text(claim_of("H1")->evidence, "message=64");
}

Test(analysis, a_difference_is_judged_in_nanoseconds)
{
	add_point("-", 1240, 10, 11, 16);
	analyse_terms("x86_64");
	const struct sm_claim_row *row = claim_of("D1");

	cr_expect_eq(row->verdict, SM_SUPPORTED, "%s", row->reason);
	expect_text(row->evidence, "pipe takes 12");
	expect_text(row->evidence, " ns more per operation than ring (95 % interval 12");
	expect_text(row->evidence, " ns, class 410ns, 8 blocks, near)");
	cr_expect(strchr(row->evidence, '+') == NULL, "no exponent: %s", row->evidence);
	cr_expect_float_eq(pair_of("pipe", "ring", NULL)->added.estimate, 1230, 15);
	cr_expect_eq(claim_of("D0")->verdict, SM_SUPPORTED, "%s", claim_of("D0")->evidence);
}

/* 4 to 1: a ratio of 4, and 3 ns. */
Test(analysis, a_large_ratio_of_small_times_is_a_small_difference)
{
	add_point("-", 4, 1, 1.5, 16);
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("D1")->verdict, SM_REFUTED, "%s", claim_of("D1")->evidence);
	cr_expect_eq(claim_of("H1")->verdict, SM_SUPPORTED, "the ratio is judged beside it");
}

Test(analysis, a_difference_around_its_threshold_is_open)
{
	unsigned pipe = add_case(NAME, "pipe", "-", 2), ring = add_case(NAME, "ring", "-", 2);
	unsigned copy = add_case(NAME, "copy", "-", 2);

	for (unsigned b = 0; b < 8; b++) {
		add_trial(pipe, b, 0, 0, b % 2 ? 14 : 16);
		add_trial(ring, b, 0, 0, 10);
		add_trial(copy, b, 0, 0, 10);
	}
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("D1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("D1")->reason, "ns) includes the threshold 5 ns");
}

Test(analysis, a_claim_whose_control_fails_is_inconclusive)
{
	add_point("-", 1240, 10, 30, 16);
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("D0")->verdict, SM_REFUTED);
	cr_expect_eq(claim_of("D1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("D1")->reason, "its control D0 is refuted: copy takes ");
	expect_text(claim_of("D1")->evidence, "pipe takes 12");
}

Test(analysis, a_claim_without_its_control_is_inconclusive)
{
	unsigned pipe = add_case(NAME, "pipe", "-", 2), ring = add_case(NAME, "ring", "-", 2);

	for (unsigned b = 0; b < 8; b++) {
		add_trial(pipe, b, 0, 0, 100);
		add_trial(ring, b, 0, 0, 10);
	}
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("D0")->verdict, SM_NOT_TESTABLE);
	cr_expect_eq(claim_of("D1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("D1")->reason, "its control D0 is not testable: copy: ");
}

Test(analysis, a_claim_about_a_kind_of_machine_is_judged_there)
{
	add_point("-", 40, 10, 11, 16);
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("X1")->verdict, SM_SUPPORTED, "%s", claim_of("X1")->reason);
	cr_expect_eq(claim_of("R1")->verdict, SM_NOT_TESTABLE);
	cr_expect_str_eq(claim_of("R1")->reason, "it speaks of arm64 machines, and this run was measured on x86_64");
}

/* The machine that was measured counts, wherever the run is reported. */
Test(analysis, a_run_of_another_kind_of_machine_is_not_judged)
{
	add_point("-", 40, 10, 11, 16);
	analyse_terms("aarch64");
	cr_expect_eq(claim_of("X1")->verdict, SM_NOT_TESTABLE);
	expect_text(claim_of("X1")->reason, "it speaks of x86 machines, and this run was measured on aarch64");
	cr_expect_str_eq(claim_of("X1")->evidence, "-");
	for (size_t i = 0; i < run.pair_count; i++)
		cr_expect_str_neq(run.pairs[i].claim, "X1");
}

Test(analysis, a_run_that_does_not_say_its_machine_is_not_judged)
{
	add_point("-", 40, 10, 11, 16);
	analyse_terms(NULL);
	cr_expect_eq(claim_of("X1")->verdict, SM_NOT_TESTABLE);
	expect_text(claim_of("X1")->reason, "does not say on what it was measured");
}

Test(analysis, what_was_not_seen_refutes_nothing)
{
	add_point("-", 40, 10, 11, 16);
	analyse_terms("aarch64");
	cr_expect_eq(claim_of("R1")->verdict, SM_INCONCLUSIVE);
	expect_text(claim_of("R1")->evidence, "seen of ring: 0 in each of 8 trials");
	expect_text(claim_of("R1")->reason, "160000 operations did not show it");
	run.metrics[run.metric_count - 3].value = 1; /* of the last ring: `seen` */
	analyse_terms("aarch64");
	cr_expect_eq(claim_of("R1")->verdict, SM_SUPPORTED, "%s", claim_of("R1")->evidence);
}

/* A team of `workers` on these PUs, of a machine of four cores with two threads each: PUs 2i and 2i + 1 are of core i. */
static void add_team(unsigned workers, const char *pus)
{
	json_t *places = json_array();

	for (int pu = 0; pu < 8; pu++)
		json_array_append_new(places, json_pack("{s:i, s:i}", "pu", pu, "core", pu / 2));
	json_object_set_new(run.manifest, "environment", json_pack("{s:i, s:o}", "pus", 8, "pu_places", places));
	add_point("-", 40, 10, 11, 16);
	for (size_t c = 0; c < run.case_count; c++)
		run.cases[c].workers = workers;
	for (size_t s = 0; s < run.sample_count; s++)
		run.samples[s].pus = pus;
	analyse_terms("x86_64");
}

Test(analysis, cores_are_different_where_each_worker_has_one)
{
	add_team(4, "0 2 4 7");
	cr_expect_eq(claim_of("W1")->verdict, SM_SUPPORTED, "%s", claim_of("W1")->reason);
}

Test(analysis, two_workers_on_threads_of_one_core_are_not_on_different_ones)
{
	add_team(3, "0 2 3");
	cr_expect_eq(claim_of("W1")->verdict, SM_NOT_TESTABLE, "%s", claim_of("W1")->evidence);
}

Test(analysis, two_workers_on_one_pu_are_not_on_different_cores)
{
	add_team(3, "0 2 2");
	cr_expect_eq(claim_of("W1")->verdict, SM_NOT_TESTABLE, "%s", claim_of("W1")->evidence);
}

Test(analysis, more_workers_than_cores_are_not_on_different_ones)
{
	add_team(5, "0 2 4 ...");
	cr_expect_eq(claim_of("W1")->verdict, SM_NOT_TESTABLE, "%s", claim_of("W1")->evidence);
}

/* One side that fits its PUs does not speak for the other. */
Test(analysis, both_sides_have_their_own_pus)
{
	add_team(4, "0 2 4 6");
	for (size_t c = 0; c < run.case_count; c++)
		if (strcmp(run.cases[c].variant, "pipe") == 0)
			run.cases[c].workers = 9;
	analyse_terms("x86_64");
	cr_expect_eq(claim_of("W1")->verdict, SM_NOT_TESTABLE, "%s", claim_of("W1")->evidence);
}
