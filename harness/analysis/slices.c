/* Finds the classes from the probes of the whole run, decides which slices are pure, and computes the value of each
 * sample. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"

/* A probe this many times the center of its class is not a round trip: one of the two workers was not running.  Only
 * the outermost classes are wide enough to include such a probe. */
#define INTERRUPTED 4.0
/* A slice stood still if it takes this many times the median of its trial's slices, and at least this long, and the CPU
 * time misses at least this share.  The work itself does not become that slow: a spin that turns into a sleep takes
 * tens of times as long.  A process or its container was stopped.  No other counter may show this, because a stopped
 * process does not wait for a PU. */
#define STOOD_FACTOR 100.0
#define STOOD_NS     100e6
#define STOOD_SHARE  0.5
/* At most this many slices' probes are used to find classes: more would not change the result. */
#define PROBES_MAX ((size_t)1 << 18)

static struct sm_slice_row *slice_at(const struct sm_analysis *a, size_t position)
{
	return &a->results->slices[a->slice_order[position]];
}

static bool is_probed(const struct sm_slice_row *slice)
{
	return isfinite(slice->probe_before_ns) || isfinite(slice->probe_after_ns);
}

static bool has_probes(const struct sm_analysis *a, const struct sm_sample_view *view)
{
	for (size_t i = view->first; i < view->first + view->count; i++)
		if (is_probed(slice_at(a, i)))
			return true;
	return false;
}

const struct sm_relation *sm_analysis_relation(const struct sm_analysis *a, size_t sample)
{
	enum sm_placement relation = a->results->cases[a->results->samples[sample].case_index].relation;

	return a->relation[relation].classes.count > 0 ? &a->relation[relation] : NULL;
}

/* Copies the probes of one relation to `probes`, which has room for two probes of PROBES_MAX slices, and one more.
 * Takes an even selection where there are more.  Returns how many. */
static size_t gather_probes(const struct sm_analysis *a, enum sm_placement relation, double *probes)
{
	size_t count = 0, step = a->results->slice_count / PROBES_MAX + 1;

	for (size_t s = 0; s < a->results->sample_count; s++) {
		const struct sm_sample_view *view = &a->view[s];

		if (!view->ended_ok || a->results->cases[a->results->samples[s].case_index].relation != relation)
			continue;
		for (size_t i = view->first; i < view->first + view->count; i++) {
			const struct sm_slice_row *slice = slice_at(a, i);

			if (i % step != 0)
				continue;
			if (isfinite(slice->probe_before_ns))
				probes[count++] = slice->probe_before_ns;
			if (isfinite(slice->probe_after_ns))
				probes[count++] = slice->probe_after_ns;
		}
	}
	return count;
}

/* "92ns"; for workers alone "252cyc-solo" where they had the core to themselves, "252cyc-busy" where they did not. */
static sm_name class_name(const struct sm_relation *relation, unsigned i)
{
	double center = relation->classes.at[i].center_ns;

	if (relation->alone)
		return sm_name_format("%.0fcyc-%s", center, i == 0 ? "solo" : "busy");
	return sm_name_format(center < 10 ? "%.1fns" : "%.0fns", center);
}

static void find_classes(struct sm_analysis *a, double *probes)
{
	for (int r = SM_PLACE_UNSET; r < SM_PLACE_COUNT; r++) {
		struct sm_relation *relation = &a->relation[r];
		size_t count = gather_probes(a, (enum sm_placement)r, probes);

		relation->alone = r == SM_PLACE_SOLO;
		if (count == 0)
			continue;
		(relation->alone ? sm_paces_find : sm_classes_find)(&relation->classes, probes, count);
		for (unsigned i = 0; i < relation->classes.count; i++)
			relation->klass[i] = class_name(relation, i);
	}
}

static bool is_interrupted(const struct sm_classes *classes, int klass, double probe_ns)
{
	double center = classes->at[klass].center_ns;

	return probe_ns > center * INTERRUPTED || probe_ns < center / INTERRUPTED;
}

