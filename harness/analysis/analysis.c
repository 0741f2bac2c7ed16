/* The analysis of a run, step by step. */
#include "parts.h"

int sm_analysis_run(struct sm_analysis *a, struct sm_results *results, const struct sm_scenario *const *scenarios,
		    size_t scenario_count, struct sm_error *err)
{
	*a = (struct sm_analysis){ .results = results,
				   .scenarios = scenarios,
				   .scenario_count = scenario_count,
				   .looked = json_is_true(json_object_get(results->manifest, "looked")) };
	int rc = sm_analysis_open(a, err);

	if (rc == 0)
		rc = sm_analysis_slices(a, err);
	if (rc == 0)
		rc = sm_analysis_summaries(a, err);
	if (rc == 0)
		rc = sm_analysis_pairs(a, err);
	if (rc == 0)
		rc = sm_analysis_crossings(a, err);
	if (rc == 0)
		rc = sm_analysis_claims(a, err);
	if (rc == 0)
		rc = sm_analysis_manifest(a, err);
	return rc;
}

int sm_analyse(struct sm_results *results, const struct sm_scenario *const *scenarios, size_t scenario_count,
	       struct sm_error *err)
{
	struct sm_analysis a;
	int rc = sm_analysis_run(&a, results, scenarios, scenario_count, err);

	sm_analysis_close(&a);
	return rc;
}
