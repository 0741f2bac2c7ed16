/* Each mistake in a scenario is refused with the sentence that names it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "registry.h"
#include "scenario_fixture.h"
#include "shmeter/clock.h"
#include "shmeter/scenario_check.h"

static const struct sm_values too_many = SM_VALUES(0, 2);
static const struct sm_values twice = SM_VALUES(64, 4096, 64);
static const struct sm_values times_twice = SM_SWEEP((64), SM_TIMES_PUS(1), SM_TIMES_PUS(1));
static const struct sm_values open_end = SM_SWEEP((64), SM_DOUBLING);
static const struct sm_values from_zero = SM_SWEEP((0), SM_DOUBLING, SM_TIMES_PUS(1));
static const struct sm_values maybe_from_zero = SM_SWEEP((0), SM_FROM_PUS(8, 1), SM_DOUBLING, SM_TIMES_PUS(1));
static const struct sm_values many_pus = SM_SCALED(SM_TIMES_PUS(1025));
static const struct sm_values no_pus = SM_SWEEP((64), SM_TIMES_PUS(0));
static const struct sm_values many_caches = SM_SCALED(SM_TIMES_LLC(1ull << 50));
static const struct sm_values large_machines = SM_SCALED(SM_FROM_PUS(8, 4));
static const struct sm_values one_pu = SM_SCALED(SM_FROM_PUS(1, 4), SM_DOUBLING, SM_TIMES_PUS(1));
static const struct sm_values two_caches = SM_SWEEP((64), SM_TIMES_LLC(2));
static const struct sm_values counted = SM_SWEEP((0), SM_TIMES_PUS(1));
static const struct sm_values cached = SM_SWEEP((0), SM_TIMES_LLC(1));
static const struct sm_values wrong_order = SM_SCALED(SM_TIMES_PUS(1), SM_VALUE(64));

static const char *const long_labels[] = { "load", "a_label_of_32_characters_is_long", NULL };

static size_t some_bytes(const struct sm_case *c)
{
	(void)c;
	return 4096;
}

static uint64_t one_op(const struct sm_case *c)
{
	(void)c;
	return 1;
}

Test(scenario_check, the_registered_scenarios_keep_the_contract)
{
	struct sm_error err = { 0 };

	cr_expect_eq(sm_scenario_check(sm_scenarios, sm_scenario_files, sm_scenario_count, &err), 0, "%s", err.text);
	sm_scenarios_ask_kernel(&sm_os_linux);
	cr_expect_eq(sm_scenario_check(sm_scenarios, sm_scenario_files, sm_scenario_count, &err), 0, "%s", err.text);
}

Test(scenario_check, what_is_right_is_accepted)
{
	struct made_up m;

	make(&m);
	expect_accepted(&m);
}

Test(scenario_check, names_that_do_not_exist)
{
	REFUSED(m.claims[0].left = "futx", "claim X1: variant \"futx\" does not exist (variants: futex, mutex, spin)");
	REFUSED(m.claims[0].versus.right = "spn",
		"claim X1: variant \"spn\" does not exist (variants: futex, mutex, spin)");
	REFUSED(m.claims[0].versus.metric = "gained",
		"claim X1: metric \"gained\" does not exist (further metrics: lost)");
	REFUSED(m.claims[0].versus.holds = "kept", "claim X1: metric \"kept\" does not exist (further metrics: lost)");
	REFUSED(m.claims[1].metric.name = "lots", "claim X2: metric \"lots\" does not exist (further metrics: lost)");
	REFUSED(m.claims[1].control = "X9", "claim X2: claim \"X9\" does not exist (claims: X1, X2, X3)");
	REFUSED(m.claims[2].count.event = "page-flips; or so",
		"claim X3: event \"page-flips; or so\" does not exist (events: minor-faults, major-faults, "
		"context-switches, cpu-migrations, cycles, instructions, cache-references, cache-misses, "
		"L1D-load-misses, LLC-load-misses, dTLB-load-misses)");
	REFUSED(m.scenario.expected[0].variant = "all",
		"variant \"all\" does not exist (variants: futex, mutex, spin)");
	REFUSED(m.corners.variant[1][1] = "sleep", "variant \"sleep\" does not exist (variants: futex, mutex, spin)");
	REFUSED(m.scenario.workers_param = "message+processes",
		"parameter \"processes\" does not exist (parameters: message, op)");
	REFUSED(m.scenario.achieved = "rate", "metric \"rate\" does not exist (further metrics: lost)");
}

Test(scenario_check, points_that_do_not_exist)
{
	REFUSED(m.claims[0].at = "mesage=64",
		"claim X1: parameter \"mesage\" does not exist (parameters: message, op)");
	REFUSED(m.claims[0].at = "op=swap", "claim X1: value \"swap\" does not exist (op: load, store)");
	REFUSED(m.scenario.params[0].full.count = 1;
		m.claims[0].at = "op=load message=65", "claim X1: value \"65\" does not exist (message: 64)");
	REFUSED(m.claims[0].at = "message<=many",
		"claim X1: at: message<=many: a number, or one with xPU, is expected");
	REFUSED(m.claims[0].at = "placement=smt",
		"claim X1: placement \"smt\" does not exist (placements: near, same-core)");
	REFUSED(m.claims[0].at = "cores=two", "claim X1: at: cores=two: only \"different\" is known");
	REFUSED(m.claims[0].at = "near",
		"claim X1: at: \"near\" is not a condition: write name=value, name<=value or name>=value");
}

static uint64_t visit(const struct sm_worker *worker, void *lines, unsigned role, uint64_t trips)
{
	(void)worker, (void)lines, (void)role;
	return trips;
}

/* Two parameters that choose the PUs of a tour. */
static void make_pair(struct made_up *m)
{
	m->claims[0].at = NULL;
	m->scenario.visit = visit;
	m->scenario.visit_bytes = 128;
	memset(m->scenario.placements, 0, sizeof(m->scenario.placements));
	for (unsigned i = 0; i < 2; i++) {
		m->scenario.params[i] = (struct sm_param){
			.name = i ? "to" : "from", .unit = "PU", .summary = "of a process", .every_pu = true
		};
		m->scenario.pair_params[i] = m->scenario.params[i].name;
	}
}

