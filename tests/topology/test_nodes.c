/* NUMA nodes and kinds of cores: of recorded machines (tests/CMakeLists.txt), of synthetic ones and of this one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shmeter/region.h"
#include "shmeter/run.h"
#include "shmeter/scenario.h"
#include "shmeter/trial.h"
#include "topology_fixture.h"

/* A node that no machine of these tests has. */
#define ELSEWHERE 1000u

static const struct sm_node *node_of(const struct sm_topology *topology, unsigned os_index)
{
	const struct sm_node *node = sm_topology_node(topology, os_index);

	cr_assert_neq(node, NULL, "there is no node %u", os_index);
	return node;
}

Test(nodes, nodes_have_the_kernels_numbers)
{
	struct sm_topology *topology = open_or_fail(TEST_MACHINES "/memory-side-caches.xml");
	unsigned count;
	const struct sm_node *nodes = sm_topology_nodes(topology, &count);

	cr_assert_eq(count, 4);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(nodes[i].os_index, i);
	/* hwloc's order is 0, 2, 1, 3 */
	cr_expect_eq(node_of(topology, 0)->package, node_of(topology, 2)->package);
	cr_expect_neq(node_of(topology, 0)->package, node_of(topology, 1)->package);
	cr_expect_lt(sm_topology_distance(topology, 0, 2), sm_topology_distance(topology, 0, 1));
	cr_expect_eq(sm_topology_distance(topology, 0, 9), 0);
	sm_topology_close(topology);
}

Test(nodes, nodes_of_memory_only_are_nobodys)
{
	struct sm_topology *topology = open_or_fail(TEST_MACHINES "/knl-heteromem.xml");

	for (unsigned n = 0; n < 8; n++) {
		cr_expect_eq(node_of(topology, n)->has_pus, n < 4, "node %u", n);
		cr_expect_eq(node_of(topology, n)->pus, n < 4 ? 16 : 0, "node %u has %u PUs", n,
			     node_of(topology, n)->pus);
		cr_expect_str_eq(node_of(topology, n)->tier, n < 4 ? "DRAM" : "HBM");
		cr_expect(sm_node_gives_memory(node_of(topology, n)));
	}
	sm_topology_close(topology);
}

Test(nodes, the_firmwares_promises_are_told)
{
	struct sm_topology *topology = open_or_fail(TEST_MACHINES "/memory-tiers.xml");
	uint64_t latency, bandwidth;

	sm_topology_promise(topology, 4, &latency, &bandwidth);
	cr_expect_eq(bandwidth, 10000);
	cr_expect_eq(latency, 0, "unknown, and told as %lu ns", latency);
	sm_topology_promise(topology, 3, &latency, &bandwidth);
	cr_expect_eq(bandwidth, 0, "there is no node 3");
	sm_topology_close(topology);
}

Test(nodes, forbidden_nodes_give_no_memory)
{
	struct sm_topology *topology = open_or_fail(TEST_MACHINES "/cgroup-restricted-8-nodes.xml");
	struct sm_error err = { 0 };

	cr_expect_eq(sm_topology_memory_node_count(topology), 6);
	cr_expect_eq(sm_topology_gives_memory(topology, 5, &err), 0, "%s", err.text);
	cr_expect_eq(sm_topology_gives_memory(topology, 7, &err), -ENODEV);
	cr_expect_str_eq(err.text, "NUMA node 7 may not be used by this process (cpuset.mems): choose among 0-5");
	cr_expect_eq(sm_topology_gives_memory(topology, 8, &err), -ENODEV);
	cr_expect_str_eq(err.text, "this machine has no NUMA node 8: choose among 0-5");
	cr_expect_eq(node_of(topology, 2)->pus, 0);
	cr_expect(node_of(topology, 2)->has_pus, "its PUs are not allowed, but they are there");
	sm_topology_close(topology);
}

