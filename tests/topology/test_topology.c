/* Placement on machines that are not here: synthetic topologies, and hwloc XML of hybrid and restricted
 * ones. */
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/plan.h"
#include "shmeter/region.h"
#include "shmeter/scenario.h"
#include "topology_fixture.h"

#define CCX_DESKTOP  "pack:1 l3:2 l2:4 core:1 pu:2"        /* two L3s, one node */
#define TWO_PACKAGES "pack:2 [numa] l3:1 l2:4 core:1 pu:1" /* a node and an L3 each */
#define FOUR_NODES   "numa:4 l3:2 l2:2 core:1 pu:1"
#define CLUSTERED    "pack:1 l3:1 l2:2 core:4 pu:1" /* four cores share an L2 */

static void expect_relation(const char *source, enum sm_placement asked, enum sm_placement got)
{
	struct sm_topology *topology = open_or_fail(source);
	struct sm_seats seats = seat(topology, asked, 2);

	cr_expect_eq(seats.relation, got, "%s: %s became %s", source, sm_placement_name(asked),
		     sm_placement_name(seats.relation));
	cr_expect_eq(seats.shared_pu, got == SM_PLACE_SAME_CORE);
	sm_seats_free(&seats);
	sm_topology_close(topology);
}

static void expect_refused(const char *source, enum sm_placement asked)
{
	struct sm_topology *topology = open_or_fail(source);
	struct sm_seats seats;
	struct sm_error err = { 0 };

	cr_expect_eq(sm_topology_seat(topology, asked, NULL, 0, 2, &seats, &err), -ENODEV, "%s: %s", source,
		     sm_placement_name(asked));
	cr_expect(strstr(err.text, "choose"), "no remedy in \"%s\"", err.text);
	sm_topology_close(topology);
}

static void expect_no_room(const char *source, enum sm_placement asked, unsigned workers, const char *words)
{
	struct sm_topology *topology = open_or_fail(source);
	struct sm_seats seats;
	struct sm_error err = { 0 };

	cr_expect_eq(sm_topology_seat(topology, asked, NULL, 0, workers, &seats, &err), -ENODEV, "%s: %s", source,
		     sm_placement_name(asked));
	cr_expect_str_eq(err.text, words);
	sm_topology_close(topology);
}

Test(topology, relations_are_found)
{
	expect_relation(SMT_LAPTOP, SM_PLACE_SMT, SM_PLACE_SMT);
	expect_relation(SMT_LAPTOP, SM_PLACE_SHARED_L3, SM_PLACE_SHARED_L3);
	expect_relation(SMT_LAPTOP, SM_PLACE_SAME_CORE, SM_PLACE_SAME_CORE);
	expect_relation(CCX_DESKTOP, SM_PLACE_SAME_NODE, SM_PLACE_SAME_NODE);
	expect_relation(CCX_DESKTOP, SM_PLACE_SHARED_L3, SM_PLACE_SHARED_L3);
	expect_relation(TWO_PACKAGES, SM_PLACE_CROSS_NODE, SM_PLACE_CROSS_PACKAGE);
	expect_relation(TWO_PACKAGES, SM_PLACE_CROSS_PACKAGE, SM_PLACE_CROSS_PACKAGE);
	expect_relation("pack:2 l3:2 core:2 pu:1", SM_PLACE_SAME_NODE, SM_PLACE_SAME_NODE);
	expect_relation("pack:2 l3:2 core:2 pu:1", SM_PLACE_CROSS_PACKAGE, SM_PLACE_CROSS_PACKAGE);
	expect_relation(FOUR_NODES, SM_PLACE_SAME_NODE, SM_PLACE_SAME_NODE);
	expect_relation(FOUR_NODES, SM_PLACE_CROSS_NODE, SM_PLACE_CROSS_NODE);
	expect_relation(CLUSTERED, SM_PLACE_SHARED_L2, SM_PLACE_SHARED_L2);
}

