/* Comparisons: every variant with its baseline, and the pairs that the claims compare. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

struct pair {
	size_t group, left, right;    /* cases */
	const struct sm_claim *claim; /* NULL: the comparison belongs to no claim */
};

static bool is_difference(const struct pair *pair)
{
	return pair->claim && pair->claim->kind == SM_CLAIM_DIFFERENCE;
}

/* Why blocks that one side alone lost take the verdict away; NULL: they do not.  Trials are lost to disturbances, which
 * prolong them, so the worst case is that the lost ones were the slowest. */
static const char *uneven_loss(struct sm_analysis *a, const struct sm_comparison *c, const struct sm_blocks *blocks)
{
	double coverage = sm_median_coverage(c->used, blocks->right_lost, blocks->left_lost, SM_CONFIDENCE);
	const struct sm_case_row *cases = a->results->cases;

	if (blocks->left_lost == blocks->right_lost || c->used < SM_BLOCKS_MIN || coverage >= SM_COVERAGE_MIN)
		return NULL;
	return sm_results_string(
		a->results,
		"of %u blocks %s alone lost %u and %s alone %u: if these were the slowest, the %.0f %% "
		"interval contains the true ratio in only %.0f %% of runs (%.0f %% are required)",
		blocks->tried, cases[blocks->left].variant, blocks->left_lost, cases[blocks->right].variant,
		blocks->right_lost, 100 * SM_CONFIDENCE, 100 * coverage, 100 * SM_COVERAGE_MIN);
}

/* The reasons are in order of usefulness: those that the reader can act on come first. */
const char *sm_analysis_distrust(struct sm_analysis *a, size_t g, const struct sm_comparison *c,
				 const struct sm_blocks *blocks, bool by_control)
{
	const struct sm_group_view *group = &a->group[g];
	struct sm_results *results = a->results;
	const char *uneven = uneven_loss(a, c, blocks);

	if (blocks->pins_lost > 0)
		return sm_results_string(results,
					 "in %u trials a worker did not stay on the PU it was "
					 "pinned to",
					 blocks->pins_lost);
	if (blocks->homeless > SM_DROPPED_MAX * blocks->tried)
		return sm_results_string(results,
					 "%u of %u blocks were dropped: no pair class in which "
					 "both variants have enough pure slices",
					 blocks->homeless, blocks->tried);
	if (uneven)
		return uneven;
	if (group->steal_percent > SM_STEAL_MAX)
		return sm_results_string(results,
					 "the host took %.1f %% of the PU time away during these "
					 "trials (steal; at most %.0f %% is accepted)",
					 group->steal_percent, SM_STEAL_MAX);
	if (group->throttled_percent > SM_STEAL_MAX)
		return sm_results_string(
			results,
			"a CPU limit kept these trials off the PUs for %.1f %% of the PU time "
			"(throttling; at most %.0f %% is accepted): raise cpu.max (a container's --cpus)",
			group->throttled_percent, SM_STEAL_MAX);
	if (c->ties > SM_TIES_MAX * c->used)
		return sm_results_string(results,
					 "in %u of %u blocks both times are equal: the clock is "
					 "too coarse for this operation",
					 c->ties, c->used);
	if (by_control && a->control.moved && !a->results->cases[group->first_case].control)
		return sm_results_string(results,
					 "the A/A control moved: one case under two names differed by a factor of "
					 "%.3f (95 %% interval %.3f to %.3f), so this run cannot tell a cause from "
					 "a drift; by chance alone at most %.0f in 100 runs show this, so run it "
					 "again",
					 a->control.ratio.estimate, a->control.ratio.low, a->control.ratio.high,
					 100 * a->control.level);
	return NULL;
}

static const char *too_few_blocks(struct sm_analysis *a, unsigned used, const char *klass)
{
	return sm_results_string(a->results, "%u %s in class %s: no interval under %u", used,
				 used == 1 ? "block" : "blocks", klass, sm_analysis_blocks_min(a));
}

/* Why an interval is inconclusive: it includes a threshold. */
static const char *open_interval(struct sm_analysis *a, const struct sm_pair_row *row)
{
	const struct sm_interval *ratio = &row->ratio;
	bool holds_min = row->threshold_min > 0 && ratio->low < row->threshold_min;
	double threshold = holds_min ? row->threshold_min : row->threshold_max;

	return sm_results_string(a->results,
				 "the confidence interval (%.3g to %.3g) includes the threshold %.3g; with %u "
				 "blocks the smallest detectable difference is %.2g %%",
				 ratio->low, ratio->high, threshold, row->blocks_used, 100 * (row->mde - 1));
}

static const char *open_difference(struct sm_analysis *a, const struct sm_pair_row *row, const struct sm_claim *claim)
{
	const struct sm_interval *added = &row->added;
	bool holds_min = claim->versus.min > 0 && added->low < claim->versus.min;

	char low[32], high[32], threshold[32];

	return sm_results_string(a->results,
				 "the confidence interval of the difference (%s to %s ns) includes the threshold %s ns",
				 sm_analysis_ns(low, added->low), sm_analysis_ns(high, added->high),
				 sm_analysis_ns(threshold, holds_min ? claim->versus.min : claim->versus.max));
}

