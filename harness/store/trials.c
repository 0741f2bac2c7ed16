/* Finds the sample of a row by the number of its trial. */
#include <stdlib.h>

#include "shmeter/memory.h"
#include "shmeter/results.h"

static int by_number(const void *a, const void *b)
{
	const struct sm_trial_place *left = a, *right = b;

	return (left->trial > right->trial) - (left->trial < right->trial);
}

struct sm_trial_place *sm_results_trials(const struct sm_results *results, size_t *count)
{
	struct sm_trial_place *trials = sm_memory((results->sample_count + 1) * sizeof(*trials));

	*count = 0;
	for (size_t i = 0; i < results->sample_count; i++)
		if (!results->samples[i].derived)
			trials[(*count)++] = (struct sm_trial_place){ results->samples[i].trial, (unsigned)i };
	qsort(trials, *count, sizeof(*trials), by_number);
	return trials;
}

long sm_results_sample_of(const struct sm_trial_place *trials, size_t count, unsigned trial)
{
	const struct sm_trial_place wanted = { .trial = trial };
	const struct sm_trial_place *found = bsearch(&wanted, trials, count, sizeof(*trials), by_number);

	return found ? (long)found->sample : -1;
}
