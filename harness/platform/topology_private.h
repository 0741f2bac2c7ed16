/* The internals of a topology, shared by topology.c, nodes.c, kinds.c, binding.c and the files that seat workers. */
#ifndef SHMETER_PLATFORM_TOPOLOGY_PRIVATE_H
#define SHMETER_PLATFORM_TOPOLOGY_PRIVATE_H

#include <hwloc.h>

#include "shmeter/topology.h"

struct sm_topology {
	hwloc_topology_t hw;
	bool this_machine;
	struct sm_pu *pu; /* allowed, in hwloc order */
	unsigned pus;
	struct sm_node *node; /* by OS number */
	unsigned nodes;
	unsigned *distance; /* [from * nodes + to], by index into `node`; 0: unknown */
	struct sm_kind *kind;
	unsigned kinds; /* 0: all cores are of one kind */
	int home_kind;
};

enum sm_placement topology_relation(const struct sm_pu *a, const struct sm_pu *b);
/* The first PU of the home kind (OS index): where a single worker runs. */
unsigned topology_home_pu(const struct sm_topology *t);
/* The number of the node that a PU belongs to. */
unsigned topology_node_of(const struct sm_topology *t, hwloc_obj_t pu);
/* Collects the nodes and their distances; the PUs are known. */
SM_MUST_USE int topology_collect_nodes(struct sm_topology *t, struct sm_error *err);
/* Collects the kinds of cores and sets those of the PUs. */
SM_MUST_USE int topology_collect_kinds(struct sm_topology *t, struct sm_error *err);

/* What a search for seats found. */
struct seats_found {
	bool found;
	unsigned most;      /* workers that the largest room, or pair of rooms, has PUs for */
	unsigned most_twin; /* the worker whose PU or cache worker `most` would share */
};
/* Searches the seats of a placement other than same-core and list: fills `seat` (PUs by OS index) where there are enough.
 * -ENOMEM. */
SM_MUST_USE int topology_search_seats(const struct sm_topology *t, enum sm_placement placement, unsigned workers,
				      unsigned *seat, struct seats_found *out, struct sm_error *err);
/* Whether some pair of PUs of one kind (the home kind: -1 where there are no kinds) keeps a placement. */
bool topology_has_pair(const struct sm_topology *t, enum sm_placement placement, int kind);
/* -ENODEV with the reason why the search found no seats, and with what there is instead. */
SM_MUST_USE int topology_refuse_seats(const struct sm_topology *t, enum sm_placement placement, unsigned workers,
				      const struct seats_found *found, struct sm_error *err);

#endif
