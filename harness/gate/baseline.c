/* A case against an earlier run: two independent samples of block values. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"

/* Pair classes of two runs are one where their round trips are within this factor: they are named by a measured
 * time, which differs a little from run to run. */
#define SAME_CLASS 1.33

static const char *manifest_text(const struct sm_analysis *a, const char *key)
{
	const char *text = json_string_value(json_object_get(a->results->manifest, key));

	return text ? text : "";
}

/* A number two levels down; NaN where there is none. */
static double manifest_number(const struct sm_analysis *a, const char *object, const char *key)
{
	const json_t *value = json_object_get(json_object_get(a->results->manifest, object), key);

	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *gate_not_comparable(const struct sm_gate *gate, struct sm_analysis *run,
				const struct sm_analysis *baseline)
{
	double floor;

	if (!baseline)
		return "no baseline was given: --baseline DIR names an earlier run of this machine";
	if (strcmp(manifest_text(run, "fingerprint"), manifest_text(baseline, "fingerprint")) !=
		    0 ||
	    !*manifest_text(run, "fingerprint"))
		return "the baseline is of another machine (its fingerprint differs): times of two machines are "
		       "not compared; `shmeter ab` compares two builds on one";
	floor = manifest_number(run, "noise_floor", gate->against ? "ratio" : "time");
	if (gate->max > 0 && gate->max < floor)
		return sm_results_string(
			run->results,
			"its threshold %.4g is under this machine's noise floor %.4g, as `shmeter "
			"selftest` measured it: runs of one build differ by as much",
			gate->max, floor);
	return NULL;
}

long gate_same_case(const struct sm_analysis *run, size_t g, const char *variant,
		    const struct sm_analysis *other)
{
	long c = sm_analysis_case_of(run, g, variant);

	return c < 0 ? -1 : sm_results_find_case(other->results, run->results->cases[c].id);
}

const char *gate_same_class(const struct sm_analysis *other, size_t c, const char *klass)
{
	const struct sm_group_view *group = &other->group[other->case_view[c].group];
	double ns = strtod(klass, NULL), nearest = log(SAME_CLASS);
	const char *found = NULL;

	for (unsigned k = 0; k < group->classes; k++) {
		const char *name = group->klass[k].klass;
		double distance = fabs(log(strtod(name, NULL) / ns));

		if (strcmp(name, klass) == 0)
			return name;
		if (ns > 0 && distance <= nearest) { /* NaN and infinity are no round trips */
			nearest = distance;
			found = name;
		}
	}
	return found;
}

int gate_block_values(const struct sm_analysis *a, size_t c, long against, const char *klass,
		      double **out, size_t *count, struct sm_error *err)
{
	const struct sm_case_view *view = &a->case_view[c];
	unsigned tried;

	*count = 0;
	*out = malloc((view->count + 1) * sizeof(**out));
	if (!*out)
		return sm_fail(err, ENOMEM, "no memory for %zu blocks", view->count);
	if (against >= 0) {
		*count = sm_analysis_differences(a, c, (size_t)against, klass, *out, &tried);
		return 0;
	}
	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_cell *cell = sm_analysis_cell(a, a->sample_order[i], klass);

		if (cell && cell->value > 0)
			(*out)[(*count)++] = log(cell->value);
	}
	return 0;
}

/* Whether either run was disturbed so that its times are not to be held against each other. */
static const char *distrust(struct sm_analysis *run, const struct sm_analysis *baseline, size_t g,
			    bool as_ratio)
{
	const struct sm_analysis *both[2] = { run, baseline };
	static const char *const name[2] = { "this run", "the baseline" };

	for (unsigned i = 0; i < 2; i++) {
		double others = manifest_number(both[i], "noise", "others_percent");
		double steal = manifest_number(both[i], "analysis", "steal_percent");

		if (i == 0)
			steal = both[i]->group[g].steal_percent;
		if (both[i]->control.moved)
			return sm_results_string(run->results, "the A/A control of %s moved",
						 name[i]);
		if (steal > SM_STEAL_MAX)
			return sm_results_string(
				run->results,
				"during %s the host took %.1f %% of the PU time away (steal; at most "
				"%.0f %% is accepted)",
				name[i], steal, SM_STEAL_MAX);
		/* what is paired block by block bears a load on the machine */
		if (!as_ratio && others > SM_OTHERS_MAX)
			return sm_results_string(
				run->results,
				"during %s other processes used %.0f %% of the PU time (at most %.0f "
				"%% is accepted where times of two runs are compared)",
				name[i], others, SM_OTHERS_MAX);
	}
	return NULL;
}

