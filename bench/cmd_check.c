/* shmeter check */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "program.h"
#include "registry.h"
#include "shmeter/gate.h"
#include "shmeter/guard.h"
#include "shmeter/store.h"

/* Fresh trials: enough blocks for a FAIL among many gates. */
#define CONFIRM_BLOCKS 32
#define CONFIRM_MAX    100

struct check {
	struct arguments *arguments;
	struct sm_gates gates;
	struct sm_results run, fresh;
	struct sm_digest *baseline;
	struct sm_gate_row *rows, *fresh_rows;
	struct progress_line line;
};

/* DIR/confirm-N that is not there yet. */
static int confirm_folder(const char *folder, char *out, size_t size, struct sm_error *err)
{
	for (unsigned i = 1; i <= CONFIRM_MAX; i++) {
		snprintf(out, size, "%s/confirm-%u", folder, i);
		if (access(out, F_OK) != 0)
			return 0;
	}
	return sm_fail(err, EEXIST, "%s holds %d confirmations already: remove some", folder, CONFIRM_MAX);
}

/* Measures the cases of the failing gates again, as the run was measured. */
static int run_fresh(struct check *check, const char *folder, struct sm_error *err)
{
	struct arguments *arguments = check->arguments;
	struct sm_run_options *run = &arguments->run;
	bool *failing = calloc(check->gates.count, sizeof(*failing));
	struct sm_plan_options restored;
	int rc;

	if (!failing)
		return sm_fail(err, ENOMEM, "no memory for the gates");
	for (size_t i = 0; i < check->gates.count; i++)
		failing[i] = check->rows[i].verdict == SM_REFUTED;
	rc = sm_run_restore_options(check->run.manifest, arguments->operand[0], &run->plan, err);
	if (rc < 0)
		goto out_failing;
	restored = run->plan;
	rc = sm_gates_plan(&check->gates, failing, &run->plan, err);
	if (rc < 0)
		goto out_restored;
	run->plan.repeat_blocks = CONFIRM_BLOCKS;
	run->plan.budget_ns = 0;
	run->events = sm_gates_events(check->run.manifest);
	run->folder = folder;
	run->stop = stop_flag();
	(void)!getrandom(&run->plan.seed, sizeof(uint32_t), 0);
	if (!arguments->quiet && isatty(STDERR_FILENO)) {
		run->progress = show_progress;
		run->progress_context = &check->line;
	}
	rc = sm_guard_start(err);
	if (rc == 0)
		rc = sm_run(run, sm_scenarios, sm_scenario_count, &check->fresh, err);
	(void)!sm_guard_stop(NULL); /* no settings were changed */
	if (check->line.used)
		fprintf(stderr, "\r\033[K");
	free((void *)run->plan.patterns);
	free((void *)run->plan.longer);
out_restored:
	sm_run_free_options(&restored);
out_failing:
	free(failing);
	return rc;
}

static int confirm(struct check *check, struct sm_error *err)
{
	size_t count = check->gates.count;
	char folder[4200];
	int rc;

	if (sm_gates_overall(check->rows, count) != SM_REFUTED)
		return 0;
	rc = confirm_folder(check->arguments->operand[0], folder, sizeof(folder), err);
	if (rc == 0)
		rc = run_fresh(check, folder, err);
	check->fresh_rows = calloc(count, sizeof(*check->fresh_rows));
	if (rc == 0 && !check->fresh_rows)
		rc = sm_fail(err, ENOMEM, "no memory for %zu gates", count);
	if (rc == 0)
		rc = sm_gates_judge(&check->gates, &check->fresh, check->baseline, sm_scenarios, sm_scenario_count,
				    check->fresh_rows, err);
	if (rc == 0)
		sm_gates_confirm(check->rows, count, check->fresh_rows, count);
	return rc;
}

int print_gates(const struct arguments *arguments, const struct sm_gate_report *report, struct sm_error *err)
{
	const char *summary = getenv("GITHUB_STEP_SUMMARY");
	int rc = 0;

	if (arguments->json) {
		json_t *json = sm_gates_json(report);

		json_dumpf(json, stdout, JSON_INDENT(1) | JSON_ENSURE_ASCII);
		putchar('\n');
		json_decref(json);
	} else {
		sm_gates_print(report, stdout);
	}
	if (arguments->junit)
		rc = sm_gates_write_junit(report, arguments->junit, err);
	if (rc == 0 && arguments->github && summary && *summary)
		rc = sm_gates_append_summary(report, summary, err);
	if (arguments->github) /* the service reads both; a reader of JSON the one */
		sm_gates_annotate(report, arguments->json ? stderr : stdout);
	return rc;
}

int exit_of(const struct arguments *arguments, enum sm_verdict verdict)
{
	if (verdict == SM_REFUTED)
		return EXIT_REFUTED;
	return verdict != SM_SUPPORTED && arguments->strict ? EXIT_INCONCLUSIVE : EXIT_OK;
}

static int judge(struct check *check, struct sm_error *err)
{
	struct arguments *arguments = check->arguments;
	/* the baseline first: what is left of it is small */
	int rc = arguments->baseline
			 ? sm_digest_load(&check->baseline, arguments->baseline, sm_scenarios, sm_scenario_count, err)
			 : 0;

	if (rc == 0)
		rc = sm_store_load(&check->run, arguments->operand[0], err);
	if (rc < 0)
		return rc;
	tell_left_out(&check->run);
	check->rows = calloc(check->gates.count, sizeof(*check->rows));
	if (!check->rows)
		return sm_fail(err, ENOMEM, "no memory for %zu gates", check->gates.count);
	rc = sm_gates_judge(&check->gates, &check->run, check->baseline, sm_scenarios, sm_scenario_count, check->rows,
			    err);
	if (rc == 0)
		sm_gates_name_again(&check->gates, check->rows, &check->run, arguments->baseline, arguments->confirm);
	if (rc == 0 && arguments->confirm)
		rc = confirm(check, err);
	return rc;
}

int cmd_check(struct arguments *arguments)
{
	struct check check = { .arguments = arguments };
	struct sm_error err = { 0 };
	int rc;

	if (arguments->operands != 1) {
		sm_fail(&err, EINVAL, "`shmeter check` needs one run folder, for example results/latest");
		return complain(&err);
	}
	sm_results_init(&check.run);
	sm_results_init(&check.fresh);
	rc = sm_gates_load(&check.gates, arguments->thresholds ? arguments->thresholds : default_thresholds(),
			   sm_scenarios, sm_scenario_count, &err);
	if (rc == 0)
		rc = judge(&check, &err);
	if (rc == 0) {
		struct sm_gate_report report = { .gates = &check.gates,
						 .rows = check.rows,
						 .run = &check.run,
						 .color = use_color(arguments, stdout) };

		rc = print_gates(arguments, &report, &err);
	}
	rc = rc < 0 ? complain(&err) : exit_of(arguments, sm_gates_strictly(check.rows, check.gates.count));
	free(check.fresh_rows);
	free(check.rows);
	sm_results_free(&check.fresh);
	sm_digest_free(check.baseline);
	sm_results_free(&check.run);
	sm_gates_free(&check.gates);
	return rc;
}
