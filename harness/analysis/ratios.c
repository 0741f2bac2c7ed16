/* Claims that compare two variants: combines the leading comparisons of all points of a claim into one verdict.
 *
 * Refuted at one point is refuted: with many points that would happen by chance, so sm_analysis_confirm_refuted() has
 * judged the points together.  Supported needs every point, each by its own interval: the chance that all of them hold
 * wrongly is never larger than that of one (an intersection-union test), so there is nothing to adjust. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* At most this many points are listed by name in one sentence; the others are counted. */
#define LISTED_MAX 6

/* A group of a claim that has a comparison. */
struct point {
	size_t group;
	const struct sm_pair_row *row; /* the leading one */
};

struct points {
	struct point *point;
	size_t count;        /* with a comparison */
	size_t named;        /* groups that the claim selects */
	const char *untried; /* why one of them has none; NULL: all have one */
	size_t untried_count;
	bool unfinished;             /* tried, but no block has both variants */
	enum sm_point_detail detail; /* enough to distinguish the points */
};

static const struct sm_pair_row *leading_row(const struct sm_analysis *a, size_t group, const struct sm_claim *claim)
{
	for (size_t i = 0; i < a->results->pair_count; i++) {
		const struct sm_pair_row *row = &a->results->pairs[i];

		if (a->pair_claim[i] == claim && row->leading && row->group == a->group[group].name)
			return row;
	}
	return NULL;
}

/* Why there is no comparison at a group. */
static void note_untried(struct sm_analysis *a, struct points *points, size_t group, const struct sm_claim *claim)
{
	const char *variant[2] = { claim->left, claim->versus.right }, *unequal;

	for (unsigned i = 0; i < 2; i++) {
		const char *why = sm_analysis_untried(a, sm_analysis_case_of(a, group, variant[i]));

		if (!why)
			continue;
		points->untried_count++;
		if (!points->untried)
			points->untried = sm_results_string(a->results, "%s: %s", variant[i], why);
		return;
	}
	unequal = sm_analysis_unequal(a, group, claim);
	if (!unequal) {
		points->unfinished = true;
		return;
	}
	points->untried_count++;
	if (!points->untried)
		points->untried = unequal;
}

static bool is_told_apart(const struct sm_analysis *a, const struct points *points, enum sm_point_detail detail)
{
	char one[512], other[512];

	for (size_t i = 0; i < points->count; i++) {
		sm_analysis_point(a, points->point[i].group, detail, one, sizeof(one));
		for (size_t j = 0; j < i; j++) {
			sm_analysis_point(a, points->point[j].group, detail, other, sizeof(other));
			if (sm_name_of(one) == sm_name_of(other))
				return false;
		}
	}
	return true;
}

static int collect_points(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
			  struct points *points, struct sm_error *err)
{
	*points = (struct points){ .point = calloc(a->group_count + 1, sizeof(struct point)) };
	if (!points->point)
		return sm_fail(err, ENOMEM, "no memory for %zu groups", a->group_count);
	for (size_t g = 0; g < a->group_count; g++) {
		if (a->group[g].scenario != scenario ||
		    !sm_analysis_matches(a, g, claim->versus.metric, claim->at, claim->left, claim->versus.right))
			continue;
		const struct sm_pair_row *row = leading_row(a, g, claim);

		points->named++;
		if (row)
			points->point[points->count++] = (struct point){ g, row };
		else
			note_untried(a, points, g, claim);
	}
	points->detail = SM_POINT_PARAMS;
	while (points->detail < SM_POINT_MEMORY && !is_told_apart(a, points, points->detail))
		points->detail++;
	return 0;
}

/* How far a ratio (in ln) or a difference (in ns) lies inside its bounds; negative outside. */
static double margin(const struct sm_pair_row *row, const struct sm_claim *claim)
{
	double inside = INFINITY;

	if (claim->kind == SM_CLAIM_DIFFERENCE && claim->versus.min > 0)
		inside = fmin(inside, row->added.estimate - claim->versus.min);
	if (claim->kind == SM_CLAIM_DIFFERENCE && claim->versus.max > 0)
		inside = fmin(inside, claim->versus.max - row->added.estimate);
	if (row->threshold_min > 0)
		inside = fmin(inside, log(row->ratio.estimate / row->threshold_min));
	if (row->threshold_max > 0)
		inside = fmin(inside, log(row->threshold_max / row->ratio.estimate));
	return isnan(inside) ? INFINITY : inside;
}

