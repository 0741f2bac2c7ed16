/* The run folder: what is written is read back, what is broken is refused, what was cut short is mended. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/clock.h"
#include "shmeter/store.h"
#include "shmeter/team.h"

static char folder[64];

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/shmeter-store-XXXXXX");
	cr_assert(mkdtemp(folder));
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}

static json_t *manifest(const char *status)
{
	return json_pack("{s:i, s:s, s:[{s:s}], s:{s:[{s:s, s:[s]}, {s:s, s:[s]}]}}", "schema_version",
			 SM_SCHEMA_VERSION, "status", status, "events", "name", "cycles", "plan", "cases", "id",
			 "s/v-1.5?even", "metrics", "fairness", "id", "s/v-1.5?odd", "metrics", "fairness");
}

static struct sm_case_row a_case(const char *id)
{
	return (struct sm_case_row){
		.id = id,
		.group = "g?m=1@near",
		.scenario = "s",
		.variant = "v-1.5",
		.params = "m=1",
		.placement = SM_PLACE_NEAR,
		.relation = SM_PLACE_SMT,
		.backing = "memfd",
		.file_system = "-",
		.pages = "4k",
		.prefault = "lazy",
		.numa = "first-touch",
		.unit = "ns/op",
		.metric = "time",
		.transfers_per_op = 2,
		.bytes_per_op = 64,
		.workers = 2,
	};
}

static void append_as(const char *id, struct sm_store *store, unsigned trial, const char *reason)
{
	struct sm_case_row c = a_case(id);
	struct sm_sample sample = {
		.trial = trial,
		.pus = "0 1",
		.nodes = "0 0",
		.pages_got = "4k",
		.slices = 2,
		.ops = 14,
		.elapsed_ns = 1234567890123,
		.cpu_ns = 21,
		.throttled_ns = NAN,
		.reason = reason,
		.ended = SM_OK,
	};
	struct sm_slice_facts slices[2] = {
		{ .row = { .trial = trial, .slice = 0, .ops = 7, .ns = 700, .away_share = 0.25f },
		  .before = { 2, { 81.25, 90 } } },
		{ .row = { .trial = trial, .slice = 1, .ops = 7, .ns = 701, .pin_lost = true },
		  .before = { 1, { 81 } },
		  .after = { 1, { 162 } } },
	};
	struct sm_counter_row counter = {
		.trial = trial, .event = "cycles", .fstr = "perf::X", .scope = SM_SCOPE_USER, .state = SM_NOT_SUPPORTED
	};
	struct sm_error err = { 0 };

	struct sm_metric_row metric = { trial, "fairness", "1", 0.5 };
	struct sm_bucket_row buckets[2] = { { trial, 100, 3, 4 }, { trial, 210, 1, 4 } };
	struct sm_trial_rows rows = { &c, &sample, slices, &counter, &metric, buckets, 2, 1, 1, 2 };

	cr_assert_eq(sm_store_append(store, &rows, &err), 0, "%s", err.text);
}

static void append(struct sm_store *store, unsigned trial, const char *reason)
{
	append_as(trial % 2 ? "s/v-1.5?odd" : "s/v-1.5?even", store, trial, reason);
}

static struct sm_store *open_new(void)
{
	struct sm_store *store;
	struct sm_error err = { 0 };
	json_t *object = manifest("complete");

	cr_assert_eq(sm_store_create(&store, folder, object, &err), 0, "%s", err.text);
	json_decref(object);
	return store;
}

static void load(struct sm_results *results)
{
	struct sm_error err = { 0 };

	sm_results_init(results);
	cr_assert_eq(sm_store_load(results, folder, &err), 0, "%s", err.text);
	cr_assert_eq(sm_results_prepare(results, &err), 0, "%s", err.text);
}

TestSuite(store, .init = make_folder, .fini = remove_folder);

Test(store, comes_back_as_it_went_in)
{
	struct sm_store *store = open_new();
	struct sm_results results;

	append(store, 0, "a \"quoted\", long\nreason");
	append(store, 1, "-");
	append(store, 2, "-");
	sm_store_close(store);
	load(&results);
	cr_assert_eq(results.sample_count, 6, "three, and their metric");
	cr_expect_eq(results.case_count, 4);
	for (size_t i = 0; i < 6; i++)
		cr_expect_eq(results.samples[i].derived, i >= 3);
	cr_expect_str_eq(results.cases[results.samples[3].case_index].metric, "fairness");
	cr_expect_eq(results.samples[3].found.value, 0.5);
	cr_expect_eq(results.slice_count, 6);
	cr_assert_eq(results.bucket_count, 6);
	cr_expect_eq(results.buckets[5].ns, 210);
	cr_expect_eq(results.buckets[4].count, 3);
	cr_expect_str_eq(results.samples[0].reason, "a \"quoted\", long\nreason");
	cr_expect_str_eq(results.cases[0].variant, "v-1.5");
	cr_expect_eq(results.samples[0].elapsed_ns, 1234567890123);
	cr_expect(isnan(results.samples[0].found.value) && isnan(results.counters[0].value));
	cr_expect_float_eq(sm_sample_cpu_ns_per_op(&results.samples[0]), 1.5, 1e-12);
	cr_expect_float_eq(results.slices[0].probe_before_ns, 90, 1e-12, "the slowest pair");
	cr_expect(isnan(results.slices[0].probe_after_ns));
	cr_expect(isnan(results.slices[0].probe_step));
	cr_expect_float_eq(results.slices[0].away_share, 0.25, 1e-6);
	cr_expect_float_eq(results.slices[1].probe_step, 2, 1e-6);
	cr_expect(!results.slices[0].pin_lost && results.slices[1].pin_lost);
	cr_expect_eq(results.samples[2].case_index, results.samples[0].case_index);
	sm_results_free(&results);
}

Test(store, a_folder_in_use_is_refused)
{
	struct sm_store *store = open_new(), *again;
	struct sm_error err = { 0 };
	json_t *object = manifest("complete");

	sm_store_close(store);
	cr_expect_eq(sm_store_create(&again, folder, object, &err), -EEXIST);
	cr_expect(strstr(err.text, folder), "%s", err.text);
	json_decref(object);
}

static void add_text(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "a");
	fputs(text, file);
	fclose(file);
}

static const char unfinished[] = "1,0,7,700,0,0,,,0,0,0,no\n1,1,7,700,0,0,,,0,0,0,no\n";

static void write_status(const char *status)
{
	json_t *object = manifest(status);
	struct sm_error err = { 0 };

	cr_assert_eq(sm_store_write_manifest(folder, object, &err), 0, "%s", err.text);
	json_decref(object);
}

static off_t size_of(const char *name)
{
	char path[128];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	cr_assert_eq(stat(path, &status), 0);
	return status.st_size;
}

static void keep_lines(const char *name, unsigned count)
{
	char path[128], line[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r+");
	cr_assert(file);
	while (count-- > 0)
		cr_assert(fgets(line, sizeof(line), file));
	cr_assert_eq(ftruncate(fileno(file), ftell(file)), 0);
	fclose(file);
}

/* What a kill leaves: slices, a counter and half a row of a trial that did not end. */
Test(store, what_did_not_end_is_left_out_and_cut_off_by_a_resume)
{
	struct sm_store *store = open_new();
	struct sm_results results;
	struct sm_error err = { 0 };
	off_t slices, counters, samples;

	append(store, 0, "-");
	sm_store_close(store);
	write_status("interrupted");
	slices = size_of("slices.csv");
	counters = size_of("counters.csv");
	samples = size_of("samples.csv");
	add_text("slices.csv", unfinished);
	add_text("counters.csv", "1,cycles,perf::X,12,1,1,user,counted\n");
	add_text("samples.csv", "run,1,half a l");
	load(&results);
	cr_expect_eq(results.sample_count, 2, "one, and its metric");
	cr_expect_eq(results.slice_count, 2);
	cr_expect_eq(results.counter_count, 1);
	cr_expect_eq(results.left_out, 4);
	sm_results_free(&results);
	sm_results_init(&results);
	cr_assert_eq(sm_store_reopen(&store, folder, &results, &err), 0, "%s", err.text);
	cr_expect_gt(size_of("slices.csv"), slices, "nothing is cut off before all was looked at");
	cr_assert_eq(sm_store_go_on(store, &err), 0, "%s", err.text);
	sm_store_close(store);
	sm_results_free(&results);
	cr_expect_eq(size_of("slices.csv"), slices);
	cr_expect_eq(size_of("counters.csv"), counters);
	cr_expect_eq(size_of("samples.csv"), samples);
	load(&results);
	cr_expect_eq(results.left_out, 0);
	sm_results_free(&results);
}

