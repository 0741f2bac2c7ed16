/* Searches the PUs of a placement's workers.
 *
 * What workers of a placement have to share is their room: a core, a cache, a node, a package, or the whole machine.
 * They sit in one room, or in two in turn.  Of all rooms, and all kinds of cores in them, the cheapest is taken. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "topology_private.h"

enum room { ROOM_MACHINE, ROOM_CORE, ROOM_L2, ROOM_L3, ROOM_NODE, ROOM_NODE_OF_PACKAGE, ROOM_PACKAGE };

static const struct rule {
	enum room room;
	bool two;   /* two rooms in turn */
	bool apart; /* no two workers have a cache in common */
} rules[SM_PLACE_COUNT] = {
	[SM_PLACE_NEAR] = { .room = ROOM_MACHINE },
	[SM_PLACE_SMT] = { .room = ROOM_CORE },
	[SM_PLACE_SHARED_L2] = { .room = ROOM_L2 },
	[SM_PLACE_SHARED_L3] = { .room = ROOM_L3 },
	[SM_PLACE_SAME_NODE] = { .room = ROOM_NODE, .apart = true },
	[SM_PLACE_CROSS_NODE] = { .room = ROOM_NODE, .two = true },
	[SM_PLACE_FARTHEST_NODE] = { .room = ROOM_NODE, .two = true },
	[SM_PLACE_CROSS_PACKAGE] = { .room = ROOM_PACKAGE, .two = true },
};

/* What it costs to seat the workers; the first difference decides. */
struct cost {
	unsigned kinds;    /* sum over the workers: by how many kinds their cores differ from the wanted kind */
	unsigned distance; /* between the nodes of two rooms */
	unsigned threads;  /* sum: which thread of its core, from 0 */
	unsigned slower;   /* by how many kinds the wanted one is slower than the fastest; 0 where that is not known */
	unsigned away;     /* sum: relation to the first worker */
};

static bool is_cheaper(const struct cost *a, const struct cost *b)
{
	if (a->kinds != b->kinds)
		return a->kinds < b->kinds;
	if (a->distance != b->distance)
		return a->distance < b->distance;
	if (a->threads != b->threads)
		return a->threads < b->threads;
	if (a->slower != b->slower)
		return a->slower < b->slower;
	return a->away < b->away;
}

/* A PU of a room, with what puts it before others. */
struct candidate {
	const struct sm_pu *pu;
	long room;              /* its number; -1: it is in none */
	unsigned kinds, thread; /* as in struct cost */
	unsigned turn;          /* cores under its L2 before its own */
	unsigned away;
};

/* The PUs of one room, the first to be taken first. */
struct room_list {
	unsigned count;
	struct candidate *at;
};

/* The search for one placement. */
struct search {
	const struct sm_topology *t;
	enum sm_placement placement;
	const struct rule *rule;
	enum room room; /* the rule's, or a smaller one in it */
	unsigned workers;
	struct candidate *space; /* [pus]: the lists of all rooms, one after the other */
	struct room_list *list;
	unsigned lists;
	/* the best so far */
	bool found;
	struct cost cost;
	unsigned *best;           /* [workers]: PUs by OS index */
	unsigned most, most_twin; /* as in struct seats_found */
};

static long room_of(const struct sm_pu *pu, enum room room)
{
	switch (room) {
	case ROOM_CORE: return pu->core;
	case ROOM_L2: return pu->l2;
	case ROOM_L3: return pu->l3;
	case ROOM_NODE: return pu->node;
	case ROOM_NODE_OF_PACKAGE: return (long)pu->package * SM_NODES_MAX + pu->node;
	case ROOM_PACKAGE: return pu->package;
	case ROOM_MACHINE: break;
	}
	return 0;
}

static bool share_a_cache(const struct sm_pu *a, const struct sm_pu *b)
{
	return topology_relation(a, b) < SM_PLACE_SAME_NODE;
}

