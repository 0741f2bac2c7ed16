/* What a run and earlier runs have in common: classes, values, and whether a run may be compared at all. */
#include <math.h>

#include "gate_parts.h"

const char *gate_disturbed(const struct sm_digest *one, size_t c, bool as_ratio, const char *name,
			   struct sm_results *results)
{
	double steal = one->cases[c].steal_percent, throttled = one->cases[c].throttled_percent;

	if (one->control_moved)
		return sm_results_string(results, "the A/A control of %s moved", name);
	if (steal > SM_STEAL_MAX)
		return sm_results_string(results,
					 "during %s the host took %.1f %% of the PU time away (steal; at most %.0f %% "
					 "is accepted)",
					 name, steal, SM_STEAL_MAX);
	if (throttled > SM_STEAL_MAX)
		return sm_results_string(results,
					 "during %s a CPU limit kept the trials off the PUs for %.1f %% of the PU "
					 "time (throttling; at most %.0f %% is accepted)",
					 name, throttled, SM_STEAL_MAX);
	/* a ratio that is paired block by block tolerates load on the machine */
	if (!as_ratio && one->others_percent > SM_OTHERS_MAX)
		return sm_results_string(results,
					 "during %s other processes used %.0f %% of the PU time (at most %.0f %% is "
					 "accepted where times of two runs are compared)",
					 name, one->others_percent, SM_OTHERS_MAX);
	return NULL;
}

struct side gate_side(const struct sm_digest *run, sm_name id, sm_name beside)
{
	long c = digest_case_of(run, id), other = beside == sm_none ? -1 : digest_case_of(run, beside);

	return (struct side){ .one = c < 0 || (beside != sm_none && other < 0) ? NULL : &run->cases[c],
			      .beside = other < 0 ? NULL : &run->cases[other] };
}

struct side gate_earlier_side(const struct sm_digest *run, sm_name id, sm_name beside, struct sm_results *results)
{
	struct side side = gate_side(run, id, beside);
	const char *name = sm_results_string(results, "baseline %s", run->folder);

	side.folder = run->folder;
	if (side.one)
		side.disturbed =
			gate_disturbed(run, (size_t)(side.one - run->cases), side.beside != NULL, name, results);
	return side;
}

size_t gate_most_blocks(const struct side *side)
{
	size_t most = 0;

	for (unsigned k = 0; side->one && k < side->one->classes; k++)
		most = side->one->klass[k].count > most ? side->one->klass[k].count : most;
	return most;
}

size_t gate_values(const struct side *side, sm_name klass, double *out)
{
	const struct digest_class *one = side->one ? digest_class_like(side->one, klass) : NULL;
	const struct digest_class *beside = one && side->beside ? digest_class_named(side->beside, one->name) : NULL;

	return !one || (side->beside && !beside) ? 0 : digest_values(one, beside, out);
}

sm_name gate_meet(const struct side *now, const struct side *before, size_t count, double *room)
{
	size_t most_runs = 0, most_blocks = 0;
	sm_name best = sm_none;

	for (unsigned k = 0; k < now->one->classes; k++) {
		sm_name klass = now->one->klass[k].name;
		size_t here = now->one->klass[k].count > 0 ? gate_values(now, klass, room) : 0;
		size_t runs = 0, blocks = 0;

		for (size_t i = 0; i < count; i++) {
			size_t there = here > 0 && !before[i].disturbed ? gate_values(&before[i], klass, room) : 0;
			size_t both = here < there ? here : there;

			runs += both >= SM_BLOCKS_MIN;
			blocks += both;
		}
		if (runs > most_runs || (runs == most_runs && blocks > most_blocks)) {
			most_runs = runs;
			most_blocks = blocks;
			best = klass;
		}
	}
	return best;
}

static bool has_class(const struct digest_case *c, sm_name klass)
{
	return c->classes > 0 && c->klass[0].name == klass;
}

const char *gate_why_apart(const struct side *now, const struct side *before, size_t count, struct sm_results *results)
{
	const char *disturbed = NULL;
	sm_name name = now->one->classes > 0 ? now->one->klass[0].name : sm_none, solo = sm_name_of("solo");

	if (now->one->classes == 0 || (now->beside && now->beside->classes == 0))
		return "no block of this run counts";
	for (size_t i = 0; i < count; i++) {
		sm_name folder = before[i].folder;

		if (before[i].disturbed)
			disturbed = disturbed ? disturbed : before[i].disturbed;
		else if (before[i].one && has_class(before[i].one, solo) && !has_class(now->one, solo))
			return sm_results_string(results,
						 "baseline %s was made by a version that did not probe workers alone: "
						 "measure it again",
						 folder);
		else if (before[i].one)
			return sm_results_string(results, "baseline %s has no block in a class like %s", folder, name);
	}
	return disturbed ? sm_results_string(results, "no baseline run counts: %s", disturbed)
			 : sm_results_string(results, "baseline %s has no such case", before[0].folder);
}

void gate_say_case(struct sm_words *words, const struct sm_digest *run, size_t c, long reference)
{
	sm_words_add(words, "%s", run->cases[c].name);
	if (reference >= 0)
		sm_words_add(words, ", as a ratio to %s,", run->cases[reference].variant);
}

void gate_say_bounds(struct sm_words *words, double min, double max)
{
	if (min > 0)
		sm_words_add(words, "; at least %.4g is required", min);
	if (max > 0)
		sm_words_add(words, "; at most %.4g is allowed", max);
}
