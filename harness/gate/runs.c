/* Compares a run with several earlier ones.  The units are runs: each has one value, its level.  Blocks within a run
 * say how well its level is known, but not how much runs of one build differ (docs/adr/0025). */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "gate_parts.h"

/* The earlier runs as the test takes them: they scatter by at least the error of this run's level, for runs that agree
 * better than its blocks allow agree by chance. */
static struct sm_run_levels as_tested(const struct finding *finding)
{
	struct sm_run_levels tested = finding->old;

	tested.scatter = fmax(tested.scatter, finding->error);
	return tested;
}

/* One-sided p-value that a run of this level is one of the earlier runs' population; doubled where both bounds are
 * closed. */
static double p_of(const struct sm_run_levels *old, double level, double min, double max)
{
	const struct sm_run_levels turned = { old->count, -old->mean, old->scatter };
	double p = 1;

	if (max > 0)
		p = sm_run_levels_beyond(old, level, log(max));
	if (min > 0)
		p = fmin(p, sm_run_levels_beyond(&turned, -level, -log(min)));
	return max > 0 && min > 0 ? fmin(1, 2 * p) : p;
}

static double mde_of(const struct sm_run_levels *old, double level)
{
	return exp(sm_run_levels_margin(old, level) + sm_run_levels_margin(old, 1 - SM_DETECTABLE_POWER));
}

static void judge(double min, double max, double level, struct finding *out)
{
	const struct sm_run_levels tested = as_tested(out), *old = &tested;
	double far = level - old->mean, half = sm_run_levels_margin(old, (1 - SM_CONFIDENCE) / 2);

	out->ratio = (struct sm_interval){ .estimate = exp(far), .low = NAN, .high = NAN, .count = old->count };
	if (old->count < GATE_RUNS_MIN)
		return;
	out->ratio.low = exp(far - half);
	out->ratio.high = exp(far + half);
	out->ratio.confidence = SM_CONFIDENCE;
	out->mde = mde_of(old, out->level);
	out->p = p_of(old, level, min, max);
}

static void say(const struct sm_digest *run, size_t c, long reference, double min, double max,
		struct sm_results *results, struct finding *out)
{
	const struct digest_case *one = &run->cases[c];
	struct sm_words words = { .used = 0 };

	gate_say_case(&words, run, c, reference);
	sm_words_add(&words, " takes %.4g times as long %s as in %zu baseline %s (", out->ratio.estimate, one->per,
		     out->old.count, out->old.count == 1 ? "run" : "runs");
	if (!isnan(out->ratio.low)) {
		sm_words_add_interval(&words, &out->ratio);
		sm_words_add(&words, ", runs scatter by %.2g %%, ", 100 * out->old.scatter);
	}
	sm_words_add(&words, "class %s, %u blocks against %u, %s)", out->klass, out->used, out->baseline_used,
		     one->where);
	gate_say_bounds(&words, min, max);
	out->evidence = sm_results_string(results, "%s", words.text);
}

static void compare(const struct sm_digest *run, size_t c, long reference, const struct sm_baselines *baselines,
		    const struct side *now, const struct side *before, double *room, double min, double max,
		    struct sm_results *results, struct finding *out)
{
	struct gate_levels old;
	double level;

	out->klass = gate_meet(now, before, baselines->count, room);
	if (out->klass == sm_none) {
		out->klass = NULL;
		out->distrust = gate_why_apart(now, before, baselines->count, results);
		return;
	}
	old = gate_levels(before, baselines->count, out->klass, room, results);
	out->used = (unsigned)gate_values(now, out->klass, room);
	level = gate_level(room, out->used, &out->error);
	out->baseline_used = (unsigned)old.blocks;
	out->old = old.runs;
	out->to_median = old.runs.count < GATE_RUNS_MIN ? (double)NAN : exp(level - old.median);
	if (old.runs.count == 0) {
		out->distrust = sm_results_string(results, "no baseline run counts: %s", old.left_out);
		return;
	}
	judge(min, max, level, out);
	out->distrust = gate_disturbed(run, c, reference >= 0, "this run", results);
	if (!out->distrust && out->used < SM_BLOCKS_MIN)
		out->distrust = sm_results_string(results, "%u blocks: no level under %d", out->used, SM_BLOCKS_MIN);
	say(run, c, reference, min, max, results, out);
	if (old.left > 0)
		out->evidence = sm_results_string(results, "%s; %zu of %zu baseline runs left out: %s", out->evidence,
						  old.left, baselines->count, old.left_out);
}

int gate_runs(const struct sm_digest *run, size_t c, long reference, const struct sm_baselines *baselines, double min,
	      double max, struct sm_results *results, struct finding *out, struct sm_error *err)
{
	sm_name id = run->cases[c].id, beside = reference < 0 ? sm_none : run->cases[reference].id;
	const struct side now = gate_side(run, id, beside);
	struct side before[SM_BASELINE_RUNS_MAX];
	size_t most = gate_most_blocks(&now);
	double *room;

	out->by_runs = true;
	out->evidence = sm_results_string(results, "%s: no comparison", run->cases[c].name);
	for (size_t i = 0; i < baselines->count; i++) {
		size_t blocks;

		before[i] = gate_earlier_side(baselines->run[i], id, beside, results);
		blocks = gate_most_blocks(&before[i]);
		most = blocks > most ? blocks : most;
	}
	room = malloc((most + 1) * sizeof(*room));
	if (!room)
		return sm_fail(err, ENOMEM, "no memory for %zu blocks", most);
	compare(run, c, reference, baselines, &now, before, room, min, max, results, out);
	free(room);
	return 0;
}

