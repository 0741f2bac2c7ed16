/* Exports of a made-up run: hostile names come out as the grammar of each format wants them, only trials that
 * are ok and of the case's class enter, and nothing is NaN. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/export.h"
#include "shmeter/store.h"

/* Quotes, comma, backslash, line feed, tab, two alphabets, a space that only Unicode knows, a per cent sign, a byte
 * that is no UTF-8, and an end that looks like Go's number of processors. */
#define HOSTILE      "s/v?a=\"q\",b\\c\nd\te=\xc3\xa9\xe6\xbc\xa2\xe2\x80\x83%41\xff@near-8"
#define HOSTILE_UTF8 "s/v?a=\"q\",b\\c\nd\te=\xc3\xa9\xe6\xbc\xa2\xe2\x80\x83%41\\xff@near-8"
#define HOSTILE_LINE "s/v?a=\\\"q\\\",b\\\\c\\nd\te=\xc3\xa9\xe6\xbc\xa2\xe2\x80\x83%41\\\\xff@near-8"
#define HOSTILE_CSV  "\"s/v?a=\"\"q\"\",b\\c\nd\te=\xc3\xa9\xe6\xbc\xa2\xe2\x80\x83%41?@near-8\""
#define HOSTILE_GO   "BenchmarkShmeter/s/v?a=\"q\",b\\c%0Ad%09e=\xc3\xa9\xe6\xbc\xa2%E2%80%83%2541%FF@near%2D8\t"

#define TRIALS 8

static struct sm_results run;
static char folder[64];
static char *text;
static const struct sm_results *like; /* the run whose names of classes are used */

static void add_slices(unsigned trial, double ns_per_op, const char *klass)
{
	for (unsigned i = 0; i < 3; i++) {
		struct sm_slice_row *slice = sm_results_add_slice(&run);

		*slice = (struct sm_slice_row){ .trial = trial,
						.slice = i,
						.ops = 1000,
						.ns = (uint64_t)(ns_per_op * 1000),
						.probe_before_ns = NAN,
						.probe_after_ns = NAN,
						.klass = klass };
	}
}

static void add_trial(unsigned trial, double ns_per_op, const char *klass, enum sm_status status)
{
	struct sm_sample *sample = sm_results_add_sample(&run);

	*sample = (struct sm_sample){
		.trial = trial,
		.block = trial,
		.pus = "0 1",
		.pages_got = "none",
		.nodes = "0 0",
		.slices = 3,
		.ops = 3000,
		.cpu_ns = (uint64_t)(6000 * ns_per_op),
		.reason = "-",
		.ended = status < SM_STATUS_MEASURED ? status : SM_OK,
		.found = { .klass = klass, .slices_pure = 3, .value = ns_per_op, .reason = "-", .status = status }
	};
	add_slices(trial, ns_per_op, klass);
}

static void add_rows(unsigned trial)
{
	*sm_results_add_counter(&run) = (struct sm_counter_row){ .trial = trial,
								 .event = "minor \"faults\"\n",
								 .fstr = "f",
								 .value = 6000,
								 .per_op = 1,
								 .scope = SM_SCOPE_USER,
								 .state = SM_COUNTED };
	*sm_results_add_counter(&run) = (struct sm_counter_row){ .trial = trial,
								 .event = "cycles",
								 .fstr = "f",
								 .value = NAN,
								 .per_op = NAN,
								 .scope = SM_SCOPE_USER,
								 .state = SM_NOT_SUPPORTED };
	*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "updates lost", "%", trial + 0.5 };
	*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "never", "ns", NAN };
}

/* A metric's row in summary.csv, whose figure no other rule would give. */
static void add_metric(const char *metric, const char *unit, struct sm_interval value)
{
	struct sm_case_row *c = sm_results_add_case(&run);

	*c = run.cases[0];
	c->of = run.cases[0].id;
	c->id = c->group = metric;
	c->metric = metric;
	c->unit = unit;
	c->derived = true;
	*sm_results_add_summary(&run) =
		(struct sm_summary_row){ .case_index = (unsigned)run.case_count - 1, .klass = "any", .value = value };
}