static void judge_row(struct sm_analysis *a, const struct pair *pair, struct sm_pair_row *row,
		      const struct sm_comparison *c, const struct sm_blocks *blocks)
{
	const char *reason = sm_analysis_distrust(a, pair->group, c, blocks, true);

	row->verdict = is_difference(pair)
			       ? sm_verdict_of(&row->added, pair->claim->versus.min, pair->claim->versus.max)
			       : sm_verdict_of(&row->ratio, row->threshold_min, row->threshold_max);
	row->reason = sm_none;
	if (c->used < sm_analysis_blocks_min(a)) {
		row->reason = too_few_blocks(a, c->used, row->klass);
	} else if (reason) {
		row->distrusted = true;
		row->reason = reason;
		if (row->verdict != SM_VERDICT_NONE)
			row->verdict = SM_INCONCLUSIVE;
	} else if (row->verdict == SM_INCONCLUSIVE) {
		row->reason = is_difference(pair) ? open_difference(a, row, pair->claim) : open_interval(a, row);
	}
}

/* Records which claim a pair row belongs to: ids may repeat. */
static int note_claim(struct sm_analysis *a, const struct sm_claim *claim, struct sm_error *err)
{
	size_t count = a->results->pair_count; /* after the row was added */

	if (count > a->pair_claim_room) {
		size_t room = a->pair_claim_room > 0 ? 2 * a->pair_claim_room : 64;
		const struct sm_claim **grown = realloc(a->pair_claim, room * sizeof(const struct sm_claim *));

		if (!grown)
			return sm_fail(err, ENOMEM, "no memory for %zu comparisons", room);
		a->pair_claim = grown;
		a->pair_claim_room = room;
	}
	a->pair_claim[count - 1] = claim;
	return 0;
}

static struct sm_pair_row *add_row(struct sm_analysis *a, const struct pair *pair, const struct sm_blocks *blocks,
				   sm_name klass, bool leading)
{
	const struct sm_case_row *left = &a->results->cases[pair->left];
	const struct sm_case_row *right = &a->results->cases[pair->right];
	struct sm_pair_row *row = sm_results_add_pair(a->results);

	row->group = left->group;
	row->scenario = left->scenario;
	row->params = left->params;
	row->control = left->control;
	row->placement = sm_name_of(sm_placement_name(left->placement));
	row->relation = sm_name_of(sm_placement_name(left->relation));
	row->metric = left->metric;
	row->left = left->variant;
	row->right = right->variant;
	row->left_case = pair->left;
	row->right_case = pair->right;
	row->klass = klass;
	row->leading = leading;
	row->left_dropped = a->case_view[pair->left].dropped;
	row->right_dropped = a->case_view[pair->right].dropped;
	row->left_lost = blocks->left_lost;
	row->right_lost = blocks->right_lost;
	row->claim = pair->claim ? sm_name_of(pair->claim->id) : sm_none;
	if (pair->claim && !is_difference(pair)) {
		row->threshold_min = pair->claim->versus.min;
		row->threshold_max = pair->claim->versus.max;
	}
	return row;
}

/* Whether the case's workers share PUs; seats are the same in all trials. */
static bool shares_pus(const struct sm_analysis *a, size_t c)
{
	const struct sm_case_view *view = &a->case_view[c];

	return view->count > 0 && a->results->samples[a->sample_order[view->first]].shared_pus;
}

/* Why the two cases never have a pair class in common, however many blocks there are; NULL: they may have one. */
static const char *never_in_one_class(const struct sm_analysis *a, size_t left, size_t right)
{
	const struct sm_case_row *cases = a->results->cases;
	bool left_shares = shares_pus(a, left);

	if (left_shares == shares_pus(a, right))
		return NULL;
	return sm_results_string(a->results,
				 "the processes of %s share PUs, those of %s do not: no pair class has both",
				 cases[left_shares ? left : right].variant, cases[left_shares ? right : left].variant);
}

/* Both variants ran, but no block has both in one class: the row says so. */
static int add_empty_row(struct sm_analysis *a, const struct pair *pair, const struct sm_blocks *blocks,
			 struct sm_error *err)
{
	struct sm_pair_row *row = add_row(a, pair, blocks, sm_none, true);

	row->ratio = (struct sm_interval){ .estimate = NAN, .low = NAN, .high = NAN };
	row->added = row->ratio;
	row->mde = NAN;
	row->blocks_dropped = blocks->tried;
	row->verdict = pair->claim ? SM_INCONCLUSIVE : SM_VERDICT_NONE;
	row->reason = sm_analysis_set_aside(a, pair->left, pair->right);
	if (!row->reason)
		row->reason = never_in_one_class(a, pair->left, pair->right);
	row->set_aside = row->reason != NULL;
	if (!row->reason)
		row->reason = sm_results_string(
			a->results, "no block of %u has a pair class in which both variants have enough pure slices",
			blocks->tried);
	return note_claim(a, pair->claim, err);
}

