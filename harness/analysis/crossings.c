/* Finds the size at which a variant overtakes its baseline.
 *
 * A crossing is told only between two sizes that tell the two variants apart, one on either side.  At these sizes the
 * ratio's interval excludes 1, and Holm's procedure over all sizes of all curves of the run excludes chance.
 *
 * The estimate is where the median ratio passes 1, on a straight line between the logarithms of the two sizes around
 * it.  The interval lies between the sizes at which the limits of the ratio's confidence interval pass 1: between these
 * no variant is known to be faster. */
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
	size_t row; /* of the comparison */
};

struct curve {
	const struct sm_pair_row *of; /* its first row; left and right are as there unless turned */
	sm_name left, right;
	char param[64];
	sm_name rest; /* the other parameters */
	struct point *point;
	size_t count;
};

/* The sizes of all curves. */
struct sizes {
	bool *on;  /* one per comparison: it is a size of a curve */
	double *p; /* one per comparison: that its sides differ by chance, adjusted for the number of sizes */
};

static int by_x(const void *a, const void *b)
{
	const struct point *left = a, *right = b;

	return (left->x > right->x) - (left->x < right->x);
}

static void add_point(struct curve *curve, const struct sm_results *results, size_t index, double x)
{
	const struct sm_pair_row *row = &results->pairs[index];
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
		.row = index,
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
			add_point(curve, results, i, x);
	}
	qsort(curve->point, curve->count, sizeof(*curve->point), by_x);
}

enum line { ESTIMATE, LOW, HIGH };

static double read_at(const struct point *point, enum line line)
{
	return line == ESTIMATE ? point->estimate : line == LOW ? point->low : point->high;
}

/* The first or last size between two points at which a line passes 0.  It has different signs at these points. */
static double passes(const struct point *from, const struct point *to, enum line line, bool last)
{
	double found = NAN;

	for (const struct point *p = from; p < to && (last || isnan(found)); p++) {
		double y = read_at(p, line), z = read_at(p + 1, line);

		if (y * z <= 0 && y != z)
			found = exp(log(p->x) + y / (y - z) * (log(p[1].x) - log(p->x)));
	}
	return found;
}

static void add_crossing(struct sm_analysis *a, const struct curve *curve, const struct point *from,
			 const struct point *to)
{
	bool overtakes = from->estimate > 0; /* left is slower below */
	struct sm_crossing_row *row = sm_results_add_crossing(a->results);

	row->scenario = curve->of->scenario;
	row->metric = curve->of->metric;
	row->placement = curve->of->placement;
	row->param = sm_name_of(curve->param);
	row->left = curve->left;
	row->right = curve->right;
	row->overtakes = overtakes;
	/* The limit that is nearer to 1 passes it first. */
	row->low = passes(from, to, overtakes ? LOW : HIGH, false);
	row->high = passes(from, to, overtakes ? HIGH : LOW, true);
	/* between sizes that are not told apart the estimate may pass 1 several times: the middle */
	row->at = sqrt(passes(from, to, ESTIMATE, false) * passes(from, to, ESTIMATE, true));
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

static void note_sizes(struct sm_analysis *a, struct curve *curve, struct sizes *sizes)
{
	(void)a;
	for (size_t i = 0; i < curve->count; i++)
		sizes->on[curve->point[i].row] = true;
}

/* Tells the crossings of a curve: each pair of neighbours, among the sizes that tell the two variants apart, that are on
 * different sides of 1. */
static void tell(struct sm_analysis *a, struct curve *curve, struct sizes *sizes)
{
	const struct point *last = NULL;

	for (const struct point *p = curve->point; p < curve->point + curve->count; p++) {
		if (sizes->p[p->row] > 1 - SM_CONFIDENCE)
			continue;
		if (last && last->estimate * p->estimate < 0)
			add_crossing(a, curve, last, p);
		last = p;
	}
}

typedef void (*curve_fn)(struct sm_analysis *a, struct curve *curve, struct sizes *sizes);

/* Calls `visit` for each curve whose first row is this one: one for each parameter that is swept. */
static void look_along(struct sm_analysis *a, struct curve *curve, size_t index, curve_fn visit, struct sizes *sizes)
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
		if (curve->count >= SIZES_MIN)
			visit(a, curve, sizes);
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

static void each_curve(struct sm_analysis *a, struct curve *curve, curve_fn visit, struct sizes *sizes)
{
	for (size_t i = 0; i < a->results->pair_count; i++) {
		curve->of = &a->results->pairs[i];
		if (is_usable(curve->of) && is_of_time(a, curve->of))
			look_along(a, curve, i, visit, sizes);
	}
}

/* How likely each size's two sides differ by chance: two-sided, and adjusted for all sizes of the run. */
static void judge_sizes(const struct sm_analysis *a, struct sizes *sizes)
{
	const struct sm_pair_row *rows = a->results->pairs;
	size_t count = 0, next = 0;

	for (size_t i = 0; i < a->results->pair_count; i++) {
		bool above = rows[i].ratio.low > 1;
		bool apart = !rows[i].distrusted && (above || rows[i].ratio.high < 1);

		if (sizes->on[i])
			sizes->p[count++] = apart ? 2 * sm_analysis_chance(a, &rows[i], 1, false, above) : 1;
	}
	if (count > 0)
		sm_holm(sizes->p, count);
	next = count;
	for (size_t i = a->results->pair_count; i-- > 0;)
		sizes->p[i] = sizes->on[i] ? sizes->p[--next] : 1;
}

int sm_analysis_crossings(struct sm_analysis *a, struct sm_error *err)
{
	size_t room = a->results->pair_count + 1;
	struct curve curve = { .point = calloc(room, sizeof(struct point)) };
	struct sizes sizes = { .on = calloc(room, sizeof(*sizes.on)), .p = calloc(room, sizeof(*sizes.p)) };
	int rc = 0;

	a->results->crossing_count = 0;
	if (curve.point && sizes.on && sizes.p) {
		each_curve(a, &curve, note_sizes, &sizes);
		judge_sizes(a, &sizes);
		each_curve(a, &curve, tell, &sizes);
	} else {
		rc = sm_fail(err, ENOMEM, "no memory for %zu comparisons", a->results->pair_count);
	}
	free(curve.point);
	free(sizes.on);
	free(sizes.p);
	return rc;
}
