/* Compares two cases of a group, block by block, within one pair class; and judges the A/A control. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "shmeter/memory.h"

/* Walks over the samples of two cases in step, block by block. */
struct block_walk {
	const struct sm_analysis *a;
	const struct sm_case_view *left, *right;
	size_t i, j;
	unsigned block; /* number of the last one found */
};

static struct block_walk walk_blocks(const struct sm_analysis *a, size_t left, size_t right)
{
	return (struct block_walk){ .a = a, .left = &a->case_view[left], .right = &a->case_view[right] };
}

/* Finds the samples of the next block in which both cases were tried. */
static bool next_block(struct block_walk *walk, size_t *left, size_t *right)
{
	const struct sm_sample *samples = walk->a->results->samples;

	while (walk->i < walk->left->count && walk->j < walk->right->count) {
		*left = walk->a->sample_order[walk->left->first + walk->i];
		*right = walk->a->sample_order[walk->right->first + walk->j];
		if (samples[*left].block < samples[*right].block || samples[*left].ended == SM_SKIPPED)
			walk->i++;
		else if (samples[*left].block > samples[*right].block || samples[*right].ended == SM_SKIPPED)
			walk->j++;
		else {
			walk->i++;
			walk->j++;
			walk->block = samples[*left].block;
			return true;
		}
	}
	return false;
}

/* The values of the next block that counts in this class; adds the blocks on the way to `*blocks`. */
static bool next_values(struct block_walk *walk, sm_name klass, double *left, double *right, unsigned *blocks)
{
	size_t s, t;

	while (next_block(walk, &s, &t)) {
		const struct sm_cell *x = sm_analysis_cell(walk->a, s, klass);
		const struct sm_cell *y = sm_analysis_cell(walk->a, t, klass);

		++*blocks;
		/* Counts and shares may be 0, which has no ratio. */
		if (!x || !y || !(x->value > 0) || !(y->value > 0))
			continue;
		*left = x->value;
		*right = y->value;
		return true;
	}
	return false;
}

/* For each block that counts in this class, writes ln(left) - ln(right) to `d`, left - right to `added` and its number to
 * `block` (these may be NULL). */
static unsigned block_differences(const struct sm_analysis *a, size_t left, size_t right, sm_name klass, double *d,
				  double *added, unsigned *block, unsigned *blocks)
{
	struct block_walk walk = walk_blocks(a, left, right);
	unsigned used = 0;
	double x, y;

	*blocks = 0;
	while (next_values(&walk, klass, &x, &y, blocks)) {
		if (added)
			added[used] = x - y;
		if (block)
			block[used] = walk.block;
		d[used++] = log(x) - log(y);
	}
	return used;
}

unsigned sm_analysis_values(const struct sm_analysis *a, size_t left, size_t right, sm_name klass, double *left_values,
			    double *right_values)
{
	struct block_walk walk = walk_blocks(a, left, right);
	unsigned used = 0, blocks = 0;

	while (next_values(&walk, klass, &left_values[used], &right_values[used], &blocks))
		used++;
	return used;
}

unsigned sm_analysis_differences(const struct sm_analysis *a, size_t left, size_t right, sm_name klass, double *d,
				 unsigned *block, unsigned *blocks)
{
	return block_differences(a, left, right, klass, d, NULL, block, blocks);
}

int sm_analysis_compare(const struct sm_analysis *a, size_t left, size_t right, sm_name klass,
			struct sm_comparison *out, struct sm_error *err)
{
	size_t room = a->case_view[left].count, above = 0;
	double *d = malloc(2 * (room + 1) * sizeof(*d)), *added = d + room + 1;

	if (!d)
		return sm_fail(err, ENOMEM, "no memory for %zu blocks", room);
	*out = (struct sm_comparison){ .mde = NAN };
	out->used = block_differences(a, left, right, klass, d, added, NULL, &out->blocks);
	for (unsigned i = 0; i < out->used; i++) {
		out->ties += d[i] == 0;
		above += d[i] > 0;
	}
	struct sm_interval logs = sm_analysis_interval(a, d, out->used);

	out->ratio = logs;
	out->ratio.estimate = exp(logs.estimate);
	out->ratio.low = exp(logs.low);
	out->ratio.high = exp(logs.high);
	out->added = sm_analysis_interval(a, added, out->used);
	out->sign_p = sm_analysis_sign_p(a, above, out->used - out->ties);
	/* With fewer blocks the scatter is as unreliable as the interval. */
	if (out->used >= sm_analysis_blocks_min(a))
		out->mde = sm_minimum_detectable_ratio(d, out->used,
						       sm_analysis_need(a, out->used, (1 - SM_CONFIDENCE) / 2));
	free(d);
	return 0;
}

static bool share_a_class(const struct sm_analysis *a, size_t left, size_t right)
{
	for (unsigned k = 0; k < a->view[left].cells; k++) {
		sm_name klass = sm_analysis_cells(a, left)[k].klass;

		if (sm_analysis_cell(a, left, klass) && sm_analysis_cell(a, right, klass))
			return true;
	}
	return false;
}

/* Whether the trial has a value in some class. */
static bool has_a_value(const struct sm_analysis *a, size_t sample)
{
	for (unsigned k = 0; k < a->view[sample].cells; k++)
		if (sm_analysis_cell(a, sample, sm_analysis_cells(a, sample)[k].klass))
			return true;
	return false;
}

