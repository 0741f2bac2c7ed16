/* Chooses the PU of each worker from a placement. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology_private.h"

/* How well a PU suits as companion of another one; lower is better.  The relation counts first, then whether its
 * core is taken by another thread, then whether it is of another kind (hybrid machines). */
#define RANK_SECOND_THREAD 16u
#define RANK_OTHER_KIND    32u
#define RANKS              64u
#define NEVER              RANKS
_Static_assert(SM_PLACE_COUNT <= RANK_SECOND_THREAD, "a relation fits below the other two");

/* The cost of a companion by its rank, when teams are compared.  The steps are so large that criteria are met in
 * this order: a PU for each worker, one kind for all, a core for each worker, the fastest kind, closeness. */
#define COST_SLOWER_KIND   10u
#define COST_SECOND_THREAD 100u
#define COST_OTHER_KIND    1000u
#define COST_NO_PU         100000u

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
		const struct sm_pu *pu = topology_find_pu(t, out->seat[i]);

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
		if (!topology_find_pu(t, list[i]))
			return not_allowed(t, list[i], err);
	if (count == 0)
		return sm_fail(err, EINVAL, "the list of PUs is empty: name one at least, like 0,2");
	for (unsigned i = 0; i < workers; i++)
		out->seat[i] = list[i % count];
	return 0;
}

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

/* Whether an allowed PU before this one belongs to the same core.  hwloc's order keeps the PUs of a core together. */
static bool is_second_thread(const struct sm_topology *t, unsigned index)
{
	return index > 0 && t->pu[index - 1].core == t->pu[index].core;
}

/* Whether two PUs keep a placement: it is their closest relation, or they lie on two nodes, which may share an L3. */
static bool keeps(const struct sm_pu *a, const struct sm_pu *b, enum sm_placement placement)
{
	return topology_relation(a, b) == placement || (placement == SM_PLACE_CROSS_NODE && a->node != b->node);
}

/* `near` takes one PU of each core, nearest cores first, before it takes second threads. */
static unsigned rank(const struct sm_topology *t, unsigned first, unsigned index, enum sm_placement placement)
{
	enum sm_placement relation = topology_relation(&t->pu[first], &t->pu[index]);
	bool second = is_second_thread(t, index) && placement != SM_PLACE_SMT;

	if (index == first || (placement != SM_PLACE_NEAR && !keeps(&t->pu[first], &t->pu[index], placement)))
		return NEVER;
	return (unsigned)relation + (second ? RANK_SECOND_THREAD : 0) +
	       (t->pu[index].kind != t->pu[first].kind ? RANK_OTHER_KIND : 0);
}

/* The companions of PU `first` under a placement, best first; returns how many. */
static unsigned companions(const struct sm_topology *t, unsigned first, enum sm_placement placement,
			   struct candidate *out)
{
	unsigned count = 0;

	for (unsigned i = 0; i < t->pus; i++) {
		unsigned value = rank(t, first, i, placement);

		if (value != NEVER)
			out[count++] = (struct candidate){ &t->pu[i], value };
	}
	qsort(out, count, sizeof(*out), by_rank);
	return count;
}

/* The cost of a team of one PU and `wanted` companions; UINT64_MAX if it has none. */
static uint64_t team_cost(const struct sm_topology *t, unsigned first, enum sm_placement placement, unsigned wanted,
			  int fastest)
{
	unsigned have[RANKS] = { 0 }, count = 0;
	uint64_t cost = 0;

	for (unsigned i = 0; i < t->pus; i++) {
		unsigned value = rank(t, first, i, placement);

		if (value == NEVER)
			continue;
		have[value]++;
		count++;
	}
	if (count == 0)
		return UINT64_MAX;
	for (unsigned r = 0; r < RANKS && wanted > 0; r++) {
		unsigned taken = have[r] < wanted ? have[r] : wanted;

		cost += (uint64_t)taken * (r % RANK_SECOND_THREAD + (r & RANK_SECOND_THREAD ? COST_SECOND_THREAD : 0) +
					   (r & RANK_OTHER_KIND ? COST_OTHER_KIND : 0) +
					   COST_SLOWER_KIND * (unsigned)(fastest - t->pu[first].kind));
		wanted -= taken;
	}
	return cost + (uint64_t)wanted * COST_NO_PU;
}

