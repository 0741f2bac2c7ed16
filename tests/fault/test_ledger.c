/* Old values of settings are on disk before anything is changed, and go back byte for byte. */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/ledger.h"
#include "shmeter/text.h"
#include "shmeter/tuning.h"

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

static bool is_ours(const char *path)
{
	return strcmp(path, setting) == 0 || strncmp(path, "/proc/self/", 11) == 0;
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

/* As the holders of before the first of several did: without one that lives. */
static int note(const char *path, const char *value, pid_t owner)
{
	char old[SM_SETTING_MAX];

	return sm_ledger_hold(&(struct sm_wish){ .path = path, .value = value }, owner, 0, old, NULL);
}

/* Changes one member of an entry, as another program, version or boot would have written it; NULL removes it. */
static void edit(unsigned index, const char *key, json_t *value)
{
	json_t *list = json_load_file(ledger, 0, NULL), *entry = json_array_get(list, index);

	cr_assert_not_null(entry);
	if (value)
		json_object_set_new(entry, key, value);
	else
		json_object_del(entry, key);
	cr_assert_eq(json_dump_file(list, ledger, 0), 0);
	json_decref(list);
}

TestSuite(ledger, .init = make_folder, .fini = remove_folder);

Test(ledger, puts_back_the_oldest_value_of_several)
{
	cr_assert_eq(note(setting, "8", 0), 1);
	expect_setting("8");
	cr_assert_eq(note(setting, "9", 0), 1);
	expect_setting("9");
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 1);
	expect_setting("7");
	cr_expect_lt(access(ledger, F_OK), 0, "an empty ledger is left");
}

Test(ledger, leaves_what_a_living_owner_changed)
{
	unsigned long long began = sm_process_begun(getpid());

	cr_assert_eq(note(setting, "8", getpid()), 1);
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 0);
	cr_expect_eq(last.result, SM_UNDO_IN_USE);
	cr_expect_eq(last.owner, getpid());
	expect_setting("8");
	cr_expect_eq(sm_ledger_leave(setting, getpid(), began + 1, NULL, NULL), 0); /* another of this number */
	cr_expect_eq(sm_ledger_leave(setting, getpid(), 0, NULL, NULL), 0);         /* one that is not known */
	cr_assert_eq(access(ledger, F_OK), 0, "a process strikes out what another noted");
	expect_setting("8");
	cr_expect_eq(sm_ledger_leave(setting, getpid(), began, NULL, NULL), 0);
	cr_expect_lt(access(ledger, F_OK), 0, "what was struck out is still there");
	expect_setting("7");
}

Test(ledger, takes_another_process_of_the_same_number_for_another)
{
	cr_assert_eq(note(setting, "8", getpid()), 1);
	edit(0, "begun", json_integer(1));
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 1);
	expect_setting("7");
}

/* Written where the start could not be read: it may be this one. */
Test(ledger, takes_a_process_whose_start_is_not_known_for_alive)
{
	cr_assert_eq(note(setting, "8", getpid()), 1);
	edit(0, "begun", json_integer(0));
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 0);
	cr_expect_eq(last.result, SM_UNDO_IN_USE);
	expect_setting("8");
	cr_expect_eq(sm_ledger_leave(setting, getpid(), 0, NULL, NULL), 0); /* nor is it this one */
	expect_setting("8");
	edit(0, "owner", json_integer(4194304)); /* one more than there can be */
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 1);
	expect_setting("7");
}

Test(ledger, forgets_what_a_reboot_undid)
{
	cr_assert_eq(note(setting, "8", 0), 1);
	edit(0, "boot", json_string("another"));
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 0);
	cr_expect_eq(last.result, SM_UNDO_REBOOTED);
	expect_setting("8");
}

/* What was there before this boot is no old value of this one. */
Test(ledger, holds_anew_after_a_reboot)
{
	cr_assert_eq(note(setting, "8", 0), 1);
	edit(0, "boot", json_string("another"));
	put(setting, "5");
	cr_assert_eq(note(setting, "8", 0), 1);
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 1);
	expect_setting("5");
}

Test(ledger, keeps_what_cannot_be_put_back)
{
	cr_assert_eq(note(setting, "8", 0), 1);
	edit(0, "path", json_string("/proc/self/nothing-like-this"));
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 0);
	cr_expect_eq(last.result, SM_UNDO_FAILED);
	cr_expect_eq(access(ledger, F_OK), 0, "it is forgotten");
}

