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
#include "shmeter/scenario.h"
#include "shmeter/store.h"

static char folder[64];
/* The first figure, the ratios: the page takes what the program drew itself. */
static const struct sm_drawn all_drawn = { .figure = { true }, .count = 1 };

/* Two packages; one core has two threads; no L3 over the last one. */
static json_t *places(void)
{
	static const int place[][5] = { { 0, 0, 0, 0, 0 }, { 2, 0, 0, 0, 0 }, { 1, 1, 0, 0, 0 }, { 3, 2, -1, 1, 1 } };
	json_t *array = json_array();

	for (size_t i = 0; i < sizeof(place) / sizeof(place[0]); i++)
		json_array_append_new(array,
				      json_pack("{s:i, s:i, s:i, s:i, s:i}", "pu", place[i][0], "core", place[i][1],
						"l3", place[i][2], "package", place[i][3], "node", place[i][4]));
	return array;
}

/* What the kernel was set to, for the page. */
static void add_settings(json_t *environment)
{
	json_t *settings = json_pack(
		"{s:s, s:s, s:i, s:s, s:s, s:i, s:i, s:b, s:s, s:s, s:i, s:{s:s, s:s}, s:{s:b, s:s}, s:{s:s, s:s, s:s, s:s}}",
		"idle_driver", "haltpoll", "idle_governor", "haltpoll", "guest_halt_poll_ns", 200000, "governor",
		"powersave", "frequency_driver", "made-up", "frequency_max_khz", 2000000, "frequency_highest_khz",
		3600000, "boost", 1, "isolated_pus", "3", "nohz_full_pus", "", "numa_balancing", 0, "file_systems",
		"dev_shm", "tmpfs", "results", "ext4", "init_on_alloc", "on", 1, "from", "/proc/cmdline", "mitigations",
		"meltdown", "Not affected", "mds", "Vulnerable: no microcode", "tsa", "KVM: Vulnerable", "spectre_v2",
		"Mitigation: Retpolines");

	json_object_update(environment, settings);
	json_decref(settings);
}

static json_t *manifest(void)
{
	json_t *all = json_pack("{s:i, s:s, s:s, s:s, s:f, s:f, s:s, s:{s:f}, s:{s:s, s:i, s:i, s:s, s:b, s:o}}",
				"schema_version", SM_SCHEMA_VERSION, "status", "complete", "profile", "quick", "seed",
				"42", "wall_s", 12.0, "timed_share", 0.85, "counters_note",
				"Not counted: cycles; no PMU is visible here.", "noise", "others_percent", 37.0,
				"environment", "cpu_model", "Made-up CPU", "pus", 2, "nodes", 1, "kernel", "6.1.0",
				"virtual_machine", 1, "pu_places", places());

	add_settings(json_object_get(all, "environment"));
	return all;
}

static json_t *analysis(void)
{
	return json_pack("{s:f, s:{s:s}, s:{s:f, s:f, s:f, s:f}, s:{s:i, s:i, s:f}}", "steal_percent", 0.25,
			 "cores_moved", "sentence", "Core distance was stable.", "aa", "ratio", 1.001, "low", 0.99,
			 "high", 1.01, "mde", 1.021, "intervals", "count", 120, "exclude_1", 87, "by_chance", 2.56);
}

static const char *reason_of(enum sm_status status)
{
	return status == SM_OK ? "-" : "it needs more PUs, \"four\" at least";
}