/* Eight trials of 10 to 17 ns in class 90ns, one of them in another, and one of each other status. */
static void set_up(void)
{
	struct sm_case_row *c;

	sm_results_init(&run);
	snprintf(folder, sizeof(folder), "/tmp/shmeter-export-XXXXXX");
	cr_assert(mkdtemp(folder));
	run.folder = strdup(folder);
	run.manifest = json_pack("{s:s, s:s, s:{s:s}, s:{s:s, s:i}}", "profile", "quick", "started_utc",
				 "2026-11-23T19:19:39Z", "identity", "type", "0123456789abcdef", "environment",
				 "cpu_model", "a \"CPU\"\nof two lines", "pus", 2);
	c = sm_results_add_case(&run);
	*c = (struct sm_case_row){ .id = HOSTILE,
				   .group = "g",
				   .scenario = "s",
				   .variant = "v\\",
				   .params = "message=64 op=\"x\"",
				   .placement = SM_PLACE_NEAR,
				   .relation = SM_PLACE_SMT,
				   .backing = "none",
				   .pages = "none",
				   .prefault = "none",
				   .numa = "none",
				   .unit = "ns/op",
				   .metric = "time per \"op\"",
				   .workers = 2 };
	for (unsigned i = 0; i < TRIALS; i++) {
		add_trial(i, 10 + i, "90ns", SM_OK);
		add_rows(i);
	}
	add_trial(TRIALS, 400, "410ns", SM_OK);
	for (int s = SM_SKIPPED; s < SM_STATUS_COUNT; s++) {
		add_trial((unsigned)(TRIALS + s), 9999, "90ns", (enum sm_status)s);
		add_rows((unsigned)(TRIALS + s));
	}
	*sm_results_add_summary(&run) = (struct sm_summary_row){ .klass = "90ns", .reason = "-" };
	add_metric("updates lost", "%", (struct sm_interval){ 4.25, 0.75, 8.25, 0.992, 8 });
	add_metric("never", "ns", (struct sm_interval){ NAN, NAN, NAN, 0, 0 });
}

static void tear_down(void)
{
	char command[128];

	sm_results_free(&run);
	free(text);
	text = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}

TestSuite(export, .init = set_up, .fini = tear_down);

static int try_export(const char *format, struct sm_export_tally *tally, struct sm_error *err)
{
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	int rc = sm_export(&run, format, like, memory, tally, err);

	fclose(memory);
	return rc;
}

static void export(const char *format)
{
	struct sm_export_tally tally;
	struct sm_error err = { 0 };

	cr_assert_eq(try_export(format, &tally, &err), 0, "%s: %s", format, err.text);
	cr_expect(strcasestr(text, "nan") == NULL, "NaN in %s", format);
	cr_expect(strcasestr(text, " inf\n") == NULL && strcasestr(text, ": inf") == NULL, "infinity in %s", format);
	cr_expect(strstr(text, "9999") == NULL, "a trial that is not ok is in %s", format);
	cr_expect_str_eq(
		tally.left_out,
		strcmp(format, "csv") == 0
			? "1 skipped, 1 verify_failed, 1 worker_died, 1 timed_out, 1 disturbed, 1 unsettled, 1 saturated"
			: "1 skipped, 1 verify_failed, 1 worker_died, 1 timed_out, 1 disturbed, 1 unsettled, 1 saturated, "
			  "1 ok in another pair class");
}

static json_t *export_json(const char *format)
{
	json_error_t why;
	json_t *document;

	export(format);
	document = json_loads(text, JSON_REJECT_DUPLICATES, &why);
	cr_assert(document, "%s:%d: %s", format, why.line, why.text);
	return document;
}

