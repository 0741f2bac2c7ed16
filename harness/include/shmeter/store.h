/* The run folder.  Measured rows are appended during the run and loaded by all commands.  The results of the analysis
 * go to separate files, which are never loaded.  Formats: results/README.md. */
#ifndef SHMETER_STORE_H
#define SHMETER_STORE_H

#include "shmeter/error.h"
#include "shmeter/histogram.h"
#include "shmeter/results.h"
#include "shmeter/series.h"

#define SM_SCHEMA_VERSION 2

struct sm_store; /* a run folder that this process writes and has locked */

/* Makes `folder`, locks it, and writes manifest.json, the CSV headers and the folders in it.  -EEXIST where it exists
 * and is not empty; -EBUSY names the process that writes it; -EACCES, -EROFS, -ENOSPC and others with the sentence.
 * The manifest is borrowed.  Close with sm_store_close(). */
SM_MUST_USE int sm_store_create(struct sm_store **out, const char *folder, json_t *manifest, struct sm_error *err);
/* Locks the folder of an interrupted run and loads it into `results`, without changing its files.  -EBUSY names the
 * process that writes it; -EALREADY: it is complete (and loaded); -EBADMSG: it is damaged. */
SM_MUST_USE int sm_store_reopen(struct sm_store **out, const char *folder, struct sm_results *results,
				struct sm_error *err);
/* Removes the rows of a trial that a killed run did not finish, makes files and folders that it did not make, and opens
 * the files for appending.  Call it once, after sm_store_reopen(). */
SM_MUST_USE int sm_store_go_on(struct sm_store *store, struct sm_error *err);
void sm_store_close(struct sm_store *store);

/* All rows of one trial; borrowed. */
struct sm_trial_rows {
	const struct sm_case_row *c;
	const struct sm_sample *sample;
	const struct sm_slice_facts *slices;
	const struct sm_counter_row *counters;
	const struct sm_metric_row *metrics;
	const struct sm_bucket_row *buckets;
	size_t slice_count, counter_count, metric_count, bucket_count;
	const struct sm_visit_row *visits;
	size_t visit_count;
};

/* Round the probes of a slice, or a number, to the precision of the files.  The analysis at the end of a run then sees
 * the same values as a later analysis of the files. */
void sm_store_round_slice(struct sm_slice_facts *slice);
double sm_store_round(double value);
/* The same for a time of a visit, which has no more than six digits. */
double sm_store_round_time(double value);
/* Appends one trial, with one write() of whole lines to each file.  The sample row comes last: a trial without one is
 * incomplete. */
SM_MUST_USE int sm_store_append(struct sm_store *store, const struct sm_trial_rows *rows, struct sm_error *err);

/* Loads what was measured (manifest, samples, slices, counters, metrics, buckets, visits); results->out is the folder itself.
 * Where another process writes the run, or it was interrupted, incomplete rows are left out and counted in
 * results->left_out.  -EBADMSG names file, line and mistake.  Do not call it for a folder that this process writes. */
SM_MUST_USE int sm_store_load(struct sm_results *results, const char *folder, struct sm_error *err);
/* Whether another process is writing the folder.  Do not call it for a folder that this process writes: it would lose
 * its lock. */
bool sm_store_is_locked(const char *folder);

/* Writes the results of the analysis into results->out: values, purity, rates, summary, pairs, crossings, claims,
 * pairs of PUs, matrices, distributions, analysis.json.  Writes each to a temporary file, then renames it; removes temporary files
 * that killed writers left in the run's own folder.  Does nothing where `out` is NULL. */
SM_MUST_USE int sm_store_write_analysis(const struct sm_results *results, struct sm_error *err);
/* Rewrites manifest.json through a temporary file.  JSON never holds NaN. */
SM_MUST_USE int sm_store_write_manifest(const char *folder, const json_t *manifest, struct sm_error *err);
/* Opens a regular file of a run folder for reading.  NULL with the reason; also for a pipe or a device, which might
 * never end. */
FILE *sm_store_open_file(const char *path, struct sm_error *err);
/* Opens the percentile text of a case for reading: made from the measured buckets or, for a folder of an earlier build,
 * from its histograms/. NULL with the reason; its code is ENOENT where the case has none. */
FILE *sm_store_open_distribution(const struct sm_results *results, const char *case_id, struct sm_error *err);
/* The file stem of a case below histograms/: its id without characters that are special in shells or file systems. */
void sm_store_histogram_name(const char *case_id, char *out, size_t size);
/* Writes series/<name>.csv: one line per access, "access,ns"; access 0 is the time before the first. */
SM_MUST_USE int sm_store_write_series(const char *folder, const char *name, const struct sm_series *series,
				      struct sm_error *err);
/* Writes histograms/<name>.hgrm as HdrHistogram percentile text. */
SM_MUST_USE int sm_store_write_histogram(const char *folder, const char *name, const struct sm_histogram *histogram,
					 struct sm_error *err);
/* Writes a whole file through a temporary file that is renamed; `write` gets the stream.  Reports and plots use it
 * too. */
SM_MUST_USE int sm_store_write_file(const char *path, int (*write)(FILE *out, void *context), void *context,
				    struct sm_error *err);

#endif
