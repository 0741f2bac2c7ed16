/* The run folder during a run: rows are appended, with one write() per file and trial. */
#include "shmeter/store.h"
#include "shmeter/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table.h"

struct sm_store {
	char *folder;
	int fd[FILES], lock;
	off_t kept[FILES]; /* when resuming: size to which each file is cut */
};

static struct sm_store *store_new(const char *folder)
{
	struct sm_store *store = calloc(1, sizeof(*store));

	if (!store)
		return NULL;
	for (int i = 0; i < FILES; i++)
		store->fd[i] = -1;
	store->lock = -1;
	store->folder = strdup(folder);
	if (!store->folder) {
		free(store);
		return NULL;
	}
	return store;
}

void sm_store_close(struct sm_store *store)
{
	if (!store)
		return;
	for (int i = 0; i < FILES; i++)
		if (store->fd[i] >= 0)
			close(store->fd[i]);
	if (store->lock >= 0)
		close(store->lock);
	free(store->folder);
	free(store);
}

static int write_failed(const char *folder, const char *file, int error, struct sm_error *err)
{
	return sm_fail(err, error,
		       error == ENOSPC ? "no space left to write %s/%s (%s): free some, or choose --out "
					 "elsewhere"
				       : "cannot write %s/%s: %s",
		       folder, file, strerror(error));
}

/* Appends whole lines with one write(); on a full disk, removes an incomplete write. */
static int append_text(struct sm_store *store, int file, const char *text, size_t size, struct sm_error *err)
{
	off_t before = lseek(store->fd[file], 0, SEEK_END);
	ssize_t done;

	if (size == 0)
		return 0;
	do
		done = write(store->fd[file], text, size);
	while (done < 0 && errno == EINTR);
	if (done == (ssize_t)size)
		return 0;
	int error = done < 0 ? errno : ENOSPC;

	(void)!ftruncate(store->fd[file], before);
	return write_failed(store->folder, tables_measured[file]->file, error, err);
}

/* Whether a run that was killed before it wrote its manifest may have left a file of this name. */
static bool is_leftover(const char *name)
{
	return strcmp(name, "lock") == 0 ||
	       (strncmp(name, "manifest.json.", 14) == 0 && strcmp(name + strlen(name) - 5, ".part") == 0);
}

/* Rejects a folder that is not empty: it may belong to somebody. */
static int check_empty(const char *folder, struct sm_error *err)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	int used = 0;

	if (!dir)
		return sm_fail(err, errno, "cannot use %s as the run folder: %s", folder, strerror(errno));
	while ((entry = readdir(dir)))
		used += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
			!is_leftover(entry->d_name);
	closedir(dir);
	if (used)
		return sm_fail(err, EEXIST, "%s is not empty: choose another --out, or go on with it by --resume",
			       folder);
	return 0;
}

static int make_folder(const char *folder, struct sm_error *err)
{
	if (mkdir(folder, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return sm_fail(err, errno,
			       errno == ENOENT ? "cannot make the run folder %s: the folder above it does "
						 "not exist (%s)"
					       : "cannot make the run folder %s: %s; choose another --out",
			       folder, strerror(errno));
	return check_empty(folder, err);
}

int store_make_below(const char *folder, const char *name, struct sm_error *err)
{
	struct stat status;
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		return sm_fail(err, errno, "cannot make %s: %s; choose another --out", path, strerror(errno));
	if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
		return sm_fail(err, ENOTDIR, "%s is no folder: remove it", path);
	return 0;
}

/* Makes the folders inside a run folder where they are missing. */
static int make_all_below(const char *folder, struct sm_error *err)
{
	static const char *const below[] = { "plots", "histograms", "series" };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(below) / sizeof(below[0]); i++)
		rc = store_make_below(folder, below[i], err);
	return rc;
}

static int open_files(struct sm_store *store, struct sm_error *err)
{
	char path[4200];

	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", store->folder, tables_measured[i]->file);
		store->fd[i] = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_CREAT, 0666);
		if (store->fd[i] < 0 && errno == ELOOP)
			return sm_fail(err, EBADMSG, "%s is a link: a run writes into its own folder alone", path);
		if (store->fd[i] < 0)
			return sm_fail(err, errno, "cannot open %s: %s", path, strerror(errno));
	}
	return 0;
}

/* Writes the names of the columns into empty files. */
static int write_headers(struct sm_store *store, struct sm_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < FILES; i++) {
		struct sm_written header;

		if (lseek(store->fd[i], 0, SEEK_END) > 0)
			continue;
		table_write_header(tables_measured[i], sm_written_open(&header));
		sm_written_close(&header);
		rc = append_text(store, i, header.text, header.size, err);
		free(header.text);
	}
	return rc;
}

