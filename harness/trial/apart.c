/* Trials.  One of a scenario of a plug-in is done by a process of its own, the stage: it loads the plug-in, makes the region,
 * calls setup(), forks the workers, collects, calls verify(), and tells the result.  What the plug-in does to it costs one
 * trial (docs/adr/0032). */
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hold.h"
#include "shmeter/encode.h"
#include "shmeter/errand.h"
#include "shmeter/plugged_scenarios.h"

/* A region may take this many bytes a second to fill, in setup() or to look through, in verify(). */
#define FILL_BYTES_A_SECOND ((size_t)256 << 20)
/* The stage ends by itself before this: the limits of the workers and of the functions are its own. */
#define SPARE_NS 30000000000u
/* After the abort flag: the stage sees it within 200 ms, gives its workers 200 ms, and calls teardown(). */
#define GRACE_NS 6000000000u

/* The functions of the scenario that the stage calls. */
enum step { STEP_LOAD, STEP_SIZE, STEP_SETUP, STEP_WORK, STEP_VERIFY, STEP_MEASURE, STEP_TEARDOWN, STEP_COUNT };
static const char *const step_name[STEP_COUNT] = { "the loading", "a size function", "setup()",   "a trial",
						   "verify()",    "measure()",       "teardown()" };

/* What stage and parent share. */
struct stage {
	_Atomic uint32_t abort;
	volatile enum step step;
	volatile bool late;            /* the step did not end in time */
	bool done;                     /* the result is there */
	struct sm_trial_result result; /* its pointers mean nothing */
	struct sm_histogram histogram;
	struct sm_series series;
	size_t slices, visits; /* room for them */
	char rest[];           /* struct sm_slice_facts[slices], struct sm_visit[visits] */
};

struct job {
	const struct sm_trial_context *context;
	const struct sm_trial_request *request;
	struct stage *stage;
};

/* In the stage: what the scenario's functions, which have no argument for it, are wrapped with. */
static struct stage *here;
static struct sm_scenario theirs;
static unsigned limit_s;

static struct sm_slice_facts *slices_of(struct stage *stage)
{
	return (struct sm_slice_facts *)(void *)stage->rest;
}

/* Behind the room for so many slices. */
static struct sm_visit *visits_of(struct stage *stage, size_t slices)
{
	return (struct sm_visit *)(void *)(slices_of(stage) + slices);
}

static void too_late(int number)
{
	(void)number;
	here->late = true;
	_exit(1);
}

static void begin(enum step step)
{
	here->step = step;
	signal(SIGALRM, too_late);
	alarm(limit_s);
}

static void end(void)
{
	alarm(0);
	signal(SIGALRM, SIG_DFL); /* which workers inherit */
	here->step = STEP_WORK;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	int rc;

	begin(STEP_SETUP);
	rc = theirs.setup(trial, err);
	end();
	/* a stranger's -EINTR is no signal to the run */
	return rc == -EINTR && !atomic_load(&here->abort) ? sm_fail(err, EIO, "setup() was interrupted") : rc;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	int rc;

	begin(STEP_VERIFY);
	rc = theirs.verify(trial, err);
	end();
	return rc;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	begin(STEP_MEASURE);
	theirs.measure(trial, value);
	end();
}

static void teardown(struct sm_trial *trial)
{
	begin(STEP_TEARDOWN);
	theirs.teardown(trial);
	end();
}

/* In the stage: the scenario with functions that are watched. */
static struct sm_scenario watched(void)
{
	struct sm_scenario s = theirs;

	s.setup = s.setup ? setup : NULL;
	s.verify = s.verify ? verify : NULL;
	s.measure = s.measure ? measure : NULL;
	s.teardown = s.teardown ? teardown : NULL;
	return s;
}

static void begin_result(struct sm_trial_result *result)
{
	memset(result, 0, sizeof(*result));
	result->started_ns = sm_clock_ns();
	result->throttled_ns = result->alone_ns = result->company_ns = NAN;
	snprintf(result->pus, sizeof(result->pus), "-");
	snprintf(result->nodes, sizeof(result->nodes), "-");
	snprintf(result->pages_got, sizeof(result->pages_got), "none");
}

/* In the stage: writes the result where the parent reads it. */
static void tell(struct stage *stage, const struct sm_trial_result *result)
{
	stage->result = *result;
	if (result->slice && result->slice_count <= stage->slices)
		memcpy(slices_of(stage), result->slice, result->slice_count * sizeof(*result->slice));
	if (result->visit && result->visit_count <= stage->visits)
		memcpy(visits_of(stage, stage->slices), result->visit, result->visit_count * sizeof(*result->visit));
	if (result->histogram)
		stage->histogram = *result->histogram;
	if (result->series)
		stage->series = *result->series;
	stage->done = true;
}

