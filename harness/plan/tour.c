/* Schedules a tour: a tournament of the last-level caches, in which each match plays the pairs of PUs between two of
 * them.
 *
 * The caches with most pairs left are matched first, so that none is left over with many when the others are done.  A
 * tournament takes at least as many rounds as its busiest cache has pairs; this one takes up to a quarter more. */
#include "shmeter/tour.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/memory.h"

/* The check: so many of the widest rounds, each so often; so many of its pairs are measured alone. */
#define CHECK_ROUNDS  4u
#define CHECK_REPEATS 8u
#define CHECK_WATCHED 2u
#define CONFIDENCE    0.95
/* With more domains than this their matches are too many to be sorted again and again. */
#define SORTED_MOST 200u

/* A PU that takes part. */
struct player {
	const struct sm_pu *pu;
	bool from, to;
	unsigned domain; /* of PUs that may share a last-level cache */
};

/* Pairs between two domains, or inside one: `count` of sm_tour_pair from `first` on, the last `left` of them not yet
 * played. */
struct match {
	unsigned a, b;
	size_t first, count, left;
	size_t rank;   /* in the current choice: the load of the busier domain */
	uint64_t draw; /* and the order of equals */
};

/* A schedule that is being made. */
struct draft {
	struct player *player;
	unsigned players, domains;
	struct match *match;
	size_t matches;
	struct match **chosen; /* [domains]: those that play at the same time */
	struct sm_tour_pair *pair;
	size_t pairs;
	size_t *load; /* [domains]: pairs left */
	struct sm_random random;
};

static bool is_in(const unsigned *list, unsigned count, unsigned os_index)
{
	for (unsigned i = 0; i < count; i++)
		if (list[i] == os_index)
			return true;
	return false;
}

/* The chosen PUs in hwloc's order; the caller frees them. */
static struct player *players_of(const struct sm_topology *topology, const struct sm_pair_sets *sets, unsigned *count)
{
	unsigned pus;
	const struct sm_pu *pu = sm_topology_pus(topology, &pus);
	struct player *player = sm_zeroed_memory(pus + 1, sizeof(*player));

	*count = 0;
	for (unsigned i = 0; i < pus; i++) {
		struct player one = { .pu = &pu[i],
				      .from = is_in(sets->from, sets->from_count, pu[i].os_index),
				      .to = is_in(sets->to, sets->to_count, pu[i].os_index) };

		if (one.from || one.to)
			player[(*count)++] = one;
	}
	return player;
}

static bool has_relation(const struct player *from, const struct player *to, enum sm_placement relation)
{
	return from->pu != to->pu && from->from && to->to && sm_pu_relation(from->pu, to->pu) == relation;
}

unsigned sm_tour_relations(const struct sm_topology *topology, const struct sm_pair_sets *sets)
{
	unsigned count, found = 0;
	struct player *player = players_of(topology, sets, &count);

	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < count; j++)
			if (i != j && player[i].from && player[j].to)
				found |= 1u << sm_pu_relation(player[i].pu, player[j].pu);
	free(player);
	return found;
}

static int no_pair(enum sm_placement relation, unsigned players, struct sm_error *err)
{
	if (players < 2)
		return sm_fail(err, ENODEV,
			       "a pair takes two PUs, and this run may use one: allow more of them (taskset, cpuset), "
			       "or name others with --set from= and --set to=");
	return sm_fail(
		err, ENODEV,
		"no pair of the %u PUs has the relation \"%s\": choose others with --set from= and --set to=, or "
		"another --placement",
		players, sm_placement_name(relation));
}

int sm_tour_reference(const struct sm_topology *topology, const struct sm_pair_sets *sets, enum sm_placement relation,
		      unsigned out[2], struct sm_error *err)
{
	unsigned count;
	struct player *player = players_of(topology, sets, &count);
	int fastest = -2; /* hwloc's kinds begin at 0, and -1 is unknown */

	for (unsigned i = 0; i < count; i++)
		for (unsigned j = 0; j < count; j++) {
			int a = player[i].pu->kind, b = player[j].pu->kind, slower = a < b ? a : b;

			if (slower <= fastest || !has_relation(&player[i], &player[j], relation))
				continue;
			fastest = slower;
			out[0] = player[i].pu->os_index;
			out[1] = player[j].pu->os_index;
		}
	free(player);
	return fastest == -2 ? no_pair(relation, count, err) : 0;
}