static void expect_refused(const char *words)
{
	struct sm_results results;
	struct sm_error err = { 0 };

	sm_results_init(&results);
	cr_expect_eq(sm_store_load(&results, folder, &err), -EBADMSG);
	cr_expect(strstr(err.text, words), "\"%s\" is not in \"%s\"", words, err.text);
	sm_results_free(&results);
}

Test(store, what_did_not_end_is_damage_in_a_run_that_did)
{
	struct sm_store *store = open_new();

	append(store, 0, "-");
	sm_store_close(store);
	add_text("slices.csv", unfinished);
	expect_refused("slices.csv:4: trial 1 has no row in samples.csv");
}

Test(store, a_cut_last_line_is_damage_in_a_run_that_ended)
{
	sm_store_close(open_new());
	add_text("counters.csv", "0,cycles,perf::X,12,1,1,user,coun");
	expect_refused("counters.csv:2: the last line was cut short");
}

/* Doubled rows would give a narrower interval, lost ones another. */
Test(store, each_slice_stands_once_and_all_are_there)
{
	struct sm_store *store = open_new();

	append(store, 0, "-");
	sm_store_close(store);
	add_text("slices.csv", "0,1,7,701,0,0,,,0,0,0,no\n");
	expect_refused("slices.csv:4: slice 1 of trial 0 stands where slice 2 should");
	keep_lines("slices.csv", 2);
	expect_refused("slices.csv: 1 slices of trial 0, which has 2 by samples.csv:2");
}

