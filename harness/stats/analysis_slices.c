/* Classes from the probes of the whole run; which slices are pure; what a sample's value is. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analysis_parts.h"
#include "shmeter/trial.h"

/* A probe this many times its class' center is no round trip: one of the two was not running.  Only
 * the outermost classes are open enough to hold such a probe. */
#define INTERRUPTED 4.0
/* Slices whose probes are looked at for classes: more tell nothing new. */
#define PROBES_MAX ((size_t)1 << 18)

/* Reasons found here, which a second analysis of the same rows starts by taking back. */
static const char class_changed[] = "class changed";
static const char probe_missing[] = "probe missing";
static const char pace_uneven[] = "pace uneven";
static const char probe_interrupted[] = "probe interrupted";
static const char no_time[] = "no time passed";
static const char no_pure_slice[] = "no pure slice";
/* The trial's own word; also for a pair whose two probes are too far apart. */
static const char probes_disagree[] = "probes disagree";
static const char involuntary_switch[] = "involuntary switch";

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

/* Undoes an earlier analysis, so that analysing twice gives the same. */
static void take_back(struct sm_analysis *a)
{
	for (size_t s = 0; s < a->results->sample_count; s++) {
		struct sm_sample *sample = &a->results->samples[s];

		if (sample->status == SM_DISTURBED &&
		    strncmp(sample->reason, no_pure_slice, sizeof(no_pure_slice) - 1) == 0) {
			sample->status = SM_OK;
			sample->reason = "-";
		}
		a->view[s].ended_ok = sample->status == SM_OK;
		if (sample->derived)
			continue;
		sample->klass = "-";
		sample->slices_pure = 0;
		sample->value = NAN;
	}
	for (size_t i = 0; i < a->results->slice_count; i++) {
		struct sm_slice_row *slice = &a->results->slices[i];

		slice->klass = "-";
		slice->pure = false;
		if (!slice->reason || strcmp(slice->reason, class_changed) == 0 ||
		    strcmp(slice->reason, probe_missing) == 0 ||
		    strcmp(slice->reason, pace_uneven) == 0 ||
		    strcmp(slice->reason, probe_interrupted) == 0 ||
		    strcmp(slice->reason, no_time) == 0)
			slice->reason = "-";
	}
}

static struct sm_relation *relation_of(const struct sm_analysis *a, const char *name)
{
	for (size_t i = 0; i < a->relation_count; i++)
		if (strcmp(a->relation[i].name, name) == 0)
			return &a->relation[i];
	return NULL;
}

static const char *relation_name(const struct sm_analysis *a, size_t sample)
{
	return a->results->cases[a->results->samples[sample].case_index].relation;
}

/* Probes of one relation into `probes` (room for two of PROBES_MAX slices, and one more), evenly taken where
 * there are more; returns how many. */
