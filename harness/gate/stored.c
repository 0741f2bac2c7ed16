/* Baselines that a store keeps by type of machine: which are found for a run, and whether the run becomes one. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "gate_parts.h"
#include "shmeter/memory.h"

static void leave_out(struct sm_stored *stored, const char *name, const char *why)
{
	struct sm_error sentence;

	sm_fail(&sentence, EBADMSG, "run %.100s of the store is left out: %.1000s; remove %.1000s/%.100s", name, why,
		stored->shelf.folder, name);
	json_array_append_new(stored->left_out, json_string(sentence.text));
}

/* Loads a run of the store as a further baseline. */
static int load(struct sm_stored *stored, const char *name, const struct sm_scenario *const *scenarios,
		size_t scenario_count, struct sm_baselines *baselines, struct sm_error *err)
{
	char path[4400];
	int rc = sm_shelf_path(&stored->shelf, name, path, sizeof(path), err);

	if (rc == 0)
		rc = sm_baselines_add(baselines, path, scenarios, scenario_count, err);
	return rc;
}

/* Loads a run of the store, unless it cannot be a baseline of the run; then it says why. */
static int take(struct sm_stored *stored, const char *name, const struct sm_results *run,
		const struct sm_scenario *const *scenarios, size_t scenario_count, struct sm_baselines *baselines,
		struct sm_error *err)
{
	size_t before = baselines->count;
	struct sm_error why = { 0 };
	int rc = load(stored, name, scenarios, scenario_count, baselines, &why);

	if (rc == -ENOMEM)
		return sm_fail(err, ENOMEM, "%s", why.text);
	if (rc == 0 && sm_digest_is_of(baselines->run[before], run->manifest))
		rc = sm_fail(&why, EBADMSG, "it is a copy of the run that is checked");
	if (rc == 0 && sm_digest_likeness(stored->self, baselines->run[before]) == SM_OTHER_TYPE)
		rc = sm_fail(&why, EBADMSG, "it is of another type of machine");
	if (rc < 0) {
		if (baselines->count > before)
			sm_digest_free(baselines->run[--baselines->count]);
		leave_out(stored, name, why.text);
		return 0;
	}
	stored->of_type++;
	stored->of_host += sm_digest_likeness(stored->self, baselines->run[before]) == SM_SAME_HOST;
	return 0;
}

int sm_stored_find(struct sm_stored *stored, const char *store, struct sm_results *run,
		   const struct sm_scenario *const *scenarios, size_t scenario_count, struct sm_baselines *baselines,
		   struct sm_error *err)
{
	const struct sm_shelf *shelf = &stored->shelf;
	int rc;

	*stored = (struct sm_stored){ .store = store, .left_out = json_array() };
	rc = sm_shelf_open(&stored->shelf, store, run->manifest, err);
	if (rc == 0)
		rc = sm_digest_make(&stored->self, run, scenarios, scenario_count, err);
	/* those of this host count for every gate, so they come first */
	for (int others = 0; others < 2; others++)
		for (size_t i = 0; rc == 0 && i < shelf->count && baselines->count < SM_BASELINE_RUNS_MAX; i++)
			if (sm_shelf_has_host(shelf, shelf->run[i]) == !others)
				rc = take(stored, shelf->run[i], run, scenarios, scenario_count, baselines, err);
	return rc;
}

static bool is_injected(const json_t *manifest)
{
	const char *inject = json_string_value(json_object_get(json_object_get(manifest, "options"), "inject"));

	return inject && *inject;
}

static bool is_complete(const json_t *manifest)
{
	return sm_name_of(json_string_value(json_object_get(manifest, "status"))) == sm_name_of("complete");
}

static const char *why_ended_badly(const struct sm_results *run, struct sm_results *strings)
{
	const struct sm_sample *first = NULL;
	size_t bad = 0;

	for (size_t i = 0; i < run->sample_count; i++) {
		const struct sm_sample *one = &run->samples[i];

		if ((one->ended == SM_VERIFY_FAILED || one->ended == SM_WORKER_DIED || one->ended == SM_TIMED_OUT) &&
		    bad++ == 0)
			first = one;
	}
	return first ? sm_results_string(strings, "%zu of its trials ended badly (the first of %s: %s)", bad,
					 run->cases[first->case_index].id, sm_status_name(first->ended))
		     : NULL;
}

/* Why others disturbed the run, so that it is no baseline.  Other load matters where no gate compares ratios. */
static const char *why_disturbed(const struct sm_digest *self, const struct sm_gate_row *rows, size_t count,
				 struct sm_results *strings)
{
	const char *why = NULL;
	bool ratios = false;

	for (size_t i = 0; i < count; i++)
		ratios |= rows[i].gate->kind == SM_GATE_BASELINE && rows[i].gate->against;
	for (size_t c = 0; !why && c < self->count; c++)
		why = gate_disturbed(self, c, ratios, "this run", strings);
	return why;
}

/* Whether the case `c` of a run, or its ratio to this variant (NULL: none), has the blocks for a level. */
static bool has_level(const struct sm_digest *self, size_t c, sm_name against)
{
	const struct digest_case *one = &self->cases[c];
	struct side side = { .one = one };
	double *room;
	bool found = false;

	for (size_t i = 0; against && i < self->count; i++)
		if (self->cases[i].group == one->group && self->cases[i].variant == against)
			side.beside = &self->cases[i];
	if (against && !side.beside)
		return false;
	room = malloc((gate_most_blocks(&side) + 1) * sizeof(*room));
	if (!room)
		sm_no_memory();
	for (unsigned k = 0; !found && k < one->classes; k++)
		found = gate_values(&side, one->klass[k].name, room) >= SM_BLOCKS_MIN;
	free(room);
	return found;
}