/* Two parameters that set the NUMA nodes of the workers. */
static void make_nodes(struct made_up *m)
{
	m->claims[0].at = NULL;
	for (unsigned i = 0; i < 2; i++) {
		m->scenario.params[i] = (struct sm_param){ .name = i ? "to" : "from",
							   .unit = "node",
							   .summary = "of a process",
							   .every_node = SM_NODES_WITH_PUS };
		m->scenario.node_params[i] = m->scenario.params[i].name;
	}
}

/* The messages are the number of workers. */
static void make_sum(struct made_up *m, const char *at)
{
	m->scenario.workers = 0;
	m->scenario.workers_param = "message";
	m->claims[0].at = at;
}

Test(scenario_check, conditions_that_never_hold)
{
	REFUSED(m.claims[0].at = "placement<=near", "claim X1: at: placement<=near: words have no order: write =");
	REFUSED(m.claims[0].at = "cores>=different", "claim X1: at: cores>=different: words have no order: write =");
	REFUSED(m.scenario.region_bytes = some_bytes;
		m.claims[0].at = "pages>=2m", "claim X1: at: pages>=2m: words have no order: write =");
	REFUSED(m.claims[0].at = "op<=1", "claim X1: at: op<=1: values with labels have no order");
	REFUSED(m.claims[0].at = "message>=4097", "claim X1: at: message>=4097: no profile has such a value");
	REFUSED(m.claims[0].at = "message<=3", "claim X1: at: message<=3: no profile has such a value");
	REFUSED(m.claims[0].at = "message>=65xPU", "claim X1: at: message>=65xPU: no profile has such a value");
	REFUSED(m.claims[0].at = "message=65", "claim X1: value \"65\" does not exist (message: 64, 4xPU)");
	REFUSED(m.claims[0].at = "message=8192", "claim X1: value \"8192\" does not exist (message: 64, 4xPU)");
	REFUSED(m.claims[0].at = "message=5xPU", "claim X1: value \"5xPU\" does not exist (message: 64, 4xPU)");
	REFUSED(m.claims[0].at = "message=...", "claim X1: value \"...\" does not exist (message: 64, 4xPU)");
	REFUSED(m.scenario.params[0].min = m.scenario.params[0].max = 0; m.scenario.params[0].full = two_caches;
		m.claims[0].at = "message=2xLLC", "claim X1: value \"2xLLC\" does not exist (message: 64)");
	REFUSED(m.claims[0].at = "op=load op=store", "claim X1: at: op= is there twice");
	REFUSED(m.claims[0].at = "placement=near placement=near", "claim X1: at: placement= is there twice");
	REFUSED(m.claims[0].at = "placement=same-core message=4xPU",
		"claim X1: at: message=4xPU: multiples of the PUs are run only at placement=near");
	REFUSED(m.claims[0].at = "message=4xPU placement=same-core",
		"claim X1: at: message=4xPU: multiples of the PUs are run only at placement=near");
	REFUSED(m.claims[0].at = "pages=2m", "claim X1: at: pages=2m: the scenario has no region");
	REFUSED(m.scenario.region_bytes = some_bytes;
		m.claims[0].at = "pages=2048k", "claim X1: at: pages=2048k: runs write it 2m");
	REFUSED(m.claims[0].at = "workers>=3",
		"claim X1: at: workers>=3: the claim's variants never have such a number of workers");
	REFUSED(m.claims[0].at = "workers=1",
		"claim X1: at: workers=1: the claim's variants never have such a number of workers");
	REFUSED(m.claims[0].at = "workers<=1",
		"claim X1: at: workers<=1: the claim's variants never have such a number of workers");
	REFUSED(m.claims[0].at = "workers>=3xPU",
		"claim X1: at: workers>=3xPU: the claim's variants never have such a number of workers");
	REFUSED(m.claims[0].at = "workers>=3";
		m.variants[0].workers = m.variants[1].workers = 3,
		"claim X1: at: workers>=3: the claim's variants never have such a number of workers");
	REFUSED(make_sum(&m, "workers>=4097"),
		"claim X1: at: workers>=4097: the claim's variants never have such a number of workers");
	REFUSED(make_sum(&m, "workers<=0xPU"), "claim X1: at: workers<=0xPU: there is always a worker");
	ACCEPTED(make_sum(&m, "workers>=4096 workers<=1xPU"));
	ACCEPTED(make_sum(&m, "workers=1"));
	REFUSED(make_pair(&m); m.claims[0].at = "from=2", "claim X1: at: from=2: it chooses PUs, and no case has it");
	ACCEPTED(make_pair(&m); m.claims[0].at = "placement=smt");
	REFUSED(m.claims[0].at = "workers<=0", "claim X1: at: workers<=0: there is always a worker");
	ACCEPTED(m.claims[0].at = "message=128 placement=same-core workers<=1xPU cores=different");
	ACCEPTED(m.claims[0].at = "message=4096");
	ACCEPTED(m.claims[0].at = "message=2xPU placement=near");
	ACCEPTED(m.claims[0].at = "message>=100 message<=2xPU");
	ACCEPTED(m.claims[0].at = "message>=64xPU placement=same-core");
	ACCEPTED(m.scenario.region_bytes = some_bytes; m.claims[0].at = "pages=2m pages=1g numa=bind:0");
	ACCEPTED(m.variants[0].workers = m.variants[2].workers = 3; m.claims[0].at = "workers>=3");
}

