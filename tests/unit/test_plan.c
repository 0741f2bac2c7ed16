/* The plan: expansion, Latin squares, the order. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/plan.h"

static size_t some_bytes(const struct sm_case *c)
{
	(void)c;
	return 4096;
}

static const char *const op_labels[] = { "store", "add", NULL };
static const struct sm_variant three[] = {
	{ .name = "a" }, { .name = "b" }, { .name = "c", .memory = { .pages = { SM_PAGES_HUGETLB, 2u << 20 } } }, { 0 }
};
static const struct sm_variant two[] = { { .name = "a" }, { .name = "b" }, { 0 } };
static const struct sm_claim claims[] = { { .id = "X1", .at = "placement=same-core" }, { 0 } };

static const struct sm_scenario sweep = {
	.name = "sweep",
	.family = "tests",
	.variants = three,
	.workers_param = "processes",
	.region_bytes = some_bytes,
	.claims = claims,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_CROSS_NODE },
	.params = { { .name = "op", .labels = op_labels, .quick = SM_VALUES(0, 1) },
		    { .name = "processes", .min = 1, .max = 64, .quick = SM_VALUES(2), .standard = SM_VALUES(2, 4) } },
};
static const struct sm_scenario control = {
	.name = "aa", .family = "calibration", .variants = two, .workers = 2, .placements = { SM_PLACE_NEAR }
};
static const struct sm_scenario solo = { .name = "solo", .family = "tests", .variants = two, .workers = 1 };
static const struct sm_scenario *const all[] = { &sweep, &control, &solo };

static int expand(struct sm_plan *plan, struct sm_plan_options *options, struct sm_error *err)
{
	memset(err, 0, sizeof(*err));
	return sm_plan_expand(plan, options, all, 3, err);
}

/* Another placement is run where a claim speaks of it, not at every point; workers follow the variant. */
Test(plan, a_standard_run_takes_the_points_that_claims_name)
{
	static const struct sm_claim named[] = { { .id = "X2", .at = "op=add placement=same-core processes=4" },
						 { 0 } };
	static const struct sm_claim in_pus[] = { { .id = "X3", .at = "op=add placement=same-core processes=2xPU" },
						  { 0 } };
	static const struct sm_variant crowd[] = { { .name = "a" }, { .name = "b", .workers = 5 }, { 0 } };
	struct sm_scenario asked = sweep;
	const struct sm_scenario *const one[] = { &asked };
	struct sm_plan_options options = { .profile = SM_STANDARD };
	struct sm_plan plan;
	struct sm_error err = { 0 };
	unsigned elsewhere = 0;

	asked.claims = in_pus;
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	cr_expect_eq(plan.group_count, 4 + 1, "2xPU is 4 without a topology");
	sm_plan_free(&plan);
	asked.claims = named;
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	for (size_t i = 0; i < plan.case_count; i++) {
		const struct sm_case *c = &plan.cases[i].c;

		if (c->placement == SM_PLACE_NEAR)
			continue;
		elsewhere++;
		cr_expect_eq(c->placement, SM_PLACE_SAME_CORE);
		cr_expect(c->param[0] == 1 && c->param[1] == 4, "%s", plan.cases[i].id);
	}
	cr_expect_eq(elsewhere, 3, "three variants of one point");
	sm_plan_free(&plan);
	asked.workers_param = NULL;
	asked.workers = 2;
	asked.variants = crowd;
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	cr_expect_eq(plan.cases[0].c.workers, 2);
	cr_expect_eq(plan.cases[1].c.workers, 5);
	sm_plan_free(&plan);
}

/* How many groups a standard run has away from `near`, on a machine of two PUs, where a claim is made at `at`. */
static unsigned named_elsewhere(const char *at)
{
	const struct sm_claim named[] = { { .id = "X4", .at = at }, { 0 } };
	struct sm_scenario asked = sweep;
	const struct sm_scenario *const one[] = { &asked };
	struct sm_plan_options options = { .profile = SM_STANDARD };
	struct sm_error err = { 0 };
	struct sm_plan plan;
	unsigned elsewhere = 0;

	asked.claims = named;
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	for (size_t g = 0; g < plan.group_count; g++)
		elsewhere += plan.cases[plan.groups[g].first].c.placement != SM_PLACE_NEAR;
	sm_plan_free(&plan);
	return elsewhere;
}