Test(topology, near_takes_the_closest_other_core)
{
	expect_relation(SMT_LAPTOP, SM_PLACE_NEAR, SM_PLACE_SHARED_L3);
	expect_relation(CCX_DESKTOP, SM_PLACE_NEAR, SM_PLACE_SHARED_L3);
	expect_relation(CLUSTERED, SM_PLACE_NEAR, SM_PLACE_SHARED_L2);
	expect_relation("core:1 pu:2", SM_PLACE_NEAR, SM_PLACE_SMT);
	expect_relation("core:1 pu:1", SM_PLACE_NEAR, SM_PLACE_SAME_CORE);
}

/* PUs 0, 6 and 7 of eight: the first one is nobody's neighbour. */
Test(topology, near_looks_for_the_closest_pair_of_all)
{
	struct sm_topology *topology = open_or_fail(TEST_DATA "/uneven.xml");
	struct sm_seats two = seat(topology, SM_PLACE_NEAR, 2), three;

	cr_expect_eq(two.relation, SM_PLACE_SHARED_L2, "%s", sm_placement_name(two.relation));
	cr_expect(two.seat[0] == 6 && two.seat[1] == 7, "PUs %u and %u", two.seat[0], two.seat[1]);
	three = seat(topology, SM_PLACE_NEAR, 3);
	cr_expect(!three.shared_pu);
	sm_seats_free(&two);
	sm_seats_free(&three);
	sm_topology_close(topology);
}

/* Some machines tell hwloc of caches and no cores: their PUs are not threads of one core. */
Test(topology, without_cores_each_pu_is_one)
{
	expect_relation("l2:2 pu:2", SM_PLACE_NEAR, SM_PLACE_SHARED_L2);
	expect_refused("l2:2 pu:2", SM_PLACE_SMT);
}

Test(topology, what_is_not_there_is_refused)
{
	expect_refused(SMT_LAPTOP, SM_PLACE_CROSS_NODE);
	expect_refused(SMT_LAPTOP, SM_PLACE_SHARED_L2);
	expect_refused(TWO_PACKAGES, SM_PLACE_SMT);
	expect_refused(TWO_PACKAGES, SM_PLACE_SAME_NODE); /* a node is an L3 there */
}

Test(topology, a_team_fills_cores_before_threads_and_then_wraps)
{
	struct sm_topology *topology = open_or_fail(SMT_LAPTOP); /* PUs 2i and 2i+1 share core i */
	struct sm_seats four = seat(topology, SM_PLACE_NEAR, 4), eight = seat(topology, SM_PLACE_NEAR, 8);
	struct sm_seats many = seat(topology, SM_PLACE_NEAR, 20);

	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < i; j++)
			cr_expect_neq(four.seat[i] / 2, four.seat[j] / 2, "%u and %u share a core", i, j);
	cr_expect(!four.shared_pu && !eight.shared_pu);
	cr_expect(many.shared_pu);
	sm_seats_free(&four);
	sm_seats_free(&eight);
	sm_seats_free(&many);
	sm_topology_close(topology);
}

Test(topology, across_nodes_workers_alternate)
{
	struct sm_topology *topology = open_or_fail(FOUR_NODES); /* four PUs a node */
	struct sm_seats seats = seat(topology, SM_PLACE_CROSS_NODE, 6);

	for (unsigned i = 0; i < 6; i++)
		cr_expect_eq(seats.seat[i] / 4, i % 2, "worker %u on PU %u", i, seats.seat[i]);
	cr_expect(!seats.shared_pu);
	sm_seats_free(&seats);
	sm_topology_close(topology);
}

Test(topology, across_nodes_cores_come_before_threads)
{
	struct sm_topology *topology = open_or_fail("numa:2 l3:1 l2:2 core:1 pu:2");
	struct sm_seats seats = seat(topology, SM_PLACE_CROSS_NODE, 4);

	for (unsigned i = 0; i < 4; i++)
		for (unsigned j = 0; j < i; j++)
			cr_expect_neq(seats.seat[i] / 2, seats.seat[j] / 2, "%u and %u share a core", i, j);
	sm_seats_free(&seats);
	sm_topology_close(topology);
	expect_no_room("numa:2 l3:1 l2:2 core:1 pu:2", SM_PLACE_CROSS_NODE, 11,
		       "placement \"cross-node\" has room for 8 workers here, not for 11: workers 0 and 8 would share "
		       "a PU: choose fewer, or near");
}