/* Whether a slice is disturbed whatever its probes say.  Workers that take turns on one PU are switched all the time:
 * there a context switch is not a disturbance, and neither is one that costs a long slice almost no time. */
static enum sm_purity judge_work(const struct sm_slice_row *slice, bool shared_pus)
{
	if (slice->pin_lost)
		return SM_PIN_LOST;
	if (slice->nivcsw > 0 && !shared_pus && slice->away_share > (float)SM_AWAY_MAX)
		return SM_INVOLUNTARY_SWITCH;
	return slice->ns == 0 || slice->ops == 0 ? SM_NO_TIME : SM_PURE;
}

static enum sm_purity judge_probes(const struct sm_relation *relation, const struct sm_slice_row *slice, int first,
				   int second)
{
	double before = slice->probe_before_ns, after = slice->probe_after_ns;

	if (first < 0 || second < 0)
		return isfinite(before) && isfinite(after) ? SM_PACE_UNEVEN : SM_PROBE_MISSING;
	if (first != second)
		return SM_CLASS_CHANGED;
	/* of one pair, and of the slowest pair of each gate, which may differ */
	if (slice->probe_step > (float)SM_PROBE_AGREE || fmax(before, after) > SM_PROBE_AGREE * fmin(before, after))
		return SM_PROBES_DISAGREE;
	return is_interrupted(&relation->classes, first, before) || is_interrupted(&relation->classes, first, after)
		       ? SM_PROBE_INTERRUPTED
		       : SM_PURE;
}

/* The only place that decides which slices count.  Sets class and purity; returns the number of the class, or -1. */
static int judge_slice(const struct sm_relation *relation, sm_name unprobed, bool shared_pus,
		       struct sm_slice_row *slice)
{
	int first = 0, second = 0;

	slice->purity = (uint8_t)judge_work(slice, shared_pus);
	if (relation) {
		first = sm_classes_of(&relation->classes, slice->probe_before_ns);
		second = sm_classes_of(&relation->classes, slice->probe_after_ns);
		if (first >= 0 && first == second)
			slice->klass = relation->klass[first];
		if (slice->purity == SM_PURE)
			slice->purity = (uint8_t)judge_probes(relation, slice, first, second);
	} else {
		slice->klass = unprobed;
	}
	return slice->purity == SM_PURE ? first : -1;
}

/* "no pure slice of 20: probes disagree 12, involuntary switch 8". */
static const char *why_disturbed(struct sm_analysis *a, const struct sm_sample_view *view)
{
	unsigned seen[SM_PURITY_COUNT] = { 0 };
	char text[256];
	size_t used;

	if (view->count == 0)
		return "no pure slice: the trial has no slices";
	for (size_t i = view->first; i < view->first + view->count; i++)
		seen[slice_at(a, i)->purity]++;
	used = (size_t)snprintf(text, sizeof(text), "no pure slice of %u:", view->count);
	for (unsigned k = SM_PURE + 1, said = 0; k < SM_PURITY_COUNT && used < sizeof(text); k++)
		if (seen[k] > 0)
			used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s %u", said++ ? "," : "",
						 sm_purity_name((enum sm_purity)k), seen[k]);
	return sm_results_string(a->results, "%s", text);
}

/* Adds a cell to a sample.  All cells of a sample must be added before those of the next. */
static struct sm_cell *add_cell(struct sm_analysis *a, struct sm_sample_view *view)
{
	if (a->cell_count == a->cell_room) {
		a->cell_room = a->cell_room ? 2 * a->cell_room : 1024;
		a->cell = realloc(a->cell, a->cell_room * sizeof(*a->cell));
		if (!a->cell)
			sm_no_memory(); /* as everywhere where rows of the results are added */
	}
	if (view->cells++ == 0)
		view->cell = (uint32_t)a->cell_count;
	return &a->cell[a->cell_count++];
}

/* Fills the sample's cells and its row from the classes of its slices.  `times` and `klass` have
 * room for all its slices. */
