/* Which PUs the workers of a trial use, and what follows from that for its case. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hold.h"

/* The PU of a node on which a worker runs: the first of the home kind, or the first. */
static const struct sm_pu *pu_of_node(const struct sm_topology *topology, uint64_t node)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count), *found = NULL;
	int home = sm_topology_home_kind(topology);

	for (unsigned i = 0; i < count && (!found || found->kind != home); i++)
		if (pus[i].node == node && (!found || pus[i].kind == home))
			found = &pus[i];
	return found;
}

static bool has_pus_on_two_nodes(const struct sm_topology *topology)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);

	for (unsigned i = 1; i < count; i++)
		if (pus[i].node != pus[0].node)
			return true;
	return false;
}

/* Whether there are two nodes to compare: 0, or -ENODEV with the reason.  Nodes that read the memory of one are two. */
static int two_nodes(const struct sm_topology *topology, const struct sm_case *c, struct sm_error *err)
{
	const char *const *names = c->scenario->node_params;
	uint64_t first = sm_case_param(c, names[0]);
	unsigned nodes;

	(void)sm_topology_nodes(topology, &nodes);
	if (nodes < 2)
		return sm_fail(err, ENODEV,
			       "this machine, or what this process may use of it, has one NUMA node: "
			       "there is nothing to compare it with");
	if (sm_topology_memory_node_count(topology) < 2 && !has_pus_on_two_nodes(topology))
		return sm_fail(
			err, ENODEV,
			"this process can have memory on one NUMA node, and its PUs lie on one: there is nothing to compare with");
	if (first == sm_case_param(c, names[1]))
		return sm_fail(err, ENODEV, "%s and %s are both %lu: --set another %s", names[0], names[1], first,
			       names[1]);
	return 0;
}

/* Seats worker 0 on the node of the first parameter, and worker 1 on that of the second. */
static int seat_on_nodes(const struct sm_topology *topology, const struct sm_case *c, struct sm_seats *seats,
			 struct sm_error *err)
{
	unsigned list[2] = { 0, 0 };
	int rc = two_nodes(topology, c, err);

	for (unsigned i = 0; rc == 0 && i < 2 && i < c->workers; i++) {
		uint64_t node = sm_case_param(c, c->scenario->node_params[i]);
		const struct sm_pu *pu = pu_of_node(topology, node);
		const struct sm_node *known = sm_topology_node(topology, (unsigned)node);

		if (!pu)
			return sm_fail(err, ENODEV, "%s=%lu: %s; `shmeter doctor` shows the nodes",
				       c->scenario->node_params[i], node,
				       !known           ? "there is no NUMA node of that number"
				       : known->has_pus ? "this process may use none of the PUs of this NUMA node"
							: "this NUMA node has no PUs");
		list[i] = pu->os_index;
	}
	if (rc < 0)
		return rc;
	return sm_topology_seat(topology, SM_PLACE_LIST, list, c->workers < 2 ? c->workers : 2, c->workers, seats, err);
}

/* Seats two workers on the pair that stands for a relation. */
static int seat_pair(const struct sm_topology *topology, const struct sm_case *c, struct sm_seats *seats,
		     struct sm_error *err)
{
	unsigned list[2];
	int rc = sm_tour_reference(topology, c->pairs, c->placement, list, err);

	return rc < 0 ? rc : sm_topology_seat(topology, SM_PLACE_LIST, list, 2, c->workers, seats, err);
}