/* Whether two PUs keep a placement, which need not be their closest relation: two nodes may share an L3. */
static bool keeps(const struct sm_pu *a, const struct sm_pu *b, enum sm_placement placement)
{
	switch (placement) {
	case SM_PLACE_NEAR: return a != b;
	case SM_PLACE_SAME_NODE: return a->node == b->node && !share_a_cache(a, b);
	case SM_PLACE_CROSS_NODE:
	case SM_PLACE_FARTHEST_NODE: return a->node != b->node;
	case SM_PLACE_CROSS_PACKAGE: return a->package != b->package;
	default: return topology_relation(a, b) == placement;
	}
}

static unsigned differ(int a, int b)
{
	return (unsigned)(a > b ? a - b : b - a);
}

/* hwloc's order keeps the PUs of a core together, and the cores of an L2. */
static unsigned thread_of(const struct sm_topology *t, unsigned i)
{
	unsigned thread = 0;

	while (i > thread && t->pu[i - thread - 1].core == t->pu[i].core)
		thread++;
	return thread;
}

static unsigned turn_of(const struct sm_topology *t, unsigned i)
{
	unsigned turn = 0;

	for (unsigned k = i; k > 0 && t->pu[i].l2 >= 0 && t->pu[k - 1].l2 == t->pu[i].l2; k--)
		turn += t->pu[k - 1].core != t->pu[k].core;
	return turn;
}

static int by_number(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

static int by_order(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = by_number(x->kinds, y->kinds);

	if (order == 0)
		order = by_number(x->thread, y->thread);
	if (order == 0)
		order = by_number(x->turn, y->turn);
	if (order == 0)
		order = by_number(x->away, y->away);
	return order ? order : by_number(x->pu->logical, y->pu->logical);
}

/* Orders the PUs of a list, for workers on cores of one kind and near the first PU of that kind. */
static void order_list(const struct search *s, struct room_list *list, int kind)
{
	const struct sm_pu *first = NULL;

	for (unsigned i = 0; i < list->count && !first; i++)
		if (list->at[i].pu->kind == kind)
			first = list->at[i].pu;
	for (unsigned i = 0; i < list->count; i++) {
		struct candidate *one = &list->at[i];
		unsigned index = (unsigned)(one->pu - s->t->pu);

		one->kinds = differ(one->pu->kind, kind);
		one->thread = thread_of(s->t, index);
		one->turn = s->placement == SM_PLACE_SHARED_L3 ? turn_of(s->t, index) : 0;
		one->away = first ? topology_relation(first, one->pu) : 0;
	}
	qsort(list->at, list->count, sizeof(*list->at), by_order);
}

/* Keeps the PUs that share no cache with one before them. */
static void thin_out(struct room_list *list)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < list->count; i++) {
		bool shares = false;

		for (unsigned k = 0; k < kept && !shares; k++)
			shares = share_a_cache(list->at[k].pu, list->at[i].pu);
		if (!shares)
			list->at[kept++] = list->at[i];
	}
	list->count = kept;
}

/* Moves the first PU that keeps the placement with the first of all to the second place. */
static void pair_up(const struct search *s, struct room_list *list)
{
	unsigned i = 1;

	while (i < list->count && !keeps(list->at[0].pu, list->at[i].pu, s->placement))
		i++;
	if (i < list->count) {
		struct candidate partner = list->at[i];

		memmove(&list->at[2], &list->at[1], (i - 1) * sizeof(partner));
		list->at[1] = partner;
	}
}

static int by_room(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->room != y->room)
		return x->room < y->room ? -1 : 1;
	return by_number(x->pu->logical, y->pu->logical);
}

/* Makes the lists of all rooms, for one kind. */
static void make_lists(struct search *s, int kind)
{
	unsigned count = 0;

	for (unsigned i = 0; i < s->t->pus; i++) {
		s->space[count] = (struct candidate){ .pu = &s->t->pu[i], .room = room_of(&s->t->pu[i], s->room) };
		count += s->space[count].room >= 0;
	}
	qsort(s->space, count, sizeof(*s->space), by_room);
	s->lists = 0;
	for (unsigned i = 0; i < count; i++) {
		if (i == 0 || s->space[i].room != s->space[i - 1].room)
			s->list[s->lists++] = (struct room_list){ .at = s->space + i };
		s->list[s->lists - 1].count++;
	}
	for (unsigned i = 0; i < s->lists; i++) {
		order_list(s, &s->list[i], kind);
		if (s->rule->apart)
			thin_out(&s->list[i]);
		if (!s->rule->two)
			pair_up(s, &s->list[i]);
	}
}

