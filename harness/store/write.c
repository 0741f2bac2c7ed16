/* Writes whole files: to a temporary file, which is then renamed. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/memory.h"
#include "shmeter/store.h"
#include "table.h"

const char *folder_name(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash && slash[1] ? slash + 1 : folder;
}

int sm_store_write_file(const char *path, int (*write)(FILE *out, void *context), void *context, struct sm_error *err)
{
	char beside[4300];
	const char *before;
	FILE *out;
	int rc;

	snprintf(beside, sizeof(beside), "%s.%d.part", path, (int)getpid());
	unlink(beside); /* a killed process with this pid may have left it; and a link would lead elsewhere */
	out = fopen(beside, "wxe");
	if (!out)
		return sm_fail(err, errno, "cannot write %s: %s", path, strerror(errno));
	before = sm_no_memory_removes(beside);
	rc = write(out, context);
	sm_no_memory_removes(before);
	/* errno is of no use for a write that failed earlier */
	if (rc == 0 && fflush(out) != 0)
		rc = -errno;
	else if (rc == 0 && ferror(out))
		rc = -EIO;
	if (fclose(out) != 0 && rc == 0)
		rc = -errno;
	if (rc == 0 && rename(beside, path) != 0)
		rc = -errno;
	if (rc < 0) {
		unlink(beside);
		return sm_fail(err, -rc, "cannot write %s: %s", path,
			       rc == -ENOSPC ? "no space left on the disk" : strerror(-rc));
	}
	return 0;
}

static int dump(FILE *out, void *json)
{
	if (json_dumpf(json, out, JSON_INDENT(2)) < 0)
		return errno ? -errno : -EIO;
	return fputc('\n', out) == EOF ? -errno : 0;
}

int store_write_json(const char *path, const json_t *json, struct sm_error *err)
{
	return sm_store_write_file(path, dump, (void *)(uintptr_t)json, err);
}

int sm_store_write_manifest(const char *folder, const json_t *manifest, struct sm_error *err)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/manifest.json", folder);
	return store_write_json(path, manifest, err);
}

static int write_percentiles(FILE *out, void *histogram)
{
	return sm_histogram_write(histogram, out);
}

void sm_store_histogram_name(const char *case_id, char *out, size_t size)
{
	snprintf(out, size, "%s", case_id);
	for (char *c = out; *c; c++)
		if (strchr("/?=,@+:", *c))
			*c = *c == '=' ? '_' : '-';
}

int sm_store_write_histogram(const char *folder, const char *name, const struct sm_histogram *histogram,
			     struct sm_error *err)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/histograms/%s.hgrm", folder, name);
	return sm_store_write_file(path, write_percentiles, (void *)(uintptr_t)histogram, err);
}

static int write_accesses(FILE *out, void *context)
{
	const struct sm_series *series = context;

	fprintf(out, "access,ns\n0,%" PRIu64 "\n", series->before_ns);
	for (uint64_t i = 0; i < series->count; i += series->stride)
		fprintf(out, "%" PRIu64 ",%" PRIu32 "\n", i + 1, series->ns[i / series->stride]);
	return ferror(out) ? -EIO : 0;
}

int sm_store_write_series(const char *folder, const char *name, const struct sm_series *series, struct sm_error *err)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/series/%s.csv", folder, name);
	return sm_store_write_file(path, write_accesses, (void *)(uintptr_t)series, err);
}