/* Sub-NUMA clusters: two nodes under one L3. */
Test(topology, nodes_may_share_a_cache)
{
	struct sm_topology *topology = open_or_fail("pack:1 l3:1 numa:2 core:2 pu:1");
	struct sm_seats seats = seat(topology, SM_PLACE_CROSS_NODE, 4), pair = seat(topology, SM_PLACE_SHARED_L3, 2);

	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(seats.seat[i] / 2, i % 2, "worker %u on PU %u", i, seats.seat[i]);
	cr_expect(!seats.shared_pu);
	cr_expect_eq(pair.relation, SM_PLACE_SHARED_L3);
	sm_seats_free(&seats);
	sm_seats_free(&pair);
	sm_topology_close(topology);
}

Test(topology, a_refusal_says_what_there_is)
{
	struct sm_topology *topology = open_or_fail(SMT_LAPTOP);
	struct sm_seats seats;
	struct sm_error err = { 0 };

	cr_expect_eq(sm_topology_seat(topology, SM_PLACE_CROSS_NODE, NULL, 0, 2, &seats, &err), -ENODEV);
	cr_expect_str_eq(err.text, "placement \"cross-node\" needs two NUMA nodes, and the allowed PUs here (8) lie "
				   "on one: choose near, same-core, smt, shared-l3 or a list of PUs");
	sm_topology_close(topology);
}

Test(topology, lists_keep_their_order)
{
	struct sm_topology *topology = open_or_fail(SMT_LAPTOP);
	const unsigned list[] = { 5, 1 }, twice[] = { 3, 3 }, absent[] = { 0, 99 };
	struct sm_seats seats;
	struct sm_error err = { 0 };

	cr_assert_eq(sm_topology_seat(topology, SM_PLACE_LIST, list, 2, 3, &seats, &err), 0);
	cr_expect(seats.seat[0] == 5 && seats.seat[1] == 1 && seats.seat[2] == 5 && seats.shared_pu);
	sm_seats_free(&seats);
	cr_assert_eq(sm_topology_seat(topology, SM_PLACE_LIST, twice, 2, 2, &seats, &err), 0);
	cr_expect_eq(seats.relation, SM_PLACE_SAME_CORE);
	sm_seats_free(&seats);
	cr_expect_eq(sm_topology_seat(topology, SM_PLACE_LIST, absent, 2, 2, &seats, &err), -EINVAL);
	cr_expect(strstr(err.text, "99"), "%s", err.text);
	sm_topology_close(topology);
}

/* Four fast cores and four slow ones, as hwloc records such machines. */
Test(topology, hybrid_teams_stay_on_one_kind)
{
	struct sm_topology *topology = open_or_fail(TEST_DATA "/hybrid.xml");
	struct sm_seats seats = seat(topology, SM_PLACE_NEAR, 4);
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);
	int kinds[2] = { 0 };

	cr_assert_eq(count, 8);
	for (unsigned i = 0; i < count; i++)
		kinds[pus[i].kind == pus[0].kind]++;
	cr_assert(kinds[0] == 4 && kinds[1] == 4, "the fixture has two kinds of four PUs");
	for (unsigned i = 0; i < 4; i++)
		for (unsigned p = 0; p < count; p++)
			if (pus[p].os_index == seats.seat[i])
				cr_expect_eq(pus[p].kind, pus[0].kind, "worker %u", i);
	sm_seats_free(&seats);
	sm_topology_close(topology);
}

/* Two fast cores of two threads (PUs 0 to 3) and four slow ones: a pair fits the fast ones, and four
 * workers have a core each on the slow ones only. */
