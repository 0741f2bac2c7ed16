/* Runs the calibrations, fits the plan to the budget, and runs the trials in order. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "session.h"
#include "shmeter/clock.h"

/* Slices of a trial by profile.  With twenty a trial sees one or two pair classes.  Standard takes more, so that trials
 * span several changes of class and most of the run's time is measuring. */
static const unsigned slices_default[] = { [SM_QUICK] = 20, [SM_STANDARD] = 80, [SM_FULL] = 80 };
/* The slices of a trial should take this many times its other time, so that 80 % of a run is measuring. */
#define TIMED_PER_OVERHEAD 5
/* A trial may take this many times its estimate, and never less than TIMEOUT_MIN_NS. */
#define TIMEOUT_FACTOR 20
#define TIMEOUT_MIN_NS 10000000000u
/* A calibration may take TIMEOUT_MIN_NS for each worker on a PU, for at most this many workers. */
#define TURNS_WAITED 6
/* Upper bound of the time to fill memory in random order, on any machine: 100 MB/s. */
#define FILL_NS_PER_BYTE 10
/* All slices of a trial may take this many times their target time. */
#define LONGEST_FACTOR 3
/* All rounds of a trial may take that much longer still: few rounds are soon held up by other processes. */
#define TOUR_LONGEST_NS 1000000000u
/* Attempts to calibrate a case before it counts as failing every time. */
#define CALIBRATION_ATTEMPTS 3
/* Fewest slices of a trial, however long they are. */
#define SLICES_MIN 8
/* Most slices of a trial unless the user asks for more. */
#define SLICES_MOST 767

/* Target length of a slice.  A pair class lasts for milliseconds, and so does the pace of a worker alone.  Two workers
 * that take turns on one PU have neither, so their slices may be longer and include a time slice of the scheduler.
 * Where more workers share PUs, a slice must include many turns of the scheduler (some milliseconds each).  In a
 * shorter slice each worker would do all its operations before the next one runs, and no worker would ever wait for
 * another.  All targets are over 1000 times the cost of reading the clock. */
#define SLICE_CLASS_NS  1000000u
#define SLICE_SHARED_NS 10000000u
#define SLICE_TURNS_NS  12000000u /* for each worker on a PU: several turns of the scheduler */
/* Number of such long slices: a block needs three pure ones. */
#define SLICES_LONG 4
/* An operation count that no slice that ends by the clock reaches. */
#define OPS_BY_CLOCK (1u << 30)

/* Number of workers on each PU of the case. */
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

/* Allows for populating and filling memory before the first operation, and for workers that share a PU and run one
 * after the other. */
static uint64_t calibration_timeout_ns(const struct session *session, const struct sm_case *c)
{
	uint64_t bytes = c->scenario->region_bytes ? c->scenario->region_bytes(c) : 0;
	uint64_t turns = workers_per_pu(session, c);

	return TIMEOUT_MIN_NS * (turns < TURNS_WAITED ? turns : TURNS_WAITED) + bytes * FILL_NS_PER_BYTE;
}

static void skip(struct sm_planned_case *planned, const char *reason)
{
	planned->skipped = true;
	planned->reason = sm_name_of(reason);
}

/* A trial with longer slices has fewer of them, so its timed work stays the same. */
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

/* Takes enough slices that the set-up is a small part of a trial.  The quick profile keeps the default: it must be
 * short. */
static unsigned slices_for(const struct session *session, const struct sm_planned_case *planned, uint64_t slice_ns,
			   uint64_t overhead_ns)
{
	uint64_t want = default_slices(session, &planned->c), aim_ns = slice_aim_ns(session, &planned->c);

	if (session->plan_options.slices)
		return session->plan_options.slices;
	/* the length of a slice, or of the trial, is given */
	if (ends_by_clock(session, &planned->c) || planned->c.scenario->achieved)
		return (unsigned)want;
	/* one operation takes longer than the target: the same work in fewer slices */
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

/* Duration of the warm-up of a case that needs no longer one than its scenario asks for. */
static uint64_t warm_ns(const struct session *session, const struct sm_case *c, uint64_t slice_ns)
{
	uint64_t all_ns = SM_WARM_SLICES * slice_ns, least_ns = c->scenario->warm_ns;

	if (SM_WARM_SLICES * slice_aim_ns(session, c) > SM_WARM_NS_MAX)
		all_ns = slice_ns;
	else if (all_ns >= SM_WARM_NS_MAX)
		all_ns = SM_WARM_NS_MAX + slice_ns;
	return all_ns > least_ns ? all_ns : least_ns;
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
		.seed = session_seed(session, planned->id, ~0u),
		.timeout_ns = calibration_timeout_ns(session, &planned->c),
		.calibrate = !scenario->fixed_ops && !by_clock,
		.slices = 1,
	};
	int rc = 0;

	session->context.slice_ns = slice_aim_ns(session, &planned->c);
	/* Try again, so that a worker that is killed from outside does not cost the case its operation count. */
	for (int attempt = 0; attempt < CALIBRATION_ATTEMPTS; attempt++) {
		rc = sm_trial_run(&session->context, &request, result, err);
		if (rc < 0 || result->status == SM_OK || result->status == SM_SKIPPED)
			return rc;
		if (result->memory_lacked) { /* the next attempt would be killed too */
			result->status = SM_SKIPPED;
			return rc;
		}
		session_note_failure(session, planned, result);
		if (result->status == SM_TIMED_OUT && scenario->plugged) /* it may hang each time */
			return rc;
		if (attempt + 1 < CALIBRATION_ATTEMPTS)
			sm_trial_result_free(result);
	}
	return rc;
}

