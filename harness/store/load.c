/* Loads a run folder: the measured data, or one sentence on what is wrong with it.
 *
 * The row of a trial in samples.csv is written last and has the number of slices; the manifest names the events and the
 * further metrics.  So each row of the other files can be checked: it belongs to a trial, is unique, and none is
 * missing. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/store.h"
#include "table.h"

#define TRIALS_MAX 50000000u

/* A complete trial: it has a row in samples.csv. */
struct ended {
	unsigned trial, line; /* `line` is that of the row */
	unsigned sample;      /* index */
	unsigned seen;        /* its rows so far in the current file */
};

struct loader {
	struct table_taker taker; /* first member, so that the taker can be cast to the loader */
	struct sm_results *results;
	enum table_end end;
	int file; /* the current file */
	struct ended *trials;
	size_t count;
	struct ended *current;  /* the trial whose rows are being read; NULL: none */
	uint64_t operations;    /* its operations in buckets.csv so far */
	const json_t *events;   /* events in the manifest; NULL: not there */
	const json_t *cases;    /* cases of the plan */
	const json_t **metrics; /* by case: names of the metrics in the plan; NULL: not there */
	size_t metrics_count;
};

/* Returns 1 for a complete run, 0 for an interrupted one. */
static int load_manifest(struct sm_results *results, const char *folder, struct sm_error *err)
{
	struct sm_error unread = { 0 };
	json_error_t why;
	char path[4200];
	const char *status;
	FILE *file;
	json_int_t version;

	snprintf(path, sizeof(path), "%s/manifest.json", folder);
	file = sm_store_open_file(path, &unread);
	if (!file)
		return sm_fail(err, unread.code, "%s is not a run folder: its manifest.json cannot be read: %s", folder,
			       strerror(unread.code));
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
		return sm_fail(err, EBADMSG, "%s: schema %lld is of a later version; this one reads %d", path,
			       (long long)version, SM_SCHEMA_VERSION);
	status = json_string_value(json_object_get(results->manifest, "status"));
	if (!status || (strcmp(status, "complete") != 0 && strcmp(status, "interrupted") != 0))
		return sm_fail(err, EBADMSG, "%s: \"status\" is neither \"complete\" nor \"interrupted\"", path);
	return strcmp(status, "complete") == 0;
}

/* The names of a case's further metrics in the manifest's plan; NULL: not there. */
static const json_t *planned_metrics(const struct loader *loader, const char *id)
{
	size_t i;
	const json_t *one;

	json_array_foreach (loader->cases, i, one) {
		const char *text = json_string_value(json_object_get(one, "id"));

		if (text && strcmp(text, id) == 0)
			return json_object_get(one, "metrics");
	}
	return NULL;
}

/* Makes room for one more element in an array that doubles. */
static int make_room(void **array, size_t count, size_t size, struct sm_error *err)
{
	void *more;

	if (count & (count - 1))
		return 0;
	more = realloc(*array, (count ? 2 * count : 1) * size);
	if (!more)
		return sm_fail(err, ENOMEM, "no memory for so many trials");
	*array = more;
	return 0;
}

/* Whether a case's id begins with its scenario and variant, as every plan writes it. */
static bool is_its_id(const struct sm_case_row *c)
{
	char begin[256];
	int length = snprintf(begin, sizeof(begin), "%s/%s?", c->scenario, c->variant);

	return length < (int)sizeof(begin) && strncmp(c->id, begin, (size_t)length) == 0;
}

