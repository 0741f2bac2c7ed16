/* Several holders of one setting: the first old value is put back by the last one, and none loses pages to another.  The
 * pool is a folder of files; its holders are living processes that know nothing of it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/ledger.h"
#include "shmeter/team.h"
#include "shmeter/text.h"

static char folder[64], pool[128], choice[128], ledger[128];
static struct sm_undone last;

static void put(const char *name, const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/shmeter-holders-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	setenv("SHMETER_STATE_DIR", folder, 1);
	snprintf(pool, sizeof(pool), "%s/nr_hugepages", folder);
	snprintf(choice, sizeof(choice), "%s/shmem_enabled", folder);
	snprintf(ledger, sizeof(ledger), "%s/settings.json", folder);
	put("nr_hugepages", "3");
	put("free_hugepages", "2");
	put("resv_hugepages", "1");
	put("surplus_hugepages", "0");
	put("shmem_enabled", "never");
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(holders, .init = make_folder, .fini = remove_folder, .timeout = 20);

static void expect(const char *path, const char *value)
{
	char text[64];

	cr_assert_eq(sm_read_file(path, text, sizeof(text)), 0);
	cr_expect_str_eq(text, value);
}

static void expect_no_ledger(void)
{
	cr_expect_lt(access(ledger, F_OK), 0, "the ledger is left");
}

static char old[SM_SETTING_MAX];

static int hold_pages(uint64_t pages, pid_t owner, pid_t keeper)
{
	return sm_ledger_hold(&(struct sm_wish){ .path = pool, .pages = pages }, owner, keeper, old, NULL);
}

static int hold_value(const char *value, pid_t owner, struct sm_error *err)
{
	return sm_ledger_hold(&(struct sm_wish){ .path = choice, .value = value }, owner, 0, old, err);
}

static void leave(const char *path, pid_t owner)
{
	cr_expect_eq(sm_ledger_leave(path, owner, sm_process_begun(owner), NULL, NULL), 0);
}

/* A member of every entry of an owner, as its death, or another program, would have it. */
static void edit(pid_t owner, const char *key, json_t *value)
{
	json_t *list = json_load_file(ledger, 0, NULL), *entry;
	size_t i;

	json_array_foreach (list, i, entry)
		if (json_integer_value(json_object_get(entry, "owner")) == owner)
			cr_assert_eq(json_object_set(entry, key, value), 0);
	cr_assert_eq(json_dump_file(list, ledger, 0), 0);
	json_decref(value);
	json_decref(list);
}

static void tell(const struct sm_undone *undone)
{
	last = *undone;
}

static bool any(const char *path)
{
	(void)path;
	return true;
}

/* Two of the three pages are in use before: one is mapped, one promised. */
Test(holders, the_first_may_leave_first)
{
	pid_t a = getpid(), b = getppid();

	cr_expect_eq(hold_pages(32, a, 0), 1);
	cr_expect_str_eq(old, "3");
	expect(pool, "34");
	put("free_hugepages", "0"); /* it uses them all: they are not others' for that */
	cr_expect_eq(hold_pages(33, b, 0), 1);
	cr_expect_str_eq(old, "3");
	expect(pool, "67");
	leave(pool, a);
	expect(pool, "35");
	leave(pool, b);
	expect(pool, "3");
	expect_no_ledger();
}

Test(holders, the_first_may_leave_last)
{
	pid_t a = getpid(), b = getppid();

	hold_pages(32, a, 0);
	hold_pages(33, b, 0);
	leave(pool, b);
	expect(pool, "34");
	hold_pages(5, b, 0);
	expect(pool, "39");
	leave(pool, b);
	leave(pool, a);
	expect(pool, "3");
	expect_no_ledger();
}

/* What is there for both is held for both. */
Test(holders, a_pool_that_is_large_enough_is_held_all_the_same)
{
	pid_t a = getpid(), b = getppid();

	put("nr_hugepages", "64");
	put("free_hugepages", "64");
	put("resv_hugepages", "0");
	hold_pages(40, a, 0);
	expect(pool, "64");
	hold_pages(40, b, 0);
	expect(pool, "80");
	leave(pool, a);
	expect(pool, "64");
	leave(pool, b);
	expect(pool, "64");
	expect_no_ledger();
}

/* Somebody else has made it larger: it is theirs until the last one puts the old value back. */
Test(holders, who_joins_takes_nothing_away)
{
	pid_t a = getpid(), b = getppid();

	hold_pages(4, a, 0);
	put("nr_hugepages", "100");
	hold_pages(4, b, 0);
	expect(pool, "100");
	leave(pool, a);
	leave(pool, b);
	expect(pool, "3");
}

