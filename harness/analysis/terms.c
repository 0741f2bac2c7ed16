/* Preconditions of a claim: the kind of machine that it is about, the metric that both sides must have, and the claim
 * that is its control. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "shmeter/plan.h"

/* What uname(2) calls the machines of a kind. */
static const struct {
	enum sm_machine kind;
	const char *architecture;
} machines[] = {
	{ SM_X86, "x86_64" }, { SM_X86, "i386" },  { SM_X86, "i486" },      { SM_X86, "i586" },
	{ SM_X86, "i686" },   { SM_X86, "amd64" }, { SM_ARM64, "aarch64" }, { SM_ARM64, "arm64" },
};

const char *sm_analysis_ns(char out[32], double ns)
{
	snprintf(out, 32, fabs(ns) >= 99.95 ? "%.0f" : "%.3g", ns);
	return out;
}

static bool is_of_kind(sm_name architecture, enum sm_machine kind)
{
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
		if (machines[i].kind == kind && sm_name_of(machines[i].architecture) == architecture)
			return true;
	return false;
}

const char *sm_analysis_elsewhere(struct sm_analysis *a, const struct sm_claim *claim)
{
	/* the machine that was measured, not the one that reports */
	const char *here = json_string_value(
		json_object_get(json_object_get(a->results->manifest, "environment"), "architecture"));

	if (!claim->machine || (here && is_of_kind(sm_name_of(here), claim->machine)))
		return NULL;
	if (!here)
		return sm_results_string(a->results,
					 "it speaks of %s machines, and the run does not say on what it was measured",
					 sm_machine_name(claim->machine));
	return sm_results_string(a->results, "it speaks of %s machines, and this run was measured on %s",
				 sm_machine_name(claim->machine), here);
}

/* Median of a metric over the successful trials of a case; NaN: no trial has a value. */
static double typical_metric(const struct sm_analysis *a, size_t c, const char *name)
{
	const struct sm_results *results = a->results;
	double *values = malloc((results->metric_count + 1) * sizeof(*values)), median;
	sm_name wanted = sm_name_of(name);
	size_t count = 0;

	if (!values)
		return NAN; /* not known: do not compare */
	for (size_t i = 0; i < results->metric_count; i++) {
		const struct sm_metric_row *metric = &results->metrics[i];
		long s = metric->metric == wanted ? sm_analysis_sample_of(a, metric->trial) : -1;

		if (s >= 0 && a->view[s].ended_ok && isfinite(metric->value) &&
		    results->cases[c].of == results->cases[results->samples[s].case_index].id)
			values[count++] = metric->value;
	}
	median = sm_median(values, count);
	free(values);
	return median;
}

static const char *figure(struct sm_results *results, double value)
{
	return isnan(value) ? "an unknown number" : sm_results_string(results, "%.3g", value);
}

const char *sm_analysis_unequal(struct sm_analysis *a, size_t group, const struct sm_claim *claim)
{
	long left = sm_analysis_case_of(a, group, claim->left);
	long right = sm_analysis_case_of(a, group, claim->versus.right);
	double x, y;
	char where[512];

	if (!claim->versus.holds || left < 0 || right < 0)
		return NULL;
	x = typical_metric(a, (size_t)left, claim->versus.holds);
	y = typical_metric(a, (size_t)right, claim->versus.holds);
	if (x >= claim->versus.holds_min && y >= claim->versus.holds_min)
		return NULL;
	sm_analysis_point(a, group, SM_POINT_PARAMS, where, sizeof(where));
	return sm_results_string(a->results,
				 "%s at %s: %s of %s and %s of %s, where the comparison takes %.3g on either side",
				 claim->versus.holds, where, figure(a->results, x), claim->left, figure(a->results, y),
				 claim->versus.right, claim->versus.holds_min);
}

bool sm_analysis_compares(struct sm_analysis *a, size_t group, const struct sm_claim *claim)
{
	return sm_claim_compares(claim) &&
	       sm_analysis_matches(a, group, claim->versus.metric, claim->at, claim->left, claim->versus.right) &&
	       !sm_analysis_elsewhere(a, claim) && !sm_analysis_unequal(a, group, claim);
}

static struct sm_claim_row *row_of(const struct sm_analysis *a, const struct sm_scenario *scenario, const char *id)
{
	sm_name wanted = sm_name_of(id), of = sm_name_of(scenario->name);

	for (size_t i = 0; i < a->results->claim_count; i++)
		if (a->results->claims[i].claim == wanted && a->results->claims[i].scenario == of)
			return &a->results->claims[i];
	return NULL;
}

void sm_analysis_controls(struct sm_analysis *a, const struct sm_scenario *scenario)
{
	for (const struct sm_claim *claim = scenario->claims; claim && claim->id; claim++) {
		const struct sm_claim_row *control = claim->control ? row_of(a, scenario, claim->control) : NULL;
		struct sm_claim_row *row = row_of(a, scenario, claim->id);

		if (!control || !row || control->verdict == SM_SUPPORTED || row->verdict == SM_NOT_TESTABLE ||
		    (claim->kind == SM_CLAIM_METRIC && row->verdict == SM_REFUTED))
			continue; /* an observed event stands, whatever the control's verdict */
		row->verdict = SM_INCONCLUSIVE;
		row->reason = sm_results_string(a->results, "its control %s is %s: %s", claim->control,
						control->verdict == SM_NOT_TESTABLE ? "not testable"
										    : sm_verdict_name(control->verdict),
						control->reason != sm_none ? control->reason : control->evidence);
	}
}