static size_t count_verdict(const struct points *points, enum sm_verdict verdict)
{
	size_t count = 0;

	for (size_t i = 0; i < points->count; i++)
		count += points->point[i].row->verdict == verdict;
	return count;
}

/* Among the points with this verdict, the one with the smallest margin. */
static const struct point *weakest(const struct points *points, const struct sm_claim *claim, enum sm_verdict verdict)
{
	const struct point *found = NULL;

	for (size_t i = 0; i < points->count; i++) {
		const struct point *point = &points->point[i];

		if (point->row->verdict == verdict && (!found || margin(point->row, claim) < margin(found->row, claim)))
			found = point;
	}
	return found;
}

static const char *per_what(const struct sm_analysis *a, size_t group)
{
	return a->results->cases[a->group[group].first_case].per;
}

/* Adds the comparison in the other classes after the leading one: "in class 98ns 5.1 times". */
static void add_other_classes(const struct sm_analysis *a, const struct point *point, const struct sm_claim *claim,
			      struct sm_words *words)
{
	char ns[3][32];

	for (size_t i = 0; i < a->results->pair_count; i++) {
		const struct sm_pair_row *row = &a->results->pairs[i];

		if (a->pair_claim[i] != claim || row->leading || isnan(row->ratio.low) ||
		    row->group != point->row->group)
			continue;
		if (claim->kind == SM_CLAIM_DIFFERENCE)
			sm_words_add(words, "; in class %s %s ns, %s to %s, %u blocks", row->klass,
				     sm_analysis_ns(ns[0], row->added.estimate), sm_analysis_ns(ns[1], row->added.low),
				     sm_analysis_ns(ns[2], row->added.high), row->blocks_used);
		else
			sm_words_add(words, "; in class %s %.3g times, %.3g to %.3g, %u blocks", row->klass,
				     row->ratio.estimate, row->ratio.low, row->ratio.high, row->blocks_used);
	}
}

static void add_sentence(const struct sm_analysis *a, const struct points *points, const struct point *point,
			 const struct sm_claim *claim, struct sm_words *words)
{
	const struct sm_pair_row *row = point->row;
	enum sm_point_detail detail = points->detail < SM_POINT_PLACEMENT ? SM_POINT_PLACEMENT : points->detail;
	bool difference = claim->kind == SM_CLAIM_DIFFERENCE;
	const struct sm_interval *interval = difference ? &row->added : &row->ratio;
	unsigned tried = row->blocks_used + row->blocks_dropped;
	char where[512], ratio[512], low[32], high[32];

	sm_analysis_point(a, point->group, detail, where, sizeof(where));
	if (difference && !isnan(row->added.estimate))
		snprintf(ratio, sizeof(ratio), "%s takes %s ns %s %s than %s", row->left,
			 sm_analysis_ns(low, fabs(row->added.estimate)), row->added.estimate < 0 ? "less" : "more",
			 per_what(a, point->group), row->right);
	else if (claim->versus.metric)
		snprintf(ratio, sizeof(ratio), "the %s of %s is %.3g times that of %s", claim->versus.metric, row->left,
			 row->ratio.estimate, row->right);
	else
		sm_ratio_words(ratio, sizeof(ratio), row->left, row->right, per_what(a, point->group),
			       row->ratio.estimate);
	sm_words_add(words, "%s (", ratio);
	if (isnan(interval->low))
		sm_words_add(words, "no interval, ");
	else if (difference)
		sm_words_add(words, "%.0f %% interval %s to %s ns, ", 100 * SM_CONFIDENCE,
			     sm_analysis_ns(low, interval->low), sm_analysis_ns(high, interval->high));
	else
		sm_words_add(words, "%.0f %% interval %.3g to %.3g, ", 100 * SM_CONFIDENCE, interval->low,
			     interval->high);
	sm_words_add(words, "class %s, %u %s, %s)", row->klass, row->blocks_used,
		     row->blocks_used == 1 ? "block" : "blocks", where);
	if (fabs(row->left_dropped - row->right_dropped) > SM_DROPPED_APART)
		sm_words_add(words,
			     "; %.0f %% of the slices of %s were left out and %.0f %% of %s: the two "
			     "sides were not disturbed alike",
			     100 * row->left_dropped, row->left, 100 * row->right_dropped, row->right);
	if (row->left_lost != row->right_lost)
		sm_words_add(words, "; of %u block%s %s alone lost %u and %s alone %u", tried, tried == 1 ? "" : "s",
			     row->left, row->left_lost, row->right, row->right_lost);
	add_other_classes(a, point, claim, words);
}

