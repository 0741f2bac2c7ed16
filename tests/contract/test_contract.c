/* Every registered scenario keeps the contract, and its verify() sees work that was not done. */
#include <ctype.h>

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
		.slices = scenario->cold ? 1 : 2,
		.seed = 42,
		.timeout_ns = 20000000000u,
		.trace = true,
	};
	struct sm_error err = { 0 };
	struct left before;

	context_open(&context);
	c.scenario = scenario;
	if (scenario->cold)
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

Test(contract, every_scenario_is_described)
{
	for (size_t i = 0; i < sm_scenario_count; i++) {
		const struct sm_scenario *s = sm_scenarios[i];

		cr_expect(s->name && s->family && s->question && s->summary, "%zu", i);
		cr_expect(s->why && s->why[0], "%s does not say why", s->name);
		cr_expect(s->variants && s->variants[0].name, "%s has no variant", s->name);
		cr_expect(s->run && s->verify, "%s lacks run or verify", s->name);
		cr_expect(s->metric.name && s->metric.unit, "%s has no metric", s->name);
		cr_expect(!s->cold || s->fixed_ops, "%s is cold without fixed_ops", s->name);
		cr_expect(s->workers || s->workers_param, "%s has no workers", s->name);
	}
}

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

/* A multiple of the PUs, or doubles up to one. */
static bool depends_on_pus(uint64_t value)
{
	return value == SM_DOUBLING || (value >= SM_TIMES_PUS(0) && value < SM_TIMES_LLC(0));
}

/* The plain values of a list are first, and one at least: they are run wherever the workers sit. */
Test(contract, multiples_of_the_pus_come_last)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (unsigned p = 0; p < SM_PARAMS_MAX && sm_scenarios[i]->params[p].name; p++) {
			const struct sm_param *param = &sm_scenarios[i]->params[p];
			const struct sm_values *all[] = { &param->quick, &param->standard, &param->full };

			for (unsigned a = 0; a < 3; a++)
				for (unsigned v = 0; v < all[a]->count; v++)
					cr_expect(v == 0 ? all[a]->value[v] < SM_VALUE_PLAIN_BELOW ||
								   all[a]->value[v] >= SM_TIMES_LLC(0)
							 : depends_on_pus(all[a]->value[v]) ||
								   !depends_on_pus(all[a]->value[v - 1]),
						  "%s: %s", sm_scenarios[i]->name, param->name);
		}
}

/* What stands between a plain value and a multiple of the PUs doubles the one up to the other. */
Test(contract, doublings_stand_between_values)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (unsigned p = 0; p < SM_PARAMS_MAX && sm_scenarios[i]->params[p].name; p++) {
			const struct sm_param *param = &sm_scenarios[i]->params[p];
			const struct sm_values *all[] = { &param->quick, &param->standard, &param->full };

			for (unsigned a = 0; a < 3; a++)
				for (unsigned v = 0; v < all[a]->count; v++)
					cr_expect(all[a]->value[v] != SM_DOUBLING ||
							  (v > 0 && all[a]->value[v - 1] > 0 &&
							   all[a]->value[v - 1] < SM_VALUE_PLAIN_BELOW &&
							   v + 1 < all[a]->count &&
							   depends_on_pus(all[a]->value[v + 1])),
						  "%s: %s", sm_scenarios[i]->name, param->name);
		}
}

static bool has_variant(const struct sm_scenario *s, const char *name)
{
	for (const struct sm_variant *v = s->variants; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return true;
	return false;
}

static bool has_metric(const struct sm_scenario *s, const char *name)
{
	for (unsigned i = 0; i < SM_MORE_MAX && s->more[i].name; i++)
		if (strcmp(s->more[i].name, name) == 0)
			return true;
	return false;
}

Test(contract, claims_name_their_variants)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			cr_expect(c->text && c->source, "%s lacks text or source", c->id);
			cr_expect(has_variant(sm_scenarios[i], c->left), "%s: left", c->id);
			if (c->value)
				cr_expect(has_metric(sm_scenarios[i], c->value), "%s: value", c->id);
			if (c->count || c->value || c->closer_is_faster_min > 0) {
				cr_expect(!c->holds && c->added_min <= 0 && c->added_max <= 0, "%s compares nothing",
					  c->id);
				continue;
			}
			cr_expect(c->right && has_variant(sm_scenarios[i], c->right), "%s: right", c->id);
			cr_expect(!c->metric || has_metric(sm_scenarios[i], c->metric), "%s: metric", c->id);
			cr_expect(!c->holds || (has_metric(sm_scenarios[i], c->holds) && c->holds_min > 0), "%s: holds",
				  c->id);
			cr_expect_eq((c->ratio_min > 0 || c->ratio_max > 0) + (c->added_min > 0 || c->added_max > 0), 1,
				     "%s has no threshold, or two", c->id);
			cr_expect(!c->metric || (c->added_min <= 0 && c->added_max <= 0),
				  "%s: nanoseconds are of times", c->id);
		}
}

static const struct sm_claim *claim_of(const struct sm_scenario *s, const char *id)
{
	for (const struct sm_claim *c = s->claims; c && c->id; c++)
		if (strcmp(c->id, id) == 0)
			return c;
	return NULL;
}

