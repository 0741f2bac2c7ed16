/* Results of the analysis for the run as a whole, for analysis.json and for reports. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

/* JSON has no NaN and no infinity. */
static json_t *number_or_null(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

static json_t *describe_classes(const struct sm_analysis *a)
{
	json_t *all = json_object();

	for (int r = 0; r < SM_PLACE_COUNT; r++) {
		const struct sm_relation *relation = &a->relation[r];

		if (relation->classes.count == 0)
			continue;
		json_t *list = json_array();

		for (unsigned i = 0; i < relation->classes.count; i++) {
			const struct sm_class *one = &relation->classes.at[i];

			json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:I}", "name", relation->klass[i],
							      "center_ns", number_or_null(one->center_ns), "upper_ns",
							      number_or_null(one->upper_ns), "members",
							      (json_int_t)one->members));
		}
		json_object_set_new(all, sm_placement_name((enum sm_placement)r), list);
	}
	return all;
}

static json_t *describe_slices(const struct sm_analysis *a)
{
	json_t *slices = json_object(), *disturbed = json_object();
	json_int_t total = 0, count[SM_PURITY_COUNT] = { 0 };

	for (size_t s = 0; s < a->results->sample_count; s++) {
		const struct sm_sample_view *view = &a->view[s];

		if (!view->ended_ok)
			continue;
		for (size_t i = view->first; i < view->first + view->count; i++) {
			const struct sm_slice_row *row = &a->results->slices[a->slice_order[i]];

			count[row->purity]++;
		}
	}
	for (int k = 0; k < SM_PURITY_COUNT; k++) {
		total += count[k];
		if (k != SM_PURE && count[k] > 0)
			json_object_set_new(disturbed, sm_purity_name((enum sm_purity)k), json_integer(count[k]));
	}
	json_object_set_new(slices, "total", json_integer(total));
	json_object_set_new(slices, "pure", json_integer(count[SM_PURE]));
	json_object_set_new(slices, "disturbed", disturbed);
	return slices;
}

struct moves {
	size_t neighbours, changed; /* adjacent probed slices of one trial; those of different classes */
};

static void count_moves(const struct sm_analysis *a, size_t s, bool alone, struct moves *moves)
{
	const struct sm_relation *relation = sm_analysis_relation(a, s);
	const struct sm_sample_view *view = &a->view[s];
	int previous = -1;

	if (!relation || relation->alone != alone || !view->ended_ok)
		return;
	for (size_t i = view->first; i < view->first + view->count; i++) {
		const struct sm_slice_row *row = &a->results->slices[a->slice_order[i]];
		int here = sm_classes_of(&relation->classes, row->probe_before_ns);

		if (here >= 0 && previous >= 0) {
			moves->neighbours++;
			moves->changed += here != previous;
		}
		previous = here;
	}
}

/* Lists the classes.  Returns the largest number of classes that a relation has. */
static unsigned add_relations(const struct sm_analysis *a, bool alone, struct sm_words *words)
{
	unsigned most = 0, said = 0;

	for (int r = 0; r < SM_PLACE_COUNT; r++) {
		const struct sm_relation *relation = &a->relation[r];

		if (relation->classes.count == 0 || relation->alone != alone)
			continue;
		sm_words_add(words, said++ > 0 ? "; " : "");
		if (!alone)
			sm_words_add(words, "%s ", sm_placement_name((enum sm_placement)r));
		for (unsigned i = 0; i < relation->classes.count; i++)
			sm_words_add(words, "%s%s", i > 0 ? " and " : "", relation->klass[i]);
		most = relation->classes.count > most ? relation->classes.count : most;
	}
	return most;
}

static void say_moves(const struct sm_analysis *a, const struct moves *moves, struct sm_words *words)
{
	struct sm_words classes = { .used = 0 };
	unsigned most = add_relations(a, false, &classes);

	if (most == 0)
		sm_words_add(words, "core distance is unknown: no trial of this run had "
				    "two workers on different cores to probe");
	else if (most == 1)
		sm_words_add(words, "core distance was stable: one round-trip class for the whole run (%s)",
			     classes.text);
	else if (moves->changed == 0)
		sm_words_add(words, "core distance was stable within each trial, but differed between trials (%s)",
			     classes.text);
	else
		sm_words_add(
			words,
			"core distance changed during the run: the round-trip class changed in %.3g %% of the steps from one slice to the "
			"next, so each comparison is made within one class (%s)",
			100 * (double)moves->changed / (double)moves->neighbours, classes.text);
}