static int add_pair(struct sm_analysis *a, const struct pair *pair, struct sm_error *err)
{
	const struct sm_group_view *group = &a->group[pair->group];
	struct sm_blocks blocks;

	sm_analysis_count_blocks(a, pair->left, pair->right, &blocks);
	if (blocks.tried == 0)
		return 0; /* skipped: there is no pair */
	sm_name leading = sm_analysis_leading(a, pair->group, pair->left, pair->right);

	if (!leading)
		return add_empty_row(a, pair, &blocks, err);
	for (unsigned k = 0; k < group->classes; k++) {
		sm_name klass = group->klass[k].klass;
		struct sm_comparison comparison;
		int rc = sm_analysis_compare(a, pair->left, pair->right, klass, &comparison, err);

		if (rc != 0)
			return rc;
		if (comparison.used == 0)
			continue;
		struct sm_pair_row *row = add_row(a, pair, &blocks, klass, klass == leading);

		row->ratio = comparison.ratio;
		row->added = comparison.added;
		row->mde = comparison.mde;
		row->blocks_used = comparison.used;
		row->blocks_dropped = comparison.blocks - comparison.used;
		judge_row(a, pair, row, &comparison, &blocks);
		rc = note_claim(a, pair->claim, err);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static bool any_ended_ok(const struct sm_analysis *a, size_t c)
{
	const struct sm_case_view *view = &a->case_view[c];

	for (size_t i = view->first; i < view->first + view->count; i++)
		if (a->view[a->sample_order[i]].ended_ok)
			return true;
	return false;
}

/* The first variant, in the scenario's order, that has samples; -1: none.  For an unknown scenario the order is the
 * run's. */
static long baseline_of(const struct sm_analysis *a, size_t group)
{
	const struct sm_scenario *scenario = a->group[group].scenario;

	for (unsigned v = 0; scenario && scenario->variants && scenario->variants[v].name; v++) {
		long c = sm_analysis_case_of(a, group, scenario->variants[v].name);

		if (c >= 0 && any_ended_ok(a, (size_t)c))
			return c;
	}
	for (size_t c = a->group[group].first_case; c < a->results->case_count; c++)
		if (a->case_view[c].group == group && any_ended_ok(a, c))
			return (long)c;
	return -1;
}

/* Whether a claim of this group compares the two variants, in either order. */
static bool is_claimed(struct sm_analysis *a, size_t group, sm_name one, sm_name other)
{
	const struct sm_scenario *scenario = a->group[group].scenario;

	if (!scenario || !scenario->claims)
		return false;
	for (const struct sm_claim *claim = scenario->claims; claim->id; claim++) {
		if (!sm_analysis_compares(a, group, claim))
			continue;

		sm_name left = sm_name_of(claim->left), right = sm_name_of(claim->versus.right);

		if ((left == one && right == other) || (left == other && right == one))
			return true;
	}
	return false;
}

static int add_baseline_pairs(struct sm_analysis *a, size_t group, struct sm_error *err)
{
	const struct sm_results *results = a->results;
	long baseline = baseline_of(a, group);

	if (baseline < 0)
		return 0;
	for (size_t c = a->group[group].first_case; c < results->case_count; c++) {
		struct pair pair = { .group = group, .left = c, .right = (size_t)baseline };

		if (a->case_view[c].group != group || c == (size_t)baseline ||
		    is_claimed(a, group, results->cases[c].variant, results->cases[baseline].variant))
			continue;
		int rc = add_pair(a, &pair, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int add_claimed_pairs(struct sm_analysis *a, size_t group, struct sm_error *err)
{
	const struct sm_scenario *scenario = a->group[group].scenario;

	if (!scenario || !scenario->claims)
		return 0;
	for (const struct sm_claim *claim = scenario->claims; claim->id; claim++) {
		if (!sm_analysis_compares(a, group, claim))
			continue;
		long left = sm_analysis_case_of(a, group, claim->left);
		long right = sm_analysis_case_of(a, group, claim->versus.right);

		if (left < 0 || right < 0)
			continue;
		struct pair pair = { group, (size_t)left, (size_t)right, claim };
		int rc = add_pair(a, &pair, err);

		if (rc != 0)
			return rc;
	}
	return 0;
}

int sm_analysis_pairs(struct sm_analysis *a, struct sm_error *err)
{
	int rc = sm_analysis_control(a, err);

	a->results->pair_count = 0;
	for (size_t g = 0; g < a->group_count && rc == 0; g++) {
		rc = add_baseline_pairs(a, g, err);
		if (rc == 0)
			rc = add_claimed_pairs(a, g, err);
	}
	return rc == 0 ? sm_analysis_confirm_refuted(a, err) : rc;
}