/* Whether hwloc knows the L3 of every chosen PU of a package. */
static bool knows_caches(const struct draft *d, unsigned package)
{
	for (unsigned i = 0; i < d->players; i++)
		if (d->player[i].pu->package == package && d->player[i].pu->l3 < 0)
			return false;
	return true;
}

/* Whether two PUs may share a last-level cache.  Where hwloc does not know a package's caches, all of it may. */
static bool may_share_cache(const struct sm_pu *a, const struct sm_pu *b, bool known)
{
	return known ? a->l3 == b->l3 : a->package == b->package;
}

static void find_domains(struct draft *d)
{
	const struct sm_pu **first = sm_zeroed_memory(d->players + 1, sizeof(*first));

	for (unsigned i = 0; i < d->players; i++) {
		const struct sm_pu *pu = d->player[i].pu;
		bool known = knows_caches(d, pu->package);
		unsigned domain = 0;

		while (domain < d->domains && !may_share_cache(first[domain], pu, known && first[domain]->l3 >= 0))
			domain++;
		if (domain == d->domains)
			first[d->domains++] = pu;
		d->player[i].domain = domain;
	}
	free((void *)first);
}

static struct match *match_of(const struct draft *d, unsigned a, unsigned b)
{
	return &d->match[(size_t)(a < b ? a : b) * d->domains + (a < b ? b : a)];
}

/* Sorts the pairs of the relation by match, and shuffles those of each. */
static void deal(struct draft *d, enum sm_placement relation)
{
	size_t next = 0;

	d->matches = (size_t)d->domains * d->domains;
	d->match = sm_zeroed_memory(d->matches + 1, sizeof(*d->match));
	for (unsigned i = 0; i < d->players; i++)
		for (unsigned j = 0; j < d->players; j++)
			if (has_relation(&d->player[i], &d->player[j], relation))
				match_of(d, d->player[i].domain, d->player[j].domain)->count++;
	for (size_t m = 0; m < d->matches; m++) {
		d->match[m].a = (unsigned)(m / d->domains);
		d->match[m].b = (unsigned)(m % d->domains);
		d->match[m].first = next;
		next += d->match[m].count;
	}
	d->pairs = next;
	d->pair = sm_zeroed_memory(next + 1, sizeof(*d->pair));
	for (unsigned i = 0; i < d->players; i++)
		for (unsigned j = 0; j < d->players; j++)
			if (has_relation(&d->player[i], &d->player[j], relation)) {
				struct match *m = match_of(d, d->player[i].domain, d->player[j].domain);

				d->pair[m->first + m->left++] = (struct sm_tour_pair){ (uint16_t)i, (uint16_t)j };
			}
	for (size_t m = 0; m < d->matches; m++)
		sm_random_shuffle(&d->random, &d->pair[d->match[m].first], d->match[m].count, sizeof(*d->pair));
}

static int busiest_first(const void *a, const void *b)
{
	const struct match *x = a, *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return (x->draw > y->draw) - (x->draw < y->draw);
}

/* Chooses matches that have no domain in common, those of the busiest domains before others; returns how many. */
static size_t choose_matches(struct draft *d)
{
	bool *taken = sm_zeroed_memory(d->domains + 1, sizeof(*taken));
	size_t chosen = 0, open = 0;

	for (size_t m = 0; m < d->matches; m++) /* drops those that are over */
		if (d->match[m].left > 0) {
			struct match *one = &d->match[open++];

			*one = d->match[m];
			one->rank = d->load[one->a] > d->load[one->b] ? d->load[one->a] : d->load[one->b];
			one->draw = sm_random_next(&d->random);
		}
	d->matches = open;
	qsort(d->match, open, sizeof(*d->match), busiest_first);
	for (size_t m = 0; m < open; m++) {
		struct match *one = &d->match[m];

		if (taken[one->a] || taken[one->b])
			continue;
		taken[one->a] = taken[one->b] = true;
		d->chosen[chosen++] = one;
	}
	free(taken);
	return chosen;
}

/* The matches of a day by the circle method, in which the last domain stands still and the others move on by one a day;
 * on day 0 each plays inside itself.  Returns how many are not over. */
static size_t matches_on(struct draft *d, unsigned day)
{
	unsigned circle = (d->domains + 1) / 2 * 2 - 1, count = day == 0 ? d->domains : (circle + 1) / 2;
	size_t chosen = 0;

	for (unsigned k = 0; k < count; k++) {
		unsigned a = day == 0 ? k : k == 0 ? circle : (day - 1 + k) % circle;
		unsigned b = day == 0 ? k : (day - 1 + circle - k) % circle;

		if (a < d->domains && b < d->domains && match_of(d, a, b)->left > 0)
			d->chosen[chosen++] = match_of(d, a, b);
	}
	return chosen;
}

