/* Merges the runs of an alternation into one run, in which old and new are the variants of every case, and judges
 * it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/compare.h"
#include "shmeter/error.h"
#include "shmeter/memory.h"
#include "shmeter/store.h"

enum side { OLD, NEW };

struct merging {
	struct sm_results *out;
	const struct sm_alternation_keys *differ;
	unsigned next_trial;
};

/* How the trials of one side of a case ended. */
struct fate {
	unsigned trials, skipped, wrong, broken;
	const char *reason; /* reason of the worst trial so far */
};

static bool is_control(const struct sm_case_row *row)
{
	return row->control;
}

static bool differs(const struct sm_alternation_keys *keys, sm_name key)
{
	for (size_t i = 0; i < keys->count; i++)
		if (sm_name_of(keys->key[i]) == key)
			return true;
	return false;
}

/* "op=store processes=2@near+memfd,4k,madvise,first-touch" of a case, without the keys in which the two sides differ on
 * purpose. */
static const char *point_of(const struct merging *m, const struct sm_case_row *row)
{
	const struct {
		const char *key, *value;
		char before;
	} field[] = { { "placement", sm_placement_name(row->placement), '@' },
		      { "backing", row->backing, '+' },
		      { "pages", row->pages, ',' },
		      { "prefault", row->prefault, ',' },
		      { "numa", row->numa, ',' } };
	sm_name params = row->params;
	const char *point;
	struct sm_written written;
	FILE *out = sm_written_open(&written);

	for (size_t i = 0; i < m->differ->count; i++)
		params = sm_params_but(params, m->differ->key[i]);
	if (params != sm_none || row->params == sm_none)
		fputs(params, out);
	for (size_t i = 0; i < sizeof(field) / sizeof(field[0]); i++)
		if (!differs(m->differ, sm_name_of(field[i].key)))
			fprintf(out, "%c%s", field[i].before, field[i].value);
	sm_written_close(&written);
	point = sm_results_copy(m->out, written.text);
	free(written.text);
	return point;
}

static sm_name side_name(unsigned side)
{
	return sm_name_of(side == NEW ? "new" : "old");
}

/* The case of `out` for a case of one side; adds it where it is missing. */
static unsigned merged_case(struct merging *m, const struct sm_case_row *row, unsigned side)
{
	struct sm_results *out = m->out;
	struct sm_case_row merged = *row, *added;
	long index;

	merged.variant = is_control(row) ? row->variant : side_name(side);
	merged.group = is_control(row) ? sm_name_format("aa?%s", point_of(m, row))
				       : sm_name_format("%s/%s?%s", row->scenario, row->variant, point_of(m, row));
	merged.id = sm_name_format("%s|%s", merged.group, merged.variant);
	merged.of = merged.id;
	merged.of_group = merged.group;
	index = sm_results_find_case(out, merged.id);
	if (index >= 0) {
		if (out->cases[index].relation == SM_PLACE_UNSET)
			out->cases[index].relation = row->relation;
		return (unsigned)index;
	}
	added = sm_results_add_case(out);
	*added = merged;
	return (unsigned)out->case_count - 1;
}

static void take_slices(struct merging *m, const struct sm_results *side)
{
	for (size_t i = 0; i < side->slice_count; i++) {
		struct sm_slice_row slice = side->slices[i];

		slice.trial += m->next_trial;
		*sm_results_add_slice(m->out) = slice;
	}
}

/* Rejects two cases of one run with the same name: they differ only in a key that `shmeter ab` varies. */
static int check_names(struct merging *m, const struct sm_results *run, unsigned side, struct sm_error *err)
{
	unsigned *merged = calloc(run->case_count + 1, sizeof(*merged));
	int rc = merged ? 0 : sm_fail(err, ENOMEM, "no memory for %zu cases", run->case_count);

	for (size_t i = 0; rc == 0 && i < run->case_count; i++) {
		if (run->cases[i].derived || is_control(&run->cases[i]))
			continue;
		merged[i] = merged_case(m, &run->cases[i], side) + 1;
		for (size_t j = 0; rc == 0 && j < i; j++)
			if (merged[j] == merged[i])
				rc = sm_fail(err, EINVAL,
					     "%s and %s differ only in what --left and --right set: give "
					     "both sides one value of it",
					     run->cases[j].id, run->cases[i].id);
	}
	free(merged);
	return rc;
}