static void value_sample(struct sm_analysis *a, size_t s, const sm_name *names, unsigned count, const int *klass,
			 double *times)
{
	struct sm_value *found = &a->results->samples[s].found;
	struct sm_sample_view *view = &a->view[s];
	struct sm_cell best = { 0 };

	view->cells = 0;
	for (unsigned k = 0; k < count; k++) {
		struct sm_cell *cell;
		unsigned pure = 0;

		for (size_t i = 0; i < view->count; i++) {
			const struct sm_slice_row *slice = slice_at(a, view->first + i);

			if (klass[i] == (int)k)
				times[pure++] = (double)slice->ns / (double)slice->ops;
		}
		if (pure == 0)
			continue;
		cell = add_cell(a, view);
		*cell = (struct sm_cell){ names[k], pure, sm_median(times, pure) };
		found->slices_pure += pure;
		if (best.pure < pure)
			best = *cell;
	}
	if (best.pure > 0) {
		found->klass = best.klass;
		found->value = best.value;
	} else {
		found->status = SM_DISTURBED;
		found->reason = why_disturbed(a, view);
	}
}

/* Why a time or a rate of a whole trial has no class.  NULL: it has the trial's class, which has more than half of the
 * trial's slices.  The value covers all slices, so with fewer the class would be misleading. */
static const char *why_no_class(struct sm_analysis *a, size_t trial)
{
	const struct sm_value *found = &a->results->samples[trial].found;
	const struct sm_cell *cell = sm_analysis_cells(a, trial);
	const struct sm_sample_view *view = &a->view[trial];
	unsigned most = 0;

	if (view->cells == 0)
		return found->reason;
	for (unsigned k = 0; k < view->cells; k++)
		most = cell[k].pure > most ? cell[k].pure : most;
	return 2 * most > view->count
		       ? NULL
		       : sm_results_string(a->results,
					   "a value of the whole trial, of whose %u slices %u are pure in "
					   "one class",
					   view->count, most);
}

/* A metric of a whole trial is one value.  A count or a size has no class; a time or a rate has the trial's. */
static void judge_derived(struct sm_analysis *a, size_t s)
{
	const struct sm_sample *sample = &a->results->samples[s];
	struct sm_value *found = &a->results->samples[s].found;
	long trial = sm_analysis_sample_of(a, sample->trial);

	a->view[s].cells = 0;
	if (trial >= 0 && sm_analysis_is_timed(&a->results->cases[sample->case_index])) {
		const char *why = why_no_class(a, (size_t)trial);

		if (why) {
			sm_analysis_put_aside(a, s, SM_DISTURBED, why);
			return;
		}
		found->klass = a->results->samples[trial].found.klass;
	}
	if (isfinite(found->value))
		*add_cell(a, &a->view[s]) = (struct sm_cell){ found->klass, 1, found->value };
}

/* Limit above which a slice stood still.  A trial of one or two slices has nothing to compare with. */
static double standstill_ns(const struct sm_analysis *a, const struct sm_sample_view *view, double *times)
{
	if (view->count < SM_PURE_SLICES_MIN)
		return INFINITY;
	for (size_t i = 0; i < view->count; i++)
		times[i] = (double)slice_at(a, view->first + i)->ns;
	return fmax(STOOD_NS, STOOD_FACTOR * sm_median(times, view->count));
}

/* Whether the workers' CPU time, where it is known, leaves enough of the slice unaccounted for. */
static bool stood_still(const struct sm_slice_row *slice, unsigned workers, double longest_ns)
{
	return (double)slice->ns > longest_ns && slice->cpu_tenths > 0 && slice->cpu_tenths < UINT8_MAX &&
	       workers - slice->cpu_tenths / 10.0 > STOOD_SHARE;
}