/* What is no parameter is for the run to find out; the number of workers is known before. */
Test(plan, claims_name_points_with_words_that_only_a_run_can_judge)
{
	cr_expect_eq(named_elsewhere("placement=same-core"), 2 * 2);
	cr_expect_eq(named_elsewhere("placement=cross-node cores=different"), 2 * 2);
	cr_expect_eq(named_elsewhere("pages=2m placement=cross-node op=add"), 2);
	cr_expect_eq(named_elsewhere("placement=same-core workers<=1xPU"), 2, "two of two and four workers");
	cr_expect_eq(named_elsewhere("workers>=3 op=add placement=same-core backing=memfd numa=bind:0"), 1);
	cr_expect_eq(named_elsewhere("workers>=5 placement=same-core"), 0);
	cr_expect_eq(named_elsewhere("workers=2 op=add"), 0, "no placement is named");
	cr_expect_eq(named_elsewhere(NULL), 0);
}

Test(plan, expands_points_and_placements)
{
	struct sm_plan_options options = { .profile = SM_QUICK };
	struct sm_plan plan;
	struct sm_error err;

	cr_assert_eq(expand(&plan, &options, &err), 0);
	cr_expect_eq(plan.group_count, 2 + 1 + 1);
	cr_expect_eq(plan.case_count, 6 + 2 + 2);
	cr_expect_str_eq(plan.cases[0].id, "sweep/a?op=store,processes=2@near+memfd,4k,madvise,first-touch");
	cr_expect_str_eq(plan.cases[2].id, "sweep/c?op=store,processes=2@near+memfd,2m,madvise,first-touch");
	cr_expect_str_eq(plan.cases[0].group_id, plan.cases[2].group_id);
	sm_plan_free(&plan);
	options.profile = SM_STANDARD; /* two process counts, and the placement a claim names */
	cr_assert_eq(expand(&plan, &options, &err), 0);
	cr_expect_eq(plan.group_count, 2 * 2 * 2 + 2);
	sm_plan_free(&plan);
	options.profile = SM_FULL;
	cr_assert_eq(expand(&plan, &options, &err), 0);
	cr_expect_eq(plan.group_count, 2 * 2 * 3 + 2);
	sm_plan_free(&plan);
}

Test(plan, some_groups_are_longer)
{
	const char *const longer[] = { "solo/*" };
	struct sm_plan_options options = { .seed = 1, .longer = longer, .longer_count = 1, .longer_blocks = 64 };
	struct sm_error err = { 0 };
	struct sm_plan plan;
	unsigned seen = 0;

	options.repeat_blocks = 16;
	cr_assert_eq(sm_plan_expand(&plan, &options, all, 3, &err), 0, "%s", err.text);
	sm_plan_schedule(&plan, &options);
	for (size_t g = 0; g < plan.group_count; g++) {
		bool is_solo = plan.groups[g].scenario == &solo;

		cr_expect_eq(plan.groups[g].blocks, is_solo ? 64 : 16);
		seen += is_solo;
	}
	cr_expect_eq(seen, 1);
	sm_plan_free(&plan);
}

Test(plan, patterns_choose_and_the_control_stays)
{
	const char *variant[] = { "sweep/b" }, *family[] = { "tests/*" }, *none[] = { "nonsense" };
	struct sm_plan_options options = { .patterns = variant, .pattern_count = 1 };
	struct sm_plan plan;
	struct sm_error err;

	cr_assert_eq(expand(&plan, &options, &err), 0);
	cr_expect_eq(plan.case_count, 2 + 2); /* b at two points, and aa */
	sm_plan_free(&plan);
	options.patterns = family;
	cr_assert_eq(expand(&plan, &options, &err), 0);
	cr_expect_eq(plan.case_count, 6 + 2 + 2);
	sm_plan_free(&plan);
	options.patterns = none;
	cr_expect_eq(expand(&plan, &options, &err), -EINVAL);
	cr_expect(strstr(err.text, "nonsense"), "%s", err.text);
}

