/* Which PUs the workers of a trial use, and what follows from that for its case. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "hold.h"

/* Seats the workers on the PUs of one node. */
static int seat_on_node(const struct sm_topology *topology, const struct sm_case *c, uint64_t node,
			struct sm_seats *seats, struct sm_error *err)
{
	unsigned count, found = 0;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);
	unsigned *list = calloc(count + 1, sizeof(*list));
	int rc;

	if (sm_topology_nodes(topology) < 2) {
		free(list);
		return sm_fail(err, ENODEV,
			       "this machine, or what this process may use of it, has one NUMA node: "
			       "there is nothing to compare it with");
	}
	if (!list)
		return sm_fail(err, ENOMEM, "no memory for %u PUs", count);
	for (unsigned i = 0; i < count; i++)
		if (pus[i].node == node)
			list[found++] = pus[i].os_index;
	rc = found > 0 ? sm_topology_seat(topology, SM_PLACE_LIST, list, found, c->workers, seats, err)
		       : sm_fail(err, ENODEV,
				 "there is no NUMA node %lu with PUs: this machine, or what this "
				 "process may use of it, has %u",
				 node, sm_topology_nodes(topology));
	free(list);
	return rc;
}

/* Seats two workers on the PUs that parameters name. */
static int seat_pair(const struct sm_topology *topology, const struct sm_case *c, struct sm_seats *seats,
		     struct sm_error *err)
{
	const char *const *names = c->scenario->pair_params;
	unsigned list[2] = { (unsigned)sm_case_param(c, names[0]), (unsigned)sm_case_param(c, names[1]) };

	return sm_topology_seat(topology, SM_PLACE_LIST, list, 2, c->workers, seats, err);
}

static int choose(const struct sm_trial_context *context, const struct sm_case *c, struct sm_seats *seats,
		  struct sm_error *err)
{
	if (c->scenario->node_param)
		return seat_on_node(context->topology, c, sm_case_param(c, c->scenario->node_param), seats, err);
	if (c->scenario->pair_params[0])
		return seat_pair(context->topology, c, seats, err);
	return sm_topology_seat(context->topology, c->placement, c->pu_list, c->pu_list_count, c->workers, seats, err);
}

static bool is_seat(const struct sm_seats *seats, unsigned pu)
{
	for (unsigned i = 0; i < seats->count; i++)
		if (seats->seat[i] == pu)
			return true;
	return false;
}

int trial_seat(const struct sm_trial_context *context, struct sm_case *c, struct sm_seats *seats, struct sm_error *err)
{
	unsigned count;
	const struct sm_pu *pus;
	int rc = choose(context, c, seats, err);

	if (rc < 0)
		return rc;
	pus = sm_topology_pus(context->topology, &count);
	c->shared_pu = seats->shared_pu;
	c->pus = 0;
	for (unsigned i = 0; i < count; i++)
		c->pus += is_seat(seats, pus[i].os_index);
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

static unsigned node_of(const struct sm_topology *topology, unsigned os_index)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);

	for (unsigned i = 0; i < count; i++)
		if (pus[i].os_index == os_index)
			return pus[i].node_os;
	return 0;
}

int trial_name_seats(const struct sm_topology *topology, const struct sm_seats *seats, struct sm_trial_result *result,
		     struct sm_error *err)
{
	unsigned *node = calloc(seats->count + 1, sizeof(*node));

	if (!node)
		return sm_fail(err, ENOMEM, "no memory for %u workers", seats->count);
	for (unsigned i = 0; i < seats->count; i++)
		node[i] = node_of(topology, seats->seat[i]);
	name_numbers(seats->seat, seats->count, result->pus, sizeof(result->pus));
	name_numbers(node, seats->count, result->nodes, sizeof(result->nodes));
	free(node);
	return 0;
}