/* Adds one run of one side as block `block`.  The control, which both sides have, gets two blocks. */
static void take_side(struct merging *m, const struct sm_results *run, unsigned side, unsigned block)
{
	unsigned last = 0;

	for (size_t i = 0; i < run->sample_count; i++) {
		struct sm_sample sample = run->samples[i];
		const struct sm_case_row *row = &run->cases[sample.case_index];

		last = sample.trial > last ? sample.trial : last;
		if (sample.derived)
			continue;
		sample.case_index = merged_case(m, row, side);
		sample.block = is_control(row) ? 2 * block + side : block;
		sample.trial += m->next_trial;
		sample.pus = sm_results_string(m->out, "%s", sample.pus);
		sample.nodes = sm_results_string(m->out, "%s", sample.nodes);
		sample.pages_got = sm_results_string(m->out, "%s", sample.pages_got);
		sample.reason = sm_results_string(m->out, "%s", sample.reason);
		*sm_results_add_sample(m->out) = sample;
	}
	take_slices(m, run);
	m->next_trial += last + 1;
}

static int take_folder(struct merging *m, const char *folder, unsigned side, unsigned block, struct sm_error *err)
{
	struct sm_results run;
	int rc;

	sm_results_init(&run);
	rc = sm_store_load(&run, folder, err);
	if (rc == 0)
		rc = sm_results_prepare(&run, err);
	if (rc == 0)
		rc = check_names(m, &run, side, err);
	if (rc == 0) {
		take_side(m, &run, side, block);
		if (!m->out->manifest)
			m->out->manifest = json_deep_copy(run.manifest);
	}
	sm_results_free(&run);
	return rc;
}

/* A case with its index before the sort. */
struct ranked {
	struct sm_case_row row;
	unsigned was;
};

static int compare_ids(const void *left, const void *right)
{
	return strcmp(((const struct ranked *)left)->row.id, ((const struct ranked *)right)->row.id);
}

/* Every run shuffles its trials, so cases come in any order.  Sorting gives the same cases the same order. */
static int sort_cases(struct sm_results *out, struct sm_error *err)
{
	size_t count = out->case_count;
	struct ranked *ranked = calloc(count + 1, sizeof(*ranked));
	unsigned *now = calloc(count + 1, sizeof(*now)); /* new index by old index */

	if (!ranked || !now) {
		free(ranked);
		free(now);
		return sm_fail(err, ENOMEM, "no memory for %zu cases", count);
	}
	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){ out->cases[i], (unsigned)i };
	qsort(ranked, count, sizeof(*ranked), compare_ids);
	for (size_t i = 0; i < count; i++) {
		out->cases[i] = ranked[i].row;
		now[ranked[i].was] = (unsigned)i;
	}
	for (size_t i = 0; i < out->sample_count; i++)
		out->samples[i].case_index = now[out->samples[i].case_index];
	free(now);
	free(ranked);
	return 0;
}

int sm_alternation_load(struct sm_results *out, const char *const *old_folders, const char *const *new_folders,
			size_t count, const struct sm_alternation_keys *differ, struct sm_error *err)
{
	struct merging m = { .out = out, .differ = differ };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = take_folder(&m, old_folders[i], OLD, (unsigned)i, err);
		if (rc == 0)
			rc = take_folder(&m, new_folders[i], NEW, (unsigned)i, err);
	}
	return rc == 0 ? sort_cases(out, err) : rc;
}

bool sm_alternation_has(const struct sm_results *results, sm_name group, const char *side)
{
	sm_name variant = sm_name_of(side);

	for (size_t i = 0; i < results->case_count; i++)
		if (results->cases[i].group == group && results->cases[i].variant == variant)
			return true;
	return false;
}