Test(scenario_check, bounds)
{
	REFUSED(m.claims[0].versus.min = 0, "claim X1: it has no bound: set min, max or both");
	REFUSED(m.claims[0].versus.max = 1, "claim X1: min is larger than max");
	REFUSED(m.claims[1].metric.min = 1, "claim X2: min is larger than max");
	REFUSED(m.claims[0].kind = SM_CLAIM_UNSET,
		"claim X1: it says no kind: write SM_RATIO(...), SM_METRIC(...) or another of them");
	REFUSED(m.claims[0].kind = SM_CLAIM_DIFFERENCE;
		m.claims[0].versus.metric = "lost", "claim X1: a difference is of times: leave out the metric");
	REFUSED(m.claims[0].kind = SM_CLAIM_ORDER;
		m.claims[0].closer_is_faster = 90, "claim X1: closer_is_faster is a share: more than 0, 1 at most");
	REFUSED(m.claims[0].versus.right = "futex", "claim X1: it compares variant \"futex\" with itself");
	REFUSED(m.claims[0].control = "X2", "claim X1: its control X2 has a control itself");
	REFUSED(m.scenario.params[0].max = 63, "parameter \"message\": value 64 is not within 1 to 63");
	REFUSED(m.scenario.params[1].quick = too_many, "parameter \"op\": value 2 has no label");
	REFUSED(m.scenario.params[0].quick.count = 0, "parameter \"message\" has no values for the quick profile");
	REFUSED(m.scenario.params[0].full = open_end,
		"parameter \"message\": doubling goes on to a multiple of the PUs");
	REFUSED(m.scenario.params[0].full = twice, "parameter \"message\": entry 3 of a list of values is there twice");
	REFUSED(m.scenario.params[0].full = times_twice,
		"parameter \"message\": entry 3 of a list of values is there twice");
	REFUSED(m.scenario.params[0].full = wrong_order,
		"parameter \"message\": multiples of the PUs come after all other values");
}

