/* Services that keep a series of runs: Bencher, github-action-benchmark. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "view.h"

static json_t *metric(const struct sm_interval *value)
{
	json_t *all;

	if (!isfinite(value->estimate))
		return NULL;
	all = json_object();
	export_json_set(all, "value", export_json_real(value->estimate));
	export_json_set(all, "lower_value", export_json_real(value->low));
	export_json_set(all, "upper_value", export_json_real(value->high));
	return all;
}

/* Names of Bencher's measures hold at most 64 characters. */
static void set_measure(json_t *all, const struct export_measure *measure)
{
	char name[65];

	if (strcmp(measure->unit, "1") == 0)
		snprintf(name, sizeof(name), "%s", measure->name);
	else
		snprintf(name, sizeof(name), "%s (%s)", measure->name, measure->unit);
	export_json_set(all, name, metric(&measure->value));
}

int export_bencher(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	json_t *document = json_object();

	for (size_t i = 0; i < view->case_count; i++) {
		const struct export_case *one = &view->cases[i];
		json_t *all = json_object();

		/* Bencher's own measure `latency` is in nanoseconds. */
		for (size_t m = 0; m < one->measure_count; m++)
			set_measure(all, &one->measures[m]);
		export_json_set(all, "cpu-time", metric(&one->cpu));
		export_json_set(all, "latency", metric(&one->value));
		if (json_object_size(all) > 0)
			export_json_set(document, one->c->id, all);
		else
			json_decref(all);
	}
	return export_json_write(document, out, err);
}

static json_t *bench(const struct export_case *one)
{
	const struct sm_interval *value = &one->value;
	json_t *all = json_object();
	unsigned left_out = one->other_class;
	char text[256], range[48] = "no range: too few trials";

	for (int i = SM_OK + 1; i < SM_STATUS_COUNT; i++)
		left_out += one->by_status[i];
	export_json_set(all, "name", export_json_string(one->c->id));
	export_json_set(all, "unit", json_string("ns/op"));
	export_json_set(all, "value", export_json_real(value->estimate));
	if (isfinite(value->low) && isfinite(value->high)) {
		snprintf(text, sizeof(text), "%.6g to %.6g", value->low, value->high);
		export_json_set(all, "range", json_string(text));
	}
	if (isfinite(value->low))
		snprintf(range, sizeof(range), "range: its %.3g %% interval", 100 * value->confidence);
	snprintf(text, sizeof(text), "%s: median of %zu trials, class %s, %s; left out: %u", one->c->metric, one->count,
		 one->summary->klass, range, left_out);
	export_json_set(all, "extra", export_json_string(text));
	return all;
}

int export_github_action(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	json_t *document = json_array();

	for (size_t i = 0; i < view->case_count; i++)
		if (view->cases[i].count > 0)
			json_array_append_new(document, bench(&view->cases[i]));
	return export_json_write(document, out, err);
}