bool sm_alternation_only_new(const struct sm_results *results, const struct sm_case_row *row)
{
	return row->variant == side_name(NEW) && !sm_alternation_has(results, row->group, "old");
}

int sm_alternation_gates(struct sm_gates *gates, const struct sm_results *results, double allowed, struct sm_error *err)
{
	*gates = (struct sm_gates){ .path = "ab", .gate = calloc(results->case_count + 1, sizeof(*gates->gate)) };
	if (!gates->gate)
		return sm_fail(err, ENOMEM, "no memory for the gates");
	for (size_t i = 0; i < results->case_count; i++) {
		const struct sm_case_row *row = &results->cases[i];

		if (!is_control(row) && row->variant == side_name(OLD))
			gates->gate[gates->count++] = (struct sm_gate){
				.name = row->group,
				.kind = SM_GATE_RATIO,
				.scenario = row->scenario,
				.variant = side_name(NEW),
				.against = side_name(OLD),
				.group = row->group,
				.max = allowed,
			};
	}
	return gates->count ? 0 : sm_fail(err, EINVAL, "the old side has measured no case");
}

static struct fate fate_of(const struct sm_results *results, sm_name group, sm_name side)
{
	struct fate fate = { .reason = sm_none };

	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];
		const struct sm_case_row *row = &results->cases[sample->case_index];
		bool wrong = sample->ended == SM_VERIFY_FAILED;
		bool broken = sample->ended == SM_WORKER_DIED || sample->ended == SM_TIMED_OUT;
		bool skipped = sample->ended == SM_SKIPPED;

		if (row->group != group || row->variant != side)
			continue;
		if ((wrong && fate.wrong == 0) || (broken && fate.wrong + fate.broken == 0) ||
		    (skipped && fate.skipped == fate.trials))
			fate.reason = sample->reason;
		fate.trials++;
		fate.skipped += skipped;
		fate.wrong += wrong;
		fate.broken += broken;
	}
	return fate;
}

static void fail(struct sm_results *results, struct sm_gate_row *row, const struct fate *new)
{
	row->verdict = SM_REFUTED;
	row->wrong_data = new->wrong > 0;
	row->reason = sm_none;
	row->evidence = sm_results_string(
		results,
		"%u of %u trials of new failed in a way that none of old did: %u with wrong data, %u whose worker died or "
		"did not end in time (%s)",
		new->wrong + new->broken, new->trials, new->wrong, new->broken, new->reason);
}

static void leave_open(struct sm_gate_row *row, const char *reason)
{
	row->verdict = SM_INCONCLUSIVE;
	row->wrong_data = false;
	row->reason = reason;
}

/* Failed trials have no time, so a verdict on the times of the others would miss them.  Returns whether they decide. */
static bool judge_fate(const struct sm_gate *gate, struct sm_results *results, struct sm_gate_row *row)
{
	struct fate old = fate_of(results, gate->group, side_name(OLD));
	struct fate new = fate_of(results, gate->group, side_name(NEW));
	bool old_ran = old.skipped < old.trials;
	unsigned old_failed = old.wrong + old.broken, new_failed = new.wrong + new.broken;

	if (new.trials == 0) {
		row->evidence = "not measured";
		leave_open(row, "new has no such case: where it was not removed or renamed on purpose, "
				"something keeps it from being measured");
	} else if (old_ran && new.skipped == new.trials) {
		leave_open(row, sm_results_string(results, "old ran it, new did not: %s", new.reason));
	} else if ((new.wrong > 0 && old.wrong == 0) || (new.broken > 0 && old_failed == 0)) {
		fail(results, row, &new);
	} else if (old_failed > 0 && (new_failed > 0 || old_failed + old.skipped == old.trials)) {
		leave_open(row, sm_results_string(results, "%u of %u trials of old failed (%s), and %u of %u of new",
						  old_failed, old.trials, old.reason, new_failed, new.trials));
	} else {
		return false;
	}
	return true;
}

