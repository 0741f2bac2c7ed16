/* Baselines that a store keeps by type of machine: which are found, and what a damaged or hostile store does. */
#include <errno.h>
#include <time.h>

#include "stored_fixture.h"

Test(stored, an_empty_store_is_begun_and_knows_its_runs)
{
	char *text;

	make_run("one", 1, "a", "h1", 20);
	check("one");
	expect_found(0, 0);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "the store has no baseline of this type of machine yet");
	cr_expect(stored.added);
	text = printed();
	expect_text(text, "No baseline of this type yet in ");
	expect_text(text, "(type amd-epyc-tm-7-a): begun with this run. Added as ");
	expect_text(text, SHELF "/20260101T100000Z-h1-7 (1 of this type).");
	free(text);
	let_go();
	/* what it keeps is a whole run, and the run is not its own baseline */
	cr_assert_eq(sm_baselines_add(&baselines, in(SHELF "/20260101T100000Z-h1-7"), known, 3, &err), 0, "%s",
		     err.text);
	sm_baselines_free(&baselines);
	check("one");
	expect_found(0, 0);
	expect_not_added("it is in the store already");
	let_go();
}

Test(stored, a_store_needs_a_folder_above_it)
{
	make_run("one", 1, "a", "h1", 20);
	snprintf(store, sizeof(store), "%s/no/store", place);
	cr_expect_eq(find("one"), -ENOENT);
	expect_text(err.text, "the folder above it does not exist");
	let_go();
	snprintf(store, sizeof(store), "%s/one/manifest.json", place);
	cr_expect_eq(find("one"), -ENOTDIR);
	expect_text(err.text, "is no folder: name another --baseline-store");
	let_go();
}

Test(stored, runs_of_the_host_count_for_times_and_those_of_another_for_ratios)
{
	json_t *json;
	char *text;

	for (unsigned i = 1; i <= 3; i++)
		keep(i == 1 ? "a" : i == 2 ? "b" : "c", i, "a", "h1", 20 + 0.05 * i);
	make_run("new", 9, "a", "h1", 20.1);
	check("new");
	expect_found(3, 3);
	cr_expect(rows[0].verdict == SM_SUPPORTED && rows[0].baseline_runs == 3, "%s", rows[0].reason);
	cr_expect(stored.added && stored.shelf.count == 3);
	let_go();

	make_run("there", 10, "a", "h2", 20.1);
	check("there");
	expect_found(0, 4);
	cr_expect_eq(rows[0].verdict, SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "is of another host of the same type: pass --same-type");
	cr_expect(rows[1].verdict == SM_SUPPORTED && rows[1].baseline_runs == 4, "%s", rows[1].reason);
	cr_expect(stored.added);
	let_go();

	make_run("here", 11, "a", "h1", 20.1);
	gates.same_type = true;
	check("here");
	expect_found(4, 5);
	cr_expect_eq(rows[0].baseline_runs, 5);
	text = printed();
	cr_expect(!strstr(text, "only ratios are compared") && !strstr(text, "--same-type"), "%s", text);
	expect_text(text, "Found 5 runs of this type in ");
	free(text);
	json = sm_gates_json(&(struct sm_gate_report){
		.gates = &gates, .rows = rows, .run = &run, .baselines = &baselines, .stored = &stored });
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(json, "baseline_store"), "of_type")), 5);
	cr_expect_eq(json_integer_value(json_object_get(json_object_get(json, "baseline_store"), "of_host")), 4);
	cr_expect_str_eq(json_string_value(json_object_get(json_object_get(json, "baseline_store"), "added")),
			 "20260111T100000Z-h1-7");
	json_decref(json);
	let_go();
}

/* Blocks are sure of any difference, and a run that fails is not added: the first run would decide for ever. */
Test(stored, one_run_of_a_store_fails_nothing)
{
	keep("odd", 1, "a", "h1", 10);
	make_run("new", 9, "a", "h1", 20);
	check("new");
	cr_expect_eq(rows[1].verdict, SM_INCONCLUSIVE);
	expect_text(rows[1].reason, "too few baseline runs to detect a failure: 1 of at least 3");
	cr_expect(stored.added);
	let_go();
}

Test(stored, another_type_has_a_shelf_of_its_own)
{
	keep("a", 1, "a", "h1", 20);
	keep("b", 2, "b", "h1", 20);
	make_run("new", 9, "b", "h1", 20);
	cr_assert_eq(find("new"), 0);
	expect_found(1, 1);
	let_go();
	cr_expect(is_there(SHELF) && is_there("store/amd-epyc-tm-7-b"));
}