static double number(const json_t *object, const char *key)
{
	cr_assert(json_is_number(json_object_get(object, key)), "no %s", key);
	return json_number_value(json_object_get(object, key));
}

static const char *string(const json_t *object, const char *key)
{
	cr_assert(json_is_string(json_object_get(object, key)), "no %s", key);
	return json_string_value(json_object_get(object, key));
}

Test(export, gbench)
{
	static const struct {
		const char *suffix;
		double real, cpu;
	} aggregate[] = { { "_mean", 13.5, 27 },
			  { "_median", 13.5, 27 },
			  { "_stddev", 2.44948974, 4.89897949 },
			  { "_low", 10, 20 },
			  { "_high", 17, 34 } };
	json_t *document = export_json("gbench-json");
	json_t *list = json_object_get(document, "benchmarks");

	cr_assert_eq(json_array_size(list), TRIALS + 5);
	for (size_t i = 0; i < TRIALS; i++) {
		json_t *one = json_array_get(list, i);

		cr_expect_str_eq(string(one, "name"), HOSTILE_UTF8);
		cr_expect_eq(number(one, "real_time"), 10.0 + (double)i);
		cr_expect_eq(number(one, "minor \"faults\"\n"), 1);
		cr_expect_null(json_object_get(one, "cycles"));
	}
	for (size_t i = 0; i < 5; i++) {
		json_t *one = json_array_get(list, TRIALS + i);
		const char *name = string(one, "name");

		cr_expect_str_eq(string(one, "run_name"), HOSTILE_UTF8);
		cr_expect_str_eq(name + strlen(HOSTILE_UTF8), aggregate[i].suffix);
		cr_expect_float_eq(number(one, "real_time"), aggregate[i].real, 1e-8);
		cr_expect_float_eq(number(one, "cpu_time"), aggregate[i].cpu, 1e-8);
	}
	json_decref(document);
}

Test(export, hyperfine)
{
	json_t *document = export_json("hyperfine-json");
	json_t *one = json_array_get(json_object_get(document, "results"), 0);

	cr_expect_str_eq(string(one, "command"), HOSTILE_UTF8);
	cr_expect_float_eq(number(one, "median"), 13.5e-9, 1e-18);
	cr_expect_float_eq(number(one, "user"), 27e-9, 1e-18);
	cr_expect_eq(json_array_size(json_object_get(one, "times")), TRIALS);
	cr_expect_str_eq(string(json_object_get(one, "parameters"), "op"), "\"x\"");
	json_decref(document);
}

Test(export, trackers)
{
	json_t *document = export_json("bencher-bmf");
	json_t *one = json_object_get(document, HOSTILE_UTF8), *latency;

	cr_assert(one);
	latency = json_object_get(one, "latency");
	cr_expect_eq(number(latency, "value"), 13.5);
	cr_expect_eq(number(latency, "lower_value"), 10);
	cr_expect_eq(number(latency, "upper_value"), 17);
	/* A metric has its own row in summary.csv, which says which trials count. */
	cr_expect_eq(number(json_object_get(one, "updates lost (%)"), "value"), 4.25);
	cr_expect_eq(number(json_object_get(one, "updates lost (%)"), "lower_value"), 0.75);
	cr_expect_eq(number(json_object_get(one, "updates lost (%)"), "upper_value"), 8.25);
	cr_expect_null(json_object_get(one, "never (ns)"));
	json_decref(document);
	free(text);
	document = export_json("github-action-json");
	one = json_array_get(document, 0);
	cr_expect_eq(json_array_size(document), 1);
	cr_expect_str_eq(string(one, "name"), HOSTILE_UTF8);
	cr_expect_str_eq(string(one, "unit"), "ns/op");
	cr_expect_str_eq(string(one, "range"), "10 to 17");
	cr_expect_eq(number(one, "value"), 13.5);
	cr_expect(strstr(string(one, "extra"), "left out: 8"));
	json_decref(document);
}

