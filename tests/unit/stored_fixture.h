/* A store of baselines in a folder of its own, and made-up runs that are held against it and added to it.  Included once by a
 * test program, whose suite is `stored`. */
#ifndef STORED_FIXTURE_H
#define STORED_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "gate_fixture.h"
#include "shmeter/store.h"

/* The shelf of the type "a". */
#define SHELF "store/amd-epyc-tm-7-a"

static const char both_gates[] = "[t]\ncase = pack/packed\nbaseline = yes\nmax = 1.05\n"
				 "[r]\ncase = pack/packed\nagainst = padded\nbaseline = yes\nmax = 1.05\n";

static char place[64], store[80];
static struct sm_stored stored;
static struct sm_baselines baselines;
static double control; /* factor between the sides of the run's control; 0: it has none */

static inline void make_place(void)
{
	set_up();
	snprintf(place, sizeof(place), "/tmp/shmeter-stored-XXXXXX");
	cr_assert(mkdtemp(place));
	snprintf(store, sizeof(store), "%s/store", place);
	load(both_gates, 0);
	gates.store = store;
}

static inline void remove_place(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", place);
	cr_expect_eq(system(command), 0);
	sm_gates_free(&gates);
	tear_down();
}

TestSuite(stored, .init = make_place, .fini = remove_place);

/* A path in the test's folder; at most four at a time. */
static inline const char *in(const char *name)
{
	static char path[4][512];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", place, name);
	return path[next];
}

static inline bool is_there(const char *name)
{
	struct stat status;

	return lstat(in(name), &status) == 0;
}

/* Writes the made-up run into a folder, with the manifest that it has so far. */
static inline void write_run(const char *name)
{
	struct sm_store *out;

	cr_assert_eq(sm_store_create(&out, in(name), run.manifest, &err), 0, "%s", err.text);
	for (size_t i = 0; i < run.sample_count; i++) {
		const struct sm_sample *sample = &run.samples[i];
		struct sm_slice_facts facts[SLICES] = { 0 };
		struct sm_trial_rows of = { .c = &run.cases[sample->case_index], .sample = sample, .slices = facts };

		for (size_t s = 0; s < run.slice_count; s++)
			if (run.slices[s].trial == sample->trial) {
				struct sm_slice_facts *one = &facts[of.slice_count++];

				one->row = run.slices[s];
				one->before = (struct sm_probes){ 1, { run.slices[s].probe_before_ns } };
				one->after = (struct sm_probes){ 1, { run.slices[s].probe_after_ns } };
			}
		cr_assert_eq(sm_store_append(out, &of, &err), 0, "%s", err.text);
	}
	sm_store_close(out);
}

/* A run folder of this name: begun on this day, on a host of a type, with this time of the case. */
static inline void make_run(const char *name, unsigned day, const char *type, const char *host, double packed)
{
	sm_results_free(&run);
	set_up();
	add_pack_point("op=add", packed, 10, 10, 8);
	if (control > 0)
		add_control(control);
	json_object_set_new(run.manifest, "schema_version", json_integer(SM_SCHEMA_VERSION));
	json_object_set_new(run.manifest, "status", json_string("complete"));
	json_object_set_new(run.manifest, "events", json_array());
	json_object_set_new(run.manifest, "started_utc",
			    json_string(sm_results_string(&run, "2026-01-%02uT10:00:00Z", day)));
	json_object_set_new(run.manifest, "seed", json_string("7"));
	json_object_set_new(run.manifest, "identity", json_pack("{s:s, s:s}", "type", type, "host", host));
	json_object_set_new(json_object_get(run.manifest, "environment"), "cpu_model", json_string("AMD EPYC (tm) 7"));
	write_run(name);
}

/* Changes the manifest of a run folder. */
static inline void edit(const char *name, const char *key, json_t *value)
{
	char path[600];
	json_t *manifest;

	snprintf(path, sizeof(path), "%s/manifest.json", in(name));
	manifest = json_load_file(path, 0, NULL);
	cr_assert(manifest);
	json_object_set_new(manifest, key, value);
	cr_assert_eq(json_dump_file(manifest, path, 0), 0);
	json_decref(manifest);
}

static inline int find(const char *name)
{
	sm_results_free(&run);
	sm_results_init(&run);
	err = (struct sm_error){ 0 };
	cr_assert_eq(sm_store_load(&run, in(name), &err), 0, "%s", err.text);
	return sm_stored_find(&stored, store, &run, known, 3, &baselines, &err);
}

static inline void let_go(void)
{
	sm_stored_free(&stored);
	sm_baselines_free(&baselines);
}

/* As the command does: finds, judges, adds. */
static inline void check(const char *name)
{
	cr_assert_eq(find(name), 0, "%s", err.text);
	cr_assert_eq(sm_gates_judge(&gates, &run, &baselines, known, 3, rows, &err), 0, "%s", err.text);
	cr_assert_eq(sm_stored_add(&stored, &run, rows, gates.count, &err), 0, "%s", err.text);
}

static inline void expect_found(size_t of_host, size_t of_type)
{
	cr_expect(stored.of_host == of_host && stored.of_type == of_type, "%zu of host, %zu of type", stored.of_host,
		  stored.of_type);
	cr_expect_eq(baselines.count, of_type);
}

static inline void expect_not_added(const char *why)
{
	cr_expect(!stored.added);
	expect_text(stored.why_not, why);
}

/* Puts a new run into the store, whatever its verdict. */
static inline void keep(const char *name, unsigned day, const char *type, const char *host, double packed)
{
	make_run(name, day, type, host, packed);
	cr_assert_eq(find(name), 0, "%s", err.text);
	cr_assert_eq(sm_stored_add(&stored, &run, NULL, 0, &err), 0, "%s", err.text);
	cr_assert(stored.added, "%s", stored.why_not);
	let_go();
}

static inline char *printed(void)
{
	struct sm_gate_report report = {
		.gates = &gates, .rows = rows, .run = &run, .baselines = &baselines, .stored = &stored, .width = 1000
	};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	sm_gates_print(&report, out);
	fclose(out);
	return text;
}

#endif