static int stage_main(void *argument, struct sm_error *err)
{
	const struct job *job = argument;
	struct sm_trial_context context = *job->context;
	struct sm_trial_request request = *job->request;
	struct sm_case c = *request.c;
	struct sm_scenario scenario;
	struct sm_trial_result result;
	struct sm_error why = { 0 };
	int rc;

	here = job->stage;
	limit_s = SM_PLUGGED_LIMIT_S;
	begin(STEP_LOAD);
	rc = sm_plugged_scenario_here(c.scenario, &theirs, &why);
	if (rc < 0) {
		begin_result(&result);
		result.status = SM_SKIPPED;
		snprintf(result.reason, sizeof(result.reason), "plug-in %.200s: %.300s", c.scenario->plugged->file,
			 why.text);
		tell(job->stage, &result);
		return 0;
	}
	scenario = watched();
	c.scenario = &scenario;
	begin(STEP_SIZE);
	if (theirs.region_bytes)
		limit_s += (unsigned)(theirs.region_bytes(&c) / FILL_BYTES_A_SECOND);
	end();
	context.kept = NULL; /* this process, which would keep a region, ends with the trial */
	context.stop = (const volatile int *)(const volatile void *)&job->stage->abort;
	request.c = &c;
	rc = trial_play(&context, &request, &result, err);
	if (rc == 0)
		tell(job->stage, &result);
	return rc;
}

static size_t stage_bytes(size_t slices, size_t visits)
{
	return sizeof(struct stage) + slices * sizeof(struct sm_slice_facts) + visits * sizeof(struct sm_visit);
}

/* The memory that stage and parent share.  The most slices and visits that a trial can have are known before. */
static struct stage *stage_make(const struct sm_trial_request *request, struct sm_error *err)
{
	struct tour tour = { .part = request->part };
	size_t slices = request->slices, visits = 0;
	struct stage *stage;

	for (size_t round = 0; request->part.tour && round < request->part.rounds; round++)
		visits += tour_pairs(&tour, round);
	stage = mmap(NULL, stage_bytes(slices, visits), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED) {
		sm_fail(err, errno, "no memory to hear from a trial: %s", strerror(errno));
		return NULL;
	}
	stage->slices = slices;
	stage->visits = visits;
	return stage;
}

static void *copy_of(const void *from, size_t count, size_t size)
{
	void *to = from && count ? malloc(count * size) : NULL;

	if (to)
		memcpy(to, from, count * size);
	return to;
}

static void end_text(char *text, size_t size)
{
	text[size - 1] = '\0';
	sm_clean(text);
}

/* Whether the numbers of a result lead nowhere else than they should: the plug-in could write to them. */
static bool is_sound(const struct sm_trial_result *result, const struct sm_tour *tour)
{
	for (unsigned i = 0; result->slice && i < result->slice_count; i++)
		if (result->slice[i].before.count > SM_PROBE_PAIRS_MAX ||
		    result->slice[i].after.count > SM_PROBE_PAIRS_MAX)
			return false;
	for (size_t i = 0; result->visit && i < result->visit_count; i++)
		if (result->visit[i].pair >= tour->pair_count)
			return false;
	return !result->series || (result->series->stride > 0 &&
				   result->series->count <= (uint64_t)result->series->stride * SM_SERIES_MAX);
}

/* Whether the times that steer the run passed in the trial's own time: the plug-in could write to them, too.  The warm-up, the
 * slices and the tour come one after the other. */
static bool is_in_time(const struct sm_trial_result *result, uint64_t wall_ns)
{
	const double most = (double)wall_ns;
	uint64_t left_ns = wall_ns;

	if (result->warm_ns > left_ns)
		return false;
	left_ns -= result->warm_ns;
	if (result->timed_ns > left_ns || result->tour_ns > left_ns - result->timed_ns)
		return false;
	/* NaN: none */
	return result->last_slice_ns <= wall_ns && !(result->alone_ns < 0 || result->alone_ns > most) &&
	       !(result->company_ns < 0 || result->company_ns > most);
}

/* Takes the result over from a stage that took so long.  Returns NULL, or what the stage did instead of telling one. */
static const char *hear(struct stage *stage, size_t slices, size_t visits, const struct sm_tour *tour, uint64_t wall_ns,
			struct sm_trial_result *result)
{
	const struct sm_trial_result told = stage->result;