/* Both the run and its guard were killed: who comes next copies what it noted, and puts it back. */
Test(holders, the_next_one_puts_back_what_a_dead_one_has_left)
{
	pid_t a = getpid(), b = getppid();

	hold_pages(32, a, 0);
	edit(a, "begun", json_integer(1));
	put("free_hugepages", "33"); /* it uses them no more */
	hold_pages(8, b, 0);
	cr_expect_str_eq(old, "3");
	expect(pool, "34");
	leave(pool, b);
	expect(pool, "3");
	expect_no_ledger();
}

/* The same where it died later, and of the two that stay one uses what was asked for. */
Test(holders, a_dead_one_is_not_waited_for)
{
	pid_t a = getpid(), b = getppid();

	hold_pages(8, b, 0);
	hold_pages(32, a, 0);
	expect(pool, "42");
	edit(a, "begun", json_integer(1));
	cr_expect_eq(sm_ledger_undo(any, tell, NULL), 0);
	cr_expect_eq(last.result, SM_UNDO_IN_USE);
	cr_expect_eq(last.owner, b);
	expect(pool, "10");
	leave(pool, b);
	expect(pool, "3");
	expect_no_ledger();
}

static int hold_and_end(void *argument, unsigned index)
{
	(void)argument;
	(void)index;
	return hold_pages(32, getpid(), 0) < 0;
}

/* Its parent has better to do than to wait for it. */
Test(holders, who_has_ended_and_is_not_yet_waited_for_is_dead)
{
	struct sm_team team;
	unsigned first;

	cr_assert_eq(sm_team_start(&team, 1, "run", hold_and_end, NULL, NULL, NULL), 0);
	for (int i = 0; i < 500 && sm_process_begun(team.member[0].pid) != 0; i++)
		usleep(10000);
	cr_expect_eq(kill(team.member[0].pid, 0), 0, "it was waited for");
	expect(pool, "34");
	cr_expect_eq(sm_ledger_undo(any, tell, NULL), 1);
	expect(pool, "3");
	expect_no_ledger();
	cr_expect_eq(sm_team_wait(&team, UINT64_MAX, NULL, &first), SM_TEAM_DONE);
	sm_team_free(&team);
}

/* Its keeper will come for the ledger. */
Test(holders, lives_while_its_keeper_lives)
{
	pid_t a = getpid(), b = getppid();

	hold_pages(32, a, b);
	edit(a, "begun", json_integer(1));
	hold_pages(8, b, 0);
	leave(pool, b);
	expect(pool, "34");
	cr_expect_eq(sm_ledger_leave(pool, a, 1, NULL, NULL), 0);
	expect(pool, "3");
	expect_no_ledger();
}

/* Pages that the kernel has lent (surplus) are not the administrator's. */
Test(holders, surplus_is_no_old_value)
{
	put("nr_hugepages", "11");
	put("surplus_hugepages", "8");
	hold_pages(32, getpid(), 0);
	cr_expect_str_eq(old, "3");
	expect(pool, "42"); /* 11 - (2 - 1) are in use */
	put("surplus_hugepages", "0");
	leave(pool, getpid());
	expect(pool, "3");
}

Test(holders, overcommit_adds_up)
{
	pid_t a = getpid(), b = getppid();

	put("nr_overcommit_hugepages", "0");
	snprintf(pool, sizeof(pool), "%s/nr_overcommit_hugepages", folder);
	hold_pages(32, a, 0);
	put("surplus_hugepages", "32");
	hold_pages(8, b, 0);
	expect(pool, "40");
	leave(pool, a);
	expect(pool, "8");
	leave(pool, b);
	expect(pool, "0");
}

Test(holders, of_a_value_agree)
{
	pid_t a = getpid(), b = getppid();
	struct sm_error err = { 0 };
	char number[32];

	cr_expect_eq(hold_value("advise", a, NULL), 1);
	cr_expect_eq(hold_value("always", b, &err), -EBUSY);
	snprintf(number, sizeof(number), "process %d", (int)a);
	cr_expect(strstr(err.text, number) && strstr(err.text, "advise") && strstr(err.text, "always"), "%s", err.text);
	expect(choice, "advise");
	cr_expect_eq(hold_value("advise", b, NULL), 1);
	leave(choice, a);
	expect(choice, "advise");
	leave(choice, b);
	expect(choice, "never");
	expect_no_ledger();
}

Test(holders, a_value_that_is_so_is_nobodys)
{
	cr_expect_eq(hold_value("never", getpid(), NULL), 0);
	cr_expect_eq(hold_pages(1, 0, 0), 0); /* applied: there is one */
	expect_no_ledger();
}