int sm_store_create(struct sm_store **out, const char *folder, json_t *manifest, struct sm_error *err)
{
	struct sm_store *store;
	int rc;

	*out = NULL;
	rc = make_folder(folder, err);
	if (rc < 0)
		return rc;
	store = store_new(folder);
	if (!store)
		return sm_fail(err, ENOMEM, "no memory for the run folder");
	rc = store_lock(folder, &store->lock, err);
	/* another run may have used the folder, and ended, before this lock */
	if (rc == 0)
		rc = check_empty(folder, err);
	/* from here on the folder can be resumed: --resume makes what is missing */
	if (rc == 0)
		rc = sm_store_write_manifest(folder, manifest, err);
	if (rc == 0)
		rc = sm_store_go_on(store, err);
	if (rc < 0) {
		sm_store_close(store);
		return rc;
	}
	*out = store;
	return 0;
}

static int refuse_complete(const char *folder, struct sm_error *err)
{
	return sm_fail(err, EALREADY, "%s is complete: there is nothing to go on with; `shmeter report %s` shows it",
		       folder, folder);
}

int sm_store_reopen(struct sm_store **out, const char *folder, struct sm_results *results, struct sm_error *err)
{
	struct sm_store *store;
	int status = store_status(folder, err), rc; /* before making a lock file in it */

	*out = NULL;
	if (status < 0)
		return status;
	if (status > 0) { /* complete, so no lock is needed: it may be an archive */
		rc = sm_store_load(results, folder, err);
		return rc < 0 ? rc : refuse_complete(folder, err);
	}
	store = store_new(folder);
	if (!store)
		return sm_fail(err, ENOMEM, "no memory for the run folder");
	rc = store_lock(folder, &store->lock, err);
	if (rc == 0)
		rc = store_load(results, folder, TABLE_ENDED, store->kept, err);
	if (rc > 0) /* it was completed before this lock */
		rc = refuse_complete(folder, err);
	if (rc < 0) {
		sm_store_close(store);
		return rc;
	}
	*out = store;
	return 0;
}

int sm_store_go_on(struct sm_store *store, struct sm_error *err)
{
	int rc = make_all_below(store->folder, err);

	if (rc == 0)
		rc = open_files(store, err);
	for (int i = 0; rc == 0 && i < FILES; i++)
		if (lseek(store->fd[i], 0, SEEK_END) > store->kept[i] && ftruncate(store->fd[i], store->kept[i]) < 0)
			rc = sm_fail(err, errno, "cannot cut the unfinished rows of %s/%s: %s", store->folder,
				     tables_measured[i]->file, strerror(errno));
	return rc == 0 ? write_headers(store, err) : rc;
}

/* Writes the rows of a trial for one file. */
static void write_rows(const struct sm_store *store, int file, const struct sm_trial_rows *rows, FILE *out)
{
	struct sample_view view = { .run = folder_name(store->folder), .c = *rows->c, .s = *rows->sample };

	for (size_t i = 0; file == FILE_SLICES && i < rows->slice_count; i++)
		table_write_row(&table_slices, &rows->slices[i], out);
	for (size_t i = 0; file == FILE_COUNTERS && i < rows->counter_count; i++)
		table_write_row(&table_counters, &rows->counters[i], out);
	for (size_t i = 0; file == FILE_METRICS && i < rows->metric_count; i++)
		table_write_row(&table_metrics, &rows->metrics[i], out);
	for (size_t i = 0; file == FILE_BUCKETS && i < rows->bucket_count; i++)
		table_write_row(&table_buckets, &rows->buckets[i], out);
	for (size_t i = 0; file == FILE_VISITS && i < rows->visit_count; i++)
		table_write_row(&table_visits, &rows->visits[i], out);
	if (file == FILE_SAMPLES)
		table_write_row(&table_samples, &view, out);
}

static double round_to(double value, int digits)
{
	char text[40];

	snprintf(text, sizeof(text), "%.*g", digits, value);
	return strtod(text, NULL);
}

double sm_store_round(double value)
{
	return round_to(value, REAL_DIGITS);
}

double sm_store_round_time(double value)
{
	return round_to(value, PROBE_DIGITS);
}

void sm_store_round_slice(struct sm_slice_facts *slice)
{
	for (unsigned i = 0; i < slice->before.count; i++)
		slice->before.ns[i] = round_to(slice->before.ns[i], PROBE_DIGITS);
	for (unsigned i = 0; i < slice->after.count; i++)
		slice->after.ns[i] = round_to(slice->after.ns[i], PROBE_DIGITS);
	sm_slice_take_probes(slice);
}

int sm_store_append(struct sm_store *store, const struct sm_trial_rows *rows, struct sm_error *err)
{
	int rc = 0;

	for (int file = 0; rc == 0 && file < FILES; file++) {
		struct sm_written written;

		write_rows(store, file, rows, sm_written_open(&written));
		sm_written_close(&written);
		rc = append_text(store, file, written.text, written.size, err);
		free(written.text);
	}
	return rc;
}