/* Each name is short enough, but not all together: 4 x (31 + 2 + 20). */
static void make_long_params(struct made_up *m)
{
	static const char *const names[] = { "the_number_of_bytes_of_a_part_1", "the_number_of_bytes_of_a_part_2",
					     "the_number_of_bytes_of_a_part_3", "the_number_of_bytes_of_a_part_4" };

	for (unsigned p = 0; p < SM_PARAMS_MAX; p++)
		m->scenario.params[p] =
			(struct sm_param){ .name = names[p], .unit = "B", .summary = "size", .quick = params[0].quick };
}

#define LONG_NAME "a_name_of_41_characters_is_longer_than_40"

Test(scenario_check, names_that_nothing_can_hold)
{
	REFUSED(m.variants[1].name = "-", "variant \"-\" is an invalid name: use letters, digits and _ - . +");
	REFUSED(m.variants[1].name = LONG_NAME, "variant \"" LONG_NAME "\" is longer than 40 characters");
	REFUSED(m.claims[1].id = LONG_NAME, "claim \"" LONG_NAME "\" is longer than 40 characters");
	REFUSED(m.scenario.params[0].name = LONG_NAME, "parameter \"" LONG_NAME "\" is longer than 40 characters");
	REFUSED(m.scenario.more[0].name = "-",
		"the name of a further metric is \"-\", which stands for none in a run folder");
	REFUSED(m.scenario.more[0].unit = "-",
		"the unit of a further metric is \"-\", which stands for none in a run folder");
	REFUSED(m.scenario.params[1].labels = long_labels,
		"label \"a_label_of_32_characters_is_long\" is longer than 31 characters");
	REFUSED(make_long_params(&m),
		"the names of the parameters and their longest values have 212 characters, 159 are the most");
}

Test(scenario_check, names_that_are_taken)
{
	REFUSED(m.scenario.params[0].name = "workers",
		"parameter \"workers\": a claim's `at` has another use for this name");
	REFUSED(m.scenario.params[1].name = "pages",
		"parameter \"pages\": a claim's `at` has another use for this name");
	REFUSED(m.scenario.placements[1] = SM_PLACE_NEAR, "placement \"near\" is there twice");
	REFUSED(m.scenario.placements[1] = SM_PLACE_LIST, "placement 2 is \"list\", which no scenario can ask for");
	REFUSED(m.scenario.placements[1] = SM_PLACE_SOLO, "placement 2 is \"solo\", which no scenario can ask for");
	REFUSED(m.scenario.placements[0] = SM_PLACE_COUNT, "placement 1 is \"-\", which no scenario can ask for");
	REFUSED(m.scenario.more[1] = m.scenario.more[0], "metric \"lost\" is there twice");
	REFUSED(m.scenario.more[0].name = "time per operation",
		"a further metric has the name of the metric, \"time per operation\"");
	REFUSED(m.scenario.events = "cycles,,instructions",
		"entry 2 of events is empty: put one comma between two names");
	REFUSED(m.scenario.events = "", "entry 1 of events is empty: put one comma between two names");
}

