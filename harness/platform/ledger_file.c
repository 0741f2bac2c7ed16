/* The file of the ledger: who holds which setting, and its value before. */
#include "ledger_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shmeter/ledger.h"
#include "shmeter/memory.h"
#include "shmeter/text.h"

/* More pages than any machine has, so that sums over all entries do not overflow. */
#define PAGES_MAX (1ll << 40)

static void find_folder(char *out, size_t size)
{
	const char *chosen = getenv("SHMETER_STATE_DIR"), *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");

	if (chosen && *chosen)
		snprintf(out, size, "%s", chosen);
	else if (geteuid() == 0)
		snprintf(out, size, "/var/lib/shmeter");
	else if (state && *state)
		snprintf(out, size, "%s/shmeter", state);
	else
		snprintf(out, size, "%s/.local/state/shmeter", home ? home : "");
}

static void make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0755);
		*slash = '/';
	}
	(void)mkdir(path, 0755);
}

void sm_state_path(const char *name, char *out, size_t size)
{
	char folder[4096];

	find_folder(folder, sizeof(folder));
	make_folders(folder);
	snprintf(out, size, "%s/%s", folder, name);
}

/* Whether only this user can have written the file: root would write the values that it contains. */
static bool is_own(int fd)
{
	struct stat is;

	return fstat(fd, &is) == 0 && is.st_uid == geteuid() && (is.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int refuse(const char *path, struct sm_error *err)
{
	return sm_fail(err, EPERM,
		       "%s is not this user's alone (another owner, or others may write it): nothing was "
		       "changed. Look at what it says, then mend its owner and mode, or set "
		       "SHMETER_STATE_DIR to another folder",
		       path);
}

/* Opens the folder and takes the lock in it; does not follow links. */
static int lock_folder(struct ledger *ledger, const char *folder, struct sm_error *err)
{
	int rc;

	ledger->lock = -1;
	ledger->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (ledger->folder >= 0 && !is_own(ledger->folder)) {
		rc = refuse(folder, err);
		goto out_failed;
	}
	if (ledger->folder >= 0)
		ledger->lock = openat(ledger->folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (ledger->lock >= 0 && flock(ledger->lock, LOCK_EX) == 0)
		return 0;
	rc = sm_fail(err, errno,
		     "old values of settings cannot be kept in %s: %s; nothing was changed. "
		     "Set SHMETER_STATE_DIR to a folder that can be written",
		     folder, strerror(errno));
out_failed:
	if (ledger->lock >= 0)
		close(ledger->lock);
	if (ledger->folder >= 0)
		close(ledger->folder);
	return rc;
}

void ledger_close(struct ledger *ledger)
{
	json_decref(ledger->list);
	close(ledger->folder);
	close(ledger->lock); /* also releases the lock */
}

/* Settings do not survive a boot; without the boot's id an entry's boot could not be checked. */
static int read_boot(char boot[64], struct sm_error *err)
{
	int rc = sm_read_file("/proc/sys/kernel/random/boot_id", boot, 64);

	if (rc == 0 && boot[0])
		return 0;
	return sm_fail(err, ENODEV,
		       "/proc/sys/kernel/random/boot_id cannot be read (%s), so old values of settings "
		       "cannot be kept; nothing was changed",
		       rc < 0 ? strerror(-rc) : "it is empty");
}

int ledger_open(struct ledger *ledger, struct sm_error *err)
{
	json_error_t error = { .text = "" };
	char folder[4096];
	int rc = read_boot(ledger->boot, err), fd;

	if (rc < 0)
		return rc;
	find_folder(folder, sizeof(folder));
	make_folders(folder);
	snprintf(ledger->path, sizeof(ledger->path), "%s/settings.json", folder);
	ledger->list = NULL;
	rc = lock_folder(ledger, folder, err);
	if (rc < 0)
		return rc;
	fd = openat(ledger->folder, "settings.json", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		ledger->list = json_array();
	else if (fd < 0)
		rc = sm_fail(err, errno, "%s cannot be read: %s; nothing was changed", ledger->path, strerror(errno));
	else if (!is_own(fd))
		rc = refuse(ledger->path, err);
	else
		ledger->list = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
	if (fd >= 0)
		close(fd);
	if (rc == 0 && json_is_array(ledger->list))
		return 0;
	ledger_close(ledger);
	if (rc < 0)
		return rc;
	return sm_fail(err, EBADMSG,
		       "%s is no list of settings (%s): look at it, put back by hand what it says, and "
		       "remove it",
		       ledger->path, error.text);
}

/* Writes a new file next to the old one, syncs it and renames it over the old one; an empty ledger is removed. */
int ledger_save(const struct ledger *ledger, struct sm_error *err)
{
	static const char beside[] = "settings.json.part", name[] = "settings.json";
	char path[sizeof(ledger->path) + sizeof(".part")];
	const char *before;
	int fd, rc = 0;

	(void)unlinkat(ledger->folder, beside, 0); /* left by a process that was killed here */
	if (json_array_size(ledger->list) == 0)
		return unlinkat(ledger->folder, name, 0) < 0 && errno != ENOENT
			       ? sm_fail(err, errno, "cannot remove %s: %s", ledger->path, strerror(errno))
			       : 0;
	fd = openat(ledger->folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	snprintf(path, sizeof(path), "%s.part", ledger->path);
	before = sm_no_memory_removes(path);
	errno = fd < 0 ? errno : 0;
	if (fd < 0 || json_dumpfd(ledger->list, fd, JSON_INDENT(1)) < 0 || fsync(fd) < 0)
		rc = sm_fail(err, errno ? errno : EIO, "cannot write %s.part: %s; nothing was changed", ledger->path,
			     strerror(errno ? errno : EIO));
	sm_no_memory_removes(before);
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = sm_fail(err, errno, "cannot write %s.part: %s", ledger->path, strerror(errno));
	if (rc == 0 && renameat(ledger->folder, beside, ledger->folder, name) < 0)
		rc = sm_fail(err, errno, "cannot write %s: %s", ledger->path, strerror(errno));
	if (rc < 0)
		unlinkat(ledger->folder, beside, 0);
	return rc;
}

/* Reads an integer from 0 to `most`; false: not an integer, or out of range. */
static bool read_number(const json_t *json, const char *key, long long most, long long *out)
{
	const json_t *number = json_object_get(json, key);

	*out = json_integer_value(number);
	return json_is_integer(number) && *out >= 0 && *out <= most;
}

static bool read_process(const json_t *json, const char *pid, const char *began, struct process *out)
{
	long long number, ticks;

	if (!read_number(json, pid, INT_MAX, &number) || !read_number(json, began, LLONG_MAX, &ticks))
		return false;
	*out = (struct process){ (pid_t)number, (unsigned long long)ticks };
	return true;
}

/* The old value of a count must be a number, because it is compared with one. */
static bool read_count(const json_t *json, struct entry *out)
{
	long long pages, in_use;
	char *end;

	out->counts = json_object_get(json, "pages") != NULL;
	if (!out->counts)
		return true;
	if (!read_number(json, "pages", PAGES_MAX, &pages) || !read_number(json, "in_use", PAGES_MAX, &in_use))
		return false;
	out->pages = (uint64_t)pages;
	out->in_use = (uint64_t)in_use;
	(void)strtoull(out->old, &end, 10);
	return out->old[0] >= '0' && out->old[0] <= '9' && *end == '\0';
}

bool ledger_read(const json_t *json, struct entry *out)
{
	const json_t *value = json_object_get(json, "value");

	*out = (struct entry){ .path = json_string_value(json_object_get(json, "path")),
			       .boot = json_string_value(json_object_get(json, "boot")),
			       .old = json_string_value(json_object_get(json, "old")),
			       .value = json_string_value(value) };
	if (!out->path || !out->old || !out->boot || !out->boot[0] || (value && !out->value))
		return false;
	return read_process(json, "owner", "begun", &out->owner) &&
	       read_process(json, "keeper", "keeper_begun", &out->keeper) && read_count(json, out);
}

int ledger_add(struct ledger *ledger, const struct entry *entry, struct sm_error *err)
{
	json_t *json =
		json_pack("{s:s, s:s, s:i, s:I, s:i, s:I, s:s}", "path", entry->path, "old", entry->old, "owner",
			  (int)entry->owner.pid, "begun", (json_int_t)entry->owner.began, "keeper",
			  (int)entry->keeper.pid, "keeper_begun", (json_int_t)entry->keeper.began, "boot", entry->boot);
	int rc = json ? 0 : -1;

	if (rc == 0 && entry->value)
		rc = json_object_set_new(json, "value", json_string(entry->value));
	if (rc == 0 && entry->counts)
		rc = json_object_set_new(json, "pages", json_integer((json_int_t)entry->pages)) |
		     json_object_set_new(json, "in_use", json_integer((json_int_t)entry->in_use));
	if (rc == 0)
		rc = json_array_append(ledger->list, json);
	json_decref(json);
	return rc == 0 ? 0
		       : sm_fail(err, ENOMEM, "no memory for the old value of %s; nothing was changed", entry->path);
}
