/* Every registered scenario keeps the contract, and its verify() sees work that was not done. */
#include "harness_fixture.h"
#include "registry.h"
#include "shmeter/plan.h"

static uint64_t (*real_run)(struct sm_worker *worker);

/* Claims an operation that it did not do: the last one of the slice. */
static uint64_t run_short(struct sm_worker *worker)
{
	uint64_t asked = worker->op_count;

	if (asked > 0)
		worker->op_count = asked - 1;
	real_run(worker);
	return asked;
}

static void run_one(const struct sm_scenario *scenario, const struct sm_planned_case *planned,
		    struct sm_trial_result *result)
{
	struct sm_trial_context context;
	struct sm_case c = planned->c;
	struct sm_trial_request request = {
		.c = &c,
		.op_count = 8,
		.slices = scenario->subject == SM_COLD ? 1 : 2,
		.seed = 42,
		.timeout_ns = 20000000000u,
		.trace = true,
	};
	struct sm_error err = { 0 };
	struct left before;

	context_open(&context);
	c.scenario = scenario;
	if (scenario->subject == SM_COLD)
		request.op_count = scenario->fixed_ops(&c);
	before = look();
	cr_assert_eq(sm_trial_run(&context, &request, result, &err), 0, "%s: %s", planned->id, err.text);
	sm_trial_result_free(result);
	assert_nothing_left(&before);
}

typedef void check_case(const struct sm_scenario *, const struct sm_planned_case *);

/* `sets`: NAME, VALUES, ... of parameters, NULL at the end. */
static void for_each_case_at(const struct sm_scenario *scenario, const char *const *sets, check_case *check)
{
	struct sm_trial_context context;
	struct sm_plan_options options = { .profile = SM_QUICK };
	struct sm_plan plan;
	struct sm_error err = { 0 };

	for (; *sets; sets += 2) {
		options.set[options.set_count].name = sets[0];
		options.set[options.set_count++].text = sets[1];
	}
	context_open(&context);
	options.topology = context.topology;
	cr_assert_eq(sm_plan_expand(&plan, &options, &scenario, 1, &err), 0, "%s", err.text);
	for (size_t i = 0; i < plan.case_count; i++)
		check(scenario, &plan.cases[i]);
	sm_plan_free(&plan);
}

static void for_each_case(const struct sm_scenario *scenario, check_case *check)
{
	for_each_case_at(scenario, (const char *const[]){ NULL }, check);
}

static void expect_ok_or_reason(const struct sm_scenario *scenario, const struct sm_planned_case *planned)
{
	struct sm_trial_context context;
	struct sm_trial_result result;
	struct sm_error why = { 0 };

	context_open(&context);
	if (sm_trial_supported(&context, &planned->c, &why) < 0) {
		cr_expect_gt(strlen(why.text), 20, "%s: a reason is missing", planned->id);
		return;
	}
	run_one(scenario, planned, &result);
	/* some limits of the system are met only when the thing is made */
	if (result.status == SM_SKIPPED) {
		cr_expect_gt(strlen(result.reason), 20, "%s: a reason is missing", planned->id);
		return;
	}
	cr_expect_eq(result.status, SM_OK, "%s: %s", planned->id, result.reason);
}

static void expect_short_work_is_seen(const struct sm_scenario *scenario, const struct sm_planned_case *planned)
{
	struct sm_scenario planted = *scenario;
	struct sm_trial_context context;
	struct sm_trial_result result;

	context_open(&context);
	if (sm_trial_supported(&context, &planned->c, NULL) < 0)
		return;
	real_run = scenario->run;
	planted.run = run_short;
	run_one(&planted, planned, &result);
	if (result.status == SM_SKIPPED)
		return;
	cr_expect_eq(result.status, SM_VERIFY_FAILED, "%s: claimed work was not missed (status %d)", planned->id,
		     result.status);
}

TestSuite(contract, .timeout = 110);

static void expect_part_is_timed(const struct sm_scenario *scenario, const struct sm_planned_case *planned)
{
	struct sm_trial_context context;
	struct sm_trial_result result;

	context_open(&context);
	if (sm_trial_supported(&context, &planned->c, NULL) < 0)
		return;
	run_one(scenario, planned, &result);
	if (result.status == SM_OK)
		cr_expect_lt(result.elapsed_ns, result.timed_ns, "%s: all of run() is its time", planned->id);
}