/* hwloc takes a node without memory from "memory=0". */
Test(nodes, nodes_without_memory_are_known)
{
	struct sm_topology *topology = open_or_fail("pack:2 [numa(memory=0)] core:2 pu:1");
	struct sm_topology *one = open_or_fail(TEST_MACHINES "/zen4-2x96.xml");

	/* a description that tells no sizes at all says nothing of memory */
	cr_expect_eq(sm_topology_memory_node_count(topology), 2);
	cr_expect_eq(sm_topology_memory_node_count(one), 1);
	sm_topology_close(topology);
	sm_topology_close(one);
}

/* Bound memory comes from its node alone. */
Test(nodes, bound_memory_fits_its_node)
{
	struct sm_topology *topology = open_or_fail("pack:9 [numa(memory=268435456)] core:1 pu:1");
	struct sm_memory asked = { SM_ANON, { SM_PAGES_BASE, 4096 }, SM_MADVISE, SM_BIND, 7 };
	struct sm_error err = { 0 };

	cr_expect_eq(sm_region_supported(&sm_os_linux, topology, asked, 128u << 20, ".", &err), 0, "%s", err.text);
	cr_expect_eq(sm_region_supported(&sm_os_linux, topology, asked, 512u << 20, ".", &err), -ENOMEM);
	cr_expect(strstr(err.text, "NUMA node 7 has 256 MiB of memory left and 512 MiB are needed"), "%s", err.text);
	sm_topology_close(topology);
}

/* Touched memory of this machine, seen with another topology. */
static struct sm_region touched(const struct sm_topology *topology, size_t bytes)
{
	struct sm_region region = {
		.asked = { SM_ANON, { SM_PAGES_BASE, sm_os_page_bytes(&sm_os_linux) }, SM_MADVISE, SM_BIND, ELSEWHERE },
		.bytes = bytes,
		.mapped_bytes = bytes,
		.page_bytes = sm_os_page_bytes(&sm_os_linux),
		.topology = topology,
		.fd = -1,
		.shmid = -1
	};

	region.address = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(region.address, MAP_FAILED);
	(void)madvise(region.address, bytes, MADV_NOHUGEPAGE);
	memset(region.address, 1, bytes);
	return region;
}

/* The node on which the memory of this process lies. */
static unsigned node_here(void)
{
	struct sm_topology *topology = open_or_fail(NULL);
	struct sm_region region = touched(topology, 1 << 20);
	uint64_t bytes[SM_NODES_MAX] = { 0 };
	unsigned count, found = 0;
	const struct sm_node *nodes = sm_topology_nodes(topology, &count);
	struct sm_error err = { 0 };

	cr_assert_eq(sm_topology_memory_nodes(topology, region.address, region.bytes, bytes, &err), 0, "%s", err.text);
	while (found < count && bytes[found] == 0)
		found++;
	cr_assert_lt(found, count, "no node has the memory");
	found = nodes[found].os_index;
	sm_region_destroy(&region);
	sm_topology_close(topology);
	return found;
}

/* What lies elsewhere than it was bound is not taken for bound memory. */
Test(nodes, bound_memory_is_read_back)
{
	unsigned here = node_here();
	char source[64], words[96];
	struct sm_topology *topology;
	struct sm_region region;
	struct sm_region_got got;
	struct sm_error err = { 0 };

	snprintf(source, sizeof(source), "numa:2(indexes=%u,%u) pu:1", here, ELSEWHERE);
	topology = open_or_fail(source);
	region = touched(topology, 1 << 20);
	cr_expect_eq(sm_region_inspect(&region, true, &got, &err), -EXDEV);
	snprintf(words, sizeof(words), "node %u was asked for, and the pages lie on node %u", ELSEWHERE, here);
	cr_expect_str_eq(err.text, words);
	region.asked.node = here;
	cr_expect_eq(sm_region_inspect(&region, true, &got, &err), 0, "%s", err.text);
	cr_expect_eq(got.node, (int)here);
	sm_region_destroy(&region);
	sm_topology_close(topology);
}

