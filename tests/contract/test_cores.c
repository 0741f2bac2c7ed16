/* What is claimed of two cores is not decided on two threads of one: every claim of every scenario, on made-up runs of
 * machines that are not here. */
#include "../unit/made_up_run.h"
#include "registry.h"
#include "shmeter/plan.h"
#include "shmeter/topology.h"
#include "shmeter/tour.h"

#define ONE_CORE   "pack:1 l2:1 core:1 pu:2"
#define TWO_CORES  "pack:1 l3:1 core:2 pu:1"
#define TWO_BY_TWO "pack:1 l3:1 core:2 pu:2"
#define BLOCKS     8

static bool has_any(const char *text, const char *const *words)
{
	for (; text && *words; words++)
		if (strstr(text, *words))
			return true;
	return false;
}

/* Whether a sentence speaks of processes on cores of their own. */
static bool speaks_of_cores(const struct sm_claim *claim)
{
	static const char *const words[] = { " cores", "have a core", "has a core", "core of its own", NULL };

	return has_any(claim->text, words);
}

/* `near` is meant as two cores, unless there are to be more processes than PUs. */
static bool means_cores(const struct sm_claim *claim)
{
	static const char *const near[] = { "placement=near", "placement=shared-", NULL };
	static const char *const crowd[] = { "=2xPU", "=4xPU", NULL };

	return speaks_of_cores(claim) || (has_any(claim->at, near) && !has_any(claim->at, crowd));
}

static unsigned workers_of(const struct sm_scenario *s, const char *variant)
{
	const struct sm_variant *v = s->variants;

	while (variant && v->name && strcmp(v->name, variant) != 0)
		v++;
	return variant && v->name ? v->workers : 0;
}

/* Whether its two sides differ in the number of processes, or it grows with that of its points. */
static bool grows_processes(const struct sm_scenario *s, const struct sm_claim *claim)
{
	static const char *const words[] = { "processes>=", "workers>=", "readers>=", NULL };

	return has_any(claim->at, words) ||
	       (sm_claim_compares(claim) && workers_of(s, claim->left) != workers_of(s, claim->versus.right));
}

Test(cores, claims_about_cores_ask_for_them)
{
	static const char *const own[] = { "cores=different", "<=1xPU", NULL };

	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			if (means_cores(c))
				cr_expect(c->at && strstr(c->at, "cores=different"), "%s at %s: %s", c->id,
					  c->at ? c->at : "any point", c->text);
			if (grows_processes(sm_scenarios[i], c))
				cr_expect(has_any(c->at, own), "%s at %s: %s", c->id, c->at ? c->at : "any point",
					  c->text);
		}
}

static void describe(const struct sm_topology *topology)
{
	unsigned count;
	const struct sm_pu *pu = sm_topology_pus(topology, &count);
	json_t *environment = json_pack("{s:i, s:s}", "pus", (int)count, "architecture", "x86_64");
	json_t *places = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(places,
				      json_pack("{s:i, s:i}", "pu", (int)pu[i].os_index, "core", (int)pu[i].core));
	json_object_set_new(environment, "pu_places", places);
	json_object_set_new(run.manifest, "environment", environment);
}

/* Where a case sits; false: the machine has no such place. */
static bool seat(const struct sm_topology *topology, const struct sm_case *c, struct sm_seats *out)
{
	const struct sm_scenario *s = c->scenario;
	unsigned list[2] = { 0 };

	if (c->pairs)
		return sm_tour_reference(topology, c->pairs, c->placement, list, NULL) == 0 &&
		       sm_topology_seat(topology, SM_PLACE_LIST, list, 2, c->workers, out, NULL) == 0;
	return !s->node_params[0] && sm_topology_seat(topology, c->placement, list, 2, c->workers, out, NULL) == 0;
}