/* Applied while a run has it so: it stays when the run ends. */
Test(holders, what_a_run_has_set_can_be_applied)
{
	pid_t a = getpid();

	hold_value("advise", a, NULL);
	hold_pages(32, a, 0);
	cr_expect_eq(hold_value("advise", 0, NULL), 1);
	cr_expect_eq(hold_pages(8, 0, 0), 1);
	leave(choice, a);
	leave(pool, a);
	expect(choice, "advise");
	expect(pool, "10");
	cr_expect_eq(sm_ledger_undo(any, tell, NULL), 2);
	expect(choice, "never");
	expect(pool, "3");
	expect_no_ledger();
}

/* `tune --apply` beside a run, twice, and undone while the run goes on. */
Test(holders, what_is_applied_outlives_a_run)
{
	pid_t a = getpid();
	struct sm_error err = { 0 };

	hold_pages(32, a, 0);
	hold_pages(512, 0, 0);
	hold_pages(512, 0, 0);
	expect(pool, "546");
	hold_value("advise", 0, NULL);
	cr_expect_eq(hold_value("always", a, &err), -EBUSY);
	cr_expect_not_null(strstr(err.text, "tune --undo"), "%s", err.text);
	leave(pool, a);
	expect(pool, "514");
	hold_pages(32, a, 0);
	cr_expect_eq(sm_ledger_undo(any, tell, NULL), 1);
	expect(choice, "never");
	expect(pool, "34");
	leave(pool, a);
	expect(pool, "3");
	expect_no_ledger();
}

/* The folder was swept while a run went on: its guard knows what it had noted. */
Test(holders, a_lost_ledger_loses_nothing)
{
	pid_t a = getpid();

	hold_pages(32, a, 0);
	cr_assert_eq(unlink(ledger), 0);
	cr_expect_eq(sm_ledger_leave(pool, a, sm_process_begun(a), "3", NULL), 0);
	expect(pool, "3");
	expect_no_ledger();
}

Test(holders, a_change_that_fails_is_not_noted)
{
	struct sm_error err = { 0 };

	cr_expect_lt(sm_ledger_hold(&(struct sm_wish){ .path = "/proc/version", .value = "8" }, getpid(), 0, old, &err),
		     0);
	cr_expect_not_null(strstr(err.text, "/proc/version"), "%s", err.text);
	expect_no_ledger();
}

/* Who cannot be told from a later process of its number. */
Test(holders, who_is_not_there_holds_nothing)
{
	cr_expect_lt(hold_pages(32, 4194304, 0), 0); /* one more than there can be */
	cr_expect_lt(hold_pages(32, getpid(), 4194304), 0);
	expect(pool, "3");
	expect_no_ledger();
}

/* Entries that no build can have written: refused, and kept for whoever looks at them. */
Test(holders, what_cannot_be_read_is_not_lost)
{
	static const struct {
		const char *key, *value;
	} bad[] = {
		{ "owner", "4294967297" },
		{ "owner", "-1" },
		{ "owner", "1.5" },
		{ "begun", "-1" },
		{ "keeper", "9223372036854775807" },
		{ "pages", "-32" },
		{ "pages", "1152921504606846976" },
		{ "in_use", "\"2\"" },
		{ "old", "\"3x\"" },
		{ "old", "3" },
		{ "boot", "\"\"" },
		{ "path", "null" },
		{ "value", "7" },
	};
	pid_t a = getpid(), b = getppid();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct sm_error err = { 0 };
		json_t *list;

		put("nr_hugepages", "3");
		hold_pages(32, a, 0);
		hold_pages(32, b, 0);
		edit(b, bad[i].key, json_loads(bad[i].value, JSON_DECODE_ANY, NULL));
		cr_expect_eq(sm_ledger_hold(&(struct sm_wish){ .path = pool, .pages = 8 }, a, 0, old, &err), -EBADMSG,
			     "%s %s", bad[i].key, bad[i].value);
		cr_expect_not_null(strstr(err.text, "entry 2"), "%s", err.text);
		cr_expect_eq(sm_ledger_undo(any, tell, &err), -EBADMSG, "%s %s", bad[i].key, bad[i].value);
		expect(pool, "66");
		leave(pool, a);
		expect(pool, "3");
		list = json_load_file(ledger, 0, NULL);
		cr_expect_eq(json_array_size(list), 1, "%s %s", bad[i].key, bad[i].value);
		json_decref(list);
		cr_assert_eq(unlink(ledger), 0);
	}
}