/* Whether later runs find a level of a gate's case in this one. */
static bool is_of_use(const struct sm_digest *self, const struct sm_gate *gate)
{
	sm_name name = sm_name_format("%s/%s", gate->scenario, gate->variant);

	for (size_t c = 0; c < self->count; c++)
		if (self->cases[c].name == name && has_level(self, c, gate->against))
			return true;
	return false;
}

/* Why the result of a gate keeps the run out.  What is beyond the bounds of a gate, certain or not, would become normal run
 * by run.  The median stands for the baselines, so that an odd one among the first does not keep all later ones out. */
static const char *why_by_gate(const struct sm_gate_row *row, struct sm_results *strings)
{
	const struct sm_gate *gate = row->gate;

	if (row->verdict == SM_REFUTED && (gate->kind == SM_GATE_BASELINE || !sm_gate_accepted(row)))
		return "a gate failed";
	if (gate->kind != SM_GATE_BASELINE || isnan(row->beyond))
		return NULL;
	return sm_results_string(strings,
				 "it is at %.4g times the median of its baselines, beyond the %s %.4g of gate %s",
				 row->beyond, gate->max > 0 && row->beyond > gate->max ? "max" : "min",
				 gate->max > 0 && row->beyond > gate->max ? gate->max : gate->min, gate->name);
}

/* Why the run must not become a baseline; NULL: it may. */
static const char *why_not(const struct sm_stored *stored, const struct sm_results *run, const struct sm_gate_row *rows,
			   size_t count, struct sm_results *strings)
{
	const char *why = NULL;
	size_t baselines = 0, of_use = 0;

	if (stored->shelf.there)
		return "it is in the store already";
	if (is_injected(run->manifest))
		return "it was measured with --inject";
	if (!is_complete(run->manifest))
		return "it was interrupted";
	for (size_t i = 0; !why && i < count; i++) {
		why = why_by_gate(&rows[i], strings);
		if (rows[i].gate->kind == SM_GATE_BASELINE) {
			baselines++;
			of_use += is_of_use(stored->self, rows[i].gate);
		}
	}
	if (!why)
		why = why_ended_badly(run, strings);
	if (!why)
		why = why_disturbed(stored->self, rows, count, strings);
	if (!why && baselines > 0 && of_use == 0)
		why = "no gate on a baseline has 6 blocks of it that count";
	return why;
}
_Static_assert(SM_BLOCKS_MIN == 6, "the sentence says 6");

int sm_stored_add(struct sm_stored *stored, const struct sm_results *run, const struct sm_gate_row *rows, size_t count,
		  struct sm_error *err)
{
	struct sm_results strings;
	const char *why;
	int rc = 0;

	sm_results_init(&strings);
	why = why_not(stored, run, rows, count, &strings);
	if (!why) {
		rc = sm_shelf_add(&stored->shelf, run->folder, &stored->removed, err);
		stored->added = rc == 0;
		why = rc < 0 ? err->text : "";
	}
	snprintf(stored->why_not, sizeof(stored->why_not), "%s", why);
	sm_results_free(&strings);
	/* another process may have been faster, or this run is an old one: no fault of the store */
	return rc == -EEXIST || rc == -ESTALE ? 0 : rc;
}

void sm_stored_free(struct sm_stored *stored)
{
	sm_digest_free(stored->self);
	sm_shelf_free(&stored->shelf);
	json_decref(stored->left_out);
	*stored = (struct sm_stored){ .store = NULL };
}

void gate_say_stored(struct sm_words *words, const struct sm_stored *stored)
{
	const struct sm_shelf *shelf = &stored->shelf;

	if (stored->of_type == 0)
		sm_words_add(words, "No baseline of this type yet in %s (type %s)%s. ", stored->store, shelf->type,
			     stored->added ? ": begun with this run" : "");
	else
		sm_words_add(words, "Found %zu %s of this type in %s: %zu of this host, %zu of other hosts. ",
			     stored->of_type, stored->of_type == 1 ? "run" : "runs", shelf->folder, stored->of_host,
			     stored->of_type - stored->of_host);
	if (stored->added)
		sm_words_add(words, "Added as %s/%s (%zu of this type)", shelf->folder, shelf->name, shelf->count + 1);
	else
		sm_words_add(words, "Not added: %s", stored->why_not);
	if (stored->removed > 0)
		sm_words_add(words, "; %zu others removed", stored->removed);
	sm_words_add(words, ".");
}

json_t *gate_stored_json(const struct sm_stored *stored)
{
	if (!stored)
		return json_null();
	return json_pack("{s:s, s:s, s:i, s:i, s:o, s:o, s:i, s:O}", "path", stored->shelf.folder, "type",
			 stored->shelf.type, "of_host", (int)stored->of_host, "of_type", (int)stored->of_type, "added",
			 stored->added ? json_string(stored->shelf.name) : json_null(), "why_not_added",
			 stored->added ? json_null() : json_string(stored->why_not), "removed", (int)stored->removed,
			 "left_out", stored->left_out);
}
