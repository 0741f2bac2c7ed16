/* Holds every placement, on machines that are not here, against an oracle that knows only hwloc's objects: whether the
 * seats keep the rule of the placement, and where one was refused, whether it could not be kept.
 *
 * usage: placements [--table] MACHINE...        hwloc XML files or synthetic descriptions
 *        placements --random COUNT SEED FOLDER  machines that are drawn, some with kinds of cores, distances between
 *                                               nodes and PUs that are not allowed; FOLDER takes the description
 * Exits with 1 after the first machine with a broken promise. */
#include <hwloc.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drawn.h"
#include "shmeter/topology.h"

#define PUS_MAX 4096

/* What the oracle knows of a PU. */
struct fact {
	unsigned os_index, node;
	hwloc_obj_t core, l2, l3, package;
	int kind;
};

struct oracle {
	hwloc_topology_t hw;
	struct fact pu[PUS_MAX];
	unsigned count;
	int home; /* the kind of single workers and pairs; -1: there are no kinds */
	unsigned kinds;
	bool ranked; /* the kinds, the fastest last */
};

static const char *machine;
static unsigned broken, checked, refused;

/* The node with the lowest number among those that hang on the nearest ancestor with memory. */
static unsigned node_above(hwloc_obj_t pu)
{
	for (hwloc_obj_t up = pu; up; up = up->parent) {
		unsigned least = ~0u;

		for (hwloc_obj_t child = up->memory_first_child; child; child = child->next_sibling) {
			hwloc_obj_t node = child;

			while (node && node->type != HWLOC_OBJ_NUMANODE)
				node = node->memory_first_child;
			if (node && node->os_index < least)
				least = node->os_index;
		}
		if (least != ~0u)
			return least;
	}
	return 0;
}

static unsigned cores_of_kind(const struct oracle *o, int kind)
{
	unsigned cores = 0;

	for (unsigned i = 0; i < o->count; i++) {
		bool first = o->pu[i].kind == kind;

		for (unsigned k = 0; first && k < i; k++)
			first = o->pu[k].core != o->pu[i].core || !o->pu[i].core;
		cores += first;
	}
	return cores;
}

static void learn(struct oracle *o, hwloc_topology_t hw)
{
	hwloc_const_bitmap_t allowed = hwloc_topology_get_allowed_cpuset(hw);
	int kinds = hwloc_cpukinds_get_nr(hw, 0), efficiency = -1;
	hwloc_obj_t pu = NULL;

	o->hw = hw;
	o->count = 0;
	o->home = -1;
	while ((pu = hwloc_get_next_obj_by_type(hw, HWLOC_OBJ_PU, pu))) {
		if (!hwloc_bitmap_isset(allowed, pu->os_index) || o->count == PUS_MAX)
			continue;
		o->pu[o->count++] =
			(struct fact){ .os_index = pu->os_index,
				       .node = node_above(pu),
				       .core = hwloc_get_ancestor_obj_by_type(hw, HWLOC_OBJ_CORE, pu),
				       .l2 = hwloc_get_ancestor_obj_by_type(hw, HWLOC_OBJ_L2CACHE, pu),
				       .l3 = hwloc_get_ancestor_obj_by_type(hw, HWLOC_OBJ_L3CACHE, pu),
				       .package = hwloc_get_ancestor_obj_by_type(hw, HWLOC_OBJ_PACKAGE, pu),
				       .kind = kinds > 1 ? hwloc_cpukinds_get_by_cpuset(hw, pu->cpuset, 0) : -1 };
	}
	o->kinds = kinds > 1 ? (unsigned)kinds : 0;
	(void)hwloc_cpukinds_get_info(hw, 0, NULL, &efficiency, NULL, NULL, 0);
	o->ranked = efficiency >= 0;
	/* the fastest kind with two cores; else the fastest with one */
	for (unsigned want = 2; want > 0 && o->home < 0; want--)
		for (int k = kinds - 1; kinds > 1 && o->ranked && k >= 0 && o->home < 0; k--)
			if (cores_of_kind(o, k) >= want)
				o->home = k;
	/* where they are not ranked, the first of those with most cores */
	for (int k = 0; kinds > 1 && !o->ranked && k < kinds; k++)
		if (o->home < 0 || cores_of_kind(o, k) > cores_of_kind(o, o->home))
			o->home = k;
}

