/* Further metrics of a case, and its counters over its ok trials. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/analysis.h"
#include "shmeter/memory.h"
#include "view.h"

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

const char *export_counter_unit(const struct sm_counter_row *counter)
{
	/* The kernel's clocks count nanoseconds; everything else counts events. */
	return strstr(counter->fstr, "SW_TASK_CLOCK") || strstr(counter->fstr, "SW_CPU_CLOCK") ? "ns/op" : "1/op";
}

/* The index of a counter's measure, which is added if it is new. */
static size_t place_of(struct export_case *one, const struct sm_counter_row *counter)
{
	const char *scope = sm_count_scope_name(counter->scope);
	size_t i = 0;

	while (i < one->measure_count &&
	       !(is_same(one->measures[i].name, counter->event) && is_same(one->measures[i].scope, scope)))
		i++;
	if (i == one->measure_count)
		one->measures[one->measure_count++] = (struct export_measure){ .name = counter->event,
									       .unit = export_counter_unit(counter),
									       .scope = scope };
	return i;
}

/* Collects the values of a counter; returns how many. */
static size_t gather(const struct export_case *one, const struct export_measure *measure, double *values)
{
	size_t count = 0;

	for (size_t t = 0; t < one->ok; t++) {
		const struct export_trial *trial = &one->trials[t];

		for (size_t i = 0; i < trial->counter_count; i++)
			if (strcmp(trial->counters[i]->event, measure->name) == 0 &&
			    strcmp(sm_count_scope_name(trial->counters[i]->scope), measure->scope) == 0 &&
			    isfinite(trial->counters[i]->per_op))
				values[count++] = trial->counters[i]->per_op;
	}
	return count;
}

static void add_counters(struct export_case *one, double *values)
{
	size_t first = one->measure_count;

	for (size_t t = 0; t < one->ok; t++)
		for (size_t i = 0; i < one->trials[t].counter_count; i++)
			place_of(one, one->trials[t].counters[i]);
	for (size_t i = first; i < one->measure_count; i++)
		one->measures[i].value =
			sm_median_interval(values, gather(one, &one->measures[i], values), SM_CONFIDENCE);
}

/* The metrics of a case, which have rows of their own in summary.csv; returns how many.  `out` may be NULL. */
static size_t metrics_of(const struct export_case *one, const struct sm_results *results, struct export_measure *out)
{
	size_t count = 0;

	for (size_t i = 0; i < results->summary_count; i++) {
		const struct sm_summary_row *row = &results->summaries[i];
		const struct sm_case_row *c = &results->cases[row->case_index];

		if (!c->derived || c->of != one->c->id)
			continue;
		if (out)
			out[count] = (struct export_measure){ .name = c->metric, .unit = c->unit, .value = row->value };
		count++;
	}
	return count;
}

void export_measures(struct export_case *one, const struct sm_results *results)
{
	size_t rows = 0;
	double *values;

	for (size_t t = 0; t < one->ok; t++)
		rows += one->trials[t].counter_count;
	values = sm_zeroed_memory(rows + 1, sizeof(*values));
	one->measures = sm_zeroed_memory(rows + metrics_of(one, results, NULL) + 1, sizeof(*one->measures));
	one->measure_count = metrics_of(one, results, one->measures);
	add_counters(one, values);
	free(values);
}