static int take_sample(struct table_taker *taker, const void *row, unsigned line, struct sm_error *err)
{
	struct loader *loader = (struct loader *)taker;
	const struct sample_view *view = row;
	struct sm_sample *sample;

	if (view->s.trial > TRIALS_MAX)
		return sm_fail(err, EBADMSG, "trial %u is more than a run can have", view->s.trial);
	if (!is_its_id(&view->c))
		return sm_fail(err, EBADMSG, "\"%.60s\" is not a value of case for %.60s/%.60s", view->c.id,
			       view->c.scenario, view->c.variant);
	sample = sm_results_take(loader->results, &view->c, &view->s);
	if (make_room((void **)&loader->trials, loader->count, sizeof(*loader->trials), err) < 0 ||
	    make_room((void **)&loader->metrics, loader->metrics_count, sizeof(*loader->metrics), err) < 0)
		return -ENOMEM;
	if (sample->case_index == loader->metrics_count)
		loader->metrics[loader->metrics_count++] = planned_metrics(loader, view->c.id);
	loader->trials[loader->count] = (struct ended){ sample->trial, line, (unsigned)loader->count, 0 };
	loader->count++;
	return 1;
}

static int by_trial(const void *a, const void *b)
{
	const struct ended *left = a, *right = b;

	if (left->trial != right->trial)
		return left->trial < right->trial ? -1 : 1;
	return (left->line > right->line) - (left->line < right->line);
}

static int sort_trials(struct loader *loader, struct sm_error *err)
{
	if (loader->count > 1)
		qsort(loader->trials, loader->count, sizeof(*loader->trials), by_trial);
	for (size_t i = 1; i < loader->count; i++)
		/* Two rows for one trial: it is not known to which of them the slices belong. */
		if (loader->trials[i].trial == loader->trials[i - 1].trial)
			return sm_fail(err, EBADMSG, "%s/samples.csv:%u: trial %u stands there twice, in line %u too",
				       loader->results->folder, loader->trials[i].line, loader->trials[i].trial,
				       loader->trials[i - 1].line);
	return 0;
}

/* Checks that a complete run has the trials of its plan: they are numbered from 0, followed by those of the cases that
 * could not run.  A run that reached its budget has only some of them. */
static int check_planned(const struct loader *loader, struct sm_error *err)
{
	const json_t *manifest = loader->results->manifest, *one;
	json_int_t due = json_integer_value(json_object_get(json_object_get(manifest, "plan"), "trials"));
	size_t i;

	if (json_is_true(json_object_get(manifest, "budget_reached")))
		return 0;
	json_array_foreach (loader->cases, i, one)
		due += json_is_true(json_object_get(one, "skipped")) ||
		       json_string_length(json_object_get(one, "failure")) > 0;
	for (i = 0; (json_int_t)i < due; i++)
		if (i >= loader->count || loader->trials[i].trial != i)
			return sm_fail(err, EBADMSG,
				       "%s/samples.csv: trial %zu is missing of the %lld that manifest.json announces",
				       loader->results->folder, i, (long long)due);
	return 0;
}

/* Finds the trial that a row belongs to; the rows of a trial are contiguous.  Returns 1; or 0 where the trial has no
 * row in samples.csv and need not have one: the run was killed before it wrote the row, or it is still going on. */
