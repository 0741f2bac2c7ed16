/* The analysis of a run, step by step. */
#include "analysis_parts.h"

int sm_analyse(struct sm_results *results, const struct sm_scenario *const *scenarios,
	       size_t scenario_count, struct sm_error *err)
{
	struct sm_analysis a = { .results = results,
				 .scenarios = scenarios,
				 .scenario_count = scenario_count };
	int rc = sm_analysis_open(&a, err);

	if (rc == 0)
		rc = sm_analysis_slices(&a, err);
	if (rc == 0)
		rc = sm_analysis_summaries(&a, err);
	if (rc == 0)
		rc = sm_analysis_pairs(&a, err);
	if (rc == 0)
		rc = sm_analysis_crossings(&a, err);
	if (rc == 0)
		rc = sm_analysis_claims(&a, err);
	if (rc == 0)
		rc = sm_analysis_manifest(&a, err);
	sm_analysis_close(&a);
	return rc;
}
