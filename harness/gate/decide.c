/* Decides gates from what was found: p-values over all gates, verdicts, and why a gate is open. */
#include <math.h>

#include "gate_parts.h"

/* If a baseline scatters by more than this many times the scatter of the run, an inconclusive gate blames the
 * baseline. */
#define NOISY_BASELINE 2

unsigned sm_gates_blocks_needed(size_t tests, bool looked)
{
	unsigned blocks = 0;

	/* 2^-blocks: the sign test where all blocks agree */
	while (tests &&
	       (looked ? sm_sign_sequence_p(blocks, blocks) : ldexp(1, -(int)blocks)) > SM_GATES_ALPHA / (double)tests)
		blocks++;
	return blocks;
}

unsigned sm_gates_blocks(size_t gates)
{
	unsigned blocks = sm_gates_blocks_needed(gates, false) + 6;

	return blocks > 16 ? blocks : 16;
}

unsigned sm_gates_first_blocks(size_t gates)
{
	unsigned blocks = sm_gates_blocks_needed(gates, true);

	return blocks > SM_GATES_FIRST_BLOCKS ? blocks + blocks % 2 : SM_GATES_FIRST_BLOCKS;
}

/* Why an interval is inconclusive and, of two runs, whether the baseline is the noisy one. */
static const char *open_interval(struct sm_results *results, const struct sm_gate_row *row,
				 const struct finding *finding)
{
	struct sm_words words = { .used = 0 };

	sm_words_add(&words, "the confidence interval includes the threshold; ");
	if (isnan(row->mde))
		sm_words_add(&words, "these %s are too few for a FAIL", finding->by_runs ? "runs" : finding->unit);
	else
		sm_words_add(&words, "a ratio %.2g %% beyond it would be a FAIL in %.0f of 10 runs",
			     100 * (row->mde - 1), 10 * SM_DETECTABLE_POWER);
	if (finding->baseline_scatter > 0)
		sm_words_add(&words, "; blocks scatter by %.2g %% in the baseline and by %.2g %% here%s",
			     100 * finding->baseline_scatter, 100 * finding->scatter,
			     finding->baseline_scatter > NOISY_BASELINE * finding->scatter
				     ? ": measure the baseline again on a quieter machine"
				     : "");
	return sm_results_string(results, "%s", words.text);
}

/* Why a gate that can be trusted neither passes nor fails. */
static const char *why_open(struct sm_analysis *run, const struct sm_gate_row *row, const struct finding *finding,
			    size_t tests)
{
	struct sm_results *results = run->results;
	const struct sm_gate *gate = row->gate;
	double level = SM_GATES_ALPHA / (double)tests / finding->groups;
	const char *few = finding->by_runs ? gate_runs_open(finding, gate->min, gate->max, level, results) : NULL;
	struct sm_words words = { .used = 0 };

	if (few)
		return few;
	if (isnan(row->ratio.low))
		return sm_results_string(results, "%u %s: no interval under %u", row->blocks, finding->unit,
					 sm_analysis_blocks_min(run));
	if (sm_verdict_of(&row->ratio, gate->min, gate->max) != SM_REFUTED)
		return open_interval(results, row, finding);
	sm_words_add(&words,
		     "beyond the threshold, but not surely enough for %zu gates with 1 %% false FAILs (p %.2g; ", tests,
		     row->p);
	if (finding->by_runs || finding->within_floor)
		sm_words_add(&words, "more baseline runs are needed)");
	else
		sm_words_add(&words, "%u %s that agree are needed)", sm_gates_blocks_needed(tests, run->looked),
			     finding->unit);
	return sm_results_string(results, "%s", words.text);
}

void gate_decide(struct sm_analysis *run, struct sm_gate_row *row, const struct finding *finding, size_t tests)
{
	const struct sm_gate *gate = row->gate;

	row->reason = sm_none;
	row->verdict = SM_INCONCLUSIVE;
	if (finding->refused && (finding->distrust || row->p > SM_GATES_ALPHA)) {
		row->verdict = SM_NOT_TESTABLE;
		row->reason = finding->refused;
	} else if (finding->distrust) {
		row->reason = finding->distrust;
	} else if (row->p <= SM_GATES_ALPHA) {
		row->verdict = SM_REFUTED;
	} else if (sm_verdict_of(&row->ratio, gate->min, gate->max) == SM_SUPPORTED) {
		row->verdict = finding->withheld ? SM_NOT_TESTABLE : SM_SUPPORTED;
		row->reason = finding->withheld ? finding->withheld : sm_none;
	} else {
		row->reason = why_open(run, row, finding, tests);
	}
}

void gate_adjust(struct sm_gate_row *rows, size_t count, double *p, size_t *tests)
{
	*tests = 0;
	for (size_t i = 0; i < count; i++)
		if (!isnan(rows[i].p))
			p[(*tests)++] = rows[i].p;
	sm_holm(p, *tests);
	for (size_t i = 0, t = 0; i < count; i++)
		if (!isnan(rows[i].p))
			rows[i].p = p[t++];
}
