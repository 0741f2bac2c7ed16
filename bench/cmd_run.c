/* shmeter run */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "program.h"
#include "registry.h"
#include "shmeter/clock.h"
#include "shmeter/gate.h"
#include "shmeter/guard.h"
#include "shmeter/text.h"

#define PROGRESS_EVERY_NS 200000000u
/* Runs of one host that may begin in one second. */
#define FOLDERS_MAX 1000

/* One line on the terminal, redrawn at most five times a second; never while a trial runs. */
void show_progress(const struct sm_progress *progress, void *context)
{
	struct progress_line *line = context;
	uint64_t now = sm_clock_ns();

	if (now - line->last_ns < PROGRESS_EVERY_NS && progress->done > 0)
		return;
	line->last_ns = now;
	line->used = true;
	fprintf(stderr, "\r\033[K%s %zu/%zu", progress->phase, progress->done, progress->total);
	if (progress->left_ns)
		fprintf(stderr, ", %llu s left", (unsigned long long)(progress->left_ns / 1000000000u));
	fprintf(stderr, "  %.60s", progress->what);
}

int default_folder(char *out, size_t size, struct sm_error *err)
{
	char host[65] = "unknown", stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int rc;

	gethostname(host, sizeof(host) - 1);
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	mkdir("results", 0777);
	snprintf(out, size, "results/%s-%s", stamp, host);
	rc = mkdir(out, 0777);
	for (unsigned number = 2; rc < 0 && errno == EEXIST && number <= FOLDERS_MAX; number++) {
		snprintf(out, size, "results/%s-%s-%u", stamp, host, number);
		rc = mkdir(out, 0777);
	}
	return rc < 0 ? sm_fail(err, errno, "cannot make the run folder %s: %s; choose another --out", out,
				strerror(errno))
		      : 0;
}

int own_folder(const struct arguments *arguments, char *out, size_t size, struct sm_error *err)
{
	if (!arguments->out)
		return default_folder(out, size, err);
	snprintf(out, size, "%s", arguments->out);
	return mkdir(out, 0777) < 0 ? sm_fail(err, errno, "%s cannot be made: %s", out, strerror(errno)) : 0;
}

/* `latest` beside a run folder that lies in a folder named results: made beside and renamed. */
void point_latest(const char *folder)
{
	char parent[4096], *slash, fresh[4200], link[4200];

	snprintf(parent, sizeof(parent), "%s", folder);
	for (size_t n = strlen(parent); n > 1 && parent[n - 1] == '/'; n--)
		parent[n - 1] = '\0';
	slash = strrchr(parent, '/');
	if (!slash)
		return;
	*slash = '\0';
	const char *base = strrchr(parent, '/') ? strrchr(parent, '/') + 1 : parent;

	if (strcmp(base, "results") != 0)
		return;
	snprintf(fresh, sizeof(fresh), "%s/.latest.%d", parent, (int)getpid());
	snprintf(link, sizeof(link), "%s/latest", parent);
	unlink(fresh); /* of a killed process of this number */
	if (symlink(slash + 1, fresh) == 0 && rename(fresh, link) != 0)
		unlink(fresh);
}

static int describe(struct arguments *arguments)
{
	struct sm_error err = { 0 };

	if (sm_run_describe(&arguments->run, sm_scenarios, sm_scenario_count, stdout, &err) < 0)
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

/* A quick run that is asked for nothing in particular takes what answers the suite's questions, and the
 * calibration; every other run all there is.  The list lives as long as the program. */
static int choose(struct arguments *arguments, struct sm_error *err)
{
	struct sm_plan_options *plan = &arguments->run.plan;
	static const char **names;
	static struct sm_gates gates;
	int rc;

	plan->patterns = arguments->operand;
	plan->pattern_count = arguments->operands;
	if (arguments->thresholds) { /* what its gates name, besides */
		rc = sm_gates_load(&gates, arguments->thresholds, sm_scenarios, sm_scenario_count, err);
		if (rc < 0)
			return rc;
		rc = sm_gates_plan(&gates, NULL, plan, err);
		if (rc < 0)
			return rc;
		names = realloc((void *)plan->patterns,
				(plan->pattern_count + arguments->operands + 1) * sizeof(*names));
		if (!names)
			return sm_fail(err, ENOMEM, "no memory for the patterns");
		for (size_t i = 0; i < arguments->operands; i++)
			names[plan->pattern_count++] = arguments->operand[i];
		plan->patterns = names;
		/* a FAIL among so many gates needs blocks that the quick profile has not */
		if (plan->repeat_blocks)
			plan->longer_count = 0; /* who asks for a number gets that number */
		else
			plan->repeat_blocks = sm_gates_blocks(gates.count);
		return 0;
	}
	if (arguments->operands > 0 || arguments->resume || plan->profile != SM_QUICK ||
	    !(names = calloc(sm_scenario_count, sizeof(*names))))
		return 0;
	plan->patterns = names;
	for (size_t i = 0; i < sm_scenario_count; i++)
		if (strcmp(sm_scenarios[i]->family, "calibration") == 0 || answers_a_question(sm_scenarios[i]))
			names[plan->pattern_count++] = sm_scenarios[i]->name;
	return 0;
}

int cmd_run(struct arguments *arguments)
{
	struct sm_run_options *run = &arguments->run;
	struct sm_error err = { 0 }, left = { 0 };
	struct progress_line line = { 0 };
	struct sm_results results;
	char folder[4096];
	bool begun, made = false;
	int rc, rc_stop;

	if (arguments->resume && (arguments->out || arguments->dry_run)) {
		sm_fail(&err, EINVAL, "--resume goes on in its own folder: leave %s out",
			arguments->out ? "--out" : "--dry-run");
		return complain(&err);
	}
	if (choose(arguments, &err) < 0)
		return complain(&err);
	run->stop = stop_flag();
	if (!run->seed_given)
		(void)!getrandom(&run->plan.seed, sizeof(uint32_t), 0);
	if (arguments->dry_run)
		return describe(arguments);
	run->resume = arguments->resume != NULL;
	run->folder = run->resume ? arguments->resume : arguments->out;
	if (!run->folder) {
		if (default_folder(folder, sizeof(folder), &err) < 0)
			return complain(&err);
		run->folder = folder;
		made = true;
	}
	if (!arguments->quiet && isatty(STDERR_FILENO)) {
		run->progress = show_progress;
		run->progress_context = &line;
	}
	sm_results_init(&results);
	rc = sm_guard_start(&err);
	if (rc == 0)
		rc = sm_run(run, sm_scenarios, sm_scenario_count, &results, &err);
	rc_stop = sm_guard_stop(&left); /* settings are back before anything else is done */
	if (line.used)
		fprintf(stderr, "\r\033[K");
	begun = results.folder != NULL;
	if (made && !begun)
		rmdir(folder); /* nothing is in it */
	if (rc == 0 || (rc == -EINTR && begun))
		point_latest(run->folder);
	if (rc == -EINTR && *stop_flag() && begun)
		fprintf(stderr,
			"shmeter: stopped; what was measured is in %s, `shmeter run --resume %s` "
			"goes on\n",
			run->folder, run->folder);
	rc = rc < 0 ? complain(&err) : show_results(arguments, &results);
	sm_results_free(&results);
	if (rc_stop < 0) { /* also where the run ended well: the machine is not as it was */
		int code = complain(&left);

		rc = rc == EXIT_OK ? code : rc;
	}
	return rc;
}
