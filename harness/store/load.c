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
	long index = sm_results_find_case(results, view->c.id);
	struct sm_case_row *c;
	struct sm_sample *sample;

	/* rows are kept by trial number: a damaged one must not cost memory without end */
	if (view->s.trial > TRIALS_MAX)
		return sm_fail(err, EBADMSG, "%s/samples.csv: trial %u is more than a run can have", results->folder,
			       view->s.trial);
	if (index < 0) {
		index = (long)results->case_count;
		c = sm_results_add_case(results);
		*c = view->c;
	}
	/* A skipped trial was never seated: a later one knows the relation. */
	c = &results->cases[index];
	if (strcmp(c->relation, "-") == 0)
		c->relation = view->c.relation;
	sample = sm_results_add_sample(results);
	*sample = view->s;
	sample->case_index = (unsigned)index;
	return 0;
}

static int take_slice(struct sm_results *results, const void *row, struct sm_error *err)
{
	const struct slice_view *view = row;
	struct sm_slice_row *slice = sm_results_add_slice(results);

	(void)err;
	*slice = view->s;
	slice->pure = strcmp(view->status, "pure") == 0;
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

static int take_summary(struct sm_results *results, const void *row, struct sm_error *err)
{
	const struct summary_view *view = row;
	long index = sm_results_find_case(results, view->c.id);
	struct sm_summary_row *summary;

	if (index < 0)
		return sm_fail(err, EBADMSG, "%s/summary.csv: case \"%s\" is not in samples.csv",
			       results->folder, view->c.id);
	summary = sm_results_add_summary(results);
	*summary = view->s;
	summary->case_index = (unsigned)index;
	return 0;
}

static int take_pair(struct sm_results *results, const void *row, struct sm_error *err)
{
	(void)err;
	*sm_results_add_pair(results) = *(const struct sm_pair_row *)row;
	return 0;
}

static int take_crossing(struct sm_results *results, const void *row, struct sm_error *err)
{
	(void)err;
	*sm_results_add_crossing(results) = *(const struct sm_crossing_row *)row;
	return 0;
}

static int take_claim(struct sm_results *results, const void *row, struct sm_error *err)
{
	(void)err;
	*sm_results_add_claim(results) = *(const struct sm_claim_row *)row;
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
	file = store_open(path, &unread);
	if (!file)
		return sm_fail(err, unread.code, "%s is not a run folder: its %s",
			       folder, unread.text + strlen(folder) + 1);
	results->manifest = json_loadf(file, 0, &why);
	fclose(file);
	if (!json_is_object(results->manifest))
		return sm_fail(err, EBADMSG, "%s:%d: %s", path, why.line, why.text);
	version = json_integer_value(json_object_get(results->manifest, "schema_version"));
	if (version != SM_SCHEMA_VERSION)
		return sm_fail(err, EBADMSG,
			       "%s: schema version %lld, and this program reads version %d", path,
			       (long long)version, SM_SCHEMA_VERSION);
	return 0;
}

/* Slices and counters of trials that have no sample row did not end: a kill came between.  A trial that has two was copied
 * by somebody: whose are its slices? */
static int drop_unfinished(struct sm_results *results, struct sm_error *err)
{
	unsigned last = 0;
	bool *ended;
	size_t kept = 0;

	for (size_t i = 0; i < results->sample_count; i++)
		last = results->samples[i].trial > last ? results->samples[i].trial : last;
	ended = calloc((size_t)last + 1, sizeof(*ended));
	if (!ended)
		abort();
	for (size_t i = 0; i < results->sample_count; i++) {
		bool *here = &ended[results->samples[i].trial];

		if (*here) {
			free(ended);
			return sm_fail(err, EBADMSG, "%s/samples.csv: trial %u stands there twice",
				       results->folder, results->samples[i].trial);
		}
		*here = true;
	}
	for (size_t i = 0; i < results->slice_count; i++)
		if (results->slices[i].trial <= last && ended[results->slices[i].trial])
			results->slices[kept++] = results->slices[i];
	results->slice_count = kept;
	kept = 0;
	for (size_t i = 0; i < results->counter_count; i++)
		if (results->counters[i].trial <= last && ended[results->counters[i].trial])
			results->counters[kept++] = results->counters[i];
	results->counter_count = kept;
	free(ended);
	return 0;
}

struct ranked {
	size_t rank, index;
};

static int by_rank(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return (left->index > right->index) - (left->index < right->index);
}

static size_t plan_rank(const json_t *plan, const char *id)
{
	size_t i, count = json_array_size(plan);

	for (i = 0; i < count; i++) {
		const char *one = json_string_value(json_object_get(json_array_get(plan, i), "id"));

		if (one && strcmp(one, id) == 0)
			break;
	}
	return i;
}

/* Cases in the order of the plan, not of their first trial: tables and figures read the same for every
 * seed. */
static void order_cases(struct sm_results *results)
{
	const json_t *plan = json_object_get(json_object_get(results->manifest, "plan"), "cases");
	struct ranked *ranked = calloc(results->case_count + 1, sizeof(*ranked));
	struct sm_case_row *cases = calloc(results->case_count + 1, sizeof(*cases));
	unsigned *place = calloc(results->case_count + 1, sizeof(*place));

	if (!ranked || !cases || !place)
		abort();
	for (size_t i = 0; i < results->case_count; i++)
		ranked[i] = (struct ranked){ plan_rank(plan, results->cases[i].id), i };
	qsort(ranked, results->case_count, sizeof(*ranked), by_rank);
	for (size_t i = 0; i < results->case_count; i++) {
		cases[i] = results->cases[ranked[i].index];
		place[ranked[i].index] = (unsigned)i;
	}
	for (size_t i = 0; i < results->sample_count; i++)
		results->samples[i].case_index = place[results->samples[i].case_index];
	free(results->cases);
	results->cases = cases;
	results->case_room = results->case_count + 1;
	free(ranked);
	free(place);
}

static int load_analysis(struct sm_results *results, const char *folder, struct sm_error *err)
{
	struct summary_view summary;
	struct sm_pair_row pair;
	struct sm_crossing_row crossing;
	struct sm_claim_row claim;
	int rc = table_read(&table_summary, folder, results, &summary, sizeof(summary),
			    take_summary, err);

	if (rc == 0)
		rc = table_read(&table_pairs, folder, results, &pair, sizeof(pair), take_pair, err);
	if (rc == 0)
		rc = table_read(&table_crossings, folder, results, &crossing, sizeof(crossing),
				take_crossing, err);
	if (rc == 0)
		rc = table_read(&table_claims, folder, results, &claim, sizeof(claim), take_claim,
				err);
	return rc == -ENOENT ? 0 : rc; /* not analysed yet */
}

int sm_store_load(struct sm_results *results, const char *folder, struct sm_error *err)
{
	struct sample_view sample;
	struct slice_view slice;
	struct sm_counter_row counter;
	struct sm_metric_row metric;
	int rc = load_manifest(results, folder, err);

	if (rc < 0)
		return rc;
	results->folder = strdup(folder);
	if (!results->folder)
		return sm_fail(err, ENOMEM, "no memory to load %s", folder);
	rc = table_read(&table_samples, folder, results, &sample, sizeof(sample), take_sample, err);
	if (rc == 0)
		rc = table_read(&table_slices, folder, results, &slice, sizeof(slice), take_slice,
				err);
	if (rc == 0)
		rc = table_read(&table_counters, folder, results, &counter, sizeof(counter),
				take_counter, err);
	if (rc == 0)
		rc = table_read(&table_metrics, folder, results, &metric, sizeof(metric),
				take_metric, err);
	if (rc == 0)
		rc = drop_unfinished(results, err);
	if (rc < 0)
		return rc;
	order_cases(results);
	sm_results_derive(results);
	return load_analysis(results, folder, err);
}
