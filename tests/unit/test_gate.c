/* The gate: files of thresholds, verdicts, baselines, writers, on made-up runs. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "made_up_run.h"
#include "shmeter/compare.h"
#include "shmeter/gate.h"
#include "shmeter/selftest.h"

static struct sm_gates gates;
static struct sm_gate_row rows[16];
static struct sm_error err;

static void load_for(const char *text, const struct sm_scenario *const *scenarios, size_t count, int expected)
{
	char path[] = "/tmp/shmeter-gates-XXXXXX";
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	err = (struct sm_error){ 0 };
	cr_expect_eq(sm_gates_load(&gates, path, scenarios, count, &err), expected, "%s", err.text);
	unlink(path);
}

static void load(const char *text, int expected)
{
	load_for(text, known, 3, expected);
}

static void judge(struct sm_results *before)
{
	struct sm_digest *baseline = NULL;

	if (before)
		cr_assert_eq(sm_digest_make(&baseline, before, known, 3, &err), 0, "%s", err.text);
	cr_assert_eq(sm_gates_judge(&gates, &run, baseline, known, 3, rows, &err), 0, "%s", err.text);
	sm_digest_free(baseline);
}

static void expect_wrong(const char *text, const char *part)
{
	load(text, -EINVAL);
	expect_text(err.text, part);
	cr_expect(strchr(err.text, '\n') == NULL, "one sentence");
	sm_gates_free(&gates);
}

/* A gate judges one ratio: it would not see that the control failed. */
Test(analysis, a_claim_on_terms_is_no_gate)
{
	static const struct sm_claim claims[] = {
		{ .id = "E1", SM_RATIO("b", "a", .max = 2), .control = "E2" },
		{ .id = "E2", SM_DIFFERENCE("b", "a", .max = 2) },
		{ .id = "E3", SM_RATIO("b", "a", .max = 2, .holds = "n", .holds_min = 2) },
		{ .id = "E4", SM_RATIO("b", "a", .max = 2), .machine = SM_X86 },
		{ .id = "E5", SM_RATIO("b", "a", .max = 2) },
		{ 0 },
	};
	const struct sm_scenario own = { .name = "own", .variants = aa_variants, .claims = claims };
	const struct sm_scenario *const scenarios[] = { &own };

	for (unsigned i = 0; i < 5; i++) {
		char text[32];

		snprintf(text, sizeof(text), "[g]\nclaim = %s\n", claims[i].id);
		load_for(text, scenarios, 1, i < 4 ? -EINVAL : 0);
		if (i < 4)
			expect_text(err.text, "name case, against, at, and min or max instead");
		sm_gates_free(&gates);
	}
}

/* A claim about a value is its own gate; the run has to have what its control is about. */
Test(analysis, the_control_of_a_claim_is_planned)
{
	static const struct sm_claim claims[] = {
		{ .id = "E1", SM_METRIC("b", "lost", .max = 0), .control = "E2" },
		{ .id = "E2", SM_METRIC("a", "lost", .min = 1, .max = 9) },
		{ 0 },
	};
	const struct sm_scenario own = { .name = "own", .variants = aa_variants, .claims = claims };
	const struct sm_scenario *const scenarios[] = { &own };
	struct sm_plan_options plan = { .profile = SM_QUICK };

	load_for("[g]\nclaim = E1\n", scenarios, 1, 0);
	cr_assert_eq(sm_gates_plan(&gates, NULL, &plan, &err), 0);
	cr_assert_eq(plan.pattern_count, 2);
	cr_expect_str_eq(plan.patterns[0], "own/b");
	cr_expect_str_eq(plan.patterns[1], "own/a");
	free((void *)plan.patterns);
	free((void *)plan.longer);
	sm_gates_free(&gates);
}

