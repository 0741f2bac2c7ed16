/* The row of a claim, and the reason where there is nothing to judge it by. */
#include <string.h>

#include "parts.h"
#include "shmeter/plan.h"

struct sm_claim_row *sm_analysis_add_claim(struct sm_analysis *a, const struct sm_scenario *scenario,
					   const struct sm_claim *claim)
{
	struct sm_claim_row *row = sm_results_add_claim(a->results);

	/* Copies: the results may outlive the scenarios that they came from. */
	row->claim = sm_name_of(claim->id);
	row->scenario = sm_name_of(scenario->name);
	row->sentence = claim->text ? sm_results_copy(a->results, claim->text) : sm_none;
	row->source = claim->source ? sm_results_copy(a->results, claim->source) : sm_none;
	row->question = claim->question ? sm_name_of(claim->question) : sm_none;
	row->evidence = sm_none;
	row->reason = sm_none;
	return row;
}

const char *sm_analysis_lacks_pus(const struct sm_analysis *a, const struct sm_claim *claim)
{
	if (sm_at_asks(claim->at, SM_OF_PLACEMENT, "near") && sm_analysis_pus(a->results) == 1)
		return "it takes two PUs, and this run may use one alone";
	if (sm_at_asks(claim->at, SM_OF_CORES, "different") && sm_analysis_cores(a->results) == 1)
		return "it takes two cores, and the PUs that this run may use are threads of one";
	return NULL;
}

const char *sm_analysis_nowhere(struct sm_analysis *a, const struct sm_claim *claim)
{
	const char *lacks = sm_analysis_lacks_pus(a, claim);

	if (lacks)
		return lacks;

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

const char *sm_analysis_why_no_trial(struct sm_analysis *a, const struct sm_scenario *scenario,
				     const struct sm_claim *claim)
{
	const char *why = NULL;
	bool named = false;

	for (size_t g = 0; g < a->group_count; g++) {
		if (a->group[g].scenario != scenario || !sm_analysis_matches(a, g, NULL, claim->at, claim->left, NULL))
			continue;
		named = true;
		if (!why && claim->left)
			why = sm_analysis_untried(a, sm_analysis_case_of(a, g, claim->left));
	}
	if (!named)
		return sm_analysis_nowhere(a, claim);
	return why ? sm_results_string(a->results, "%s: %s", claim->left, why) : "no successful trial";
}
