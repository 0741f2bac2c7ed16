/* The run folder: what is written is read back, what was cut short is mended, and one process writes at a time. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "shmeter/clock.h"
#include "shmeter/team.h"
#include "store_fixture.h"

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
	cr_assert_eq(results.visit_count, 6);
	cr_expect(results.visits[5].from == 1 && results.visits[5].to == 0 && results.visits[5].company == 12);
	cr_expect(results.visits[4].ns == 200.5 && results.visits[4].high == 1234 && results.visits[5].low == 191.25);
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

Test(store, json_holds_no_nan)
{
	cr_expect_null(json_real(NAN), "the library itself refuses");
}
