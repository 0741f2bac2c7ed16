/* What `run` and `report` print and draw for a run folder. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "registry.h"
#include "shmeter/analysis.h"
#include "shmeter/encode.h"
#include "shmeter/report.h"
#include "shmeter/store.h"
#include "show.h"

/* Whether a claim of a requested scenario was decided: claims about counts and values need no quiet machine. */
static bool decides(const struct sm_results *results)
{
	for (size_t i = 0; i < results->claim_count; i++) {
		const struct sm_claim_row *claim = &results->claims[i];

		if (claim->verdict != SM_SUPPORTED && claim->verdict != SM_REFUTED)
			continue;
		for (size_t c = 0; c < results->case_count; c++)
			if (!results->cases[c].control && strcmp(results->cases[c].scenario, claim->scenario) == 0)
				return true;
	}
	return false;
}

/* The exit code: wrong data is a failure whatever else was found; without any measurement, the machine could not run
 * it. */
static int judge(const struct sm_results *results)
{
	size_t asked = 0, skipped = 0, measured = 0;
	bool others = false;
	char lost[SM_LOST_TEXT_MAX];

	for (size_t c = 0; c < results->case_count; c++)
		others |= !results->cases[c].control;
	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];

		if (sample->ended == SM_VERIFY_FAILED) {
			sm_print_line(stderr, "shmeter: wrong data: trial %u of %s: %s", sample->trial,
				      results->cases[sample->case_index].id, sample->reason);
			return EXIT_WRONG;
		}
		/* The control is part of every run, so it is an answer only where nothing else was asked for. */
		if (others && results->cases[sample->case_index].control)
			continue;
		asked++;
		skipped += sample->ended == SM_SKIPPED;
		measured += sample->ended == SM_OK && sample->found.status != SM_DISTURBED;
	}
	if (asked > 0 && skipped == asked) {
		fprintf(stderr,
			"shmeter: none of the requested cases can run on this machine; see the reasons above\n");
		return EXIT_MACHINE;
	}
	if (asked > 0 && measured == 0 && !decides(results)) {
		fprintf(stderr, "shmeter: no trial of the requested cases could be measured; see the reasons above\n");
		return EXIT_MACHINE;
	}
	if (sm_report_lost(results, lost)) {
		sm_print_line(stderr, "shmeter: %s", lost);
		return EXIT_MACHINE;
	}
	return EXIT_OK;
}

void tell_left_out(const struct sm_results *results)
{
	if (results->left_out > 0)
		sm_print_line(stderr, "shmeter: %s: %u lines of unfinished trials are left out", results->folder,
			      results->left_out);
}

/* The scenarios with the base pages of the machine that made the run. */
static const struct sm_scenario *const *scenarios_of(const struct sm_results *results)
{
	const json_t *machine = json_object_get(results->manifest, "environment");
	json_int_t bytes = json_integer_value(json_object_get(machine, "page_bytes"));

	return bytes > 0 ? sm_scenarios_for((uint64_t)bytes) : sm_scenarios;
}

int load_run(struct sm_results *results, const char *folder, struct sm_error *err)
{
	int rc = sm_store_load(results, folder, err);

	if (rc == 0)
		tell_left_out(results);
	return rc == 0 ? sm_analyse(results, scenarios_of(results), sm_scenario_count, err) : rc;
}

int show_results(const struct sm_results *results, const struct show_options *options,
		 const struct common_options *common)
{
	struct sm_report_options report = {
		.color = use_color(common, stdout),
		.term = options->term,
		.plots = plots_folder(),
		.width = terminal_width(),
		.all_points = common->verbose,
		.scenarios = scenarios_of(results),
		.scenario_count = sm_scenario_count,
		.stop = *stop_flag() ? NULL : stop_flag(), /* show a stopped run, too */
	};
	struct sm_error err = { 0 };
	struct sm_drawn drawn = { .count = 0 };
	int rc = 0;

	if (results->out && !options->no_plots) {
		rc = sm_report_figures(results, &report, &drawn, &err);
		if (rc == -EINTR)
			return complain(&err);
		if (rc < 0)
			fprintf(stderr, "shmeter: %s\n", err.text);
		if (drawn.note[0])
			sm_print_line(stderr, "shmeter: %s", drawn.note);
	}
	if (results->out && sm_report_page(results, &report, &drawn, &err) < 0)
		return complain(&err);
	sm_report_head(results, &report, stdout);
	if (!common->quiet)
		sm_report_tables(results, &report, stdout);
	sm_report_findings(results, &report, stdout);
	if (results->out) {
		putchar('\n');
		sm_print_line(stdout, "Files: %s (%u figures in plots/, report.html)", results->out, drawn.count);
	}
	return judge(results);
}
