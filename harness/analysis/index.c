/* Order in a run's rows: slices by trial, samples by case and block, cases by group. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

/* Derived samples have no slices of their own: they come after all trials. */
static uint64_t trial_key(const struct sm_sample *sample)
{
	return sample->derived ? UINT64_MAX : sample->trial;
}

static int compare_slices(const void *left, const void *right, void *context)
{
	const struct sm_slice_row *rows = context;
	const struct sm_slice_row *x = &rows[*(const uint32_t *)left];
	const struct sm_slice_row *y = &rows[*(const uint32_t *)right];

	if (x->trial != y->trial)
		return x->trial < y->trial ? -1 : 1;
	return (x->slice > y->slice) - (x->slice < y->slice);
}

static int compare_keys(const void *left, const void *right)
{
	uint64_t x = *(const uint64_t *)left, y = *(const uint64_t *)right;

	return (x > y) - (x < y);
}

static int compare_trials(const void *left, const void *right, void *context)
{
	const struct sm_sample *rows = context;
	uint64_t x = trial_key(&rows[*(const uint32_t *)left]);
	uint64_t y = trial_key(&rows[*(const uint32_t *)right]);

	return (x > y) - (x < y);
}

/* The numbers 0 to count - 1, sorted; NULL without memory.  The rows are mostly in this order already. */
static uint32_t *sorted_order(size_t count, int (*compare)(const void *, const void *, void *), void *rows)
{
	uint32_t *order = malloc((count + 1) * sizeof(*order));
	bool sorted = true;

	if (!order)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		order[i] = (uint32_t)i;
		sorted = sorted && (i == 0 || compare(&order[i - 1], &order[i], rows) <= 0);
	}
	if (!sorted)
		qsort_r(order, count, sizeof(*order), compare, rows);
	return order;
}

/* The samples by case and block; a run measures them in random order.  NULL without memory.  Sorts the samples of each
 * case separately, as numbers: comparing the rows would take a tenth of the analysis of a large run. */
static uint32_t *order_samples(const struct sm_results *results)
{
	size_t count = results->sample_count, first = 0;
	uint32_t *order = malloc((count + 1) * sizeof(*order));
	uint64_t *key = malloc((count + 1) * sizeof(*key));          /* block, and the number of the row */
	size_t *end = calloc(results->case_count + 1, sizeof(*end)); /* end of the keys of each case so far */

	if (!order || !key || !end) {
		free(order);
		order = NULL;
		goto out_free;
	}
	for (size_t i = 0; i < count; i++)
		end[results->samples[i].case_index + 1]++;
	for (size_t c = 1; c < results->case_count; c++)
		end[c] += end[c - 1];
	for (size_t i = 0; i < count; i++)
		key[end[results->samples[i].case_index]++] = (uint64_t)results->samples[i].block << 32 | i;
	for (size_t c = 0; c < results->case_count; first = end[c++])
		qsort(key + first, end[c] - first, sizeof(*key), compare_keys);
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)key[i];
out_free:
	free(key);
	free(end);
	return order;
}

long sm_analysis_sample_of(const struct sm_analysis *a, unsigned trial)
{
	size_t low = 0, high = a->results->sample_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint64_t here = trial_key(&a->results->samples[a->trial_order[middle]]);

		if (here == trial)
			return (long)a->trial_order[middle];
		if (here < trial)
			low = middle + 1;
		else
			high = middle;
	}
	return -1;
}

long sm_analysis_case_of(const struct sm_analysis *a, size_t group, const char *variant)
{
	sm_name wanted = sm_name_of(variant);

	for (size_t i = a->group[group].first_case; i < a->results->case_count; i++)
		if (a->case_view[i].group == group && a->results->cases[i].variant == wanted)
			return (long)i;
	return -1;
}

const char *sm_analysis_untried(const struct sm_analysis *a, long case_index)
{
	const char *reason = "not run before the run ended";

	if (case_index < 0)
		return "not measured in this run";
	const struct sm_case_view *view = &a->case_view[case_index];

	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_sample *sample = &a->results->samples[a->sample_order[i]];

		if (sample->ended != SM_SKIPPED)
			return NULL;
		reason = sample->reason;
	}
	return reason;
}

double sm_analysis_steal(const struct sm_analysis *a)
{
	double steal_ns = 0, wall_ns = 0;

	for (size_t i = 0; i < a->results->sample_count; i++) {
		const struct sm_sample *sample = &a->results->samples[i];

		if (sample->derived)
			continue;
		steal_ns += (double)sample->steal_ns;
		wall_ns += (double)sample->wall_ns;
	}
	return wall_ns > 0 && a->pus > 0 ? 100 * steal_ns / (wall_ns * a->pus) : 0;
}

double sm_analysis_throttled(const struct sm_analysis *a)
{
	double throttled_ns = 0, wall_ns = 0;

	for (size_t i = 0; i < a->results->sample_count; i++) {
		const struct sm_sample *sample = &a->results->samples[i];

		if (sample->derived || !isfinite(sample->throttled_ns))
			continue;
		throttled_ns += sample->throttled_ns;
		wall_ns += (double)sample->wall_ns;
	}
	return wall_ns > 0 && a->pus > 0 ? 100 * throttled_ns / (wall_ns * a->pus) : (double)NAN;
}

