/* Which gates a run has not decided yet. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "gate_parts.h"

/* Whether more blocks of a group could decide a gate: neither a FAIL, at the level of Holm's first step, nor a PASS,
 * with at least `least` blocks, is sure. */
static bool is_open(const struct sm_gate *gate, const struct sm_analysis *a, const struct finding *finding,
		    unsigned least)
{
	unsigned bounds = gate->min > 0 && gate->max > 0 ? 2 : 1; /* p is of both */

	/* too few of many blocks count, and a further one costs two runs */
	if (least && (!finding->used || finding->used * SM_LOOKED_MOST < least * finding->tried))
		return false;
	if (finding->distrust)
		return finding->used < sm_analysis_blocks_min(a);
	if (finding->p <= bounds * finding->level)
		return false;
	return finding->used < least || sm_verdict_of(&finding->ratio, gate->min, gate->max) != SM_SUPPORTED;
}

/* Marks the groups in which a gate is open. */
static int mark_open(const struct sm_gate *gate, struct sm_analysis *a, const struct sides *sides, bool *open,
		     struct sm_error *err)
{
	for (size_t g = 0; g < a->group_count; g++) {
		struct finding one;
		int rc;

		if (!gate_is_about(gate, a, g) || gate_why_untried(a, g, gate))
			continue;
		rc = gate_judge_group(gate, a, g, sides, &one, err);
		if (rc < 0)
			return rc;
		open[g] |= is_open(gate, a, &one, sides->gates->least);
	}
	return 0;
}

int sm_gates_open(const struct sm_gates *gates, struct sm_results *run, const struct sm_scenario *const *scenarios,
		  size_t scenario_count, sm_name *open, size_t *count, struct sm_error *err)
{
	struct sm_analysis a;
	struct sides sides = { .gates = gates };
	int rc = sm_analysis_run(&a, run, scenarios, scenario_count, err);
	bool *is = calloc(a.group_count + 1, sizeof(*is));

	*count = 0;
	if (rc == 0 && !is)
		rc = sm_fail(err, ENOMEM, "no memory for %zu groups", a.group_count);
	for (size_t i = 0; i < gates->count; i++)
		sides.tests += gates->gate[i].kind == SM_GATE_RATIO || gates->gate[i].kind == SM_GATE_BASELINE;
	for (size_t i = 0; rc == 0 && i < gates->count; i++)
		if (gates->gate[i].kind == SM_GATE_RATIO)
			rc = mark_open(&gates->gate[i], &a, &sides, is, err);
	for (size_t g = 0; rc == 0 && g < a.group_count; g++)
		if (is[g])
			open[(*count)++] = a.group[g].name;
	free(is);
	sm_analysis_close(&a);
	return rc;
}