static int belongs(struct loader *loader, unsigned number, struct sm_error *err)
{
	const struct ended wanted = { .trial = number };
	size_t low = 0, high = loader->count;

	if (loader->current && loader->current->trial == number)
		return 1;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_trial(&loader->trials[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == loader->count || loader->trials[low].trial != number) {
		if (loader->end == TABLE_ENDED)
			return sm_fail(err, EBADMSG, "trial %u has no row in samples.csv", number);
		return 0;
	}
	loader->current = &loader->trials[low];
	if (loader->current->seen > 0)
		return sm_fail(err, EBADMSG, "the rows of trial %u do not stand together", number);
	return 1;
}

static const struct sm_sample *sample_of(const struct loader *loader, const struct ended *trial)
{
	return &loader->results->samples[trial->sample];
}

static int take_slice(struct table_taker *taker, const void *row, unsigned line, struct sm_error *err)
{
	struct loader *loader = (struct loader *)taker;
	struct sm_slice_facts slice = *(const struct sm_slice_facts *)row;
	int rc = belongs(loader, slice.row.trial, err);
	unsigned due;

	(void)line;
	if (rc <= 0)
		return rc;
	due = loader->current->seen++;
	if (slice.row.slice != due)
		return sm_fail(err, EBADMSG, "slice %u of trial %u stands where slice %u should", slice.row.slice,
			       slice.row.trial, due);
	if (due >= sample_of(loader, loader->current)->slices)
		return sm_fail(err, EBADMSG, "slice %u of trial %u, which has %u by samples.csv", slice.row.slice,
			       slice.row.trial, due);
	sm_slice_take_probes(&slice);
	*sm_results_add_slice(loader->results) = slice.row;
	return 1;
}

/* The manifest's names for the rows of a trial in counters.csv or metrics.csv; NULL: not there. */
static const json_t *names_of(const struct loader *loader, const struct ended *trial)
{
	return loader->file == FILE_COUNTERS ? loader->events : loader->metrics[sample_of(loader, trial)->case_index];
}

/* Checks that a row has the next name in the manifest's list (of names, or of objects with a name). */
static int take_name(struct loader *loader, const char *name, struct sm_error *err)
{
	const struct ended *trial = loader->current;
	const json_t *names = names_of(loader, trial);
	const json_t *due = json_array_get(names, loader->current->seen++);
	const char *text = json_string_value(json_is_object(due) ? json_object_get(due, "name") : due);

	if (names && !text)
		return sm_fail(err, EBADMSG, "\"%.60s\" of trial %u is one more than manifest.json names", name,
			       trial->trial);
	if (names && strcmp(text, name) != 0)
		return sm_fail(err, EBADMSG, "\"%.60s\" of trial %u stands where \"%.60s\" should", name, trial->trial,
			       text);
	return 1;
}

static int stands_twice(const char *name, unsigned trial, struct sm_error *err)
{
	return sm_fail(err, EBADMSG, "\"%.60s\" of trial %u stands there twice", name, trial);
}

static int take_counter(struct table_taker *taker, const void *row, unsigned line, struct sm_error *err)
{
	struct loader *loader = (struct loader *)taker;
	struct sm_results *results = loader->results;
	const struct sm_counter_row *counter = row;
	int rc = belongs(loader, counter->trial, err);

	(void)line;
	for (size_t i = 0; rc > 0 && i < loader->current->seen; i++)
		if (results->counters[results->counter_count - 1 - i].event == counter->event)
			return stands_twice(counter->event, counter->trial, err);
	if (rc > 0)
		rc = take_name(loader, counter->event, err);
	if (rc > 0)
		*sm_results_add_counter(results) = *counter;
	return rc;
}

static int take_metric(struct table_taker *taker, const void *row, unsigned line, struct sm_error *err)
{
	struct loader *loader = (struct loader *)taker;
	struct sm_results *results = loader->results;
	const struct sm_metric_row *metric = row;
	int rc = belongs(loader, metric->trial, err);

	(void)line;
	for (size_t i = 0; rc > 0 && i < loader->current->seen; i++)
		if (results->metrics[results->metric_count - 1 - i].metric == metric->metric)
			return stands_twice(metric->metric, metric->trial, err);
	if (rc > 0)
		rc = take_name(loader, metric->metric, err);
	if (rc > 0)
		*sm_results_add_metric(results) = *metric;
	return rc;
}

static int take_bucket(struct table_taker *taker, const void *row, unsigned line, struct sm_error *err)
{
	struct loader *loader = (struct loader *)taker;
	struct sm_results *results = loader->results;
	const struct sm_bucket_row *bucket = row, *last = NULL;
	int rc = belongs(loader, bucket->trial, err);

	(void)line;
	if (rc <= 0)
		return rc;
	if (loader->current->seen++ > 0)
		last = &results->buckets[results->bucket_count - 1];
	else
		loader->operations = 0;
	if (last && last->ns >= bucket->ns)
		return sm_fail(err, EBADMSG, "%" PRIu64 " ns of trial %u stands behind %" PRIu64 " ns", bucket->ns,
			       bucket->trial, last->ns);
	if (last && last->total != bucket->total)
		return sm_fail(err, EBADMSG, "trial %u has %" PRIu64 " operations, and %" PRIu64 " in the line before",
			       bucket->trial, bucket->total, last->total);
	if (bucket->count == 0 || bucket->count > bucket->total - loader->operations)
		return sm_fail(err, EBADMSG,
			       "%" PRIu64 " operations in a bucket of trial %u, where %" PRIu64 " are left",
			       bucket->count, bucket->trial, bucket->total - loader->operations);
	loader->operations += bucket->count;
	*sm_results_add_bucket(results) = *bucket;
	return 1;
}

static int take_visit(struct table_taker *taker, const void *row, unsigned line, struct sm_error *err)
{
	struct loader *loader = (struct loader *)taker;
	struct sm_results *results = loader->results;
	const struct sm_visit_row *visit = row;
	int rc = belongs(loader, visit->trial, err);
	unsigned due;

	(void)line;
	if (rc <= 0)
		return rc;
	due = loader->current->seen++;
	if (visit->visit != due || visit->visit >= visit->visits)
		return sm_fail(err, EBADMSG, "visit %u of %u of trial %u stands where visit %u should", visit->visit,
			       visit->visits, visit->trial, due);
	if (due > 0 && visit->visits != results->visits[results->visit_count - 1].visits)
		return sm_fail(err, EBADMSG, "trial %u has %u visits, and %u in the line before", visit->trial,
			       visit->visits, results->visits[results->visit_count - 1].visits);
	if (visit->from == visit->to)
		return sm_fail(err, EBADMSG, "a visit of trial %u goes from PU %u to itself", visit->trial,
			       visit->from);
	*sm_results_add_visit(results) = *visit;
	return 1;
}

/* Checks that the visits of each trial are all there. */
static int check_visits(const struct loader *loader, struct sm_error *err)
{
	const struct sm_results *results = loader->results;

	for (size_t i = 0; i < results->visit_count; i++) {
		const struct sm_visit_row *visit = &results->visits[i];
		bool last = i + 1 == results->visit_count || visit[1].trial != visit->trial;

		if (last && visit->visit + 1 != visit->visits)
			return sm_fail(err, EBADMSG, "%s/visits.csv: %u of %u visits of trial %u", results->folder,
				       visit->visit + 1, visit->visits, visit->trial);
	}
	return 0;
}

/* Checks that a trial's buckets add up to the total that they give. */
static int check_buckets(const struct loader *loader, struct sm_error *err)
{
	const struct sm_results *results = loader->results;
	uint64_t operations = 0;

	for (size_t i = 0; i < results->bucket_count; i++) {
		const struct sm_bucket_row *bucket = &results->buckets[i];
		bool last = i + 1 == results->bucket_count || bucket[1].trial != bucket->trial;

		operations += bucket->count;
		if (last && operations != bucket->total)
			return sm_fail(err, EBADMSG,
				       "%s/buckets.csv: %" PRIu64 " of %" PRIu64 " operations of trial %u",
				       results->folder, operations, bucket->total, bucket->trial);
		operations = last ? 0 : operations;
	}
	return 0;
}

/* Checks that all rows of complete trials are there: they were written before those of samples.csv. */
static int check_all_there(struct loader *loader, struct sm_error *err)
{
	static const char *const what[FILES] = { "slices", "events", "metrics" };

	if (loader->file == FILE_BUCKETS || loader->file == FILE_VISITS) { /* their rows tell how many there are */
		for (size_t i = 0; i < loader->count; i++)
			loader->trials[i].seen = 0;
		return loader->file == FILE_BUCKETS ? check_buckets(loader, err) : check_visits(loader, err);
	}
	for (size_t i = 0; i < loader->count; i++) {
		struct ended *t = &loader->trials[i];
		const struct sm_sample *sample = sample_of(loader, t);
		bool slices = loader->file == FILE_SLICES;
		const json_t *names = slices ? NULL : names_of(loader, t);
		size_t due = slices                            ? sample->slices
			     : names && sample->ended == SM_OK ? json_array_size(names)
							       : t->seen;

		if (t->seen != due)
			return sm_fail(err, EBADMSG, "%s/%s: %u %s of trial %u, which has %zu by %s:%u",
				       loader->results->folder, tables_measured[loader->file]->file, t->seen,
				       what[loader->file], t->trial, due,
				       slices ? "samples.csv" : "manifest.json and samples.csv", t->line);
		t->seen = 0;
	}
	return 0;
}

int store_status(const char *folder, struct sm_error *err)
{
	struct sm_results results;
	int rc;

	sm_results_init(&results);
	rc = load_manifest(&results, folder, err);
	sm_results_free(&results);
	return rc;
}

static int read_file(struct loader *loader, int file, off_t kept[FILES], struct sm_error *err)
{
	static int (*const take[FILES])(struct table_taker *, const void *, unsigned, struct sm_error *) = {
		[FILE_SLICES] = take_slice,   [FILE_COUNTERS] = take_counter, [FILE_METRICS] = take_metric,
		[FILE_BUCKETS] = take_bucket, [FILE_VISITS] = take_visit,     [FILE_SAMPLES] = take_sample,
	};
	union {
		struct sample_view sample;
		struct sm_slice_facts slice;
		struct sm_counter_row counter;
		struct sm_metric_row metric;
		struct sm_bucket_row bucket;
		struct sm_visit_row visit;
	} row;
	/* folders of earlier builds have neither buckets.csv nor visits.csv; a run without a plan may have been killed before it made any
	 * file */
	bool may_lack = file == FILE_BUCKETS || file == FILE_VISITS || (loader->end == TABLE_OPEN && !loader->cases);
	struct sm_error why = { 0 };
	int rc;

	loader->file = file;
	loader->current = NULL;
	loader->taker = (struct table_taker){ take[file], loader->results, &row, sizeof(row), 0 };
	rc = table_read(tables_measured[file], loader->results->folder, loader->end, &loader->taker, &why);
	kept[file] = loader->taker.kept;
	if ((rc == -ENOENT || rc == -ENODATA) && may_lack)
		rc = 0;
	if (rc < 0)
		return sm_fail(err, why.code, "%s", why.text);
	return file == FILE_SAMPLES ? sort_trials(loader, err) : check_all_there(loader, err);
}

int store_load(struct sm_results *results, const char *folder, enum table_end end, off_t kept[FILES],
	       struct sm_error *err)
{
	struct loader loader = { .results = results, .end = end };
	int status = load_manifest(results, folder, err), rc;

	if (status < 0)
		return status;
	if (status == 0)
		loader.end = TABLE_OPEN;
	loader.events = json_object_get(results->manifest, "events");
	loader.cases = json_object_get(json_object_get(results->manifest, "plan"), "cases");
	results->folder = strdup(folder);
	results->out = strdup(folder);
	if (!results->folder || !results->out)
		return sm_fail(err, ENOMEM, "no memory to load %s", folder);
	/* samples first: every trial with a row there already has its other rows */
	rc = read_file(&loader, FILE_SAMPLES, kept, err);
	if (rc == 0 && status > 0)
		rc = check_planned(&loader, err);
	for (int file = 0; rc == 0 && file < FILE_SAMPLES; file++)
		rc = read_file(&loader, file, kept, err);
	free(loader.trials);
	free((void *)loader.metrics);
	return rc < 0 ? rc : status;
}

int sm_store_load(struct sm_results *results, const char *folder, struct sm_error *err)
{
	off_t kept[FILES];
	int rc;

	results->live = sm_store_is_locked(folder);
	rc = store_load(results, folder, results->live ? TABLE_OPEN : TABLE_ENDED, kept, err);
	return rc < 0 ? rc : 0;
}
