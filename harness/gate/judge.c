/* Judges gates on a run.
 *
 * Every gate about a time has a one-sided p-value: that its threshold is kept, from the sign test over blocks (a ratio
 * within the run) or pairs of layouts (layouts.c), or from Mann and Whitney's test over the blocks of two runs (a ratio
 * against one baseline); or that the run is one of the baseline's population of runs, by Student's t (several
 * baselines).  Holm's procedure over all gates limits false FAILs of a healthy run to SM_GATES_ALPHA.  A PASS needs the
 * whole 95 % confidence interval within the threshold. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"
#include "shmeter/memory.h"

/* P(at least `above` of `n`) where each has probability 1/2. */
static double sign_tail(unsigned above, unsigned n)
{
	return above == 0 ? 1 : 1 - sm_binomial_cdf(above - 1, n, 0.5);
}

/* One-sided p-value of "min <= ratio <= max"; doubled where both bounds are closed.  `looked`: valid for any number of
 * looks. */
static double threshold_p(const struct sm_gate *gate, const double *d, unsigned n, bool looked)
{
	unsigned over = 0, over_n = 0, under = 0, under_n = 0;
	double low = log(gate->min), high = log(gate->max), p = 1;

	for (unsigned i = 0; i < n; i++) {
		over += gate->max > 0 && d[i] > high;
		over_n += gate->max > 0 && d[i] != high;
		under += gate->min > 0 && d[i] < low;
		under_n += gate->min > 0 && d[i] != low;
	}
	if (gate->max > 0)
		p = looked ? sm_sign_sequence_p(over, over_n) : sign_tail(over, over_n);
	if (gate->min > 0)
		p = fmin(p, looked ? sm_sign_sequence_p(under, under_n) : sign_tail(under, under_n));
	return gate->min > 0 && gate->max > 0 ? fmin(1, 2 * p) : p;
}

/* Tests the threshold over the blocks, or over the pairs of layouts.  Returns how far layouts and blocks scatter, in
 * words. */
static const char *judge_units(const struct sm_gate *gate, const struct sm_gates *gates, struct sm_analysis *a,
			       size_t left, size_t right, struct finding *out)
{
	size_t room = a->case_view[left].count + 1;
	double *d = malloc(room * sizeof(*d));
	unsigned *block = malloc(room * sizeof(*block)), tried;
	const char *scatter = "";

	if (!d || !block)
		sm_no_memory();
	out->used = sm_analysis_differences(a, left, right, out->klass, d, block, &tried);
	if (gates->layouts > 1)
		scatter = gate_by_layout(gates, d, block, a->results, out);
	out->p = threshold_p(gate, d, out->used, a->looked);
	if (out->used >= sm_analysis_blocks_min(a))
		out->mde = sm_minimum_detectable_ratio(d, out->used, sm_analysis_need(a, out->used, out->level));
	free(d);
	free(block);
	return scatter;
}

static int judge_ratio(const struct sm_gate *gate, const struct sm_gates *gates, struct sm_analysis *a, size_t g,
		       struct finding *out, struct sm_error *err)
{
	size_t left = (size_t)sm_analysis_case_of(a, g, gate->variant);
	size_t right = (size_t)sm_analysis_case_of(a, g, gate->against);
	struct sm_words words = { .used = 0 };
	struct sm_comparison comparison;
	struct sm_blocks blocks;
	char ratio[512], where[512];
	const char *scatter;
	int rc;

	sm_analysis_count_blocks(a, left, right, &blocks);
	out->tried = blocks.tried;
	out->klass = sm_analysis_leading(a, g, left, right);
	if (!out->klass) {
		out->distrust = sm_analysis_set_aside(a, left, right);
		if (!out->distrust)
			out->distrust =
				sm_results_string(a->results,
						  "none of %u blocks has a pair class in which both have enough "
						  "pure slices",
						  blocks.tried);
		out->evidence = "no block counts";
		return 0;
	}
	rc = sm_analysis_compare(a, left, right, out->klass, &comparison, err);
	if (rc < 0)
		return rc;
	out->ratio = comparison.ratio;
	scatter = judge_units(gate, gates, a, left, right, out);
	out->distrust = sm_analysis_distrust(a, g, &comparison, &blocks, !gate->settled);
	sm_analysis_point(a, g, SM_POINT_PLACEMENT, where, sizeof(where));
	if (gate->metric)
		snprintf(ratio, sizeof(ratio), "the %s of %s is %.3g times that of %s", gate->metric, gate->variant,
			 out->ratio.estimate, gate->against);
	else
		sm_ratio_words(ratio, sizeof(ratio), gate->variant, gate->against, a->results->cases[left].per,
			       out->ratio.estimate);
	sm_words_add(&words, "%s: %s (", gate->scenario, ratio);
	sm_words_add_interval(&words, &out->ratio);
	sm_words_add(&words, ", class %s, %u %s, %s)%s", out->klass, out->used, out->unit, where, scatter);
	gate_say_bounds(&words, gate->min, gate->max);
	out->evidence = sm_results_string(a->results, "%s", words.text);
	return 0;
}