/* Conditions behind a pattern choose points; what is no coordinate of a point excludes none. */
Test(plan, patterns_choose_points)
{
	static const struct {
		const char *pattern;
		size_t cases; /* besides the control's */
	} given[] = { { "sweep", 6 },
		      { "sweep op=add", 3 },
		      { "sweep/b op=store", 1 },
		      { "sweep/b processes<=2 placement=far workers=9", 2 },
		      { "sweep processes=1xPU op=store", 3 },
		      { "sweep processes>=3", 0 } };
	struct sm_plan_options options = { .pattern_count = 1, .longer_count = 1, .longer_blocks = 50 };
	static const char *const longer[] = { "sweep op=add" }, *unknown[] = { "sweep size=4" };
	struct sm_plan plan;
	struct sm_error err;

	options.longer = longer;
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		options.patterns = &given[i].pattern;
		cr_assert_eq(expand(&plan, &options, &err), 0, "%s", err.text);
		cr_expect_eq(plan.case_count - 2, given[i].cases, "%s: %zu cases", given[i].pattern, plan.case_count);
		for (size_t g = 0; g < plan.group_count; g++)
			cr_expect_eq(plan.groups[g].blocks == 50,
				     strstr(plan.cases[plan.groups[g].first].id, "op=add") != NULL);
		sm_plan_free(&plan);
	}
	options.patterns = unknown;
	cr_expect_eq(expand(&plan, &options, &err), -EINVAL);
	cr_expect(strstr(err.text, "\"sweep size=4\""), "%s", err.text);
}

static void expect_set(const char *name, const char *text, const char *words)
{
	struct sm_plan_options options = { .set = { { name, text } }, .set_count = 1 };
	struct sm_plan plan;
	struct sm_error err;
	int rc = expand(&plan, &options, &err);

	cr_expect_eq(rc, words ? -EINVAL : 0, "%s=%s: %s", name, text, err.text);
	if (words)
		cr_expect(strstr(err.text, words), "%s", err.text);
	else
		sm_plan_free(&plan);
}

Test(plan, set_is_checked)
{
	expect_set("processes", "2,8", NULL);
	expect_set("op", "add", NULL);
	expect_set("op", "multiply", "multiply");
	expect_set("processes", "100", "out of range");
	expect_set("processes", "two", "two");
	expect_set("nothing", "1", "nothing");
}

Test(plan, latin_rows_are_balanced)
{
	struct sm_random random;

	sm_random_seed(&random, 7);
	for (unsigned n = 1; n <= 7; n++) {
		unsigned rows[7 * 7], seen[7][7] = { { 0 } };

		sm_plan_latin_rows(&random, n, n, rows);
		for (unsigned b = 0; b < n; b++)
			for (unsigned i = 0; i < n; i++)
				seen[i][rows[b * n + i]]++;
		for (unsigned i = 0; i < n; i++)
			for (unsigned v = 0; v < n; v++)
				cr_expect_eq(seen[i][v], 1, "n=%u: %u stands %u times in place %u", n, v, seen[i][v],
					     i);
	}
}

Test(plan, two_variants_alternate_as_abba)
{
	struct sm_random random;
	unsigned rows[16 * 2], first = 0;

	sm_random_seed(&random, 3);
	sm_plan_latin_rows(&random, 2, 16, rows);
	for (unsigned b = 0; b < 16; b += 2) {
		cr_expect_neq(rows[2 * b], rows[2 * (b + 1)], "blocks %u and %u", b, b + 1);
		first += rows[2 * b];
	}
	cr_expect(first > 0 && first < 8, "the order of the pairs is not random");
}

Test(plan, the_seed_decides_the_order)
{
	struct sm_plan_options options = { .seed = 5, .repeat_blocks = 12 };
	struct sm_plan a, b, c;
	struct sm_error err;

	cr_assert_eq(expand(&a, &options, &err), 0);
	cr_assert_eq(expand(&b, &options, &err), 0);
	sm_plan_schedule(&a, &options);
	sm_plan_schedule(&b, &options);
	cr_assert_eq(a.step_count, 12 * 10);
	cr_expect_eq(memcmp(a.steps, b.steps, a.step_count * sizeof(*a.steps)), 0);
	options.seed = 6;
	cr_assert_eq(expand(&c, &options, &err), 0);
	sm_plan_schedule(&c, &options);
	cr_expect_neq(memcmp(a.steps, c.steps, a.step_count * sizeof(*a.steps)), 0);
	sm_plan_free(&a);
	sm_plan_free(&b);
	sm_plan_free(&c);
}

