/* Calibration, the budget, and the trials in their order. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session.h"
#include "shmeter/clock.h"

/* Slices of a trial by profile.  Twenty catch a class or two; standard takes more, so that trials span
 * several changes of class and most of the run is measuring. */
static const unsigned slices_default[] = { [SM_QUICK] = 20, [SM_STANDARD] = 80, [SM_FULL] = 80 };
/* Shares of a trial's wall time that its slices should take, so that 80 % of a run is measuring. */
#define TIMED_PER_OVERHEAD 5
/* A trial may take this many times its estimate, and never less than TIMEOUT_MIN_NS. */
#define TIMEOUT_FACTOR 20
#define TIMEOUT_MIN_NS 10000000000u
/* A calibration may take TIMEOUT_MIN_NS for each worker that a PU has to run, of so many at most. */
#define TURNS_WAITED 6
/* Far more than filling memory at random takes anywhere: 100 MB/s. */
#define FILL_NS_PER_BYTE 10
/* All slices of a trial may take this many times what they aim at. */
#define LONGEST_FACTOR 3
/* Calibrations of a case before it is taken to fail always. */
#define CALIBRATION_ATTEMPTS 3
/* However long they are. */
#define SLICES_MIN 8
/* More than this is never taken without being asked for. */
#define SLICES_MOST 767

/* What a slice aims at.  Pair classes last milliseconds, and so does the pace of a worker alone.  Two workers
 * that take turns on one PU have neither: their slices may be longer, which makes a scheduler's time slice a part of
 * theirs.  Where there are more workers than PUs that they sit on a slice has to hold many
 * turns of the scheduler (some milliseconds each): in a shorter one each worker would do all of its part before
 * the next one runs, and nobody would ever wait for anybody.  All are over 10^3 times the clock. */
#define SLICE_CLASS_NS  1000000u
#define SLICE_SHARED_NS 10000000u
#define SLICE_TURNS_NS  12000000u /* for each worker that a PU has to run: some of the scheduler's turns */
/* Slices that long are this many: three pure ones make a block. */
#define SLICES_LONG 4
/* A count that no slice reaches that ends by the clock. */
#define OPS_BY_CLOCK (1u << 30)

/* Workers that a PU has to run, of those that the case has seats on. */
static unsigned workers_per_pu(const struct session *session, const struct sm_case *c)
{
	unsigned pus = sm_trial_pus(&session->context, c);

	return pus ? (c->workers + pus - 1) / pus : 1;
}

static uint64_t usual_slice_ns(const struct session *session, const struct sm_case *c)
{
	unsigned turns = workers_per_pu(session, c);

	return turns == 1 ? SLICE_CLASS_NS : c->workers == 2 ? SLICE_SHARED_NS : (uint64_t)SLICE_TURNS_NS * turns;
}

static uint64_t slice_aim_ns(const struct session *session, const struct sm_case *c)
{
	uint64_t asked_ns = session->plan_options.slice_ns;

	return asked_ns ? asked_ns : usual_slice_ns(session, c);
}

/* Where workers share PUs, a scenario that can ends its slices by the clock. */
static bool ends_by_clock(const struct session *session, const struct sm_case *c)
{
	return c->scenario->ends == SM_FIRST_DONE_OR_CLOCK && workers_per_pu(session, c) > 1;
}

static uint64_t timeout_ns(const struct sm_planned_case *planned)
{
	uint64_t scaled = planned->trial_ns * TIMEOUT_FACTOR;

	return scaled > TIMEOUT_MIN_NS ? scaled : TIMEOUT_MIN_NS;
}

/* Memory takes its time to be populated and filled before the first operation, and workers that share a PU run one after
 * the other. */
static uint64_t calibration_timeout_ns(const struct session *session, const struct sm_case *c)
{
	uint64_t bytes = c->scenario->region_bytes ? c->scenario->region_bytes(c) : 0;
	uint64_t turns = workers_per_pu(session, c);

	return TIMEOUT_MIN_NS * (turns < TURNS_WAITED ? turns : TURNS_WAITED) + bytes * FILL_NS_PER_BYTE;
}