Test(analysis, a_wrong_file_of_gates_says_what_to_write)
{
	expect_wrong("", "holds no [gate]");
	expect_wrong("case = pack/packed\n", "before the first [gate]");
	expect_wrong("[g]\ncase = pack\n", "SCENARIO/VARIANT");
	expect_wrong("[g]\ncase = pack/none\nagainst = padded\nmin = 1\n", "no variant \"none\"");
	expect_wrong("[g]\ncase = pack/packed\nagainst = none\nmin = 1\n", "no variant \"none\"");
	expect_wrong("[g]\ncase = bag/packed\nagainst = padded\nmin = 1\n", "no scenario \"bag\"");
	expect_wrong("[g]\ncase = pack/packed\nagainst = padded\n", "allows every ratio");
	expect_wrong("[g]\ncase = pack/packed\nmin = 2\n", "compares nothing");
	expect_wrong("[g]\ncase = pack/packed\nagainst = padded\nmin = 2\nmax = 1\n", "not under max");
	expect_wrong("[g]\ncase = pack/packed\nagainst = padded\nmin = fast\n", "a number");
	expect_wrong("[g]\ncase = pack/packed\nagainst = padded\nmin = nan\n", "a number");
	expect_wrong("[g]\nfoo = 1\n", "no key \"foo\"");
	expect_wrong("[g]\nclaim = C99\n", "no scenario makes it");
	expect_wrong("[g]\nclaim = C1\nmax = 2\n", "leave out the rest");
	expect_wrong("[g]\ncase = touch/lazy\ncount = minor-faults\nmax = 2\n", "counts");
	expect_wrong("[g]\nmin = 1\n", "neither a case nor a claim");
	expect_wrong("[g]\ncase = pack/packed\nagainst = padded\nbaseline = maybe\nmax = 2\n", "yes or no");
	expect_wrong("[g]\ncase = pack/packed\nagainst = padded\nmin = 1\n[h]\nclaim = C1\n[g]\nmin = 2\n", "twice");
	expect_wrong("[g\ncase = pack/packed\n", "line 1");
}

/* What an ini reader would merge, cut or drop without a word. */
Test(analysis, a_file_of_gates_is_read_as_it_looks)
{
#define RATIO "[g]\ncase = pack/packed\nagainst = padded\nmin = 1\n"
	char text[8192] = "";

	expect_wrong(RATIO "  max = 2\n", "line 5 begins with a space");
	expect_wrong(RATIO "\tmax = 2\n", "line 5 begins with a space");
	expect_wrong(RATIO RATIO, "[g] is there twice");
	expect_wrong(RATIO "[g]\nmax = 3\n", "[g] is there twice");
	expect_wrong(RATIO "min = 2\n", "says \"min\" twice");
	expect_wrong(RATIO "case = pack/wide\n", "says \"case\" twice");
	expect_wrong(RATIO "[empty]\n", "[empty] names neither");
	expect_wrong("[]\n" RATIO, "line 1: [NAME OF A GATE]");
	expect_wrong("[g] max = 3\n" RATIO, "line 1: [NAME OF A GATE]");
	expect_wrong(RATIO "; \xff\n", "line 5 holds bytes");
	expect_wrong("[\xc3]\n", "line 1 holds bytes");
	expect_wrong("[a\x01]\n", "line 1 holds bytes");
	expect_wrong("[c]\nclaim = C1\nat = op=add\n", "leave out the rest");
	expect_wrong("[c]\nclaim = C1\nagainst = padded\n", "leave out the rest");
	expect_wrong("[c]\nclaim = C1\nmetric = time\n", "leave out the rest");
	expect_wrong("[c]\nclaim = C1\nslack = 0\n", "leave out the rest");
	expect_wrong(RATIO "slack = 2\n", "belong to count");
	expect_wrong(RATIO "baseline = yes\nmetric = time\n", "leave out metric");
	expect_wrong("[g]\ncase = touch/lazy\ncount = minor-faults\nslack = 2.5\n", "a whole number");
	memset(text, 'x', 300);
	text[0] = ';';
	expect_wrong(text, "longer than this reader takes");
	/* a name is kept whole, a comment may be anywhere, and the last of very many lines counts */
	load("\xef\xbb\xbf[a name of more than forty-nine characters, which inih cuts off]; one\n"
	     "claim = C1 ; two\n  ; three\n\n[a name of more than forty-nine characters, which "
	     "inih cuts away]\r\nclaim = C1\r\n",
	     0);
	cr_expect_eq(gates.count, 2);
	expect_text(gates.gate[1].name, "inih cuts away");
	sm_gates_free(&gates);
	memset(text, '\n', 8000);
	strcpy(text + 8000, RATIO);
	load(text, 0);
	cr_expect_eq(gates.count, 1);
	sm_gates_free(&gates);
}