static void add_cost(struct cost *cost, const struct candidate *one)
{
	cost->kinds += one->kinds;
	cost->threads += one->thread;
	cost->away += one->away;
}

/* Notes how many workers two lists have PUs for: worker `at` is the first without one. */
static void note_room(struct search *s, unsigned at, unsigned twin)
{
	if (at > s->most) {
		s->most = at;
		s->most_twin = twin;
	}
}

/* Seats the workers on two lists in turn, or on one that is given twice, where that is cheaper than before. */
static void try_lists(struct search *s, const struct room_list *even, const struct room_list *odd, struct cost cost)
{
	unsigned step = s->rule->two ? 2 : 1;
	struct candidate *const sides[] = { even->at, odd->at };
	const unsigned counts[] = { even->count, odd->count };

	if (!keeps(even->at[0].pu, odd->at[s->rule->two ? 0 : 1].pu, s->placement))
		return;
	for (unsigned i = 0; i < s->workers; i++) {
		if (i / step >= counts[i % step]) {
			note_room(s, i, i % step);
			return;
		}
		add_cost(&cost, &sides[i % step][i / step]);
	}
	note_room(s, s->workers, 0);
	if (s->found && !is_cheaper(&cost, &s->cost))
		return;
	s->found = true;
	s->cost = cost;
	for (unsigned i = 0; i < s->workers; i++)
		s->best[i] = sides[i % step][i / step].pu->os_index;
}

/* How far two rooms are from each other, both ways; where the firmware does not tell, another package is farther. */
static unsigned distance(const struct search *s, const struct sm_pu *a, const struct sm_pu *b)
{
	unsigned told = sm_topology_distance(s->t, a->node, b->node) + sm_topology_distance(s->t, b->node, a->node);
	unsigned far = told ? told : a->package != b->package;

	return s->placement == SM_PLACE_FARTHEST_NODE ? UINT_MAX - far : far;
}

static unsigned slowness(const struct sm_topology *t, int kind)
{
	for (unsigned k = 0; k < t->kinds; k++)
		if (t->kind[k].number == kind)
			return t->kind[k].rank ? t->kind[k].rank - 1 : 0;
	return 0;
}

static void search_rooms(struct search *s, int kind)
{
	struct cost cost = { .slower = slowness(s->t, kind) };

	make_lists(s, kind);
	for (unsigned i = 0; i < s->lists; i++) {
		if (!s->rule->two && s->list[i].count > 1)
			try_lists(s, &s->list[i], &s->list[i], cost);
		for (unsigned k = 0; s->rule->two && k < s->lists; k++) {
			if (k == i)
				continue;
			cost.distance = distance(s, s->list[i].at[0].pu, s->list[k].at[0].pu);
			try_lists(s, &s->list[i], &s->list[k], cost);
		}
	}
}

/* Ranks in the count of `near`: more kinds or threads than that count as so many. */
#define KINDS_MAX   16u
#define THREADS_MAX 8u

/* The cost of a team near PU `first`, without ordering the PUs: their number is counted by what they cost. */
static struct cost near_cost(const struct search *s, unsigned first)
{
	unsigned have[KINDS_MAX][THREADS_MAX][SM_PLACE_COUNT] = { 0 }, left = s->workers - 1;
	const struct sm_topology *t = s->t;
	struct cost cost = { .slower = slowness(t, t->pu[first].kind) };
	unsigned thread = 0;