Test(topology, hybrid_teams_take_the_kind_that_has_enough_cores)
{
	struct sm_topology *topology = open_or_fail(TEST_DATA "/hybrid_smt.xml");
	struct sm_seats two = seat(topology, SM_PLACE_NEAR, 2), four = seat(topology, SM_PLACE_NEAR, 4);
	struct sm_seats eight = seat(topology, SM_PLACE_NEAR, 8), smt = seat(topology, SM_PLACE_SMT, 2);

	cr_expect(two.seat[0] == 0 && two.seat[1] == 2, "PUs %u and %u", two.seat[0], two.seat[1]);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_geq(four.seat[i], 4, "worker %u on PU %u", i, four.seat[i]);
	cr_expect(!four.shared_pu && !eight.shared_pu);
	cr_expect(smt.seat[0] == 0 && smt.seat[1] == 1);
	sm_seats_free(&two);
	sm_seats_free(&four);
	sm_seats_free(&eight);
	sm_seats_free(&smt);
	sm_topology_close(topology);
}

/* PUs 0 to 3 are the slow ones, as on many Arm machines. */
Test(topology, near_prefers_the_fast_cores)
{
	struct sm_topology *topology = open_or_fail(TEST_DATA "/slow_first.xml");
	struct sm_seats seats = seat(topology, SM_PLACE_NEAR, 2);

	cr_expect(seats.seat[0] >= 4 && seats.seat[1] >= 4, "PUs %u and %u", seats.seat[0], seats.seat[1]);
	sm_seats_free(&seats);
	sm_topology_close(topology);
}

/* An XML whose allowed set leaves PUs 2, 3, 6 and 7 of eight, as in a container. */
Test(topology, only_allowed_pus_are_used)
{
	struct sm_topology *topology = open_or_fail(TEST_DATA "/restricted.xml");
	struct sm_seats seats = seat(topology, SM_PLACE_NEAR, 4);
	const unsigned forbidden[] = { 0, 1 };
	struct sm_seats none;
	struct sm_error err = { 0 };
	unsigned count;

	sm_topology_pus(topology, &count);
	cr_expect_eq(count, 4);
	for (unsigned i = 0; i < 4; i++)
		cr_expect(seats.seat[i] % 4 >= 2, "worker %u on PU %u", i, seats.seat[i]);
	cr_expect(!seats.shared_pu);
	cr_expect_eq(sm_topology_seat(topology, SM_PLACE_LIST, forbidden, 2, 2, &none, &err), -EINVAL);
	cr_expect(strstr(err.text, "2-3,6-7"), "%s", err.text);
	sm_seats_free(&seats);
	sm_topology_close(topology);
}

/* For real, in a process of its own: reports through its exit status. */
static int in_one_cpu(void *argument, unsigned index)
{
	struct sm_topology *topology;
	struct sm_seats seats;
	unsigned count;
	cpu_set_t set;

	(void)argument;
	(void)index;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0 || sm_topology_open(&topology, NULL, NULL) < 0)
		return 1;
	sm_topology_pus(topology, &count);
	if (count != 1)
		return 2;
	if (sm_topology_seat(topology, SM_PLACE_NEAR, NULL, 0, 2, &seats, NULL) < 0 || !seats.shared_pu)
		return 3;
	return sm_topology_pin(topology, 0, NULL) < 0 ? 4 : 0;
}

/* A binding that the machine cannot have must not be believed: the topology is another machine's. */
static int on_a_foreign_topology(void *argument, unsigned index)
{
	struct sm_topology *topology;

	(void)argument;
	(void)index;
	if (sm_topology_open(&topology, "pack:1 core:64 pu:1", NULL) < 0)
		return 1;
	return sm_topology_pin(topology, 63, NULL) < 0 ? 0 : 2;
}

/* hwloc's environment draws the PUs of this machine as threads of one core: they bind.  It draws some that are not
 * there: nothing does. */
