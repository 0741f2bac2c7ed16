/* The earlier runs of a gate: which there are, and which count for it. */
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
			return sm_fail(err, EINVAL,
				       "%s: this run is given twice, but the scatter of runs needs different "
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

/* Why an earlier run of another machine does not count. */
static const char *why_other_machine(const struct sm_digest *run, const struct sm_digest *baseline,
				     struct sm_results *results)
{
	sm_name host = baseline->machine.host;

	if (sm_digest_likeness(run, baseline) == SM_SAME_TYPE)
		return sm_results_string(
			results,
			host == sm_none || run->machine.host == sm_none
				? "this run or baseline %s does not record its host: pass --same-type to compare times of one "
				  "type of machine"
				: "baseline %s is of another host of the same type: pass --same-type to compare its times",
			baseline->folder);
	if (host != sm_none && host == run->machine.host)
		return sm_results_string(
			results,
			"baseline %s is of this host when it was another type of machine (CPU, PUs, caches, "
			"memory or kernel differ): measure a new one",
			baseline->folder);
	return sm_results_string(
		results,
		"baseline %s is of another machine (CPU, PUs, caches, memory or kernel differ): times of two "
		"types are not compared; `shmeter ab` compares two builds on one machine",
		baseline->folder);
}

struct earlier gate_earlier(const struct sm_gate *gate, const struct sides *sides, struct sm_results *results)
{
	struct earlier out = { .left = 0 };

	if (!sides->baselines || sides->baselines->count == 0)
		out.why = sides->gates->store
				  ? "the store has no baseline of this type of machine yet"
				  : "no baseline was given: --baseline DIR names an earlier run of this machine";
	for (size_t i = 0; sides->baselines && i < sides->baselines->count; i++) {
		struct sm_digest *one = sides->baselines->run[i];
		enum sm_likeness likeness = sm_digest_likeness(sides->run, one);
		bool own = likeness == SM_SAME_HOST || (likeness == SM_SAME_TYPE && sides->gates->same_type);

		if (own || (likeness == SM_SAME_TYPE && gate->against)) {
			out.runs.run[out.runs.count++] = one;
			out.elsewhere += !own;
		} else if (out.left++ == 0) {
			out.why = why_other_machine(sides->run, one, results);
		}
	}
	return out;
}