static size_t gather_probes(const struct sm_analysis *a, const char *relation, double *probes)
{
	size_t count = 0, step = a->results->slice_count / PROBES_MAX + 1;

	for (size_t s = 0; s < a->results->sample_count; s++) {
		const struct sm_sample_view *view = &a->view[s];

		if (!view->ended_ok || strcmp(relation_name(a, s), relation) != 0)
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

/* "92ns"; of workers alone "252cyc" and who had the core: they ("-solo"), or they and others ("-busy"). */
static const char *class_name(struct sm_analysis *a, const struct sm_relation *relation, unsigned i)
{
	double center = relation->classes.at[i].center_ns;

	if (relation->alone)
		return sm_results_string(a->results, "%.0fcyc-%s", center,
					 i == 0 ? "solo" : "busy");
	return sm_results_string(a->results, center < 10 ? "%.1fns" : "%.0fns", center);
}

static void find_classes(struct sm_analysis *a, double *probes)
{
	for (size_t c = 0; c < a->results->case_count; c++) {
		const char *name = a->results->cases[c].relation;
		struct sm_relation *relation = &a->relation[a->relation_count];

		if (relation_of(a, name))
			continue;
		size_t count = gather_probes(a, name, probes);

		if (count == 0)
			continue;
		relation->name = name;
		relation->alone = strcmp(name, "solo") == 0;
		(relation->alone ? sm_paces_find : sm_classes_find)(&relation->classes, probes,
								    count);
		for (unsigned i = 0; i < relation->classes.count; i++)
			relation->klass[i] = class_name(a, relation, i);
		a->relation_count++;
	}
}

static bool is_interrupted(const struct sm_classes *classes, int klass, double probe_ns)
{
	double center = classes->at[klass].center_ns;

	return probe_ns > center * INTERRUPTED || probe_ns < center / INTERRUPTED;
}

/* Decides a probed slice: sets `klass`, `pure`, `reason`; returns its class or -1. */
static int judge_slice(const struct sm_relation *relation, struct sm_slice_row *slice)
{
	double before = slice->probe_before_ns, after = slice->probe_after_ns;
	int first = sm_classes_of(&relation->classes, before);
	int second = sm_classes_of(&relation->classes, after);
	bool blameless = strcmp(slice->reason, "-") == 0;

	if (first >= 0 && first == second)
		slice->klass = relation->klass[first];
	if (!blameless)
		return -1;
	if (slice->ns == 0 || slice->ops == 0)
		slice->reason = no_time;
	else if (first < 0 || second < 0)
		slice->reason = isfinite(before) && isfinite(after) ? pace_uneven : probe_missing;
	else if (first != second)
		slice->reason = class_changed;
	else if (fmax(before, after) > SM_PROBE_AGREE * fmin(before, after))
		slice->reason = probes_disagree;
	else if (is_interrupted(&relation->classes, first, before) ||
		 is_interrupted(&relation->classes, first, after))
		slice->reason = probe_interrupted;
	else
		slice->pure = true;
	return slice->pure ? first : -1;
}

/* Decides a slice that no probe could be taken around. */
static int judge_unprobed(const char *klass, bool shared_pu, struct sm_slice_row *slice)
{
	slice->klass = klass;
	/* Workers that take turns on one PU are switched by the scheduler: that is the subject. */
	if (shared_pu && strcmp(slice->reason, involuntary_switch) == 0)
		slice->reason = "-";
	if (strcmp(slice->reason, "-") == 0 && (slice->ns == 0 || slice->ops == 0))
		slice->reason = no_time;
	slice->pure = strcmp(slice->reason, "-") == 0;
	return slice->pure ? 0 : -1;
}

/* "no pure slice of 20: probes disagree 12, involuntary switch 8". */
static const char *why_disturbed(struct sm_analysis *a, const struct sm_sample_view *view)
{
	struct {
		const char *reason;
		unsigned count;
	} seen[8] = { 0 };
	char text[256];
	size_t used;

	if (view->count == 0)
		return sm_results_string(a->results, "%s: the trial has no slices", no_pure_slice);
	for (size_t i = view->first; i < view->first + view->count; i++) {
		unsigned k = 0;

		while (k < 7 && seen[k].reason &&
		       strcmp(seen[k].reason, slice_at(a, i)->reason) != 0)
			k++;
		seen[k].reason = slice_at(a, i)->reason;
		seen[k].count++;
	}
	used = (size_t)snprintf(text, sizeof(text), "%s of %u", no_pure_slice, view->count);
	for (unsigned k = 0; k < 8 && seen[k].reason && used < sizeof(text); k++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s %s %u",
					 k == 0 ? ":" : ",", seen[k].reason, seen[k].count);
	return sm_results_string(a->results, "%s", text);
}

/* One more cell of a sample; all of a sample's are added before those of the next. */
static struct sm_cell *add_cell(struct sm_analysis *a, struct sm_sample_view *view)
{
	if (a->cell_count == a->cell_room) {
		a->cell_room = a->cell_room ? 2 * a->cell_room : 1024;
		a->cell = realloc(a->cell, a->cell_room * sizeof(*a->cell));
		if (!a->cell)
			abort(); /* as for every row of the results */
	}
	if (view->cells++ == 0)
		view->cell = (uint32_t)a->cell_count;
	return &a->cell[a->cell_count++];
}

/* Fills the sample's cells and its row from the classes of its slices.  `times` and `klass` have
 * room for all its slices. */
static void value_sample(struct sm_analysis *a, size_t s, const char *const *names, unsigned count,
			 const int *klass, double *times)
{
	struct sm_sample *sample = &a->results->samples[s];
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
		sample->slices_pure += pure;
		if (best.pure < pure)
			best = *cell;
	}
	sample->slices = view->count;
	if (best.pure > 0) {
		sample->klass = best.klass;
		sample->value = best.value;
	} else {
		sample->status = SM_DISTURBED;
		sample->reason = why_disturbed(a, view);
	}
}

/* A metric of the whole trial: one value, in no class. */
static void judge_derived(struct sm_analysis *a, size_t s)
{
	const struct sm_sample *sample = &a->results->samples[s];
	struct sm_sample_view *view = &a->view[s];

	view->cells = 0;
	if (isfinite(sample->value))
		*add_cell(a, view) = (struct sm_cell){ sample->klass, 1, sample->value };
}

static void judge_sample(struct sm_analysis *a, size_t s, int *klass, double *times)
{
	if (a->results->samples[s].derived) {
		judge_derived(a, s);
		return;
	}
	const struct sm_case_row *row = &a->results->cases[a->results->samples[s].case_index];
	const struct sm_sample_view *view = &a->view[s];
	bool probed = has_probes(a, view), shared_pu = row->workers > 1;
	const struct sm_relation *relation = probed ? relation_of(a, row->relation) : NULL;
	const char *unprobed = shared_pu ? "shared-pu" : "solo";

	for (size_t i = 0; i < view->count; i++) {
		struct sm_slice_row *slice = slice_at(a, view->first + i);

		klass[i] = relation ? judge_slice(relation, slice)
				    : judge_unprobed(unprobed, shared_pu, slice);
	}
	if (relation)
		value_sample(a, s, relation->klass, relation->classes.count, klass, times);
	else
		value_sample(a, s, &unprobed, 1, klass, times);
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
		rc = sm_fail(err, ENOMEM, "no memory for the probes of %zu slices",
			     a->results->slice_count);
		goto out_free;
	}
	take_back(a);
	find_classes(a, numbers);
	for (size_t s = 0; s < a->results->sample_count; s++)
		if (a->view[s].ended_ok)
			judge_sample(a, s, klass, numbers);
	sm_analysis_rank_classes(a);
out_free:
	free(klass);
	free(numbers);
	return rc;
}