Test(store, words_and_numbers_that_are_none_are_refused)
{
	static const char *const lines[] = { "0,cycles,perf::X,12,1,1,user,counting\n",
					     "0,cycles,perf::X,12,1,1,users,counted\n",
					     "0,cycles,perf::X,0x12,1,1,user,counted\n",
					     "0,cycles,perf::X,5x,1,1,user,counted\n",
					     "0,cycles,perf::X,nan,1,1,user,counted\n" };
	static const char *const metrics[] = { "0,m,nan,1\n", "0,m,0x12,1\n",  "0,m,inf,1\n", "0,m, 1,1\n",
					       "0,m,+1,1\n",  "0,m,1e999,1\n", "0,m,1.,1\n",  "0,m,.5,1\n" };
	static const char *const slices[] = {
		"0,0,7,700,0,0,0x50,81,0,0,0,no\n",  "0,0,7,700,0,0, 81,81,0,0,0,no\n",
		"0,0,7,700,0,0,81 ,81,0,0,0,no\n",   "0,0,7,700,0,0,+81,81,0,0,0,no\n",
		"0,0,7,700,0,0,81,nan,0,0,0,no\n",   "0,0,7,700,0,0,81,81,,0,0,no\n",
		"0,0,7,700,0,0,81,81,1e39,0,0,no\n", "0,0,7,700,0,0,81,81,-1,0,0,no\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		sm_store_close(open_new());
		add_text("counters.csv", lines[i]);
		expect_refused("counters.csv:2");
		remove_folder();
		make_folder();
	}
	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++) {
		sm_store_close(open_new());
		add_text("metrics.csv", metrics[i]);
		expect_refused("metrics.csv:2");
		remove_folder();
		make_folder();
	}
	for (size_t i = 0; i < sizeof(slices) / sizeof(slices[0]); i++) {
		sm_store_close(open_new());
		add_text("slices.csv", slices[i]);
		expect_refused("slices.csv:2: \"");
		remove_folder();
		make_folder();
	}
}