static int on_a_drawn_topology(void *argument, unsigned index)
{
	struct sm_topology *topology;
	struct sm_seats seats;
	cpu_set_t set;

	(void)argument;
	(void)index;
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	CPU_SET(1, &set);
	setenv("HWLOC_SYNTHETIC", "pack:1 l2:1 core:1 pu:2", 1);
	if (sched_setaffinity(0, sizeof(set), &set) < 0 || sm_topology_open(&topology, NULL, NULL) < 0)
		return 1;
	if (sm_topology_seat(topology, SM_PLACE_NEAR, NULL, 0, 2, &seats, NULL) < 0 || seats.relation != SM_PLACE_SMT)
		return 2;
	if (!sm_topology_is_here(topology) || sm_topology_pin(topology, 1, NULL) < 0 || sched_getcpu() != 1)
		return 3;
	setenv("HWLOC_SYNTHETIC", "pack:1 core:3 pu:1", 1);
	if (sched_setaffinity(0, sizeof(set), &set) < 0 || sm_topology_open(&topology, NULL, NULL) < 0)
		return 4;
	return sm_topology_is_here(topology) ? 5 : 0;
}

Test(topology, a_restricted_affinity_is_seen, .timeout = 10)
{
	expect_member(in_one_cpu);
}

Test(topology, a_pin_is_read_back, .timeout = 10)
{
	expect_member(on_a_foreign_topology);
}

Test(topology, the_environment_may_draw_these_pus_otherwise, .timeout = 10)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0 || !CPU_ISSET(0, &set) || !CPU_ISSET(1, &set))
		cr_skip("PUs 0 and 1 are not both allowed here");
	expect_member(on_a_drawn_topology);
}

Test(topology, this_machine_says_where_memory_lies)
{
	struct sm_topology *topology = open_or_fail(NULL);
	uint64_t bytes[SM_NODES_MAX] = { 0 }, sum = 0;
	size_t size = 1 << 20;
	struct sm_error err = { 0 };
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(memory, MAP_FAILED);
	memset(memory, 1, size);
	cr_assert_eq(sm_topology_memory_nodes(topology, memory, size, bytes, &err), 0, "%s", err.text);
	for (unsigned i = 0; i < SM_NODES_MAX; i++)
		sum += bytes[i];
	cr_expect_eq(sum, size);
	munmap(memory, size);
	sm_topology_close(topology);
}

Test(topology, nonsense_is_refused)
{
	struct sm_topology *topology;
	struct sm_error err = { 0 };

	cr_expect_eq(sm_topology_open(&topology, "three bananas", &err), -EINVAL);
	cr_expect(strstr(err.text, "bananas"), "%s", err.text);
	cr_expect_lt(sm_topology_open(&topology, "/nowhere/at-all.xml", &err), 0);
	cr_expect(strstr(err.text, "/nowhere/at-all.xml"), "%s", err.text);
}

extern const struct sm_scenario sm_scenario_line_stride, sm_scenario_numa_latency, sm_scenario_numa_bandwidth,
	sm_scenario_memory_mountain, sm_scenario_page_size_stream;

static uint64_t llc_of(const char *source)
{
	struct sm_topology *topology = open_or_fail(source);
	uint64_t bytes = sm_topology_llc_bytes(topology);

	sm_topology_close(topology);
	return bytes;
}

Test(topology, the_last_level_cache_is_the_largest)
{
	cr_expect_eq(llc_of("pack:1 l3:1(size=503316480) l2:2(size=2097152) core:1 pu:1"), 480u << 20);
	cr_expect_eq(llc_of("pack:2 l3:2(size=33554432) l2:2(size=1048576) core:1 pu:2"), 32u << 20, "one complex's");
	cr_expect_eq(llc_of("pack:1 l2:2(size=4194304) core:1 pu:1"), 4u << 20);
	cr_expect_eq(llc_of("pack:1 core:2 pu:1"), 0);
}

