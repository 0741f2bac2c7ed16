/* shmeter check */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accept.h"
#include "commands.h"
#include "plugins.h"
#include "program.h"
#include "progress.h"
#include "registry.h"
#include "shmeter/encode.h"
#include "shmeter/gate.h"
#include "shmeter/guard.h"
#include "shmeter/store.h"
#include "show.h"
#include "verdicts.h"

/* Blocks of fresh trials: enough for a FAIL among many gates. */
#define CONFIRM_BLOCKS 32
#define CONFIRM_MAX    100

struct check {
	const struct check_options *options;
	struct sm_gates gates;
	struct sm_results run, fresh;
	struct sm_baselines baselines;
	struct sm_stored stored;
	struct sm_gate_row *rows, *fresh_rows;
	struct progress progress;
};

/* Finds a DIR/confirm-N that does not exist yet. */
static int confirm_folder(const char *folder, char *out, size_t size, struct sm_error *err)
{
	for (unsigned i = 1; i <= CONFIRM_MAX; i++) {
		snprintf(out, size, "%s/confirm-%u", folder, i);
		if (access(out, F_OK) != 0)
			return 0;
	}
	return sm_fail(err, EEXIST, "%s already has %d confirmations; remove some", folder, CONFIRM_MAX);
}

/* Measures the cases of the failing gates again, with the options of the run. */
static int run_fresh(struct check *check, const char *folder, struct sm_error *err)
{
	struct sm_run_options run = { 0 };
	bool *failing = calloc(check->gates.count, sizeof(*failing));
	struct sm_plan_options restored;
	int rc;

	if (!failing)
		return sm_fail(err, ENOMEM, "no memory for the gates");
	for (size_t i = 0; i < check->gates.count; i++)
		failing[i] = sm_gate_fails(&check->rows[i]);
	rc = sm_run_restore_options(check->run.manifest, check->options->common.operand[0], &run.plan, err);
	if (rc < 0)
		goto out_failing;
	restored = run.plan;
	rc = sm_gates_plan(&check->gates, failing, &run.plan, err);
	if (rc < 0)
		goto out_restored;
	run.plan.repeat_blocks = CONFIRM_BLOCKS;
	run.plan.budget_ns = 0;
	run.events = sm_gates_events(check->run.manifest);
	run.folder = folder;
	complete_run(&run, &check->options->common);
	progress_open(&check->progress, check->options->common.quiet);
	progress_follow(&check->progress, &run);
	rc = sm_guard_start(err);
	if (rc == 0)
		rc = sm_run(&run, sm_scenarios, sm_scenario_count, &check->fresh, err);
	(void)!sm_guard_stop(NULL); /* no settings were changed */
	progress_wipe(&check->progress);
	free((void *)run.plan.patterns);
	free((void *)run.plan.longer);
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
	rc = plugins_check_run(&check->options->common.plugins, check->run.manifest, check->options->common.operand[0],
			       err);
	if (rc == 0)
		rc = confirm_folder(check->options->common.operand[0], folder, sizeof(folder), err);
	if (rc == 0)
		rc = run_fresh(check, folder, err);
	check->fresh_rows = calloc(count, sizeof(*check->fresh_rows));
	if (rc == 0 && !check->fresh_rows)
		rc = sm_fail(err, ENOMEM, "no memory for %zu gates", count);
	if (rc == 0)
		rc = sm_gates_judge(&check->gates, &check->fresh, &check->baselines, sm_scenarios, sm_scenario_count,
				    check->fresh_rows, err);
	if (rc == 0)
		sm_gates_confirm(check->rows, count, check->fresh_rows, count);
	return rc;
}

/* Loads the earlier runs that are named, before the run: only their small digests are kept. */
static int load_named(struct check *check, struct sm_error *err)
{
	const struct folders *named = &check->options->baseline;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < named->count; i++)
		rc = sm_baselines_add(&check->baselines, named->folder[i], sm_scenarios, sm_scenario_count, err);
	if (rc == 0)
		rc = sm_store_load(&check->run, check->options->common.operand[0], err);
	return rc < 0 ? rc : sm_baselines_exclude(&check->baselines, named->folder, &check->run, err);
}

