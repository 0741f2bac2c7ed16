/* Declarations that the parts of the plan share. */
#ifndef SHMETER_PLAN_PRIVATE_H
#define SHMETER_PLAN_PRIVATE_H

#include "shmeter/plan.h"

/* The values that a parameter takes in a plan; malloc'ed, free with plan_values_free().  The first `plain` do not
 * depend on the number of PUs. */
struct plan_values {
	uint64_t *value;
	unsigned count, plain;
};

/* How many parameters a scenario has. */
unsigned plan_params(const struct sm_scenario *scenario);

/* Fills the values of each parameter: the profile's, or those of --set, and marks the entries of --set in `used`.  The
 * caller frees the values, also after an error. */
SM_MUST_USE int plan_sweep(const struct sm_scenario *scenario, const struct sm_plan_options *options,
			   struct plan_values out[SM_PARAMS_MAX], bool used[SM_SETS_MAX], struct sm_error *err);
/* Whether an entry is a multiple of the PUs, or doubles up to one. */
static inline bool plan_depends_on_pus(struct sm_swept value)
{
	return value.kind == SM_VALUE_TIMES_PUS || value.kind == SM_VALUE_DOUBLING;
}
/* Number of PUs that a run may use, or of those in its list of PUs; 2 where neither is known. */
unsigned plan_pus(const struct sm_plan_options *options);
/* Whether the values of a parameter are PUs or NUMA nodes of the machine. */
static inline bool plan_is_every(const struct sm_param *param)
{
	return param->every_pu || param->every_node;
}
/* Whether the patterns choose a variant at the point with these parameters ("op=store processes=2"; NULL: at any). */
bool plan_chooses_variant(const struct sm_plan_options *options, const struct sm_scenario *scenario,
			  const struct sm_variant *variant, const char *params);
/* Whether options->longer names it there. */
bool plan_is_longer(const struct sm_plan_options *options, const struct sm_scenario *scenario,
		    const struct sm_variant *variant, const char *params);
void plan_values_free(struct plan_values values[SM_PARAMS_MAX]);

#endif
