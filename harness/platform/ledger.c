/* Old values of settings, on disk. */
#include "shmeter/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shmeter/text.h"

/* Times 10 ms: dying processes are gone by then. */
#define SETTING_TRIES 300
#define KEEPER_TRIES  500

struct ledger {
	char path[4200];
	int folder, lock;
	json_t *list; /* the oldest first */
};

int sm_setting_read(const char *path, char *out, size_t size)
{
	int rc = sm_read_file(path, out, size);
	char *open = rc < 0 ? NULL : strchr(out, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close)
		return rc;
	*close = '\0';
	memmove(out, open + 1, strlen(open + 1) + 1);
	return 0;
}

static int write_once(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW), rc = 0;

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

bool sm_setting_write(const char *path, const char *value)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	char now[256];

	for (int left = SETTING_TRIES; left > 0; left--) {
		(void)!write_once(path, value);
		if (sm_setting_read(path, now, sizeof(now)) < 0)
			return false;
		if (strcmp(now, value) == 0)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

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

/* Whether nobody but the caller can have written it: root would write what it says. */
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

/* Opens the folder and takes the lock in it; no links are followed. */
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
		ledger->lock = openat(ledger->folder, "lock",
				      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
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

static void close_ledger(struct ledger *ledger)
{
	json_decref(ledger->list);
	close(ledger->folder);
	close(ledger->lock); /* and with it the lock */
}

/* Opens and locks it; what cannot be read as a ledger is an error, not an empty one. */
static int open_ledger(struct ledger *ledger, struct sm_error *err)
{
	json_error_t error = { .text = "" };
	char folder[4096];
	int rc, fd;

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
		rc = sm_fail(err, errno, "%s cannot be read: %s; nothing was changed", ledger->path,
			     strerror(errno));
	else if (!is_own(fd))
		rc = refuse(ledger->path, err);
	else
		ledger->list = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
	if (fd >= 0)
		close(fd);
	if (rc == 0 && json_is_array(ledger->list))
		return 0;
	close_ledger(ledger);
	if (rc < 0)
		return rc;
	return sm_fail(err, EBADMSG,
		       "%s is no list of settings (%s): look at it, put back by hand what it says, and "
		       "remove it",
		       ledger->path, error.text);
}

/* Writes it beside, to disk, and over the old one; an empty one is removed. */
static int save(const struct ledger *ledger, struct sm_error *err)
{
	static const char beside[] = "settings.json.part", name[] = "settings.json";
	int fd, rc = 0;

	if (json_array_size(ledger->list) == 0)
		return unlinkat(ledger->folder, name, 0) < 0 && errno != ENOENT
			       ? sm_fail(err, errno, "cannot remove %s: %s", ledger->path,
					 strerror(errno))
			       : 0;
	(void)unlinkat(ledger->folder, beside, 0); /* of one that was killed here */
	fd = openat(ledger->folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	errno = fd < 0 ? errno : 0;
	if (fd < 0 || json_dumpfd(ledger->list, fd, JSON_INDENT(1)) < 0 || fsync(fd) < 0)
		rc = sm_fail(err, errno ? errno : EIO, "cannot write %s.part: %s; nothing was changed",
			     ledger->path, strerror(errno ? errno : EIO));
	if (fd >= 0 && close(fd) < 0 && rc == 0)
		rc = sm_fail(err, errno, "cannot write %s.part: %s", ledger->path, strerror(errno));
	if (rc == 0 && renameat(ledger->folder, beside, ledger->folder, name) < 0)
		rc = sm_fail(err, errno, "cannot write %s: %s", ledger->path, strerror(errno));
	if (rc < 0)
		unlinkat(ledger->folder, beside, 0);
	return rc;
}

static void read_boot(char out[64])
{
	if (sm_read_file("/proc/sys/kernel/random/boot_id", out, 64) < 0)
		out[0] = '\0';
}

unsigned long long sm_process_begun(pid_t pid)
{
	char path[64], text[1024];
	unsigned long long ticks = 0;
	const char *end;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (pid <= 0 || sm_read_file(path, text, sizeof(text)) < 0)
		return 0;
	end = strrchr(text, ')'); /* the name may hold anything */
	if (end)
		sscanf(end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
				"%*d %llu",
		       &ticks);
	return ticks;
}

int sm_ledger_note(const char *path, const char *old, pid_t owner, pid_t keeper,
		   struct sm_error *err)
{
	struct ledger ledger;
	char boot[64];
	int rc = open_ledger(&ledger, err);

	if (rc < 0)
		return rc;
	read_boot(boot);
	json_array_append_new(ledger.list,
			      json_pack("{s:s, s:s, s:i, s:I, s:i, s:I, s:s}", "path", path, "old",
					old, "owner", (int)owner, "begun", (json_int_t)sm_process_begun(owner),
					"keeper", (int)keeper, "keeper_begun",
					(json_int_t)sm_process_begun(keeper), "boot", boot));
	rc = save(&ledger, err);
	close_ledger(&ledger);
	return rc;
}

static bool is_of(const json_t *entry, pid_t owner, unsigned long long began, const char *boot)
{
	const char *then = json_string_value(json_object_get(entry, "boot"));

	return then && strcmp(then, boot) == 0 &&
	       json_integer_value(json_object_get(entry, "owner")) == owner &&
	       json_integer_value(json_object_get(entry, "begun")) == (json_int_t)began;
}

void sm_ledger_strike(pid_t owner, unsigned long long began)
{
	struct ledger ledger;
	char boot[64];

	if (open_ledger(&ledger, NULL) < 0)
		return;
	read_boot(boot);
	for (size_t i = json_array_size(ledger.list); i-- > 0;)
		if (is_of(json_array_get(ledger.list, i), owner, began, boot))
			json_array_remove(ledger.list, i);
	(void)!save(&ledger, NULL);
	close_ledger(&ledger);
}

/* Whether a process that an entry names is there, and the same as then. */
static bool lives(const json_t *entry, const char *who, const char *when)
{
	pid_t pid = (pid_t)json_integer_value(json_object_get(entry, who));
	unsigned long long began =
		(unsigned long long)json_integer_value(json_object_get(entry, when));

	return began != 0 && sm_process_begun(pid) == began;
}

/* Opens the ledger once no keeper is at work for an owner that is dead. */
static int open_when_settled(struct ledger *ledger, struct sm_error *err)
{
	const struct timespec nap = { .tv_nsec = 10000000 };

	for (int left = KEEPER_TRIES;; left--) {
		int rc = open_ledger(ledger, err);
		bool busy = false;
		json_t *entry;
		size_t i;

		if (rc < 0)
			return rc;
		json_array_foreach (ledger->list, i, entry)
			busy |= !lives(entry, "owner", "begun") &&
				lives(entry, "keeper", "keeper_begun");
		if (!busy || left == 0)
			return 0;
		close_ledger(ledger);
		nanosleep(&nap, NULL);
	}
}

static bool undo_one(const json_t *entry, const char *boot, struct sm_undone *undone)
{
	const char *then = json_string_value(json_object_get(entry, "boot"));

	undone->path = json_string_value(json_object_get(entry, "path"));
	undone->old = json_string_value(json_object_get(entry, "old"));
	undone->owner = (pid_t)json_integer_value(json_object_get(entry, "owner"));
	if (!then || strcmp(then, boot) != 0)
		undone->result = SM_UNDO_REBOOTED;
	else if (lives(entry, "owner", "begun"))
		undone->result = SM_UNDO_IN_USE;
	else
		undone->result = sm_setting_write(undone->path, undone->old) ? SM_UNDONE
									     : SM_UNDO_FAILED;
	return undone->result != SM_UNDO_FAILED && undone->result != SM_UNDO_IN_USE;
}

/* Refuses a ledger that names what no build of ours would have changed, before anything is written. */
static int check_paths(const struct ledger *ledger, bool (*known)(const char *), struct sm_error *err)
{
	const json_t *entry;
	size_t i;

	json_array_foreach (ledger->list, i, entry) {
		const char *path = json_string_value(json_object_get(entry, "path"));

		if (!path || !json_is_string(json_object_get(entry, "old")) || !known(path))
			return sm_fail(err, EBADMSG,
				       "%s: entry %zu is no setting that shmeter changes; nothing was "
				       "put back. Look at it, put back by hand what it says, and remove it",
				       ledger->path, i + 1);
	}
	return 0;
}

int sm_ledger_undo(bool (*known)(const char *), void (*tell)(const struct sm_undone *),
		   struct sm_error *err)
{
	struct ledger ledger;
	char boot[64];
	int rc = open_when_settled(&ledger, err), count = 0;

	if (rc < 0)
		return rc;
	rc = check_paths(&ledger, known, err);
	if (rc < 0) {
		close_ledger(&ledger);
		return rc;
	}
	read_boot(boot);
	for (size_t i = json_array_size(ledger.list); i-- > 0;) {
		struct sm_undone undone = { 0 };
		json_t *entry = json_array_get(ledger.list, i);
		bool done = undo_one(entry, boot, &undone);

		tell(&undone);
		count += undone.result == SM_UNDONE;
		if (done)
			json_array_remove(ledger.list, i);
	}
	rc = save(&ledger, err);
	close_ledger(&ledger);
	return rc < 0 ? rc : count;
}