/* A gate that no case can ever meet is a mistake, and not a gate that is never testable. */
Test(analysis, a_gate_about_nothing_is_refused)
{
#define AT(what)    "[g]\ncase = pack/packed\nagainst = padded\nmin = 1\nat = " what "\n"
#define COUNT(what) "[g]\ncase = touch/lazy\nper_op = 1\ncount = " what "\n"
	expect_wrong(AT("opp=add"), "\"pack\" has no \"opp\"");
	expect_wrong(AT("op=ad"), "\"ad\" is no value of \"op\"");
	expect_wrong(AT("op=add,size=4"), "\"add,size=4\" is no value");
	expect_wrong(AT("size=1k"), "no value of \"size\"");
	expect_wrong(AT("size=65"), "no value of \"size\"");
	expect_wrong(AT("near"), "not NAME=VALUE");
	expect_wrong(AT("placement=nere"), "no value of \"placement\"");
	expect_wrong(AT("cores=two"), "no value of \"cores\"");
	expect_wrong(AT("pages=5k"), "no value of \"pages\"");
	expect_wrong(AT("workers=two"), "no value of \"workers\"");
	expect_wrong(AT("size>=1xPUs"), "no value of \"size\"");
	expect_wrong(AT("op>=add"), "no value of \"op\"");
	expect_wrong(AT("cores>=different"), "no value of \"cores\"");
	expect_wrong("[g]\ncase = pack/packed\nagainst = padded\nmin = 1\nmetric = tiem\n", "no such metric");
	expect_wrong(COUNT("minor-fualts"), "knows this event");
	expect_wrong(COUNT("minor-faults,major-faults"), "knows this event");
	load(AT("op=add size=64  placement=shared-l3 backing=none pages=2m prefault=populate "
		"numa=bind:1 workers=2"),
	     0);
	sm_gates_free(&gates);
	load(AT("size>=2 size<=4xPU workers=1xPU workers<=8"), 0);
	sm_gates_free(&gates);
	load(COUNT("page-faults"), 0);
	sm_gates_free(&gates);
	load(COUNT("loads-from-other-core"), 0);
	sm_gates_free(&gates);
	load(COUNT("none_such_cpu::UOPS"), 0);
	sm_gates_free(&gates);
}

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
	sm_gates_name_again(&gates, rows, &run, "the base's", true);
	expect_text(rows[0].again, "shmeter run 'pack/packed' --profile standard --repeat-blocks 100 "
				   "--backing 'memfd' --pages '2m' --numa 'bind:0' --inject 'pack/packed=5' "
				   "--placement 'same-core' --set 'op=add,store' --set 'size=4' --events "
				   "'minor-faults,cycles' --out again && shmeter check again --thresholds "
				   "'/tmp/shmeter-gates-");
	expect_text(rows[0].again, "' --baseline 'the base'\\''s' --confirm");
	cr_expect(!strstr(rows[1].again, "--baseline"));
	json_object_set_new(json_object_get(run.manifest, "options"), "pus", json_pack("[i, i]", 3, 1));
	judge(NULL);
	expect_text(rows[1].again, " --placement 3,1 --set");
	sm_gates_free(&gates);
}