static uint64_t seed_of(const struct session *session, const char *id, unsigned block)
{
	struct sm_random random;
	uint64_t hash = session->plan.seed ^ 0xcbf29ce484222325u; /* FNV-1a over the case's id */

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * 0x100000001b3u;
	sm_random_seed(&random, hash + block);
	return sm_random_next(&random);
}

static void skip(struct sm_planned_case *planned, const char *reason)
{
	planned->skipped = true;
	snprintf(planned->reason, sizeof(planned->reason), "%s", reason);
}

/* Longer slices are fewer: a trial's timed work is the same. */
static unsigned default_slices(const struct session *session, const struct sm_case *c)
{
	uint64_t aim_ns = slice_aim_ns(session, c), usual_ns = usual_slice_ns(session, c);
	uint64_t slices = slices_default[session->plan.profile] * SLICE_CLASS_NS / aim_ns;
	unsigned least = aim_ns > SLICE_SHARED_NS ? SLICES_LONG : SLICES_MIN;

	if (session->plan_options.slices)
		return session->plan_options.slices;
	if (c->scenario->slices && aim_ns == usual_ns)
		return c->scenario->slices;
	if (c->scenario->slices)
		slices = c->scenario->slices * usual_ns / aim_ns;
	else if (c->workers == 1)
		slices *= SM_ALONE_FACTOR;
	return slices > least ? (unsigned)slices : least;
}

/* Slices that make the set-up of a trial a small part of it.  The quick profile keeps the default:
 * it is there to be over soon. */
static unsigned slices_for(const struct session *session, const struct sm_planned_case *planned, uint64_t slice_ns,
			   uint64_t overhead_ns)
{
	uint64_t want = default_slices(session, &planned->c), aim_ns = slice_aim_ns(session, &planned->c);

	if (session->plan_options.slices)
		return session->plan_options.slices;
	/* a slice is as long as it was told to be, or its trial is */
	if (ends_by_clock(session, &planned->c) || planned->c.scenario->achieved)
		return (unsigned)want;
	/* one operation is longer than a slice should be: as much work, in fewer slices */
	if (slice_ns > 2 * aim_ns && want > SLICES_MIN) {
		uint64_t fit = want * aim_ns / slice_ns;

		want = fit > SLICES_MIN ? fit : SLICES_MIN;
	}
	if (session->plan.profile != SM_QUICK && slice_ns > 0) {
		uint64_t share = TIMED_PER_OVERHEAD * overhead_ns / slice_ns;

		want = share > want ? share : want;
	}
	if (slice_ns > 10 * SLICE_SHARED_NS) { /* one operation takes longer than a slice should */
		uint64_t fit = want * SLICE_SHARED_NS / slice_ns;

		want = fit < 3 ? 3 : fit < want ? fit : want;
	}
	return want < SLICES_MOST ? (unsigned)want : SLICES_MOST;
}

/* What the warm-up of a case takes that has nothing to warm. */
static uint64_t warm_ns(const struct session *session, const struct sm_case *c, uint64_t slice_ns)
{
	uint64_t all_ns = SM_WARM_SLICES * slice_ns;

	if (SM_WARM_SLICES * slice_aim_ns(session, c) > SM_WARM_NS_MAX)
		return slice_ns;
	return all_ns < SM_WARM_NS_MAX ? all_ns : SM_WARM_NS_MAX + slice_ns;
}

/* A calibration that failed is in the manifest even if the next attempt held. */
static void note_failure(struct session *session, struct sm_planned_case *planned, const struct sm_trial_result *result)
{
	json_t *list = json_object_get(session->manifest, "calibration_failures");

	snprintf(planned->failure, sizeof(planned->failure), "while calibrating: %.480s", result->reason);
	planned->failure_status = (int)result->status;
	if (!list) {
		list = json_array();
		json_object_set_new(session->manifest, "calibration_failures", list);
	}
	json_array_append_new(list, json_pack("{s:s, s:s}", "case", planned->id, "reason", result->reason));
}