static void add_class(struct sm_group_view *group, const char *klass, unsigned pure)
{
	unsigned k = 0;

	while (k < group->classes && strcmp(group->klass[k].klass, klass) != 0)
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

void sm_analysis_rank_classes(struct sm_analysis *a)
{
	for (size_t s = 0; s < a->results->sample_count; s++) {
		size_t g = a->case_view[a->results->samples[s].case_index].group;

		for (unsigned k = 0; k < a->view[s].cells; k++)
			add_class(&a->group[g], sm_analysis_cells(a, s)[k].klass,
				  sm_analysis_cells(a, s)[k].pure);
	}
	for (size_t g = 0; g < a->group_count; g++)
		qsort(a->group[g].klass, a->group[g].classes, sizeof(a->group[g].klass[0]),
		      compare_classes);
}

const struct sm_cell *sm_analysis_cells(const struct sm_analysis *a, size_t sample)
{
	return a->view[sample].cells ? &a->cell[a->view[sample].cell] : NULL;
}

const struct sm_cell *sm_analysis_cell(const struct sm_analysis *a, size_t sample,
				       const char *klass)
{
	const struct sm_sample_view *view = &a->view[sample];
	/* A cold trial has one slice, which is all it can have. */
	size_t least = view->count < SM_PURE_SLICES_MIN ? view->count : SM_PURE_SLICES_MIN;
	const struct sm_cell *cell = sm_analysis_cells(a, sample);

	for (unsigned k = 0; k < view->cells; k++)
		/* names are interned: nearly always the pointers tell */
		if (cell[k].klass == klass || strcmp(cell[k].klass, klass) == 0)
			return cell[k].pure >= least ? &cell[k] : NULL;
	return NULL;
}
