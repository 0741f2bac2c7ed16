/* Runs that are kept by type of machine.  Every change is one rename of a whole folder: a reader or another writer sees a
 * run or does not, also over NFS, and a run has one name, so that whoever comes second finds it there. */
#include "shmeter/shelf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "shmeter/memory.h"
#include "shmeter/store.h"
#include "table.h"

/* Names of temporary folders begin with it. */
#define PART ".part-"
/* Age from which a temporary folder is nobody's, in seconds: no copy takes a day, and clocks differ by less. */
#define PART_OLD 86400
/* Longest type, host or seed in a name, and part of the CPU's model. */
#define WORD_MAX  32
#define MODEL_MAX 40
/* "20260131T235959Z-" */
#define STAMP_LENGTH 17

/* Length of the lower-case letters and digits that a text begins with; 0: they are no part of a name. */
static size_t word_length(const char *text)
{
	size_t length = text ? strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz") : 0;

	return length <= WORD_MAX ? length : 0;
}

/* Whether a text of a manifest can be part of a path. */
static bool is_word(const char *text)
{
	size_t length = word_length(text);

	return length > 0 && !text[length];
}

/* Whether a name is one that make_names() makes, TIME-HOST-SEED: nothing else is read, counted or removed. */
static bool is_run_name(const char *name)
{
	static const char like[] = "00000000T000000Z-";
	size_t i = 0, host;

	while (like[i] && (like[i] == '0' ? isascii(name[i]) && isdigit(name[i]) : name[i] == like[i]))
		i++;
	host = like[i] ? 0 : word_length(name + i);
	return host > 0 && name[i + host] == '-' && is_word(name + i + host + 1);
}

/* Whether two names are of runs of one host that is known. */
static bool same_host(const char *one, const char *other)
{
	const char *host = one + STAMP_LENGTH;
	size_t length;

	if (!is_run_name(one) || !is_run_name(other) || strncmp(host, "unknown-", 8) == 0)
		return false;
	length = strcspn(host, "-") + 1;
	return strncmp(host, other + STAMP_LENGTH, length) == 0;
}

bool sm_shelf_has_host(const struct sm_shelf *shelf, const char *name)
{
	return same_host(shelf->name, name);
}

/* "Intel(R) Xeon(R) 8481C" as "intel-r-xeon-r-8481c": for people only, the hash behind it is the type. */
static void put_model(const char *model, char out[MODEL_MAX + 1])
{
	size_t used = 0;

	for (; model && *model && used < MODEL_MAX; model++)
		if (isascii(*model) && isalnum(*model))
			out[used++] = (char)tolower(*model);
		else if (used > 0 && out[used - 1] != '-')
			out[used++] = '-';
	while (used > 0 && out[used - 1] == '-')
		used--;
	out[used] = '\0';
}

/* "2026-01-31T23:59:59Z" as "20260131T235959Z". */
static bool put_stamp(const char *start, char out[STAMP_LENGTH])
{
	static const char like[] = "0000-00-00T00:00:00Z";
	size_t used = 0, i;

	for (i = 0; start && start[i] && i < sizeof(like) - 1; i++) {
		if (like[i] == '0' ? !isascii(start[i]) || !isdigit(start[i]) : start[i] != like[i])
			return false;
		if (like[i] != '-' && like[i] != ':')
			out[used++] = start[i];
	}
	out[used] = '\0';
	return start && i == sizeof(like) - 1 && !start[i] && memcmp(out + 4, "12", 2) <= 0 &&
	       memcmp(out + 6, "31", 2) <= 0 && memcmp(out + 9, "23", 2) <= 0 && memcmp(out + 11, "59", 2) <= 0;
}

/* Makes the names from a manifest, which may be a stranger's. */
static int make_names(struct sm_shelf *shelf, const json_t *manifest, struct sm_error *err)
{
	const json_t *identity = json_object_get(manifest, "identity");
	const char *type = json_string_value(json_object_get(identity, "type"));
	const char *host = json_string_value(json_object_get(identity, "host"));
	const char *seed = json_string_value(json_object_get(manifest, "seed"));
	char model[MODEL_MAX + 1], stamp[STAMP_LENGTH];

	put_model(json_string_value(json_object_get(json_object_get(manifest, "environment"), "cpu_model")), model);
	if (!is_word(type) || !is_word(seed) ||
	    !put_stamp(json_string_value(json_object_get(manifest, "started_utc")), stamp))
		return sm_fail(err, EINVAL,
			       "its manifest lacks the type of machine, the start or the seed, by which a "
			       "store keeps runs: measure it with this version, or use --baseline");
	snprintf(shelf->type, sizeof(shelf->type), "%s%s%s", model, *model ? "-" : "", type);
	snprintf(shelf->name, sizeof(shelf->name), "%s-%s-%s", stamp, is_word(host) ? host : "unknown", seed);
	return 0;
}