Test(export, go_bench)
{
	unsigned lines = 0;

	export("go-bench");
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;) {
		if (strncmp(line, "Benchmark", 9) != 0) {
			cr_expect(line[0] == '#' || (islower((unsigned char)line[0]) && strchr(line, ':')), "%s", line);
			continue;
		}
		cr_expect(strncmp(line, HOSTILE_GO, strlen(HOSTILE_GO)) == 0, "%s", line);
		cr_expect(strstr(line, "\t3000\t1") && strstr(line, " ns/op\t") && strstr(line, " cpu-ns/op\t") &&
				  strstr(line, ".5 updates_lost-%\t") && strstr(line, "\t1 minor_\"faults\"%0A/op"),
			  "%s", line);
		lines++;
	}
	cr_expect_eq(lines, TRIALS);
}

/* benchstat compares nothing whose keys differ; a key holds for the lines below it, so every case sets all. */
Test(export, go_bench_keys)
{
	static const char head[] = "pkg: shmeter\ncpu: a \\\"CPU\\\"\\nof two lines\nmachine-type: 0123456789abcdef\n";

	export("go-bench");
	cr_expect_eq(strncmp(text, head, strlen(head)), 0, "%s", text);
	cr_expect(strstr(text, "\nclass: 90ns\nplacement: near\nrelation: smt\nmemory:\nfile-system:\nBenchmark"));
	free(text);
	run.cases[0].backing = "file";
	run.cases[0].pages = "4k";
	run.cases[0].prefault = "lazy";
	run.cases[0].numa = "first-touch";
	run.cases[0].file_system = "ext4";
	export("go-bench");
	cr_expect(strstr(text, "\nmemory: file,4k,lazy,first-touch\nfile-system: ext4\nBenchmark"));
}

/* Each run names its classes anew: with another run at hand, the same class has its name there. */
Test(export, go_bench_names_of_classes)
{
	static const char *const klass[] = { "solo", "30ns", "75ns", "93ns", "117ns" };
	struct sm_results other;

	sm_results_init(&other);
	for (size_t i = 0; i < sizeof(klass) / sizeof(klass[0]); i++)
		*sm_results_add_summary(&other) = (struct sm_summary_row){ .klass = klass[i] };
	like = &other;
	export("go-bench");
	cr_expect(strstr(text, "\nclass: 93ns\n"), "the nearest one");
	free(text);
	other.summary_count = 2;
	export("go-bench");
	cr_expect(strstr(text, "\nclass: 90ns\n"), "none is the same");
	sm_results_free(&other);
}

Test(export, openmetrics)
{
	char *end;

	export("openmetrics");
	cr_expect(strstr(text, "\nshmeter_time_seconds{case=\"" HOSTILE_LINE "\"} 1.35e-08\n"));
	cr_expect(strstr(text, ",variant=\"v\\\\\","));
	cr_expect(strstr(text, "cpu=\"a \\\"CPU\\\"\\nof two lines\""));
	cr_expect(strstr(text, "status=\"timed_out\"} 1\n"));
	end = strstr(text, "# EOF\n");
	cr_expect(end && end[6] == '\0');
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;)
		cr_expect(line[0] == '#' || strncmp(line, "shmeter_", 8) == 0, "%s", line);
}

Test(export, csv)
{
	size_t rows = 0;

	export("csv");
	for (const char *at = text; (at = strstr(at, HOSTILE_CSV)); at++)
		rows++;
	/* Ten of each sample, and its two counters and two metrics; the trial of the other class has none. */
	cr_expect_eq(rows, TRIALS * 14 + 10);
	cr_expect(strstr(text, ",\"minor \"\"faults\"\"\n\",1,1/op,counted\n"));
	cr_expect(strstr(text, ",cycles,,1/op,not_supported\n"), "an unknown number is empty");
	cr_expect(strstr(text, ",410ns,"), "every class is there, with its name");
	cr_expect_null(strstr(text, ",\n"), "an empty last column");
}