/* A node that the topology does not have is unknown, whatever the kernel says. */
Test(nodes, pages_on_unknown_nodes_are_nobodys)
{
	struct sm_topology *topology = open_or_fail("numa:2(indexes=1000,1001) pu:1");
	struct sm_region region = touched(topology, 1 << 20);
	uint64_t bytes[SM_NODES_MAX] = { 0 };
	struct sm_region_got got;
	struct sm_error err = { 0 };

	cr_expect_eq(sm_topology_memory_nodes(topology, region.address, region.bytes, bytes, &err), 0, "%s", err.text);
	cr_expect(bytes[0] == 0 && bytes[1] == 0, "%lu and %lu bytes", bytes[0], bytes[1]);
	cr_expect_eq(sm_region_inspect(&region, true, &got, &err), -EXDEV);
	cr_expect_str_eq(err.text, "node 1000 was asked for, and the pages lie on nodes that the kernel does not tell");
	cr_expect_eq(got.node, -2);
	sm_region_destroy(&region);
	sm_topology_close(topology);
}

extern const struct sm_scenario sm_scenario_numa_policy, sm_scenario_core_kinds, sm_scenario_null_loop;

/* Pages of unknown nodes are no evidence that every page is where the policy says. */
Test(nodes, a_policy_is_not_judged_by_unknown_nodes)
{
	struct sm_topology *topology = open_or_fail("numa:2(indexes=1000,1001) pu:1");
	struct sm_region region = touched(topology, 1 << 16);
	struct sm_case c = { .scenario = &sm_scenario_numa_policy, .param = { 1000, 1001, 1 << 16 }, .workers = 1 };
	struct sm_outcome outcome = { 0 };
	struct sm_worker worker = {
		.c = &c, .region = region.address, .region_bytes = region.bytes, .mapping = &region, .outcome = &outcome
	};
	unsigned pages = (1 << 16) / (unsigned)sm_os_page_bytes(&sm_os_linux);
	char words[96];

	(void)sm_scenario_numa_policy.trace(&worker);
	snprintf(words, sizeof(words), "the kernel does not say on which node %u of %u pages lie", pages, pages);
	cr_expect(worker.failed, "it is judged");
	cr_expect_str_eq(worker.error.text, words);
	sm_region_destroy(&region);
	sm_topology_close(topology);
}

/* include/uapi/linux/mempolicy.h */
#define MPOL_INTERLEAVE 3

/* Gives this process a policy, as numactl does; false where it may have none. */
static bool take_policy(void)
{
	unsigned long mask[SM_NODES_MAX / (8 * sizeof(unsigned long))] = { 0 };
	const unsigned bits = 8 * sizeof(unsigned long);
	unsigned here = node_here();

	mask[here / bits] = 1ul << here % bits;
	return syscall(SYS_set_mempolicy, MPOL_INTERLEAVE, mask, (unsigned long)SM_NODES_MAX + 1) == 0;
}

static int in_a_policy(void *argument, unsigned index)
{
	(void)argument;
	(void)index;
	if (!take_policy())
		return 0;
	if (strcmp(sm_topology_forget_policy(false), "interleave") != 0)
		return 1;
	if (strcmp(sm_topology_forget_policy(true), "interleave") != 0)
		return 2;
	return *sm_topology_forget_policy(false) ? 3 : 0;
}

/* What opens the machine for a run, before anything is measured or forked. */
static int a_run_in_a_policy(void *argument, unsigned index)
{
	static const struct sm_scenario *const scenarios[] = { &sm_scenario_null_loop };
	struct sm_run_options options = { .no_counters = true };
	FILE *out = fopen("/dev/null", "we");

	(void)argument;
	(void)index;
	if (!take_policy())
		return 0;
	if (!out || sm_run_describe(&options, scenarios, 1, out, 80, NULL) < 0)
		return 1;
	fclose(out);
	return *sm_topology_forget_policy(false) ? 2 : 0;
}

Test(nodes, the_policy_of_a_shell_is_told_and_forgotten, .timeout = 10)
{
	expect_member(in_a_policy);
}

Test(nodes, a_run_has_no_policy_of_a_shell, .timeout = 60)
{
	expect_member(a_run_in_a_policy);
}