Test(analysis, more_gates_ask_for_more_blocks)
{
	char text[4096] = "";

	/* 8 blocks: 2^-8 is under 1 % for two gates, and not for three */
	for (unsigned i = 0; i < 3; i++)
		sprintf(text + strlen(text), "[g%u]\ncase = pack/packed\nagainst = padded\nmin = 1.%u\n", i, 5 + i);
	load(text, 0);
	add_pack_point("op=add", 12, 10, 10, 8);
	judge(NULL);
	for (unsigned i = 0; i < 3; i++)
		cr_expect_eq(rows[i].verdict, SM_INCONCLUSIVE, "gate %u", i);
	gates.count = 2;
	judge(NULL);
	for (unsigned i = 0; i < 2; i++)
		cr_expect_eq(rows[i].verdict, SM_REFUTED, "gate %u", i);
	gates.count = 3;
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

static void add_touch(double faults_an_op)
{
	unsigned c = add_case("touch", "lazy", "-", 1);

	for (unsigned b = 0; b < 8; b++) {
		struct sm_sample *sample = add_sample(c, b);
		struct sm_counter_row *counter = sm_results_add_counter(&run);

		sample->ops = OPS;
		add_slice(sample->trial, 0, 10, NAN, NAN);
		*counter = (struct sm_counter_row){ .trial = sample->trial,
						    .event = "minor-faults",
						    .fstr = "-",
						    .raw = (uint64_t)llround(OPS * faults_an_op),
						    .scope = SM_SCOPE_USER,
						    .state = SM_COUNTED };
	}
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

static void end_badly(size_t first, size_t count, enum sm_status status)
{
	for (size_t i = first; i < first + count; i++) {
		run.samples[i].ended = status;
		run.samples[i].reason = "so it was";
	}
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

static const char baseline_gate[] =
	"[b]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmax = 1.03\n[t]\ncase = "
	"pack/packed\nbaseline = yes\nmax = 1.03\n";

static struct sm_results fresh(double packed, double padded, const char *fingerprint)
{
	struct sm_results before;

	add_pack_point("op=add", packed, padded, 10, 16);
	json_object_set_new(run.manifest, "identity", json_pack("{s:s}", "type", fingerprint));
	before = run;
	set_up();
	return before;
}

/* Both runs on a clock that is 5 % slower in one of them: the ratio does not mind, the time does. */
Test(analysis, a_baseline_is_met_or_not)
{
	struct sm_results before = fresh(20, 10, "a");

	load(baseline_gate, 0);
	add_pack_point("op=add", 21, 10.5, 10, 16);
	json_object_set_new(run.manifest, "identity", json_pack("{s:s}", "type", "a"));
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_SUPPORTED, "%s %s", rows[0].evidence, rows[0].reason);
	cr_expect_eq(rows[1].verdict, SM_REFUTED, "%s %s", rows[1].evidence, rows[1].reason);
	cr_expect_float_eq(rows[1].ratio.estimate, 1.05, 0.005);
	expect_text(rows[1].evidence, "16 blocks against 16");

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

/* What is held against a baseline is measured longer; a confirmation takes what failed alone. */
Test(analysis, a_file_of_gates_makes_a_plan)
{
	struct sm_plan_options plan = { 0 };
	bool only[] = { true, false };

	load("[r]\ncase = pack/packed\nagainst = padded\nmin = 1.2\n"
	     "[b]\ncase = pack/wide\nbaseline = yes\nmax = 1.03\n",
	     0);
	cr_assert_eq(sm_gates_plan(&gates, NULL, &plan, &err), 0, "%s", err.text);
	cr_assert_eq(plan.pattern_count, 3);
	cr_expect_str_eq(plan.patterns[0], "pack/packed");
	cr_expect_str_eq(plan.patterns[1], "pack/padded");
	cr_expect_str_eq(plan.patterns[2], "pack/wide");
	cr_assert_eq(plan.longer_count, 1);
	cr_expect_str_eq(plan.longer[0], "pack/wide");
	cr_expect_eq(plan.longer_blocks, SM_BASELINE_BLOCKS);
	free((void *)plan.patterns);
	free((void *)plan.longer);
	cr_assert_eq(sm_gates_plan(&gates, only, &plan, &err), 0, "%s", err.text);
	cr_expect_eq(plan.pattern_count, 2);
	cr_expect_eq(plan.longer_count, 0);
	free((void *)plan.patterns);
	free((void *)plan.longer);
	sm_gates_free(&gates);
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
	json_object_set_new(run.manifest, "identity", json_pack("{s:s}", "type", "a"));
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
	json_object_set_new(run.manifest, "identity", json_pack("{s:s}", "type", "b"));
	judge(&before);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "another machine");
	judge(NULL);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "no baseline");
	sm_gates_free(&gates);
	sm_results_free(&before);
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
		    "is proof, though fresh trials did not repeat it: NOT TESTABLE, not counted; "
		    "not permitted");
	cr_expect_eq(first[1].verdict, SM_REFUTED);
	cr_expect_eq(first[2].verdict, SM_INCONCLUSIVE, "a claim that something comes about");
}