static struct sm_histogram histogram;

static void write_histogram(void)
{
	struct sm_error err = { 0 };
	char path[128], name[256];

	snprintf(path, sizeof(path), "%s/histograms", folder);
	cr_assert_eq(mkdir(path, 0777), 0);
	for (uint64_t i = 1; i <= 100; i++)
		sm_histogram_add(&histogram, 100 * i);
	sm_store_histogram_name(HOSTILE, name, sizeof(name));
	cr_assert_eq(sm_store_write_histogram(folder, name, &histogram, &err), 0, "%s", err.text);
}

Test(export, distributions)
{
	const char *sum;

	write_histogram();
	export("hdr-text");
	cr_expect(strstr(text, "\n# case: " HOSTILE_LINE "\n# unit: ns, one operation\n"));
	cr_expect(strstr(text, "\n#[Max     =    10000.000, Total count    =          100]\n"));
	free(text);
	export("openmetrics");
	for (unsigned i = 0; i < 2; i++) {
		char sample[512];

		snprintf(sample, sizeof(sample), "%s\",quantile=\"%s\"} %.9g\n", HOSTILE_LINE, i ? "0.9" : "0.5",
			 (double)sm_histogram_quantile(&histogram, i ? 0.9 : 0.5) * 1e-9);
		cr_expect(strstr(text, sample), "no %s", sample);
	}
	cr_expect_null(strstr(text, ",quantile=\"0.99\"}"), "one value above is no quantile");
	cr_expect(strstr(text, "\nshmeter_latency_seconds_count{case=\"" HOSTILE_LINE "\"} 100\n"));
	sum = strstr(text, "\nshmeter_latency_seconds_sum{case=\"" HOSTILE_LINE "\"} ");
	cr_assert(sum);
	cr_expect_float_eq(strtod(strchr(sum, '}') + 1, NULL), 100 * 5050e-9, 0.02 * 100 * 5050e-9);
}

/* The format of node_exporter's files: no OpenMetrics types, units or end, and no timestamps. */
Test(export, prometheus)
{
	export("prometheus");
	cr_expect(strstr(text, "# TYPE shmeter_time_seconds gauge\nshmeter_time_seconds{case=\"" HOSTILE_LINE
			       "\"} 1.35e-08\n"));
	cr_expect(strstr(text, "# TYPE shmeter_run_info gauge\nshmeter_run_info{"));
	cr_expect(strstr(text, "# TYPE shmeter_case_info gauge\nshmeter_case_info{"));
	cr_expect(
		strstr(text, "\nshmeter_metric{case=\"" HOSTILE_LINE "\",metric=\"updates lost\",unit=\"%\"} 4.25\n"));
	cr_expect(!strstr(text, "# EOF") && !strstr(text, "# UNIT") && !strstr(text, " info\n"));
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;)
		cr_expect(strncmp(line, "# HELP shmeter_", 15) == 0 || strncmp(line, "# TYPE shmeter_", 15) == 0 ||
				  (strncmp(line, "shmeter_", 8) == 0 && strrchr(line, '}') &&
				   !strchr(strrchr(line, '}') + 2, ' ')),
			  "%s", line);
}

Test(export, backfill)
{
	static const char time[] = " 1795461579";
	struct sm_error err = { 0 };
	size_t size;

	export("openmetrics-backfill");
	size = strlen(text);
	cr_expect(size > 6 && strcmp(text + size - 6, "# EOF\n") == 0);
	for (char *rest = text, *line; (line = strsep(&rest, "\n")) && *line;)
		cr_expect(line[0] == '#' || strcmp(line + strlen(line) - strlen(time), time) == 0, "%s", line);
	free(text);
	json_object_set_new(run.manifest, "started_utc", json_string("2026-11-23T19:19:39Z or so"));
	cr_expect_eq(try_export("openmetrics-backfill", NULL, &err), -ENODATA);
	cr_expect(strstr(err.text, "does not say when the run started"), "%s", err.text);
}