/* What the analysis alone can find is no fact of a trial. */
Test(store, a_status_of_the_analysis_is_no_measured_one)
{
	struct sm_store *store = open_new();
	char path[128], text[4096];
	FILE *file;

	append(store, 0, "-");
	sm_store_close(store);
	snprintf(path, sizeof(path), "%s/samples.csv", folder);
	file = fopen(path, "r");
	size_t size = fread(text, 1, sizeof(text) - 1, file);

	fclose(file);
	text[size] = '\0';
	cr_assert(strcmp(text + size - 4, ",ok\n") == 0);
	strcpy(text + size - 3, "unsettled\n");
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	expect_refused("\"unsettled\" is not a value of status");
}

/* The id becomes the name of a file: it is one that a plan could have written. */
Test(store, a_case_is_of_its_scenario_and_variant)
{
	static const char *const ids[] = { "/tmp/elsewhere", "s/v-1.5", "s/other?even", "../s/v-1.5?even" };

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct sm_store *store = open_new();

		append_as(ids[i], store, 0, "-");
		sm_store_close(store);
		expect_refused("is not a value of case");
		remove_folder();
		make_folder();
	}
}

/* What another process finds in a folder that this one writes. */
struct seen {
	bool locked, loaded, refused, named;
	unsigned left_out;
};

static int look_at(void *argument, unsigned index)
{
	struct seen *seen = argument;
	struct sm_results results;
	struct sm_store *second;
	struct sm_error err = { 0 };
	char words[64];

	(void)index;
	snprintf(words, sizeof(words), "process %d is writing", (int)getppid());
	seen->locked = sm_store_is_locked(folder);
	sm_results_init(&results);
	seen->loaded = sm_store_load(&results, folder, &err) == 0;
	seen->left_out = results.left_out;
	sm_results_free(&results);
	sm_results_init(&results);
	seen->refused = sm_store_reopen(&second, folder, &results, &err) == -EBUSY;
	seen->named = strstr(err.text, words) != NULL;
	sm_results_free(&results);
	return 0;
}

static struct seen look_from_elsewhere(void)
{
	struct seen *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sm_error err = { 0 };
	struct sm_team team;
	struct seen seen;
	unsigned first;

	cr_assert(shared != MAP_FAILED);
	cr_assert_eq(sm_team_start(&team, 1, "reader", look_at, shared, NULL, &err), 0, "%s", err.text);
	cr_assert_eq(sm_team_wait(&team, sm_clock_ns() + 10000000000u, NULL, &first), SM_TEAM_DONE);
	sm_team_free(&team);
	seen = *shared;
	munmap(shared, sizeof(*shared));
	return seen;
}

/* Nobody else writes a folder that is being measured, and it is read all the same. */
Test(store, one_writer_at_a_time, .timeout = 30)
{
	struct sm_store *store = open_new();
	struct seen seen;

	append(store, 0, "-");
	write_status("interrupted");
	add_text("slices.csv", unfinished);
	seen = look_from_elsewhere();
	cr_expect(seen.locked && seen.loaded && seen.refused && seen.named);
	cr_expect_eq(seen.left_out, 2);
	sm_store_close(store);
	seen = look_from_elsewhere();
	cr_expect(!seen.locked && seen.loaded && !seen.refused);
}