static void add_lost(const char *variant, double lost)
{
	unsigned c = add_case("touch", variant, "-", 1);

	for (unsigned b = 0; b < 8; b++) {
		struct sm_metric_row *metric = sm_results_add_metric(&run);

		*metric = (struct sm_metric_row){ add_sample(c, b)->trial, "lost", "1", b == 3 ? lost : 0 };
	}
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

Test(analysis, a_comparison_of_runs_tells_slower_from_noise)
{
	struct sm_results before = fresh(20, 10, "a");
	struct sm_comparison_of_runs comparison;

	add_pack_point("op=add", 22, 10, 10, 16);
	json_object_set_new(run.manifest, "identity", json_pack("{s:s}", "type", "a"));
	struct sm_digest *old = NULL, *new = NULL;

	cr_assert_eq(sm_digest_make(&old, &before, known, 3, &err), 0);
	cr_assert_eq(sm_digest_make(&new, &run, known, 3, &err), 0);
	cr_assert_eq(sm_compare_runs(&comparison, old, new, &err), 0, "%s", err.text);
	sm_digest_free(old);
	sm_digest_free(new);
	cr_expect_eq(comparison.count, 3);
	cr_expect_eq(comparison.slower, 1);
	cr_expect_eq(comparison.faster, 0);
	cr_expect(comparison.same_machine);
	cr_expect_float_eq(comparison.row[0].ratio.estimate, 1.1, 0.01);
	cr_expect_str_eq(comparison.row[0].says, "slower");
	cr_expect(comparison.overall_mde >= 1);
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
	json_object_set_new(run.manifest, "identity", json_pack("{s:s}", "type", "a"));
	json_object_set_new(run.manifest, "noise_floor", json_pack("{s:f, s:f}", "time", 1.2, "ratio", 1.01));
	compare_with(&before, 0, "within the noise");
	json_object_del(run.manifest, "noise_floor");
	compare_with(&before, 1, "slower");
	json_object_set_new(run.manifest, "identity", json_pack("{s:s}", "type", "b"));
	compare_with(&before, 1, "longer there");
	add_control(1.1);
	compare_with(&before, 0, "not trusted");
	sm_results_free(&before);
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

static char *written(void (*write)(const struct sm_gate_report *, FILE *), const struct sm_gate_report *report)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	write(report, out);
	fclose(out);
	return text;
}

/* A run's files may hold any bytes, and a long sentence is cut anywhere. */
Test(analysis, words_that_are_no_text_lose_no_gate)
{
	struct sm_gate gate = { .name = "\xff", .scenario = "pack\xc3" };
	struct sm_gate_row row = {
		.gate = &gate, .verdict = SM_REFUTED, .evidence = "\xc3", .reason = "\xef\xbf\xbf", .again = "\x80"
	};
	struct sm_gates one = { .path = "\xfe.ini", .gate = &gate, .count = 1 };
	struct sm_gate_report report = { .gates = &one, .rows = &row, .run = &run };
	char path[] = "/tmp/shmeter-junit-XXXXXX", text[2048];
	json_t *json = sm_gates_json(&report);
	size_t length;
	FILE *file;

	cr_assert(json != NULL);
	cr_expect_eq(json_array_size(json_object_get(json, "gates")), 1);
	json_decref(json);
	close(mkstemp(path));
	cr_assert_eq(sm_gates_write_junit(&report, path, &err), 0);
	file = fopen(path, "r");
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
	unlink(path);
	json = json_string(text);
	cr_expect(json != NULL, "the JUnit file is no UTF-8: %s", text);
	json_decref(json);
}

/* Names and reasons come from files: they may hold anything. */
Test(analysis, writers_escape_and_stay_in_their_limits)
{
	static struct sm_gate gate[40];
	static struct sm_gate_row many[40];
	struct sm_gates forty = { .path = "t.ini", .gate = gate, .count = 40 };
	struct sm_gate_report report = { .gates = &forty, .rows = many, .run = &run };
	char *text, *line, path[] = "/tmp/shmeter-junit-XXXXXX";
	unsigned errors = 0;

	for (unsigned i = 0; i < 40; i++) {
		gate[i] = (struct sm_gate){ .name = "a<b>&\"|\n%", .scenario = "pack" };
		many[i] = (struct sm_gate_row){ .gate = &gate[i],
						.verdict = SM_REFUTED,
						.evidence = "x < y | z\n50% \x01",
						.reason = "-",
						.again = "shmeter run" };
	}
	text = written(sm_gates_annotate, &report);
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		errors++;
		cr_expect_eq(strncmp(line, "::error title=shmeter FAIL ", 27), 0, "%s", line);
		expect_text(line, "50%25");
	}
	cr_expect_eq(errors, 10, "the service shows ten");
	free(text);
	close(mkstemp(path));
	cr_assert_eq(sm_gates_write_junit(&report, path, &err), 0);
	cr_assert_eq(sm_gates_append_summary(&report, path, &err), 0);
	unlink(path);
	for (unsigned i = 0; i < 40; i++)
		cr_expect_str_eq(sm_gate_word(many[i].verdict), "FAIL");
}