/* How far an estimate is beyond the bounds of a gate, as ln; NaN: it is within them, or unknown. */
static double overrun(const struct sm_gate *gate, double estimate)
{
	if (gate->max > 0 && estimate > gate->max)
		return log(estimate / gate->max);
	return estimate < gate->min ? log(gate->min / estimate) : (double)NAN;
}

/* How bad a finding is, to choose the one that a gate over several groups reports. */
static double badness(const struct sm_gate *gate, const struct finding *finding)
{
	if (finding->refused && finding->p > SM_GATES_ALPHA)
		return -1;
	if (sm_verdict_of(&finding->ratio, gate->min, gate->max) == SM_SUPPORTED && !finding->distrust)
		return 0;
	return finding->distrust ? 1 : 3 - finding->p;
}

static bool holds_both(const struct sm_analysis *a, size_t g, const struct sm_gate *gate)
{
	return sm_analysis_case_of(a, g, gate->variant) >= 0 &&
	       (!gate->against || sm_analysis_case_of(a, g, gate->against) >= 0);
}

bool gate_is_about(const struct sm_gate *gate, const struct sm_analysis *a, size_t g)
{
	return a->group[g].scenario_name == gate->scenario && holds_both(a, g, gate) &&
	       (!gate->group || a->group[g].name == gate->group) &&
	       sm_analysis_matches(a, g, gate->metric, gate->at, gate->variant, gate->against);
}

const char *gate_why_untried(struct sm_analysis *a, size_t g, const struct sm_gate *gate)
{
	const char *variant[2] = { gate->variant, gate->against };

	for (unsigned i = 0; i < 2 && variant[i]; i++) {
		const char *why = sm_analysis_untried(a, sm_analysis_case_of(a, g, variant[i]));

		if (why)
			return sm_results_string(a->results, "%s/%s: %s", gate->scenario, variant[i], why);
	}
	return NULL;
}

static void set_untestable(struct sm_gate_row *row, const char *reason)
{
	row->verdict = SM_NOT_TESTABLE;
	row->evidence = "not measured";
	row->reason = reason;
}

static size_t groups_of(const struct sm_gate *gate, struct sm_analysis *run)
{
	size_t groups = 0;

	for (size_t g = 0; g < run->group_count; g++)
		groups += gate_is_about(gate, run, g) && !gate_why_untried(run, g, gate);
	return groups;
}

/* How many gates get a p-value. */
static size_t count_tests(const struct sm_gates *gates, struct sm_analysis *run, const struct sides *sides)
{
	size_t tests = 0;

	for (size_t i = 0; i < gates->count; i++) {
		const struct sm_gate *gate = &gates->gate[i];

		if (gate->kind == SM_GATE_RATIO ||
		    (gate->kind == SM_GATE_BASELINE && gate_earlier(gate, sides, run->results).runs.count > 0))
			tests += groups_of(gate, run) > 0;
	}
	return tests;
}

/* The level at which one group of a gate is a FAIL if all other gates pass: Holm's over the gates, Bonferroni's over
 * the gate's groups and bounds. */
static double level_of(const struct sm_gate *gate, struct sm_analysis *run, size_t tests)
{
	size_t bounds = gate->min > 0 && gate->max > 0 ? 2 : 1;

	return SM_GATES_ALPHA / (double)(tests * groups_of(gate, run) * bounds);
}

int gate_judge_group(const struct sm_gate *gate, struct sm_analysis *run, size_t g, const struct sides *sides,
		     struct finding *out, struct sm_error *err)
{
	size_t c = (size_t)sm_analysis_case_of(run, g, gate->variant);
	long against = gate->against ? sm_analysis_case_of(run, g, gate->against) : -1;
	int rc;

	*out = (struct finding){ .ratio = { .estimate = NAN, .low = NAN, .high = NAN },
				 .p = 1,
				 .level = level_of(gate, run, sides->tests),
				 .mde = NAN,
				 .floor = NAN,
				 .to_median = NAN,
				 .unit = "blocks" };
	if (gate->kind == SM_GATE_RATIO)
		return judge_ratio(gate, sides->gates, run, g, out, err);
	const struct earlier old = gate_earlier(gate, sides, run->results);

