/* The run folder while a run goes on: appended, one write a file and trial. */
#include "shmeter/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "table.h"

enum { FILE_SLICES, FILE_COUNTERS, FILE_METRICS, FILE_SAMPLES, FILES };

static const struct table *const tables[FILES] = { &table_slices, &table_counters, &table_metrics,
						   &table_samples };

struct sm_store {
	char *folder;
	int fd[FILES], lock;
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
		       error == ENOSPC
			       ? "no space left to write %s/%s (%s): free some, or choose --out "
				 "elsewhere"
			       : "cannot write %s/%s: %s",
		       folder, file, strerror(error));
}

/* Whole lines in one write; what a full disk cut short is taken back. */
static int append_text(struct sm_store *store, int file, const char *text, size_t size,
		       struct sm_error *err)
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
	return write_failed(store->folder, tables[file]->file, error, err);
}

static int make_folder(const char *folder, struct sm_error *err)
{
	DIR *dir;
	const struct dirent *entry;
	int used = 0;

	if (mkdir(folder, 0777) == 0)
		return 0;
	if (errno != EEXIST)
		return sm_fail(err, errno,
			       errno == ENOENT
				       ? "cannot make the run folder %s: the folder above it does "
					 "not exist (%s)"
				       : "cannot make the run folder %s: %s; choose another --out",
			       folder, strerror(errno));
	dir = opendir(folder);
	if (!dir)
		return sm_fail(err, errno, "cannot use %s as the run folder: %s", folder,
			       strerror(errno));
	while ((entry = readdir(dir)))
		used += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	if (used)
		return sm_fail(
			err, EEXIST,
			"%s is not empty: choose another --out, or go on with it by --resume",
			folder);
	return 0;
}

/* The folders in a run's, made where they are missing.  In a stranger's folder one may be a link out of it. */
static int make_below(const char *folder, struct sm_error *err)
{
	static const char *const below[] = { "plots", "histograms", "series" };
	struct stat status;
	char path[4200];

	for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, below[i]);
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			return sm_fail(err, errno, "cannot make %s: %s; choose another --out", path,
				       strerror(errno));
		if (lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
			return sm_fail(err, ENOTDIR, "%s is no folder: remove it", path);
	}
	return 0;
}

static int open_files(struct sm_store *store, int flags, struct sm_error *err)
{
	char path[4200];

	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "%s/%s", store->folder, tables[i]->file);
		store->fd[i] = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0666);
		if (store->fd[i] < 0 && errno == ELOOP)
			return sm_fail(err, EBADMSG, "%s is a link: a run writes into its own folder alone", path);
		if (store->fd[i] < 0)
			return sm_fail(err, errno, "cannot open %s: %s", path, strerror(errno));
	}
	return 0;
}

static int write_headers(struct sm_store *store, struct sm_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < FILES; i++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		if (!out)
			return sm_fail(err, ENOMEM, "no memory for a header");
		table_write_header(tables[i], out);
		fclose(out);
		rc = append_text(store, i, text, size, err);
		free(text);
	}
	return rc;
}

int sm_store_create(struct sm_store **out, const char *folder, json_t *manifest,
		    struct sm_error *err)
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
	rc = make_below(folder, err);
	if (rc == 0)
		rc = store_lock(folder, &store->lock, err);
	if (rc == 0)
		rc = sm_store_write_manifest(folder, manifest, err);
	if (rc == 0)
		rc = open_files(store, O_CREAT | O_EXCL, err);
	if (rc == 0)
		rc = write_headers(store, err);
	if (rc < 0) {
		sm_store_close(store);
		return rc;
	}
	*out = store;
	return 0;
}

/* The trials that have a row in samples.csv. */
struct ended {
	bool *trial;
	size_t room;
};

/* A whole file as text; NULL: no memory, or it cannot be read. */
static char *read_all(int fd, size_t *size)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char *text = end >= 0 ? malloc((size_t)end + 1) : NULL;
	ssize_t got = 1;

	for (*size = 0; text && got > 0 && *size < (size_t)end; *size += (size_t)got)
		if ((got = pread(fd, text + *size, (size_t)end - *size, (off_t)*size)) < 0) {
			free(text);
			return NULL;
		}
	if (text)
		text[*size] = '\0';
	return text;
}