static int make_store(const char *store, struct sm_error *err)
{
	struct stat status;

	if (mkdir(store, 0777) < 0 && errno != EEXIST)
		return sm_fail(err, errno,
			       errno == ENOENT ? "cannot make the store %s: the folder above it does not exist (%s)"
					       : "cannot make the store %s: %s",
			       store, strerror(errno));
	if (stat(store, &status) < 0 || !S_ISDIR(status.st_mode))
		return sm_fail(err, ENOTDIR, "%s is no folder: name another --baseline-store", store);
	return 0;
}

/* Opens STORE/TYPE, never through a link. */
static int open_folder(const struct sm_shelf *shelf, int *out, struct sm_error *err)
{
	*out = open(shelf->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*out >= 0)
		return 0;
	if (errno == ENOTDIR || errno == ELOOP)
		return sm_fail(err, ENOTDIR, "%s is no folder, or a link, which a store does not follow: remove it",
			       shelf->folder);
	return sm_fail(err, errno, "%s cannot be read: %s", shelf->folder, strerror(errno));
}

static int newest_first(const void *a, const void *b)
{
	return strcmp(*(char *const *)b, *(char *const *)a);
}

static void forget_runs(struct sm_shelf *shelf)
{
	for (size_t i = 0; i < shelf->count; i++)
		free(shelf->run[i]);
	free(shelf->run);
	shelf->run = NULL;
	shelf->count = 0;
	shelf->there = false;
}

void sm_shelf_free(struct sm_shelf *shelf)
{
	forget_runs(shelf);
}

/* The entries of a folder, or -errno.  Names that begin with a dot are no runs: temporary folders. */
static int list(struct sm_shelf *shelf, struct sm_error *err)
{
	const struct dirent *entry;
	DIR *dir;
	int fd, rc;

	forget_runs(shelf);
	rc = open_folder(shelf, &fd, err);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return sm_fail(err, ENOMEM, "no memory to read %s", shelf->folder);
	}
	while ((errno = 0, entry = readdir(dir))) {
		if (strcmp(entry->d_name, shelf->name) == 0)
			shelf->there = true;
		if (entry->d_name[0] == '.' || strcmp(entry->d_name, shelf->name) == 0)
			continue;
		if ((shelf->count & (shelf->count - 1)) == 0) { /* doubles at powers of two */
			size_t room = (shelf->count ? 2 * shelf->count : 1) * sizeof(*shelf->run);

			shelf->run = realloc(shelf->run, room);
			if (!shelf->run)
				sm_no_memory();
		}
		shelf->run[shelf->count] = strdup(entry->d_name);
		if (!shelf->run[shelf->count++])
			sm_no_memory();
	}
	rc = errno ? sm_fail(err, errno, "%s cannot be read: %s", shelf->folder, strerror(errno)) : 0;
	closedir(dir);
	if (shelf->count > 1)
		qsort(shelf->run, shelf->count, sizeof(*shelf->run), newest_first);
	return rc;
}

int sm_shelf_open(struct sm_shelf *shelf, const char *store, const json_t *manifest, struct sm_error *err)
{
	int length = (int)strnlen(store, sizeof(shelf->folder)), rc;

	*shelf = (struct sm_shelf){ .count = 0 };
	rc = make_names(shelf, manifest, err);
	if (rc == 0 && (size_t)length + SM_SHELF_NAME_MAX >= sizeof(shelf->folder))
		rc = sm_fail(err, EINVAL, "the name of the store is too long");
	if (rc == 0)
		rc = make_store(store, err);
	if (rc < 0)
		return rc;
	while (length > 1 && store[length - 1] == '/')
		length--;
	snprintf(shelf->folder, sizeof(shelf->folder), "%.*s/%s", length, store, shelf->type);
	return list(shelf, err);
}