/* Loads the run, and what the store has of its type. */
static int load_stored(struct check *check, struct sm_error *err)
{
	int rc = sm_store_load(&check->run, check->options->common.operand[0], err);
	size_t i;
	const json_t *sentence;

	if (rc == 0)
		rc = sm_stored_find(&check->stored, check->options->store, &check->run, sm_scenarios, sm_scenario_count,
				    &check->baselines, err);
	json_array_foreach (check->stored.left_out, i, sentence)
		sm_print_line(stderr, "shmeter: %s", json_string_value(sentence));
	return rc;
}

/* A run that cannot be added changes no verdict. */
static void add_to_store(struct check *check)
{
	struct sm_error unwritten = { 0 };

	if (sm_stored_add(&check->stored, &check->run, check->rows, check->gates.count, &unwritten) < 0)
		sm_print_line(stderr, "shmeter: warning: the run is not added to the store: %s", unwritten.text);
}

static int judge(struct check *check, struct sm_error *err)
{
	const struct check_options *options = check->options;
	int rc = options->store ? load_stored(check, err) : load_named(check, err);

	if (rc < 0)
		return rc;
	tell_left_out(&check->run);
	check->rows = calloc(check->gates.count, sizeof(*check->rows));
	if (!check->rows)
		return sm_fail(err, ENOMEM, "no memory for %zu gates", check->gates.count);
	rc = sm_gates_judge(&check->gates, &check->run, &check->baselines, sm_scenarios, sm_scenario_count, check->rows,
			    err);
	if (rc == 0)
		sm_gates_name_again(&check->gates, check->rows, &check->run, options->baseline.folder,
				    options->baseline.count, options->confirm);
	if (rc == 0 && options->store) /* before fresh trials: a FAIL that they do not repeat is no baseline either */
		add_to_store(check);
	if (rc == 0 && options->confirm)
		rc = confirm(check, err);
	return rc;
}

static int check_usage(const struct check_options *options, struct sm_error *err)
{
	if (options->common.operands != 1)
		return sm_fail(err, EINVAL, "`shmeter check` needs one run folder, for example results/latest");
	if (options->store && options->baseline.count > 0)
		return sm_fail(err, EINVAL,
			       "--baseline names runs and --baseline-store finds them: give one of the two");
	if (options->same_type && !options->store && options->baseline.count == 0)
		return sm_fail(err, EINVAL, "--same-type says which --baseline may be compared with: name one");
	return 0;
}

int cmd_check(const struct check_options *options)
{
	struct check check = { .options = options };
	const char *thresholds = options->thresholds;
	struct sm_error err = { 0 };
	int rc;

	if (options->accept || options->reason || options->until)
		return accept_gate(options);
	if (check_usage(options, &err) < 0 || (!thresholds && default_thresholds(&thresholds, &err) < 0))
		return complain(&err);
	sm_results_init(&check.run);
	sm_results_init(&check.fresh);
	rc = sm_gates_load(&check.gates, thresholds, today(), sm_scenarios, sm_scenario_count, &err);
	check.gates.same_type = options->same_type;
	check.gates.store = options->store;
	if (rc == 0)
		rc = judge(&check, &err);
	if (rc == 0) {
		struct sm_gate_report report = { .gates = &check.gates,
						 .rows = check.rows,
						 .run = &check.run,
						 .baselines = &check.baselines,
						 .stored = options->store ? &check.stored : NULL,
						 .color = use_color(&options->common, stdout),
						 .width = terminal_width() };

		rc = print_gates(&options->gate, &report, &err);
	}
	rc = rc < 0 ? complain(&err)
		    : exit_of_verdict(&options->gate, sm_gates_strictly(check.rows, check.gates.count));
	free(check.fresh_rows);
	free(check.rows);
	sm_results_free(&check.fresh);
	sm_stored_free(&check.stored);
	sm_baselines_free(&check.baselines);
	sm_results_free(&check.run);
	sm_gates_free(&check.gates);
	return rc;
}
