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

/* Whether two runs are from one machine. */
enum sm_likeness {
	SM_OTHER_TYPE, /* another type of machine, or it is not known */
	SM_SAME_TYPE,  /* one type, but two hosts, or one run does not record its host */
	SM_SAME_HOST,
};
enum sm_likeness sm_digest_likeness(const struct sm_digest *one, const struct sm_digest *other);
/* The same for a digest and a run by its manifest. */
enum sm_likeness sm_digest_likeness_to(const struct sm_digest *one, const json_t *manifest);
/* Whether a digest is of the run with this manifest, or of a copy, by its start, seed and host. */
bool sm_digest_is_of(const struct sm_digest *digest, const json_t *manifest);
/* In words that follow "the other run is": "of another host of the same type". */
const char *sm_likeness_words(enum sm_likeness likeness);

#endif
