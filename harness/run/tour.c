/* Plans the tours of a run: how pairs may be visited, how often, and in which trial. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "session.h"

/* What all trials of a scenario with tours may take together.  A full run visits all pairs of 384 PUs, each several
 * times, and ends within five minutes. */
static const uint64_t limit_ns[] = {
	[SM_QUICK] = 12000000000u, [SM_STANDARD] = 60000000000u, [SM_FULL] = 280000000000u
};
/* Part of a budget that tours may take. */
#define BUDGET_PART 2
/* Fewest blocks: six give an interval, and class changes may lose two. */
#define BLOCKS_LEAST 8
/* Fewest rounds of a trial, where the schedule has so many. */
#define ROUNDS_LEAST 8
/* Visits of all pairs together, about: visits.csv then has some 50 MB. */
#define VISITS_MOST 1000000u
/* Slices of the trial that checks a tour; its rounds, where there is no company to check. */
#define CHECK_SLICES 3
#define CHECK_ROUNDS 16
/* Number that the seed of a schedule is made with: that of no block. */
#define NO_BLOCK UINT32_MAX

static bool has_tour(const struct sm_planned_case *planned)
{
	return !planned->skipped && planned->tour.trips > 0;
}

static int make_tour(const struct session *session, const struct sm_planned_case *planned, enum sm_tour_width width,
		     struct sm_tour *out, struct sm_error *err)
{
	/* all variants of a group visit the same pairs */
	return sm_tour_make(out, session->topology, planned->c.pairs, planned->c.placement, width,
			    session_seed(session, planned->group_id, NO_BLOCK), err);
}

int session_make_tour(const struct session *session, const struct sm_planned_case *planned, struct sm_tour *out,
		      struct sm_error *err)
{
	*out = (struct sm_tour){ .pu = NULL };
	if (!has_tour(planned))
		return 0;
	return make_tour(session, planned, planned->tour.together ? SM_TOUR_COMPANY : SM_TOUR_ALONE, out, err);
}

static void take_shape(struct sm_planned_tour *planned, const struct sm_tour *tour)
{
	planned->round_count = tour->round_count;
	planned->pair_count = tour->pair_count;
	planned->pu_count = tour->pu_count;
	planned->widest = tour->widest;
}

/* Runs a trial with the rounds of the check.  Without company to check, these are the first rounds of the tour. */
static int run_check(struct session *session, struct sm_planned_case *planned, const struct sm_tour *tour,
		     const struct sm_tour *check, uint64_t timeout_ns, struct sm_trial_result *result,
		     struct sm_error *err)
{
	const struct sm_tour *rounds = check->round_count ? check : tour;
	struct sm_trial_request request = {
		.c = &planned->c,
		.op_count = planned->op_count,
		.slices = CHECK_SLICES,
		.seed = session_seed(session, planned->id, NO_BLOCK),
		.timeout_ns = timeout_ns,
		.part = { .tour = rounds,
			  .rounds = check->round_count ? check->round_count : CHECK_ROUNDS,
			  .trips = planned->tour.trips },
	};

	return sm_trial_run(&session->context, &request, result, err);
}

static void judge_check(struct sm_planned_tour *planned, const struct sm_tour *check,
			const struct sm_trial_result *result)
{
	double *ns = calloc(check->pair_count + 1, sizeof(*ns));

	if (!ns) /* then it is not known whether company is harmless */
		return;
	for (size_t i = 0; i < check->pair_count; i++)
		ns[i] = (double)NAN;
	for (size_t i = 0; check->round_count && i < result->visit_count; i++)
		ns[result->visit[i].pair] = result->visit[i].ns;
	sm_tour_check_judge(check, ns, &planned->company);
	planned->together = planned->company.harmless;
	planned->round_ns = (uint64_t)(planned->together ? result->company_ns : result->alone_ns);
	free(ns);
}