/* Seats the workers on cores of the kind that a variant is about: one core each, then second threads. */
static int seat_on_kind(const struct sm_topology *topology, const struct sm_case *c, struct sm_seats *seats,
			struct sm_error *err)
{
	unsigned count, kinds, rank = sm_case_variant(c)->core_kind, found = 0;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);
	const struct sm_kind *kind = sm_topology_kinds(topology, &kinds);
	unsigned *list;
	int rc;

	if (kinds == 0 && rank == 1)
		return sm_topology_seat(topology, SM_PLACE_NEAR, NULL, 0, c->workers, seats, err);
	if (kinds == 0)
		return sm_fail(err, ENODEV, "the cores that this process may use are all of one kind");
	if (kind[0].rank == 0)
		return sm_fail(err, ENODEV, "neither hwloc nor the kernel says which kind of core is faster");
	while (kinds > 0 && kind[kinds - 1].rank != rank)
		kinds--;
	if (kinds == 0)
		return sm_fail(err, ENODEV,
			       "this process may use no cores of the kind that is number %u by speed; where --kind "
			       "leaves one kind, leave it out to compare them",
			       rank);
	list = calloc(count, sizeof(*list));
	if (!list)
		return sm_fail(err, ENOMEM, "no memory for %u PUs", count);
	for (unsigned thread = 0; thread < 2; thread++)
		for (unsigned i = 0; i < count; i++)
			if (pus[i].kind == kind[kinds - 1].number &&
			    (i > 0 && pus[i - 1].core == pus[i].core) == (thread > 0))
				list[found++] = pus[i].os_index;
	rc = sm_topology_seat(topology, SM_PLACE_LIST, list, found, c->workers, seats, err);
	free(list);
	return rc;
}

static int choose(const struct sm_trial_context *context, const struct sm_case *c, struct sm_seats *seats,
		  struct sm_error *err)
{
	if (sm_case_variant(c)->core_kind > 0)
		return seat_on_kind(context->topology, c, seats, err);
	if (c->scenario->node_params[0])
		return seat_on_nodes(context->topology, c, seats, err);
	if (c->pairs)
		return seat_pair(context->topology, c, seats, err);
	if (context->seatings && c->placement != SM_PLACE_LIST)
		return trial_recall(context->seatings, context->topology, c->placement, c->workers, seats, err);
	return sm_topology_seat(context->topology, c->placement, c->pu_list, c->pu_list_count, c->workers, seats, err);
}

/* Whether seat `i` is on the PU of an earlier one. */
static bool is_shared(const struct sm_seats *seats, unsigned i)
{
	for (unsigned k = 0; k < i; k++)
		if (seats->seat[k] == seats->seat[i])
			return true;
	return false;
}

int trial_seat(const struct sm_trial_context *context, struct sm_case *c, struct sm_seats *seats, struct sm_error *err)
{
	unsigned count;
	int rc = choose(context, c, seats, err);

	if (rc < 0)
		return rc;
	(void)sm_topology_pus(context->topology, &count);
	c->shared_pu = seats->shared_pu;
	c->pus = 0;
	for (unsigned i = 0; i < seats->count && c->pus < count; i++)
		c->pus += !is_shared(seats, i);
	return 0;
}

unsigned sm_trial_pus(const struct sm_trial_context *context, const struct sm_case *c)
{
	struct sm_case resolved = *c;
	struct sm_seats seats;

	if (trial_seat(context, &resolved, &seats, NULL) < 0)
		return 0;
	sm_seats_free(&seats);
	return resolved.pus;
}

/* Writes the numbers of the workers as in a column of samples.csv; cut with "..." where there are too many. */
static void name_numbers(const unsigned *number, unsigned count, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < count; i++) {
		if (used + 16 > size) {
			snprintf(out + used, size - used, " ...");
			return;
		}
		used += (size_t)snprintf(out + used, size - used, "%s%u", i ? " " : "", number[i]);
	}
}

const char *sm_trial_name_pus(const struct sm_trial_context *context, const struct sm_case *c, char *out, size_t size)
{
	struct sm_case resolved = *c;
	struct sm_seats seats;

	snprintf(out, size, "-");
	if (trial_seat(context, &resolved, &seats, NULL) < 0)
		return out;
	name_numbers(seats.seat, seats.count, out, size);
	sm_seats_free(&seats);
	return out;
}

int trial_name_seats(const struct sm_topology *topology, const struct sm_seats *seats, struct sm_trial_result *result,
		     struct sm_error *err)
{
	unsigned *node = calloc(seats->count + 1, sizeof(*node));

	if (!node)
		return sm_fail(err, ENOMEM, "no memory for %u workers", seats->count);
	for (unsigned i = 0; i < seats->count; i++)
		node[i] = sm_topology_pu(topology, seats->seat[i])->node;
	name_numbers(seats->seat, seats->count, result->pus, sizeof(result->pus));
	name_numbers(node, seats->count, result->nodes, sizeof(result->nodes));
	free(node);
	return 0;
}
