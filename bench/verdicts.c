#include <stdlib.h>

#include "program.h"
#include "verdicts.h"

int print_gates(const struct gate_options *options, const struct sm_gate_report *report, struct sm_error *err)
{
	const char *summary = getenv("GITHUB_STEP_SUMMARY");
	int rc = 0;

	if (options->json) {
		json_t *json = sm_gates_json(report);

		json_dumpf(json, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
		putchar('\n');
		json_decref(json);
	} else {
		sm_gates_print(report, stdout);
	}
	if (options->junit)
		rc = sm_gates_write_junit(report, options->junit, err);
	if (rc == 0 && options->github && summary && *summary)
		rc = sm_gates_append_summary(report, summary, err);
	if (options->github) /* GitHub reads either stream; a reader of JSON needs standard output for itself */
		sm_gates_annotate(report, options->json ? stderr : stdout);
	return rc;
}

int exit_of_verdict(const struct gate_options *options, enum sm_verdict verdict)
{
	if (verdict == SM_REFUTED)
		return EXIT_REFUTED;
	return verdict != SM_SUPPORTED && options->strict ? EXIT_INCONCLUSIVE : EXIT_OK;
}
