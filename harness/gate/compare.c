/* Compares two runs, case by case. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"
#include "shmeter/compare.h"

/* Family-wise level at which a case is called slower or faster. */
#define ALPHA 0.05

/* The noise floor of a case, as either run recorded it. */
static double floor_of(const struct sm_digest *now, size_t c, const struct sm_digest *before)
{
	double here = digest_floor(now, &now->cases[c], sm_none), there = digest_floor(before, &now->cases[c], sm_none);

	return fmax(here, there); /* of one NaN it is the other */
}

static bool is_common(const struct sm_digest *before, const struct sm_digest *now, size_t c)
{
	return now->cases[c].classes > 0 && digest_case_of(before, now->cases[c].id) >= 0;
}

/* The one-sided level at which the first of Holm's tests decides. */
static double first_level(const struct sm_digest *before, const struct sm_digest *now)
{
	size_t tests = 0;

	for (size_t c = 0; c < now->count; c++)
		tests += is_common(before, now, c);
	return ALPHA / 2 / (double)tests;
}

static int compare_case(const struct sm_digest *now, size_t c, const struct sm_digest *before, double level,
			struct sm_results *strings, struct sm_compared *out, struct sm_error *err)
{
	struct finding finding = {
		.ratio = { .estimate = NAN, .low = NAN, .high = NAN }, .p = 1, .level = level, .mde = NAN
	};
	/* two-sided: any difference from 1 */
	int rc = gate_baseline(now, c, -1, before, 1, 1, strings, &finding, err);

	*out = (struct sm_compared){
		.id = now->cases[c].id,
		.control = now->cases[c].control,
		.klass = finding.klass ? finding.klass : sm_none,
		.ratio = finding.ratio,
		.mde = finding.mde,
		.p = isnan(finding.ratio.low) ? (double)NAN : finding.p,
		.new_blocks = finding.used,
		.old_blocks = finding.baseline_used,
		.floor = floor_of(now, c, before),
		.reason = finding.distrust ? finding.distrust : sm_none,
	};
	return rc;
}

static void adjust(struct sm_comparison_of_runs *out, double *p)
{
	size_t tests = 0;

	for (size_t i = 0; i < out->count; i++)
		if (!isnan(out->row[i].p))
			p[tests++] = out->row[i].p;
	sm_holm(p, tests);
	for (size_t i = 0, t = 0; i < out->count; i++)
		if (!isnan(out->row[i].p))
			out->row[i].p = p[t++];
}

/* The conclusion of a row; counts the rows that differ beyond chance and the noise floor. */
static const char *say(struct sm_comparison_of_runs *c, const struct sm_compared *row)
{
	bool slower = row->ratio.estimate > 1;

	if (isnan(row->p))
		return "no comparison";
	if (row->reason != sm_none) {
		c->distrusted++;
		return "not trusted";
	}
	if (row->p > ALPHA)
		return "not told apart";
	if (fabs(log(row->ratio.estimate)) < log(isnan(row->floor) ? c->floor : row->floor))
		return "within the noise";
	c->slower += slower;
	c->faster += !slower;
	if (c->likeness != SM_SAME_HOST)
		return slower ? "longer there" : "shorter there";
	return slower ? "slower" : "faster";
}

static void say_all(struct sm_comparison_of_runs *out)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct sm_compared *row = &out->row[i];

		out->row[i].says = say(out, row);
		if (row->control)
			continue;
		out->unknown += isnan(row->floor);
		out->most = fmax(out->most, row->floor); /* of one NaN it is the other */
	}
}

/* The median of the cases' ratios, with its confidence interval over the cases. */
static void judge_overall(struct sm_comparison_of_runs *out, double *logs)
{
	size_t n = 0;

	for (size_t i = 0; i < out->count; i++)
		if (isfinite(out->row[i].ratio.estimate) && !out->row[i].control)
			logs[n++] = log(out->row[i].ratio.estimate);
	out->overall = sm_median_interval(logs, n, SM_CONFIDENCE);
	out->overall_mde = sm_minimum_detectable_ratio(logs, n, sm_sign_test_need(n, (1 - SM_CONFIDENCE) / 2));
	out->overall.estimate = exp(out->overall.estimate);
	out->overall.low = exp(out->overall.low);
	out->overall.high = exp(out->overall.high);
}

int sm_compare_runs(struct sm_comparison_of_runs *out, const struct sm_digest *before, const struct sm_digest *now,
		    struct sm_error *err)
{
	size_t room = now->count + 1;
	double *numbers = calloc(room, sizeof(*numbers)), level = first_level(before, now);
	int rc = 0;

	*out = (struct sm_comparison_of_runs){
		.likeness = sm_digest_likeness(before, now),
		.floor = isnan(now->floor_time) ? 1 : now->floor_time,
		.most = NAN,
		.row = calloc(room, sizeof(*out->row)),
	};
	sm_results_init(&out->strings);
	if (!out->row || !numbers)
		rc = sm_fail(err, ENOMEM, "no memory for %zu cases", room);
	for (size_t c = 0; rc == 0 && c < now->count; c++)
		if (is_common(before, now, c))
			rc = compare_case(now, c, before, level, &out->strings, &out->row[out->count++], err);
	if (rc == 0) {
		adjust(out, numbers);
		say_all(out);
		judge_overall(out, numbers);
	}
	free(numbers);
	return rc;
}

void sm_compare_free(struct sm_comparison_of_runs *comparison)
{
	free(comparison->row);
	sm_results_free(&comparison->strings);
	*comparison = (struct sm_comparison_of_runs){ 0 };
}
