/* Judges the claims of a run's scenarios. */
#include "parts.h"
#include "shmeter/plan.h"

static bool is_in_run(const struct sm_analysis *a, const struct sm_scenario *scenario)
{
	for (size_t g = 0; g < a->group_count; g++)
		if (a->group[g].scenario == scenario)
			return true;
	return false;
}

/* Whether the run has the cases that a claim names, however they ended. */
static bool has_cases(const struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim)
{
	const char *right = sm_claim_compares(claim) ? claim->versus.right : NULL;
	const char *metric = sm_claim_compares(claim) ? claim->versus.metric : NULL;

	for (size_t g = 0; g < a->group_count; g++)
		if (a->group[g].scenario == scenario &&
		    sm_analysis_matches(a, g, metric, claim->at, claim->left, right) &&
		    (!claim->left || sm_analysis_case_of(a, g, claim->left) >= 0) &&
		    (!right || sm_analysis_case_of(a, g, right) >= 0))
			return true;
	return false;
}

static int judge(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
		 struct sm_error *err)
{
	const char *elsewhere = sm_analysis_elsewhere(a, claim);
	size_t before = a->results->claim_count;
	int rc = 0;

	if (elsewhere) {
		struct sm_claim_row *row = sm_analysis_add_claim(a, scenario, claim);

		row->verdict = SM_NOT_TESTABLE;
		row->reason = elsewhere;
		return 0;
	}
	switch (claim->kind) {
	case SM_CLAIM_UNSET: break;
	case SM_CLAIM_RATIO:
	case SM_CLAIM_DIFFERENCE: rc = sm_analysis_ratio_claim(a, scenario, claim, err); break;
	case SM_CLAIM_COUNT: sm_analysis_count_claim(a, scenario, claim); break;
	case SM_CLAIM_METRIC: sm_analysis_value_claim(a, scenario, claim); break;
	case SM_CLAIM_ORDER: rc = sm_analysis_order_claim(a, scenario, claim, err); break;
	}
	for (size_t i = before; i < a->results->claim_count; i++)
		a->results->claims[i].unmeasured = a->results->claims[i].verdict == SM_NOT_TESTABLE &&
						   !sm_analysis_lacks_pus(a, claim) && !has_cases(a, scenario, claim);
	return rc;
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