static void judge_sample(struct sm_analysis *a, size_t s, int *klass, double *times)
{
	const struct sm_sample *sample = &a->results->samples[s];

	if (sample->derived) {
		judge_derived(a, s);
		return;
	}
	const struct sm_sample_view *view = &a->view[s];
	const struct sm_relation *relation = has_probes(a, view) ? sm_analysis_relation(a, s) : NULL;
	sm_name unprobed = sm_name_of(sample->shared_pus ? "shared-pu" : "solo");

	double longest_ns = standstill_ns(a, view, times);

	for (size_t i = 0; i < view->count; i++) {
		struct sm_slice_row *slice = slice_at(a, view->first + i);

		klass[i] = judge_slice(relation, unprobed, sample->shared_pus, slice);
		if (klass[i] >= 0 && stood_still(slice, a->results->cases[sample->case_index].workers, longest_ns)) {
			slice->purity = SM_STOOD;
			klass[i] = -1;
		}
	}
	if (relation)
		value_sample(a, s, relation->klass, relation->classes.count, klass, times);
	else
		value_sample(a, s, &unprobed, 1, klass, times);
}

static void add_class(struct sm_group_view *group, sm_name klass, unsigned pure)
{
	unsigned k = 0;

	while (k < group->classes && group->klass[k].klass != klass)
		k++;
	if (k == SM_GROUP_CLASSES_MAX)
		return;
	if (k == group->classes)
		group->klass[group->classes++] = (struct sm_group_class){ .klass = klass };
	group->klass[k].pure += pure;
}

static int compare_classes(const void *left, const void *right)
{
	const struct sm_group_class *x = left, *y = right;

	if (x->pure != y->pure)
		return x->pure < y->pure ? 1 : -1;
	return strcmp(x->klass, y->klass); /* any fixed order */
}

/* Ranks the classes of every group. */
static void rank_classes(struct sm_analysis *a)
{
	for (size_t s = 0; s < a->results->sample_count; s++) {
		size_t g = a->case_view[a->results->samples[s].case_index].group;

		for (unsigned k = 0; k < a->view[s].cells; k++)
			add_class(&a->group[g], sm_analysis_cells(a, s)[k].klass, sm_analysis_cells(a, s)[k].pure);
	}
	for (size_t g = 0; g < a->group_count; g++)
		qsort(a->group[g].klass, a->group[g].classes, sizeof(a->group[g].klass[0]), compare_classes);
}

int sm_analysis_slices(struct sm_analysis *a, struct sm_error *err)
{
	size_t room = 2 * (PROBES_MAX + 1), longest = 0;
	double *numbers;
	int *klass;
	int rc = 0;

	for (size_t s = 0; s < a->results->sample_count; s++)
		longest = a->view[s].count > longest ? a->view[s].count : longest;
	room = longest > room ? longest : room;
	numbers = malloc(room * sizeof(*numbers));
	klass = malloc((longest + 1) * sizeof(*klass));

	if (!numbers || !klass) {
		rc = sm_fail(err, ENOMEM, "no memory for the probes of %zu slices", a->results->slice_count);
		goto out_free;
	}
	find_classes(a, numbers);
	for (size_t s = 0; s < a->results->sample_count; s++)
		if (a->view[s].ended_ok)
			judge_sample(a, s, klass, numbers);
	rc = sm_analysis_settle(a, err);
	if (rc == 0)
		rank_classes(a);
out_free:
	free(klass);
	free(numbers);
	return rc;
}

const struct sm_cell *sm_analysis_cells(const struct sm_analysis *a, size_t sample)
{
	return a->view[sample].cells ? &a->cell[a->view[sample].cell] : NULL;
}

const struct sm_cell *sm_analysis_cell(const struct sm_analysis *a, size_t sample, sm_name klass)
{
	const struct sm_sample_view *view = &a->view[sample];
	/* A cold trial has only one slice. */
	size_t least = view->count < SM_PURE_SLICES_MIN ? view->count : SM_PURE_SLICES_MIN;
	const struct sm_cell *cell = sm_analysis_cells(a, sample);

	for (unsigned k = 0; k < view->cells; k++)
		if (cell[k].klass == klass)
			return cell[k].pure >= least ? &cell[k] : NULL;
	return NULL;
}