Test(plan, skipped_cases_have_no_step_and_blocks_stay_together)
{
	struct sm_plan_options options = { .seed = 1 };
	struct sm_plan plan;
	struct sm_error err;

	cr_assert_eq(expand(&plan, &options, &err), 0);
	plan.cases[1].skipped = true;
	sm_plan_schedule(&plan, &options);
	for (size_t i = 0; i < plan.step_count; i++)
		cr_expect_neq(plan.steps[i].case_index, 1);
	for (size_t i = 1; i < plan.step_count; i++)
		if (plan.steps[i].order > 0)
			cr_expect_eq(plan.cases[plan.steps[i].case_index].group,
				     plan.cases[plan.steps[i - 1].case_index].group);
	sm_plan_free(&plan);
}

static uint64_t visit(const struct sm_worker *worker, void *lines, unsigned role, uint64_t trips)
{
	(void)worker, (void)lines, (void)role;
	return trips;
}

static const struct sm_scenario pairs = {
	.name = "pairs",
	.family = "tests",
	.variants = two,
	.workers = 2,
	.params = { { .name = "from", .every_pu = true }, { .name = "to", .every_pu = true } },
	.pair_params = { "from", "to" },
	.visit = visit,
};

/* The relations of a plan of pairs, with the number of its PUs; its first id is copied to `first`. */
static const char *relations_of(const struct sm_plan_options *asked, const char *machine, char first[384])
{
	static char text[256];
	const struct sm_scenario *const one[] = { &pairs };
	struct sm_plan_options options = *asked;
	struct sm_error err = { 0 };
	struct sm_topology *topology;
	struct sm_plan plan;
	size_t used = 0;

	cr_assert_eq(sm_topology_open(&topology, machine, &err), 0, "%s", err.text);
	options.topology = topology;
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	for (size_t g = 0; g < plan.group_count; g++) {
		const struct sm_case *c = &plan.cases[plan.groups[g].first].c;

		cr_expect_eq(c->workers, 2);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %u>%u", g ? ", " : "",
					 sm_placement_name(c->placement), c->pairs->from_count, c->pairs->to_count);
	}
	strcpy(first, plan.cases[0].id);
	sm_plan_free(&plan);
	sm_topology_close(topology);
	return text;
}

/* One case per variant and relation, whatever the profile and the number of PUs. */
Test(plan, pairs_of_pus_have_a_group_for_each_relation)
{
	static const unsigned list[] = { 0, 2, 2 };
	struct sm_plan_options options = { .profile = SM_QUICK };
	char first[384];

	cr_expect_str_eq(relations_of(&options, "pack:1 numa:2 l3:2 core:8 pu:2", first),
			 "smt 64>64, shared-l3 64>64, same-node 64>64, cross-node 64>64");
	cr_expect(strstr(first, "pairs/a?-@smt+"), "%s", first);
	options.profile = SM_FULL;
	cr_expect_str_eq(relations_of(&options, "pack:1 core:40 pu:1", first), "same-node 40>40");
	/* with one PU there is a case all the same, so that it can be skipped in words */
	cr_expect_str_eq(relations_of(&options, "pack:1 core:1 pu:1", first), "near 1>1");
	options.placement = SM_PLACE_SHARED_L3;
	cr_expect_str_eq(relations_of(&options, "pack:1 numa:2 l3:2 core:8 pu:2", first), "shared-l3 64>64");
	options = (struct sm_plan_options){ .placement = SM_PLACE_LIST, .pu_list = list, .pu_list_count = 3 };
	cr_expect_str_eq(relations_of(&options, "pack:1 l3:1 core:4 pu:1", first), "shared-l3 2>2");
	cr_expect(strstr(first, "@shared-l3:0.2-0.2+"), "%s", first);
	options = (struct sm_plan_options){ .set = { { "from", "3" }, { "to", "0,2" } }, .set_count = 2 };
	cr_expect_str_eq(relations_of(&options, "pack:1 l3:1 core:4 pu:1", first), "shared-l3 1>2");
	cr_expect(strstr(first, "@shared-l3:3-0.2+"), "%s", first);
	options.set[1].text = "3";
	cr_expect_str_eq(relations_of(&options, "pack:1 l3:1 core:4 pu:1", first), "near 1>1", "a PU with itself");
}