static void say(const struct sm_gate *gate, struct sm_analysis *run, size_t g, struct finding *out)
{
	const struct sm_case_row *row =
		&run->results->cases[sm_analysis_case_of(run, g, gate->variant)];
	const char *per =
		strncmp(row->metric, "time per ", 9) == 0 ? row->metric + 5 : "per operation";
	char where[512], what[256];
	struct sm_words words = { .used = 0 };

	sm_analysis_point(run, g, SM_POINT_PLACEMENT, where, sizeof(where));
	if (gate->against)
		snprintf(what, sizeof(what), "%s/%s, as a ratio to %s,", gate->scenario,
			 gate->variant, gate->against);
	else
		snprintf(what, sizeof(what), "%s/%s", gate->scenario, gate->variant);
	sm_words_add(
		&words,
		"%s takes %.4g times as long %s as in the baseline (95 %% interval %.4g to %.4g, class %s, %u "
		"blocks against %u, %s)",
		what, out->ratio.estimate, per, out->ratio.low, out->ratio.high, out->klass,
		out->used, out->baseline_used, where);
	if (gate->min > 0)
		sm_words_add(&words, "; at least %.4g is asked", gate->min);
	if (gate->max > 0)
		sm_words_add(&words, "; at most %.4g is allowed", gate->max);
	out->evidence = sm_results_string(run->results, "%s", words.text);
}

static double two_sample_mde(const double *x, size_t nx, const double *y, size_t ny)
{
	double *d = malloc((nx + ny + 1) * sizeof(*d)), spread, z;

	if (!d || nx < 2 || ny < 2) {
		free(d);
		return NAN;
	}
	memcpy(d, x, nx * sizeof(*d));
	spread = sm_mad(d, nx);
	memcpy(d, y, ny * sizeof(*d));
	spread = fmax(spread, sm_mad(d, ny));
	free(d);
	z = sm_normal_quantile(1 - (1 - SM_CONFIDENCE) / 2) + sm_normal_quantile(1 - SM_BETA);
	/* as sm_minimum_detectable_ratio(), with the errors of both sides */
	return exp(z * 1.4826 * spread * sqrt(acos(-1.0) / 3 * (1 / (double)nx + 1 / (double)ny)));
}

static void shift(const struct sm_gate *gate, const double *x, size_t nx, const double *y,
		  size_t ny, struct finding *out)
{
	struct sm_interval logs = sm_shift_interval(x, nx, y, ny, SM_CONFIDENCE);

	out->ratio = logs;
	out->ratio.estimate = exp(logs.estimate);
	out->ratio.low = exp(logs.low);
	out->ratio.high = exp(logs.high);
	out->used = (unsigned)nx;
	out->baseline_used = (unsigned)ny;
	out->mde = two_sample_mde(x, nx, y, ny);
	if (nx < SM_BLOCKS_MIN || ny < SM_BLOCKS_MIN) {
		out->ratio.low = out->ratio.high = NAN;
		return;
	}
	if (gate->max > 0)
		out->p = sm_shift_test(x, nx, y, ny, log(gate->max));
	if (gate->min > 0)
		out->p = fmin(out->p, sm_shift_test(y, ny, x, nx, -log(gate->min)));
	if (gate->max > 0 && gate->min > 0)
		out->p = fmin(1, 2 * out->p);
}

int gate_baseline(const struct sm_gate *gate, struct sm_analysis *run, size_t g,
		  struct sm_analysis *baseline, struct finding *out, struct sm_error *err)
{
	size_t c = (size_t)sm_analysis_case_of(run, g, gate->variant);
	long reference = gate->against ? sm_analysis_case_of(run, g, gate->against) : -1;
	long old = gate_same_case(run, g, gate->variant, baseline);
	long old_reference = gate->against ? gate_same_case(run, g, gate->against, baseline) : -1;
	const char *old_klass = NULL;
	double *x = NULL, *y = NULL;
	size_t nx = 0, ny = 0;
	int rc = 0;

	out->evidence = sm_results_string(run->results, "%s/%s is not in both runs", gate->scenario,
					  gate->variant);
	if (old < 0 || (gate->against && old_reference < 0)) {
		out->distrust = "the baseline has no such case";
		return 0;
	}
	out->klass = sm_analysis_leading(run, g, c, gate->against ? (size_t)reference : c);
	if (out->klass)
		old_klass = gate_same_class(baseline, (size_t)old, out->klass);
	if (!old_klass) {
		out->distrust =
			out->klass ? sm_results_string(
					     run->results,
					     "the baseline has no block in a pair class like %s",
					     out->klass)
				   : "no block of this run counts";
		return 0;
	}
	rc = gate_block_values(run, c, reference, out->klass, &x, &nx, err);
	if (rc == 0)
		rc = gate_block_values(baseline, (size_t)old, old_reference, old_klass, &y, &ny,
				       err);
	if (rc == 0) {
		shift(gate, x, nx, y, ny, out);
		out->distrust = distrust(run, baseline, g, gate->against != NULL);
		say(gate, run, g, out);
	}
	free(x);
	free(y);
	return rc;
}