Test(scenario_check, numbers_of_workers_and_slices)
{
	REFUSED(m.scenario.workers_param = "message+message", "workers_param names \"message\" twice");
	REFUSED(m.scenario.workers_param = "op", "workers_param names \"op\", whose values are no numbers of workers");
	REFUSED(m.scenario.workers_param = "message";
		m.scenario.params[0].min = 0, "workers_param allows 0 workers: set min and max of \"message\"");
	REFUSED(m.scenario.workers_param = "message", "it has workers and workers_param: leave out workers");
	REFUSED(m.scenario.workers_param = "message"; m.scenario.workers = 0;
		m.variants[2].workers = 1, "variant \"spin\" has workers, which workers_param sets");
	ACCEPTED(m.scenario.workers_param = "message"; m.scenario.workers = 0);
	ACCEPTED(m.scenario.workers_param = "message"; m.scenario.workers = 0; m.scenario.params[0].max = 65536);
	REFUSED(m.scenario.workers_param = "message"; m.scenario.workers = 0;
		m.scenario.params[0].max = UINT64_MAX,
		"workers_param allows more than 65536 workers: lower max of \"message\"");
	REFUSED(m.scenario.workers_param = "message+senders"; m.scenario.workers = 0; m.scenario.params[2] = params[0];
		m.scenario.params[2].name = "senders";
		m.scenario.params[2].max = 65536,
		"workers_param allows more than 65536 workers: lower max of \"senders\"");
	REFUSED(m.scenario.slices = 2, "slices: 2 a trial are not within 3 to 4096");
	REFUSED(m.scenario.slices = 4097, "slices: 4097 a trial are not within 3 to 4096");
	ACCEPTED(m.scenario.slices = 3);
	REFUSED(m.scenario.transfers_per_op = -1, "transfers_per_op is not a finite number of 0 or more");
	REFUSED(m.scenario.transfers_per_op = NAN, "transfers_per_op is not a finite number of 0 or more");
	REFUSED(m.claims[0].machine = (enum sm_machine)9,
		"claim X1: machine 9 is no kind of machine: write SM_X86 or SM_ARM64");
}

/* Two more parameters, of so many values each. */
static void make_many_cases(struct made_up *m, unsigned count)
{
	static const uint64_t numbers[64] = { 1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
					      17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
					      33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
					      49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63, 64 };

	for (unsigned p = 2; p < SM_PARAMS_MAX; p++) {
		m->scenario.params[p] = params[0];
		m->scenario.params[p].name = p == 2 ? "one" : "other";
		m->scenario.params[p].full =
			(struct sm_values){ .count = count, .plain_count = count, .plain = numbers };
	}
}

Test(scenario_check, numbers_of_cases)
{
	/* 3 variants, 18 messages with the doubles, 2 operations */
	ACCEPTED(make_many_cases(&m, 13));
	REFUSED(make_many_cases(&m, 14), "the full profile has more than 20000 cases: take out values, or a parameter");
	REFUSED(make_many_cases(&m, 64), "the full profile has more than 20000 cases: take out values, or a parameter");
}

Test(scenario_check, pairs_of_pus)
{
	ACCEPTED(make_pair(&m));
	REFUSED(make_pair(&m); m.scenario.pair_params[1] = NULL, "pair_params has one parameter: name two");
	REFUSED(make_pair(&m);
		m.scenario.pair_params[1] = "at", "parameter \"at\" does not exist (parameters: from, to)");
	REFUSED(make_pair(&m); m.scenario.pair_params[1] = "from", "pair_params names \"from\" twice");
	REFUSED(make_pair(&m); m.scenario.params[2] = params[0];
		m.scenario.pair_params[1] = "message", "pair_params names \"message\", which has no every_pu");
	REFUSED(make_pair(&m); m.scenario.workers = 3, "a pair of pair_params has two workers: set workers to 2");
	REFUSED(make_pair(&m);
		m.variants[1].workers = 3, "variant \"mutex\" has 3 workers, and a pair of pair_params has two");
	REFUSED(make_pair(&m); m.scenario.visit = NULL, "pair_params and visit() belong together: a tour takes both");
	REFUSED(m.scenario.visit = visit, "pair_params and visit() belong together: a tour takes both");
	REFUSED(make_pair(&m); m.scenario.visit_bytes = 0, "visit() has no lines to play on: set visit_bytes");
	REFUSED(make_pair(&m); m.scenario.placements[0] = SM_PLACE_NEAR,
			       "the placements of a tour are the relations of its pairs: leave out placements");
}