/* The process counts of a sweep that depends on the PUs, on a machine (NULL: none is known). */
static void sweep_of(enum sm_profile profile, const char *machine, char *out, size_t size)
{
	struct sm_scenario crowd = { .name = "crowd",
				     .family = "tests",
				     .variants = (const struct sm_variant[]){ { .name = "a" }, { 0 } },
				     .workers_param = "processes",
				     .placements = { SM_PLACE_NEAR } };
	const struct sm_scenario *const one[] = { &crowd };
	struct sm_plan_options options = { .profile = profile };
	struct sm_topology *topology = NULL;
	struct sm_error err = { 0 };
	struct sm_plan plan;
	size_t used = 0;

	crowd.params[0] = (struct sm_param){ .name = "processes",
					     .min = 1,
					     .max = 4096,
					     .quick = SM_VALUES(2),
					     .standard = SM_SWEEP((2), SM_TIMES_PUS(4)),
					     .full = SM_SWEEP((1, 2), SM_DOUBLING, SM_TIMES_PUS(4)) };
	if (machine)
		cr_assert_eq(sm_topology_open(&topology, machine, &err), 0, "%s", err.text);
	options.topology = topology;
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	for (size_t i = 0; i < plan.case_count; i++) {
		cr_expect_eq(plan.cases[i].c.workers, plan.cases[i].c.param[0]);
		used += (size_t)snprintf(out + used, size - used, "%s%u", i ? " " : "", plan.cases[i].c.workers);
	}
	sm_plan_free(&plan);
	sm_topology_close(topology);
}

Test(plan, values_may_depend_on_the_pus)
{
	static const struct {
		enum sm_profile profile;
		const char *machine, *counts;
	} known[] = {
		{ SM_QUICK, "pack:1 core:6 pu:1", "2" },
		{ SM_STANDARD, NULL, "2 8" },
		{ SM_STANDARD, "pack:1 core:2 pu:1", "2 8" },
		{ SM_STANDARD, "pack:1 core:6 pu:1", "2 24" },
		{ SM_STANDARD, "pack:1 core:2000 pu:1", "2 4096" }, /* what --set would accept */
		{ SM_FULL, "pack:1 core:1 pu:1", "1 2 4" },
		{ SM_FULL, "pack:1 core:2 pu:1", "1 2 4 8" },
		{ SM_FULL, "pack:1 core:6 pu:1", "1 2 4 8 16 24" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char got[128] = "";

		sweep_of(known[i].profile, known[i].machine, got, sizeof(got));
		cr_expect_str_eq(got, known[i].counts, "%s: %s", known[i].machine ? known[i].machine : "no topology",
				 got);
	}
}

/* The places and process counts of a plan of one sweep on a machine of six cores. */
static void places_of(const struct sm_plan_options *asked, struct sm_values values, char *out, size_t size)
{
	struct sm_scenario crowd = { .name = "crowd",
				     .family = "tests",
				     .variants = (const struct sm_variant[]){ { .name = "a" }, { 0 } },
				     .workers_param = "processes",
				     .placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE } };
	const struct sm_scenario *const one[] = { &crowd };
	struct sm_plan_options options = *asked;
	struct sm_topology *topology;
	struct sm_error err = { 0 };
	struct sm_plan plan;
	size_t used = 0;

	crowd.params[0] = (struct sm_param){ .name = "processes", .quick = values };
	cr_assert_eq(sm_topology_open(&topology, "pack:1 core:6 pu:1", &err), 0, "%s", err.text);
	options.topology = topology;
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	out[0] = '\0';
	for (size_t i = 0; i < plan.case_count; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s %u", i ? ", " : "",
					 sm_placement_name(plan.cases[i].c.placement), plan.cases[i].c.workers);
	sm_plan_free(&plan);
	sm_topology_close(topology);
}

