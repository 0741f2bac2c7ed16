/* Says why a placement cannot be kept, and what can. */
#include <errno.h>
#include <stdio.h>

#include "topology_private.h"

static const struct {
	const char *needs;
	const char *all; /* the allowed PUs, where two rooms are needed */
} words[SM_PLACE_COUNT] = {
	[SM_PLACE_SMT] = { "two hardware threads of one core", NULL },
	[SM_PLACE_SHARED_L2] = { "two cores under one L2 cache", NULL },
	[SM_PLACE_SHARED_L3] = { "two cores that share an L3 cache and no L2", NULL },
	[SM_PLACE_SAME_NODE] = { "two cores of one NUMA node without a common cache", NULL },
	[SM_PLACE_CROSS_NODE] = { "two NUMA nodes", "lie on one" },
	[SM_PLACE_FARTHEST_NODE] = { "two NUMA nodes", "lie on one" },
	[SM_PLACE_CROSS_PACKAGE] = { "two packages", "lie in one" },
};

/* ", smt, shared-l3": the placements that some pair keeps. */
static void list_placements(const struct sm_topology *t, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (int p = SM_PLACE_SMT; p <= SM_PLACE_CROSS_PACKAGE; p++)
		if (topology_has_pair(t, (enum sm_placement)p, t->home_kind))
			used += (size_t)snprintf(out + used, size - used, ", %s",
						 sm_placement_name((enum sm_placement)p));
}

/* A kind of core of which some pair keeps a placement; -1: none. */
static int kind_with_pair(const struct sm_topology *t, enum sm_placement placement)
{
	for (unsigned k = 0; k < t->kinds; k++)
		if (topology_has_pair(t, placement, t->kind[k].number))
			return t->kind[k].number;
	return -1;
}

static int no_such_pair(const struct sm_topology *t, enum sm_placement placement, struct sm_error *err)
{
	int kind = kind_with_pair(t, placement);
	char has[160], what[128], other[32] = "";

	list_placements(t, has, sizeof(has));
	if (kind >= 0) {
		snprintf(what, sizeof(what), "among the PUs of kind %d, on which pairs run here, there are none",
			 t->home_kind);
		snprintf(other, sizeof(other), ", or --kind %d", kind);
	} else if (words[placement].all)
		snprintf(what, sizeof(what), "the allowed PUs here (%u) %s", t->pus, words[placement].all);
	else
		snprintf(what, sizeof(what), "among the allowed PUs here (%u) there are none", t->pus);
	return sm_fail(err, ENODEV, "placement \"%s\" needs %s, and %s: choose near, same-core%s or a list of PUs%s",
		       sm_placement_name(placement), words[placement].needs, what, has, other);
}

int topology_refuse_seats(const struct sm_topology *t, enum sm_placement placement, unsigned workers,
			  const struct seats_found *found, struct sm_error *err)
{
	if (found->most == 0 || workers < 3)
		return no_such_pair(t, placement, err);
	return sm_fail(err, ENODEV,
		       "placement \"%s\" has room for %u workers here, not for %u: workers %u and %u would share a %s: "
		       "choose fewer, or near",
		       sm_placement_name(placement), found->most, workers, found->most_twin, found->most,
		       placement == SM_PLACE_SAME_NODE ? "cache" : "PU");
}