static void add_trial(struct sm_results *r, unsigned index, double value, enum sm_status status)
{
	*sm_results_add_sample(r) = (struct sm_sample){
		.trial = index,
		.case_index = index,
		.pus = "0 1",
		.pages_got = "4k",
		.nodes = "0 0",
		.page_bytes_got = 4096,
		.slices = 1,
		.warm_slices = 3,
		.warm_ns = 3000000,
		.flat = true,
		.region_kept = index > 0,
		.ops = 1000,
		.elapsed_ns = 8000,
		.cpu_ns = 16000,
		.throttled_ns = NAN,
		.wall_ns = 23000000,
		.reason = reason_of(status),
		.ended = status,
		.found = { .klass = "85ns",
			   .slices_pure = 1,
			   .value = value,
			   .reason = reason_of(status),
			   .status = status },
	};
	*sm_results_add_slice(r) = (struct sm_slice_row){
		.trial = index, .ops = 1000, .ns = 8000, .probe_before_ns = 84.5, .probe_after_ns = NAN, .klass = "85ns"
	};
	*sm_results_add_counter(r) = (struct sm_counter_row){ .trial = index,
							      .event = "cycles",
							      .fstr = "perf::CYCLES",
							      .value = NAN,
							      .per_op = NAN,
							      .scope = SM_SCOPE_USER_KERNEL,
							      .state = SM_NOT_SUPPORTED };
}

