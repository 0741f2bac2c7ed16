/* The warm-up against slices whose times are known: how long it lasts, and what counts after it. */
#include <math.h>
#include <time.h>

#include "harness_fixture.h"

enum behaviour { STEADY, FALLING, FALLS_ON, CLASS_CHANGES, SLOW, BRIEF };
#define SLICES   12
#define SLICE_NS 1000000

/* Where a falling one is flat. */
#define FLAT_FROM 30

struct state {
	unsigned slice; /* that comes next */
};

/* Nanoseconds of a slice, the same for every trial. */
static uint64_t time_of(enum behaviour behaviour, unsigned slice)
{
	switch (behaviour) {
	case FALLING: return 1000 + 40 * (slice < FLAT_FROM ? FLAT_FROM - slice : 0);
	case FALLS_ON: return 1000000 - slice;
	case CLASS_CHANGES: return slice < 8 ? 1000 : 3000;
	default: return 1000 + slice % 2;
	}
}

static uint64_t run(struct sm_worker *worker)
{
	enum behaviour behaviour = (enum behaviour)sm_case_variant(worker->c)->arg;
	const struct timespec nap = { .tv_nsec = SM_WARM_NS_MAX / 10 }, brief = { .tv_nsec = SLICE_NS };
	struct state *state = worker->state;

	if (worker->op_count == 0) /* the rehearsal */
		return 0;
	if (behaviour == SLOW)
		nanosleep(&nap, NULL);
	if (behaviour == BRIEF)
		nanosleep(&brief, NULL);
	worker->time_ns += worker->op_count * time_of(behaviour, state->slice++);
	sm_histogram_add(worker->histogram, state->slice);
	return worker->op_count;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	(void)trial;
	(void)err;
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "steady", .arg = STEADY },
	{ .name = "falling", .arg = FALLING },
	{ .name = "falls_on", .arg = FALLS_ON },
	{ .name = "class_changes", .arg = CLASS_CHANGES },
	{ .name = "slow", .arg = SLOW },
	{ .name = "brief", .arg = BRIEF },
	{ 0 },
};

static struct sm_scenario fake = {
	.name = "fake",
	.family = "tests",
	.question = "?",
	.variants = variants,
	.workers = 1,
	.metric = { "time", "ns/op" },
	.state_bytes = sizeof(struct state),
	.self_timed = true,
	.histogram = true,
	.run = run,
	.verify = verify,
};

static struct sm_trial_result a_trial(enum behaviour behaviour, uint64_t slice_ns)
{
	struct sm_trial_context context;
	struct sm_case c = { .scenario = &fake, .variant = behaviour, .placement = SM_PLACE_NEAR, .workers = 1 };
	struct sm_trial_request request = {
		.c = &c, .op_count = 10, .slices = SLICES, .seed = 1, .timeout_ns = 5000000000
	};
	struct sm_trial_result result;
	struct sm_error err = { 0 };

	context_open(&context);
	context.slice_ns = slice_ns;
	cr_assert_eq(sm_trial_run(&context, &request, &result, &err), 0, "%s", err.text);
	cr_assert_eq(result.status, SM_OK, "%s", result.reason);
	cr_expect_eq(result.slice_count, SLICES);
	for (unsigned i = 0; i < result.slice_count; i++) /* those behind the warm-up, in order */
		cr_expect_eq(result.slice[i].row.ns, 10 * time_of(behaviour, result.warm_slices + i));
	/* each slice that counts and none of the warm-up */
	cr_expect_eq(result.histogram->count, SLICES, "%lu values", result.histogram->count);
	return result;
}

TestSuite(warm_up, .timeout = 30);

Test(warm_up, it_takes_at_least_what_its_scenario_asks_for)
{
	const uint64_t least_ns = SM_WARM_NS_MAX / 2;
	struct sm_trial_result result;

	fake.warm_ns = least_ns;
	result = a_trial(BRIEF, SLICE_NS);
	fake.warm_ns = 0;
	cr_expect_geq(result.warm_ns, least_ns, "%lu", result.warm_ns);
	cr_expect_leq(result.warm_ns, least_ns + SM_WARM_NS_MAX, "%lu", result.warm_ns);
	cr_expect_gt(result.warm_slices, SM_WARM_SLICES, "%u", result.warm_slices);
	sm_trial_result_free(&result);
}

Test(warm_up, steady_slices_need_sixteen)
{
	struct sm_trial_result result = a_trial(STEADY, SLICE_NS);

	cr_expect_eq(result.warm_slices, SM_WARM_SLICES, "%u", result.warm_slices);
	cr_expect(result.flat);
	cr_expect_gt(result.warm_ns, 0);
	sm_trial_result_free(&result);
}

Test(warm_up, it_goes_on_until_the_slices_are_flat)
{
	struct sm_trial_result result = a_trial(FALLING, SLICE_NS);

	cr_expect_geq(result.warm_slices, FLAT_FROM, "%u", result.warm_slices);
	cr_expect_leq(result.warm_slices, FLAT_FROM + SM_WARM_SLICES, "%u", result.warm_slices);
	cr_expect(result.flat);
	cr_expect_eq(result.slice[0].row.ns, 10000, "what is measured is what it settles at");
	sm_trial_result_free(&result);
}

Test(warm_up, what_never_settles_has_a_bound_and_says_so)
{
	struct sm_trial_result result = a_trial(FALLS_ON, SLICE_NS);

	cr_expect_eq(result.warm_slices, 64, "%u", result.warm_slices);
	cr_expect_not(result.flat);
	sm_trial_result_free(&result);
}

Test(warm_up, a_class_that_changes_does_not_take_it_to_the_bound)
{
	struct sm_trial_result result = a_trial(CLASS_CHANGES, SLICE_NS);

	cr_expect_eq(result.warm_slices, SM_WARM_SLICES + 4, "%u", result.warm_slices);
	cr_expect(result.flat);
	sm_trial_result_free(&result);
}

Test(warm_up, one_slice_is_enough_where_they_are_meant_to_be_long)
{
	struct sm_trial_result result = a_trial(STEADY, SM_WARM_NS_MAX / SM_WARM_SLICES + 1);

	cr_expect_eq(result.warm_slices, 1, "%u", result.warm_slices);
	cr_expect_not(result.flat);
	sm_trial_result_free(&result);
}

Test(warm_up, it_has_a_bound_in_time)
{
	struct sm_trial_result result = a_trial(SLOW, SLICE_NS);

	cr_expect_leq(result.warm_slices, 11, "%u", result.warm_slices);
	cr_expect_not(result.flat);
	cr_expect_gt(result.warm_ns, SM_WARM_NS_MAX);
	sm_trial_result_free(&result);
}
