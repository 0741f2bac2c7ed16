/* shmeter plugin check, for a scenario: one short trial of each case, whose work has to be verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin_actions.h"
#include "program.h"
#include "registry.h"
#include "shmeter/encode.h"
#include "shmeter/memory.h"
#include "shmeter/run.h"

#define NAME_SIZE 96 /* scenario/variant */
#define SLICE_NS  500000u
#define TIME_NS   10000000000u

/* Runs each variant, also the extra ones, at the quick profile's points. */
static int measure(const struct sm_scenario *scenario, const struct plugin_options *options, const char *folder,
		   struct sm_results *results, struct sm_error *err)
{
	struct sm_run_options run = { .folder = folder, .no_counters = true };
	const char **pattern;
	char(*name)[NAME_SIZE];
	size_t count = 0;
	int rc;

	while (scenario->variants[count].name)
		count++;
	pattern = sm_memory(count * sizeof(*pattern));
	name = sm_memory(count * sizeof(*name));
	for (size_t i = 0; i < count; i++) {
		snprintf(name[i], NAME_SIZE, "%s/%s", scenario->name, scenario->variants[i].name);
		pattern[i] = name[i];
	}
	run.plan.patterns = pattern;
	run.plan.pattern_count = count;
	run.plan.repeat_blocks = 1;
	run.plan.slices = SM_SLICES_LEAST;
	run.plan.slice_ns = SLICE_NS;
	run.plan.budget_ns = options->check_ns ? options->check_ns : TIME_NS;
	complete_run(&run, &options->common);
	rc = sm_run(&run, sm_scenarios, sm_scenario_count, results, err);
	free(name);
	free(pattern);
	return rc;
}

/* Whether a trial was not done because this machine cannot, and not because the plug-in failed before its work. */
static bool cannot_here(const struct sm_sample *sample)
{
	static const char *const failures[] = { "plug-in ", "while calibrating: " };

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++)
		if (strncmp(sample->reason, failures[i], strlen(failures[i])) == 0)
			return false;
	return sample->ended == SM_SKIPPED;
}

/* Judges the trials of one variant. */
static void judge(const struct sm_results *results, const char *scenario, const char *variant,
		  struct sm_proof_verdict *verdict)
{
	unsigned done = 0, skipped = 0;

	verdict->check = variant;
	verdict->result = SM_PROOF_PASS;
	for (size_t i = 0; i < results->sample_count && verdict->result != SM_PROOF_FAIL; i++) {
		const struct sm_sample *sample = &results->samples[i];
		const struct sm_case_row *c = &results->cases[sample->case_index];

		if (strcmp(c->scenario, scenario) != 0 || strcmp(c->variant, variant) != 0)
			continue;
		if (sample->ended == SM_OK || sample->ended == SM_DISTURBED) {
			done++;
		} else if (cannot_here(sample)) {
			skipped++;
			snprintf(verdict->evidence, sizeof(verdict->evidence), "%s", sample->reason);
		} else {
			verdict->result = SM_PROOF_FAIL;
			snprintf(verdict->evidence, sizeof(verdict->evidence), "%.80s: %.400s", c->params,
				 sample->reason);
		}
	}
	if (verdict->result == SM_PROOF_FAIL)
		return;
	if (done == 0)
		verdict->result = SM_PROOF_SKIPPED;
	else
		snprintf(verdict->evidence, sizeof(verdict->evidence), "%u trial%s: the work was done%s", done,
			 done == 1 ? "" : "s", skipped ? "; some points cannot run here" : "");
}

int plugin_try(const struct sm_scenario *scenario, const struct plugin_options *options, const char *scratch,
	       void (*tell)(void *context, const struct sm_proof_verdict *verdict), void *context, struct sm_error *err)
{
	struct sm_results results;
	char folder[4200];
	bool done = false;
	int rc, works = 1;

	snprintf(folder, sizeof(folder), "%.4000s/%.100s", scratch, scenario->name);
	sm_results_init(&results);
	rc = measure(scenario, options, folder, &results, err);
	for (const struct sm_variant *v = scenario->variants; rc == 0 && v->name; v++) {
		struct sm_proof_verdict verdict = { 0 };

		judge(&results, scenario->name, v->name, &verdict);
		sm_clean(verdict.evidence);
		works &= verdict.result != SM_PROOF_FAIL;
		done |= verdict.result == SM_PROOF_PASS;
		tell(context, &verdict);
	}
	sm_results_free(&results);
	return rc < 0 ? rc : works && !done ? PLUGIN_NOT_TRIED : works;
}
