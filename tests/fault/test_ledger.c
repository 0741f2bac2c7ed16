/* Old values of settings are on disk before anything is changed, and go back byte for byte. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/ledger.h"
#include "shmeter/text.h"

static char folder[64], setting[128], ledger[128];
static struct sm_undone last;
static unsigned told;

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert_not_null(file);
	fputs(text, file);
	fclose(file);
}

static void make_folder(void)
{
	snprintf(folder, sizeof(folder), "/tmp/shmeter-ledger-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	setenv("SHMETER_STATE_DIR", folder, 1);
	snprintf(setting, sizeof(setting), "%s/setting", folder);
	snprintf(ledger, sizeof(ledger), "%s/settings.json", folder);
	put(setting, "7");
	told = 0;
}

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

static void tell(const struct sm_undone *undone)
{
	last = *undone;
	told++;
}

static void expect_setting(const char *value)
{
	char text[64];

	cr_assert_eq(sm_read_file(setting, text, sizeof(text)), 0);
	cr_expect_str_eq(text, value);
}

TestSuite(ledger, .init = make_folder, .fini = remove_folder);

Test(ledger, puts_back_the_oldest_value_of_several)
{
	cr_assert_eq(sm_ledger_note(setting, "7", 0, 0, NULL), 0);
	put(setting, "8");
	cr_assert_eq(sm_ledger_note(setting, "8", 0, 0, NULL), 0);
	put(setting, "9");
	cr_expect_eq(sm_ledger_undo(tell, NULL), 2);
	expect_setting("7");
	cr_expect_lt(access(ledger, F_OK), 0, "an empty ledger is left");
}

Test(ledger, leaves_what_a_living_owner_changed)
{
	cr_assert_eq(sm_ledger_note(setting, "7", getpid(), 0, NULL), 0);
	put(setting, "8");
	cr_expect_eq(sm_ledger_undo(tell, NULL), 0);
	cr_expect_eq(last.result, SM_UNDO_IN_USE);
	expect_setting("8");
	sm_ledger_strike(getpid());
	cr_expect_lt(access(ledger, F_OK), 0, "what was struck out is still there");
}

Test(ledger, takes_another_process_of_the_same_number_for_another)
{
	json_t *list;

	cr_assert_eq(sm_ledger_note(setting, "7", getpid(), 0, NULL), 0);
	list = json_load_file(ledger, 0, NULL);
	json_object_set_new(json_array_get(list, 0), "begun", json_integer(1));
	cr_assert_eq(json_dump_file(list, ledger, 0), 0);
	json_decref(list);
	put(setting, "8");
	cr_expect_eq(sm_ledger_undo(tell, NULL), 1);
	expect_setting("7");
}

Test(ledger, forgets_what_a_reboot_undid)
{
	json_t *list;

	cr_assert_eq(sm_ledger_note(setting, "7", 0, 0, NULL), 0);
	list = json_load_file(ledger, 0, NULL);
	json_object_set_new(json_array_get(list, 0), "boot", json_string("another"));
	cr_assert_eq(json_dump_file(list, ledger, 0), 0);
	json_decref(list);
	put(setting, "8");
	cr_expect_eq(sm_ledger_undo(tell, NULL), 0);
	cr_expect_eq(last.result, SM_UNDO_REBOOTED);
	expect_setting("8");
}

Test(ledger, keeps_what_cannot_be_put_back)
{
	cr_assert_eq(sm_ledger_note("/proc/self/nothing-like-this", "7", 0, 0, NULL), 0);
	cr_expect_eq(sm_ledger_undo(tell, NULL), 0);
	cr_expect_eq(last.result, SM_UNDO_FAILED);
	cr_expect_eq(access(ledger, F_OK), 0, "it is forgotten");
}

Test(ledger, refuses_what_is_no_ledger)
{
	struct sm_error err = { 0 };

	put(ledger, "{ \"half\": ");
	cr_expect_lt(sm_ledger_note(setting, "7", 0, 0, &err), 0);
	cr_expect_not_null(strstr(err.text, ledger), "%s", err.text);
	cr_expect_lt(sm_ledger_undo(tell, &err), 0);
}

Test(ledger, changes_nothing_where_it_cannot_be_kept)
{
	struct sm_error err = { 0 };

	setenv("SHMETER_STATE_DIR", "/proc/nowhere", 1);
	cr_expect_lt(sm_ledger_note(setting, "7", 0, 0, &err), 0);
	cr_expect_not_null(strstr(err.text, "nothing was changed"), "%s", err.text);
}
