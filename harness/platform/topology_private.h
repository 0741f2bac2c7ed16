/* The internals of a topology, shared by topology.c, seats.c and binding.c. */
#ifndef SHMETER_PLATFORM_TOPOLOGY_PRIVATE_H
#define SHMETER_PLATFORM_TOPOLOGY_PRIVATE_H

#include <hwloc.h>

#include "shmeter/topology.h"

struct sm_topology {
	hwloc_topology_t hw;
	bool this_machine;
	struct sm_pu *pu; /* allowed, in hwloc order */
	unsigned pus;
};

/* NULL if the PU does not exist or is not allowed. */
const struct sm_pu *topology_find_pu(const struct sm_topology *t, unsigned os_index);
enum sm_placement topology_relation(const struct sm_pu *a, const struct sm_pu *b);

#endif
