/* Google Benchmark's JSON: one entry per trial (a repetition), then the aggregates of the case. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/memory.h"
#include "view.h"

static json_t *context(const struct sm_export_view *view)
{
	json_t *all = json_object();

	export_json_set(all, "date", export_json_string(view->started));
	export_json_set(all, "host_name", export_json_string(view->host));
	export_json_set(all, "executable", json_string("shmeter"));
	export_json_set(all, "num_cpus", json_integer(view->pus));
	export_json_set(all, "caches", json_array());
	export_json_set(all, "load_avg", json_array());
	export_json_set(all, "shmeter_version", export_json_string(view->version));
	export_json_set(all, "shmeter_run", export_json_string(view->run));
	export_json_set(all, "shmeter_profile", export_json_string(view->profile));
	export_json_set(all, "shmeter_seed", export_json_string(view->seed));
	export_json_set(all, "shmeter_kernel", export_json_string(view->kernel));
	export_json_set(all, "shmeter_cpu_model", export_json_string(view->cpu_model));
	export_json_set(all, "shmeter_trials", json_integer((json_int_t)view->with_value));
	export_json_set(all, "shmeter_left_out", export_json_string(view->left_out[0] ? view->left_out : "none"));
	return all;
}

/* The fields that all entries of a case have. */
static json_t *entry(const struct export_case *one, size_t family, const char *suffix, const char *run_type)
{
	json_t *all = json_object();
	char *name = sm_zeroed_memory(strlen(one->c->id) + strlen(suffix) + 1, 1);

	sprintf(name, "%s%s", one->c->id, suffix);
	export_json_set(all, "name", export_json_string(name));
	export_json_set(all, "family_index", json_integer((json_int_t)family));
	export_json_set(all, "per_family_instance_index", json_integer(0));
	export_json_set(all, "run_name", export_json_string(one->c->id));
	export_json_set(all, "run_type", json_string(run_type));
	export_json_set(all, "repetitions", json_integer((json_int_t)one->count));
	export_json_set(all, "threads", json_integer(one->c->workers));
	free(name);
	return all;
}

static void set_times(json_t *all, uint64_t iterations, double real, double cpu)
{
	export_json_set(all, "iterations", json_integer((json_int_t)iterations));
	export_json_set(all, "real_time", export_json_real(real));
	export_json_set(all, "cpu_time", export_json_real(cpu));
	export_json_set(all, "time_unit", json_string("ns"));
}

/* A user counter: a key next to the format's own keys, which it must not replace. */
static void set_counter(json_t *all, const char *name, double value)
{
	json_t *number = export_json_real(value);
	char *key = sm_zeroed_memory(strlen(name) + sizeof("counter "), 1);
	char *valid;

	sprintf(key, "%s", name);
	valid = export_utf8(key);
	if (json_object_get(all, valid))
		sprintf(key, "counter %s", name);
	export_json_set(all, key, number);
	free(valid);
	free(key);
}

static void add_trials(json_t *list, const struct export_case *one, size_t family)
{
	for (size_t i = 0; i < one->count; i++) {
		const struct export_trial *trial = &one->trials[i];
		json_t *all = entry(one, family, "", "iteration");

		export_json_set(all, "repetition_index", json_integer((json_int_t)i));
		set_times(all, trial->sample->ops, trial->value, trial->cpu_ns);
		export_json_set(all, "label", export_json_string(one->summary->klass));
		for (size_t m = 0; m < trial->metric_count; m++)
			set_counter(all, trial->metrics[m]->metric, trial->metrics[m]->value);
		for (size_t c = 0; c < trial->counter_count; c++)
			set_counter(all, trial->counters[c]->event, trial->counters[c]->per_op);
		json_array_append_new(list, all);
	}
}

static void add_aggregate(json_t *list, const struct export_case *one, size_t family, const char *name, double real,
			  double cpu)
{
	char suffix[32];
	json_t *all;

	if (!isfinite(real))
		return;
	snprintf(suffix, sizeof(suffix), "_%s", name);
	all = entry(one, family, suffix, "aggregate");
	export_json_set(all, "aggregate_name", json_string(name));
	export_json_set(all, "aggregate_unit", json_string("time"));
	set_times(all, one->count, real, cpu);
	json_array_append_new(list, all);
}

int export_gbench(const struct sm_export_view *view, FILE *out, struct sm_error *err)
{
	json_t *list = json_array(), *document = json_object();

	for (size_t i = 0; i < view->case_count; i++) {
		const struct export_case *one = &view->cases[i];

		if (one->count == 0)
			continue;
		add_trials(list, one, i);
		add_aggregate(list, one, i, "mean", one->mean, one->mean_cpu);
		add_aggregate(list, one, i, "median", one->value.estimate, one->cpu.estimate);
		add_aggregate(list, one, i, "stddev", one->stddev, one->stddev_cpu);
		add_aggregate(list, one, i, "low", one->value.low, one->cpu.low);
		add_aggregate(list, one, i, "high", one->value.high, one->cpu.high);
	}
	export_json_set(document, "context", context(view));
	export_json_set(document, "benchmarks", list);
	return export_json_write(document, out, err);
}
