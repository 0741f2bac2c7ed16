/* How the trials of a gate ended: a trial that failed has no time that a gate could judge. */
#include <string.h>

#include "gate_parts.h"

struct ends {
	unsigned trials, wrong, lost; /* lost: died or timed out */
	unsigned unfit;               /* wrong trials of the side that the gate compares with */
	const struct sm_sample *first_wrong, *first_lost, *first_unfit;
};

static bool is_about(const struct sm_gate *gate, const struct sm_analysis *a, size_t s)
{
	const struct sm_case_row *row = &a->results->cases[a->results->samples[s].case_index];
	size_t g = a->case_view[a->results->samples[s].case_index].group;

	return !a->results->samples[s].derived && row->scenario == gate->scenario &&
	       (!gate->variant || row->variant == gate->variant || (gate->against && row->variant == gate->against)) &&
	       (!gate->group || row->group == gate->group) &&
	       sm_analysis_matches(a, g, NULL, gate->at, gate->variant ? gate->variant : row->variant, gate->against);
}

static struct ends count_ends(const struct sm_gate *gate, const struct sm_analysis *a)
{
	struct ends ends = { .trials = 0 };

	for (size_t s = 0; s < a->results->sample_count; s++) {
		const struct sm_sample *sample = &a->results->samples[s];
		sm_name variant = a->results->cases[sample->case_index].variant;
		bool beside = gate->against && variant == gate->against;

		if (sample->ended == SM_SKIPPED || !is_about(gate, a, s))
			continue;
		ends.trials++;
		if (sample->ended == SM_VERIFY_FAILED && beside && ends.unfit++ == 0)
			ends.first_unfit = sample;
		if (sample->ended == SM_VERIFY_FAILED && !beside && ends.wrong++ == 0)
			ends.first_wrong = sample;
		if ((sample->ended == SM_WORKER_DIED || sample->ended == SM_TIMED_OUT) && ends.lost++ == 0)
			ends.first_lost = sample;
	}
	return ends;
}

static const char *say_ends(struct sm_results *results, unsigned count, unsigned trials, const struct sm_sample *first)
{
	const struct sm_case_row *row = &results->cases[first->case_index];

	return sm_results_string(results, "%u of %u trials ended badly (trial %u of %s/%s, %s: %s)", count, trials,
				 first->trial, row->scenario, row->variant, sm_status_name(first->ended),
				 first->reason);
}

void gate_judge_ends(struct sm_analysis *a, struct sm_gate_row *row)
{
	struct ends ends = count_ends(row->gate, a);
	bool exact = row->gate->kind == SM_GATE_COUNT || row->gate->kind == SM_GATE_CLAIM;
	const char *bad;

	if (ends.wrong > 0) {
		bad = say_ends(a->results, ends.wrong, ends.trials, ends.first_wrong);
		row->evidence = sm_results_string(a->results, "%s; %s", bad, row->evidence);
		row->verdict = SM_REFUTED;
		row->reason = sm_none;
		row->wrong_data = row->wrong_work = true;
		return;
	}
	if (ends.unfit > 0 && row->verdict != SM_NOT_TESTABLE) {
		row->verdict = SM_INCONCLUSIVE;
		row->reason = say_ends(a->results, ends.unfit, ends.trials, ends.first_unfit);
		return;
	}
	if (ends.lost == 0)
		return;
	bad = say_ends(a->results, ends.lost, ends.trials, ends.first_lost);
	if (exact && (row->verdict == SM_SUPPORTED || ends.lost == ends.trials)) {
		row->verdict = SM_INCONCLUSIVE;
		row->reason = bad;
	} else {
		row->evidence = sm_results_string(a->results, "%s; %s", row->evidence, bad);
	}
}
