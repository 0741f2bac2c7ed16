/* Compares a case with an earlier run: two independent samples of block values. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"

/* Why runs of two machines are not compared; NULL: they are of one machine, or of one type where that is enough. */
static const char *why_other_machine(const struct sm_digest *run, const struct sm_digest *baseline, bool same_type)
{
	sm_name host = baseline->machine.host;

	switch (sm_digest_likeness(run, baseline)) {
	case SM_SAME_HOST: return NULL;
	case SM_SAME_TYPE:
		if (same_type)
			return NULL;
		return host == sm_none || run->machine.host == sm_none
			       ? "one of the runs does not record its host: pass --same-type to compare runs of one type of "
				 "machine"
			       : "the baseline is of another host of the same type: pass --same-type to compare with it";
	case SM_OTHER_TYPE: break;
	}
	if (host != sm_none && host == run->machine.host)
		return "the baseline is of this host when it was another type of machine (CPU, PUs, caches, memory or kernel "
		       "differ): measure a new one";
	return "the baseline is of another machine (CPU, PUs, caches, memory or kernel differ): times of two types are "
	       "not compared; `shmeter ab` compares two builds on one machine";
}

const char *gate_not_comparable(const struct sm_gate *gate, const struct sm_digest *run,
				const struct sm_digest *baseline, bool same_type, struct sm_results *results)
{
	const char *why;
	double floor;

	if (!baseline)
		return "no baseline was given: --baseline DIR names an earlier run of this machine";
	why = why_other_machine(run, baseline, same_type);
	if (why)
		return why;
	floor = gate->against ? run->floor_ratio : run->floor_time;
	if ((gate->max > 0 && gate->max < floor) || (gate->min > 0 && 1 / gate->min < floor))
		return sm_results_string(results,
					 "its threshold %.4g is under this machine's noise floor %.4g, as `shmeter "
					 "selftest` measured it: runs of one build differ by as much",
					 gate->max > 0 && gate->max < floor ? gate->max : gate->min, floor);
	return NULL;
}

/* Why the times of the two runs cannot be compared because one of them was disturbed; NULL: they can. */
static const char *distrust(const struct sm_digest *run, size_t c, const struct sm_digest *baseline, size_t old,
			    bool as_ratio, struct sm_results *results)
{
	const struct sm_digest *both[2] = { run, baseline };
	static const char *const name[2] = { "this run", "the baseline" };

	for (unsigned i = 0; i < 2; i++) {
		double steal = both[i]->cases[i ? old : c].steal_percent;
		double throttled = both[i]->cases[i ? old : c].throttled_percent;

		if (both[i]->control_moved)
			return sm_results_string(results, "the A/A control of %s moved", name[i]);
		if (steal > SM_STEAL_MAX)
			return sm_results_string(results,
						 "during %s the host took %.1f %% of the PU time away (steal; at most "
						 "%.0f %% is accepted)",
						 name[i], steal, SM_STEAL_MAX);
		if (throttled > SM_STEAL_MAX)
			return sm_results_string(
				results,
				"during %s a CPU limit kept the trials off the PUs for %.1f %% of the PU "
				"time (throttling; at most %.0f %% is accepted)",
				name[i], throttled, SM_STEAL_MAX);
		/* a ratio that is paired block by block tolerates load on the machine */
		if (!as_ratio && both[i]->others_percent > SM_OTHERS_MAX)
			return sm_results_string(results,
						 "during %s other processes used %.0f %% of the PU time (at most %.0f "
						 "%% is accepted where times of two runs are compared)",
						 name[i], both[i]->others_percent, SM_OTHERS_MAX);
	}
	return NULL;
}

static void say(const struct sm_digest *run, size_t c, long reference, double min, double max,
		struct sm_results *results, struct finding *out)
{
	const struct digest_case *one = &run->cases[c];
	struct sm_words words = { .used = 0 };

	sm_words_add(&words, "%s", one->name);
	if (reference >= 0)
		sm_words_add(&words, ", as a ratio to %s,", run->cases[reference].variant);
	sm_words_add(&words, " takes %.4g times as long %s as in the baseline (", out->ratio.estimate, one->per);
	sm_words_add_interval(&words, &out->ratio);
	sm_words_add(&words, ", class %s, %u blocks against %u, %s)", out->klass, out->used, out->baseline_used,
		     one->where);
	if (min > 0)
		sm_words_add(&words, "; at least %.4g is required", min);
	if (max > 0)
		sm_words_add(&words, "; at most %.4g is allowed", max);
	out->evidence = sm_results_string(results, "%s", words.text);
}

/* As sm_minimum_detectable_ratio(), with the errors of both sides.  Mann and Whitney's test needs pi / 3 times the
 * blocks of the t test. */
static double two_sample_mde(double *x, size_t nx, double *y, size_t ny)
{
	double spread = fmax(sm_mad(x, nx), sm_mad(y, ny));
	double z = sm_normal_quantile(1 - (1 - SM_CONFIDENCE) / 2) + sm_normal_quantile(1 - SM_BETA);

	return exp(z * 1.4826 * spread * sqrt(acos(-1.0) / 3 * (1 / (double)nx + 1 / (double)ny)));
}

