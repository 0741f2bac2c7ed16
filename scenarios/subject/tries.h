/* Scenarios whose operations are tries with a yes or a no: tally 0 counts the tries, tally 1 + i those in which the
 * answer to the i-th of `more` was yes.  Such a metric is the share of yes: 1 is always, 0 never. */
#ifndef SHMETER_SUBJECT_TRIES_H
#define SHMETER_SUBJECT_TRIES_H

#include <errno.h>

#include "shmeter/scenario.h"

#define TALLY_TRIES 0
/* Of the i-th of `more`. */
#define TALLY_YES(i) (1 + (i))

static inline int tries_verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t tries = sm_trial_tally(trial, TALLY_TRIES), ops = sm_trial_ops(trial);

	return tries == ops ? 0 : sm_fail(err, EILSEQ, "%lu tries in %lu operations", tries, ops);
}

static inline void tries_measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	for (unsigned i = 0; i < SM_TALLIES - 1 && trial->c->scenario->more[i].name; i++)
		value[i] = (double)sm_trial_tally(trial, TALLY_YES(i)) / (double)sm_trial_ops(trial);
}

/* Most such tries take less than a millisecond, and none is a matter of chance. */
static inline uint64_t tries_few(const struct sm_case *c)
{
	(void)c;
	return 2;
}

#endif