Test(plan, multiples_of_the_pus_are_of_those_that_are_used)
{
	const struct sm_values values = SM_SWEEP((2), SM_DOUBLING, SM_TIMES_PUS(2));
	const struct sm_values none_before = SM_SCALED(SM_FROM_PUS(8, 4), SM_DOUBLING, SM_TIMES_PUS(1));
	const struct sm_values from_zero = SM_SWEEP((0), SM_DOUBLING, SM_TIMES_PUS(1));
	const unsigned twice[] = { 4, 0, 4 };
	struct sm_plan_options options = { .profile = SM_FULL };
	char got[256];

	places_of(&options, values, got, sizeof(got));
	cr_expect_str_eq(got, "near 2, same-core 2, near 4, near 8, near 12", "%s", got);
	places_of(&options, none_before, got, sizeof(got));
	cr_expect_str_eq(got, "near 1, near 2, near 4, near 6", "%s", got);
	places_of(&options, from_zero, got, sizeof(got));
	cr_expect_str_eq(got, "near 0, near 6", "0 has no doubles: %s", got);
	options.profile = SM_QUICK;
	options.placement = SM_PLACE_SAME_CORE;
	places_of(&options, values, got, sizeof(got));
	cr_expect_str_eq(got, "same-core 2", "%s", got);
	options.set[0].name = "processes";
	options.set[0].text = "12";
	options.set_count = 1;
	places_of(&options, values, got, sizeof(got));
	cr_expect_str_eq(got, "same-core 12", "what is asked for is run: %s", got);
	options = (struct sm_plan_options){ .placement = SM_PLACE_LIST, .pu_list = twice, .pu_list_count = 3 };
	places_of(&options, values, got, sizeof(got));
	cr_expect_str_eq(got, "list 2, list 4", "two PUs are listed: %s", got);
}

Test(plan, multiples_that_are_too_large_end)
{
	struct sm_scenario large = { .name = "large",
				     .family = "tests",
				     .variants = (const struct sm_variant[]){ { .name = "a" }, { 0 } },
				     .workers = 1 };
	const struct sm_scenario *const one[] = { &large };
	struct sm_plan_options options = { .profile = SM_QUICK };
	struct sm_error err = { 0 };
	struct sm_plan plan;

	large.params[0] = (struct sm_param){ .name = "bytes",
					     .quick = SM_SWEEP((1), SM_TIMES_LLC(UINT64_MAX), SM_DOUBLING,
							       SM_TIMES_PUS(UINT64_MAX / 2 + 1)) };
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	cr_assert_eq(plan.case_count, 3);
	cr_expect_eq(plan.cases[1].c.param[0], UINT64_MAX / 2 + 1);
	cr_expect_eq(plan.cases[2].c.param[0], UINT64_MAX);
	sm_plan_free(&plan);
}

/* Cases of a plan whose workers are the sum of two parameters, and the most workers of one. */
static size_t count_sides(const char *machine, unsigned *most)
{
	struct sm_scenario sides = { .name = "sides",
				     .family = "tests",
				     .variants = (const struct sm_variant[]){ { .name = "a" }, { 0 } },
				     .workers_param = "in+out",
				     .placements = { SM_PLACE_NEAR } };
	const struct sm_scenario *const one[] = { &sides };
	struct sm_plan_options options = { .profile = SM_STANDARD };
	struct sm_topology *topology;
	struct sm_error err = { 0 };
	struct sm_plan plan;
	size_t count;

	sides.params[0] = (struct sm_param){ .name = "in", .quick = SM_SWEEP((1), SM_FROM_PUS(4, 2)) };
	sides.params[1] = (struct sm_param){ .name = "out", .min = 3, .quick = SM_SCALED(SM_TIMES_PUS(1)) };
	cr_assert_eq(sm_topology_open(&topology, machine, &err), 0, "%s", err.text);
	options.topology = topology;
	cr_assert_eq(sm_plan_expand(&plan, &options, one, 1, &err), 0, "%s", err.text);
	*most = 0;
	for (size_t i = 0; i < plan.case_count; i++)
		if (plan.cases[i].c.workers > *most)
			*most = plan.cases[i].c.workers;
	count = plan.case_count;
	sm_plan_free(&plan);
	sm_topology_close(topology);
	return count;
}

