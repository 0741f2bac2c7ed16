/* Counters and further metrics of a case, over its ok trials. */
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

/* The index of a measure, which is added if it is new. */
static size_t place_of(struct export_case *one, const char *name, const char *unit, const char *scope)
{
	size_t i = 0;

	while (i < one->measure_count &&
	       !(is_same(one->measures[i].name, name) && is_same(one->measures[i].scope, scope)))
		i++;
	if (i == one->measure_count)
		one->measures[one->measure_count++] =
			(struct export_measure){ .name = name, .unit = unit, .scope = scope };
	return i;
}

/* Collects the values of one measure; returns how many. */
static size_t gather(const struct export_case *one, const struct export_measure *measure, double *values)
{
	size_t count = 0;

	for (size_t t = 0; t < one->ok; t++) {
		const struct export_trial *trial = &one->trials[t];

		for (size_t i = 0; measure->scope && i < trial->counter_count; i++)
			if (strcmp(trial->counters[i]->event, measure->name) == 0 &&
			    strcmp(sm_count_scope_name(trial->counters[i]->scope), measure->scope) == 0 &&
			    isfinite(trial->counters[i]->per_op))
				values[count++] = trial->counters[i]->per_op;
		for (size_t i = 0; !measure->scope && i < trial->metric_count; i++)
			if (strcmp(trial->metrics[i]->metric, measure->name) == 0 && isfinite(trial->metrics[i]->value))
				values[count++] = trial->metrics[i]->value;
	}
	return count;
}

void export_measures(struct export_case *one)
{
	size_t rows = 0;
	double *values;

	for (size_t t = 0; t < one->ok; t++)
		rows += one->trials[t].counter_count + one->trials[t].metric_count;
	one->measures = sm_zeroed_memory(rows + 1, sizeof(*one->measures));
	values = sm_zeroed_memory(rows + 1, sizeof(*values));
	for (size_t t = 0; t < one->ok; t++) {
		const struct export_trial *trial = &one->trials[t];

		for (size_t i = 0; i < trial->metric_count; i++)
			place_of(one, trial->metrics[i]->metric, trial->metrics[i]->unit, NULL);
		for (size_t i = 0; i < trial->counter_count; i++)
			place_of(one, trial->counters[i]->event, export_counter_unit(trial->counters[i]),
				 sm_count_scope_name(trial->counters[i]->scope));
	}
	for (size_t i = 0; i < one->measure_count; i++)
		one->measures[i].value =
			sm_median_interval(values, gather(one, &one->measures[i], values), SM_CONFIDENCE);
	free(values);
}