static void add_case(struct sm_results *r, const char *variant, double value, enum sm_status status)
{
	struct sm_case_row *c = sm_results_add_case(r);
	unsigned index = (unsigned)r->case_count - 1;

	*c = (struct sm_case_row){
		.id = sm_results_string(r, "pack/%s?op=add@near+anon", variant),
		.group = "pack?op=add@near+anon",
		.scenario = "pack",
		.variant = variant,
		.params = "op=add",
		.placement = SM_PLACE_NEAR,
		.relation = SM_PLACE_SHARED_L3,
		.file_system = "-",
		.page_bytes = 4096,
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
	add_trial(r, index, value, status);
	*sm_results_add_summary(r) = (struct sm_summary_row){
		.case_index = index,
		.klass = "85ns",
		.value = { value, value * 0.95, value * 1.05, 0.992, status == SM_OK ? 8 : 0 },
		.mad = 0.5,
		.cpu_ns_per_op = 2 * value,
		.ok = status == SM_OK ? 8 : 0,
		.skipped = status != SM_OK,
		.reason = reason_of(status),
	};
}

/* Three points more, of another scenario. */
static void add_points(struct sm_results *r)
{
	static const double value[3][2] = { { 60, 2.5e3 }, { 250, 2.6e3 }, { 44.7e3, 44.9e3 } };
	static const char *const message[] = { "64", "4096", "1048576" }, *const variant[] = { "pipe", "ring" };

	for (unsigned i = 0; i < 6; i++) {
		const char *params = sm_results_string(r, "message=%s capacity=65536", message[i / 2]);

		add_case(r, variant[i % 2], value[i / 2][i % 2], SM_OK);
		r->cases[r->case_count - 1].scenario = "send";
		r->cases[r->case_count - 1].metric = "time per message";
		r->cases[r->case_count - 1].params = params;
		r->cases[r->case_count - 1].group = sm_results_string(r, "send?%s@near", params);
	}
	sm_results_name(r);
}

static void make_up(struct sm_results *r)
{
	struct sm_pair_row *pair;
	struct sm_claim_row *claim;

	sm_results_init(r);
	r->manifest = manifest();
	r->analysis = analysis();
	cr_assert(r->manifest && r->analysis);
	r->folder = strdup(folder);
	r->out = strdup(folder);
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
		.metric = "time per addition",
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
	*claim = (struct sm_claim_row){ .claim = "C1",
					.scenario = "pack",
					.sentence = "Packed counters cost more",
					.source = "a belief",
					.question = "Padded or not?",
					.verdict = SM_SUPPORTED,
					.evidence = "packed takes 8.00 times as long as padded",
					.reason = "-" };
	claim = sm_results_add_claim(r);
	*claim = (struct sm_claim_row){ .claim = "C2",
					.scenario = "pack",
					.sentence = "More padding does not help",
					.source = "a belief",
					.question = "-",
					.verdict = SM_INCONCLUSIVE,
					.evidence = "-",
					.reason = "too few blocks" };
	claim = sm_results_add_claim(r);
	*claim = (struct sm_claim_row){ .claim = "C3",
					.scenario = "pack",
					.sentence = "Nobody asked for this",
					.source = "a belief",
					.question = "-",
					.verdict = SM_NOT_TESTABLE,
					.evidence = "-",
					.reason = "no case of this run has op=store",
					.unmeasured = true };
	sm_results_name(r);
}

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 23);

	cr_assert(text);
	if (file) {
		cr_expect_geq(fread(text, 1, (1 << 23) - 1, file), 1, "%s is empty", path);
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
	static const char *const files[] = { "samples.csv", "slices.csv",  "counters.csv", "values.csv", "purity.csv",
					     "rates.csv",   "summary.csv", "pairs.csv",    "claims.csv" };
	struct sm_results results;
	struct sm_store *store;
	struct sm_error err = { 0 };

	make_up(&results);
	/* the run's name is its folder's: the same every time */
	char fixed[128];

	snprintf(fixed, sizeof(fixed), "%s/run", folder);
	free(results.out);
	results.out = strdup(fixed);
	cr_assert_eq(sm_store_create(&store, fixed, results.manifest, &err), 0, "%s", err.text);
	for (size_t i = 0; i < results.sample_count; i++) {
		struct sm_slice_facts slice = { .row = results.slices[i],
						.skew_ns = 45,
						.before = { 2, { 84.5, 83.25 } } };
		struct sm_trial_rows rows = { .c = &results.cases[i],
					      .sample = &results.samples[i],
					      .slices = &slice,
					      .counters = &results.counters[i],
					      .slice_count = 1,
					      .counter_count = 1 };

		cr_assert_eq(sm_store_append(store, &rows, &err), 0, "%s", err.text);
	}
	sm_store_close(store);
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

typedef void (*show_fn)(const struct sm_results *, const struct sm_report_options *, FILE *);

static void expect_report(const char *name, unsigned width, bool points, const show_fn *show, size_t count)
{
	struct sm_report_options options = { .width = width };
	struct sm_results results;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	make_up(&results);
	if (points)
		add_points(&results);
	for (size_t i = 0; i < count; i++)
		show[i](&results, &options, out);
	fclose(out);
	expect_same(name, text);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
		cr_expect_leq(strcspn(line, "\n"), width, "%.*s", (int)strcspn(line, "\n"), line);
	free(text);
	sm_results_free(&results);
}

Test(golden, findings)
{
	static const show_fn show[] = { sm_report_head, sm_report_findings };

	expect_report("findings.txt", 80, false, show, 2);
}

/* One point, and a scenario of three, which stand in one table. */
Test(golden, tables)
{
	static const show_fn show[] = { sm_report_tables };

	expect_report("tables.txt", 80, true, show, 1);
	expect_report("tables-120.txt", 120, true, show, 1);
}

Test(golden, page)
{
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128], *got;

	make_up(&results);
	cr_assert_eq(sm_report_page(&results, &options, &all_drawn, &err), 0, "%s", err.text);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	got = read_text(path);
	expect_same("report.html", got);
	cr_expect_null(strstr(got, "\"four\""), "quotes are not escaped");
	free(got);
	sm_results_free(&results);
}

/* Counters know no parts of a slice: where one is timed, the table says that they count all. */
Test(golden, counters_of_a_part_say_what_they_count)
{
	static struct sm_scenario pack = { .name = "pack", .question = "?", .summary = "." };
	static const struct sm_scenario *const scenarios[] = { &pack };
	struct sm_report_options options = { .plots = PLOTS_FOLDER, .scenarios = scenarios, .scenario_count = 1 };
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128], *got;

	make_up(&results);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	for (unsigned part = 0; part < 2; part++) {
		pack.self_timed = part;
		cr_assert_eq(sm_report_page(&results, &options, &all_drawn, &err), 0, "%s", err.text);
		got = read_text(path);
		cr_expect_eq(strstr(got, "include what is done around the timed part") != NULL, part);
		free(got);
	}
	sm_results_free(&results);
}