/* Also where others of the type fill the places. */
Test(stored, runs_of_the_host_come_before_newer_ones_of_others)
{
	keep("a", 1, "a", "h1", 20);
	keep("b", 2, "a", "h1", 20.1);
	make_run("other", 3, "a", "h2", 20);
	for (unsigned i = 0; i < SM_BASELINE_RUNS_MAX; i++) {
		char name[80];

		json_object_set_new(run.manifest, "seed", json_string(sm_results_string(&run, "%u", i)));
		snprintf(name, sizeof(name), SHELF "/20260103T100000Z-h2-%u", i);
		write_run(name);
	}
	make_run("new", 9, "a", "h1", 20);
	cr_assert_eq(find("new"), 0);
	expect_found(2, SM_BASELINE_RUNS_MAX);
	let_go();
}

/* Jobs of a pool, with a seed that is given. */
Test(stored, two_hosts_may_begin_in_one_second)
{
	keep("a", 1, "a", "h1", 20);
	keep("b", 1, "a", "h2", 20);
	make_run("new", 1, "a", "h3", 20);
	cr_assert_eq(find("new"), 0);
	expect_found(0, 2);
	cr_expect_eq(json_array_size(stored.left_out), 0);
	let_go();
}

/* Each damaged run is left out with a sentence; the others count. */
Test(stored, a_damaged_run_is_left_out)
{
	static const char *const why[] = {
		"run 20260104T100000Z-h1-7 of the store is left out: ",
		"run 20260103T100000Z-h1-7 of the store is left out: it is of another type of machine",
		"run 20260102T100000Z-h1-7 of the store is left out: its samples.csv is a link",
	};

	for (unsigned i = 1; i <= 4; i++)
		keep(i == 1 ? "a" : i == 2 ? "b" : i == 3 ? "c" : "d", i, "a", "h1", 20);
	cr_assert_eq(truncate(in(SHELF "/20260104T100000Z-h1-7/slices.csv"), 300), 0);
	edit(SHELF "/20260103T100000Z-h1-7", "identity", json_pack("{s:s, s:s}", "type", "b", "host", "h1"));
	unlink(in(SHELF "/20260102T100000Z-h1-7/samples.csv"));
	cr_assert_eq(symlink(in("b/samples.csv"), in(SHELF "/20260102T100000Z-h1-7/samples.csv")), 0);
	make_run("new", 9, "a", "h1", 20);
	check("new");
	expect_found(1, 1);
	cr_assert_eq(json_array_size(stored.left_out), 3);
	for (size_t i = 0; i < 3; i++)
		expect_text(json_string_value(json_array_get(stored.left_out, i)), why[i]);
	expect_text(json_string_value(json_array_get(stored.left_out, 1)), "; remove ");
	cr_expect(stored.added);
	let_go();
}

/* A copy of a run under another name would count it twice, or hold a run against itself. */
Test(stored, a_copy_under_another_name_is_left_out)
{
	keep("a", 1, "a", "h1", 20);
	make_run("new", 9, "a", "h1", 20);
	write_run("copy");
	cr_assert_eq(rename(in("copy"), in(SHELF "/20260102T100000Z-h1-7")), 0);
	make_run("old", 1, "a", "h1", 20);
	cr_assert_eq(rename(in("old"), in(SHELF "/20260103T100000Z-h1-7")), 0);
	cr_assert_eq(find("new"), 0);
	expect_found(1, 1);
	cr_assert_eq(json_array_size(stored.left_out), 2);
	expect_text(json_string_value(json_array_get(stored.left_out, 1)), "given twice");
	expect_text(json_string_value(json_array_get(stored.left_out, 0)), "it is a copy of the run that is checked");
	let_go();
}

static void make_old(const char *name)
{
	const struct timespec old = { .tv_sec = time(NULL) - 2 * 86400 }, times[2] = { old, old };

	cr_assert_eq(utimensat(AT_FDCWD, in(name), times, AT_SYMLINK_NOFOLLOW), 0);
}

/* What a killed writer left is no run, and is removed when it is old. */
Test(stored, leftovers_are_ignored_and_removed_when_old)
{
	keep("a", 1, "a", "h1", 20);
	make_run("part", 2, "a", "h1", 20);
	cr_assert_eq(rename(in("part"), in(SHELF "/.part-old")), 0);
	make_run("part", 3, "a", "h1", 20);
	cr_assert_eq(rename(in("part"), in(SHELF "/.part-new")), 0);
	make_old(SHELF "/.part-old");
	make_run("new", 9, "a", "h1", 20);
	check("new");
	expect_found(1, 1);
	cr_expect_eq(json_array_size(stored.left_out), 0);
	cr_expect(!is_there(SHELF "/.part-old") && is_there(SHELF "/.part-new"));
	let_go();
}

