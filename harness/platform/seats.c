/* Chooses the PU of each worker from a placement. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "topology_private.h"

static int allocate(struct sm_seats *out, unsigned workers, struct sm_error *err)
{
	out->seat = calloc(workers ? workers : 1, sizeof(*out->seat));
	out->count = workers;
	return out->seat ? 0 : sm_fail(err, ENOMEM, "no memory for %u seats", workers);
}

void sm_seats_free(struct sm_seats *seats)
{
	free(seats->seat);
	seats->seat = NULL;
}

/* Computes the properties of the chosen seats. */
static int judge(const struct sm_topology *t, struct sm_seats *out, struct sm_error *err)
{
	bool *taken = calloc(t->pus, sizeof(*taken));

	if (!taken)
		return sm_fail(err, ENOMEM, "no memory for %u PUs", t->pus);
	out->relation = out->count < 2 ? SM_PLACE_SOLO : SM_PLACE_SAME_CORE;
	for (unsigned i = 0; i < out->count; i++) {
		const struct sm_pu *pu = sm_topology_pu(t, out->seat[i]);

		if (i > 0 && out->relation == SM_PLACE_SAME_CORE && out->seat[i] != out->seat[0])
			out->relation = sm_topology_relation(t, out->seat[0], out->seat[i]);
		out->shared_pu |= taken[pu - t->pu];
		taken[pu - t->pu] = true;
	}
	free(taken);
	return 0;
}

static int not_allowed(const struct sm_topology *t, unsigned os_index, struct sm_error *err)
{
	hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
	char text[256] = "?";

	for (unsigned i = 0; allowed && i < t->pus; i++)
		hwloc_bitmap_set(allowed, t->pu[i].os_index);
	if (allowed)
		hwloc_bitmap_list_snprintf(text, sizeof(text), allowed);
	hwloc_bitmap_free(allowed);
	return sm_fail(err, EINVAL, "PU %u does not exist or is not allowed here: choose among %s", os_index, text);
}

static int seat_list(const struct sm_topology *t, const unsigned *list, unsigned count, unsigned workers,
		     struct sm_seats *out, struct sm_error *err)
{
	for (unsigned i = 0; i < count; i++)
		if (!sm_topology_pu(t, list[i]))
			return not_allowed(t, list[i], err);
	if (count == 0)
		return sm_fail(err, EINVAL, "the list of PUs is empty: name one at least, like 0,2");
	for (unsigned i = 0; i < workers; i++)
		out->seat[i] = list[i % count];
	return 0;
}

static int seat_by_rule(const struct sm_topology *t, enum sm_placement placement, struct sm_seats *out,
			struct sm_error *err)
{
	struct seats_found found;
	int rc = topology_search_seats(t, placement, out->count, out->seat, &found, err);

	return rc < 0 || found.found ? rc : topology_refuse_seats(t, placement, out->count, &found, err);
}

int sm_topology_seat(const struct sm_topology *topology, enum sm_placement placement, const unsigned *list,
		     unsigned list_count, unsigned workers, struct sm_seats *out, struct sm_error *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	out->asked = placement;
	rc = allocate(out, workers, err);
	if (rc < 0)
		return rc;
	if (placement == SM_PLACE_LIST)
		rc = seat_list(topology, list, list_count, workers, out, err);
	else if (placement == SM_PLACE_SAME_CORE || workers < 2)
		for (unsigned i = 0; i < workers; i++)
			out->seat[i] = topology_home_pu(topology);
	else
		rc = seat_by_rule(topology, placement, out, err);
	if (rc == 0)
		rc = judge(topology, out, err);
	if (rc < 0)
		sm_seats_free(out);
	return rc;
}
