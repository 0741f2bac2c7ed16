/* A run folder in a place of its own, with made-up trials, and what changes its files.  Included once by a test program,
 * whose suite is `store`. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/store.h"

static char folder[64];

static inline void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/shmeter-store-XXXXXX");
	cr_assert(mkdtemp(folder));
}

static inline void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_expect_eq(system(command), 0);
}

static inline json_t *manifest(const char *status)
{
	return json_pack("{s:i, s:s, s:[{s:s}], s:{s:[{s:s, s:[s]}, {s:s, s:[s]}]}}", "schema_version",
			 SM_SCHEMA_VERSION, "status", status, "events", "name", "cycles", "plan", "cases", "id",
			 "s/v-1.5?even", "metrics", "fairness", "id", "s/v-1.5?odd", "metrics", "fairness");
}

static inline struct sm_case_row a_case(const char *id)
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

static inline void append_as(const char *id, struct sm_store *store, unsigned trial, const char *reason)
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
	struct sm_visit_row visits[2] = { { trial, 0, 2, 0, 1, 1, 200.5, 190, 1234 },
					  { trial, 1, 2, 1, 0, 12, 201, 191.25, 230 } };
	struct sm_trial_rows rows = { &c, &sample, slices, &counter, &metric, buckets, 2, 1, 1, 2, visits, 2 };

	cr_assert_eq(sm_store_append(store, &rows, &err), 0, "%s", err.text);
}

static inline void append(struct sm_store *store, unsigned trial, const char *reason)
{
	append_as(trial % 2 ? "s/v-1.5?odd" : "s/v-1.5?even", store, trial, reason);
}

static inline struct sm_store *open_new(void)
{
	struct sm_store *store;
	struct sm_error err = { 0 };
	json_t *object = manifest("complete");

	cr_assert_eq(sm_store_create(&store, folder, object, &err), 0, "%s", err.text);
	json_decref(object);
	return store;
}

static inline void load(struct sm_results *results)
{
	struct sm_error err = { 0 };

	sm_results_init(results);
	cr_assert_eq(sm_store_load(results, folder, &err), 0, "%s", err.text);
	cr_assert_eq(sm_results_prepare(results, &err), 0, "%s", err.text);
}

static inline void add_text(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "a");
	fputs(text, file);
	fclose(file);
}

static const char unfinished[] = "1,0,7,700,0,0,,,0,0,0,no\n1,1,7,700,0,0,,,0,0,0,no\n";

static inline void write_status(const char *status)
{
	json_t *object = manifest(status);
	struct sm_error err = { 0 };

	cr_assert_eq(sm_store_write_manifest(folder, object, &err), 0, "%s", err.text);
	json_decref(object);
}

static inline off_t size_of(const char *name)
{
	char path[128];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	cr_assert_eq(stat(path, &status), 0);
	return status.st_size;
}

static inline void keep_lines(const char *name, unsigned count)
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

static inline void expect_refused(const char *words)
{
	struct sm_results results;
	struct sm_error err = { 0 };

	sm_results_init(&results);
	cr_expect_eq(sm_store_load(&results, folder, &err), -EBADMSG);
	cr_expect(strstr(err.text, words), "\"%s\" is not in \"%s\"", words, err.text);
	sm_results_free(&results);
}

TestSuite(store, .init = make_folder, .fini = remove_folder);

#endif