Test(store, garbage_is_refused_with_its_line)
{
	struct sm_store *store = open_new();

	append(store, 0, "-");
	sm_store_close(store);
	add_text("counters.csv", "0,cycles,perf::X,-12,1,1,user,counted\n");
	expect_refused("counters.csv:3: \"-12\" is not a value of raw");
}

/* What a row repeats from the row before is not read again: neither the beginning of it nor more than it is a repetition. */
Test(store, each_row_has_its_own_values)
{
	static const char *const events[] = { "cycles", "cycle", "cycle-s", "" };
	static const unsigned raw[] = { 12, 123, 12, 1 };
	json_t *object = json_pack("{s:i, s:s}", "schema_version", SM_SCHEMA_VERSION, "status", "complete");
	struct sm_store *store = open_new();
	struct sm_results results;
	struct sm_error err = { 0 };

	append(store, 0, "-");
	sm_store_close(store);
	/* one that names no events */
	cr_assert_eq(sm_store_write_manifest(folder, object, &err), 0, "%s", err.text);
	json_decref(object);
	keep_lines("counters.csv", 1);
	for (unsigned i = 0; i < 4; i++) {
		char line[96];

		snprintf(line, sizeof(line), "0,\"%s\",perf::X,%u,1,1,user,counted\n", events[i], raw[i]);
		add_text("counters.csv", line);
	}
	load(&results);
	cr_assert_eq(results.counter_count, 4);
	for (unsigned i = 0; i < 4; i++) {
		cr_expect_str_eq(results.counters[i].event, events[i]);
		cr_expect_eq(results.counters[i].raw, raw[i], "row %u", i);
	}
	sm_results_free(&results);
	add_text("counters.csv", "0,cycle,perf::X,1,1,1,user,counted\n");
	expect_refused("counters.csv:6: \"cycle\" of trial 0 stands there twice");
}