/* The files of a run: the manifest, and the measured tables. */
static const char *file_name(int number)
{
	return number < FILES ? tables_measured[number]->file : number == FILES ? "manifest.json" : NULL;
}

int sm_shelf_path(const struct sm_shelf *shelf, const char *name, char *path, size_t size, struct sm_error *err)
{
	struct stat status;
	char file[4400];

	snprintf(path, size, "%s/%s", shelf->folder, name);
	if (!is_run_name(name))
		return sm_fail(err, EBADMSG, "its name is not that of a run, START-HOST-SEED");
	if (lstat(path, &status) < 0)
		return sm_fail(err, errno, "it cannot be read: %s", strerror(errno));
	if (!S_ISDIR(status.st_mode))
		return sm_fail(err, EBADMSG, S_ISLNK(status.st_mode) ? "it is a link" : "it is no folder");
	for (int i = 0; file_name(i); i++) {
		snprintf(file, sizeof(file), "%s/%s", path, file_name(i));
		if (lstat(file, &status) == 0 && !S_ISREG(status.st_mode))
			return sm_fail(err, EBADMSG, "its %s is a link, or no file", file_name(i));
	}
	return 0;
}

/* Removes what `name` in an open folder is, with all that is in it; follows no link. */
static void remove_all(int at, const char *name)
{
	const struct dirent *entry;
	DIR *dir;
	int fd;

	if (unlinkat(at, name, 0) == 0 || (errno != EISDIR && errno != EPERM))
		return;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (dir) {
		while ((entry = readdir(dir)))
			if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
				remove_all(fd, entry->d_name);
		closedir(dir);
	} else if (fd >= 0) {
		close(fd);
	}
	(void)!unlinkat(at, name, AT_REMOVEDIR);
}

static int name_part(char out[SM_SHELF_NAME_MAX])
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(out, SM_SHELF_NAME_MAX, PART "%016" PRIx64, random);
	return 0;
}

static int copy_bytes(int from, int to)
{
	char bytes[16384];
	ssize_t got, put;

	for (;;) {
		got = read(from, bytes, sizeof(bytes));
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		for (ssize_t done = 0; done < got; done += put) {
			put = write(to, bytes + done, (size_t)(got - done));
			if (put < 0 && errno != EINTR)
				return -errno;
			put = put < 0 ? 0 : put;
		}
	}
}

/* Copies a file into an open folder.  One that the run lacks is no mistake: it was loaded without. */
static int copy_file(const char *folder, const char *name, int to, struct sm_error *err)
{
	struct sm_error unread = { 0 };
	char path[4400];
	FILE *in;
	int out, rc;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	in = sm_store_open_file(path, &unread);
	if (!in)
		return unread.code == ENOENT ? 0 : sm_fail(err, unread.code, "%s", unread.text);
	out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	rc = out < 0 ? -errno : copy_bytes(fileno(in), out);
	if (out >= 0 && close(out) < 0 && rc == 0)
		rc = -errno;
	fclose(in);
	return rc < 0 ? sm_fail(err, -rc, "cannot copy %s: %s", path, strerror(-rc)) : 0;
}

