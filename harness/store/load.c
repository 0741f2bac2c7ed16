/* Loading a run folder. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/store.h"
#include "table.h"

#define TRIALS_MAX 50000000u

static int take_sample(struct sm_results *results, const void *row, struct sm_error *err)
{
	const struct sample_view *view = row;

	/* rows are kept by trial number: a damaged one must not cost memory without end */
	if (view->s.trial > TRIALS_MAX)
		return sm_fail(err, EBADMSG, "%s/samples.csv: trial %u is more than a run can have", results->folder,
			       view->s.trial);
	sm_results_take(results, &view->c, &view->s);
	return 0;
}

static int take_slice(struct sm_results *results, const void *row, struct sm_error *err)
{
	struct sm_slice_facts slice = *(const struct sm_slice_facts *)row;

	(void)err;
	sm_slice_take_probes(&slice);
	*sm_results_add_slice(results) = slice.row;
	return 0;
}

static int take_counter(struct sm_results *results, const void *row, struct sm_error *err)
{
	(void)err;
	*sm_results_add_counter(results) = *(const struct sm_counter_row *)row;
	return 0;
}

static int take_metric(struct sm_results *results, const void *row, struct sm_error *err)
{
	(void)err;
	*sm_results_add_metric(results) = *(const struct sm_metric_row *)row;
	return 0;
}

static int load_manifest(struct sm_results *results, const char *folder, struct sm_error *err)
{
	struct sm_error unread = { 0 };
	json_error_t why;
	char path[4200];
	FILE *file;
	json_int_t version;

	snprintf(path, sizeof(path), "%s/manifest.json", folder);
	file = sm_store_open_file(path, &unread);
	if (!file)
		return sm_fail(err, unread.code, "%s is not a run folder: its manifest.json cannot be read: %s",
			       folder, strerror(unread.code));
	results->manifest = json_loadf(file, 0, &why);
	fclose(file);
	if (!json_is_object(results->manifest))
		return sm_fail(err, EBADMSG, "%s:%d: %s", path, why.line, why.text);
	version = json_integer_value(json_object_get(results->manifest, "schema_version"));
	if (version < SM_SCHEMA_VERSION)
		return sm_fail(err, EBADMSG,
			       "%s: schema %lld is of an earlier version: this one reads %d, so measure "
			       "again, or use that version",
			       path, (long long)version, SM_SCHEMA_VERSION);
	if (version > SM_SCHEMA_VERSION)
		return sm_fail(err, EBADMSG,
			       "%s: schema %lld is of a later version; this one reads %d", path,
			       (long long)version, SM_SCHEMA_VERSION);
	return 0;
}

/* What samples.csv announces of a trial. */
struct announced {
	bool here;
	unsigned slices, seen;
};

static int announce(const struct sm_results *results, struct announced *trial, struct sm_error *err)
{
	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];

		/* Copied by somebody: whose are its slices? */
		if (trial[sample->trial].here)
			return sm_fail(err, EBADMSG, "%s/samples.csv: trial %u stands there twice",
				       results->folder, sample->trial);
		trial[sample->trial] = (struct announced){ true, sample->slices, 0 };
	}
	return 0;
}

/* Whether a row belongs to a trial that ended; else it is left out, where the files are open, or refused. */
static int belongs(struct sm_results *results, const struct announced *trial, size_t trials,
		   unsigned number, const char *file, enum table_end end, struct sm_error *err)
{
	if (number < trials && trial[number].here)
		return 1;
	if (end == TABLE_ENDED)
		return sm_fail(err, EBADMSG, "%s/%s: trial %u has no row in samples.csv",
			       results->folder, file, number);
	results->left_out++;
	return 0;
}