/* Adds a line again, or takes away the last one of a file: of each file that is seen. */
Test(store, rows_that_are_repeated_or_missing_are_refused)
{
	static const struct {
		const char *file, *again, *twice;
		unsigned lines; /* with the header, one trial */
		const char *missing;
	} cases[] = {
		{ "counters.csv", "0,cycles,perf::X,0,0,0,user,not_supported\n",
		  "counters.csv:3: \"cycles\" of trial 0 stands there twice", 2,
		  "counters.csv: 0 events of trial 0, which has 1 by manifest.json and samples.csv:2" },
		{ "metrics.csv", "0,fairness,0.5,1\n", "metrics.csv:3: \"fairness\" of trial 0 stands there twice", 2,
		  "metrics.csv: 0 metrics of trial 0, which has 1 by manifest.json and samples.csv:2" },
		{ "buckets.csv", "0,210,1,4\n", "buckets.csv:4: 210 ns of trial 0 stands behind 210 ns", 3,
		  "buckets.csv: 3 of 4 operations of trial 0" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sm_store *store = open_new();

		append(store, 0, "-");
		sm_store_close(store);
		add_text(cases[i].file, cases[i].again);
		expect_refused(cases[i].twice);
		keep_lines(cases[i].file, cases[i].lines - 1);
		expect_refused(cases[i].missing);
		/* also where the run was interrupted: they were written before the row of their trial */
		write_status("interrupted");
		expect_refused(cases[i].missing);
		remove_folder();
		make_folder();
	}
}

/* What a kill left stands at the end; a trial's rows stand together. */
Test(store, what_did_not_end_is_at_the_end)
{
	struct sm_store *store = open_new();

	append(store, 0, "-");
	append(store, 2, "-");
	sm_store_close(store);
	write_status("interrupted");
	add_text("counters.csv", "0,cycles,perf::X,0,0,0,user,not_supported\n");
	expect_refused("counters.csv:4: the rows of trial 0 do not stand together");
	keep_lines("counters.csv", 1);
	add_text("counters.csv", "1,cycles,perf::X,0,0,0,user,not_supported\n");
	add_text("counters.csv", "0,cycles,perf::X,0,0,0,user,not_supported\n");
	expect_refused("counters.csv:3: a trial that ended stands behind one that did not");
}

/* 64 MiB more than there are now. */
static void limit_memory(void)
{
	char text[4096];
	FILE *file = fopen("/proc/self/status", "r");
	size_t size = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	struct rlimit limit = { .rlim_max = RLIM_INFINITY };
	const char *data;

	if (file)
		fclose(file);
	text[size] = '\0';
	data = strstr(text, "VmData:");
	if (!data) /* without /proc nothing is limited */
		return;
	limit.rlim_cur = (strtoull(data + strlen("VmData:"), NULL, 10) + (64 << 10)) << 10;
	cr_assert_eq(setrlimit(RLIMIT_DATA, &limit), 0);
}

/* A damaged number of a trial must not cost memory by it. */
Test(store, a_huge_trial_number_costs_nothing)
{
	struct sm_store *store = open_new();
	struct sm_results results;

	append(store, 50000000, "-");
	sm_store_close(store);
	limit_memory();
	load(&results);
	cr_expect_eq(results.sample_count, 2);
	sm_results_free(&results);
}

Test(store, a_status_is_one_of_two)
{
	sm_store_close(open_new());
	write_status("finished");
	expect_refused("manifest.json: \"status\" is neither");
	write_status("");
	expect_refused("manifest.json: \"status\" is neither");
}

/* A complete run has every trial of its plan, and a row for each case that could not run. */
Test(store, no_trial_of_a_complete_run_is_missing)
{
	json_t *object = json_pack("{s:i, s:s, s:{s:i, s:[{s:b}, {s:b}]}}", "schema_version", SM_SCHEMA_VERSION,
				   "status", "complete", "plan", "trials", 2, "cases", "skipped", 0, "skipped", 1);
	struct sm_store *store = open_new();
	struct sm_error err = { 0 };
	struct sm_results results;

	append(store, 2, "-");
	append(store, 0, "-");
	sm_store_close(store);
	cr_assert_eq(sm_store_write_manifest(folder, object, &err), 0, "%s", err.text);
	expect_refused("samples.csv: trial 1 is missing of the 3 that manifest.json announces");
	json_object_set_new(object, "budget_reached", json_true());
	cr_assert_eq(sm_store_write_manifest(folder, object, &err), 0, "%s", err.text);
	json_decref(object);
	load(&results);
	cr_expect_eq(results.sample_count, 4, "two, and their metric");
	sm_results_free(&results);
}

/* Complete is complete: nothing is cut off, and damage is told. */
Test(store, a_complete_run_is_not_reopened)
{
	struct sm_store *store = open_new();
	struct sm_results results;
	struct sm_error err = { 0 };
	off_t slices;

	append(store, 0, "-");
	sm_store_close(store);
	sm_results_init(&results);
	cr_expect_eq(sm_store_reopen(&store, folder, &results, &err), -EALREADY, "%s", err.text);
	sm_results_free(&results);
	add_text("slices.csv", unfinished);
	slices = size_of("slices.csv");
	sm_results_init(&results);
	cr_expect_eq(sm_store_reopen(&store, folder, &results, &err), -EBADMSG, "%s", err.text);
	cr_expect(strstr(err.text, "slices.csv:4"), "%s", err.text);
	sm_results_free(&results);
	cr_expect_eq(size_of("slices.csv"), slices);
}

/* Killed between its first files and its plan, a run has no rows yet. */
Test(store, a_run_without_a_plan_may_lack_files)
{
	json_t *object = json_pack("{s:i, s:s}", "schema_version", SM_SCHEMA_VERSION, "status", "interrupted");
	struct sm_store *store = open_new();
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128];

	sm_store_close(store);
	cr_assert_eq(sm_store_write_manifest(folder, object, &err), 0, "%s", err.text);
	json_decref(object);
	keep_lines("slices.csv", 0);
	snprintf(path, sizeof(path), "%s/samples.csv", folder);
	cr_assert_eq(unlink(path), 0);
	sm_results_init(&results);
	cr_assert_eq(sm_store_reopen(&store, folder, &results, &err), 0, "%s", err.text);
	cr_assert_eq(sm_store_go_on(store, &err), 0, "%s", err.text);
	append(store, 0, "-");
	sm_store_close(store);
	sm_results_free(&results);
	load(&results);
	cr_expect_eq(results.sample_count, 2);
	sm_results_free(&results);
	write_status("interrupted"); /* with a plan */
	cr_assert_eq(unlink(path), 0);
	sm_results_init(&results);
	cr_expect_eq(sm_store_load(&results, folder, &err), -ENOENT, "%s", err.text);
	sm_results_free(&results);
}