static bool same(hwloc_obj_t a, hwloc_obj_t b)
{
	return a && a == b;
}

static bool same_core(const struct fact *a, const struct fact *b)
{
	return a == b || same(a->core, b->core);
}

static bool no_cache(const struct fact *a, const struct fact *b)
{
	return !same_core(a, b) && !same(a->l2, b->l2) && !same(a->l3, b->l3);
}

/* Whether two different PUs keep a placement. */
static bool pair_keeps(const struct fact *a, const struct fact *b, enum sm_placement p)
{
	switch (p) {
	case SM_PLACE_SMT: return a != b && same(a->core, b->core);
	case SM_PLACE_SHARED_L2: return !same_core(a, b) && same(a->l2, b->l2);
	case SM_PLACE_SHARED_L3: return !same_core(a, b) && !same(a->l2, b->l2) && same(a->l3, b->l3);
	case SM_PLACE_SAME_NODE: return a->node == b->node && no_cache(a, b);
	case SM_PLACE_CROSS_NODE:
	case SM_PLACE_FARTHEST_NODE: return a->node != b->node;
	case SM_PLACE_CROSS_PACKAGE: return a->package != b->package;
	default: return a != b;
	}
}

/* What all workers of a placement share; NULL: nothing. */
static const void *room(const struct fact *a, enum sm_placement p)
{
	static const char node[1024];

	switch (p) {
	case SM_PLACE_SMT: return a->core;
	case SM_PLACE_SHARED_L2: return a->l2;
	case SM_PLACE_SHARED_L3: return a->l3;
	case SM_PLACE_CROSS_PACKAGE: return a->package;
	default: return &node[a->node % sizeof(node)];
	}
}

static bool is_across(enum sm_placement p)
{
	return p == SM_PLACE_CROSS_NODE || p == SM_PLACE_FARTHEST_NODE || p == SM_PLACE_CROSS_PACKAGE;
}

/* PUs of a room that workers can sit on; with `kind` at least 0 only those of that kind. */
static unsigned places_in(const struct oracle *o, const void *in, enum sm_placement p, int kind)
{
	const struct fact *taken[PUS_MAX];
	unsigned count = 0;

	for (unsigned i = 0; i < o->count; i++) {
		const struct fact *one = &o->pu[i];
		bool fits = room(one, p) == in && (kind < 0 || one->kind == kind);

		for (unsigned k = 0; fits && p == SM_PLACE_SAME_NODE && k < count; k++)
			fits = no_cache(taken[k], one);
		if (fits)
			taken[count++] = one;
	}
	return count;
}

/* Whether a pair of PUs of one kind keeps the placement, in this room or (NULL) in any. */
static bool has_pair(const struct oracle *o, const void *in, enum sm_placement p, int kind)
{
	for (unsigned i = 0; i < o->count; i++)
		for (unsigned k = 0; k < o->count; k++)
			if (i != k && (!in || room(&o->pu[i], p) == in) &&
			    (kind < 0 || (o->pu[i].kind == kind && o->pu[k].kind == kind)) &&
			    pair_keeps(&o->pu[i], &o->pu[k], p))
				return true;
	return false;
}

/* Whether so many workers fit, on cores of one kind, or (-1) of any. */
static bool fits(const struct oracle *o, enum sm_placement p, unsigned workers, int kind)
{
	for (unsigned i = 0; i < o->count; i++) {
		const void *a = room(&o->pu[i], p);

		if (!a)
			continue;
		if (!is_across(p)) {
			if (places_in(o, a, p, kind) >= workers && has_pair(o, a, p, kind))
				return true;
			continue;
		}
		if (places_in(o, a, p, kind) < (workers + 1) / 2)
			continue;
		for (unsigned k = 0; k < o->count; k++)
			if (pair_keeps(&o->pu[i], &o->pu[k], p) &&
			    places_in(o, room(&o->pu[k], p), p, kind) >= workers / 2)
				return true;
	}
	return false;
}