/* Slices stand in their order, each once, as many as the trial announces. */
static int check_slices(struct sm_results *results, struct announced *trial, size_t trials,
			enum table_end end, struct sm_error *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < results->slice_count; i++) {
		const struct sm_slice_row *slice = &results->slices[i];
		int rc = belongs(results, trial, trials, slice->trial, "slices.csv", end, err);

		if (rc < 0)
			return rc;
		if (rc == 0)
			continue;
		if (slice->slice != trial[slice->trial].seen++)
			return sm_fail(err, EBADMSG,
				       "%s/slices.csv: slice %u of trial %u stands where slice %u should",
				       results->folder, slice->slice, slice->trial,
				       trial[slice->trial].seen - 1);
		results->slices[kept++] = *slice;
	}
	results->slice_count = kept;
	for (size_t t = 0; t < trials; t++)
		if (trial[t].here && trial[t].seen != trial[t].slices)
			return sm_fail(err, EBADMSG,
				       "%s/slices.csv: %u slices of trial %zu, which has %u by samples.csv",
				       results->folder, trial[t].seen, t, trial[t].slices);
	return 0;
}

/* Rows of trials without a row in samples.csv go: a kill came between, or the trial goes on. */
static int check_trials(struct sm_results *results, enum table_end end, struct sm_error *err)
{
	struct announced *trial;
	size_t trials = 1, counters = 0, metrics = 0;
	int rc;

	for (size_t i = 0; i < results->sample_count; i++)
		if (results->samples[i].trial >= trials)
			trials = (size_t)results->samples[i].trial + 1;
	trial = calloc(trials, sizeof(*trial));
	if (!trial)
		return sm_fail(err, ENOMEM, "no memory for %zu trials", trials);
	rc = announce(results, trial, err);
	if (rc == 0)
		rc = check_slices(results, trial, trials, end, err);
	for (size_t i = 0; rc >= 0 && i < results->counter_count; i++) {
		rc = belongs(results, trial, trials, results->counters[i].trial, "counters.csv", end, err);
		if (rc > 0)
			results->counters[counters++] = results->counters[i];
	}
	for (size_t i = 0; rc >= 0 && i < results->metric_count; i++) {
		rc = belongs(results, trial, trials, results->metrics[i].trial, "metrics.csv", end, err);
		if (rc > 0)
			results->metrics[metrics++] = results->metrics[i];
	}
	free(trial);
	if (rc < 0)
		return rc;
	results->counter_count = counters;
	results->metric_count = metrics;
	return 0;
}

int store_is_run(const char *folder, struct sm_error *err)
{
	struct sm_results results;
	int rc;

	sm_results_init(&results);
	rc = load_manifest(&results, folder, err);
	sm_results_free(&results);
	return rc;
}

static bool is_complete(const json_t *manifest)
{
	const char *status = json_string_value(json_object_get(manifest, "status"));

	return status && strcmp(status, "complete") == 0;
}

int store_load(struct sm_results *results, const char *folder, enum table_end end,
	       struct sm_error *err)
{
	struct sample_view sample;
	struct sm_slice_facts slice;
	struct sm_counter_row counter;
	struct sm_metric_row metric;
	int rc = load_manifest(results, folder, err);

	if (rc < 0)
		return rc;
	if (!is_complete(results->manifest))
		end = TABLE_OPEN;
	results->folder = strdup(folder);
	results->out = strdup(folder);
	if (!results->folder || !results->out)
		return sm_fail(err, ENOMEM, "no memory to load %s", folder);
	/* samples first: of every trial that has a row there, the other rows are there already */
	rc = table_read(&table_samples, folder, results, end, &sample, sizeof(sample), take_sample,
			err);
	if (rc == 0)
		rc = table_read(&table_slices, folder, results, end, &slice, sizeof(slice),
				take_slice, err);
	if (rc == 0)
		rc = table_read(&table_counters, folder, results, end, &counter, sizeof(counter),
				take_counter, err);
	if (rc == 0)
		rc = table_read(&table_metrics, folder, results, end, &metric, sizeof(metric),
				take_metric, err);
	return rc == 0 ? check_trials(results, end, err) : rc;
}

int sm_store_load(struct sm_results *results, const char *folder, struct sm_error *err)
{
	results->live = sm_store_is_locked(folder);
	return store_load(results, folder, results->live ? TABLE_OPEN : TABLE_ENDED, err);
}