/* Where the last line of a text begins, 0 for none. */
static size_t last_line(const char *text, size_t size)
{
	while (size > 0 && text[size - 1] != '\n')
		size--;
	return size;
}

/* Where the rows end that belong to a trial which ended: what a kill left after it begins there. */
static size_t kept_size(const char *text, size_t size, const struct ended *ended)
{
	size_t keep = last_line(text, size), line;

	for (; keep > 0; keep = line) {
		line = last_line(text, keep - 1);
		char *end;
		unsigned long trial = strtoul(text + line, &end, 10);

		if (end == text + line || *end != ',' || /* the header */
		    (trial < ended->room && ended->trial[trial]))
			break;
	}
	return keep;
}

static int cut(struct sm_store *store, int file, const struct ended *ended, struct sm_error *err)
{
	size_t size, keep;
	char *text = read_all(store->fd[file], &size);

	if (!text)
		return sm_fail(err, errno ? errno : ENOMEM, "%s/%s cannot be read: %s",
			       store->folder, tables[file]->file, strerror(errno));
	keep = file == FILE_SAMPLES ? last_line(text, size) : kept_size(text, size, ended);
	free(text);
	if (keep < size && ftruncate(store->fd[file], (off_t)keep) < 0)
		return sm_fail(err, errno, "cannot cut the unfinished rows of %s/%s: %s",
			       store->folder, tables[file]->file, strerror(errno));
	return 0;
}

int sm_store_reopen(struct sm_store **out, const char *folder, struct sm_results *results,
		    struct sm_error *err)
{
	struct sm_store *store = store_new(folder);
	struct ended ended = { NULL, 0 };
	int rc;

	*out = NULL;
	if (!store)
		return sm_fail(err, ENOMEM, "no memory for the run folder");
	rc = store_is_run(folder, err); /* before a lock is made in it */
	if (rc == 0)
		rc = store_lock(folder, &store->lock, err);
	if (rc == 0)
		rc = store_load(results, folder, TABLE_OPEN, err);
	for (size_t i = 0; rc == 0 && i < results->sample_count; i++)
		if (results->samples[i].trial >= ended.room)
			ended.room = (size_t)results->samples[i].trial + 1;
	ended.trial = calloc(ended.room + 1, sizeof(*ended.trial));
	if (rc == 0 && !ended.trial)
		rc = sm_fail(err, ENOMEM, "no memory for %zu trials", ended.room);
	for (size_t i = 0; rc == 0 && i < results->sample_count; i++)
		ended.trial[results->samples[i].trial] = true;
	if (rc == 0)
		rc = make_below(folder, err);
	if (rc == 0)
		rc = open_files(store, 0, err);
	for (int i = 0; rc == 0 && i < FILES; i++)
		rc = cut(store, i, &ended, err);
	free(ended.trial);
	if (rc < 0) {
		sm_store_close(store);
		return rc;
	}
	*out = store;
	return 0;
}

/* Rows of one file, of a trial. */
static void write_rows(const struct sm_store *store, int file, const struct sm_trial_rows *rows,
		       FILE *out)
{
	struct sample_view view = { .run = folder_name(store->folder),
				    .c = *rows->c,
				    .s = *rows->sample };

	for (size_t i = 0; file == FILE_SLICES && i < rows->slice_count; i++)
		table_write_row(&table_slices, &rows->slices[i], out);
	for (size_t i = 0; file == FILE_COUNTERS && i < rows->counter_count; i++)
		table_write_row(&table_counters, &rows->counters[i], out);
	for (size_t i = 0; file == FILE_METRICS && i < rows->metric_count; i++)
		table_write_row(&table_metrics, &rows->metrics[i], out);
	if (file == FILE_SAMPLES)
		table_write_row(&table_samples, &view, out);
}

int sm_store_append(struct sm_store *store, const struct sm_trial_rows *rows, struct sm_error *err)
{
	int rc = 0;

	for (int file = 0; rc == 0 && file < FILES; file++) {
		char *text = NULL;
		size_t size = 0;
		FILE *out = open_memstream(&text, &size);

		if (!out)
			return sm_fail(err, ENOMEM, "no memory for the rows of a trial");
		write_rows(store, file, rows, out);
		fclose(out);
		rc = append_text(store, file, text, size, err);
		free(text);
	}
	return rc;
}