static bool lost_its_pin(const struct sm_analysis *a, size_t sample)
{
	const struct sm_sample *row = &a->results->samples[sample];
	const struct sm_sample_view *view = &a->view[sample];

	/* not set up as asked: the only failure of this status that a worker reports before its first slice */
	if (row->ended == SM_DISTURBED)
		return true;
	for (size_t i = view->first; i < view->first + view->count; i++)
		if (a->results->slices[a->slice_order[i]].purity == SM_PIN_LOST)
			return true;
	return false;
}

void sm_analysis_count_blocks(const struct sm_analysis *a, size_t left, size_t right, struct sm_blocks *out)
{
	struct block_walk walk = walk_blocks(a, left, right);
	size_t s, t;

	*out = (struct sm_blocks){ .left = left, .right = right };
	while (next_block(&walk, &s, &t)) {
		bool left_has = has_a_value(a, s), right_has = has_a_value(a, t);

		out->tried++;
		out->left_lost += !left_has && right_has;
		out->right_lost += left_has && !right_has;
		out->homeless += !share_a_class(a, s, t);
		out->pins_lost += lost_its_pin(a, s);
		out->pins_lost += lost_its_pin(a, t);
	}
}

sm_name sm_analysis_leading(const struct sm_analysis *a, size_t group, size_t left, size_t right)
{
	const struct sm_group_view *view = &a->group[group];

	for (unsigned k = 0; k < view->classes; k++) {
		struct block_walk walk = walk_blocks(a, left, right);
		size_t s, t;

		while (next_block(&walk, &s, &t))
			if (sm_analysis_cell(a, s, view->klass[k].klass) &&
			    sm_analysis_cell(a, t, view->klass[k].klass))
				return view->klass[k].klass;
	}
	return NULL;
}

/* The two sides of one group of the control, in its leading class; NULL: none. */
static sm_name control_sides(const struct sm_analysis *a, size_t group, size_t *left, size_t *right)
{
	long b = sm_analysis_case_of(a, group, "b"), one = sm_analysis_case_of(a, group, "a");

	if (b < 0 || one < 0)
		return NULL;
	*left = (size_t)b;
	*right = (size_t)one;
	return sm_analysis_leading(a, group, *left, *right);
}

/* Compares "b" with "a" in the leading class of one group of the control. */
static int compare_control(const struct sm_analysis *a, size_t group, struct sm_comparison *out, struct sm_error *err)
{
	size_t left = 0, right = 0;
	sm_name klass = control_sides(a, group, &left, &right);

	*out = (struct sm_comparison){ .ratio.low = NAN, .ratio.high = NAN };
	return klass ? sm_analysis_compare(a, left, right, klass, out, err) : 0;
}

/* The smallest ratio that the control's test at this two-sided level detects in one group. */
static double control_mde(const struct sm_analysis *a, size_t group, double level)
{
	size_t left = 0, right = 0;
	sm_name klass = control_sides(a, group, &left, &right);
	double *d = sm_memory((a->case_view[left].count + 1) * sizeof(*d)), mde;
	unsigned blocks, used = sm_analysis_differences(a, left, right, klass, d, NULL, &blocks);

	mde = sm_minimum_detectable_ratio(d, used, sm_analysis_need(a, used, level / 2));
	free(d);
	return mde;
}

/* The significance level at which `count` groups of the control are judged.  A control that moves makes the whole run
 * inconclusive, so this may happen by chance in only one run of a hundred.  Too few blocks (under eight for one group)
 * cannot reach that level; they are judged at the level of all other intervals. */
static double control_level(const struct sm_analysis *a, unsigned blocks, size_t count)
{
	return (double)count * sm_analysis_sign_p(a, 0, blocks) <= SM_CONTROL_ALPHA ? SM_CONTROL_ALPHA
										    : 1 - SM_CONFIDENCE;
}

/* Several groups of the control answer one question: Holm's correction keeps the rate of false alarms at that of one
 * test. */
static void judge_control(struct sm_analysis *a, const struct sm_comparison *comparison, double *p, size_t count)
{
	struct sm_control *control = &a->control;
	size_t worst = 0;

	for (size_t i = 0; i < count; i++) {
		p[i] = comparison[i].sign_p;
		if (p[i] < p[worst])
			worst = i;
	}
	if (count > 1)
		sm_holm(p, count);
	control->known = count > 0;
	if (count == 0)
		return;
	control->ratio = comparison[worst].ratio;
	control->level = control_level(a, comparison[worst].used - comparison[worst].ties, count);
	control->moved = (control->ratio.low > 1 || control->ratio.high < 1) && p[worst] <= control->level;
}

int sm_analysis_control(struct sm_analysis *a, struct sm_error *err)
{
	struct sm_comparison *comparison = calloc(a->group_count + 1, sizeof(*comparison));
	double *p = calloc(a->group_count + 1, sizeof(*p));
	size_t *group = calloc(a->group_count + 1, sizeof(*group)), count = 0;
	int rc = 0;

	if (!comparison || !p || !group) {
		rc = sm_fail(err, ENOMEM, "no memory for %zu groups", a->group_count);
		goto out_free;
	}
	for (size_t g = 0; g < a->group_count && rc == 0; g++) {
		if (!a->results->cases[a->group[g].first_case].control)
			continue;
		rc = compare_control(a, g, &comparison[count], err);
		group[count] = g;
		if (!isnan(comparison[count].ratio.low))
			count++;
	}
	if (rc == 0)
		judge_control(a, comparison, p, count);
	a->control.mde = NAN;
	/* of several groups, the one that detects least */
	for (size_t i = 0; rc == 0 && i < count; i++)
		a->control.mde = fmax(a->control.mde, control_mde(a, group[i], a->control.level / (double)count));
out_free:
	free(group);
	free(comparison);
	free(p);
	return rc;
}