static void say_pace(const struct sm_analysis *a, const struct moves *moves, struct sm_words *words)
{
	struct sm_words classes = { .used = 0 };
	unsigned most = add_relations(a, true, &classes);

	if (most == 0)
		sm_words_add(words, "whether a process alone had its core for itself is not known: no "
				    "trial of this run was probed for it");
	else if (most == 1)
		sm_words_add(words,
			     "a process alone went at one pace for the whole run (%s): nothing came and "
			     "went on the other thread of its core",
			     classes.text);
	else {
		sm_words_add(words, "a process alone had its core for itself and shared it, in turn (%s", classes.text);
		if (moves->neighbours > 0)
			sm_words_add(words, "; it changed in %.3g %% of the steps from one slice to the next",
				     100 * (double)moves->changed / (double)moves->neighbours);
		sm_words_add(words, "): something else, here or on the host, runs on the other thread of its "
				    "core at times, so each comparison is made within one class");
	}
}

static json_t *describe_moves(const struct sm_analysis *a, bool alone)
{
	struct sm_words words = { .used = 0 };
	struct moves moves = { 0, 0 };
	json_t *moved = json_object();

	for (size_t s = 0; s < a->results->sample_count; s++)
		count_moves(a, s, alone, &moves);
	(alone ? say_pace : say_moves)(a, &moves, &words);
	json_object_set_new(moved, "fraction", number_or_null((double)moves.changed / (double)moves.neighbours));
	json_object_set_new(moved, "neighbours", json_integer((json_int_t)moves.neighbours));
	json_object_set_new(moved, "sentence", json_string(words.text));
	return moved;
}

static json_t *describe_control(const struct sm_control *control)
{
	if (!control->known)
		return json_null();
	json_t *aa = json_object();

	json_object_set_new(aa, "ratio", number_or_null(control->ratio.estimate));
	json_object_set_new(aa, "low", number_or_null(control->ratio.low));
	json_object_set_new(aa, "high", number_or_null(control->ratio.high));
	json_object_set_new(aa, "blocks", json_integer((json_int_t)control->ratio.count));
	json_object_set_new(aa, "moved", json_boolean(control->moved));
	json_object_set_new(aa, "mde", number_or_null(control->mde));
	return aa;
}

/* How many intervals of the run's times and rates exclude 1, and how many would by chance if nothing differed. */
static json_t *describe_intervals(const struct sm_results *results)
{
	json_t *intervals = json_object();
	json_int_t count = 0, apart = 0;
	double by_chance = 0;

	for (size_t i = 0; i < results->pair_count; i++) {
		const struct sm_pair_row *row = &results->pairs[i];

		if (!row->leading || row->control || !sm_analysis_is_timed(&results->cases[row->left_case]) ||
		    !isfinite(row->ratio.low) || !isfinite(row->ratio.high))
			continue;
		count++;
		apart += row->ratio.low > 1 || row->ratio.high < 1;
		by_chance += 1 - row->ratio.confidence;
	}
	json_object_set_new(intervals, "count", json_integer(count));
	json_object_set_new(intervals, "exclude_1", json_integer(apart));
	json_object_set_new(intervals, "by_chance", json_real(by_chance));
	return intervals;
}

int sm_analysis_manifest(struct sm_analysis *a, struct sm_error *err)
{
	struct sm_results *results = a->results;
	json_t *analysis = json_object();

	if (!analysis)
		return sm_fail(err, ENOMEM, "no memory for what the analysis found");
	json_object_set_new(analysis, "classes", describe_classes(a));
	json_object_set_new(analysis, "slices", describe_slices(a));
	json_object_set_new(analysis, "cores_moved", describe_moves(a, false));
	json_object_set_new(analysis, "pace_changed", describe_moves(a, true));
	json_object_set_new(analysis, "aa", describe_control(&a->control));
	json_object_set_new(analysis, "intervals", describe_intervals(results));
	json_object_set_new(analysis, "steal_percent", json_real(sm_analysis_steal(a)));
	json_object_set_new(analysis, "throttled_percent", number_or_null(sm_analysis_throttled(a)));
	json_decref(results->analysis);
	results->analysis = analysis;
	return 0;
}