static const struct fact *fact_of(const struct oracle *o, unsigned os_index)
{
	for (unsigned i = 0; i < o->count; i++)
		if (o->pu[i].os_index == os_index)
			return &o->pu[i];
	return NULL;
}

static const char *wrong;
static bool says(bool holds, const char *words)
{
	if (!holds && !wrong)
		wrong = words;
	return holds;
}

static unsigned shares(const struct sm_seats *seats, unsigned os_index)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seats->count; i++)
		count += seats->seat[i] == os_index;
	return count;
}

static unsigned cores_used(const struct oracle *o, const struct sm_seats *seats)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seats->count; i++) {
		bool first = true;

		for (unsigned k = 0; first && k < i; k++)
			first = !same_core(fact_of(o, seats->seat[k]), fact_of(o, seats->seat[i]));
		count += first;
	}
	return count;
}

static unsigned cores_in(const struct oracle *o, const void *in, enum sm_placement p)
{
	unsigned count = 0;

	for (unsigned i = 0; i < o->count; i++) {
		bool first = !in || room(&o->pu[i], p) == in;

		for (unsigned k = 0; first && k < i; k++)
			first = !((!in || room(&o->pu[k], p) == in) && same_core(&o->pu[k], &o->pu[i]));
		count += first;
	}
	return count;
}

/* How close two PUs are: lower is closer. */
static unsigned closeness(const struct fact *a, const struct fact *b)
{
	if (same_core(a, b))
		return 9; /* `near` wants two cores */
	return same(a->l2, b->l2)         ? 0
	       : same(a->l3, b->l3)       ? 1
	       : a->package != b->package ? 4
	       : a->node == b->node       ? 2
					  : 3;
}

static bool no_pair_is_closer(const struct oracle *o, const struct fact *a, const struct fact *b)
{
	for (unsigned i = 0; i < o->count; i++)
		for (unsigned k = 0; k < o->count; k++)
			if (i != k && o->pu[i].kind == o->home && o->pu[k].kind == o->home &&
			    closeness(&o->pu[i], &o->pu[k]) < closeness(a, b))
				return false;
	return true;
}

/* The distance matrix of the description, both ways added up; 0: unknown. */
static unsigned both_ways(const struct oracle *o, unsigned a, unsigned b)
{
	struct hwloc_distances_s *matrix = NULL;
	unsigned nr = 1, sum = 0;

	if (hwloc_distances_get_by_name(o->hw, "NUMALatency", &nr, &matrix, 0) < 0 || nr == 0)
		return 0;
	for (unsigned i = 0; i < matrix->nbobjs; i++)
		for (unsigned k = 0; k < matrix->nbobjs; k++)
			if ((matrix->objs[i]->os_index == a && matrix->objs[k]->os_index == b) ||
			    (matrix->objs[i]->os_index == b && matrix->objs[k]->os_index == a))
				sum += (unsigned)matrix->values[i * matrix->nbobjs + k];
	hwloc_distances_release(o->hw, matrix);
	return sum;
}

/* Whether no two nodes with enough PUs of one kind are nearer (or farther) than the two that were taken. */
static bool distance_decides(const struct oracle *o, enum sm_placement p, unsigned workers, const struct fact *a,
			     const struct fact *b)
{
	unsigned got = both_ways(o, a->node, b->node);

	for (unsigned i = 0; got > 0 && i < o->count; i++)
		for (unsigned k = 0; k < o->count; k++) {
			const struct fact *x = &o->pu[i], *y = &o->pu[k];
			unsigned other = x->node == y->node ? got : both_ways(o, x->node, y->node);

			if ((p == SM_PLACE_CROSS_NODE ? other < got : other > got) &&
			    places_in(o, room(x, p), p, a->kind) >= (workers + 1) / 2 &&
			    places_in(o, room(y, p), p, a->kind) >= workers / 2)
				return false;
		}
	return true;
}

