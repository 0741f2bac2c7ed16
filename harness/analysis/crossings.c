/* Finds the size at which a variant overtakes its baseline.
 *
 * The estimate is where the median ratio passes 1, on a straight line between the logarithms of the two sizes around
 * it.  The interval lies between the sizes at which the limits of the ratio's confidence interval pass 1: between these
 * no variant is known to be faster.  A limit that passes 1 at no measured size leaves its end open. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "shmeter/text.h"

/* With fewer sizes there is no curve. */
#define SIZES_MIN 3

/* One size of one curve: logarithms of left / right. */
struct point {
	double x, estimate, low, high;
};

struct curve {
	const struct sm_pair_row *of; /* its first row; left and right are as there unless turned */
	sm_name left, right;
	char param[64];
	sm_name rest; /* the other parameters */
	struct point *point;
	size_t count;
};

static int by_x(const void *a, const void *b)
{
	const struct point *left = a, *right = b;

	return (left->x > right->x) - (left->x < right->x);
}

static void add_point(struct curve *curve, const struct sm_pair_row *row, double x)
{
	bool turned = row->left != curve->left;
	double sign = turned ? -1 : 1;

	for (size_t i = 0; i < curve->count; i++)
		if (curve->point[i].x == x)
			return; /* a second claim about the same comparison */
	curve->point[curve->count++] = (struct point){
		.x = x,
		.estimate = sign * log(row->ratio.estimate),
		.low = turned ? -log(row->ratio.high) : log(row->ratio.low),
		.high = turned ? -log(row->ratio.low) : log(row->ratio.high),
	};
}

static bool is_usable(const struct sm_pair_row *row)
{
	return row->leading && isfinite(row->ratio.low) && row->ratio.low > 0 && isfinite(row->ratio.high);
}

static bool same_sides(const struct sm_pair_row *row, const struct curve *curve)
{
	return (row->left == curve->left && row->right == curve->right) ||
	       (row->left == curve->right && row->right == curve->left);
}

/* Whether a row has the swept parameter, and the other parameters of the curve. */
static bool has_rest(const struct sm_pair_row *row, const struct curve *curve)
{
	sm_name rest = sm_params_but(row->params, curve->param);

	return rest == curve->rest && rest != row->params;
}

/* Whether a row compares the same two variants, and differs only in the swept parameter. */
static bool is_on(const struct sm_pair_row *row, const struct curve *curve)
{
	const struct sm_pair_row *of = curve->of;

	return is_usable(row) && same_sides(row, curve) && row->scenario == of->scenario && row->metric == of->metric &&
	       row->placement == of->placement && has_rest(row, curve);
}

/* Collects all sizes of the comparison in `curve->of`. */
static void gather(const struct sm_results *results, struct curve *curve)
{
	curve->count = 0;
	for (size_t i = 0; i < results->pair_count; i++) {
		const struct sm_pair_row *row = &results->pairs[i];
		double x = sm_param_value(row->params, curve->param);

		if (isfinite(x) && x > 0 && is_on(row, curve))
			add_point(curve, row, x);
	}
	qsort(curve->point, curve->count, sizeof(*curve->point), by_x);
}

static double read_at(const struct point *point, size_t which)
{
	return which == 0 ? point->estimate : which == 1 ? point->low : point->high;
}

/* The size nearest to ln `near` at which one of the three lines passes 0; NaN: none. */
static double passes(const struct curve *curve, size_t which, double near)
{
	double best = NAN;

	for (size_t i = 0; i + 1 < curve->count; i++) {
		double y = read_at(&curve->point[i], which), z = read_at(&curve->point[i + 1], which);
		double from = log(curve->point[i].x), to = log(curve->point[i + 1].x), at;

		if (y * z > 0 || y == z)
			continue;
		at = from + y / (y - z) * (to - from);
		if (isnan(best) || fabs(at - log(near)) < fabs(best - log(near)))
			best = at;
	}
	return exp(best);
}

