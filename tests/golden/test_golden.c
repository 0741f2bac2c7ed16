/* The files and the words of a made-up run, compared letter by letter with what they should be.
 * After a wanted change: GOLDEN_UPDATE=1 test_golden rewrites tests/golden/data; read the difference. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/report.h"
#include "shmeter/store.h"

static char folder[64];

static json_t *manifest(void)
{
	return json_pack("{s:i, s:s, s:s, s:s, s:f, s:f, s:s, s:{s:s, s:i, s:i, s:s, s:b},"
			 " s:{s:f, s:{s:s}, s:{s:f, s:f, s:f}}}",
			 "schema_version", SM_SCHEMA_VERSION, "status", "complete", "profile",
			 "quick", "seed", "42", "wall_s", 12.0, "timed_share", 0.85,
			 "counters_note", "Not counted: cycles; no PMU is visible here.",
			 "environment", "cpu_model", "Made-up CPU", "pus", 2, "nodes", 1, "kernel",
			 "6.1.0", "virtual_machine", 1, "analysis", "steal_percent", 0.25,
			 "cores_moved", "sentence", "The cores did not move.", "aa", "ratio", 1.001,
			 "low", 0.99, "high", 1.01);
}

static void add_case(struct sm_results *r, const char *variant, double value, enum sm_status status)
{
	struct sm_case_row *c = sm_results_add_case(r);
	unsigned index = (unsigned)r->case_count - 1;
	struct sm_sample *s;
	struct sm_summary_row *summary;
	struct sm_slice_row *slice;
	struct sm_counter_row *counter;

	*c = (struct sm_case_row){
		.id = sm_results_string(r, "pack/%s?op=add@near+anon", variant),
		.group = "pack?op=add@near+anon",
		.scenario = "pack",
		.variant = variant,
		.params = "op=add",
		.placement = "near",
		.relation = "shared-l3",
		.backing = "anon",
		.pages = "4k",
		.prefault = "madvise",
		.numa = "first-touch",
		.unit = "ns/op",
		.metric = "time per addition",
		.transfers_per_op = 2,
		.bytes_per_op = 64,
		.workers = 2,
	};
	s = sm_results_add_sample(r);
	*s = (struct sm_sample){
		.trial = index,
		.case_index = index,
		.pus = "0 1",
		.pages_got = "4k",
		.klass = "85ns",
		.slices = 20,
		.slices_pure = 19,
		.ops = 20000,
		.elapsed_ns = 20000000,
		.value = value,
		.cpu_ns_per_op = 2 * value,
		.wall_ns = 23000000,
		.reason = status == SM_OK ? "-" : "it needs more PUs, \"four\" at least",
		.status = status,
	};
	slice = sm_results_add_slice(r);
	*slice = (struct sm_slice_row){ .trial = index,
					.ops = 1000,
					.ns = 8000,
					.skew_ns = 45,
					.probe_before_ns = 84.5,
					.probe_after_ns = NAN,
					.klass = "85ns",
					.pure = true,
					.reason = "-" };
	counter = sm_results_add_counter(r);
	*counter = (struct sm_counter_row){ .trial = index,
					    .event = "cycles",
					    .fstr = "perf::CYCLES",
					    .value = NAN,
					    .per_op = NAN,
					    .scope = "user+kernel",
					    .state = "not_supported" };
	summary = sm_results_add_summary(r);
	*summary = (struct sm_summary_row){
		.case_index = index,
		.klass = "85ns",
		.value = { value, value * 0.95, value * 1.05, 0.992, status == SM_OK ? 8 : 0 },
		.mad = 0.5,
		.cpu_ns_per_op = 2 * value,
		.q50_ns = NAN,
		.q99_ns = NAN,
		.q999_ns = NAN,
		.ok = status == SM_OK ? 8 : 0,
		.skipped = status != SM_OK,
		.reason = status == SM_OK ? "-" : s->reason,
	};
}

static void make_up(struct sm_results *r)
{
	struct sm_pair_row *pair;
	struct sm_claim_row *claim;

	sm_results_init(r);
	r->manifest = manifest();
	cr_assert(r->manifest);
	r->folder = strdup(folder);
	add_case(r, "packed", 80.0, SM_OK);
	add_case(r, "padded", 10.0, SM_OK);
	add_case(r, "absent", NAN, SM_SKIPPED);
	pair = sm_results_add_pair(r);
	*pair = (struct sm_pair_row){
		.group = "pack?op=add@near+anon",
		.scenario = "pack",
		.params = "op=add",
		.placement = "near",
		.relation = "shared-l3",
		.left = "packed",
		.right = "padded",
		.klass = "85ns",
		.leading = true,
		.ratio = { 8.0, 7.5, 8.6, 0.992, 8 },
		.mde = 1.04,
		.blocks_used = 8,
		.claim = "C1",
		.threshold_min = 1.5,
		.verdict = SM_SUPPORTED,
		.reason = "-",
	};
	claim = sm_results_add_claim(r);
	*claim = (struct sm_claim_row){ "C1",
					"pack",
					"Packed counters cost more",
					"a belief",
					"Padded or not?",
					SM_SUPPORTED,
					"packed takes 8.00 times as long as padded",
					"-" };
	claim = sm_results_add_claim(r);
	*claim = (struct sm_claim_row){ "C2",
					"pack",
					"More padding does not help",
					"a belief",
					"-",
					SM_INCONCLUSIVE,
					"-",
					"too few blocks" };
}

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	cr_assert(text);
	if (file) {
		cr_expect_geq(fread(text, 1, (1 << 20) - 1, file), 1, "%s is empty", path);
		fclose(file);
	}
	return text;
}

static void expect_same(const char *name, const char *got)
{
	char path[512];
	char *want;

	snprintf(path, sizeof(path), "%s/%s", TEST_DATA, name);
	if (getenv("GOLDEN_UPDATE")) {
		FILE *file = fopen(path, "w");

		fputs(got, file);
		fclose(file);
	}
	want = read_text(path);
	cr_expect_str_eq(got, want, "%s differs:\n%s", name, got);
	free(want);
}

static void make_folder(void)
{
	char plots[128];

	snprintf(folder, sizeof(folder), "/tmp/shmeter-golden-XXXXXX");
	cr_assert(mkdtemp(folder));
	snprintf(plots, sizeof(plots), "%s/plots", folder);
	mkdir(plots, 0700);
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}

TestSuite(golden, .init = make_folder, .fini = remove_folder);

Test(golden, csv)
{
	static const char *const files[] = { "samples.csv", "slices.csv", "counters.csv",
					     "summary.csv", "pairs.csv",  "claims.csv" };
	struct sm_results results;
	struct sm_error err = { 0 };

	make_up(&results);
	/* the run's name is its folder's: the same every time */
	char fixed[128];

	snprintf(fixed, sizeof(fixed), "%s/run", folder);
	mkdir(fixed, 0700);
	free(results.folder);
	results.folder = strdup(fixed);
	cr_assert_eq(sm_store_write_analysis(&results, &err), 0, "%s", err.text);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[256];
		char *got;

		snprintf(path, sizeof(path), "%s/%s", fixed, files[i]);
		got = read_text(path);
		expect_same(files[i], got);
		free(got);
	}
	sm_results_free(&results);
}

