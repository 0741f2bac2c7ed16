/* Selects the trials that are exported, case by case, from loaded results. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/analysis.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"
#include "view.h"

/* The rows of a file (each begins with its trial's number) in the order of the trials. */
struct by_trial {
	unsigned trial;
	const void *row;
};

static int compare_trials(const void *left, const void *right)
{
	const struct by_trial *x = left, *y = right;

	if (x->trial != y->trial)
		return x->trial < y->trial ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

/* Pointers to the sorted rows; `*trials` gets the numbers of their trials. */
static const void **sort_rows(const void *rows, size_t count, size_t size, unsigned **trials)
{
	struct by_trial *order = sm_zeroed_memory(count + 1, sizeof(*order));
	const void **sorted = sm_zeroed_memory(count + 1, sizeof(*sorted));

	*trials = sm_zeroed_memory(count + 1, sizeof(**trials));
	for (size_t i = 0; i < count; i++) {
		const void *row = (const char *)rows + i * size;

		order[i] = (struct by_trial){ *(const unsigned *)row, row };
	}
	qsort(order, count, sizeof(*order), compare_trials);
	for (size_t i = 0; i < count; i++) {
		sorted[i] = order[i].row;
		(*trials)[i] = order[i].trial;
	}
	free(order);
	return sorted;
}

/* The index of the first row whose trial is at least this one. */
static size_t place_of(const unsigned *trials, size_t count, uint64_t trial)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (trials[middle] < trial)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct rows {
	const void **sorted;
	unsigned *trials;
	size_t count;
};

static const void **rows_of(const struct rows *rows, unsigned trial, size_t *count)
{
	size_t first = place_of(rows->trials, rows->count, trial);

	*count = place_of(rows->trials, rows->count, (uint64_t)trial + 1) - first;
	return rows->sorted + first;
}

struct sorted {
	struct rows slices, counters, metrics;
};

/* The median of a trial's pure slices in a class; the analysis's rule says how many slices it needs. */
static double value_in(const struct rows *slices, unsigned trial, const char *klass)
{
	size_t count, pure = 0;
	const struct sm_slice_row *const *slice = (const struct sm_slice_row *const *)rows_of(slices, trial, &count);
	size_t least = count < SM_PURE_SLICES_MIN ? count : SM_PURE_SLICES_MIN;
	double *times = sm_zeroed_memory(count + 1, sizeof(*times)), value = (double)NAN;

	for (size_t i = 0; i < count; i++)
		if (slice[i]->purity == SM_PURE && slice[i]->ops > 0 && strcmp(slice[i]->klass, klass) == 0)
			times[pure++] = (double)slice[i]->ns / (double)slice[i]->ops;
	if (pure > 0 && pure >= least)
		value = sm_median(times, pure);
	free(times);
	return value;
}

static int compare_kept(const void *left, const void *right)
{
	const struct export_trial *x = left, *y = right;

	if (isfinite(x->value) != isfinite(y->value))
		return isfinite(x->value) ? -1 : 1;
	return (x->sample->trial > y->sample->trial) - (x->sample->trial < y->sample->trial);
}

static double deviation(const double *values, size_t count, double mean)
{
	double squares = 0;

	for (size_t i = 0; i < count; i++)
		squares += (values[i] - mean) * (values[i] - mean);
	return count > 1 ? sqrt(squares / (double)(count - 1)) : (double)NAN;
}

static double average(const double *values, size_t count)
{
	double sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += values[i];
	return count ? sum / (double)count : (double)NAN;
}

static void summarise(struct export_case *one)
{
	double *times = sm_zeroed_memory(one->ok + 1, sizeof(*times));
	double *cpu = sm_zeroed_memory(one->ok + 1, sizeof(*cpu));
	size_t known = 0;

	one->min = INFINITY;
	one->max = -INFINITY;
	for (size_t i = 0; i < one->count; i++) {
		times[i] = one->trials[i].value;
		one->min = fmin(one->min, times[i]);
		one->max = fmax(one->max, times[i]);
		if (isfinite(one->trials[i].cpu_ns))
			cpu[known++] = one->trials[i].cpu_ns;
	}
	one->mean = average(times, one->count);
	one->mean_cpu = average(cpu, known);
	one->stddev = deviation(times, one->count, one->mean);
	one->stddev_cpu = deviation(cpu, known, one->mean_cpu);
	one->value = sm_median_interval(times, one->count, SM_CONFIDENCE);
	one->cpu = sm_median_interval(cpu, known, SM_CONFIDENCE);
	free(times);
	free(cpu);
}

static void take_sample(struct sm_export_view *view, struct export_case *one, const struct sm_sample *sample,
			const struct sorted *sorted)
{
	struct export_trial *trial = &one->trials[one->ok];

	one->by_status[sample->found.status]++;
	view->by_status[sample->found.status]++;
	if (sample->found.status != SM_OK)
		return;
	one->ok++;
	*trial = (struct export_trial){ .sample = sample,
					.value = (double)NAN,
					.cpu_ns = sm_sample_cpu_ns_per_op(sample) };
	if (one->summary)
		trial->value = value_in(&sorted->slices, sample->trial, one->summary->klass);
	if (isfinite(trial->value))
		one->count++;
	else
		one->other_class++;
	trial->counters =
		(const struct sm_counter_row *const *)rows_of(&sorted->counters, sample->trial, &trial->counter_count);
	trial->metrics =
		(const struct sm_metric_row *const *)rows_of(&sorted->metrics, sample->trial, &trial->metric_count);
}

static void collect(struct sm_export_view *view, const struct sorted *sorted)
{
	const struct sm_results *r = view->results;
	struct export_case **by_index = sm_zeroed_memory(r->case_count + 1, sizeof(struct export_case *));
	size_t *tried = sm_zeroed_memory(r->case_count + 1, sizeof(*tried));

	for (size_t i = 0; i < r->case_count; i++)
		if (!r->cases[i].derived) {
			by_index[i] = &view->cases[view->case_count++];
			by_index[i]->c = &r->cases[i];
		}
	for (size_t i = 0; i < r->summary_count; i++)
		if (by_index[r->summaries[i].case_index])
			by_index[r->summaries[i].case_index]->summary = &r->summaries[i];
	for (size_t i = 0; i < r->sample_count; i++)
		tried[r->samples[i].case_index]++;
	for (size_t i = 0; i < r->case_count; i++)
		if (by_index[i])
			by_index[i]->trials = sm_zeroed_memory(tried[i] + 1, sizeof(struct export_trial));
	for (size_t i = 0; i < r->sample_count; i++)
		if (by_index[r->samples[i].case_index])
			take_sample(view, by_index[r->samples[i].case_index], &r->samples[i], sorted);
	for (size_t i = 0; i < view->case_count; i++) {
		struct export_case *one = &view->cases[i];

		qsort(one->trials, one->ok, sizeof(*one->trials), compare_kept);
		summarise(one);
		export_measures(one, r);
		view->trials += one->ok;
		view->with_value += one->count;
		view->other_class += one->other_class;
	}
	free(tried);
	free(by_index);
}

static void tell_left_out(struct sm_export_view *view)
{
	size_t used = 0;

	for (int i = SM_OK + 1; i < SM_STATUS_COUNT; i++)
		if (view->by_status[i])
			used += (size_t)snprintf(view->not_ok + used, sizeof(view->not_ok) - used, "%s%u %s",
						 used ? ", " : "", view->by_status[i],
						 sm_status_name((enum sm_status)i));
	memcpy(view->left_out, view->not_ok, sizeof(view->left_out));
	if (view->other_class)
		snprintf(view->left_out + used, sizeof(view->left_out) - used, "%s%u ok in another pair class",
			 used ? ", " : "", view->other_class);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "-";
}

static void read_manifest(struct sm_export_view *view)
{
	const json_t *manifest = view->results->manifest;
	const json_t *environment = json_object_get(manifest, "environment");
	const char *folder = view->results->folder ? view->results->folder : "-";
	const char *slash = strrchr(folder, '/');

	view->run = slash && slash[1] ? slash + 1 : folder;
	view->profile = text_of(manifest, "profile");
	view->version = text_of(json_object_get(manifest, "tool"), "version");
	view->started = text_of(manifest, "started_utc");
	view->status = text_of(manifest, "status");
	view->host = text_of(environment, "host");
	view->kernel = text_of(environment, "kernel");
	view->cpu_model = text_of(environment, "cpu_model");
	view->machine_type = text_of(json_object_get(manifest, "identity"), "type");
	view->pus = (int)json_integer_value(json_object_get(environment, "pus"));
	snprintf(view->seed, sizeof(view->seed), "%s", text_of(manifest, "seed"));
}

/* Whether there is anything to export, in units that the formats support. */
static int check(const struct sm_export_view *view, struct sm_error *err)
{
	const struct sm_results *r = view->results;
	const char *folder = r->folder ? r->folder : "the run";

	for (size_t i = 0; i < view->case_count; i++)
		if (strcmp(view->cases[i].c->unit, "ns/op") != 0)
			return sm_fail(err, EBADMSG,
				       "%s/samples.csv: the unit of case \"%.200s\" is \"%.40s\", "
				       "not ns/op",
				       folder, view->cases[i].c->id, view->cases[i].c->unit);
	if (view->trials == 0)
		return sm_fail(err, view->by_status[SM_SKIPPED] && !strchr(view->not_ok, ',') ? ENODEV : ENODATA,
			       "no trial of %s is ok (%s): there is nothing to export", folder,
			       view->not_ok[0] ? view->not_ok : "it has none");
	return 0;
}

int export_view_open(struct sm_export_view *view, const struct sm_results *results, struct sm_error *err)
{
	struct sorted sorted = { .slices.count = results->slice_count,
				 .counters.count = results->counter_count,
				 .metrics.count = results->metric_count };

	*view = (struct sm_export_view){ .results = results };
	sorted.slices.sorted =
		sort_rows(results->slices, results->slice_count, sizeof(*results->slices), &sorted.slices.trials);
	sorted.counters.sorted = sort_rows(results->counters, results->counter_count, sizeof(*results->counters),
					   &sorted.counters.trials);
	sorted.metrics.sorted =
		sort_rows(results->metrics, results->metric_count, sizeof(*results->metrics), &sorted.metrics.trials);
	view->cases = sm_zeroed_memory(results->case_count + 1, sizeof(*view->cases));
	collect(view, &sorted);
	tell_left_out(view);
	read_manifest(view);
	view->rows[0] = sorted.counters.sorted;
	view->rows[1] = sorted.metrics.sorted;
	free(sorted.slices.sorted);
	free(sorted.slices.trials);
	free(sorted.counters.trials);
	free(sorted.metrics.trials);
	return check(view, err);
}

void export_view_close(struct sm_export_view *view)
{
	for (size_t i = 0; i < view->case_count; i++) {
		free(view->cases[i].trials);
		free(view->cases[i].measures);
	}
	free(view->cases);
	free(view->rows[0]);
	free(view->rows[1]);
}
