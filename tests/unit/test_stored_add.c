/* Baselines that a store keeps by type of machine: which runs become one, and which are removed. */
#include "stored_fixture.h"

static void make_folders(const char *host, unsigned count)
{
	for (unsigned i = 1; i <= count; i++)
		cr_assert_eq(mkdir(in(sm_results_string(&run, SHELF "/20250101T1000%02uZ-%s-7", i, host)), 0777), 0);
}

/* Only what lies between goes, of the same host. */
Test(stored, the_oldest_and_the_newest_ten_of_a_host_stay)
{
	make_run("new", 9, "a", "h1", 20);
	cr_assert_eq(mkdir(store, 0777), 0);
	cr_assert_eq(mkdir(in(SHELF), 0777), 0);
	make_folders("h1", SM_SHELF_KEEP + 1);
	make_folders("h12", SM_SHELF_KEEP + 1);
	make_folders("unknown", SM_SHELF_KEEP + 1);
	check("new");
	cr_expect(stored.added && stored.removed == 2, "%zu removed", stored.removed);
	cr_expect(!is_there(SHELF "/20250101T100011Z-h1-7") && !is_there(SHELF "/20250101T100012Z-h1-7"));
	cr_expect(is_there(SHELF "/20250101T100010Z-h1-7") && is_there(SHELF "/20250101T100013Z-h1-7"));
	cr_expect(is_there(SHELF "/20250101T100011Z-h12-7"));
	cr_expect(is_there(SHELF "/20250101T100001Z-unknown-7"));
	let_go();
	/* runs that do not record their host may be of many */
	make_run("nobody", 10, "a", "-", 20);
	check("nobody");
	cr_expect(stored.added && stored.removed == 0, "%zu removed", stored.removed);
	let_go();
	/* an older run than those would go at once */
	make_run("old", 1, "a", "h1", 20);
	edit("old", "started_utc", json_string("2024-01-01T10:00:00Z"));
	check("old");
	expect_not_added("the store has 20 newer runs of this host");
	let_go();
}

/* Hosts that come once, as hosted runners do, fill no disk; this host keeps its own. */
Test(stored, a_type_keeps_the_hosts_that_were_seen_last)
{
	make_run("new", 9, "a", "h1", 20);
	cr_assert_eq(mkdir(store, 0777), 0);
	cr_assert_eq(mkdir(in(SHELF), 0777), 0);
	make_folders("h1", 2);
	make_folders("h2", 3);
	for (unsigned i = 1; i <= SM_SHELF_TYPE_KEEP - 4; i++)
		cr_assert_eq(mkdir(in(sm_results_string(&run, SHELF "/20250101T2%05uZ-%s%u-7", i,
							i % 2 ? "x" : "unknown", i % 2 ? i : 0)),
				   0777),
			     0);
	check("new");
	/* 202 there: those of the host that came longest ago, all three, and no more */
	cr_expect(stored.added && stored.removed == 3, "%zu removed", stored.removed);
	cr_expect(stored.shelf.count == SM_SHELF_TYPE_KEEP - 2, "%zu", stored.shelf.count);
	cr_expect(is_there(SHELF "/20250101T100001Z-h1-7") && !is_there(SHELF "/20250101T100003Z-h2-7"));
	let_go();
}

/* What others keep beside the runs is not counted, read or removed. */
Test(stored, only_names_of_runs_are_removed)
{
	static const struct {
		const char *before, *after;
	} names[] = { { "0000000", "-notes--h1-7" },
		      { "20250101T1000", "-h1-7" },
		      { "20250101T1000", "Z-h1" },
		      { "20250101T1000", "Z-h1-7-copy" },
		      { "20250101T1000", "Z-h1-7.old" } };

	make_run("new", 9, "a", "h1", 20);
	cr_assert_eq(mkdir(store, 0777), 0);
	cr_assert_eq(mkdir(in(SHELF), 0777), 0);
	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		for (unsigned i = 0; i < 45; i++) /* more than a type keeps, in all */
			cr_assert_eq(mkdir(in(sm_results_string(&run, SHELF "/%s%02u%s", names[n].before, i,
								names[n].after)),
					   0777),
				     0);
	check("new");
	cr_expect(stored.added && stored.removed == 0, "%zu removed: %s", stored.removed, stored.why_not);
	expect_text(json_string_value(json_array_get(stored.left_out, 0)), "its name is not that of a run");
	let_go();
}

static void expect_kept_out(const char *name, const char *why)
{
	check(name);
	expect_not_added(why);
	let_go();
}

Test(stored, a_run_that_says_little_is_not_added)
{
	for (unsigned i = 1; i <= 3; i++)
		keep(i == 1 ? "a" : i == 2 ? "b" : "c", i, "a", "h1", 20 + 0.05 * i);
	make_run("slow", 4, "a", "h1", 30);
	expect_kept_out("slow", "a gate failed");
	make_run("injected", 6, "a", "h1", 20);
	edit("injected", "options", json_pack("{s:s}", "inject", "pack/packed=5"));
	expect_kept_out("injected", "it was measured with --inject");
	make_run("half", 7, "a", "h1", 20);
	edit("half", "status", json_string("interrupted"));
	expect_kept_out("half", "it was interrupted");
	make_run("to-come", 7, "a", "h1", 20);
	edit("to-come", "started_utc", json_string("2199-01-01T10:00:00Z"));
	expect_kept_out("to-come", "its start is in the future: set the clock");
	control = 1.5;
	make_run("moved", 8, "a", "h1", 20);
	expect_kept_out("moved", "the A/A control of this run moved");
}