static off_t line_before(const char *path)
{
	off_t at = 0, end = 0;
	FILE *file = fopen(path, "r");

	for (int c; (c = fgetc(file)) != EOF;) {
		at++;
		if (c == '\n')
			end = at;
	}
	fclose(file);
	return end;
}

Test(export, damaged_distribution)
{
	struct sm_error err = { 0 };
	char path[512], name[256];

	write_histogram();
	sm_store_histogram_name(HOSTILE, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/histograms/%s.hgrm", folder, name);
	/* Cut within a line, then at the end of the line before. */
	for (off_t size = 400; size >= 0; size = size == 400 ? line_before(path) : -1) {
		cr_assert_eq(truncate(path, size), 0);
		cr_expect_eq(try_export("hdr-text", NULL, &err), -EBADMSG, "%d bytes", (int)size);
		cr_expect(strstr(err.text, "hgrm:"), "%s", err.text);
		free(text);
		text = NULL;
	}
}

Test(export, refusals)
{
	struct sm_error err = { 0 };

	cr_expect_eq(try_export("xml", NULL, &err), -EINVAL);
	cr_expect(strstr(err.text, SM_EXPORT_NAMES));
	free(text);
	cr_expect_eq(try_export("hdr-text", NULL, &err), -ENODATA, "no histograms at all");
	free(text);
	run.cases[0].unit = "s";
	cr_expect_eq(try_export("csv", NULL, &err), -EBADMSG);
	free(text);
	run.cases[0].unit = "ns/op";
	for (size_t i = 0; i < run.sample_count; i++)
		run.samples[i].found.status = SM_SKIPPED;
	cr_expect_eq(try_export("csv", NULL, &err), -ENODEV, "all skipped");
	free(text);
	run.samples[0].found.status = SM_VERIFY_FAILED;
	cr_expect_eq(try_export("csv", NULL, &err), -ENODATA, "nothing is ok");
}

/* Few trials have neither an interval nor a deviation; a field that JSON cannot hold is not there. */
Test(export, one_trial)
{
	json_t *document, *one;

	for (size_t i = 1; i < TRIALS; i++)
		run.samples[i].found.status = SM_SKIPPED;
	run.samples[0].ops = 0;
	cr_assert_eq(try_export("bencher-bmf", NULL, NULL), 0);
	document = json_loads(text, 0, NULL);
	one = json_object_get(json_object_get(document, HOSTILE_UTF8), "latency");
	cr_expect_eq(json_object_size(one), 1);
	cr_expect_eq(number(one, "value"), 10);
	json_decref(document);
	free(text);
	cr_assert_eq(try_export("github-action-json", NULL, NULL), 0);
	cr_expect(strstr(text, ", no range: too few trials; ") && !strstr(text, "interval"), "%s", text);
	free(text);
	cr_assert_eq(try_export("hyperfine-json", NULL, NULL), 0);
	document = json_loads(text, 0, NULL);
	one = json_array_get(json_object_get(document, "results"), 0);
	cr_expect(json_is_null(json_object_get(one, "stddev")));
	cr_expect(json_is_null(json_object_get(one, "user")));
	json_decref(document);
	free(text);
	cr_assert_eq(try_export("gbench-json", NULL, NULL), 0);
	cr_expect(strstr(text, "_median\"") && !strstr(text, "_stddev\"") && !strstr(text, "_low\""));
	cr_expect(!strstr(text, "cpu_time"));
}

Test(export, names)
{
	size_t count, used = 0;
	const struct sm_export_format *formats = sm_export_formats(&count);
	char names[256] = "";

	for (size_t i = 0; i < count; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? " " : "", formats[i].name);
	cr_expect_str_eq(names, SM_EXPORT_NAMES);
}