	/* times of two runs, and ratios of two hosts, differ by more than their blocks show; a ratio of one host differs
	 * by less.  A store that begins with an odd run would fail every later one by its blocks, and so add none. */
	if (gate->against && old.runs.count == 1 && !old.elsewhere && !sides->gates->store)
		rc = gate_baseline(sides->run, c, against, old.runs.run[0], gate->min, gate->max, run->results, out,
				   err);
	else
		rc = gate_runs(sides->run, c, against, &old.runs, gate->min, gate->max, run->results, out, err);
	gate_floor(sides->run, c, against, gate->min, gate->max, run->results, out);
	if (out->refused && sides->gates->store)
		out->refused =
			sm_results_string(run->results,
					  "%s; after an intended change of speed remove the runs of before from the "
					  "store",
					  out->refused);
	if (old.left > 0)
		out->evidence = sm_results_string(run->results, "%s; %zu of %zu baseline runs left out: %s",
						  out->evidence, old.left, sides->baselines->count, old.why);
	return rc;
}

static unsigned runs_of(const struct finding *finding)
{
	return finding->by_runs ? (unsigned)finding->old.count : finding->baseline_used > 0;
}

/* The evidence of a baseline, with the noise floor that its threshold was held against. */
static const char *say_floor(const struct sm_gate *gate, const struct finding *finding, struct sm_results *results)
{
	if (gate->kind != SM_GATE_BASELINE)
		return finding->evidence;
	if (isnan(finding->floor))
		return sm_results_string(results, "%s; noise floor unknown", finding->evidence);
	return sm_results_string(results, "%s; noise floor %.4g", finding->evidence, finding->floor);
}

/* Judges a ratio or a baseline over all its groups.  Reports the worst group; p is the smallest p of the groups that
 * can be trusted, times the number of all groups (Bonferroni).  Leaves the verdict open (SM_VERDICT_NONE) until all
 * gates are known. */
static int judge_groups(const struct sm_gate *gate, struct sm_analysis *run, const struct sides *sides,
			struct sm_gate_row *row, struct finding *worst, struct sm_error *err)
{
	const char *untried = NULL, *refused = NULL;
	unsigned groups = 0, gaps = 0, points = 0;
	double smallest = 1;

	for (size_t g = 0; g < run->group_count; g++) {
		struct finding one;
		const char *why;
		int rc;

		if (!gate_is_about(gate, run, g))
			continue;
		points++;
		why = gate_why_untried(run, g, gate);
		if (why) {
			untried = why;
			gaps++;
			continue;
		}
		rc = gate_judge_group(gate, run, g, sides, &one, err);
		if (rc < 0)
			return rc;
		if (!isnan(overrun(gate, one.to_median)) &&
		    !(overrun(gate, one.to_median) <= overrun(gate, row->beyond)))
			row->beyond = one.to_median;
		if (one.refused) {
			untried = refused = one.refused;
			gaps++;
			/* only the p-value of runs holds below their floor: it may still FAIL */
			one.p = one.by_runs ? one.p : 1;
		}
		if (!one.distrust)
			smallest = fmin(smallest, one.p);
		if (groups++ == 0 || badness(gate, &one) > badness(gate, worst))
			*worst = one;
	}
	if (groups == 0) {
		set_untestable(row, untried    ? untried
				    : gate->at ? sm_results_string(run->results, "no case of this run has %s", gate->at)
					       : "no case of this run is the one that the gate names");
		return 0;
	}
	worst->groups = groups;
	worst->withheld = refused;
	row->p = fmin(1, smallest * groups);
	row->ratio = worst->ratio;
	row->blocks = worst->used;
	row->baseline_blocks = worst->baseline_used;
	row->baseline_runs = runs_of(worst);
	row->floor = worst->floor;
	row->mde = worst->mde;
	row->evidence = say_floor(gate, worst, run->results);
	if (gaps && points > 1)
		row->evidence = sm_results_string(run->results, "%s; not testable at %u of %u points: %s",
						  row->evidence, gaps, points, untried);
	return 0;
}

/* Judges a count like a claim of this kind, and uses the claim's row. */
static void judge_count(const struct sm_gate *gate, struct sm_analysis *a, const struct sm_scenario *scenario,
			struct sm_gate_row *row)
{
	struct sm_claim claim = { .id = gate->name,
				  .text = gate->name,
				  .source = "-",
				  .at = gate->at,
				  SM_EXACT_COUNT(gate->variant, gate->event, gate->per_op, .slack = gate->slack) };
	const struct sm_claim_row *counted;

	sm_analysis_count_claim(a, scenario, &claim);
	counted = &a->results->claims[--a->results->claim_count]; /* remove it: it is not a claim of the run */
	row->verdict = counted->verdict;
	row->evidence = counted->evidence == sm_none ? "not counted" : counted->evidence;
	row->reason = counted->reason;
	row->wrong_data = row->verdict == SM_REFUTED;
}

static const struct sm_scenario *scenario_of(const struct sm_analysis *a, sm_name name)
{
	for (size_t i = 0; i < a->scenario_count; i++)
		if (sm_name_of(a->scenarios[i]->name) == name)
			return a->scenarios[i];
	return NULL;
}

