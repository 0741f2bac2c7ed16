/* The runs of an alternation as one run: old and new are the variants of every case. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/compare.h"
#include "shmeter/store.h"

struct merging {
	struct sm_results *out;
	unsigned next_trial;
};

static bool is_control(const struct sm_case_row *row)
{
	return strcmp(row->scenario, "aa") == 0;
}

/* The case of `out` that stands for one of a side's; made where it is not there yet.  Two settings of one build differ
 * in what the id says of memory and placement: what is compared is scenario, variant and parameters. */
static unsigned merged_case(struct merging *m, const struct sm_case_row *row, unsigned side)
{
	static const char *const names[2] = { "old", "new" };
	struct sm_results *out = m->out;
	struct sm_case_row merged = *row, *added;
	const char **texts[] = { &merged.scenario, &merged.params,  &merged.placement,
				 &merged.relation, &merged.backing, &merged.pages,
				 &merged.prefault, &merged.numa,    &merged.unit,
				 &merged.metric };
	long index;

	merged.variant = sm_results_string(out, "%s", is_control(row) ? row->variant : names[side]);
	merged.group = is_control(row) ? "aa"
				       : sm_results_string(out, "%s/%s?%s", row->scenario,
							   row->variant, row->params);
	merged.id = sm_results_string(out, "%s|%s", merged.group, merged.variant);
	index = sm_results_find_case(out, merged.id);
	if (index >= 0) {
		if (strcmp(out->cases[index].relation, "-") == 0)
			out->cases[index].relation = sm_results_string(out, "%s", row->relation);
		return (unsigned)index;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		*texts[i] = sm_results_string(out, "%s", *texts[i]);
	added = sm_results_add_case(out);
	*added = merged;
	return (unsigned)out->case_count - 1;
}

static void take_slices(struct merging *m, const struct sm_results *side)
{
	for (size_t i = 0; i < side->slice_count; i++) {
		struct sm_slice_row slice = side->slices[i];

		slice.trial += m->next_trial;
		slice.klass = sm_results_string(m->out, "%s", slice.klass);
		slice.reason = sm_results_string(m->out, "%s", slice.reason);
		*sm_results_add_slice(m->out) = slice;
	}
}

/* One run of one side becomes block `block`; of the control, which both sides bring, two. */
static void take_side(struct merging *m, const struct sm_results *run, unsigned side,
		      unsigned block)
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
		sample.pages_got = sm_results_string(m->out, "%s", sample.pages_got);
		sample.klass = sm_results_string(m->out, "%s", sample.klass);
		sample.reason = sm_results_string(m->out, "%s", sample.reason);
		*sm_results_add_sample(m->out) = sample;
	}
	take_slices(m, run);
	m->next_trial += last + 1;
}

static int take_folder(struct merging *m, const char *folder, unsigned side, unsigned block,
		       struct sm_error *err)
{
	struct sm_results run;
	int rc;

	sm_results_init(&run);
	rc = sm_store_load(&run, folder, err);
	if (rc == 0) {
		take_side(m, &run, side, block);
		if (!m->out->manifest)
			m->out->manifest = json_deep_copy(run.manifest);
	}
	sm_results_free(&run);
	return rc;
}

static size_t count_unmatched(const struct sm_results *out)
{
	size_t unmatched = 0;

	for (size_t i = 0; i < out->case_count; i++) {
		bool both = strcmp(out->cases[i].group, "aa") == 0;

		for (size_t j = 0; j < out->case_count && !both; j++)
			both = j != i && strcmp(out->cases[i].group, out->cases[j].group) == 0;
		unmatched += !both;
	}
	return unmatched;
}

int sm_alternation_load(struct sm_results *out, const char *const *old_folders,
			const char *const *new_folders, size_t count, size_t *unmatched,
			struct sm_error *err)
{
	struct merging m = { .out = out };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		rc = take_folder(&m, old_folders[i], 0, (unsigned)i, err);
		if (rc == 0)
			rc = take_folder(&m, new_folders[i], 1, (unsigned)i, err);
	}
	*unmatched = count_unmatched(out);
	return rc;
}