static void reload(const char *text)
{
	sm_gates_free(&gates);
	load(text, 0);
	gates.store = store;
}

/* Times of a busy machine are no baseline.  Its ratios are, and gates about times leave such a run out. */
Test(stored, a_run_beside_other_load_is_added_where_ratios_are_compared)
{
	make_run("busy", 5, "a", "h1", 20);
	edit("busy", "noise", json_pack("{s:f}", "others_percent", 20.0));
	reload("[t]\ncase = pack/packed\nbaseline = yes\nmax = 1.05\n");
	expect_kept_out("busy", "during this run other processes used 20 %");
	reload(both_gates);
	check("busy");
	cr_expect(stored.added, "%s", stored.why_not);
	let_go();
}

/* What is slower than the gate allows would become normal, run by run, where the scatter hides it. */
Test(stored, a_run_beyond_the_bounds_is_not_added_whatever_its_verdict)
{
	keep("a", 1, "a", "h1", 19);
	keep("b", 2, "a", "h1", 20);
	keep("c", 3, "a", "h1", 21);
	make_run("slow", 4, "a", "h1", 21.4);
	check("slow");
	cr_expect(rows[0].verdict == SM_NOT_TESTABLE && rows[1].verdict == SM_NOT_TESTABLE);
	expect_text(rows[0].reason, "remove the runs of before from the store");
	expect_not_added("it is at 1.07 times the median of its baselines, beyond the max 1.05 of gate t");
	let_go();
	make_run("within", 5, "a", "h1", 20.8);
	check("within");
	cr_expect(stored.added, "%s", stored.why_not);
	let_go();
	reload("[t]\ncase = pack/packed\nbaseline = yes\nmin = 0.9\nmax = 9\n");
	make_run("fast", 6, "a", "h1", 17);
	expect_kept_out("fast", "beyond the min 0.9 of gate t");
}

/* Else each later run would be beyond the mean, and the store would stay as it is. */
Test(stored, an_odd_run_among_the_first_keeps_no_other_out)
{
	keep("odd", 1, "a", "h1", 10);
	for (unsigned i = 2; i <= 5; i++) {
		make_run(i == 2 ? "a" : i == 3 ? "b" : i == 4 ? "c" : "d", i, "a", "h1", 20 + 0.05 * i);
		check(i == 2 ? "a" : i == 3 ? "b" : i == 4 ? "c" : "d");
		cr_expect(stored.added, "%u: %s", i, stored.why_not);
		let_go();
	}
}

/* An exception for what a baseline does not hold, such as a count, does not stop the store. */
Test(stored, an_accepted_fail_keeps_a_run_out_only_on_a_baseline)
{
	for (unsigned i = 1; i <= 3; i++)
		keep(i == 1 ? "a" : i == 2 ? "b" : "c", i, "a", "h1", 20 + 0.05 * i);
	reload("[in]\ncase = pack/packed\nagainst = padded\nmax = 1.5\naccept = known\naccept_until = 2026-04-01\n");
	make_run("new", 9, "a", "h1", 20);
	check("new");
	cr_expect(sm_gate_accepted(&rows[0]));
	cr_expect(stored.added, "%s", stored.why_not);
	let_go();
	reload("[t]\ncase = pack/packed\nbaseline = yes\nmax = 1.05\naccept = known\naccept_until = 2026-04-01\n");
	make_run("slow", 10, "a", "h1", 30);
	check("slow");
	cr_expect(sm_gate_accepted(&rows[0]));
	expect_not_added("a gate failed");
	let_go();
}

/* Such runs would push the good ones out. */
Test(stored, a_run_whose_trials_failed_is_not_added)
{
	static const struct {
		enum sm_status status;
		size_t count;
		const char *why;
	} cases[] = {
		{ SM_TIMED_OUT, 1, "1 of its trials ended badly (the first of pack/" },
		{ SM_WORKER_DIED, 2, "2 of its trials ended badly" },
		{ SM_VERIFY_FAILED, 1, "verify_failed)" },
		{ SM_SKIPPED, 0, "no gate on a baseline has 6 blocks of it that count" },
		{ SM_DISTURBED, 0, "no gate on a baseline has 6 blocks of it that count" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *name = sm_status_name(cases[i].status);

		make_run("all-well", 1, "a", "h1", 20);
		/* from the end: of a case that no gate names */
		end_badly(cases[i].count ? run.sample_count - cases[i].count : 0,
			  cases[i].count ? cases[i].count : run.sample_count, cases[i].status);
		write_run(name);
		expect_kept_out(name, cases[i].why);
		cr_assert_eq(system(sm_results_string(&run, "rm -r %s", in("all-well"))), 0);
	}
}