/* Copies a run into a new folder `part` and gives it its name. */
static int add(const struct sm_shelf *shelf, int at, const char *folder, const char *part, struct sm_error *err)
{
	int to = -1, rc = 0;

	if (mkdirat(at, part, 0777) == 0)
		to = openat(at, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return sm_fail(err, errno, "cannot write %s: %s", shelf->folder, strerror(errno));
	for (int i = 0; rc == 0 && file_name(i); i++)
		rc = copy_file(folder, file_name(i), to, err);
	close(to);
	if (rc == 0 && renameat(at, part, at, shelf->name) < 0)
		rc = errno == ENOTEMPTY || errno == EEXIST ? sm_fail(err, EEXIST, "it is in the store already")
							   : sm_fail(err, errno, "cannot write %s/%s: %s",
								     shelf->folder, shelf->name, strerror(errno));
	if (rc < 0)
		remove_all(at, part);
	return rc;
}

/* Whether the new run begins after tomorrow: it would be the newest of its host for years. */
static bool is_of_future(const struct sm_shelf *shelf)
{
	time_t tomorrow = time(NULL) + 86400;
	char stamp[STAMP_LENGTH + 1];
	struct tm tm;

	return gmtime_r(&tomorrow, &tm) && strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ-", &tm) == STAMP_LENGTH &&
	       strcmp(shelf->name, stamp) > 0;
}

/* How many listed runs of its host are newer than the new one, or all of them. */
static size_t of_host(const struct sm_shelf *shelf, bool newer)
{
	size_t count = 0;

	for (size_t i = 0; i < shelf->count; i++)
		count += same_host(shelf->name, shelf->run[i]) && (!newer || strcmp(shelf->run[i], shelf->name) > 0);
	return count;
}

/* Removes a listed run, also from the list.  It is renamed first: a reader never finds half of one. */
static bool drop(struct sm_shelf *shelf, int at, size_t i)
{
	char part[SM_SHELF_NAME_MAX];

	if (name_part(part) < 0 || renameat(at, shelf->run[i], at, part) < 0)
		return false;
	remove_all(at, part);
	free(shelf->run[i]);
	memmove(&shelf->run[i], &shelf->run[i + 1], (--shelf->count - i) * sizeof(*shelf->run));
	return true;
}

/* Removes runs of the new one's host between its oldest and its newest ones. */
static size_t prune_host(struct sm_shelf *shelf, int at)
{
	size_t all = of_host(shelf, false) + 1, rank = 0, removed = 0;
	bool passed = false; /* the new one, which is not in the list */

	for (size_t i = 0; i < shelf->count;) {
		const char *name = shelf->run[i];

		if (!same_host(shelf->name, name)) {
			i++;
			continue;
		}
		if (!passed && strcmp(shelf->name, name) > 0) {
			passed = true;
			rank++;
		}
		if (rank >= SM_SHELF_KEEP - SM_SHELF_OLDEST && rank + SM_SHELF_OLDEST < all && drop(shelf, at, i))
			removed++;
		else
			i++;
		rank++;
	}
	return removed;
}

/* The newest run of the other host that was seen longest ago; its place, or the count: there is none. */
static size_t longest_ago(const struct sm_shelf *shelf)
{
	for (size_t i = shelf->count; i-- > 0;) {
		size_t newer = 0;

		if (!is_run_name(shelf->run[i]) || same_host(shelf->name, shelf->run[i]))
			continue;
		while (newer < i && !same_host(shelf->run[newer], shelf->run[i]))
			newer++;
		if (newer == i)
			return i;
	}
	return shelf->count;
}

/* Removes whole hosts while the type has too many runs. */
static size_t prune_type(struct sm_shelf *shelf, int at)
{
	size_t removed = 0, last;

	while (shelf->count >= SM_SHELF_TYPE_KEEP && (last = longest_ago(shelf)) < shelf->count) {
		for (size_t i = shelf->count; i-- > last + 1;)
			if (same_host(shelf->run[last], shelf->run[i]))
				removed += drop(shelf, at, i);
		if (!drop(shelf, at, last))
			break;
		removed++;
	}
	return removed;
}

static void sweep(int at)
{
	const struct dirent *entry;
	struct stat status;
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(dir)))
		if (strncmp(entry->d_name, PART, sizeof(PART) - 1) == 0 &&
		    fstatat(at, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
		    time(NULL) - status.st_mtime > PART_OLD)
			remove_all(at, entry->d_name);
	closedir(dir);
}

int sm_shelf_add(struct sm_shelf *shelf, const char *folder, size_t *removed, struct sm_error *err)
{
	char part[SM_SHELF_NAME_MAX];
	int at = -1, rc;

	*removed = 0;
	if (is_of_future(shelf))
		return sm_fail(err, ESTALE, "its start is in the future: set the clock");
	if (of_host(shelf, false) >= SM_SHELF_KEEP && of_host(shelf, true) >= SM_SHELF_KEEP - SM_SHELF_OLDEST)
		return sm_fail(err, ESTALE, "the store has %zu newer runs of this host", of_host(shelf, true));
	if (mkdir(shelf->folder, 0777) < 0 && errno != EEXIST)
		return sm_fail(err, errno, "cannot make %s: %s", shelf->folder, strerror(errno));
	rc = name_part(part) < 0 ? sm_fail(err, EIO, "no random number for a name") : open_folder(shelf, &at, err);
	if (rc == 0)
		rc = add(shelf, at, folder, part, err);
	if (rc == 0)
		rc = list(shelf, err);
	if (rc == 0) {
		*removed = prune_host(shelf, at);
		*removed += prune_type(shelf, at);
		sweep(at);
	}
	if (at >= 0)
		close(at);
	return rc;
}
