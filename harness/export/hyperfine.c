/* hyperfine's JSON as its versions 1.x write it: one result per case, times in seconds per operation. */
#include <stdlib.h>
#include <string.h>

#include "view.h"

#define S_PER_NS 1e-9

/* A number that hyperfine always writes; null if it is unknown. */
static json_t *seconds(double ns)
{
	json_t *number = export_json_real(ns * S_PER_NS);

	return number ? number : json_null();
}

/* "message=64 capacity=65536" as an object; NULL if there are none. */
static json_t *parameters(const char *params)
{
	char *copy = strdup(params), *rest = copy, *pair;
	json_t *all = json_object();

	while (copy && (pair = strsep(&rest, " "))) {
		char *value = strchr(pair, '=');

		if (!value)
			continue;
		*value++ = '\0';
		export_json_set(all, pair, export_json_string(value));
	}
	free(copy);
	if (json_object_size(all) > 0)
		return all;
	json_decref(all);
	return NULL;
}

static json_t *result(const struct export_case *one)
{
	json_t *all = json_object(), *times = json_array(), *codes = json_array();

	for (size_t i = 0; i < one->count; i++) {
		json_array_append_new(times, seconds(one->trials[i].value));
		json_array_append_new(codes, json_integer(0));
	}
	export_json_set(all, "command", export_json_string(one->c->id));
	export_json_set(all, "mean", seconds(one->mean));
	export_json_set(all, "stddev", seconds(one->stddev));
	export_json_set(all, "median", seconds(one->value.estimate));
	/* A trial's CPU time is known, but not its division into user and system time. */
	export_json_set(all, "user", seconds(one->mean_cpu));
	export_json_set(all, "system", json_real(0));
	export_json_set(all, "min", seconds(one->min));
	export_json_set(all, "max", seconds(one->max));
	export_json_set(all, "times", times);
	export_json_set(all, "exit_codes", codes);
	export_json_set(all, "parameters", parameters(one->c->params));
	return all;
}

int export_hyperfine(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	json_t *document = json_object(), *list = json_array();

	for (size_t i = 0; i < view->case_count; i++)
		if (view->cases[i].count > 0)
			json_array_append_new(list, result(&view->cases[i]));
	export_json_set(document, "results", list);
	return export_json_write(document, out, err);
}
