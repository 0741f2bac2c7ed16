/* What a plan loses where its time is limited. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "shmeter/plan.h"

#define CASES  8
#define FIXED  30000000u /* of a trial: start, warm-up */
#define SLICE  1000000u
#define SLICES 80
#define BLOCKS 16
#define TRIALS (CASES * BLOCKS)
#define TRIAL  ((uint64_t)FIXED + SLICES * SLICE)
#define WHOLE  (TRIALS * TRIAL)

static struct sm_scenario paired = { .name = "paired" }, offered = { .name = "offered", .achieved = "achieved" };
static struct sm_plan plan;
static struct sm_plan_options options;

/* Four groups of two cases; the last case's worker is alone. */
static void set_up(void)
{
	plan = (struct sm_plan){ .case_count = CASES, .group_count = CASES / 2 };
	plan.cases = calloc(CASES, sizeof(*plan.cases));
	plan.groups = calloc(CASES / 2, sizeof(*plan.groups));
	options = (struct sm_plan_options){ .profile = SM_STANDARD };
	for (unsigned i = 0; i < CASES; i++) {
		plan.cases[i].c.scenario = &paired;
		plan.cases[i].c.workers = i + 1 == CASES ? 1 : 2;
		plan.cases[i].group = i / 2;
		plan.cases[i].slices = SLICES;
		plan.cases[i].slice_ns = SLICE;
		plan.cases[i].trial_ns = TRIAL;
	}
	for (unsigned g = 0; g < CASES / 2; g++)
		plan.groups[g] = (struct sm_planned_group){ 2 * g, 2, BLOCKS, &paired };
}

static void tear_down(void)
{
	sm_plan_free(&plan);
}

TestSuite(budget, .init = set_up, .fini = tear_down);

static uint64_t estimate(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < CASES; i++)
		if (!plan.cases[i].skipped)
			sum += plan.cases[i].trial_ns * plan.groups[plan.cases[i].group].blocks;
	return sum;
}

Test(budget, what_fits_stays)
{
	sm_plan_fit(&plan, &options, 2 * WHOLE);
	cr_expect_eq(plan.cases[0].slices, SLICES);
	cr_expect_eq(plan.groups[0].blocks, BLOCKS);
	cr_expect_eq(estimate(), WHOLE);
}

/* A trial starts and warms up as long with fewer slices. */
Test(budget, fewer_slices_save_their_own_time_alone)
{
	sm_plan_fit(&plan, &options, WHOLE);
	cr_expect_lt(plan.cases[0].slices, SLICES);
	cr_expect_eq(plan.cases[0].trial_ns, FIXED + (uint64_t)plan.cases[0].slices * SLICE);
	cr_expect_eq(plan.groups[0].blocks, BLOCKS, "slices first");
	cr_expect_leq(estimate(), WHOLE / 5 * 4, "a fifth is for what is topped up");
	cr_expect_gt(estimate(), WHOLE / 5 * 4 - WHOLE / 50, "and no more");
}

Test(budget, blocks_go_before_a_trial_has_too_few_slices)
{
	uint64_t room = TRIALS / 2 * ((uint64_t)FIXED + 20 * SLICE) * 5 / 4;

	sm_plan_fit(&plan, &options, room);
	cr_expect_eq(plan.cases[0].slices, 20);
	cr_expect_eq(plan.cases[CASES - 1].slices, 60, "a worker alone needs three times as many");
	cr_expect_gt(plan.groups[0].blocks, 6);
	cr_expect_leq(plan.groups[0].blocks, BLOCKS / 2);
	cr_expect_leq(estimate(), room / 5 * 4);
}

Test(budget, the_least_stays_whatever_it_takes)
{
	sm_plan_fit(&plan, &options, 1);
	cr_expect_eq(plan.cases[0].slices, 8);
	cr_expect_eq(plan.cases[CASES - 1].slices, 24);
	for (unsigned g = 0; g < CASES / 2; g++)
		cr_expect_eq(plan.groups[g].blocks, 6);
}

/* Between the two: six blocks, and as many slices as the time has. */
Test(budget, slices_go_last_to_the_least)
{
	uint64_t room = CASES * 6 * ((uint64_t)FIXED + 14 * SLICE) * 10 / 9;

	sm_plan_fit(&plan, &options, room);
	cr_expect_eq(plan.groups[0].blocks, 6);
	cr_expect_geq(plan.cases[0].slices, 8);
	cr_expect_lt(plan.cases[0].slices, 14, "the worker alone has more of them");
	cr_expect_leq(estimate(), room / 10 * 9);
	cr_expect_gt(estimate(), room / 10 * 9 - room / 25);
}

Test(budget, fewer_than_the_least_stay_as_they_are)
{
	plan.cases[0].slices = 1; /* a cold case */
	plan.groups[1].blocks = 3;
	sm_plan_fit(&plan, &options, 1);
	cr_expect_eq(plan.cases[0].slices, 1);
	cr_expect_eq(plan.groups[1].blocks, 3);
}

Test(budget, what_was_asked_for_and_a_rate_keep_their_slices)
{
	plan.cases[0].c.scenario = &offered;
	sm_plan_fit(&plan, &options, 1);
	cr_expect_eq(plan.cases[0].slices, SLICES);
	tear_down();
	set_up();
	options.slices = SLICES;
	sm_plan_fit(&plan, &options, 1);
	cr_expect_eq(plan.cases[2].slices, SLICES);
	cr_expect_eq(plan.groups[0].blocks, 6);
}

Test(budget, skipped_cases_take_no_time)
{
	for (unsigned i = 0; i < CASES / 2; i++)
		plan.cases[i].skipped = true;
	sm_plan_fit(&plan, &options, WHOLE / 8 * 5);
	cr_expect_eq(plan.cases[CASES - 2].slices, SLICES);
	cr_expect_eq(plan.groups[0].blocks, BLOCKS);
}