	atomic_signal_fence(memory_order_seq_cst); /* the copy is checked, not what may be written there later */
	if (!stage->done || told.status <= SM_STATUS_NONE || told.status >= SM_STATUS_MEASURED ||
	    told.slice_count > slices || told.visit_count > visits || told.relation >= SM_PLACE_COUNT)
		return " told nothing";
	if (!is_in_time(&told, wall_ns))
		return " told more time than it took";
	*result = told;
	end_text(result->reason, sizeof(result->reason));
	end_text(result->pus, sizeof(result->pus));
	end_text(result->nodes, sizeof(result->nodes));
	end_text(result->pages_got, sizeof(result->pages_got));
	result->slice = copy_of(told.slice ? slices_of(stage) : NULL, told.slice_count, sizeof(*told.slice));
	result->visit = copy_of(told.visit ? visits_of(stage, slices) : NULL, told.visit_count, sizeof(*told.visit));
	result->histogram = copy_of(told.histogram ? &stage->histogram : NULL, 1, sizeof(stage->histogram));
	result->series = copy_of(told.series ? &stage->series : NULL, 1, sizeof(stage->series));
	if (is_sound(result, tour) && (!told.slice_count || result->slice) && (!told.visit_count || result->visit))
		return NULL;
	sm_trial_result_free(result);
	return " told nothing";
}

/* The result of a stage that told none; `instead`: what it did, where it ended well. */
static void blame(const struct sm_scenario *scenario, const struct stage *stage, const struct sm_error *said,
		  const char *instead, struct sm_trial_result *result)
{
	enum step told = stage->step, step = (unsigned)told < STEP_COUNT ? told : STEP_WORK;
	bool hung = stage->late || said->code == ETIMEDOUT;
	const char *how = strstr(said->text, ") "); /* "the process that was to do this first (NAME) ended early" */
	struct sm_error why = { 0 };

	if (hung)
		how = " did not return in time";
	else if (how && strchr(said->text, '(') < how)
		how++;
	else
		how = said->code ? said->text : instead;
	sm_fail(&why, ECHILD, "plug-in %s: %s of %s%s%s", scenario->plugged->file, step_name[step], scenario->name,
		*how == ' ' ? "" : ": ", how);
	if (hung) /* each of its trials would wait as long */
		*sm_plugged_scenario_hung(scenario) = why;
	begin_result(result);
	result->memory_lacked = said->code == ENOMEM;
	result->status = step == STEP_VERIFY || step == STEP_MEASURE ? SM_VERIFY_FAILED
			 : step <= STEP_SETUP                        ? SM_SKIPPED
								     : SM_WORKER_DIED;
	snprintf(result->reason, sizeof(result->reason), "%s", why.text);
}

static int run_apart(const struct sm_trial_context *context, const struct sm_trial_request *request,
		     struct sm_trial_result *result, struct sm_error *err)
{
	const struct sm_scenario *scenario = request->c->scenario;
	const struct sm_error *hung = sm_plugged_scenario_hung(scenario);
	uint64_t started_ns = sm_clock_ns(), wall_ns = 0;
	struct stage *stage = stage_make(request, err);
	struct job job = { .context = context, .request = request, .stage = stage };
	struct sm_errand errand = { .title = scenario->name,
				    .fn = stage_main,
				    .argument = &job,
				    .timeout_ns = request->timeout_ns + SPARE_NS,
				    .stop = context->stop,
				    .abort = stage ? &stage->abort : NULL,
				    .grace_ns = GRACE_NS };
	struct sm_error said = { 0 };
	const char *instead = NULL;
	size_t slices, visits;
	int rc;

	if (!stage)
		return -err->code;
	slices = stage->slices;
	visits = stage->visits;
	begin_result(result);
	if (hung->code) {
		result->status = SM_SKIPPED;
		snprintf(result->reason, sizeof(result->reason), "%s", hung->text);
		rc = 0;
		goto out;
	}
	rc = sm_errand_run(context->os, &errand, &said);
	wall_ns = sm_clock_ns() - started_ns;
	if (rc == -EINTR) {
		rc = sm_fail(err, EINTR, "%s", said.text);
		goto out;
	}
	if (rc == -EAGAIN || rc == -EMFILE || rc == -ENFILE) { /* the machine's failure, not the plug-in's */
		result->status = SM_SKIPPED;
		snprintf(result->reason, sizeof(result->reason), "no process for a trial of a plug-in: %.400s",
			 said.text);
	} else {
		instead = rc < 0 ? "" : hear(stage, slices, visits, request->part.tour, wall_ns, result);
	}
	if (instead)
		blame(scenario, stage, &said, instead, result);
	result->started_ns = started_ns;
	result->wall_ns = wall_ns;
	result->overhead_ns = result->wall_ns > result->timed_ns ? result->wall_ns - result->timed_ns : 0;
	rc = 0;
out:
	munmap(stage, stage_bytes(slices, visits));
	return rc;
}

int sm_trial_run(const struct sm_trial_context *context, const struct sm_trial_request *request,
		 struct sm_trial_result *result, struct sm_error *err)
{
	return request->c->scenario->plugged ? run_apart(context, request, result, err)
					     : trial_play(context, request, result, err);
}