/* How far a run like the earlier ones is from the nearest bound, as ln; NaN: it is on it. */
static double bound_of(double min, double max)
{
	double over = max > 0 && max != 1 ? fabs(log(max)) : (double)NAN;
	double under = min > 0 && min != 1 ? fabs(log(min)) : (double)NAN;

	return fmin(over, under); /* of one NaN it is the other */
}

/* Whether a run like the earlier ones misses a bound: a change is asked for. */
static bool change_asked(double min, double max)
{
	return (max > 0 && max < 1) || min > 1;
}

/* A self-test measures the scatter of a case in this many runs. */
#define SELFTEST_RUNS 5

/* Blocks of two runs are sure of any difference.  Where the floor says by how much runs differ, this one has to be further
 * from its one earlier run than that, by Student's t with the degrees of freedom of the self-test's runs. */
static void hold_against_floor(double min, double max, struct finding *out)
{
	double scatter = log(out->floor) / sm_run_levels_floor(1);
	/* the difference of two runs varies by sqrt(2), not as that of a run and a mean */
	const struct sm_run_levels earlier = { SELFTEST_RUNS, 0, scatter * sqrt(2 / (1 + 1.0 / SELFTEST_RUNS)) };
	double p = p_of(&earlier, log(out->ratio.estimate), min, max);

	out->within_floor = p > out->p;
	out->p = fmax(out->p, p);
	out->mde = isnan(out->mde) ? out->mde : fmax(out->mde, mde_of(&earlier, out->level));
}

void gate_floor(const struct sm_digest *run, size_t c, long reference, double min, double max,
		struct sm_results *results, struct finding *out)
{
	sm_name against = reference < 0 ? sm_none : run->cases[reference].variant;
	double control = reference < 0 ? run->floor_time : run->floor_ratio;
	double floor;

	out->floor = out->by_runs && out->old.count >= GATE_RUNS_MIN ? exp(sm_run_levels_floor(out->old.scatter))
								     : digest_floor(run, &run->cases[c], against);
	if (!out->by_runs && !isnan(out->floor) && !isnan(out->ratio.estimate))
		hold_against_floor(min, max, out);
	floor = isnan(out->floor) ? control : out->floor;
	if (!((max > 0 && fabs(log(max)) < log(floor)) || (min > 0 && fabs(log(min)) < log(floor))))
		return;
	out->refused = sm_results_string(
		results,
		"its threshold %.4g is under the noise floor %.4g of %s%s%s: runs of one build differ by as much",
		max > 0 && fabs(log(max)) < log(floor) ? max : min, floor,
		isnan(out->floor) ? "the A/A control on this machine" : run->cases[c].name,
		isnan(out->floor) || reference < 0 ? "" : " as a ratio to ",
		isnan(out->floor) || reference < 0 ? "" : against);
}

const char *gate_runs_open(const struct finding *finding, double min, double max, double level,
			   struct sm_results *results)
{
	const struct sm_run_levels tested = as_tested(finding), *old = &finding->old;
	double bound = bound_of(min, max), tail = min > 0 && max > 0 ? level / 2 : level;
	struct sm_words words = { .used = 0 };
	size_t needed;

	if (old->count < GATE_RUNS_MIN) {
		sm_words_add(
			&words,
			"too few baseline runs to detect a failure: %zu of at least %u that show by how much runs of "
			"one build differ; measure more, and name each with --baseline or keep them in a store",
			old->count, GATE_RUNS_MIN);
	} else if (sm_run_levels_margin(old, tail) > bound) {
		needed = sm_run_levels_needed(old->scatter, bound, tail, SM_DETECTABLE_POWER, SM_BASELINE_RUNS_MAX);
		sm_words_add(
			&words,
			change_asked(min, max)
				? "too few baseline runs to detect a failure: with %zu that scatter by %.2g %%, a run "
				  "must miss the threshold by %.2g %%, and one like them misses it by %.2g %%; "
				: "too few baseline runs to detect a failure: with %zu that scatter by %.2g %%, a run "
				  "must differ by %.2g %%, and the threshold is %.2g %%; ",
			old->count, 100 * old->scatter, 100 * expm1(sm_run_levels_margin(old, tail)),
			100 * expm1(bound));
		if (needed > 0)
			sm_words_add(&words, "%zu such runs are needed to find that in %.0f of 10 runs", needed,
				     10 * SM_DETECTABLE_POWER);
		else
			sm_words_add(&words, "no number of such runs is enough: loosen the threshold, or alternate two "
					     "builds with `shmeter ab`");
	} else if (sm_run_levels_margin(&tested, tail) > bound) {
		sm_words_add(
			&words,
			"too few blocks to detect a failure: those of this run show its level within %.2g %%, so it must "
			"differ by %.2g %%, and the threshold is %.2g %%; measure more blocks on a quieter machine",
			100 * expm1(finding->error), 100 * expm1(sm_run_levels_margin(&tested, tail)),
			100 * expm1(bound));
	} else {
		return NULL;
	}
	return sm_results_string(results, "%s", words.text);
}