int session_check_tour(struct session *session, struct sm_planned_case *planned, uint64_t timeout_ns,
		       struct sm_error *err)
{
	struct sm_planned_tour *plan = &planned->tour;
	double op_ns = (double)planned->slice_ns / (double)planned->op_count;
	struct sm_trial_result result = { .status = SM_STATUS_NONE };
	struct sm_tour tour, check;
	int rc = make_tour(session, planned, SM_TOUR_COMPANY, &tour, err);

	if (rc < 0)
		return rc;
	plan->trips = 1 + (uint64_t)(SM_VISIT_NS / op_ns);
	rc = sm_tour_check_make(&check, &tour, err);
	if (rc == 0)
		rc = run_check(session, planned, &tour, &check, timeout_ns, &result, err);
	if (rc == 0 && result.status == SM_OK && result.visit_count > 0) {
		judge_check(plan, &check, &result);
		plan->team_ns = result.wall_ns - result.tour_ns - result.timed_ns - result.warm_ns;
	} else {
		plan->trips = 0;
		session_note_failure(session, planned, &result);
	}
	sm_trial_result_free(&result);
	sm_tour_free(&check);
	sm_tour_free(&tour);
	if (rc == 0 && has_tour(planned)) {
		rc = session_make_tour(session, planned, &tour, err);
		if (rc == 0)
			take_shape(plan, &tour);
		sm_tour_free(&tour);
	}
	return rc;
}

static uint64_t limit(const struct session *session)
{
	uint64_t most = limit_ns[session->plan.profile], budget_ns = session->plan_options.budget_ns / BUDGET_PART;

	return budget_ns && budget_ns < most ? budget_ns : most;
}

/* What tours take: one block of everything but the rounds, and a visit of every pair. */
struct cost {
	double block_ns, pass_ns;
	double pairs;
	unsigned blocks; /* most of a group */
};

static struct cost cost_of(const struct session *session)
{
	struct cost cost = { .blocks = 0 };

	for (size_t i = 0; i < session->plan.case_count; i++) {
		const struct sm_planned_case *planned = &session->plan.cases[i];
		unsigned blocks = session->plan.groups[planned->group].blocks;

		if (!has_tour(planned))
			continue;
		cost.block_ns += (double)planned->trial_ns;
		cost.pass_ns += (double)planned->tour.round_count * (double)planned->tour.round_ns;
		cost.pairs += (double)planned->tour.pair_count;
		cost.blocks = blocks > cost.blocks ? blocks : cost.blocks;
	}
	return cost;
}

/* Large teams take long to start: their trials may have half of the time. */
static void cut_blocks(struct session *session, const struct cost *cost)
{
	double fit = (double)limit(session) / 2 / cost->block_ns;

	if (session->plan_options.repeat_blocks)
		return;
	for (size_t g = 0; g < session->plan.group_count; g++) {
		struct sm_planned_group *group = &session->plan.groups[g];

		if (group->scenario->visit && group->blocks > fit)
			group->blocks = fit > BLOCKS_LEAST             ? (unsigned)fit
					: group->blocks < BLOCKS_LEAST ? group->blocks
								       : BLOCKS_LEAST;
	}
}

uint64_t session_plan_tours(struct session *session)
{
	struct cost cost = cost_of(session);
	double left_ns, visits, most;

	if (cost.pass_ns <= 0)
		return 0;
	cut_blocks(session, &cost);
	cost = cost_of(session);
	left_ns = (double)limit(session) - cost.blocks * cost.block_ns;
	visits = fmax(left_ns, (double)limit(session) / 4) / cost.pass_ns;
	most = fmax(1, floor(VISITS_MOST / cost.pairs));
	/* whole passes, as soon as there is one */
	visits = fmin(visits, fmin(most, cost.blocks));
	visits = visits > 1 ? floor(visits) : visits;
	for (size_t i = 0; i < session->plan.case_count; i++)
		if (has_tour(&session->plan.cases[i]))
			session->plan.cases[i].tour.visits = visits;
	return (uint64_t)(visits * cost.pass_ns);
}