/* A name that stands for what each CPU has is explained below the table. */
Test(golden, an_event_says_what_it_is_on_this_cpu)
{
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128], *got;

	make_up(&results);
	results.counters[0].event = "fills-from-own-complex";
	results.counters[0].fstr = "amd64_fam19h_zen4::DEMAND_DATA_CACHE_FILLS_FROM_SYSTEM:LOCAL_CCX:k=1:u=1";
	results.counters[0].per_op = 0.5;
	cr_assert_eq(sm_report_page(&results, &options, &all_drawn, &err), 0, "%s", err.text);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	got = read_text(path);
	cr_expect(strstr(
		got,
		"<code>fills-from-own-complex</code> here: lines that loads and stores got from this core complex"));
	cr_expect(strstr(got, "(amd64_fam19h_zen4::DEMAND_DATA_CACHE_FILLS_FROM_SYSTEM:LOCAL_CCX:k=1:u=1)."));
	free(got);
	sm_results_free(&results);
}

/* On a machine with several kinds of cores the table says whose PMU counted. */
Test(golden, counts_of_a_kind_of_core_name_its_pmu)
{
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128], *got;

	make_up(&results);
	results.counters[0].fstr = "perf::CYCLES@cpu_atom";
	cr_assert_eq(sm_report_page(&results, &options, &all_drawn, &err), 0, "%s", err.text);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	got = read_text(path);
	cr_expect(strstr(got, "<th scope=\"col\">counted by</th>"));
	cr_expect(strstr(got, "<td>cpu_atom</td>"));
	free(got);
	sm_results_free(&results);
}

static void write_plot(const char *name, const char *text)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof(path), "%s/plots/%s", folder, name);
	file = fopen(path, "w");
	cr_assert(file);
	fputs(text, file);
	fclose(file);
}

/* The page with one figure as gnuplot writes it. */
static char *page_with(const char *svg)
{
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128];

	write_plot("ratios.dat", "1 2 3\n");
	write_plot("ratios.svg", svg);
	make_up(&results);
	cr_assert_eq(sm_report_page(&results, &options, &all_drawn, &err), 0, "%s", err.text);
	sm_results_free(&results);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	return read_text(path);
}

Test(golden, a_picture_that_came_with_the_folder_is_not_shown)
{
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128], *got;

	free(page_with("<svg viewBox=\"0 0 9 9\"><script>alert(1)</script></svg>"));
	make_up(&results);
	cr_assert_eq(sm_report_page(&results, &options, NULL, &err), 0, "%s", err.text);
	sm_results_free(&results);
	snprintf(path, sizeof(path), "%s/report.html", folder);
	got = read_text(path);
	cr_expect_null(strstr(got, "alert(1)"));
	free(got);
}

Test(golden, a_figure_stands_inline_in_the_colours_of_the_page)
{
	char *got = page_with(
		"<?xml version=\"1.0\"?>\n<svg viewBox=\"0 0 900 500\">\n<title>Gnuplot</title>\n"
		"<g id=\"gnuplot_canvas\">\n<rect x=\"0\" y=\"0\" width=\"900\" height=\"500\" fill=\"#ffffff\"/>\n"
		"<defs>\n<path id='gpPt0' d='M-1,0 h2'/>\n<pattern id='gpPat1'></pattern></defs>\n"
		"<g fill=\"none\" color=\"black\" stroke=\"currentColor\">\n</g>\n"
		"<g id=\"gnuplot_plot_1\" ><title>gnuplot_plot_1</title>\n"
		"<path stroke='rgb(  0, 114, 178)' fill='url(#gpPat1)' d='M87.75,477.60 L1.00,2.04'/>"
		"<path stroke='black' d='M1,2'/>"
		"<use xlink:href='#gpPt6' transform='translate(1.00,2.00) scale(4.39)' color='rgb(  0,   0,   0)'/>"
		"<text>T1 a &amp; b 12.345</text></g></g></svg>");

	cr_expect(strstr(got, "stroke='#0072b2' fill='url(#f1-gpPat1)' d='M87.7,477.6 L1,2'"));
	cr_expect(strstr(got, "<pattern id='f1-gpPat1'>"));
	cr_expect(strstr(got, "<path stroke='currentColor' d='M1,2'/>"));
	cr_expect(strstr(got, "<use href='#gpPt6' transform='translate(1,2) scale(4.3)'/>"));
	cr_expect(strstr(got, "<text>T1 a &amp; b 12.345</text>"), "text is no number");
	cr_expect_null(strstr(got, "gnuplot_plot_1"));
	cr_expect_null(strstr(got, "fill=\"#ffffff\""), "the paper is the page's");
	cr_expect_null(strstr(got, "<g fill=\"none\" stroke=\"currentColor\"></g>"), "an empty group");
	free(got);
}

