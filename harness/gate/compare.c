/* Two runs, case by case. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"
#include "shmeter/compare.h"

/* Family-wise level at which a case is called slower or faster. */
#define ALPHA 0.05

static int compare_case(struct sm_analysis *now, size_t c, struct sm_analysis *before,
			struct sm_compared *out, struct sm_error *err)
{
	const struct sm_case_row *row = &now->results->cases[c];
	size_t g = now->case_view[c].group;
	/* a further metric may have any sign or unit: only times are compared, and the two names of the control */
	struct sm_gate any = {
		.scenario = row->scenario, .variant = row->variant, .min = 1, .max = 1
	};
	struct finding finding = { .ratio = { .estimate = NAN, .low = NAN, .high = NAN },
				   .p = 1,
				   .mde = NAN };
	int rc = gate_baseline(&any, now, g, before, &finding, err);

	*out = (struct sm_compared){
		.id = row->id,
		.klass = finding.klass ? finding.klass : "-",
		.old_klass = "-",
		.ratio = finding.ratio,
		.mde = finding.mde,
		.p = isnan(finding.ratio.low) ? (double)NAN : finding.p,
		.new_blocks = finding.used,
		.old_blocks = finding.baseline_used,
		.reason = finding.distrust ? finding.distrust : "-",
	};
	if (finding.klass) {
		long old = gate_same_case(now, g, row->variant, before);
		const char *klass =
			old < 0 ? NULL : gate_same_class(before, (size_t)old, finding.klass);

		out->old_klass = klass ? klass : "-";
	}
	return rc;
}

static void adjust(struct sm_comparison_of_runs *out, double *p)
{
	size_t tests = 0;

	for (size_t i = 0; i < out->count; i++)
		if (!isnan(out->row[i].p))
			p[tests++] = out->row[i].p;
	sm_holm(p, tests);
	for (size_t i = 0, t = 0; i < out->count; i++) {
		if (isnan(out->row[i].p))
			continue;
		out->row[i].p = p[t++];
		out->slower += out->row[i].p <= ALPHA && out->row[i].ratio.estimate > 1;
		out->faster += out->row[i].p <= ALPHA && out->row[i].ratio.estimate < 1;
	}
}

/* The median of the cases' ratios, its interval over the cases. */
static void judge_overall(struct sm_comparison_of_runs *out, double *logs)
{
	size_t n = 0;

	for (size_t i = 0; i < out->count; i++)
		if (isfinite(out->row[i].ratio.estimate) && strncmp(out->row[i].id, "aa/", 3) != 0)
			logs[n++] = log(out->row[i].ratio.estimate);
	out->overall = sm_median_interval(logs, n, SM_CONFIDENCE);
	out->overall.estimate = exp(out->overall.estimate);
	out->overall.low = exp(out->overall.low);
	out->overall.high = exp(out->overall.high);
}

static bool one_machine(const struct sm_results *a, const struct sm_results *b)
{
	const char *x = json_string_value(json_object_get(a->manifest, "fingerprint"));
	const char *y = json_string_value(json_object_get(b->manifest, "fingerprint"));

	return x && y && *x && strcmp(x, y) == 0;
}

static int compare_all(struct sm_comparison_of_runs *out, struct sm_analysis *before,
		       struct sm_analysis *now, struct sm_error *err)
{
	size_t room = now->results->case_count + 1;
	double *numbers = calloc(room, sizeof(*numbers));
	int rc = 0;

	out->row = calloc(room, sizeof(*out->row));
	if (!out->row || !numbers)
		rc = sm_fail(err, ENOMEM, "no memory for %zu cases", room);
	for (size_t c = 0; rc == 0 && c < now->results->case_count; c++) {
		if (now->results->cases[c].derived ||
		    sm_results_find_case(before->results, now->results->cases[c].id) < 0)
			continue;
		rc = compare_case(now, c, before, &out->row[out->count++], err);
	}
	if (rc == 0) {
		adjust(out, numbers);
		judge_overall(out, numbers);
	}
	free(numbers);
	return rc;
}

int sm_compare_runs(struct sm_comparison_of_runs *out, struct sm_results *old_run,
		    struct sm_results *new_run, const struct sm_scenario *const *scenarios,
		    size_t scenario_count, struct sm_error *err)
{
	struct sm_analysis before, now = { 0 };
	int rc = sm_analysis_run(&before, old_run, scenarios, scenario_count, err);

	*out = (struct sm_comparison_of_runs){ .same_machine = one_machine(old_run, new_run) };
	if (rc == 0)
		rc = sm_analysis_run(&now, new_run, scenarios, scenario_count, err);
	if (rc == 0)
		rc = compare_all(out, &before, &now, err);
	sm_analysis_close(&now);
	sm_analysis_close(&before);
	return rc;
}

void sm_compare_free(struct sm_comparison_of_runs *comparison)
{
	free(comparison->row);
	*comparison = (struct sm_comparison_of_runs){ 0 };
}
