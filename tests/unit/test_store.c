/* The run folder: what is written is read back, what is broken is refused, what was cut short is mended. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/store.h"

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

static json_t *manifest(void)
{
	return json_pack("{s:i, s:s}", "schema_version", SM_SCHEMA_VERSION, "status", "complete");
}

static struct sm_case_row a_case(const char *id)
{
	return (struct sm_case_row){
		.id = id,
		.group = "g?m=1@near",
		.scenario = "s",
		.variant = "v,\"1\"",
		.params = "m=1",
		.placement = "near",
		.relation = "smt",
		.backing = "memfd",
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

static void append(struct sm_store *store, unsigned trial, const char *reason)
{
	struct sm_case_row c = a_case(trial % 2 ? "s/odd" : "s/even");
	struct sm_sample sample = {
		.trial = trial,
		.pus = "0 1",
		.pages_got = "4k",
		.klass = "-",
		.value = NAN,
		.ops = 7,
		.elapsed_ns = 1234567890123,
		.cpu_ns_per_op = 1.5,
		.reason = reason,
		.status = SM_OK,
	};
	struct sm_slice_row slices[2] = {
		{ .trial = trial,
		  .slice = 0,
		  .ops = 7,
		  .ns = 700,
		  .probe_before_ns = 81.25,
		  .probe_after_ns = NAN,
		  .klass = "-",
		  .reason = "-" },
		{ .trial = trial,
		  .slice = 1,
		  .ops = 7,
		  .ns = 701,
		  .klass = "81ns",
		  .reason = "-",
		  .pure = true },
	};
	struct sm_counter_row counter = { .trial = trial,
					  .event = "cycles",
					  .fstr = "perf::X",
					  .value = NAN,
					  .per_op = NAN,
					  .scope = "user",
					  .state = "not_supported" };
	struct sm_error err = { 0 };

	struct sm_metric_row metric = { trial, "fairness", "1", 0.5 };
	struct sm_trial_rows rows = { &c, &sample, slices, &counter, &metric, 2, 1, 1 };

	cr_assert_eq(sm_store_append(store, &rows, &err), 0, "%s", err.text);
}

static struct sm_store *open_new(void)
{
	struct sm_store *store;
	struct sm_error err = { 0 };
	json_t *object = manifest();

	cr_assert_eq(sm_store_create(&store, folder, object, &err), 0, "%s", err.text);
	json_decref(object);
	return store;
}

static void load(struct sm_results *results)
{
	struct sm_error err = { 0 };

	sm_results_init(results);
	cr_assert_eq(sm_store_load(results, folder, &err), 0, "%s", err.text);
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
	cr_expect_eq(results.samples[3].value, 0.5);
	cr_expect_eq(results.slice_count, 6);
	cr_expect_str_eq(results.samples[0].reason, "a \"quoted\", long\nreason");
	cr_expect_str_eq(results.cases[0].variant, "v,\"1\"");
	cr_expect_eq(results.samples[0].elapsed_ns, 1234567890123);
	cr_expect(isnan(results.samples[0].value) && isnan(results.counters[0].value));
	cr_expect_float_eq(results.slices[0].probe_before_ns, 81.25, 1e-12);
	cr_expect(isnan(results.slices[0].probe_after_ns));
	cr_expect(!results.slices[0].pure && results.slices[1].pure);
	cr_expect_eq(results.samples[2].case_index, results.samples[0].case_index);
	sm_results_free(&results);
}

Test(store, a_folder_in_use_is_refused)
{
	struct sm_store *store = open_new(), *again;
	struct sm_error err = { 0 };
	json_t *object = manifest();

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

Test(store, a_cut_line_is_mended)
{
	struct sm_store *store = open_new();
	struct sm_results results;
	struct sm_error err = { 0 };

	append(store, 0, "-");
	sm_store_close(store);
	add_text("slices.csv",
		 "1,0,7,700,100,5,81,,-,-,unclassified\n"); /* of a trial that did not end */
	add_text("samples.csv", "run,1,half a l");
	cr_assert_eq(sm_store_reopen(&store, folder, &err), 0, "%s", err.text);
	sm_store_close(store);
	load(&results);
	cr_expect_eq(results.sample_count, 2, "one, and its metric");
	cr_expect_eq(results.slice_count, 2);
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