Test(scenario_check, pairs_of_nodes)
{
	ACCEPTED(make_nodes(&m));
	ACCEPTED(make_nodes(&m); m.variants[1].memory.numa = SM_BIND_SECOND);
	ACCEPTED(make_nodes(&m); m.claims[0].at = "nodes=with-pus from=0");
	REFUSED(make_nodes(&m); m.scenario.node_params[1] = NULL, "node_params has one parameter: name two");
	REFUSED(make_nodes(&m);
		m.scenario.node_params[1] = "at", "parameter \"at\" does not exist (parameters: from, to)");
	REFUSED(make_nodes(&m); m.scenario.node_params[1] = "from", "node_params names \"from\" twice");
	REFUSED(make_nodes(&m); m.scenario.params[2] = params[0];
		m.scenario.node_params[1] = "message", "node_params names \"message\", which has no every_node");
	REFUSED(make_nodes(&m);
		m.scenario.workers = 3, "node_params sets the nodes of two workers at most: set workers to 1 or 2");
	REFUSED(m.variants[1].memory.numa = SM_BIND_FIRST,
		"variant \"mutex\" binds memory to a node of node_params, and there are none");
	REFUSED(m.claims[0].at = "nodes=with-pus", "claim X1: at: nodes=with-pus: the scenario has no node_params");
	REFUSED(make_nodes(&m); m.claims[0].at = "nodes=all", "claim X1: at: nodes=all: only \"with-pus\" is known");
	REFUSED(make_nodes(&m); m.scenario.params[0].every_pu = true,
				"parameter \"from\" has every_pu and every_node: leave out one of them");
}

/* With these a claim would be true, or false, whatever is measured. */
Test(scenario_check, bounds_that_decide_nothing)
{
	REFUSED(m.claims[0].versus.min = NAN, "claim X1: min is not a finite number");
	REFUSED(m.claims[0].versus.min = INFINITY, "claim X1: min is not a finite number");
	REFUSED(m.claims[0].versus.max = NAN, "claim X1: max is not a finite number");
	REFUSED(m.claims[0].versus.max = INFINITY, "claim X1: max is not a finite number");
	REFUSED(m.claims[0].versus.max = -1, "claim X1: max is negative and would count as no bound");
	REFUSED(m.claims[0].kind = SM_CLAIM_DIFFERENCE; m.claims[0].versus.min = -50;
		m.claims[0].versus.max = 50, "claim X1: min is negative and would count as no bound");
	REFUSED(m.claims[0].versus.holds = "lost", "claim X1: holds has no bound: set holds_min to more than 0");
	REFUSED(m.claims[0].versus.holds_min = 2, "claim X1: holds_min bounds no metric: set holds");
	REFUSED(m.claims[0].versus.holds = "lost";
		m.claims[0].versus.holds_min = NAN, "claim X1: holds_min is not a finite number");
	REFUSED(m.claims[1].metric.min = NAN, "claim X2: min is not a finite number");
	REFUSED(m.claims[1].metric.min = -INFINITY, "claim X2: min is not a finite number");
	REFUSED(m.claims[1].metric.max = NAN, "claim X2: max is not a finite number");
	REFUSED(m.claims[2].count.per_op = NAN, "claim X3: per_op is not a finite number of 0 or more");
	REFUSED(m.claims[2].count.per_op = -1, "claim X3: per_op is not a finite number of 0 or more");
	REFUSED(m.claims[2].count.slack = (unsigned)-1,
		"claim X3: slack: 4294967295 events a trial are tolerated, 1000 are the most");
	REFUSED(m.claims[0].kind = SM_CLAIM_ORDER;
		m.claims[0].closer_is_faster = NAN, "claim X1: closer_is_faster is a share: more than 0, 1 at most");
	REFUSED(m.scenario.expected[0].per_op = NAN, "per_op of minor-faults is not a finite number of 0 or more");
	ACCEPTED(m.claims[0].versus.min = 0; m.claims[0].versus.max = 2);
	ACCEPTED(m.claims[1].metric.min = -1);
	ACCEPTED(m.claims[0].versus.holds = "lost"; m.claims[0].versus.holds_min = 2);
}