Test(golden, many_marks_are_one_path)
{
	char svg[8192] = "<svg viewBox=\"0 0 9 9\">";
	char *got;

	for (int i = 0; i < 20; i++)
		snprintf(svg + strlen(svg), sizeof(svg) - strlen(svg),
			 "<use xlink:href='#gpPt%d' transform='translate(%d.00,7.00) scale(2.00)' "
			 "color='rgb(213,  94,   0)'/>\n",
			 i < 15 ? 8 : 6, i);
	strcat(svg, "</svg>");
	got = page_with(svg);
	cr_expect(strstr(got, "<path fill='#d55e00' stroke='none' d='M0 7m0-2.6l-2.6 4.0h5.2zM1 7m"));
	cr_expect(strstr(got, "M14 7m"));
	cr_expect_null(strstr(got, "M15 7"), "five are not many, and no triangles");
	cr_expect(strstr(got, "<use href='#gpPt6' transform='translate(19,7) scale(2)' color='#d55e00'/>"));
	free(got);
}

Test(golden, a_figure_that_would_make_the_page_heavy_is_a_link)
{
	enum { HEAVY = 7000000 };
	char *svg = calloc(1, HEAVY + 64), *got;

	cr_assert(svg);
	strcpy(svg, "<svg viewBox=\"0 0 9 9\"><text>");
	memset(svg + strlen(svg), 'x', HEAVY);
	strcat(svg, "</text></svg>");
	got = page_with(svg);
	cr_expect_lt(strlen(got), 3 << 20);
	cr_expect(strstr(got, "beside the page, to keep it light"));
	cr_expect(strstr(got, "href=\"plots/ratios.svg\""));
	free(got);
	free(svg);
}

Test(golden, a_figure_that_ends_early_does_no_harm)
{
	free(page_with("<svg viewBox=\"0 0 9 9\"><g id=\"gnuplot_plot_"));
	free(page_with("<svg viewBox=\"0 0 9 9\"><use xlink:href='#gpPt6' transform='translate("));
	free(page_with("<svg viewBox=\"0 0 9 9\"><title>Gnuplot"));
	free(page_with("<svg"));
}

Test(golden, figures_have_their_data_even_without_gnuplot)
{
	struct sm_report_options options = { .plots = PLOTS_FOLDER };
	struct sm_results results;
	struct sm_error err = { 0 };
	struct sm_drawn drawn = { .count = 9 };
	char path[128], *got;

	make_up(&results);
	setenv("PATH", "/nonexistent", 1);
	cr_expect_eq(sm_report_figures(&results, &options, &drawn, &err), -2 /* ENOENT */);
	cr_expect(strstr(err.text, "gnuplot-nox"), "%s", err.text);
	cr_expect_eq(drawn.count, 0);
	setenv("PATH", "/usr/bin:/bin", 1);
	snprintf(path, sizeof(path), "%s/plots/ratios.dat", folder);
	got = read_text(path);
	expect_same("ratios.dat", got);
	free(got);
	sm_results_free(&results);
}