Test(store, garbage_is_refused_with_its_line)
{
	sm_store_close(open_new());
	add_text("counters.csv", "0,cycles,perf::X,12,,,1,1,user,counted\n");
	add_text("counters.csv", "0,cycles,perf::X,-12,,,1,1,user,counted\n");
	expect_refused("counters.csv:3: \"-12\" is not a value of raw");
}

/* What a row repeats from the row before is not read again: neither the beginning of it nor more than it is a repetition. */
Test(store, each_row_has_its_own_values)
{
	static const char *const events[] = { "cycles", "cycle", "cycles", "cycles", "cycle-s", "" };
	static const unsigned raw[] = { 12, 123, 12, 12, 1, 10 };
	struct sm_store *store = open_new();
	struct sm_results results;

	for (unsigned trial = 0; trial < 6; trial++)
		append(store, trial, "-");
	sm_store_close(store);
	for (unsigned i = 0; i < 6; i++) {
		char line[96];

		snprintf(line, sizeof(line), "%u,\"%s\",perf::X,%u,,,1,1,user,counted\n", i, events[i],
			 raw[i]);
		add_text("counters.csv", line);
	}
	load(&results);
	cr_assert_eq(results.counter_count, 12);
	for (unsigned i = 0; i < 6; i++) {
		cr_expect_str_eq(results.counters[6 + i].event, events[i]);
		cr_expect_eq(results.counters[6 + i].raw, raw[i], "row %u", i);
	}
	sm_results_free(&results);
}

/* A quotation mark that begins no field says nothing; two of them in two lines must not make one row of both. */
Test(store, quotes_inside_of_fields_are_refused)
{
	sm_store_close(open_new());
	add_text("counters.csv", "0,cy\"cles,perf::X,12,,,1,1,user,counted\n");
	add_text("counters.csv", "1,cy\"cles,perf::X,12,,,1,1,user,counted\n");
	expect_refused("counters.csv:3: a quotation mark inside of a field");
}

Test(store, a_trial_has_one_row)
{
	struct sm_store *store = open_new();

	append(store, 0, "-");
	append(store, 1, "-");
	append(store, 0, "-");
	sm_store_close(store);
	expect_refused("samples.csv: trial 0 stands there twice");
}

Test(store, a_nul_is_refused)
{
	char path[128];
	FILE *file;

	sm_store_close(open_new());
	snprintf(path, sizeof(path), "%s/counters.csv", folder);
	file = fopen(path, "a");
	fwrite("0,cycles\0,perf::X,12,,,1,1,user,counted\n", 1, 40, file);
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

Test(store, the_analysis_comes_back)
{
	struct sm_store *store = open_new();
	struct sm_results results, again;
	struct sm_pair_row *pair;
	struct sm_claim_row *claim;
	struct sm_error err = { 0 };

	append(store, 0, "-");
	sm_store_close(store);
	load(&results);
	pair = sm_results_add_pair(&results);
	*pair = (struct sm_pair_row){ .group = "g",
				      .scenario = "s",
				      .params = "-",
				      .placement = "near",
				      .relation = "smt",
				      .left = "a",
				      .right = "b",
				      .klass = "81ns",
				      .leading = true,
				      .ratio = { 1.5, 1.25, NAN, 0.97, 8 },
				      .claim = "C1",
				      .verdict = SM_INCONCLUSIVE,
				      .reason = "why" };
	claim = sm_results_add_claim(&results);
	*claim = (struct sm_claim_row){ "C1",       "s", "a sentence, with a comma",
					"-",        "-", SM_REFUTED,
					"evidence", "-" };
	cr_assert_eq(sm_store_write_analysis(&results, &err), 0, "%s", err.text);
	load(&again);
	cr_assert(again.pair_count == 1 && again.claim_count == 1 && again.sample_count == 2);
	cr_expect(again.pairs[0].leading && again.pairs[0].verdict == SM_INCONCLUSIVE);
	cr_expect(again.pairs[0].ratio.low == 1.25 && isnan(again.pairs[0].ratio.high));
	cr_expect_eq(again.pairs[0].ratio.count, 8);
	cr_expect_str_eq(again.claims[0].sentence, "a sentence, with a comma");
	cr_expect_eq(again.claims[0].verdict, SM_REFUTED);
	sm_results_free(&again);
	sm_results_free(&results);
}

Test(store, json_holds_no_nan)
{
	cr_expect_null(json_real(NAN), "the library itself refuses");
}
