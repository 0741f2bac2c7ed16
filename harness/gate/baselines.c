/* The earlier runs of a gate. */
#include <errno.h>

#include "gate_parts.h"
#include "shmeter/error.h"

int sm_baselines_add(struct sm_baselines *baselines, const char *folder, const struct sm_scenario *const *scenarios,
		     size_t scenario_count, struct sm_error *err)
{
	struct sm_digest **added = &baselines->run[baselines->count];
	int rc;

	if (baselines->count == SM_BASELINE_RUNS_MAX)
		return sm_fail(err, EINVAL, "too many baselines: at most %d", SM_BASELINE_RUNS_MAX);
	rc = sm_digest_load(added, folder, scenarios, scenario_count, err);
	if (rc < 0)
		return rc;
	baselines->count++;
	for (size_t i = 0; i + 1 < baselines->count; i++)
		if ((*added)->begun != sm_none && baselines->run[i]->begun == (*added)->begun)
			return sm_fail(
				err, EINVAL,
				"--baseline %s: this run is given twice, but the scatter of runs needs different "
				"ones: leave it out",
				folder);
	return 0;
}

int sm_baselines_exclude(const struct sm_baselines *baselines, const char *const *folder, const struct sm_results *run,
			 struct sm_error *err)
{
	for (size_t i = 0; i < baselines->count; i++)
		if (sm_digest_is_of(baselines->run[i], run->manifest))
			return sm_fail(err, EINVAL,
				       "--baseline %s: it is the run that is checked, which never differs from itself: "
				       "name an earlier run",
				       folder[i]);
	return 0;
}

void sm_baselines_free(struct sm_baselines *baselines)
{
	for (size_t i = 0; i < baselines->count; i++)
		sm_digest_free(baselines->run[i]);
	*baselines = (struct sm_baselines){ .count = 0 };
}
