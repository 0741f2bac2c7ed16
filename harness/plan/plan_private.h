/* What the parts of the plan share. */
#ifndef SHMETER_PLAN_PRIVATE_H
#define SHMETER_PLAN_PRIVATE_H

#include "shmeter/plan.h"

/* The values that a parameter takes in a plan; malloc'ed, plan_values_free().  The first `plain` do not depend on how many
 * PUs there are. */
struct plan_values {
	uint64_t *value;
	unsigned count, plain;
};

/* How many parameters a scenario has. */
unsigned plan_params(const struct sm_scenario *scenario);

/* Fills the values of each parameter: the profile's, or those of --set, whose entries it marks in `used`.
 * The caller frees them, also after an error. */
SM_MUST_USE int plan_sweep(const struct sm_scenario *scenario, const struct sm_plan_options *options,
			   struct plan_values out[SM_PARAMS_MAX], bool used[SM_SETS_MAX], struct sm_error *err);
/* Whether an entry is a multiple of the PUs, or doubles up to one. */
static inline bool plan_depends_on_pus(struct sm_swept value)
{
	return value.kind == SM_VALUE_TIMES_PUS || value.kind == SM_VALUE_DOUBLING;
}
/* The PUs that a run may use, or those that it is told to use by a list; 2 without either. */
unsigned plan_pus(const struct sm_plan_options *options);
void plan_values_free(struct plan_values values[SM_PARAMS_MAX]);

#endif