Test(contract, controls_are_claims_beside_theirs)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			const struct sm_claim *control = c->control ? claim_of(sm_scenarios[i], c->control) : NULL;

			if (!c->control)
				continue;
			cr_expect(control, "%s: no claim %s beside it", c->id, c->control);
			cr_expect(!control || !control->control, "%s: its control has one", c->id);
		}
}

/* A claim of the scenario that the same thing is seen somewhere; NULL: none. */
static const struct sm_claim *seen_beside(const struct sm_scenario *s, const struct sm_claim *claim)
{
	for (const struct sm_claim *c = s->claims; c->id; c++)
		if (c->value && strcmp(c->value, claim->value) == 0 && c->value_min > 0 && !c->machine)
			return c;
	return NULL;
}

/* That something was not seen says little where it could not be. */
Test(contract, what_never_happens_is_seen_to_happen_elsewhere)
{
	unsigned controlled = 0;

	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			if (!c->value || c->value_min != 0 || c->value_max != 0 || !seen_beside(sm_scenarios[i], c))
				continue;
			controlled++;
			cr_expect(c->control, "%s has no control, such as %s", c->id,
				  seen_beside(sm_scenarios[i], c)->id);
		}
	cr_expect_gt(controlled, 10);
}

static bool has_word_of(const char *text, const char *const *words)
{
	for (; *words; words++) {
		const char *at = strstr(text, *words);

		if (at && (at == text || !isalnum((unsigned char)at[-1])))
			return true;
	}
	return false;
}

/* A sentence about a kind of machine is not refuted on another. */
Test(contract, claims_about_a_kind_of_machine_are_judged_there)
{
	static const char *const x86[] = { "x86", "Intel", "AMD", NULL };
	static const char *const arm[] = { "Arm", "arm64", "aarch64", NULL };

	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			bool of_x86 = has_word_of(c->text, x86), of_arm = has_word_of(c->text, arm);

			cr_expect(!c->machine || strcmp(c->machine, "x86") == 0 || strcmp(c->machine, "arm64") == 0,
				  "%s: no such kind of machine", c->id);
			cr_expect(!of_x86 || (c->machine && strcmp(c->machine, "x86") == 0), "%s: %s", c->id, c->text);
			cr_expect(!of_arm || (c->machine && strcmp(c->machine, "arm64") == 0), "%s: %s", c->id,
				  c->text);
		}
}

static const struct sm_claim *find_claim(const char *id)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++)
			if (strcmp(c->id, id) == 0)
				return c;
	cr_assert_fail("no claim %s", id);
	return NULL;
}

/* Whether a claim is made at these parameters, wherever the workers sit. */
static bool is_made_at(const struct sm_claim *claim, const char *params, unsigned pus)
{
	const char *at = claim->at;

	for (size_t length; *at; at += length, at += strspn(at, " ")) {
		length = strcspn(at, " ");
		if (strncmp(at, "placement=", 10) != 0 && strncmp(at, "cores=", 6) != 0 &&
		    !sm_at_holds(params, at, length, pus))
			return false;
	}
	return true;
}

/* A point at which a sentence's condition is not met would refute it. */
Test(contract, claims_are_made_where_their_condition_is_met)
{
	static const struct {
		const char *id, *params;
		unsigned pus;
		bool made;
	} known[] = {
		{ "S2", "processes=8 inside=0 outside=0", 2, true },
		{ "S2", "processes=8 inside=0 outside=0", 8, false },
		{ "S2", "processes=32 inside=0 outside=0", 8, true },
		{ "S2.tas", "processes=8 inside=1000 outside=0", 2, false },
		{ "C6a", "processes=1", 2, false },
		{ "C6d", "processes=1", 2, false },
		{ "C6d", "processes=2", 2, true },
		{ "C1", "op=atomic_add processes=8 work=0", 16, true },
		{ "C1", "op=atomic_add processes=16 work=0", 16, false },
		{ "C1", "op=atomic_add processes=4 work=0", 2, false },
		/* back to back is another question than with work between */
		{ "C1b", "op=load_store processes=2 work=0", 2, false },
		{ "C1b", "op=load_store processes=2 work=20", 2, true },
		{ "C1b.0", "op=load_store processes=2 work=0", 2, true },
		{ "C1b.1000", "op=load_store processes=2 work=1000", 2, true },
		{ "S4", "producers=2 consumers=1", 4, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 2, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 4, true },
		{ "S4.contended", "producers=1 consumers=1 workers=2", 4, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 3, true },
		{ "S5", "producers=1 consumers=2", 4, false },
		{ "S6", "writes=0 readers=2", 2, true },
		/* threads of one core slow each other down */
		{ "S6", "writes=0 readers=4", 8, false },
		{ "S6.rwlock", "writes=0 readers=4", 2, false },
		{ "S6.rwlock", "writes=10 readers=4", 4, false },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		cr_expect_eq(is_made_at(find_claim(known[i].id), known[i].params, known[i].pus), known[i].made,
			     "%s at %s with %u PUs", known[i].id, known[i].params, known[i].pus);
}

Test(contract, every_case_is_ok_or_has_a_reason)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for_each_case(sm_scenarios[i], expect_ok_or_reason);
}

Test(contract, every_verify_sees_work_not_done)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for_each_case(sm_scenarios[i], expect_short_work_is_seen);
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