Test(scenario_check, names_that_are_missing)
{
	REFUSED(m.claims[0].left = NULL, "claim X1: it is about no variant");
	REFUSED(m.claims[0].versus.right = NULL, "claim X1: it compares variant \"futex\" with nothing");
	REFUSED(m.claims[1].metric.name = NULL, "claim X2: the metric is missing");
	REFUSED(m.claims[2].count.event = NULL, "claim X3: the event is missing");
	REFUSED(m.corners.variant[1][0] = NULL, "the variant of a corner is missing");
	REFUSED(m.corners.row[1] = NULL, "the name of a row of the corners is missing");
	REFUSED(m.corners.column[0] = NULL, "the name of a column of the corners is missing");
}

Test(scenario_check, values_that_depend_on_the_machine)
{
	ACCEPTED(m.scenario.params[0].quick = one_pu);
	REFUSED(m.scenario.params[0].min = m.scenario.params[0].max = 0;
		m.scenario.params[0].full = from_zero,
		"parameter \"message\": doubling never ends after 0: begin with 1");
	REFUSED(m.scenario.params[0].min = m.scenario.params[0].max = 0;
		m.scenario.params[0].full = maybe_from_zero,
		"parameter \"message\": doubling never ends after 0: begin with 1");
	REFUSED(m.scenario.params[0].full = many_pus,
		"parameter \"message\": a multiple of the PUs or of the cache is 1 to 1024");
	REFUSED(m.scenario.params[0].full = no_pus,
		"parameter \"message\": a multiple of the PUs or of the cache is 1 to 1024");
	REFUSED(m.scenario.params[0].full = many_caches,
		"parameter \"message\": a multiple of the PUs or of the cache is 1 to 1024");
	REFUSED(m.scenario.params[0].quick = large_machines,
		"parameter \"message\" may have no value: add one that needs no number of PUs");
	REFUSED(m.scenario.params[0].full = large_machines,
		"parameter \"message\" may have no value: add one that needs no number of PUs");
	REFUSED(m.scenario.params[1].full = counted, "parameter \"op\": values with labels are plain numbers");
	REFUSED(m.scenario.params[1].full = cached, "parameter \"op\": values with labels are plain numbers");
	REFUSED(m.scenario.params[1].every_pu = true, "parameter \"op\" has labels and every_pu: PUs have no labels");
	REFUSED(m.scenario.params[0].every_pu = true,
		"parameter \"message\" has every_pu and values: leave out one of them");
	REFUSED(m.scenario.params[1].nodes_most = 2, "parameter \"op\" has nodes_most and no every_node");
	REFUSED(m.scenario.params[1].every_node = SM_NODES_WITH_PUS,
		"parameter \"op\" has labels and every_node: nodes have no labels");
	REFUSED(m.scenario.params[0].every_node = SM_NODES_WITH_PUS,
		"parameter \"message\" has every_node and values: leave out one of them");
}

Test(scenario_check, functions_that_are_missing)
{
	REFUSED(m.scenario.run = NULL, "run() is missing");
	REFUSED(m.scenario.verify = NULL, "verify() is missing: nothing would prove that the work was done");
	REFUSED(m.scenario.measure = NULL, "it has further metrics and no measure()");
	REFUSED(m.scenario.subject = SM_COLD,
		"fixed_ops() is missing: a cold subject has a fixed number of operations");
	REFUSED(m.scenario.subject = SM_COLD; m.scenario.fixed_ops = one_op;
		m.scenario.warm_ns = 1, "warm_ns is set: a cold subject has no warm-up");
	REFUSED(m.scenario.warm_ns = 2000000000, "warm_ns: 2000000000 ns is more than a second for each trial");
	REFUSED(m.scenario.workers = 0, "variant \"futex\" has no workers: set workers, or workers_param");
}