static void add_crossing(struct sm_analysis *a, const struct curve *curve, size_t i)
{
	const struct point *p = &curve->point[i];
	double share = p->estimate / (p->estimate - p[1].estimate);
	double at = exp(log(p->x) + share * (log(p[1].x) - log(p->x)));
	double one = passes(curve, 1, at), other = passes(curve, 2, at);
	struct sm_crossing_row *row = sm_results_add_crossing(a->results);

	row->scenario = curve->of->scenario;
	row->metric = curve->of->metric;
	row->placement = curve->of->placement;
	row->param = sm_name_of(curve->param);
	row->left = curve->left;
	row->right = curve->right;
	row->at = at;
	/* Each limit of the ratio's interval gives the end on its side. */
	row->overtakes = p->estimate > 0;
	row->low = row->overtakes ? one : other;
	row->high = row->overtakes ? other : one;
	if (row->low > at)
		row->low = NAN;
	if (row->high < at)
		row->high = NAN;
	row->reason = isfinite(row->low) && isfinite(row->high) ? sm_none
								: "on one side no measured size tells the two apart";
}

/* Whether this row is the first of its curve, so that each curve is handled once. */
static bool is_first(const struct sm_results *results, size_t index, const struct curve *curve)
{
	for (size_t i = 0; i < index; i++)
		if (is_on(&results->pairs[i], curve))
			return false;
	return true;
}

/* Turns a curve so that the scenario's earlier variant is on the right. */
static void orient(const struct sm_analysis *a, struct curve *curve)
{
	const struct sm_scenario *scenario = NULL;

	for (size_t g = 0; g < a->group_count && !scenario; g++)
		if (a->group[g].scenario_name == curve->of->scenario)
			scenario = a->group[g].scenario;
	curve->left = curve->of->left;
	curve->right = curve->of->right;
	for (unsigned v = 0; scenario && scenario->variants[v].name; v++) {
		sm_name name = sm_name_of(scenario->variants[v].name);

		if (name == curve->of->right)
			return;
		if (name == curve->of->left) {
			curve->left = curve->of->right;
			curve->right = curve->of->left;
			return;
		}
	}
}

static void look_along(struct sm_analysis *a, struct curve *curve, size_t index)
{
	const char *params = curve->of->params;

	orient(a, curve);
	for (const char *at = params; *at && *at != '-';) {
		size_t length = strcspn(at, "= "), whole = strcspn(at, " ");

		snprintf(curve->param, sizeof(curve->param), "%.*s", (int)length, at);
		at += whole + (at[whole] == ' ');
		curve->rest = sm_params_but(params, curve->param);
		if (!isfinite(sm_param_value(params, curve->param)) || !is_first(a->results, index, curve))
			continue;
		gather(a->results, curve);
		for (size_t i = 0; curve->count >= SIZES_MIN && i + 1 < curve->count; i++)
			if (curve->point[i].estimate * curve->point[i + 1].estimate < 0)
				add_crossing(a, curve, i);
	}
}

/* Only a time can be overtaken: for other metrics, such as a rate, a larger value does not mean slower. */
static bool is_of_time(const struct sm_analysis *a, const struct sm_pair_row *row)
{
	for (size_t g = 0; g < a->group_count; g++)
		if (a->group[g].name == row->group)
			return a->results->cases[a->group[g].first_case].unit_kind == SM_UNIT_NS;
	return false;
}

int sm_analysis_crossings(struct sm_analysis *a, struct sm_error *err)
{
	struct curve curve = { .point = calloc(a->results->pair_count + 1, sizeof(struct point)) };

	if (!curve.point)
		return sm_fail(err, ENOMEM, "no memory for %zu comparisons", a->results->pair_count);
	a->results->crossing_count = 0;
	for (size_t i = 0; i < a->results->pair_count; i++) {
		curve.of = &a->results->pairs[i];
		if (is_usable(curve.of) && is_of_time(a, curve.of))
			look_along(a, &curve, i);
	}
	free(curve.point);
	return 0;
}
