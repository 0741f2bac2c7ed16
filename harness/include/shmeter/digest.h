/* A digest of a run: the value of each case in each block, and nothing else.  Comparisons of two runs work from
 * these. */
#ifndef SHMETER_DIGEST_H
#define SHMETER_DIGEST_H

#include "shmeter/results.h"
#include "shmeter/scenario.h"

struct sm_digest;

/* Whether pair classes of two runs are the same class: same name, round trips within a third of each other, or paces
 * within SM_PACE_WIDTH. */
bool sm_same_class(sm_name one, sm_name other);

/* Analyses the slices of `run`, which may be freed afterwards.  `scenarios` is used only to find those that offer a
 * rate: their trials may be saturated.  Free with sm_digest_free(). */
SM_MUST_USE int sm_digest_make(struct sm_digest **out, struct sm_results *run,
			       const struct sm_scenario *const *scenarios, size_t scenario_count, struct sm_error *err);
/* The same for a run in a folder. */
SM_MUST_USE int sm_digest_load(struct sm_digest **out, const char *folder, const struct sm_scenario *const *scenarios,
			       size_t scenario_count, struct sm_error *err);
void sm_digest_free(struct sm_digest *digest);

#endif