/* Nothing outside the store is read, written or removed, whoever made it. */
Test(stored, no_link_leads_out_of_the_store)
{
	keep("a", 1, "a", "h1", 20);
	make_run("outside", 2, "a", "h1", 20);
	cr_assert_eq(symlink(in("outside"), in(SHELF "/20260102T100000Z-h1-7")), 0);
	cr_assert_eq(symlink(in("outside"), in(SHELF "/.part-link")), 0);
	make_old(SHELF "/.part-link");
	make_run("new", 9, "a", "h1", 20);
	check("new");
	expect_found(1, 1);
	cr_assert_eq(json_array_size(stored.left_out), 1);
	expect_text(json_string_value(json_array_get(stored.left_out, 0)), "it is a link");
	cr_expect(!is_there(SHELF "/.part-link") && is_there("outside/samples.csv"));
	let_go();
	/* a link in the place of the type, or of the run to come */
	cr_assert_eq(rename(in(SHELF), in("elsewhere")), 0);
	cr_assert_eq(symlink(in("elsewhere"), in(SHELF)), 0);
	cr_expect_eq(find("new"), -ENOTDIR);
	expect_text(err.text, "is no folder, or a link, which a store does not follow: remove it");
	let_go();
}

Test(stored, a_link_in_the_place_of_the_run_is_not_followed)
{
	keep("a", 1, "a", "h1", 20);
	cr_assert_eq(mkdir(in("outside"), 0777), 0);
	make_run("new", 9, "a", "h1", 20);
	cr_assert_eq(find("new"), 0);
	cr_assert_eq(symlink(in("outside"), in(SHELF "/20260109T100000Z-h1-7")), 0);
	cr_expect(sm_stored_add(&stored, &run, NULL, 0, &err) < 0);
	cr_expect(!stored.added && !is_there("outside/manifest.json"));
	let_go();
}

/* Both look before either adds; what is added twice is there once. */
Test(stored, two_writers_at_once_both_succeed)
{
	struct sm_shelf other, same;
	size_t removed;

	make_run("one", 1, "a", "h1", 20);
	make_run("two", 2, "a", "h2", 20);
	cr_assert_eq(sm_shelf_open(&other, store, run.manifest, &err), 0);
	cr_assert_eq(find("one"), 0);
	cr_assert_eq(sm_shelf_open(&same, store, run.manifest, &err), 0);
	cr_expect_eq(sm_shelf_add(&other, in("two"), &removed, &err), 0, "%s", err.text);
	cr_expect_eq(sm_shelf_add(&same, in("one"), &removed, &err), 0, "%s", err.text);
	cr_expect(same.there && same.count == 1);
	cr_expect_eq(sm_stored_add(&stored, &run, NULL, 0, &err), 0, "%s", err.text);
	expect_not_added("it is in the store already");
	let_go();
	sm_shelf_free(&other);
	sm_shelf_free(&same);
	cr_assert_eq(find("one"), 0);
	cr_expect(stored.shelf.there && stored.shelf.count == 1);
	expect_found(0, 1);
	let_go();
	cr_expect_eq(system(sm_results_string(&run, "[ $(ls -A %s/" SHELF " | wc -l) = 2 ]", place)), 0,
		     "something is left");
}

/* A verdict stands though the store cannot be written. */
Test(stored, a_store_that_cannot_be_written_is_told)
{
	make_run("one", 1, "a", "h1", 20);
	cr_assert_eq(find("one"), 0);
	close(open(in(SHELF), O_CREAT | O_WRONLY, 0666));
	cr_expect_eq(sm_stored_add(&stored, &run, NULL, 0, &err), -ENOTDIR);
	expect_text(err.text, "is no folder, or a link");
	expect_not_added("is no folder, or a link");
	let_go();
}

/* What a stranger's manifest says is never a path. */
Test(stored, names_from_a_manifest_are_checked)
{
	static const struct {
		const char *key, *text;
	} bad[] = { { "type", "../../x" },
		    { "type", "" },
		    { "seed", "7/../../../x" },
		    { "started_utc", "2026-01-01T10:00:0/Z" },
		    { "started_utc", "2026-01-01T10:00:00Z/.." },
		    { "started_utc", "2026-99-99T99:99:99Z" },
		    { "started_utc", "2026" } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char name[16];

		snprintf(name, sizeof(name), "bad-%zu", i);
		make_run(name, 1, "a", "h1", 20);
		if (i < 2)
			json_object_set_new(run.manifest, "identity",
					    json_pack("{s:s, s:s}", "type", bad[i].text, "host", "h1"));
		else
			json_object_set_new(run.manifest, bad[i].key, json_string(bad[i].text));
		struct sm_shelf shelf;

		cr_expect_eq(sm_shelf_open(&shelf, store, run.manifest, &err), -EINVAL, "%s", bad[i].text);
		expect_text(err.text, "lacks the type of machine, the start or the seed");
		sm_shelf_free(&shelf);
	}
	cr_expect(!is_there("store"));
	/* a host that is no word is nobody's, and a model is only its letters and digits */
	make_run("odd", 1, "a", "../h", 20);
	json_object_set_new(json_object_get(run.manifest, "environment"), "cpu_model", json_string("../../.\x01/--"));
	struct sm_shelf shelf;

	cr_assert_eq(sm_shelf_open(&shelf, store, run.manifest, &err), 0);
	cr_expect_str_eq(shelf.name, "20260101T100000Z-unknown-7");
	cr_expect_str_eq(shelf.type, "a");
	sm_shelf_free(&shelf);
}
