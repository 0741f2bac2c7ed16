/* Who sits where: from a relation to PUs. */
#include <errno.h>
#include <stdio.h>
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

/* Fills in what the seats amount to. */
static void judge(const struct sm_topology *t, struct sm_seats *out)
{
	bool *taken = calloc(t->pus, sizeof(*taken));

	out->relation = out->count < 2 ? SM_PLACE_SOLO : SM_PLACE_SAME_CORE;
	for (unsigned i = 0; i < out->count; i++) {
		const struct sm_pu *pu = topology_find_pu(t, out->seat[i]);

		if (i > 0 && out->relation == SM_PLACE_SAME_CORE && out->seat[i] != out->seat[0])
			out->relation = sm_topology_relation(t, out->seat[0], out->seat[i]);
		if (taken && taken[pu - t->pu])
			out->shared_pu = true;
		if (taken)
			taken[pu - t->pu] = true;
	}
	free(taken);
}

static int seat_list(const struct sm_topology *t, const unsigned *list, unsigned count,
		     unsigned workers, struct sm_seats *out, struct sm_error *err)
{
	for (unsigned i = 0; i < count; i++)
		if (!topology_find_pu(t, list[i]))
			return sm_fail(
				err, EINVAL,
				"PU %u does not exist or is not allowed here; allowed are %u PUs, "
				"from %u on (`shmeter doctor` lists them)",
				list[i], t->pus, t->pu[0].os_index);
	if (count == 0)
		return sm_fail(err, EINVAL, "the list of PUs is empty");
	for (unsigned i = 0; i < workers; i++)
		out->seat[i] = list[i % count];
	return 0;
}

/* PUs ordered by how they relate to the first one: the best for a team come first. */
struct candidate {
	const struct sm_pu *pu;
	unsigned rank;
};

static int by_rank(const void *a, const void *b)
{
	const struct candidate *left = a, *right = b;

	if (left->rank != right->rank)
		return left->rank < right->rank ? -1 : 1;
	return left->pu->logical < right->pu->logical ? -1 : 1;
}

/* Rank of a PU as companion of `first` under a placement: lower sits earlier; UINT_MAX never.
 * `near` takes one PU of each core, nearest cores first, before it takes second threads; PUs of another
 * kind (hybrid cores) come after all of the first one's. */
static unsigned rank(const struct sm_pu *first, const struct sm_pu *pu, bool second_thread,
		     enum sm_placement placement)
{
	enum sm_placement relation = topology_relation(first, pu);
	unsigned other_kind = pu->kind != first->kind ? 1000 : 0;

	if (placement == SM_PLACE_NEAR)
		return (unsigned)relation + (second_thread ? 100 : 0) + other_kind;
	if (relation != placement)
		return UINT32_MAX;
	return (second_thread && placement != SM_PLACE_SMT ? 100 : 0) + other_kind;
}

static bool is_second_thread(const struct sm_topology *t, unsigned index)
{
	for (unsigned i = 0; i < index; i++)
		if (t->pu[i].core == t->pu[index].core)
			return true;
	return false;
}

/* The companions of PU `first` under a placement, best first; returns how many. */
static unsigned companions(const struct sm_topology *t, unsigned first, enum sm_placement placement,
			   struct candidate *out)
{
	unsigned count = 0;

	for (unsigned i = 0; i < t->pus; i++) {
		unsigned value = i == first ? UINT32_MAX
					    : rank(&t->pu[first], &t->pu[i], is_second_thread(t, i),
						   placement);

		if (value != UINT32_MAX)
			out[count++] = (struct candidate){ &t->pu[i], value };
	}
	qsort(out, count, sizeof(*out), by_rank);
	return count;
}

/* For cross-node, workers alternate between the first PU's node and another one. */
static void seat_across(const struct sm_topology *t, unsigned first, const struct candidate *far,
			unsigned far_count, struct sm_seats *out)
{
	unsigned near = 0, other = 0;

	for (unsigned i = 0; i < out->count; i++) {
		if (i % 2) {
			/* only the node of the nearest companion, so that two nodes talk, not all */
			while (far[other % far_count].pu->node != far[0].pu->node)
				other++;
			out->seat[i] = far[other++ % far_count].pu->os_index;
			continue;
		}
		while (t->pu[near % t->pus].node != t->pu[first].node)
			near++;
		out->seat[i] = t->pu[near++ % t->pus].os_index;
	}
}

static int no_such_pair(const struct sm_topology *t, enum sm_placement placement,
			struct sm_error *err)
{
	char has[160] = "";
	size_t used = 0;

	for (int p = SM_PLACE_SMT; p <= SM_PLACE_CROSS_NODE; p++) {
		bool found = false;

		for (unsigned i = 0; i < t->pus && !found; i++)
			for (unsigned j = i + 1; j < t->pus && !found; j++)
				found = topology_relation(&t->pu[i], &t->pu[j]) ==
					(enum sm_placement)p;
		if (found)
			used += (size_t)snprintf(has + used, sizeof(has) - used, ", %s",
						 sm_placement_name((enum sm_placement)p));
	}
	return sm_fail(err, ENODEV,
		       "no two of the %u allowed PUs are placed %s on this machine; choose near, "
		       "same-core%s or a list of PUs",
		       t->pus, sm_placement_name(placement), has);
}

static int seat_by_relation(const struct sm_topology *t, enum sm_placement placement,
			    struct sm_seats *out, struct sm_error *err)
{
	struct candidate *found = calloc(t->pus + 1, sizeof(*found));
	unsigned first, count = 0;

	if (!found)
		return sm_fail(err, ENOMEM, "no memory for %u PUs", t->pus);
	for (first = 0; first < t->pus && count == 0; first++)
		count = companions(t, first, placement, found);
	if (count > 0)
		first--;
	if (count == 0 && placement != SM_PLACE_NEAR) {
		free(found);
		return no_such_pair(t, placement, err);
	}
	if (placement == SM_PLACE_CROSS_NODE) {
		seat_across(t, first, found, count, out);
	} else {
		if (count == 0) /* near, and there is one PU only */
			first = 0;
		for (unsigned i = 0; i < out->count; i++) {
			unsigned turn = i % (count + 1);

			out->seat[i] = turn ? found[turn - 1].pu->os_index : t->pu[first].os_index;
		}
	}
	free(found);
	return 0;
}

int sm_topology_seat(const struct sm_topology *topology, enum sm_placement placement,
		     const unsigned *list, unsigned list_count, unsigned workers,
		     struct sm_seats *out, struct sm_error *err)
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
			out->seat[i] = topology->pu[0].os_index;
	else
		rc = seat_by_relation(topology, placement, out, err);
	if (rc < 0) {
		sm_seats_free(out);
		return rc;
	}
	judge(topology, out);
	return 0;
}