static void shift(double min, double max, double *x, size_t nx, double *y, size_t ny, struct finding *out)
{
	struct sm_interval logs = sm_shift_interval(x, nx, y, ny, SM_CONFIDENCE);

	out->ratio = logs;
	out->ratio.estimate = exp(logs.estimate);
	out->ratio.low = exp(logs.low);
	out->ratio.high = exp(logs.high);
	out->used = (unsigned)nx;
	out->baseline_used = (unsigned)ny;
	if (nx < SM_BLOCKS_MIN || ny < SM_BLOCKS_MIN) {
		out->ratio.low = out->ratio.high = NAN;
		return;
	}
	if (max > 0)
		out->p = sm_shift_test(x, nx, y, ny, log(max));
	if (min > 0)
		out->p = fmin(out->p, sm_shift_test(y, ny, x, nx, -log(min)));
	if (max > 0 && min > 0)
		out->p = fmin(1, 2 * out->p);
	out->mde = two_sample_mde(x, nx, y, ny);
	out->scatter = 1.4826 * sm_mad(x, nx);
	out->baseline_scatter = 1.4826 * sm_mad(y, ny);
}

/* A case, or its ratio to a reference, in a class of one run and the corresponding class of the other. */
struct meeting {
	const struct digest_class *now, *now_beside, *before, *before_beside;
	size_t blocks; /* blocks of the run that has fewer */
};

/* Finds the classes in which both runs have the most blocks.  On a tie takes the first, which has the most pure slices
 * of this run.  The choice depends only on the number of blocks, never on their values.  `x` and `y` have room for all
 * blocks. */
static struct meeting meet(const struct digest_case *now, const struct digest_case *now_beside,
			   const struct digest_case *before, const struct digest_case *before_beside, double *x,
			   double *y)
{
	struct meeting best = { .blocks = 0 };

	for (unsigned k = 0; k < now->classes; k++) {
		struct meeting one = { .now = &now->klass[k] };
		sm_name name = one.now->name;
		size_t nx, ny;

		one.now_beside = now_beside ? digest_class_named(now_beside, name) : NULL;
		one.before = digest_class_like(before, name);
		one.before_beside =
			before_beside && one.before ? digest_class_named(before_beside, one.before->name) : NULL;
		if (one.now->count == 0 || !one.before || (now_beside && !one.now_beside) ||
		    (before_beside && !one.before_beside))
			continue;
		nx = digest_values(one.now, one.now_beside, x);
		ny = digest_values(one.before, one.before_beside, y);
		one.blocks = nx < ny ? nx : ny;
		if (one.blocks > best.blocks)
			best = one;
	}
	return best;
}

static bool has_class(const struct digest_case *c, sm_name klass)
{
	return c->classes > 0 && c->klass[0].name == klass;
}

/* Why two runs have no class in common. */
static const char *why_apart(const struct digest_case *now, const struct digest_case *now_beside,
			     const struct digest_case *before, struct sm_results *results)
{
	sm_name name = now->classes > 0 ? now->klass[0].name : sm_none, solo = sm_name_of("solo");

	if (now->classes == 0 || (now_beside && now_beside->classes == 0))
		return "no block of this run counts";
	if (has_class(before, solo) && !has_class(now, solo))
		return "the baseline was made by a version that did not probe workers alone: measure it again";
	return sm_results_string(results, "the baseline has no block in a class like %s", name);
}

static size_t most_blocks(const struct digest_case *c)
{
	size_t most = 0;

	for (unsigned k = 0; k < c->classes; k++)
		most = c->klass[k].count > most ? c->klass[k].count : most;
	return most;
}

int gate_baseline(const struct sm_digest *run, size_t c, long reference, const struct sm_digest *baseline, double min,
		  double max, struct sm_results *results, struct finding *out, struct sm_error *err)
{
	const struct digest_case *now = &run->cases[c], *beside = reference < 0 ? NULL : &run->cases[reference];
	long old = digest_case_of(baseline, now->id);
	long old_beside = beside ? digest_case_of(baseline, beside->id) : -1;
	struct meeting meeting;
	double *x, *y = NULL;
	size_t nx, ny;

	out->evidence = sm_results_string(results, "%s: no comparison", now->name);
	if (old < 0 || (beside && old_beside < 0)) {
		out->distrust = "the baseline has no such case";
		return 0;
	}
	x = malloc((most_blocks(now) + 1) * sizeof(*x));
	y = malloc((most_blocks(&baseline->cases[old]) + 1) * sizeof(*y));
	if (!x || !y) {
		free(x);
		free(y);
		return sm_fail(err, ENOMEM, "no memory for the blocks");
	}
	meeting = meet(now, beside, &baseline->cases[old], beside ? &baseline->cases[old_beside] : NULL, x, y);
	if (meeting.blocks == 0) {
		out->distrust = why_apart(now, beside, &baseline->cases[old], results);
		goto out_free;
	}
	nx = digest_values(meeting.now, meeting.now_beside, x);
	ny = digest_values(meeting.before, meeting.before_beside, y);
	out->klass = meeting.now->name;
	shift(min, max, x, nx, y, ny, out);
	out->distrust = distrust(run, c, baseline, (size_t)old, beside != NULL, results);
	say(run, c, reference, min, max, results, out);
out_free:
	free(x);
	free(y);
	return 0;
}