/* What killed writers left goes when the next one writes; what one is at, and what is no file of ours, stays. */
Test(store, what_killed_writers_left_goes)
{
	struct sm_store *store = open_new();
	struct sm_results results;
	struct sm_error err = { 0 };
	char path[128], own[64];
	static const char *const gone[] = { "report.html.2147483647.part", "plots/ratios.svg.2147483647.part" };
	static const char *const stay[] = { "mine.part", "x.2147483647.par", ".2147483647.part.gz" };

	append(store, 0, "-");
	sm_store_close(store);
	snprintf(own, sizeof(own), "summary.csv.%d.part", (int)getppid());
	for (size_t i = 0; i < 2; i++)
		add_text(gone[i], "half");
	for (size_t i = 0; i < 3; i++)
		add_text(stay[i], "theirs");
	add_text(own, "at work");
	load(&results);
	results.analysis = json_object();
	cr_assert_eq(sm_store_write_analysis(&results, &err), 0, "%s", err.text);
	sm_results_free(&results);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, gone[i]);
		cr_expect(access(path, F_OK) < 0, "%s stays", path);
	}
	for (size_t i = 0; i < 3; i++)
		size_of(stay[i]);
	size_of(own);
}

/* A quotation mark that begins no field says nothing; two of them in two lines must not make one row of both. */
Test(store, quotes_inside_of_fields_are_refused)
{
	sm_store_close(open_new());
	add_text("counters.csv", "0,cy\"cles,perf::X,12,1,1,user,counted\n");
	add_text("counters.csv", "1,cy\"cles,perf::X,12,1,1,user,counted\n");
	expect_refused("counters.csv:3: a quotation mark inside a field");
}

Test(store, a_trial_has_one_row)
{
	struct sm_store *store = open_new();

	append(store, 0, "-");
	append(store, 1, "-");
	append(store, 0, "-");
	sm_store_close(store);
	expect_refused("samples.csv:4: trial 0 stands there twice, in line 2 too");
}

Test(store, a_nul_is_refused)
{
	char path[128];
	FILE *file;

	sm_store_close(open_new());
	snprintf(path, sizeof(path), "%s/counters.csv", folder);
	file = fopen(path, "a");
	fwrite("0,cycles\0,perf::X,12,1,1,user,counted\n", 1, 38, file);
	fclose(file);
	expect_refused("counters.csv holds a NUL byte");
}

Test(store, too_few_columns_are_refused)
{
	sm_store_close(open_new());
	add_text("slices.csv", "1,2,3\n");
	expect_refused("slices.csv:2");
}

Test(store, an_open_quote_is_refused)
{
	sm_store_close(open_new());
	add_text("counters.csv", "0,\"cycles\n");
	expect_refused("counters.csv:2");
}

Test(store, another_schema_is_refused)
{
	json_t *object = json_pack("{s:i}", "schema_version", 99);
	struct sm_error err = { 0 };

	sm_store_close(open_new());
	cr_assert_eq(sm_store_write_manifest(folder, object, &err), 0);
	json_decref(object);
	expect_refused("99");
}

Test(store, json_holds_no_nan)
{
	cr_expect_null(json_real(NAN), "the library itself refuses");
}
