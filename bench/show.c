/* What `run` and `report` print and draw of a run folder. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "program.h"
#include "registry.h"
#include "shmeter/report.h"
#include "shmeter/store.h"

static unsigned terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 40)
		return size.ws_col;
	return 0;
}

/* Wrong data is the program's failure, whatever else was found; nothing at all measured is the
 * machine's. */
static int judge(const struct sm_results *results)
{
	size_t asked = 0, skipped = 0;

	for (size_t i = 0; i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];

		if (sample->status == SM_VERIFY_FAILED) {
			fprintf(stderr, "shmeter: wrong data: trial %u of %s: %s\n", sample->trial,
				results->cases[sample->case_index].id, sample->reason);
			return EXIT_WRONG;
		}
		/* The control runs along with everything: it is no answer to what was asked. */
		if (strcmp(results->cases[sample->case_index].scenario, "aa") == 0)
			continue;
		asked++;
		skipped += sample->status == SM_SKIPPED;
	}
	if (asked > 0 && skipped == asked) {
		fprintf(stderr, "shmeter: nothing that was asked for can run on this machine; the "
				"reasons are above\n");
		return EXIT_MACHINE;
	}
	return EXIT_OK;
}

int show_results(const struct arguments *arguments, const char *folder)
{
	struct sm_report_options options = {
		.color = use_color(arguments, stdout),
		.term = arguments->term,
		.plots = plots_folder(),
		.width = terminal_width(),
		.scenarios = sm_scenarios,
		.scenario_count = sm_scenario_count,
	};
	struct sm_results results;
	struct sm_error err = { 0 };
	unsigned drawn = 0;
	int rc;

	sm_results_init(&results);
	rc = sm_store_load(&results, folder, &err);
	if (rc < 0) {
		rc = complain(&err);
		goto out_results;
	}
	if (!arguments->no_plots && sm_report_figures(&results, &options, &drawn, &err) < 0)
		fprintf(stderr, "shmeter: %s\n", err.text);
	if (sm_report_page(&results, &options, &err) < 0) {
		rc = complain(&err);
		goto out_results;
	}
	if (arguments->verbose || (arguments->command == CMD_REPORT && !arguments->quiet))
		sm_report_tables(&results, &options, stdout);
	sm_report_findings(&results, &options, stdout);
	printf("\nFiles: %s (%u figures in plots/, report.html)\n", folder, drawn);
	rc = judge(&results);
out_results:
	sm_results_free(&results);
	return rc;
}