/* Adds up steal and throttling of each group, in one pass. */
static void add_up_steal(struct sm_analysis *a)
{
	for (size_t i = 0; i < a->results->sample_count; i++) {
		const struct sm_sample *sample = &a->results->samples[i];
		struct sm_group_view *group = &a->group[a->case_view[sample->case_index].group];

		group->steal_ns += (double)sample->steal_ns;
		group->throttled_ns += isfinite(sample->throttled_ns) ? sample->throttled_ns : 0;
		group->wall_ns += (double)sample->wall_ns;
	}
	for (size_t g = 0; g < a->group_count; g++) {
		struct sm_group_view *group = &a->group[g];

		if (group->wall_ns > 0 && a->pus > 0) {
			group->steal_percent = 100 * group->steal_ns / (group->wall_ns * a->pus);
			group->throttled_percent = 100 * group->throttled_ns / (group->wall_ns * a->pus);
		}
	}
}

/* One more than the highest PU that a text such as "0 1" or "0-3 8" lists. */
static unsigned highest_pu(const char *text)
{
	unsigned long highest = 0;
	bool any = false;

	while (text && *text) {
		char *end = (char *)text + 1;

		if (isdigit((unsigned char)*text)) {
			unsigned long pu = strtoul(text, &end, 10);

			highest = pu > highest ? pu : highest;
			any = true;
		}
		text = end;
	}
	return any ? (unsigned)highest + 1 : 0;
}

/* Steal is counted for the whole machine, so its share needs the number of the machine's PUs.  Where the environment
 * lacks it, the PUs that were used are a lower bound, which overestimates the share of steal. */
static unsigned machine_pus(const struct sm_results *results)
{
	static const char *const keys[] = { "pus_online", "online_pus", "pus", "pus_allowed", "allowed_pus" };
	const json_t *environment = json_object_get(results->manifest, "environment");
	unsigned widest = 0;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const json_t *value = json_object_get(environment, keys[i]);

		if (json_is_integer(value) && json_integer_value(value) > 0)
			return (unsigned)json_integer_value(value);
		if (json_is_array(value) && json_array_size(value) > 0)
			return (unsigned)json_array_size(value);
	}
	for (size_t i = 0; i < results->sample_count; i++) {
		unsigned count = highest_pu(results->samples[i].pus);

		widest = count > widest ? count : widest;
	}
	return widest;
}

static const struct sm_scenario *find_scenario(const struct sm_analysis *a, sm_name name)
{
	for (size_t i = 0; i < a->scenario_count; i++)
		if (sm_name_of(a->scenarios[i]->name) == name)
			return a->scenarios[i];
	return NULL;
}

static void index_groups(struct sm_analysis *a)
{
	const struct sm_results *results = a->results;

	for (size_t i = 0; i < results->case_count; i++) {
		const struct sm_case_row *row = &results->cases[i];
		size_t g = 0;

		while (g < a->group_count && a->group[g].name != row->group)
			g++;
		if (g == a->group_count)
			a->group[a->group_count++] = (struct sm_group_view){
				.name = row->group,
				.scenario_name = row->scenario,
				.scenario = find_scenario(a, row->scenario),
				.first_case = i,
			};
		a->case_view[i].group = g;
	}
}

static void index_samples(struct sm_analysis *a)
{
	const struct sm_results *results = a->results;

	for (size_t i = 0; i < results->sample_count; i++) {
		struct sm_case_view *view = &a->case_view[results->samples[a->sample_order[i]].case_index];

		if (view->count++ == 0)
			view->first = i;
	}
	/* Walks over slices and samples by trial, in step.  Slices of an incomplete trial have no sample. */
	for (size_t i = 0, t = 0; i < results->slice_count; i++) {
		unsigned trial = results->slices[a->slice_order[i]].trial;
		struct sm_sample_view *view;

		while (t < results->sample_count && trial_key(&results->samples[a->trial_order[t]]) < trial)
			t++;
		if (t == results->sample_count)
			break;
		view = &a->view[a->trial_order[t]];
		if (trial_key(&results->samples[a->trial_order[t]]) == trial && view->count++ == 0)
			view->first = (uint32_t)i;
	}
}

int sm_analysis_open(struct sm_analysis *a, struct sm_error *err)
{
	struct sm_results *results = a->results;

	int rc = sm_results_prepare(results, err);

	if (rc < 0)
		return rc;
	if (results->slice_count > UINT32_MAX || results->sample_count > UINT32_MAX)
		return sm_fail(err, EFBIG, "the run has more rows than can be analysed");
	a->slice_order = sorted_order(results->slice_count, compare_slices, results->slices);
	a->sample_order = order_samples(results);
	a->trial_order = sorted_order(results->sample_count, compare_trials, results->samples);
	a->view = calloc(results->sample_count + 1, sizeof(*a->view));
	a->case_view = calloc(results->case_count + 1, sizeof(*a->case_view));
	a->group = calloc(results->case_count + 1, sizeof(*a->group));
	if (!a->slice_order || !a->sample_order || !a->trial_order || !a->view || !a->case_view || !a->group)
		return sm_fail(err, ENOMEM, "no memory to analyse %zu trials and %zu slices", results->sample_count,
			       results->slice_count);
	a->pus = machine_pus(results);
	index_groups(a);
	index_samples(a);
	for (size_t s = 0; s < results->sample_count; s++)
		a->view[s].ended_ok = results->samples[s].found.status == SM_OK;
	add_up_steal(a);
	return 0;
}

void sm_analysis_close(struct sm_analysis *a)
{
	free(a->slice_order);
	free(a->sample_order);
	free(a->trial_order);
	free(a->view);
	free(a->cell);
	free(a->case_view);
	free(a->group);
	free(a->pair_claim);
}
