/* Damage in a run folder is refused in a sentence with the file and the line. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store_fixture.h"

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
		{ "visits.csv", "0,1,2,1,0,201,191.25,230,12\n",
		  "visits.csv:4: visit 1 of 2 of trial 0 stands where visit 2 should", 3,
		  "visits.csv: 1 of 2 visits of trial 0" },
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

/* A visit has two PUs, and all visits of a trial agree on how many there are. */
Test(store, visits_that_cannot_be_are_refused)
{
	static const struct {
		const char *rows, *words;
	} cases[] = {
		{ "0,0,1,3,3,5,4,6,1\n", "visits.csv:2: a visit of trial 0 goes from PU 3 to itself" },
		{ "0,0,2,3,4,5,4,6,1\n0,1,3,3,5,5,4,6,1\n",
		  "visits.csv:3: trial 0 has 3 visits, and 2 in the line before" },
		{ "0,1,1,3,4,5,4,6,1\n", "visits.csv:2: visit 1 of 1 of trial 0 stands where visit 0 should" },
		{ "0,0,1,3,4,-5,4,6,1\n", "visits.csv:2" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sm_store *store = open_new();

		append(store, 0, "-");
		sm_store_close(store);
		keep_lines("visits.csv", 1);
		add_text("visits.csv", cases[i].rows);
		expect_refused(cases[i].words);
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
