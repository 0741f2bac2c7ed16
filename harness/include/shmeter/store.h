/* The run folder: measured rows are appended while the run goes on and loaded by everyone; what the analysis finds
 * goes to files of its own, which nobody loads.  Formats: results/README.md. */
#ifndef SHMETER_STORE_H
#define SHMETER_STORE_H

#include "shmeter/error.h"
#include "shmeter/histogram.h"
#include "shmeter/results.h"
#include "shmeter/series.h"

#define SM_SCHEMA_VERSION 2

struct sm_store; /* a run folder that this process writes, and holds the lock of */

/* Makes `folder`, locks it, and writes manifest.json, the CSV headers and the folders in it.  It must not exist or
 * be empty: -EEXIST; -EBUSY names the process that writes it.  -EACCES, -EROFS, -ENOSPC... in words.  The manifest
 * is borrowed. */
SM_MUST_USE int sm_store_create(struct sm_store **out, const char *folder, json_t *manifest, struct sm_error *err);
/* Locks the folder of an interrupted run and loads it into `results`; what is in it stays as it is.  -EBUSY names
 * the process that writes it; -EALREADY: it is complete (and loaded); -EBADMSG: it is damaged. */
SM_MUST_USE int sm_store_reopen(struct sm_store **out, const char *folder, struct sm_results *results,
				struct sm_error *err);
/* Cuts off the rows that a kill left of a trial that did not end, makes what it left unmade, and opens the files
 * to append to them.  Once, after sm_store_reopen(). */
SM_MUST_USE int sm_store_go_on(struct sm_store *store, struct sm_error *err);
void sm_store_close(struct sm_store *store);

/* All that one trial leaves; borrowed. */
struct sm_trial_rows {
	const struct sm_case_row *c;
	const struct sm_sample *sample;
	const struct sm_slice_facts *slices;
	const struct sm_counter_row *counters;
	const struct sm_metric_row *metrics;
	const struct sm_bucket_row *buckets;
	size_t slice_count, counter_count, metric_count, bucket_count;
};

/* Rounds the probes of a slice and a real number as a file holds them: what the analysis at a run's end sees is then what
 * every later one reads. */
void sm_store_round_slice(struct sm_slice_facts *slice);
double sm_store_round(double value);
/* Appends one trial, each file with one write() of whole lines.  The sample comes last: a trial without
 * a sample row did not end. */
SM_MUST_USE int sm_store_append(struct sm_store *store, const struct sm_trial_rows *rows, struct sm_error *err);

/* Loads what was measured (manifest, samples, slices, counters, metrics, buckets); results->out is the folder
 * itself.  Of a run that another process writes, or that was interrupted, what did not end is left out and counted
 * in results->left_out.  -EBADMSG says file, line and what is wrong.  Not for a folder that this process writes. */
SM_MUST_USE int sm_store_load(struct sm_results *results, const char *folder, struct sm_error *err);
/* Whether another process is writing it.  Not for a folder that this process writes: it would lose its lock. */
bool sm_store_is_locked(const char *folder);

/* Writes what the analysis found into results->out: values, purity, rates, summary, pairs, crossings, claims,
 * matrices, distributions, analysis.json.  Each beside, then renamed; what killed writers left beside in the run's
 * own folder goes.  Nothing where `out` is NULL. */
SM_MUST_USE int sm_store_write_analysis(const struct sm_results *results, struct sm_error *err);
/* Rewrites manifest.json, beside and renamed.  JSON never holds NaN. */
SM_MUST_USE int sm_store_write_manifest(const char *folder, const json_t *manifest, struct sm_error *err);
/* Opens a regular file of a run folder to read; NULL with the reason in words, also for what might never end: a
 * pipe, a device. */
FILE *sm_store_open_file(const char *path, struct sm_error *err);
/* The percentile text of a case to read: from what was measured, or, of a folder of an earlier build, from its
 * histograms/.  NULL with the reason; -ENOENT in it: the case has none. */
FILE *sm_store_open_distribution(const struct sm_results *results, const char *case_id, struct sm_error *err);
/* The file stem of a case below histograms/: its id without characters that shells or file systems mind. */
void sm_store_histogram_name(const char *case_id, char *out, size_t size);
/* series/<name>.csv: a line an access, "access,ns"; number 0 is what came before the first. */
SM_MUST_USE int sm_store_write_series(const char *folder, const char *name, const struct sm_series *series,
				      struct sm_error *err);
/* histograms/<name>.hgrm as HdrHistogram percentile text. */
SM_MUST_USE int sm_store_write_histogram(const char *folder, const char *name, const struct sm_histogram *histogram,
					 struct sm_error *err);
/* Writes a whole file beside and renames it; `write` gets the stream.  For report and plots too. */
SM_MUST_USE int sm_store_write_file(const char *path, int (*write)(FILE *out, void *context), void *context,
				    struct sm_error *err);

#endif
