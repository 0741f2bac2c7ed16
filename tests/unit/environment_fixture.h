/* What the tests of the environment share: a machine of files, and what a check-up says of it. */
#ifndef SHMETER_TESTS_ENVIRONMENT_FIXTURE_H
#define SHMETER_TESTS_ENVIRONMENT_FIXTURE_H

#include <string.h>

#include "fake_root.h"
#include "shmeter/environment.h"

static struct sm_os os;
static struct sm_topology *topology;

static inline void setup(void)
{
	root_make();
	os = sm_os_linux;
	os.root = root;
	cr_assert_eq(sm_topology_open(&topology, "pack:2 [numa] l3:1 core:4 pu:1", NULL), 0);
}

static inline void teardown(void)
{
	root_remove();
	sm_topology_close(topology);
}

/* What the check-up says of a topic below the fake root; "" if nothing. */
static struct sm_event_set known_events;
static inline const char *checkup_of(const char *topic)
{
	static struct sm_checkup checkups[64];
	unsigned count = sm_environment_checkup(&os, topology, &known_events, checkups, 64);

	for (unsigned i = 0; i < count; i++)
		if (strcmp(checkups[i].topic, topic) == 0)
			return checkups[i].finding;
	return "";
}

#endif