static int calibration_trial(struct session *session, struct sm_planned_case *planned, struct sm_trial_result *result,
			     struct sm_error *err)
{
	const struct sm_scenario *scenario = planned->c.scenario;
	bool by_clock = ends_by_clock(session, &planned->c);
	struct sm_trial_request request = {
		.c = &planned->c,
		.op_count = scenario->fixed_ops ? scenario->fixed_ops(&planned->c)
			    : by_clock          ? OPS_BY_CLOCK
						: 1,
		.slice_ns = by_clock ? slice_aim_ns(session, &planned->c) : 0,
		.seed = seed_of(session, planned->id, ~0u),
		.timeout_ns = calibration_timeout_ns(session, &planned->c),
		.calibrate = !scenario->fixed_ops && !by_clock,
		.slices = 1,
	};
	int rc = 0;

	session->context.slice_ns = slice_aim_ns(session, &planned->c);
	/* A worker that is killed from outside should not cost the case its operation count. */
	for (int attempt = 0; attempt < CALIBRATION_ATTEMPTS; attempt++) {
		rc = sm_trial_run(&session->context, &request, result, err);
		if (rc < 0 || result->status == SM_OK || result->status == SM_SKIPPED)
			return rc;
		if (result->memory_lacked) { /* the next attempt would be killed, too */
			result->status = SM_SKIPPED;
			return rc;
		}
		note_failure(session, planned, result);
		if (attempt + 1 < CALIBRATION_ATTEMPTS)
			sm_trial_result_free(result);
	}
	return rc;
}

/* A case with a fixed count has it; one trial that is thrown away tells how long it takes and whether it
 * works here.  Any other finds its count. */
static int calibrate_case(struct session *session, struct sm_planned_case *planned, struct sm_error *err)
{
	const struct sm_scenario *scenario = planned->c.scenario;
	struct sm_trial_result result;
	int rc = calibration_trial(session, planned, &result, err);

	if (rc < 0)
		return rc;
	if (result.status == SM_SKIPPED)
		skip(planned, result.reason);
	planned->op_count = scenario->fixed_ops ? scenario->fixed_ops(&planned->c) : result.op_count;
	planned->slices = scenario->subject == SM_COLD ? 1 : default_slices(session, &planned->c);
	planned->trial_ns = result.wall_ns;
	if (!scenario->fixed_ops && result.status == SM_OK) {
		planned->slices = slices_for(session, planned, result.last_slice_ns, result.overhead_ns);
		planned->slice_ns = result.last_slice_ns;
		planned->trial_ns = result.overhead_ns + planned->slices * result.last_slice_ns +
				    warm_ns(session, &planned->c, result.last_slice_ns);
	} else if (!scenario->fixed_ops) {
		/* It fails every time: the trials will say so, one operation at a time.  One that only takes
		 * too long would seem to work so, and its figure would be about nothing. */
		planned->op_count = 1;
		planned->slices = 3;
		if (result.status == SM_TIMED_OUT)
			skip(planned, planned->failure);
	}
	sm_trial_result_free(&result);
	return 0;
}