static void end_round(struct sm_tour *tour)
{
	unsigned width = (unsigned)(tour->pair_count - tour->round[tour->round_count]);

	tour->widest = width > tour->widest ? width : tour->widest;
	tour->round[++tour->round_count] = (uint32_t)tour->pair_count;
}

static void add_load(struct draft *d, const struct match *match, size_t pairs)
{
	d->load[match->a] += pairs;
	if (match->a != match->b)
		d->load[match->b] += pairs;
}

/* Plays the chosen matches until one of them is over. */
static void play(struct draft *d, size_t chosen, struct sm_tour *tour)
{
	size_t rounds = SIZE_MAX;

	for (size_t m = 0; m < chosen; m++)
		rounds = d->chosen[m]->left < rounds ? d->chosen[m]->left : rounds;
	for (size_t r = 0; r < rounds; r++) {
		for (size_t m = 0; m < chosen; m++) {
			struct match *match = d->chosen[m];

			tour->pair[tour->pair_count++] = d->pair[match->first + match->count - match->left--];
		}
		end_round(tour);
	}
	for (size_t m = 0; m < chosen; m++)
		add_load(d, d->chosen[m], -rounds);
}

static void make_room(struct sm_tour *tour, size_t pairs)
{
	tour->pair = sm_zeroed_memory(pairs + 1, sizeof(*tour->pair));
	tour->round = sm_zeroed_memory(pairs + 1, sizeof(*tour->round)); /* each round has a pair at least */
}

/* All rounds, in the order in which they were found. */
static void play_all(struct draft *d, struct sm_tour *tour)
{
	make_room(tour, d->pairs);
	d->load = sm_zeroed_memory(d->domains + 1, sizeof(*d->load));
	d->chosen = sm_zeroed_memory(d->domains + 1, sizeof(struct match *));
	for (size_t m = 0; m < d->matches; m++)
		add_load(d, &d->match[m], d->match[m].count);
	for (unsigned day = 0; tour->pair_count < d->pairs; day++) {
		size_t chosen;

		if (d->domains <= SORTED_MOST)
			play(d, choose_matches(d), tour);
		else
			while ((chosen = matches_on(d, day)) > 0)
				play(d, chosen, tour);
	}
	free((void *)d->chosen);
	free(d->load);
}

/* Copies the rounds in random order. */
static void lay_out(struct draft *d, const struct sm_tour *found, enum sm_tour_width width, struct sm_tour *tour)
{
	uint32_t *order = sm_zeroed_memory(found->round_count + 1, sizeof(*order));

	for (size_t r = 0; r < found->round_count; r++)
		order[r] = (uint32_t)r;
	sm_random_shuffle(&d->random, order, found->round_count, sizeof(*order));
	make_room(tour, d->pairs);
	for (size_t r = 0; r < found->round_count; r++) {
		for (uint32_t i = found->round[order[r]]; i < found->round[order[r] + 1]; i++) {
			tour->pair[tour->pair_count++] = found->pair[i];
			if (width == SM_TOUR_ALONE)
				end_round(tour);
		}
		if (width == SM_TOUR_COMPANY)
			end_round(tour);
	}
	free(order);
}

/* Keeps the PUs that some pair has. */
static void take_pus(struct sm_tour *tour, const struct draft *d)
{
	unsigned *place = sm_zeroed_memory(d->players + 1, sizeof(*place));

	tour->pu = sm_zeroed_memory(d->players + 1, sizeof(*tour->pu));
	for (size_t i = 0; i < tour->pair_count; i++)
		place[tour->pair[i].from] = place[tour->pair[i].to] = 1;
	for (unsigned i = 0; i < d->players; i++)
		if (place[i]) {
			place[i] = tour->pu_count;
			tour->pu[tour->pu_count++] = d->player[i].pu->os_index;
		}
	for (size_t i = 0; i < tour->pair_count; i++)
		tour->pair[i] =
			(struct sm_tour_pair){ (uint16_t)place[tour->pair[i].from], (uint16_t)place[tour->pair[i].to] };
	free(place);
}

int sm_tour_make(struct sm_tour *out, const struct sm_topology *topology, const struct sm_pair_sets *sets,
		 enum sm_placement relation, enum sm_tour_width width, uint64_t seed, struct sm_error *err)
{
	struct draft d = { .player = NULL };
	struct sm_tour found = { .pu = NULL };
	int rc = 0;

