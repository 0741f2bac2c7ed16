/* shmeter run */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "program.h"
#include "progress.h"
#include "registry.h"
#include "shmeter/gate.h"
#include "shmeter/guard.h"
#include "show.h"

static int describe(const struct sm_run_options *run)
{
	struct sm_error err = { 0 };

	if (sm_run_describe(run, sm_scenarios, sm_scenario_count, stdout, terminal_width(), &err) < 0)
		return complain(&err);
	return EXIT_OK;
}

static bool answers_a_question(const struct sm_scenario *scenario)
{
	for (const struct sm_claim *claim = scenario->claims; claim && claim->id; claim++)
		if (claim->question)
			return true;
	return false;
}

/* A quick run without patterns takes the scenarios that answer the headline questions, and the calibration.  Any other
 * run without patterns takes all.  The list lives as long as the program. */
static int choose(const struct run_options *options, struct sm_run_options *run, struct sm_error *err)
{
	const struct common_options *common = &options->common;
	struct sm_plan_options *plan = &run->plan;
	static const char **names;
	static struct sm_gates gates;
	int rc;

	plan->patterns = common->operand;
	plan->pattern_count = common->operands;
	if (options->thresholds) { /* add what the gates need */
		rc = sm_gates_load(&gates, options->thresholds, today(), sm_scenarios, sm_scenario_count, err);
		if (rc < 0)
			return rc;
		rc = sm_gates_plan(&gates, NULL, plan, err);
		if (rc < 0)
			return rc;
		names = realloc((void *)plan->patterns, (plan->pattern_count + common->operands + 1) * sizeof(*names));
		if (!names)
			return sm_fail(err, ENOMEM, "no memory for the patterns");
		for (size_t i = 0; i < common->operands; i++)
			names[plan->pattern_count++] = common->operand[i];
		plan->patterns = names;
		if (plan->repeat_blocks) {
			plan->longer_count = 0; /* a user who asks for a number gets that number */
			return 0;
		}
		/* a gate that is open then gets more */
		plan->repeat_blocks = SM_GATES_FIRST_BLOCKS;
		run->gates = &gates;
		return 0;
	}
	if (common->operands > 0 || options->resume || plan->profile != SM_QUICK ||
	    !(names = calloc(sm_scenario_count, sizeof(*names))))
		return 0;
	plan->patterns = names;
	for (size_t i = 0; i < sm_scenario_count; i++)
		if (strcmp(sm_scenarios[i]->family, "calibration") == 0 || sm_scenarios[i]->plugged ||
		    answers_a_question(sm_scenarios[i]))
			names[plan->pattern_count++] = sm_scenarios[i]->name;
	return 0;
}

int cmd_run(const struct run_options *options)
{
	struct sm_run_options run = options->run;
	struct sm_error err = { 0 }, left = { 0 };
	struct progress progress;
	struct sm_results results;
	char folder[4096];
	bool begun, made = false;
	int rc, rc_stop;

	if (options->resume && (options->out || options->dry_run)) {
		sm_fail(&err, EINVAL, "--resume continues in its own folder; omit %s",
			options->out ? "--out" : "--dry-run");
		return complain(&err);
	}
	if (choose(options, &run, &err) < 0)
		return complain(&err);
	complete_run(&run, &options->common);
	if (options->dry_run)
		return describe(&run);
	run.resume = options->resume != NULL;
	run.folder = run.resume ? options->resume : options->out;
	if (!run.folder) {
		if (make_run_folder(NULL, folder, sizeof(folder), &err) < 0)
			return complain(&err);
		run.folder = folder;
		made = true;
	}
	progress_open(&progress, options->common.quiet);
	progress_follow(&progress, &run);
	sm_results_init(&results);
	rc = sm_guard_start(&err);
	if (rc == 0)
		rc = sm_run(&run, sm_scenarios, sm_scenario_count, &results, &err);
	rc_stop = sm_guard_stop(&left); /* restore settings before anything else */
	progress_wipe(&progress);
	begun = results.folder != NULL;
	if (made && !begun)
		rmdir(folder); /* it is empty */
	if (rc == 0 || (rc == -EINTR && begun))
		point_latest(run.folder);
	if (rc == -EINTR && *stop_flag() && begun)
		fprintf(stderr, "shmeter: stopped; the results so far are in %s; `shmeter run --resume %s` continues\n",
			run.folder, run.folder);
	rc = rc < 0 ? complain(&err) : show_results(&results, &options->show, &options->common);
	sm_results_free(&results);
	if (rc_stop < 0) { /* report it even after a successful run: a setting was not restored */
		int code = complain(&left);

		rc = rc == EXIT_OK ? code : rc;
	}
	return rc;
}