/* Leaves out what came after a gate was settled.  Trials that failed stay: no chance takes them back. */
static void cut(struct sm_results *results, const struct sm_gates *gates)
{
	size_t kept = 0;

	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];
		bool counts = true;

		for (size_t k = 0; k < gates->count; k++)
			if (gates->gate[k].settled && gates->gate[k].group == results->cases[sample->case_index].group)
				counts = sample->ended != SM_OK || sample->block < gates->gate[k].settled;
		if (counts)
			results->samples[kept++] = *sample;
	}
	results->sample_count = kept;
}

int sm_alternation_judge(struct sm_gates *gates, struct sm_results *results, struct sm_gate_row *rows,
			 struct sm_error *err)
{
	int rc;

	cut(results, gates);
	rc = sm_gates_judge(gates, results, NULL, NULL, 0, rows, err);
	for (size_t i = 0; rc == 0 && i < gates->count; i++)
		(void)judge_fate(&gates->gate[i], results, &rows[i]);
	return rc;
}

int sm_alternation_open(const struct sm_gates *gates, struct sm_results *results, bool *open, struct sm_error *err)
{
	sm_name *group = calloc(results->case_count + 1, sizeof(*group));
	size_t count = 0;
	int rc;

	cut(results, gates);
	rc = group ? sm_gates_open(gates, results, NULL, 0, group, &count, err)
		   : sm_fail(err, ENOMEM, "no memory for %zu cases", results->case_count);
	for (size_t i = 0; rc == 0 && i < gates->count; i++) {
		struct sm_gate_row row;

		open[i] = false;
		for (size_t g = 0; g < count; g++)
			open[i] |= gates->gate[i].group == group[g] && !judge_fate(&gates->gate[i], results, &row);
	}
	free(group);
	return rc;
}

/* Fewest blocks with which a timing gate can FAIL, all blocks agreeing (at Holm's strictest level). */
static unsigned blocks_needed(const struct sm_gate_row *rows, size_t count, const struct sm_results *results)
{
	unsigned tests = 0;

	for (size_t i = 0; i < count; i++)
		tests += !isnan(rows[i].p);
	return sm_gates_blocks_needed(tests, json_is_true(json_object_get(results->manifest, "looked")));
}

const char *sm_alternation_wrong(const struct sm_results *results)
{
	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_case_row *row = &results->cases[results->samples[i].case_index];

		if (results->samples[i].ended == SM_VERIFY_FAILED &&
		    (is_control(row) || sm_alternation_only_new(results, row)))
			return row->id;
	}
	return NULL;
}

/* Says that no failure could be detected among `usable` blocks, or pairs of layouts. */
static const char *too_few(bool layouts, struct sm_results *results, unsigned usable, unsigned measured,
			   unsigned needed)
{
	if (!needed)
		return "no failure can be detected: no case was measured on both sides";
	return sm_results_string(results,
				 "too few %s to detect a failure: %u needed, %u usable of %u measured; name fewer "
				 "cases, or %s",
				 layouts ? "layouts" : "blocks", needed, usable, measured,
				 layouts ? "give each side more layouts" : "raise --budget or --repeat-blocks");
}

const char *sm_alternation_doubt(const struct sm_gates *gates, struct sm_gate_row *rows, struct sm_results *results,
				 unsigned measured)
{
	unsigned needed = blocks_needed(rows, gates->count, results), most = 0;
	bool layouts = gates->layouts > 1;

	for (size_t i = 0; i < gates->count; i++) {
		struct sm_gate_row *row = &rows[i];

		most = row->blocks > most ? row->blocks : most;
		if (row->verdict == SM_SUPPORTED && (!needed || row->blocks < needed))
			leave_open(row, too_few(layouts, results, row->blocks, measured, needed));
	}
	return needed && most >= needed ? NULL : too_few(layouts, results, most, measured, needed);
}
