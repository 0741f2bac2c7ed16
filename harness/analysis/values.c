/* Claims about the value of a metric: lost updates, distance in bytes, misplaced pages.  All successful trials must
 * meet the bounds or, with `once`, at least one. */
#include <math.h>
#include <string.h>

#include "parts.h"
#include "shmeter/text.h"

struct value_tally {
	unsigned trials, held, unknown; /* unknown: further trials, whose metric has no value */
	double operations;              /* of one worker, in all of these trials */
	double least, most;
	double off; /* the first value outside the bounds */
	unsigned off_trial;
	const char *unit;
};

static bool is_about(const struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
		     const struct sm_metric_row *metric)
{
	long sample = sm_analysis_sample_of(a, metric->trial);

	if (sample < 0 || metric->metric != sm_name_of(claim->metric.name))
		return false;
	size_t c = a->results->samples[sample].case_index, group = a->case_view[c].group;

	return a->view[sample].ended_ok && a->group[group].scenario == scenario &&
	       a->results->cases[c].variant == sm_name_of(claim->left) &&
	       sm_analysis_matches(a, group, NULL, claim->at, claim->left, NULL);
}

static struct value_tally tally_values(const struct sm_analysis *a, const struct sm_scenario *scenario,
				       const struct sm_claim *claim)
{
	struct value_tally tally = { .least = INFINITY, .most = -INFINITY, .unit = "" };

	for (size_t i = 0; i < a->results->metric_count; i++) {
		const struct sm_metric_row *metric = &a->results->metrics[i];

		if (!is_about(a, scenario, claim, metric))
			continue;
		if (!isfinite(metric->value)) {
			tally.unknown++;
			continue;
		}
		tally.trials++;
		tally.operations += (double)a->results->samples[sm_analysis_sample_of(a, metric->trial)].ops;
		tally.unit = sm_unit_kind_of(metric->unit) == SM_UNIT_NONE ? "" : metric->unit;
		tally.least = fmin(tally.least, metric->value);
		tally.most = fmax(tally.most, metric->value);
		if (metric->value >= claim->metric.min && metric->value <= claim->metric.max)
			tally.held++;
		else if (tally.trials - tally.held == 1) {
			tally.off = metric->value;
			tally.off_trial = metric->trial;
		}
	}
	return tally;
}

/* Up to a million with all its digits, for many are exact; sizes of `bytes` with their unit. */
static const char *amount(char out[SM_TEXT_MAX], double value, bool bytes)
{
	if (bytes)
		return sm_format_bytes(out, value);
	if (fabs(value) >= 1e6)
		return sm_format_count(out, value);
	snprintf(out, SM_TEXT_MAX, "%.6g", value);
	return out;
}

void sm_analysis_value_claim(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim)
{
	struct value_tally tally = tally_values(a, scenario, claim);
	struct sm_claim_row *row = sm_analysis_add_claim(a, scenario, claim);
	struct sm_words words = { .used = 0 };
	char text[SM_TEXT_MAX];
	bool bytes;
	bool holds = claim->metric.once ? tally.held > 0 : tally.held == tally.trials;

	if (tally.trials == 0) {
		row->verdict = SM_NOT_TESTABLE;
		row->reason = tally.unknown == 0
				      ? sm_analysis_why_no_trial(a, scenario, claim)
				      : sm_results_string(a->results, "no trial shows %s%s%s%s", claim->metric.name,
							  claim->needs ? " (needs " : "",
							  claim->needs ? claim->needs : "", claim->needs ? ")" : "");
		return;
	}
	row->verdict = holds ? SM_SUPPORTED : claim->metric.once ? SM_INCONCLUSIVE : SM_REFUTED;
	if (row->verdict == SM_INCONCLUSIVE)
		row->reason =
			sm_results_string(a->results,
					  "%.0f operations did not show it; a rare event may come in others: more "
					  "blocks have more of them",
					  tally.operations);
	bytes = sm_unit_kind_of(tally.unit) == SM_UNIT_BYTES && fabs(tally.most) >= 1e6;
	sm_words_add(&words, "%s of %s: ", claim->metric.name, claim->left);
	sm_words_add(&words, "%s", amount(text, tally.least, bytes));
	if (tally.least != tally.most)
		sm_words_add(&words, " to %s", amount(text, tally.most, bytes));
	sm_words_add(&words, "%s%s in %s%u trial%s", *tally.unit && !bytes ? " " : "", bytes ? "" : tally.unit,
		     tally.least == tally.most && tally.trials > 1 ? "each of " : "", tally.trials,
		     tally.trials == 1 ? "" : "s");
	if (!holds && !claim->metric.once && tally.trials > 1)
		sm_words_add(&words, ", %s in trial %u", amount(text, tally.off, bytes), tally.off_trial);
	if (claim->caveat)
		sm_words_add(&words, "; %s", claim->caveat);
	row->evidence = sm_results_string(a->results, "%s", words.text);
}