/* The PU with the cheapest team.  False if no PU has a companion. */
static bool choose_first(const struct sm_topology *t, enum sm_placement placement, unsigned workers, unsigned *first)
{
	/* every second worker sits on the other node */
	unsigned wanted = placement == SM_PLACE_CROSS_NODE ? workers / 2 : workers - 1;
	uint64_t least = UINT64_MAX;
	int fastest = -1;

	for (unsigned i = 0; i < t->pus; i++)
		if (t->pu[i].kind > fastest)
			fastest = t->pu[i].kind;
	for (unsigned i = 0; i < t->pus; i++) {
		uint64_t cost = is_second_thread(t, i) ? UINT64_MAX : team_cost(t, i, placement, wanted, fastest);

		if (cost < least) {
			least = cost;
			*first = i;
		}
	}
	return least < UINT64_MAX;
}

/* Keeps the candidates of one node, in their order; returns how many. */
static unsigned keep_node(struct candidate *list, unsigned count, unsigned node)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		if (list[i].pu->node == node)
			list[kept++] = list[i];
	return kept;
}

/* Workers alternate between the first PU's node and one other, so that exactly two nodes communicate. */
static void seat_across(const struct sm_topology *t, unsigned first, struct candidate *far, unsigned far_count,
			struct candidate *home, struct sm_seats *out)
{
	unsigned home_count;

	far_count = keep_node(far, far_count, far[0].pu->node);
	home_count = companions(t, first, SM_PLACE_NEAR, home);
	home_count = keep_node(home, home_count, t->pu[first].node);
	for (unsigned i = 0; i < out->count; i++) {
		unsigned turn = i / 2 % (home_count + 1);

		if (i % 2)
			out->seat[i] = far[i / 2 % far_count].pu->os_index;
		else
			out->seat[i] = turn ? home[turn - 1].pu->os_index : t->pu[first].os_index;
	}
}

/* ", smt, shared-l3": the relations that some pair of allowed PUs has. */
static void list_relations(const struct sm_topology *t, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (int p = SM_PLACE_SMT; p <= SM_PLACE_CROSS_NODE; p++) {
		bool found = false;

		for (unsigned i = 0; i < t->pus && !found; i++)
			for (unsigned j = i + 1; j < t->pus && !found; j++)
				found = keeps(&t->pu[i], &t->pu[j], (enum sm_placement)p);
		if (found)
			used += (size_t)snprintf(out + used, size - used, ", %s",
						 sm_placement_name((enum sm_placement)p));
	}
}

static int no_such_pair(const struct sm_topology *t, enum sm_placement placement, struct sm_error *err)
{
	static const char *const needs[SM_PLACE_COUNT] = {
		[SM_PLACE_SMT] = "two hardware threads of one core",
		[SM_PLACE_SHARED_L2] = "two cores under one L2 cache",
		[SM_PLACE_SHARED_L3] = "two cores that share an L3 cache and no L2",
		[SM_PLACE_SAME_NODE] = "two cores of one NUMA node without a common cache",
		[SM_PLACE_CROSS_NODE] = "two NUMA nodes",
	};
	char has[160], what[96];

	list_relations(t, has, sizeof(has));
	if (placement == SM_PLACE_CROSS_NODE)
		snprintf(what, sizeof(what), "the allowed PUs here (%u) lie on one", t->pus);
	else
		snprintf(what, sizeof(what), "among the allowed PUs here (%u) there are none", t->pus);
	return sm_fail(err, ENODEV, "placement \"%s\" needs %s, and %s: choose near, same-core%s or a list of PUs",
		       sm_placement_name(placement), needs[placement] ? needs[placement] : "a pair", what, has);
}

static int seat_by_relation(const struct sm_topology *t, enum sm_placement placement, struct sm_seats *out,
			    struct sm_error *err)
{
	struct candidate *found = calloc(2 * (size_t)t->pus, sizeof(*found));
	unsigned first = 0, count;
	int rc = 0;

	if (!found)
		return sm_fail(err, ENOMEM, "no memory for %u PUs", t->pus);
	if (!choose_first(t, placement, out->count, &first) && placement != SM_PLACE_NEAR) {
		rc = no_such_pair(t, placement, err);
		goto out_free;
	}
	count = companions(t, first, placement, found); /* 0 for near on a machine of one PU */
	if (placement == SM_PLACE_CROSS_NODE) {
		seat_across(t, first, found, count, found + t->pus, out);
		goto out_free;
	}
	for (unsigned i = 0; i < out->count; i++) {
		unsigned turn = i % (count + 1);

		out->seat[i] = turn ? found[turn - 1].pu->os_index : t->pu[first].os_index;
	}
out_free:
	free(found);
	return rc;
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
			out->seat[i] = topology->pu[0].os_index;
	else
		rc = seat_by_relation(topology, placement, out, err);
	if (rc == 0)
		rc = judge(topology, out, err);
	if (rc < 0)
		sm_seats_free(out);
	return rc;
}