/* A trial with a tour has a larger team than the one that found the count. */
static int calibrate_tour(struct session *session, struct sm_planned_case *planned, uint64_t overhead_ns,
			  struct sm_error *err)
{
	int rc = session_check_tour(session, planned, calibration_timeout_ns(session, &planned->c), err);

	if (rc == 0 && planned->tour.team_ns > overhead_ns)
		planned->trial_ns += planned->tour.team_ns - overhead_ns;
	return rc;
}

/* Calibrates a case.  Where its count is fixed, one discarded trial shows how long it takes and whether it works here.
 * Otherwise finds the count. */
int session_calibrate_case(struct session *session, struct sm_planned_case *planned, struct sm_error *err)
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
		if (planned->c.pairs)
			rc = calibrate_tour(session, planned, result.overhead_ns, err);
	} else if (!scenario->fixed_ops) {
		/* It fails every time: its trials run one operation each and report the failure.  A case that only
		 * takes too long would seem to work that way, with a meaningless result. */
		planned->op_count = 1;
		planned->slices = 3;
		if (result.status == SM_TIMED_OUT)
			skip(planned, planned->failure);
	}
	sm_trial_result_free(&result);
	return rc;
}

int session_calibrate(struct session *session, struct sm_error *err)
{
	/* failures of a calibration that was stopped */
	(void)json_object_del(session->manifest, "calibration_failures");
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
		int rc = session_calibrate_case(session, planned, err);

		if (rc < 0)
			return rc;
	}
	return 0;
}

void session_fit_budget(struct session *session)
{
	uint64_t budget_ns = session->plan_options.budget_ns;
	uint64_t spent_ns = session_plan_tours(session) + session_spent_ns(session);

	if (budget_ns > 0)
		sm_plan_fit(&session->plan, &session->plan_options, budget_ns > spent_ns ? budget_ns - spent_ns : 1);
	session_spread_tours(session);
}

/* Keeps the series of the first successful trial as an example for its case: it shows which access was slow, and is not
 * used in statistics. */
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

/* A trial of a case whose tour could not be planned measured one pair of many. */
static void note_no_tour(const struct sm_planned_case *planned, struct sm_trial_result *result)
{
	if (!planned->c.pairs || planned->tour.trips > 0 || result->status != SM_OK)
		return;
	result->status = SM_DISTURBED;
	snprintf(result->reason, sizeof(result->reason), "no pair of PUs was visited: %.400s",
		 planned->failure[0] ? planned->failure : "there was no tour");
}

int session_measure_step(struct session *session, unsigned trial, const struct sm_step *step, struct sm_error *err)
{
	struct sm_planned_case *planned = &session->plan.cases[step->case_index];
	struct sm_trial_request request = {
		.c = &planned->c,
		.op_count = planned->op_count,
		.slices = planned->slices,
		.slice_ns = ends_by_clock(session, &planned->c) ? slice_aim_ns(session, &planned->c) : 0,
		.seed = session_seed(session, planned->id, step->block),
		.timeout_ns = timeout_ns(planned),
		.longest_ns = LONGEST_FACTOR * (planned->slices + 1) * slice_aim_ns(session, &planned->c),
		.trace = planned->c.scenario->trace != NULL,
	};
	struct sm_trial_result result = { 0 };
	struct sm_tour tour;

	session->context.slice_ns = slice_aim_ns(session, &planned->c);
	int rc = sm_plan_injected(&session->plan_options, &planned->c, &request.inject, err);

	if (rc < 0)
		return rc;
	rc = session_make_tour(session, planned, &tour, err);
	if (rc == 0 && tour.round_count > 0)
		request.part = (struct sm_tour_part){
			.tour = &tour,
			.first = step->block * planned->tour.rounds % tour.round_count,
			.rounds = planned->tour.rounds,
			.trips = planned->tour.trips,
			.longest_ns = TOUR_LONGEST_NS + LONGEST_FACTOR * planned->tour.rounds * planned->tour.round_ns,
		};
	if (rc == 0)
		rc = sm_trial_run(&session->context, &request, &result, err);
	if (rc == 0)
		note_no_tour(planned, &result);
	if (rc == 0)
		rc = session_append(session, trial, step, &result, &tour, err);
	sm_tour_free(&tour);
	if (rc == 0)
		rc = keep_series(session, planned, &result, err);
	session->timed_ns += result.timed_ns;
	sm_trial_result_free(&result);
	return rc;
}

/* Appends one row for each case that cannot run here and each failed calibration, after the plan's trials. */
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
		int rc = session_append(session, trial - 1, &step, &result, NULL, err);

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
