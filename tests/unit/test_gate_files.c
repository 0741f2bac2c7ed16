/* What the gate reads and writes: files of thresholds, and the reports for people and services. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate_fixture.h"
#include "shmeter/floor.h"

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

/* What is held against a baseline is measured longer; a confirmation takes what failed alone. */
Test(analysis, a_file_of_gates_makes_a_plan)
{
	struct sm_plan_options plan = { 0 };
	bool only[] = { true, false };

	load("[r]\ncase = pack/packed\nagainst = padded\nmin = 1.2\n"
	     "[b]\ncase = pack/wide\nat = processes=2 cores=different\nbaseline = yes\nmax = 1.03\n",
	     0);
	cr_assert_eq(sm_gates_plan(&gates, NULL, &plan, &err), 0, "%s", err.text);
	cr_assert_eq(plan.pattern_count, 3);
	cr_expect_str_eq(plan.patterns[0], "pack/packed");
	cr_expect_str_eq(plan.patterns[1], "pack/padded");
	cr_expect_str_eq(plan.patterns[2], "pack/wide processes=2 cores=different");
	cr_assert_eq(plan.longer_count, 1);
	cr_expect_str_eq(plan.longer[0], "pack/wide processes=2 cores=different");
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

static void expect_floor(const char *type, const char *host, double time, const char *of)
{
	struct sm_identity machine = { .type = "" };
	json_t *found;

	snprintf(machine.type, sizeof(machine.type), "%s", type);
	snprintf(machine.host, sizeof(machine.host), "%s", host);
	found = sm_floor_load(&machine);
	cr_assert_eq(found != NULL, time > 0);
	if (!found)
		return;
	cr_expect_float_eq(json_number_value(json_object_get(found, "time")), time, 1e-9);
	cr_expect_str_eq(json_string_value(json_object_get(found, "of")), of);
	json_decref(found);
}

/* The host's own floor counts; a host without one has the latest of its type. */
Test(analysis, a_noise_floor_is_of_the_host_or_else_of_its_type)
{
	char folder[] = "/tmp/shmeter-floor-XXXXXX", path[64];
	const struct sm_identity one = { "t", "h1" }, other = { "t", "h2" };
	FILE *file;

	cr_assert(mkdtemp(folder));
	setenv("SHMETER_STATE_DIR", folder, 1);
	expect_floor("t", "h1", 0, "");
	cr_assert_eq(sm_floor_save(&one, &(struct sm_floor){ 1.25, 1.5, NULL }, &err), 0, "%s", err.text);
	cr_assert_eq(sm_floor_save(&other, &(struct sm_floor){ 1.75, 1.5, NULL }, &err), 0, "%s", err.text);
	expect_floor("t", "h1", 1.25, "host");
	expect_floor("t", "h2", 1.75, "host");
	expect_floor("t", "h3", 1.75, "type");
	expect_floor("u", "h1", 0, "");
	/* as an earlier version stored it */
	snprintf(path, sizeof(path), "%s/noise.json", folder);
	file = fopen(path, "w");
	cr_assert(file && fputs("{\"t\": {\"time\": 1.125, \"ratio\": 1.5, \"measured_utc\": \"-\"}}", file) > 0);
	fclose(file);
	expect_floor("t", "h1", 1.125, "type");
	unlink(path);
	rmdir(folder);
}

/* What the baseline is of is told to people and to programs. */
Test(analysis, a_report_says_what_the_baseline_is_of)
{
	static const struct {
		const char *host;
		bool same_type;
		const char *words, *word;
	} cases[] = {
		{ "h1", false, "The baseline is of the same host.", "of the same host" },
		{ "h2", false, "of another host of the same type: only ratios are compared with it",
		  "of another host of the same type" },
		{ "h2", true, "of another host of the same type, which --same-type accepts",
		  "of another host of the same type" },
	};
	struct sm_baselines baselines = { .count = 1 };
	struct sm_results before;

	add_pack_point("op=add", 20, 10, 10, 16);
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s}", "type", "a", "host", "h1"));
	before = run;
	set_up();
	cr_assert_eq(sm_digest_make(&baselines.run[0], &before, known, 3, &err), 0, "%s", err.text);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sm_gates none = { .path = "-", .same_type = cases[i].same_type };
		struct sm_gate_report report = { .gates = &none, .run = &run, .baselines = &baselines };
		char *text;
		json_t *json;

		json_object_set_new(run.manifest, "identity",
				    json_pack("{s:s, s:s}", "type", "a", "host", cases[i].host));
		text = written(sm_gates_print, &report);
		expect_text(text, cases[i].words);
		free(text);
		json = sm_gates_json(&report);
		cr_expect_str_eq(json_string_value(json_object_get(json, "baseline_is")), cases[i].word);
		json_decref(json);
	}
	/* of several, each is counted where it belongs */
	cr_assert_eq(sm_digest_make(&baselines.run[baselines.count++], &run, known, 3, &err), 0, "%s", err.text);
	struct sm_gates none = { .path = "-" };
	char *mixed =
		written(sm_gates_print,
			&(struct sm_gate_report){ .gates = &none, .run = &run, .baselines = &baselines, .width = 200 });

	expect_text(mixed,
		    "Of 2 baselines 1 is of this host; the least alike is of another host of the same type: only");
	free(mixed);
	sm_baselines_free(&baselines);
	sm_results_free(&before);
}
