/* What the scenarios of a run claim, and what became of it. */
#include <string.h>

#include "parts.h"

struct sm_claim_row *sm_analysis_add_claim(struct sm_analysis *a, const struct sm_scenario *scenario,
					   const struct sm_claim *claim)
{
	struct sm_claim_row *row = sm_results_add_claim(a->results);

	/* Copies: the results may outlive the scenarios that they came from. */
	row->claim = sm_results_string(a->results, "%s", claim->id);
	row->scenario = sm_results_string(a->results, "%s", scenario->name);
	row->sentence = sm_results_string(a->results, "%s", claim->text ? claim->text : "-");
	row->source = sm_results_string(a->results, "%s", claim->source ? claim->source : "-");
	row->question = sm_results_string(a->results, "%s", claim->question ? claim->question : "-");
	row->evidence = "-";
	row->reason = "-";
	return row;
}

const char *sm_analysis_nowhere(struct sm_analysis *a, const struct sm_claim *claim)
{
	if (claim->at && strstr(claim->at, "placement=near") && sm_analysis_pus(a->results) == 1)
		return "it takes two PUs, and this run may use one alone";
	if (claim->at && strstr(claim->at, "cores=different") && sm_analysis_cores(a->results) == 1)
		return "it takes two cores, and the PUs that this run may use are threads of one";
	const char *at = claim->at ? claim->at : "these variants";

	if (claim->needs)
		return sm_results_string(a->results,
					 "no case of this run has %s: it needs %s; where that is "
					 "there, a longer profile, --set or --placement adds it",
					 at, claim->needs);
	return sm_results_string(a->results,
				 "no case of this run has %s; a longer profile, --set or "
				 "--placement can add it",
				 at);
}

static bool is_in_run(const struct sm_analysis *a, const struct sm_scenario *scenario)
{
	for (size_t g = 0; g < a->group_count; g++)
		if (a->group[g].scenario == scenario)
			return true;
	return false;
}

static int judge(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
		 struct sm_error *err)
{
	const char *elsewhere = sm_analysis_elsewhere(a, claim);

	if (elsewhere) {
		struct sm_claim_row *row = sm_analysis_add_claim(a, scenario, claim);

		row->verdict = SM_NOT_TESTABLE;
		row->reason = elsewhere;
		return 0;
	}
	if (claim->count)
		sm_analysis_count_claim(a, scenario, claim);
	else if (claim->value)
		sm_analysis_value_claim(a, scenario, claim);
	else if (claim->closer_is_faster_min > 0)
		return sm_analysis_order_claim(a, scenario, claim, err);
	else if (claim->left && claim->right)
		return sm_analysis_ratio_claim(a, scenario, claim, err);
	return 0;
}

int sm_analysis_claims(struct sm_analysis *a, struct sm_error *err)
{
	a->results->claim_count = 0;
	for (size_t i = 0; i < a->scenario_count; i++) {
		const struct sm_scenario *scenario = a->scenarios[i];

		if (!is_in_run(a, scenario))
			continue;
		for (const struct sm_claim *claim = scenario->claims; claim && claim->id; claim++) {
			int rc = judge(a, scenario, claim, err);

			if (rc != 0)
				return rc;
		}
		sm_analysis_controls(a, scenario);
		sm_analysis_expected(a, scenario);
	}
	return 0;
}