void session_spread_tours(struct session *session)
{
	for (size_t i = 0; i < session->plan.case_count; i++) {
		struct sm_planned_case *planned = &session->plan.cases[i];
		struct sm_planned_tour *tour = &planned->tour;
		double blocks = session->plan.groups[planned->group].blocks;

		if (!has_tour(planned))
			continue;
		tour->rounds = (size_t)ceil(tour->visits * (double)tour->round_count / blocks);
		if (tour->rounds < ROUNDS_LEAST)
			tour->rounds = ROUNDS_LEAST;
		if (tour->rounds > tour->round_count)
			tour->rounds = tour->round_count;
		tour->visits = blocks * (double)tour->rounds / (double)tour->round_count;
		planned->trial_ns += tour->rounds * tour->round_ns;
	}
}

json_t *session_tour_json(const struct sm_planned_case *planned)
{
	const struct sm_planned_tour *tour = &planned->tour;
	const struct sm_company *company = &tour->company;
	json_t *out;

	if (!has_tour(planned))
		return NULL;
	out = json_pack("{s:b, s:I, s:I, s:I, s:I, s:i, s:i, s:I, s:I, s:f}", "together", tour->together, "round_ns",
			(json_int_t)tour->round_ns, "team_ns", (json_int_t)tour->team_ns, "trips",
			(json_int_t)tour->trips, "pairs", (json_int_t)tour->pair_count, "processes",
			(int)tour->pu_count, "widest", (int)tour->widest, "round_count", (json_int_t)tour->round_count,
			"rounds", (json_int_t)tour->rounds, "visits", tour->visits);
	if (out && company->known)
		json_object_set_new(out, "company",
				    json_pack("{s:f, s:f, s:f, s:i, s:i, s:i, s:f}", "ratio", company->ratio.estimate,
					      "low", company->ratio.low, "high", company->ratio.high, "compared",
					      (int)company->visits, "pairs", (int)company->pairs, "widest",
					      (int)company->widest, "share", SM_COMPANY_SHARE));
	return out;
}

static bool restore(const json_t *one, const char *key, json_int_t least, json_int_t *out)
{
	const json_t *value = json_object_get(one, key);

	*out = json_integer_value(value);
	return json_is_integer(value) && *out >= least && *out <= UINT32_MAX;
}

static void restore_company(struct sm_company *company, const json_t *one)
{
	company->known = one != NULL;
	company->ratio.estimate = json_number_value(json_object_get(one, "ratio"));
	company->ratio.low = json_number_value(json_object_get(one, "low"));
	company->ratio.high = json_number_value(json_object_get(one, "high"));
	company->visits = (unsigned)json_integer_value(json_object_get(one, "compared"));
	company->pairs = (unsigned)json_integer_value(json_object_get(one, "pairs"));
	company->widest = (unsigned)json_integer_value(json_object_get(one, "widest"));
}

int session_restore_tour(struct sm_planned_case *planned, const json_t *one)
{
	struct sm_planned_tour *tour = &planned->tour;
	json_int_t trips, rounds, round_count, round_ns, team_ns, pairs, processes, widest;

	if (!one)
		return 0;
	if (!planned->c.pairs || !restore(one, "trips", 1, &trips) || !restore(one, "rounds", 1, &rounds) ||
	    !restore(one, "round_count", rounds, &round_count) || !restore(one, "round_ns", 0, &round_ns) ||
	    !restore(one, "team_ns", 0, &team_ns) || !restore(one, "pairs", 1, &pairs) ||
	    !restore(one, "processes", 2, &processes) || !restore(one, "widest", 1, &widest))
		return -EBADMSG;
	*tour = (struct sm_planned_tour){ .together = json_is_true(json_object_get(one, "together")),
					  .round_ns = (uint64_t)round_ns,
					  .team_ns = (uint64_t)team_ns,
					  .trips = (uint64_t)trips,
					  .round_count = (size_t)round_count,
					  .pair_count = (size_t)pairs,
					  .pu_count = (unsigned)processes,
					  .widest = (unsigned)widest,
					  .visits = json_number_value(json_object_get(one, "visits")),
					  .rounds = (size_t)rounds };
	restore_company(&tour->company, json_object_get(one, "company"));
	tour->company.harmless = tour->together;
	return 0;
}