/* The largest working set of a plan of one scenario on some machine. */
static uint64_t largest(const struct sm_scenario *scenario, enum sm_profile profile, const char *source)
{
	struct sm_topology *topology = source ? open_or_fail(source) : NULL;
	struct sm_plan_options options = { .profile = profile, .topology = topology };
	struct sm_error err = { 0 };
	struct sm_plan plan;
	uint64_t most = 0;

	cr_assert_eq(sm_plan_expand(&plan, &options, &scenario, 1, &err), 0, "%s", err.text);
	for (size_t i = 0; i < plan.case_count; i++) {
		uint64_t bytes = sm_case_param(&plan.cases[i].c, "bytes");

		most = bytes > most ? bytes : most;
	}
	sm_plan_free(&plan);
	sm_topology_close(topology);
	return most;
}

Test(topology, working_sets_are_beyond_the_last_level_cache)
{
	static const struct sm_scenario *const scenarios[] = { &sm_scenario_numa_latency, &sm_scenario_numa_bandwidth,
							       &sm_scenario_memory_mountain,
							       &sm_scenario_page_size_stream };
	static const unsigned mebibytes[] = { 8, 24, 32, 96, 480, 1152 };

	for (size_t m = 0; m < sizeof(mebibytes) / sizeof(mebibytes[0]); m++)
		for (size_t s = 0; s < sizeof(scenarios) / sizeof(scenarios[0]); s++)
			for (int profile = SM_QUICK; profile <= SM_FULL; profile++) {
				char source[128];
				uint64_t bytes, llc = (uint64_t)mebibytes[m] << 20;

				snprintf(source, sizeof(source), "pack:1 l3:1(size=%lu) core:2 pu:1", llc);
				bytes = largest(scenarios[s], (enum sm_profile)profile, source);
				cr_expect(profile >= SM_STANDARD && scenarios[s] == &sm_scenario_page_size_stream
						  ? bytes >= 1u << 30
						  : bytes >= 2 * llc,
					  "%s: %lu bytes, and %u MiB of cache", scenarios[s]->name, bytes,
					  mebibytes[m]);
			}
	cr_expect_eq(largest(&sm_scenario_numa_latency, SM_QUICK, "pack:1 l3:1(size=33554432) core:2 pu:1"),
		     256u << 20);
	cr_expect_eq(largest(&sm_scenario_numa_latency, SM_QUICK, "pack:1 l3:1(size=503316480) core:2 pu:1"),
		     4ull << 30, "a power of two");
	cr_expect_eq(largest(&sm_scenario_numa_latency, SM_QUICK, "pack:1 core:2 pu:1"), 256u << 20, "unknown: of 32");
	cr_expect_eq(largest(&sm_scenario_numa_latency, SM_QUICK, NULL), 256u << 20);
}

/* The line size that line_stride tells beside the one it finds, its last metric. */
static double line_reported_on(const char *source)
{
	const struct sm_scenario *scenario = &sm_scenario_line_stride;
	const struct sm_case c = { .scenario = scenario, .workers = 2 };
	struct sm_region mapping = { .topology = open_or_fail(source) };
	struct sm_worker worker = { .c = &c, .mapping = &mapping };
	struct sm_trial trial = { .c = &c };
	double value[SM_MORE_MAX];
	unsigned count = 0;

	while (count < SM_MORE_MAX && scenario->more[count].name)
		count++;
	trial.region = worker.region = aligned_alloc(4096, (scenario->region_bytes(&c) + 4095) & ~(size_t)4095);
	cr_assert(trial.region);
	memset(trial.region, 0, scenario->region_bytes(&c));
	cr_assert_eq(scenario->warm_up(&worker), 0);
	scenario->measure(&trial, value);
	free(trial.region);
	sm_topology_close((struct sm_topology *)(uintptr_t)mapping.topology);
	return value[count - 1];
}

Test(topology, line_stride_compares_with_the_line_that_hwloc_knows)
{
	cr_expect_eq(line_reported_on(TEST_DATA "/lines_128.xml"), 128);
	cr_expect_eq(line_reported_on("pack:1 core:2 l1d:1 pu:1"), 64);
	cr_expect(isnan(line_reported_on("pack:1 core:2 pu:1")), "unknown is not a number");
}