static void add_list(const struct sm_analysis *a, const struct points *points, enum sm_verdict verdict,
		     const char *verb, struct sm_words *words)
{
	size_t count = count_verdict(points, verdict), listed = 0;

	if (count == 0)
		return;
	sm_words_add(words, "; %s at ", verb);
	for (size_t i = 0; i < points->count && listed < LISTED_MAX; i++) {
		char where[512];

		if (points->point[i].row->verdict != verdict)
			continue;
		sm_analysis_point(a, points->point[i].group, points->detail, where, sizeof(where));
		sm_words_add(words, "%s%s", listed++ > 0 ? " and " : "", where);
	}
	if (count > listed)
		sm_words_add(words, " and %zu more", count - listed);
}

/* `row` is the comparison that the sentence so far is about. */
static void add_spread(const struct sm_analysis *a, const struct points *points, const struct sm_pair_row *row,
		       enum sm_verdict verdict, struct sm_words *words)
{
	size_t same = count_verdict(points, verdict);

	if (points->count == 1)
		return;
	if (same == points->count) {
		const char *verb = verdict == SM_SUPPORTED ? "it holds"
				   : verdict == SM_REFUTED ? "it is refuted"
							   : "it is undecided";
		sm_words_add(words, "; %s at all %zu points, this being the %s%s", verb, same,
			     verdict == SM_REFUTED ? "furthest off" : "weakest",
			     isnan(row->ratio.low) ? "" : " (the interval is that of this point alone)");
		return;
	}
	add_list(a, points, SM_SUPPORTED, "holds", words);
	add_list(a, points, SM_REFUTED, "refuted", words);
	add_list(a, points, SM_INCONCLUSIVE, "undecided", words);
}

static void judge_points(struct sm_analysis *a, const struct points *points, const struct sm_claim *claim,
			 struct sm_claim_row *out)
{
	struct sm_words words = { .used = 0 };

	out->verdict = count_verdict(points, SM_REFUTED) > 0                     ? SM_REFUTED
		       : count_verdict(points, SM_SUPPORTED) == points->count    ? SM_SUPPORTED
		       : count_verdict(points, SM_VERDICT_NONE) == points->count ? SM_VERDICT_NONE
										 : SM_INCONCLUSIVE;
	const struct point *point = weakest(points, claim, out->verdict);

	add_sentence(a, points, point, claim, &words);
	add_spread(a, points, point->row, out->verdict, &words);
	out->evidence = sm_results_string(a->results, "%s%s%s", words.text, claim->caveat ? "; " : "",
					  claim->caveat ? claim->caveat : "");
	if (out->verdict == SM_INCONCLUSIVE)
		out->reason = point->row->reason;
	else if (points->untried_count > 0)
		out->reason = sm_results_string(a->results, "not testable at %zu of %zu points: %s",
						points->untried_count, points->named, points->untried);
}

int sm_analysis_ratio_claim(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim,
			    struct sm_error *err)
{
	struct sm_claim_row *out = sm_analysis_add_claim(a, scenario, claim);
	struct points points;
	int rc = collect_points(a, scenario, claim, &points, err);

	if (rc != 0)
		return rc;
	if (points.count > 0) {
		judge_points(a, &points, claim, out);
	} else if (points.unfinished) {
		out->verdict = SM_INCONCLUSIVE;
		out->reason = "no block was finished with both variants";
	} else {
		out->verdict = SM_NOT_TESTABLE;
		out->reason = points.named == 0 ? sm_analysis_nowhere(a, claim)
			      : claim->needs
				      ? sm_results_string(a->results, "%s (needs %s)", points.untried, claim->needs)
				      : points.untried;
	}
	free(points.point);
	return 0;
}
