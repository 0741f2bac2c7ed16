/* One row per case: its median with confidence interval, in the leading class of its group. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Writes the values of a case in a class to `values`; returns how many trials have one. */
static size_t gather_values(const struct sm_analysis *a, size_t c, sm_name klass, double *values)
{
	const struct sm_case_view *view = &a->case_view[c];
	size_t count = 0;

	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_cell *cell = sm_analysis_cell(a, a->sample_order[i], klass);

		if (cell)
			values[count++] = cell->value;
	}
	return count;
}

static double switches_of(const struct sm_sample *sample)
{
	return sample->ops ? (double)(sample->nvcsw + sample->nivcsw) / (double)sample->ops : NAN;
}

/* The median of a property of the samples, over the successful trials. */
static double median_of(const struct sm_analysis *a, size_t c, double (*of)(const struct sm_sample *), double *values)
{
	const struct sm_case_view *view = &a->case_view[c];
	size_t count = 0;

	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_sample *sample = &a->results->samples[a->sample_order[i]];

		if (sample->found.status == SM_OK && isfinite(of(sample)))
			values[count++] = of(sample);
	}
	return sm_median(values, count);
}

/* Counts a trial by its status; returns why it is not ok, or NULL. */
static const char *count_trial(const struct sm_value *found, struct sm_summary_row *row)
{
	unsigned *const count[SM_STATUS_COUNT] = {
		[SM_OK] = &row->ok,
		[SM_SKIPPED] = &row->skipped,
		[SM_VERIFY_FAILED] = &row->failed,
		[SM_WORKER_DIED] = &row->failed,
		[SM_TIMED_OUT] = &row->failed,
		[SM_DISTURBED] = &row->disturbed,
		[SM_UNSETTLED] = &row->unsettled,
		[SM_SATURATED] = &row->saturated,
	};

	if (count[found->status])
		++*count[found->status];
	return found->status != SM_OK ? found->reason : NULL;
}

/* Counts the trials of a case; `failed`: only those that did not end well.  Returns the reason of one that was not ok,
 * or NULL. */
static const char *count_trials(const struct sm_analysis *a, size_t c, bool failed, struct sm_summary_row *row)
{
	const struct sm_case_view *view = &a->case_view[c];
	const char *reason = NULL;

	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_sample *sample = &a->results->samples[a->sample_order[i]];
		const char *why = failed && sample->ended == SM_OK ? NULL : count_trial(&sample->found, row);

		reason = why ? why : reason;
	}
	return reason;
}

/* A further metric has samples only of the trials that ended well: the others are counted in its measured case. */
static const char *count_all(const struct sm_analysis *a, size_t c, struct sm_summary_row *row)
{
	const struct sm_case_row *one = &a->results->cases[c];
	const char *why = count_trials(a, c, false, row), *failed = NULL;
	long of = one->derived ? sm_results_find_case(a->results, one->of) : -1;

	if (of >= 0)
		failed = count_trials(a, (size_t)of, true, row);
	return why ? why : failed;
}

static void summarise(struct sm_analysis *a, size_t c, double *values)
{
	const struct sm_group_view *group = &a->group[a->case_view[c].group];
	struct sm_summary_row *row = sm_results_add_summary(a->results);
	const char *trouble = count_all(a, c, row);
	size_t count = 0;

	row->case_index = (unsigned)c;
	row->klass = sm_none;
	/* Takes the group's leading class first, so that the variants are shown in the same class. */
	for (unsigned k = 0; k < group->classes && count == 0; k++) {
		count = gather_values(a, c, group->klass[k].klass, values);
		if (count > 0)
			row->klass = group->klass[k].klass;
	}
	row->value = sm_analysis_interval(a, values, count);
	row->mad = sm_mad(values, count);
	row->cpu_ns_per_op = median_of(a, c, sm_sample_cpu_ns_per_op, values);
	row->switches_per_op = median_of(a, c, switches_of, values);
	row->reason = sm_none;
	if (count == 0)
		row->reason = trouble                        ? trouble
			      : row->ok == 0                 ? "not run before the run ended"
			      : a->results->cases[c].derived ? "its value is not known in any trial"
							     : "no trial has enough pure slices in one class";
	else if (row->klass != group->klass[0].klass)
		row->reason = sm_results_string(a->results,
						"no trial with enough pure slices in class %s, "
						"which leads this comparison",
						group->klass[0].klass);
	else if (count < sm_analysis_blocks_min(a))
		row->reason = sm_results_string(a->results, "%zu %s: no interval under %u", count,
						count == 1 ? "block" : "blocks", sm_analysis_blocks_min(a));
}

int sm_analysis_summaries(struct sm_analysis *a, struct sm_error *err)
{
	struct sm_results *results = a->results;
	double *values = malloc((results->sample_count + 1) * sizeof(*values));

	if (!values)
		return sm_fail(err, ENOMEM, "no memory for %zu cases", results->case_count);
	results->summary_count = 0;
	for (size_t c = 0; c < results->case_count; c++)
		summarise(a, c, values);
	free(values);
	return 0;
}