	memset(out, 0, sizeof(*out));
	d.player = players_of(topology, sets, &d.players);
	if (d.players > UINT16_MAX) {
		rc = sm_fail(err, E2BIG,
			     "%u PUs are more than a tour can have (%u): choose some with --set from=", d.players,
			     UINT16_MAX);
		free(d.player);
		return rc;
	}
	find_domains(&d);
	sm_random_seed(&d.random, seed);
	deal(&d, relation);
	play_all(&d, &found);
	lay_out(&d, &found, width, out);
	take_pus(out, &d);
	if (out->pair_count == 0) {
		rc = no_pair(relation, d.players, err);
		sm_tour_free(out);
	}
	sm_tour_free(&found);
	free(d.pair);
	free(d.match);
	free(d.player);
	return rc;
}

void sm_tour_free(struct sm_tour *tour)
{
	free(tour->pu);
	free(tour->pair);
	free(tour->round);
	memset(tour, 0, sizeof(*tour));
}

static void add_pairs(struct sm_tour *check, const struct sm_tour_pair *pair, size_t count)
{
	memcpy(&check->pair[check->pair_count], pair, count * sizeof(*pair));
	check->pair_count += count;
	end_round(check);
}

/* One repetition of a round: the watched pairs alone before the round, or after it. */
static void add_repeat(struct sm_tour *check, const struct sm_tour_pair *pair, size_t count, bool company_first)
{
	if (company_first)
		add_pairs(check, pair, count);
	for (unsigned w = 0; w < CHECK_WATCHED; w++)
		add_pairs(check, &pair[w], 1);
	if (!company_first)
		add_pairs(check, pair, count);
}

int sm_tour_check_make(struct sm_tour *out, const struct sm_tour *tour, struct sm_error *err)
{
	uint32_t chosen[CHECK_ROUNDS];
	unsigned count = 0;

	(void)err;
	memset(out, 0, sizeof(*out));
	for (size_t r = 0; r < tour->round_count && count < CHECK_ROUNDS; r++)
		if (tour->widest >= CHECK_WATCHED && tour->round[r + 1] - tour->round[r] == tour->widest)
			chosen[count++] = (uint32_t)r;
	out->pu = sm_zeroed_memory(tour->pu_count + 1, sizeof(*out->pu));
	memcpy(out->pu, tour->pu, tour->pu_count * sizeof(*out->pu));
	out->pu_count = tour->pu_count;
	out->pair = sm_zeroed_memory((size_t)CHECK_REPEATS * count * (tour->widest + CHECK_WATCHED) + 1,
				     sizeof(*out->pair));
	out->round = sm_zeroed_memory((size_t)CHECK_REPEATS * count * (1 + CHECK_WATCHED) + 1, sizeof(*out->round));
	for (unsigned repeat = 0; repeat < CHECK_REPEATS; repeat++)
		for (unsigned c = 0; c < count; c++)
			add_repeat(out, &tour->pair[tour->round[chosen[c]]], tour->widest, (repeat + c) % 2);
	return 0;
}

void sm_tour_check_judge(const struct sm_tour *check, const double *ns, struct sm_company *out)
{
	double *ratio = sm_zeroed_memory(check->round_count + 1, sizeof(*ratio));
	size_t count = 0;

	memset(out, 0, sizeof(*out));
	out->widest = check->widest;
	for (size_t r = 0; r + CHECK_WATCHED < check->round_count; r += 1 + CHECK_WATCHED) {
		bool company_first = check->round[r + 1] - check->round[r] > 1;
		const double *company = &ns[check->round[company_first ? r : r + CHECK_WATCHED]];
		const double *alone = &ns[check->round[company_first ? r + 1 : r]];

		for (unsigned w = 0; w < CHECK_WATCHED; w++)
			if (isfinite(company[w] / alone[w]) && company[w] > 0)
				ratio[count++] = log(company[w] / alone[w]);
	}
	out->visits = (unsigned)count;
	out->pairs = (unsigned)(check->round_count / (CHECK_REPEATS * (1 + CHECK_WATCHED)) * CHECK_WATCHED);
	out->ratio = sm_median_interval(ratio, count, CONFIDENCE);
	out->ratio.estimate = exp(out->ratio.estimate);
	out->ratio.low = exp(out->ratio.low);
	out->ratio.high = exp(out->ratio.high);
	out->known = isfinite(out->ratio.low);
	out->harmless =
		out->known && out->ratio.low > 1 / (1 + SM_COMPANY_SHARE) && out->ratio.high < 1 + SM_COMPANY_SHARE;
	free(ratio);
}