/* Those that read back in run() what only the worker can see: that is not what an operation takes. */
Test(contract, reading_back_is_not_timed)
{
	static const char *const names[] = { "private_vs_shared", "fault_scaling" };

	for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++)
		for (size_t i = 0; i < sm_scenario_count; i++)
			if (strcmp(sm_scenarios[i]->name, names[n]) == 0)
				for_each_case(sm_scenarios[i], expect_part_is_timed);
}

static bool has_param(const struct sm_scenario *scenario, const char *name)
{
	const struct sm_param *param = scenario->params;

	while (param && param->name && strcmp(param->name, name) != 0)
		param++;
	return param && param->name;
}

/* In little memory: the profile's own, up to a GiB, would be filled for nothing. */
static void for_each_little_case(check_case *check)
{
	static const char *const little[] = { "bytes", "4m", NULL };

	for (size_t i = 0; i < sm_scenario_count; i++)
		for_each_case_at(sm_scenarios[i], little + (has_param(sm_scenarios[i], "bytes") ? 0 : 2), check);
}

Test(contract, every_case_is_ok_or_has_a_reason)
{
	for_each_little_case(expect_ok_or_reason);
}

Test(contract, every_verify_sees_work_not_done)
{
	for_each_little_case(expect_short_work_is_seen);
}

static const struct sm_scenario *find_scenario(const char *name)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		if (strcmp(sm_scenarios[i]->name, name) == 0)
			return sm_scenarios[i];
	cr_assert_fail("no scenario %s", name);
	return NULL;
}

/* Two producers of a ck_ring that share a PU may wait for each other a time slice an item. */
Test(contract, producers_that_spin_for_each_other_need_pus)
{
	const struct sm_scenario *queue = find_scenario("queue_lockfree");
	struct sm_case c = { .scenario = queue, .param = { 2, 1 }, .workers = 3 };
	struct sm_error why = { 0 };

	while (strcmp(sm_case_variant(&c)->name, "ck_ring") != 0)
		c.variant++;
	cr_expect_eq(queue->supported(&c, &why), 0);
	c.shared_pu = true;
	cr_expect_eq(queue->supported(&c, &why), -ENOTSUP);
	cr_expect(strstr(why.text, "use one producer"), "%s", why.text);
	c.param[0] = 1;
	cr_expect_eq(queue->supported(&c, &why), 0, "S5's place: one of each on one core");
}

/* S4.contended wants a PU for each of three, and is tested where there are three. */
Test(contract, three_pus_have_a_queue_of_three)
{
	const struct sm_scenario *queue = find_scenario("queue_lockfree");
	struct sm_plan_options options = { .profile = SM_STANDARD };
	struct sm_topology *topology;
	struct sm_error err = { 0 };
	struct sm_plan plan;
	unsigned three = 0;

	cr_assert_eq(sm_topology_open(&topology, "pack:1 core:3 pu:1", &err), 0, "%s", err.text);
	options.topology = topology;
	cr_assert_eq(sm_plan_expand(&plan, &options, &queue, 1, &err), 0, "%s", err.text);
	for (size_t i = 0; i < plan.case_count; i++)
		three += plan.cases[i].c.workers == 3 && plan.cases[i].c.placement == SM_PLACE_NEAR;
	cr_expect_gt(three, 0);
	sm_plan_free(&plan);
	sm_topology_close(topology);
}

/* The quick profile has one producer and one consumer: unequal sides, and shares with a rest. */
Test(contract, sides_of_a_queue_may_differ)
{
	const struct sm_scenario *queue = find_scenario("queue_lockfree");
	const char *const sets[] = { "producers", "1,3", "consumers", "1,2", NULL };

	for_each_case_at(queue, sets, expect_ok_or_reason);
	for_each_case_at(queue, sets, expect_short_work_is_seen);
}

Test(contract, readers_may_be_many)
{
	const struct sm_scenario *readers = find_scenario("read_side");
	const char *const sets[] = { "readers", "3", "writes", "0,2", NULL };

	for_each_case_at(readers, sets, expect_ok_or_reason);
	for_each_case_at(readers, sets, expect_short_work_is_seen);
}