static void name_pus(const struct sm_seats *seats, char *out, size_t size)
{
	size_t used = 0;

	for (unsigned i = 0; i < seats->count && used + 16 < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%u", i ? " " : "", seats->seat[i]);
}

/* Every variant takes another time, so that whatever is compared is decided. */
static void play_case(const struct sm_planned_case *planned, const struct sm_seats *seats)
{
	const struct sm_case *c = &planned->c;
	const struct sm_scenario *s = c->scenario;
	char params[160], pus[256];
	unsigned index = add_case(s->name, sm_case_variant(c)->name, "-", c->workers);
	struct sm_case_row *row = &run.cases[index];

	sm_case_params(c, ' ', params, sizeof(params));
	name_pus(seats, pus, sizeof(pus));
	row->id = sm_results_copy(&run, planned->id);
	row->group = sm_results_copy(&run, planned->group_id);
	row->params = sm_results_copy(&run, params);
	row->placement = c->placement;
	row->relation = seats->relation;
	for (unsigned b = 0; b < BLOCKS; b++) {
		struct sm_sample *sample = add_trial(index, b, 0, 0, 10 * (1 + c->variant));

		sample->pus = sm_results_copy(&run, pus);
		for (unsigned m = 0; m < SM_MORE_MAX && s->more[m].name; m++)
			*sm_results_add_metric(&run) = (struct sm_metric_row){ sample->trial, s->more[m].name,
									       s->more[m].unit, 3 + c->variant };
	}
}

/* A standard run of all scenarios on a machine that is described. */
static void play(const char *machine)
{
	struct sm_plan_options options = { .profile = SM_STANDARD };
	struct sm_topology *topology;
	struct sm_error err = { 0 };
	struct sm_plan plan;

	cr_assert_eq(sm_topology_open(&topology, machine, &err), 0, "%s", err.text);
	options.topology = topology;
	cr_assert_eq(sm_plan_expand(&plan, &options, sm_scenarios, sm_scenario_count, &err), 0, "%s", err.text);
	describe(topology);
	for (size_t i = 0; i < plan.case_count; i++) {
		struct sm_seats seats = { .seat = NULL };

		if (strcmp(plan.cases[i].c.scenario->family, "calibration") != 0 &&
		    seat(topology, &plan.cases[i].c, &seats))
			play_case(&plan.cases[i], &seats);
		sm_seats_free(&seats);
	}
	sm_plan_free(&plan);
	sm_topology_close(topology);
	cr_assert_eq(sm_analyse(&run, sm_scenarios, sm_scenario_count, &err), 0, "%s", err.text);
}

static bool is_decided(const struct sm_scenario *s, const struct sm_claim *claim)
{
	for (size_t i = 0; i < run.claim_count; i++)
		if (strcmp(run.claims[i].claim, claim->id) == 0 && strcmp(run.claims[i].scenario, s->name) == 0)
			return run.claims[i].verdict != SM_NOT_TESTABLE;
	return false;
}

/* Counts the claims that mean cores, and those of them that were decided. */
static unsigned decided(unsigned *about)
{
	unsigned count = 0;

	*about = 0;
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			if (!means_cores(c))
				continue;
			++*about;
			count += is_decided(sm_scenarios[i], c);
		}
	return count;
}

Test(cores, nothing_about_cores_is_decided_on_threads_of_one, .init = set_up, .fini = tear_down)
{
	unsigned others = 0, about;

	play(ONE_CORE);
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			if (means_cores(c))
				cr_expect(!is_decided(sm_scenarios[i], c), "%s: %s", c->id, c->text);
			else
				others += is_decided(sm_scenarios[i], c);
		}
	cr_expect_gt(others, 20, "what is not about cores is judged all the same");
	cr_expect_eq(decided(&about), 0);
	cr_expect_str_eq(claim_of("K1")->reason,
			 "it takes two cores, and the PUs that this run may use are threads of one");
}

Test(cores, they_are_decided_where_there_are_two, .init = set_up, .fini = tear_down)
{
	unsigned about, count;

	play(TWO_CORES);
	count = decided(&about);
	/* some want three cores and more */
	cr_expect(about > 25 && 4 * count >= 3 * about, "%u of %u", count, about);
}

/* Three processes on two cores of two threads each: each has a PU, two of them share a core. */
Test(cores, a_team_that_is_larger_than_the_cores_is_not_on_different_ones, .init = set_up, .fini = tear_down)
{
	play(TWO_BY_TWO);
	cr_expect_neq(claim_of("S4")->verdict, SM_NOT_TESTABLE, "%s", claim_of("S4")->reason);
	cr_expect_eq(claim_of("S4.contended")->verdict, SM_NOT_TESTABLE, "%s", claim_of("S4.contended")->evidence);
	cr_expect_eq(claim_of("T5.pipe")->verdict, SM_NOT_TESTABLE, "%s", claim_of("T5.pipe")->evidence);
}

/* The largest number of workers of a scenario at `near`, and whether each number is at most twice the one before. */
static unsigned most_workers(const struct sm_plan *plan, const struct sm_scenario *s, bool *doubles)
{
	unsigned most = 0;

	*doubles = true;
	for (size_t i = 0; i < plan->case_count; i++) {
		const struct sm_case *c = &plan->cases[i].c;

		if (c->scenario != s || c->placement != SM_PLACE_NEAR || c->workers <= most)
			continue;
		*doubles &= most == 0 || c->workers <= 2 * most;
		most = c->workers;
	}
	return most;
}

/* A full run goes up to the machine by doubling; a quick one stays within what a minute allows. */
Test(cores, sweeps_of_processes_go_up_to_the_machine)
{
	struct sm_topology *topology;
	struct sm_error err = { 0 };
	unsigned sweeps = 0;

	cr_assert_eq(sm_topology_open(&topology, "pack:2 l3:12 core:8 pu:2", &err), 0, "%s", err.text);
	for (int profile = SM_QUICK; profile <= SM_FULL; profile += SM_FULL - SM_QUICK) {
		struct sm_plan_options options = { .profile = (enum sm_profile)profile, .topology = topology };
		struct sm_plan plan;

		cr_assert_eq(sm_plan_expand(&plan, &options, sm_scenarios, sm_scenario_count, &err), 0, "%s", err.text);
		for (size_t i = 0; i < sm_scenario_count; i++) {
			const struct sm_scenario *s = sm_scenarios[i];
			bool doubles;
			unsigned most = most_workers(&plan, s, &doubles);

			if (!s->workers_param || strchr(s->workers_param, '+'))
				continue;
			sweeps++;
			if (profile == SM_FULL)
				cr_expect(doubles && most >= 384, "%s: %u%s", s->name, most,
					  doubles ? "" : ", with gaps");
			else
				cr_expect(most >= 2 && most <= 64, "%s: %u", s->name, most);
		}
		sm_plan_free(&plan);
	}
	sm_topology_close(topology);
	cr_expect_gt(sweeps, 8);
}