Test(scenario_check, names_and_texts)
{
	REFUSED(m.variants[1].name = "futex", "variant \"futex\" is there twice");
	REFUSED(m.claims[1].id = "X1", "claim \"X1\" is there twice");
	REFUSED(m.variants[1].name = "my mutex",
		"variant \"my mutex\" is an invalid name: use letters, digits and _ - . +");
	REFUSED(m.claims[0].text = "Sleeping takes twice as long.",
		"claim X1: the text ends with \".\": leave it out, as the program goes on after it");
	REFUSED(m.claims[0].source = NULL, "claim X1: the source is missing");
	REFUSED(m.scenario.summary = "It is\nmeasured.", "the summary holds a line end or a tab: write it in one line");
	REFUSED(m.variants[1].summary = "a\tlock",
		"the summary of a variant holds a line end or a tab: write it in one line");
	REFUSED(m.scenario.why = "Because", "the why does not end with a full stop: \"Because\"");
	REFUSED(m.scenario.question = "It is found.",
		"the question does not end with a question mark: \"It is found.\"");
	REFUSED(m.scenario.metric.unit = "ms", "the unit of the metric is not ns/op");
}

/* Memory of `bytes`, right before a page that cannot be read. */
static void *before_a_hole(size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
	char *memory = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(memory, MAP_FAILED);
	cr_assert_eq(mprotect(memory + room, page, PROT_NONE), 0);
	return memory + room - bytes;
}

Test(scenario_check, lists_end)
{
	struct sm_variant *variants = before_a_hole(SM_LIST_MAX * sizeof(*variants));
	struct sm_claim *claims = before_a_hole(SM_LIST_MAX * sizeof(*claims));
	const char **labels = before_a_hole(SM_LIST_MAX * sizeof(*labels));

	for (unsigned i = 0; i < SM_LIST_MAX; i++) {
		variants[i] = (struct sm_variant){ .name = "again", .summary = "and again" };
		claims[i] = (struct sm_claim){ .id = "X1" };
		labels[i] = "again";
	}
	REFUSED(m.scenario.variants = variants, "the list of variants does not end, or has 256 and more");
	REFUSED(m.scenario.claims = claims, "the list of claims does not end, or has 256 and more");
	REFUSED(m.scenario.params[1].labels = labels, "the list of labels does not end, or has 256 and more");
	REFUSED(m.scenario.variants = NULL, "it has no variant");
	REFUSED(for (unsigned i = 0; i < 3; i++) m.variants[i].extra = true,
		"all variants are extra: the quick profile would have none");
}

Test(scenario_check, names_are_unique_over_all)
{
	struct made_up one, other;
	const struct sm_scenario *const both[] = { &one.scenario, &other.scenario };
	struct sm_error err = { 0 };

	make(&one);
	make(&other);
	other.scenario.family = "others";
	cr_expect_eq(sm_scenario_check(both, NULL, 2, &err), -EBADMSG);
	cr_expect_str_eq(err.text,
			 "internal error: scenario made_up: two scenarios have this name, one of family tests, one of "
			 "family others");
	other.scenario.name = "other";
	cr_expect_eq(sm_scenario_check(both, NULL, 2, &err), -EBADMSG);
	cr_expect_str_eq(err.text, "internal error: scenario other: claim X1 is one of scenario made_up, too");
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALLOWED_NS 200000 /* of a program that is slowed down */
#else
#define ALLOWED_NS 20000
#endif

/* Every command waits for it: with a hundred scenarios, 2 ms. */
Test(scenario_check, takes_microseconds_for_a_scenario)
{
	uint64_t best = UINT64_MAX;

	/* The best of many: something else may hold the CPU, or run on the other thread of its core, for a while. */
	for (unsigned i = 0; i < 500 && best / sm_scenario_count >= ALLOWED_NS; i++) {
		uint64_t start = sm_clock_ns(), took;

		cr_assert_eq(sm_scenario_check(sm_scenarios, sm_scenario_files, sm_scenario_count, NULL), 0);
		took = sm_clock_ns() - start;
		best = took < best ? took : best;
	}
	cr_expect_lt(best / sm_scenario_count, ALLOWED_NS, "%lu ns for a scenario", best / sm_scenario_count);
}