	for (unsigned i = 0; i < t->pus; i++) {
		unsigned kinds = differ(t->pu[i].kind, t->pu[first].kind);

		thread = i > 0 && t->pu[i - 1].core == t->pu[i].core ? thread + 1 : 0;
		if (i != first)
			have[kinds < KINDS_MAX ? kinds : KINDS_MAX - 1][thread < THREADS_MAX ? thread : THREADS_MAX - 1]
			    [topology_relation(&t->pu[first], &t->pu[i])]++;
	}
	for (unsigned k = 0; k < KINDS_MAX; k++)
		for (unsigned h = 0; h < THREADS_MAX; h++)
			for (unsigned r = 0; r < SM_PLACE_COUNT && left > 0; r++) {
				unsigned taken = have[k][h][r] < left ? have[k][h][r] : left;

				cost.kinds += taken * k;
				cost.threads += taken * h;
				cost.away += taken * r;
				left -= taken;
			}
	return cost;
}

/* `near`: the first PU decides; there is room for all, on shared PUs where there are more workers than PUs. */
static void search_near(struct search *s)
{
	struct room_list all = { .at = s->space, .count = s->t->pus };
	unsigned first = 0;

	for (unsigned i = 0; i < s->t->pus; i++) {
		bool fits = thread_of(s->t, i) == 0 && (s->workers > 2 || s->t->pu[i].kind == s->t->home_kind);
		struct cost cost = fits ? near_cost(s, i) : (struct cost){ 0 };

		if (!fits || (s->found && !is_cheaper(&cost, &s->cost)))
			continue;
		s->found = true;
		s->cost = cost;
		first = i;
	}
	for (unsigned i = 0; i < all.count; i++)
		all.at[i].pu = &s->t->pu[(first + i) % all.count];
	order_list(s, &all, s->t->pu[first].kind);
	for (unsigned i = 0; i < s->workers; i++)
		s->best[i] = all.at[i % all.count].pu->os_index;
}

/* Searches on the home kind for a pair, on each kind for a larger team. */
static void search_kinds(struct search *s)
{
	if (s->workers == 2 || s->t->kinds == 0) {
		search_rooms(s, s->t->home_kind);
		/* a pair of two kinds is no pair of the placement */
		s->found &= s->cost.kinds == 0;
		return;
	}
	for (unsigned k = 0; k < s->t->kinds; k++)
		search_rooms(s, s->t->kind[k].number);
}

static void search_all(struct search *s)
{
	if (s->placement == SM_PLACE_NEAR) {
		search_near(s);
		return;
	}
	/* each side of cross-package on one node, while that has enough PUs: then the distance of the nodes decides */
	s->room = s->rule->room == ROOM_PACKAGE ? ROOM_NODE_OF_PACKAGE : s->rule->room;
	search_kinds(s);
	if ((!s->found || s->cost.kinds > 0) && s->room != s->rule->room) {
		s->room = s->rule->room;
		search_kinds(s);
	}
}

static int begin_search(struct search *s, struct sm_error *err)
{
	s->space = calloc(s->t->pus, sizeof(*s->space));
	s->list = calloc(s->t->pus, sizeof(*s->list));
	return s->space && s->list ? 0 : sm_fail(err, ENOMEM, "no memory to seat %u workers", s->workers);
}

static void end_search(struct search *s)
{
	free(s->space);
	free(s->list);
}

int topology_search_seats(const struct sm_topology *t, enum sm_placement placement, unsigned workers, unsigned *seat,
			  struct seats_found *out, struct sm_error *err)
{
	struct search s = {
		.t = t, .placement = placement, .rule = &rules[placement], .workers = workers, .best = seat
	};
	int rc = begin_search(&s, err);

	if (rc == 0)
		search_all(&s);
	end_search(&s);
	*out = (struct seats_found){ .found = s.found, .most = s.most, .most_twin = s.most_twin };
	return rc;
}

bool topology_has_pair(const struct sm_topology *t, enum sm_placement placement, int kind)
{
	unsigned pair[2];
	struct search s = { .t = t, .placement = placement, .rule = &rules[placement], .workers = 2, .best = pair };

	s.room = s.rule->room;
	if (begin_search(&s, NULL) == 0)
		search_rooms(&s, kind);
	end_search(&s);
	return s.found && s.cost.kinds == 0;
}