static void check_kinds(const struct oracle *o, enum sm_placement p, const struct sm_seats *seats)
{
	unsigned kinds = 0;

	for (unsigned i = 0; i < seats->count; i++)
		kinds += fact_of(o, seats->seat[i])->kind != fact_of(o, seats->seat[0])->kind;
	if (seats->count <= 2 || p == SM_PLACE_SAME_CORE) {
		says(cores_of_kind(o, o->home) < 2 || fact_of(o, seats->seat[0])->kind == o->home,
		     "not on the home kind");
		says(kinds == 0 || cores_of_kind(o, o->home) < 2, "a pair on two kinds");
		return;
	}
	for (int k = 0; k < (int)o->kinds; k++) {
		unsigned pus = 0;

		for (unsigned i = 0; i < o->count; i++)
			pus += o->pu[i].kind == k;
		says(kinds == 0 || (p == SM_PLACE_NEAR ? pus < seats->count : !fits(o, p, seats->count, k)),
		     "several kinds, and one has enough");
		says(!o->ranked || p != SM_PLACE_NEAR || kinds > 0 || fact_of(o, seats->seat[0])->kind >= k ||
			     cores_of_kind(o, k) < seats->count,
		     "a faster kind has a core for each");
	}
}

/* The L2 caches, or the cores without one, on which the workers sit. */
static unsigned l2s_used(const struct oracle *o, const struct sm_seats *seats)
{
	unsigned count = 0;

	for (unsigned i = 0; i < seats->count; i++) {
		const struct fact *one = fact_of(o, seats->seat[i]);
		bool first = true;

		for (unsigned k = 0; first && k < i; k++) {
			const struct fact *other = fact_of(o, seats->seat[k]);

			first = !same(one->l2, other->l2) && !same_core(one, other);
		}
		count += first;
	}
	return count;
}

/* The same for all PUs under the L3 of one, at most `workers`. */
static unsigned l2s_in(const struct oracle *o, const struct fact *of, unsigned workers)
{
	unsigned count = 0;

	for (unsigned i = 0; i < o->count; i++) {
		const struct fact *one = &o->pu[i];
		bool first = same(one->l3, of->l3);

		for (unsigned k = 0; first && k < i; k++)
			first = !same(o->pu[k].l3, of->l3) ||
				(!same(one->l2, o->pu[k].l2) && !same_core(one, &o->pu[k]));
		count += first;
	}
	return count < workers ? count : workers;
}

static unsigned pus_of(const struct oracle *o, const struct fact *like)
{
	unsigned count = 0;

	for (unsigned i = 0; i < o->count; i++)
		count += o->pu[i].node == like->node && o->pu[i].package == like->package;
	return count;
}

/* Across packages each side is on one node, while some two nodes of different packages have enough PUs. */
static void check_sides(const struct oracle *o, const struct sm_seats *seats)
{
	bool enough = false, split = false;

	for (unsigned i = 0; i < o->count && !enough; i++)
		for (unsigned k = 0; k < o->count && !enough; k++)
			enough = o->pu[i].package != o->pu[k].package &&
				 pus_of(o, &o->pu[i]) >= (seats->count + 1) / 2 &&
				 pus_of(o, &o->pu[k]) >= seats->count / 2;
	for (unsigned i = 2; i < seats->count; i++)
		split |= fact_of(o, seats->seat[i])->node != fact_of(o, seats->seat[i % 2])->node;
	says(!enough || !split, "a side is on several nodes");
}