static const struct sm_claim *claim_of(const struct sm_scenario *scenario, sm_name id)
{
	const struct sm_claim *claim = scenario ? scenario->claims : NULL;

	while (claim && claim->id && sm_name_of(claim->id) != id)
		claim++;
	return claim && claim->id ? claim : NULL;
}

/* Takes the verdict of a claim.  Only a value that must never occur is wrong data. */
static void judge_claim(const struct sm_gate *gate, const struct sm_analysis *a, struct sm_gate_row *row)
{
	const struct sm_claim *claim = claim_of(scenario_of(a, gate->scenario), gate->claim);

	for (size_t i = 0; claim && i < a->results->claim_count; i++) {
		const struct sm_claim_row *one = &a->results->claims[i];

		if (one->claim != gate->claim || one->scenario != gate->scenario)
			continue;
		row->verdict = one->verdict;
		row->evidence = sm_results_string(a->results, "%s: %s", one->sentence, one->evidence);
		row->reason = one->reason;
		/* A metric with one allowed value is right or wrong; one with a range is a measurement. */
		row->wrong_work = row->verdict == SM_REFUTED && claim->kind == SM_CLAIM_METRIC &&
				  claim->metric.min == claim->metric.max;
		row->wrong_data = row->wrong_work || (row->verdict == SM_REFUTED && claim->kind == SM_CLAIM_COUNT);
		return;
	}
	set_untestable(row, "no case of this run is what the claim is about");
}

static bool was_interrupted(const struct sm_results *run)
{
	const char *status = json_string_value(json_object_get(run->manifest, "status"));

	return sm_name_of(status) == sm_name_of("interrupted");
}

static int judge_one(const struct sm_gate *gate, struct sm_analysis *run, const struct sides *sides,
		     struct sm_gate_row *row, struct finding *finding, struct sm_error *err)
{
	struct earlier old = { .why = NULL };

	if (gate->kind == SM_GATE_BASELINE)
		old = gate_earlier(gate, sides, run->results);
	*row = (struct sm_gate_row){ .gate = gate,
				     .ratio = { .estimate = NAN, .low = NAN, .high = NAN },
				     .beyond = NAN,
				     .p = NAN,
				     .mde = NAN,
				     .floor = NAN,
				     .reason = sm_none,
				     .again = gate_again(gate, run->results) };
	if (old.why && old.runs.count == 0)
		set_untestable(row, old.why);
	else if (gate->kind == SM_GATE_COUNT)
		judge_count(gate, run, scenario_of(run, gate->scenario), row);
	else if (gate->kind == SM_GATE_CLAIM)
		judge_claim(gate, run, row);
	else
		return judge_groups(gate, run, sides, row, finding, err);
	return 0;
}

static int judge_all(const struct sm_gates *gates, struct sm_analysis *run, struct sides *sides,
		     struct sm_gate_row *rows, struct sm_error *err)
{
	struct finding *finding = calloc(gates->count, sizeof(*finding));
	double *p = calloc(gates->count, sizeof(*p));
	size_t tests;
	int rc = finding && p ? 0 : sm_fail(err, ENOMEM, "no memory for %zu gates", gates->count);

	sides->tests = count_tests(gates, run, sides);
	for (size_t i = 0; rc == 0 && i < gates->count; i++)
		rc = judge_one(&gates->gate[i], run, sides, &rows[i], &finding[i], err);
	if (rc == 0) {
		gate_adjust(rows, gates->count, p, &tests);
		for (size_t i = 0; i < gates->count; i++)
			if (!isnan(rows[i].p))
				gate_decide(run, &rows[i], &finding[i], tests);
	}
	for (size_t i = 0; rc == 0 && i < gates->count; i++) {
		gate_judge_ends(run, &rows[i]);
		if (was_interrupted(run->results) && rows[i].verdict != SM_NOT_TESTABLE)
			rows[i].evidence = sm_results_string(run->results,
							     "%s; the run was interrupted; this is its result so far",
							     rows[i].evidence);
	}
	free(p);
	free(finding);
	return rc;
}

int sm_gates_judge(const struct sm_gates *gates, struct sm_results *run, const struct sm_baselines *baselines,
		   const struct sm_scenario *const *scenarios, size_t scenario_count, struct sm_gate_row *rows,
		   struct sm_error *err)
{
	struct sm_analysis a;
	struct sm_digest *digest = NULL;
	int rc = sm_analysis_run(&a, run, scenarios, scenario_count, err);

	if (rc == 0 && baselines && baselines->count > 0)
		rc = digest_of(&digest, &a, err);
	if (rc == 0)
		rc = judge_all(gates, &a, &(struct sides){ .gates = gates, .run = digest, .baselines = baselines },
			       rows, err);
	sm_digest_free(digest);
	sm_analysis_close(&a);
	return rc;
}