Test(ledger, refuses_what_is_no_ledger)
{
	const struct sm_wish wish = { .path = setting, .value = "8" };
	char old[SM_SETTING_MAX];
	struct sm_error err = { 0 };

	put(ledger, "{ \"half\": ");
	cr_expect_lt(sm_ledger_hold(&wish, 0, 0, old, &err), 0);
	cr_expect_not_null(strstr(err.text, ledger), "%s", err.text);
	expect_setting("7");
	cr_expect_lt(sm_ledger_undo(is_ours, tell, &err), 0);
}

Test(ledger, changes_nothing_where_it_cannot_be_kept)
{
	const struct sm_wish wish = { .path = setting, .value = "8" };
	char old[SM_SETTING_MAX];
	struct sm_error err = { 0 };

	setenv("SHMETER_STATE_DIR", "/proc/nowhere", 1);
	cr_expect_lt(sm_ledger_hold(&wish, 0, 0, old, &err), 0);
	cr_expect_not_null(strstr(err.text, "nothing was changed"), "%s", err.text);
	expect_setting("7");
}

/* What a stranger would put there, in a ledger that is readable otherwise. */
Test(ledger, writes_no_path_that_is_no_setting)
{
	static const char *const hostile[] = {
		"/etc/passwd",
		"setting",
		"",
		"/sys/kernel/mm/hugepages/../hugepages/x/nr_hugepages",
		"/proc/sys/kernel/core_pattern",
		"/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages/../x",
		"/sys/devices/system/cpu/cpu0/../../x/cpufreq/scaling_governor",
	};
	struct sm_error err = { 0 };
	char other[160];

	snprintf(other, sizeof(other), "%s/other", folder);
	put(other, "7");
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		cr_expect_not(sm_tuning_knows(hostile[i]), "%s", hostile[i]);
		put(setting, "7");
		cr_assert_eq(note(setting, "8", 0), 1);
		cr_assert_eq(note(other, "8", 0), 1);
		edit(1, "path", json_string(hostile[i]));
		cr_expect_eq(sm_ledger_undo(is_ours, tell, &err), -EBADMSG, "%s", hostile[i]);
		cr_expect_eq(told, 0);
		expect_setting("8");
		cr_assert_eq(unlink(ledger), 0);
		put(other, "7");
	}
	cr_expect(sm_tuning_knows("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"));
	cr_expect(sm_tuning_knows("/sys/devices/system/cpu/cpu12/cpufreq/scaling_governor"));
}

static void expect_refused(const char *what)
{
	struct sm_error err = { 0 };

	cr_expect_lt(sm_ledger_undo(is_ours, tell, &err), 0, "%s", what);
	cr_expect_not_null(strstr(err.text, "nothing was changed"), "%s: %s", what, err.text);
	expect_setting("8");
}

Test(ledger, believes_no_file_that_others_can_write)
{
	struct stat is;
	char link[160];

	umask(0); /* what it makes itself is its own all the same */
	cr_assert_eq(note(setting, "8", 0), 1);
	cr_assert_eq(stat(ledger, &is), 0);
	cr_expect_eq(is.st_mode & 0777, 0600, "%o", is.st_mode);
	cr_assert_eq(chmod(ledger, 0622), 0);
	expect_refused("a file that others write");
	cr_assert_eq(chmod(ledger, 0600), 0);
	cr_assert_eq(chmod(folder, 0777), 0);
	expect_refused("a folder that others write");
	cr_assert_eq(chmod(folder, 0700), 0);
	snprintf(link, sizeof(link), "%s/elsewhere", folder);
	cr_assert_eq(rename(ledger, link), 0);
	cr_assert_eq(symlink(link, ledger), 0);
	expect_refused("a link");
	cr_assert_eq(unlink(ledger), 0);
	cr_assert_eq(rename(link, ledger), 0);
	if (geteuid() == 0) {
		cr_assert_eq(chown(ledger, 65534, 65534), 0);
		expect_refused("another's file");
		cr_assert_eq(chown(ledger, 0, 0), 0);
	}
	cr_expect_eq(sm_ledger_undo(is_ours, tell, NULL), 1);
	expect_setting("7");
}