Test(kinds, one_kind_can_be_kept)
{
	struct sm_topology *topology = open_or_fail(TEST_MACHINES "/raptor-lake-hybrid.xml");
	struct sm_seats seats;
	struct sm_error err = { 0 };
	unsigned count;

	cr_expect_eq(sm_topology_home_kind(topology), 1);
	cr_expect_eq(sm_topology_seat(topology, SM_PLACE_SHARED_L2, NULL, 0, 2, &seats, &err), -ENODEV);
	cr_expect_str_eq(err.text,
			 "placement \"shared-l2\" needs two cores under one L2 cache, and among the PUs of kind "
			 "1, on which pairs run here, there are none: choose near, same-core, smt, shared-l3 or a "
			 "list of PUs, or --kind 0");
	cr_expect_eq(sm_topology_seat(topology, SM_PLACE_CROSS_PACKAGE, NULL, 0, 2, &seats, &err), -ENODEV);
	cr_expect(strstr(err.text, "the allowed PUs here (20) lie in one: ") && !strstr(err.text, "kind"), "%s",
		  err.text);
	cr_expect_eq(sm_topology_keep_kind(topology, "medium", &err), -EINVAL);
	cr_expect(strstr(err.text, "0 (PUs 12-19), 1 (PUs 0-11)"), "%s", err.text);
	cr_assert_eq(sm_topology_keep_kind(topology, "slowest", &err), 0, "%s", err.text);
	sm_topology_pus(topology, &count);
	cr_expect_eq(count, 8);
	cr_expect_eq(node_of(topology, 0)->pus, 8);
	cr_assert_eq(sm_topology_seat(topology, SM_PLACE_SHARED_L2, NULL, 0, 4, &seats, &err), 0, "%s", err.text);
	cr_expect(seats.seat[0] == 12 && seats.seat[3] == 15, "PUs %u to %u", seats.seat[0], seats.seat[3]);
	sm_seats_free(&seats);
	sm_topology_close(topology);
	topology = open_or_fail(SMT_LAPTOP);
	cr_expect_eq(sm_topology_keep_kind(topology, "0", &err), -EINVAL);
	cr_expect(strstr(err.text, "all of one kind"), "%s", err.text);
	sm_topology_close(topology);
}

/* Five cores of kind 0 and three of kind 1, of which nothing is told: the kind with most cores is as good as any. */
Test(kinds, without_ranks_the_most_cores_decide)
{
	struct sm_topology *topology = open_or_fail(TEST_DATA "/unranked.xml");
	unsigned count;
	const struct sm_kind *kinds = sm_topology_kinds(topology, &count);
	struct sm_seats pair = seat(topology, SM_PLACE_NEAR, 2), team = seat(topology, SM_PLACE_NEAR, 5);
	struct sm_error err = { 0 };

	cr_assert_eq(count, 2);
	cr_expect(kinds[0].rank == 0 && kinds[1].rank == 0, "ranks %u and %u", kinds[0].rank, kinds[1].rank);
	cr_expect_eq(sm_topology_home_kind(topology), 0);
	cr_expect(pair.seat[0] < 5 && pair.seat[1] < 5, "PUs %u and %u", pair.seat[0], pair.seat[1]);
	for (unsigned i = 0; i < 5; i++)
		cr_expect_lt(team.seat[i], 5, "worker %u on PU %u", i, team.seat[i]);
	cr_expect_eq(sm_topology_keep_kind(topology, "fastest", &err), -EINVAL);
	cr_expect_str_eq(err.text, "--kind fastest: there is no such kind of core, and which is faster is not known; "
				   "choose one of 0 (PUs 0-4), 1 (PUs 5-7)");
	cr_expect_eq(sm_topology_keep_kind(topology, "1", &err), 0, "%s", err.text);
	sm_seats_free(&pair);
	sm_seats_free(&team);
	sm_topology_close(topology);
}

Test(kinds, without_ranks_they_are_not_compared)
{
	struct sm_topology *topology = open_or_fail(TEST_DATA "/unranked.xml");
	struct sm_trial_context context = { .os = &sm_os_linux, .topology = topology };
	struct sm_case c = { .scenario = &sm_scenario_core_kinds, .workers = 2 };
	struct sm_error err = { 0 };

	cr_expect_eq(sm_trial_supported(&context, &c, &err), -ENODEV);
	cr_expect_str_eq(err.text, "neither hwloc nor the kernel says which kind of core is faster");
	sm_topology_close(topology);
}