int session_calibrate(struct session *session, struct sm_error *err)
{
	(void)json_object_del(session->manifest, "calibration_failures"); /* of a calibration that was stopped */
	for (size_t i = 0; i < session->plan.case_count; i++) {
		struct sm_planned_case *planned = &session->plan.cases[i];
		struct sm_error why = { 0 };

		if (session_stopped(session))
			return sm_fail(err, EINTR, "stopped by a signal while calibrating");
		session_progress(session, "calibrating", i, session->plan.case_count, planned->id, 0);
		if (sm_trial_supported(&session->context, &planned->c, &why) < 0) {
			skip(planned, why.text);
			continue;
		}
		int rc = calibrate_case(session, planned, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

void session_fit_budget(struct session *session)
{
	uint64_t budget_ns = session->plan_options.budget_ns;
	uint64_t spent_ns = session_spent_ns(session);

	if (budget_ns > 0)
		sm_plan_fit(&session->plan, &session->plan_options, budget_ns > spent_ns ? budget_ns - spent_ns : 1);
}

/* The first good trial's pass stands for its case: which page was slow is a story, not a statistic. */
static int keep_series(struct session *session, const struct sm_planned_case *planned,
		       const struct sm_trial_result *result, struct sm_error *err)
{
	char name[384], path[4600];

	if (result->status != SM_OK || !result->series)
		return 0;
	sm_store_histogram_name(planned->id, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/series/%s.csv", session->options->folder, name);
	if (access(path, F_OK) == 0)
		return 0;
	return sm_store_write_series(session->options->folder, name, result->series, err);
}

int session_measure_step(struct session *session, unsigned trial, const struct sm_step *step, struct sm_error *err)
{
	struct sm_planned_case *planned = &session->plan.cases[step->case_index];
	struct sm_trial_request request = {
		.c = &planned->c,
		.op_count = planned->op_count,
		.slices = planned->slices,
		.slice_ns = ends_by_clock(session, &planned->c) ? slice_aim_ns(session, &planned->c) : 0,
		.seed = seed_of(session, planned->id, step->block),
		.timeout_ns = timeout_ns(planned),
		.longest_ns = LONGEST_FACTOR * (planned->slices + 1) * slice_aim_ns(session, &planned->c),
		.trace = planned->c.scenario->trace != NULL,
	};
	struct sm_trial_result result = { 0 };

	session->context.slice_ns = slice_aim_ns(session, &planned->c);
	int rc = sm_plan_injected(&session->plan_options, &planned->c, &request.inject, err);

	if (rc == 0)
		rc = sm_trial_run(&session->context, &request, &result, err);
	if (rc == 0)
		rc = session_append(session, trial, step, &result, err);
	if (rc == 0)
		rc = keep_series(session, planned, &result, err);
	session->timed_ns += result.timed_ns;
	sm_trial_result_free(&result);
	return rc;
}

/* Cases that cannot run here, and calibrations that failed, have one row each, after the plan's trials. */
static int append_skipped(struct session *session, struct sm_error *err)
{
	unsigned trial = (unsigned)session->plan.step_count;

	for (size_t i = 0; i < session->plan.case_count; i++) {
		struct sm_step step = { .case_index = (unsigned)i };
		const struct sm_planned_case *planned = &session->plan.cases[i];
		struct sm_trial_result result = { .status = SM_SKIPPED };

		if (!planned->skipped && !planned->failure[0])
			continue;
		if (session->done[trial++])
			continue;
		if (!planned->skipped)
			result.status = (enum sm_status)planned->failure_status;
		snprintf(result.reason, sizeof(result.reason), "%s",
			 planned->skipped ? planned->reason : planned->failure);
		result.throttled_ns = (double)NAN;
		snprintf(result.pus, sizeof(result.pus), "-");
		snprintf(result.nodes, sizeof(result.nodes), "-");
		snprintf(result.pages_got, sizeof(result.pages_got), "none");
		int rc = session_append(session, trial - 1, &step, &result, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

int session_measure(struct session *session, struct sm_error *err)
{
	const struct sm_plan *plan = &session->plan;
	uint64_t left_ns = plan->estimate_ns;
	uint64_t budget_ns = session->plan_options.budget_ns;
	int rc = append_skipped(session, err);

	session->context.kept = &session->kept;
	for (unsigned trial = 0; rc == 0 && trial < plan->step_count; trial++) {
		const struct sm_planned_case *planned = &plan->cases[plan->steps[trial].case_index];

		session_progress(session, "measuring", trial, plan->step_count, planned->id, left_ns);
		left_ns -= planned->trial_ns < left_ns ? planned->trial_ns : left_ns;
		if (session->done[trial])
			continue;
		if (session_stopped(session))
			return sm_fail(err, EINTR, "stopped by a signal");
		session->over_budget = budget_ns && session_spent_ns(session) > budget_ns;
		if (session->over_budget)
			break;
		rc = session_measure_step(session, trial, &plan->steps[trial], err);
	}
	return rc;
}
