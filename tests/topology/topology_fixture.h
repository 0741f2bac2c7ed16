/* What the tests of topologies share. */
#ifndef SHMETER_TESTS_TOPOLOGY_FIXTURE_H
#define SHMETER_TESTS_TOPOLOGY_FIXTURE_H

#include <criterion/criterion.h>
#include <sys/wait.h>

#include "shmeter/team.h"
#include "shmeter/topology.h"

/* Four cores with two threads each under one L3. */
#define SMT_LAPTOP "pack:1 l3:1 l2:4 core:1 pu:2"

static inline struct sm_topology *open_or_fail(const char *source)
{
	struct sm_topology *topology;
	struct sm_error err = { 0 };

	cr_assert_eq(sm_topology_open(&topology, source, &err), 0, "%s: %s", source ? source : "this machine",
		     err.text);
	return topology;
}

static inline struct sm_seats seat(const struct sm_topology *topology, enum sm_placement placement, unsigned workers)
{
	struct sm_seats seats;
	struct sm_error err = { 0 };

	cr_assert_eq(sm_topology_seat(topology, placement, NULL, 0, workers, &seats, &err), 0, "%s", err.text);
	return seats;
}

/* Runs a function in a process of its own: it reports through its exit status, 0 for what is as it should be. */
static inline void expect_member(sm_member_fn fn)
{
	struct sm_team team;
	struct sm_error err = { 0 };
	unsigned first;

	cr_assert_eq(sm_team_start(&team, 1, "test", fn, NULL, NULL, &err), 0, "%s", err.text);
	sm_team_wait(&team, UINT64_MAX, NULL, &first);
	cr_expect_eq(team.member[0].wait_status, 0, "it says %d", WEXITSTATUS(team.member[0].wait_status));
	sm_team_free(&team);
}

#endif