Test(plan, values_may_need_pus_and_workers_may_be_a_sum)
{
	unsigned most;

	cr_expect_eq(count_sides("pack:1 core:2 pu:1", &most), 1);
	cr_expect_eq(most, 1 + 3, "as many as --set accepts at least: %u", most);
	cr_expect_eq(count_sides("pack:1 core:3 pu:1", &most), 1);
	cr_expect_eq(count_sides("pack:1 core:4 pu:1", &most), 2);
	cr_expect_eq(most, 2 + 4, "%u", most);
}

Test(plan, values_are_written_as_people_read_them)
{
	struct sm_param number = { .name = "n" }, label = { .name = "op", .labels = op_labels };
	char text[SM_TEXT_MAX];

	cr_expect_str_eq(sm_value_text(&number, (struct sm_swept)SM_VALUE(8), text), "8");
	cr_expect_str_eq(sm_value_text(&label, (struct sm_swept)SM_VALUE(1), text), "add");
	cr_expect_str_eq(sm_value_text(&number, (struct sm_swept)SM_TIMES_PUS(4), text), "4xPU");
	cr_expect_str_eq(sm_value_text(&number, (struct sm_swept)SM_DOUBLING, text), "...");
	cr_expect_str_eq(sm_value_text(&number, (struct sm_swept)SM_TIMES_LLC(4), text), "4xLLC");
	cr_expect_str_eq(sm_value_text(&number, (struct sm_swept)SM_FROM_PUS(4, 2), text), "2 (from 4 PUs)");
}

Test(plan, a_condition_compares_and_knows_the_pus)
{
	static const struct {
		const char *condition;
		unsigned pus;
		bool holds;
	} known[] = {
		{ "processes=8", 2, true },      { "processes=80", 2, false },
		{ "processes=4xPU", 2, true },   { "processes=4xPU", 4, false },
		{ "processes=4xPU", 0, false },  { "processes=xPU", 8, false },
		{ "processes=4xPUs", 2, false }, { "processes>=8", 2, true },
		{ "processes>=9", 2, false },    { "processes<=8", 2, true },
		{ "processes<=7", 2, false },    { "processes<=1xPU", 8, true },
		{ "processes<=1xPU", 7, false }, { "processes>=2xPU", 4, true },
		{ "threads=8", 2, false },       { "threads<=8", 2, false },
		{ "op=add", 2, true },           { "op>=add", 2, false },
		{ "op>=1", 2, false },           { "=8", 2, false },
		{ "processes", 2, false },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		cr_expect_eq(
			sm_at_holds("op=add processes=8", known[i].condition, strlen(known[i].condition), known[i].pus),
			known[i].holds, "%s with %u PUs", known[i].condition, known[i].pus);
}

Test(plan, conditions_are_taken_one_by_one)
{
	const char *at = " message=64  placement=near workers<=1xPU nonsense pages=2m";
	struct sm_condition one;

	cr_assert(sm_condition_next(&at, &one));
	cr_expect(one.of == SM_OF_PARAM && !one.value && sm_condition_holds(&one, "op=add message=64", 0));
	cr_expect_not(sm_condition_holds(&one, "message=65", 0));
	cr_assert(sm_condition_next(&at, &one));
	cr_expect(one.of == SM_OF_PLACEMENT && one.value == sm_name_of("near"));
	cr_assert(sm_condition_next(&at, &one));
	cr_expect(one.of == SM_OF_WORKERS && sm_condition_holds(&one, "workers=4", 4));
	cr_expect_not(sm_condition_holds(&one, "workers=5", 4));
	cr_assert(sm_condition_next(&at, &one));
	cr_expect(one.of == SM_OF_PARAM && !sm_condition_holds(&one, "op=add", 4),
		  "nothing meets what is no condition");
	cr_assert(sm_condition_next(&at, &one));
	cr_expect(one.of == SM_OF_PAGES && one.value == sm_name_of("2m"));
	cr_expect_not(sm_condition_next(&at, &one));
	at = NULL;
	cr_expect_not(sm_condition_next(&at, &one));
	cr_expect(sm_at_asks("op=add cores=different", SM_OF_CORES, "different"));
	cr_expect_not(sm_at_asks("op=add cores=different", SM_OF_PLACEMENT, "different"));
	cr_expect_not(sm_at_asks(NULL, SM_OF_CORES, "different"));
}
