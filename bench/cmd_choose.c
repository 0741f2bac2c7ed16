/* shmeter choose */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "program.h"
#include "progress.h"
#include "registry.h"
#include "shmeter/cgroup.h"
#include "shmeter/choose.h"
#include "shmeter/guard.h"
#include "shmeter/os.h"
#include "shmeter/text.h"
#include "show.h"

/* Budget of one run.  A question about one point needs less on a quiet machine. */
#define BUDGET_NS 150000000000u

struct runs {
	struct sm_results results[SM_CHOOSE_RUNS];
	size_t count;
};

static void free_runs(struct runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		sm_results_free(&runs->results[i]);
}

/* A parameter that an option of `choose` sets. */
struct set_by {
	const char *param, *option;
	bool bytes;
	const char *unit;
};

static const struct set_by set_by[] = { { "message", "message", true, "" },
					{ "bytes", "memory", true, "" },
					{ "processes", "processes", false, "" },
					{ "inside", "critical-section", false, " multiplications" } };

static int out_of_range(const struct set_by *by, const struct sm_scenario *scenario, const struct sm_param *param,
			struct sm_error *err)
{
	char low[SM_TEXT_MAX], high[SM_TEXT_MAX];

	snprintf(low, sizeof(low), "%" PRIu64, param->min);
	snprintf(high, sizeof(high), "%" PRIu64, param->max);
	if (by->bytes) {
		sm_format_bytes(low, (double)param->min);
		sm_format_bytes(high, (double)param->max);
	}
	return sm_fail(err, EINVAL, "--%s is out of range: %s can measure %s to %s%s", by->option, scenario->name, low,
		       high, by->unit);
}

/* Checks a value of the plan against the bounds of a scenario, in the words of the option that set it. */
static int check_bounds(const struct sm_scenario *scenario, const char *name, const char *text, struct sm_error *err)
{
	uint64_t value = strtoull(text, NULL, 10);

	for (size_t i = 0; i < sizeof(set_by) / sizeof(set_by[0]); i++)
		for (const struct sm_param *p = scenario->params; p && p->name; p++)
			if (strcmp(set_by[i].param, name) == 0 && strcmp(p->name, name) == 0 && p->max > 0 &&
			    (value < p->min || value > p->max))
				return out_of_range(&set_by[i], scenario, p, err);
	return 0;
}

static int check_plan(const struct sm_plan_options *plan, struct sm_error *err)
{
	int rc = 0;

	for (size_t i = 0; i < sm_scenario_count && rc == 0; i++)
		for (size_t p = 0; p < plan->pattern_count && rc == 0; p++) {
			const char *name = sm_scenarios[i]->name;

			if (strncmp(name, plan->patterns[p], strlen(name)) != 0 ||
			    !strchr("/", plan->patterns[p][strlen(name)]))
				continue;
			for (size_t s = 0; s < plan->set_count && rc == 0; s++)
				rc = check_bounds(sm_scenarios[i], plan->set[s].name, plan->set[s].text, err);
		}
	return rc;
}

/* Measures one run after the other; the second needs what the first one shows about a lock's work. */
static int measure_all(const struct choose_options *options, struct sm_question *question, const char *base,
		       struct runs *runs, struct sm_error *err)
{
	struct progress progress;
	int rc = 0;

	progress_open(&progress, options->common.quiet);
	while (rc == 0 && runs->count < SM_CHOOSE_RUNS) {
		struct sm_run_options run = options->run;
		struct sm_choose_plan needs;
		char folder[4200];

		if (!sm_choose_plan(question, (unsigned)runs->count, &needs, &run.plan))
			break;
		snprintf(folder, sizeof(folder), "%s%s", base, runs->count ? "-2" : "");
		run.folder = folder;
		run.plan.budget_ns = BUDGET_NS;
		complete_run(&run, &options->common);
		progress_follow(&progress, &run);
		sm_results_init(&runs->results[runs->count]);
		rc = check_plan(&run.plan, err);
		if (rc == 0)
			rc = sm_run(&run, sm_scenarios, sm_scenario_count, &runs->results[runs->count++], err);
		if (rc == 0 && question->section_ns > 0 && !(question->step_ns > 0)) {
			question->step_ns = sm_choose_step(&runs->results[0]);
			if (!(question->step_ns > 0))
				rc = sm_fail(
					err, ENODEV,
					"how long the work under a lock takes could not be measured; run it again on a "
					"quieter machine");
		}
	}
	progress_wipe(&progress);
	return rc;
}

/* Measures in the folder of --out, or in one that is removed afterwards. */
static int measure(const struct choose_options *options, struct sm_question *question, struct runs *runs,
		   struct sm_error *err)
{
	char temporary[4000], base[4100];
	struct sm_error left = { 0 };
	int rc, rc_left;

	if (!options->out && (rc = make_scratch_folder("choose", temporary, sizeof(temporary), err)) < 0)
		return rc;
	snprintf(base, sizeof(base), "%s%s", options->out ? options->out : temporary, options->out ? "" : "/run");
	question->available = sm_memory_available(&sm_os_linux);
	rc = sm_guard_start(err);
	if (rc == 0)
		rc = measure_all(options, question, base, runs, err);
	rc_left = sm_guard_stop(&left);
	if (!options->out && rc_left == 0)
		rc_left = remove_scratch_folder(temporary, &left);
	else if (!options->out)
		(void)!remove_scratch_folder(temporary, &(struct sm_error){ 0 });
	if (rc == 0 && rc_left < 0) {
		*err = left;
		rc = rc_left;
	}
	return rc;
}

static int answer(const struct choose_options *options, const struct sm_question *question, const struct runs *runs,
		  struct sm_error *err)
{
	const struct sm_report_options shown = { .color = use_color(&options->common, stdout),
						 .width = terminal_width(),
						 .scenarios = sm_scenarios,
						 .scenario_count = sm_scenario_count };
	const struct sm_results *all[SM_CHOOSE_RUNS];

	for (size_t i = 0; i < runs->count; i++)
		all[i] = &runs->results[i];
	return sm_choose_answer(question, all, runs->count, &shown, stdout, err);
}

int cmd_choose(const struct choose_options *options)
{
	struct sm_question question = options->question;
	struct runs runs = { .count = 0 };
	struct sm_error err = { 0 };
	int rc = sm_choose_check(&question, &err);

	if (rc == 0 && options->common.operands > 0)
		rc = sm_fail(&err, EINVAL, "`shmeter choose` takes no \"%s\"; see `shmeter choose --help`",
			     options->common.operand[0]);
	if (rc == 0 && options->from && (options->out || options->run.seed_given || options->common.plugins.count))
		rc = sm_fail(&err, EINVAL, "--out, --seed and --plugin are about a measurement, and --from makes none");
	if (rc == 0 && options->from) {
		sm_results_init(&runs.results[0]);
		runs.count = 1;
		rc = load_run(&runs.results[0], options->from, &err);
		if (rc == 0)
			question.step_ns = sm_choose_step(&runs.results[0]);
	} else if (rc == 0) {
		rc = measure(options, &question, &runs, &err);
	}
	if (rc == 0)
		rc = answer(options, &question, &runs, &err);
	free_runs(&runs);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