static void check_team(const struct oracle *o, enum sm_placement p, const struct sm_seats *seats)
{
	const struct fact *first = fact_of(o, seats->seat[0]), *second = fact_of(o, seats->seat[1]);

	for (unsigned i = 0; i < seats->count; i++) {
		const struct fact *one = fact_of(o, seats->seat[i]), *like = is_across(p) && i % 2 ? second : first;

		says(shares(seats, seats->seat[i]) == 1, "workers share a PU");
		says(room(one, p) == room(like, p), "workers are in several rooms");
		for (unsigned k = 0; k < i && p == SM_PLACE_SAME_NODE; k++)
			says(no_cache(one, fact_of(o, seats->seat[k])), "workers share a cache");
	}
	says(pair_keeps(first, second, p), "workers 0 and 1 do not keep the placement");
	if (o->kinds == 0 && !is_across(p) && p != SM_PLACE_SMT && p != SM_PLACE_SAME_NODE) {
		unsigned cores = cores_in(o, room(first, p), p);

		says(cores_used(o, seats) == (cores < seats->count ? cores : seats->count),
		     "second threads before cores");
	}
	if (p == SM_PLACE_SHARED_L3 && o->kinds == 0)
		says(l2s_used(o, seats) == l2s_in(o, first, seats->count), "L2 caches are shared, and others are free");
	if (p == SM_PLACE_CROSS_PACKAGE && o->kinds == 0)
		check_sides(o, seats);
	if (p == SM_PLACE_CROSS_NODE || p == SM_PLACE_FARTHEST_NODE)
		says(distance_decides(o, p, seats->count, first, second), "the distance does not decide");
}

/* What a team costs whose first worker is here, if each has a core: the relations of the others, summed up. */
static unsigned spread(const struct oracle *o, const struct fact *first, unsigned workers)
{
	unsigned have[5] = { 0 }, sum = 0, left = workers - 1;

	for (unsigned i = 0; i < o->count; i++) {
		bool core = !same_core(first, &o->pu[i]);

		for (unsigned k = 0; core && k < i; k++)
			core = !same_core(&o->pu[k], &o->pu[i]);
		if (core)
			have[closeness(first, &o->pu[i])]++;
	}
	for (unsigned r = 0; r < 5; r++)
		for (; left > 0 && have[r] > 0; left--, have[r]--)
			sum += r + 4; /* the relations follow each other, from shared-l2 on */
	return sum;
}

static bool has_closer_team(const struct oracle *o, const struct sm_seats *seats)
{
	const struct fact *first = fact_of(o, seats->seat[0]);
	unsigned least = ~0u, got = 0;

	for (unsigned i = 0; i < o->count; i++) {
		unsigned cost = spread(o, &o->pu[i], seats->count);

		least = cost < least ? cost : least;
	}
	for (unsigned i = 1; i < seats->count; i++)
		got += closeness(first, fact_of(o, seats->seat[i])) + 4;
	return got > least;
}

static void check_near(const struct oracle *o, const struct sm_seats *seats)
{
	unsigned least = seats->count / o->count;

	for (unsigned i = 0; i < seats->count; i++)
		says(shares(seats, seats->seat[i]) <= least + (seats->count % o->count > 0), "PUs are used unevenly");
	if (o->kinds == 0 && seats->count > 2 && seats->count <= cores_in(o, NULL, SM_PLACE_NEAR))
		says(!has_closer_team(o, seats), "another team is closer");
	if (seats->count == 2 && cores_of_kind(o, o->home) >= 2)
		says(no_pair_is_closer(o, fact_of(o, seats->seat[0]), fact_of(o, seats->seat[1])),
		     "another pair is closer");
	if (o->kinds == 0) {
		unsigned cores = cores_in(o, NULL, SM_PLACE_NEAR);

		says(cores_used(o, seats) == (cores < seats->count ? cores : seats->count),
		     "second threads before cores");
	}
}

static void print_row(const struct oracle *o, enum sm_placement p, unsigned workers, const struct sm_seats *seats,
		      const char *refusal)
{
	printf("| %s | %u | ", sm_placement_name(p), workers);
	if (refusal) {
		printf("refused: %s | | |\n", refusal);
		return;
	}
	for (unsigned i = 0; i < seats->count && i < 16; i++)
		printf("%s%u", i ? " " : "", seats->seat[i]);
	printf("%s | ", seats->count > 16 ? " ..." : "");
	for (unsigned i = 0; i < seats->count && i < 4; i++)
		printf("%s%u", i ? " " : "", fact_of(o, seats->seat[i])->node);
	printf("%s | ", seats->count > 4 ? " ..." : "");
	for (unsigned i = 0; i < seats->count && i < 4; i++)
		printf("%s%d", i ? " " : "", fact_of(o, seats->seat[i])->kind);
	printf("%s |\n", seats->count > 4 ? " ..." : "");
}

