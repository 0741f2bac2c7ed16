/* Baselines that a store keeps by type of machine: which runs become one, and which are removed. */
#include "stored_fixture.h"

static void make_folders(const char *host, unsigned count)
{
	for (unsigned i = 1; i <= count; i++)
		cr_assert_eq(mkdir(in(sm_results_string(&run, SHELF "/20250101T1000%02uZ-%s-7", i, host)), 0777), 0);
}

/* Only the oldest of the same host go. */
Test(stored, the_newest_twenty_of_a_host_stay)
{
	make_run("new", 9, "a", "h1", 20);
	cr_assert_eq(mkdir(store, 0777), 0);
	cr_assert_eq(mkdir(in(SHELF), 0777), 0);
	make_folders("h1", SM_SHELF_KEEP + 1);
	make_folders("h12", SM_SHELF_KEEP + 1);
	make_folders("unknown", SM_SHELF_KEEP + 1);
	check("new");
	cr_expect(stored.added && stored.removed == 2, "%zu removed", stored.removed);
	cr_expect(!is_there(SHELF "/20250101T100001Z-h1-7") && !is_there(SHELF "/20250101T100002Z-h1-7"));
	cr_expect(is_there(SHELF "/20250101T100003Z-h1-7") && is_there(SHELF "/20250101T100001Z-h12-7"));
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
	make_run("busy", 5, "a", "h1", 20);
	edit("busy", "noise", json_pack("{s:f}", "others_percent", 20.0));
	expect_kept_out("busy", "during this run other processes used 20 %");
	make_run("injected", 6, "a", "h1", 20);
	edit("injected", "options", json_pack("{s:s}", "inject", "pack/packed=5"));
	expect_kept_out("injected", "it was measured with --inject");
	make_run("half", 7, "a", "h1", 20);
	edit("half", "status", json_string("interrupted"));
	expect_kept_out("half", "it was interrupted");
	control = 1.5;
	make_run("moved", 8, "a", "h1", 20);
	expect_kept_out("moved", "the A/A control of this run moved");
}
