/* What one run says of its cases, block by block, without the rest of it: two runs are compared by these. */
#ifndef SHMETER_DIGEST_H
#define SHMETER_DIGEST_H

#include "shmeter/results.h"
#include "shmeter/scenario.h"

struct sm_digest;

/* Whether two classes of different runs are one: the same name, round trips within a third of each other, or
 * paces within SM_PACE_WIDTH. */
bool sm_same_class(sm_name one, sm_name other);

/* Analyses the run's slices on the way; the run may be freed then.  Of the scenarios, only those are asked that offer a
 * rate: their trials may be saturated. */
SM_MUST_USE int sm_digest_make(struct sm_digest **out, struct sm_results *run,
			       const struct sm_scenario *const *scenarios, size_t scenario_count, struct sm_error *err);
/* The same of a folder. */
SM_MUST_USE int sm_digest_load(struct sm_digest **out, const char *folder, const struct sm_scenario *const *scenarios,
			       size_t scenario_count, struct sm_error *err);
void sm_digest_free(struct sm_digest *digest);

#endif