static void expect_report(const char *name, void (*show)(const struct sm_results *,
							 const struct sm_report_options *, FILE *))
{
	struct sm_report_options options = { .width = 80 };
	struct sm_results results;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	make_up(&results);
	show(&results, &options, out);
	fclose(out);
	expect_same(name, text);
	free(text);
	sm_results_free(&results);
}

Test(golden, findings)
{
	expect_report("findings.txt", sm_report_findings);
}

Test(golden, tables)
{
	expect_report("tables.txt", sm_report_tables);
}

Test(golden, page)
{
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128], *got;

	make_up(&results);
	cr_assert_eq(sm_report_page(&results, &options, &err), 0, "%s", err.text);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	got = read_text(path);
	expect_same("report.html", got);
	cr_expect_null(strstr(got, "\"four\""), "quotes are not escaped");
	free(got);
	sm_results_free(&results);
}

Test(golden, figures_have_their_data_even_without_gnuplot)
{
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_results results;
	struct sm_error err = { 0 };
	unsigned drawn = 9;
	char path[128], *got;

	make_up(&results);
	setenv("PATH", "/nonexistent", 1);
	cr_expect_eq(sm_report_figures(&results, &options, &drawn, &err), -2 /* ENOENT */);
	cr_expect(strstr(err.text, "gnuplot-nox"), "%s", err.text);
	cr_expect_eq(drawn, 0);
	setenv("PATH", "/usr/bin:/bin", 1);
	snprintf(path, sizeof(path), "%s/plots/ratios.dat", folder);
	got = read_text(path);
	expect_same("ratios.dat", got);
	free(got);
	sm_results_free(&results);
}