static void check(const struct oracle *o, const struct sm_topology *t, enum sm_placement p, unsigned workers,
		  bool table)
{
	struct sm_seats seats;
	struct sm_error err = { 0 };
	int rc = sm_topology_seat(t, p, NULL, 0, workers, &seats, &err);

	wrong = NULL;
	checked++;
	if (rc < 0) {
		refused++;
		says(p != SM_PLACE_NEAR && p != SM_PLACE_SAME_CORE && workers > 1, "it can always be kept");
		says(!wrong && !fits(o, p, workers, workers == 2 ? o->home : -1), "refused, and it can be kept");
	} else {
		for (unsigned i = 0; i < workers; i++)
			says(fact_of(o, seats.seat[i]) != NULL, "a PU that is not allowed");
		for (unsigned i = 0; !wrong && i < workers && p == SM_PLACE_SAME_CORE; i++)
			says(seats.seat[i] == seats.seat[0], "several PUs");
		if (!wrong && p == SM_PLACE_NEAR)
			check_near(o, &seats);
		else if (!wrong && p != SM_PLACE_SAME_CORE && workers > 1)
			check_team(o, p, &seats);
		if (!wrong && o->kinds > 0)
			check_kinds(o, p, &seats);
	}
	if (table || wrong)
		print_row(o, p, workers, &seats, rc < 0 ? err.text : NULL);
	if (wrong) {
		printf("BROKEN on %s: %s\n", machine, wrong);
		broken++;
	}
	if (rc == 0)
		sm_seats_free(&seats);
}

static void check_machine(const char *source, bool table)
{
	static struct oracle o;
	size_t length = strlen(source);
	bool xml = length > 4 && strcmp(source + length - 4, ".xml") == 0;
	struct sm_topology *t;
	struct sm_error err = { 0 };
	hwloc_topology_t hw;

	machine = source;
	if (sm_topology_open(&t, source, &err) < 0) {
		printf("%s: %s\n", source, err.text);
		exit(2);
	}
	if (hwloc_topology_init(&hw) < 0 ||
	    (xml ? hwloc_topology_set_xml(hw, source) : hwloc_topology_set_synthetic(hw, source)) < 0)
		exit(2);
	hwloc_topology_set_all_types_filter(hw, HWLOC_TYPE_FILTER_KEEP_ALL);
	hwloc_topology_set_flags(hw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
	if (hwloc_topology_load(hw) < 0)
		exit(2);
	learn(&o, hw);
	const unsigned workers[] = { 1, 2, 3, 4, 5, 8, 16, o.count, o.count + 1 };

	if (table)
		printf("\n%s: %u PUs, %u kinds\n| placement | workers | PUs | nodes | kinds |\n", source, o.count,
		       o.kinds);
	for (int p = SM_PLACE_NEAR; p < SM_PLACE_LIST; p++)
		for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++)
			check(&o, t, (enum sm_placement)p, workers[i], table);
	hwloc_topology_destroy(hw);
	sm_topology_close(t);
}

static void check_drawn(unsigned count, uint64_t seed, const char *folder)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/drawn.xml", folder);
	for (unsigned i = 0; i < count && broken == 0; i++) {
		char text[256];

		if (!draw_machine(seed + i, file, text, sizeof(text)))
			exit(2);
		check_machine(file, false);
		if (broken)
			printf("machine %u of seed %" PRIu64 ": %s\n", i, seed, text);
	}
	remove(file);
}

int main(int argc, char **argv)
{
	bool table = argc > 1 && strcmp(argv[1], "--table") == 0;

	if (argc == 5 && strcmp(argv[1], "--random") == 0)
		check_drawn((unsigned)strtoul(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), argv[4]);
	else
		for (int i = table ? 2 : 1; i < argc; i++)
			check_machine(argv[i], table);
	printf("%u seatings, %u of them refused, %u broken promises\n", checked, refused, broken);
	return broken > 0 || checked == 0;
}
