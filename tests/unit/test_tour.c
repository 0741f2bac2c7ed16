/* The schedule of a tour, with an oracle of its own: on every machine each ordered pair is visited once, the pairs of a
 * round share nothing, and any beginning of it spreads over the machine. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/tour.h"

/* Machines that are not here, in hwloc's words. */
static const char *const synthetic[] = {
	"pack:1 core:1 pu:1",
	"pack:1 core:1 pu:2",
	"pack:1 l3:1 core:2 pu:1",
	"pack:1 l3:3 core:3 pu:2",
	"pack:2 l3:2 l2:2 core:2 pu:2",
	"pack:2 l3:3 core:2 pu:1",
	"numa:2 pack:1 l3:5 core:2 pu:2",
	"pack:2 numa:2 l3:2 core:3 pu:1",
	"pack:1 numa:4 core:4 pu:1",
	"pack:3 core:5 pu:1",
	"numa:3 core:4 pu:2",
	"pack:1 l2:4 core:4 pu:1",
	"pack:2 l3:12 core:8 pu:2",
	"pack:7 l3:1 core:3 pu:1",
	"pack:1 l3:201 core:1 pu:1",
	"numa:2 l3:101 core:1 pu:2",
};

/* Whose PUs the tables below are of; NULL after a topology was closed. */
static const struct sm_pu *judged, *found_in;

/* Whether two PUs may share a last-level cache: by what is known of them, not by the code's domains. */
static bool near_each_other(const struct sm_topology *topology, const struct sm_pu *a, const struct sm_pu *b)
{
	static bool unknown[64]; /* packages with a cache that is not known, of the last topology */
	unsigned count;
	const struct sm_pu *pu = sm_topology_pus(topology, &count);

	if (judged != pu) {
		memset(unknown, 0, sizeof(unknown));
		for (unsigned i = 0; i < count; i++)
			unknown[pu[i].package % 64] |= pu[i].l3 < 0;
		judged = pu;
	}
	if (a->l3 >= 0 && b->l3 >= 0 && a->l3 == b->l3)
		return true;
	return a->package == b->package && unknown[a->package % 64];
}

/* The PU of a number; the table is that of the last topology. */
static const struct sm_pu *find(const struct sm_topology *topology, unsigned os_index)
{
	static const struct sm_pu *table[4096];
	unsigned count;
	const struct sm_pu *pu = sm_topology_pus(topology, &count);

	if (found_in != pu || !table[os_index] || table[os_index]->os_index != os_index)
		for (unsigned i = 0; i < count; i++)
			table[pu[i].os_index] = &pu[i];
	found_in = pu;
	return table[os_index];
}

static struct sm_pair_sets every_pu(const struct sm_topology *topology)
{
	struct sm_pair_sets sets = { .all = true };
	unsigned count;
	const struct sm_pu *pu = sm_topology_pus(topology, &count);

	sets.from = calloc(count, sizeof(*sets.from));
	for (unsigned i = 0; i < count; i++)
		sets.from[i] = pu[i].os_index;
	sets.to = sets.from;
	sets.from_count = sets.to_count = count;
	return sets;
}

/* Checks one round: its pairs are disjoint, and no two of them may meet in a last-level cache. */
static void check_round(const struct sm_topology *topology, const struct sm_tour *tour, size_t round, const char *name)
{
	for (uint32_t i = tour->round[round]; i < tour->round[round + 1]; i++)
		for (uint32_t j = i + 1; j < tour->round[round + 1]; j++) {
			const unsigned one[] = { tour->pu[tour->pair[i].from], tour->pu[tour->pair[i].to] };
			const unsigned other[] = { tour->pu[tour->pair[j].from], tour->pu[tour->pair[j].to] };

			/* an assertion that holds costs more than what it checks */
			for (unsigned k = 0; k < 4; k++)
				if (one[k / 2] == other[k % 2] ||
				    near_each_other(topology, find(topology, one[k / 2]), find(topology, other[k % 2])))
					cr_expect(false, "%s, round %zu: PUs %u and %u", name, round, one[k / 2],
						  other[k % 2]);
		}
}

/* Counts each pair of a tour in `seen`, by the PUs' places. */
static void count_pairs(const struct sm_topology *topology, const struct sm_tour *tour, enum sm_placement relation,
			unsigned char *seen, unsigned count, const char *name)
{
	const struct sm_pu *base = sm_topology_pus(topology, &count);
	size_t wrong = 0;

	cr_expect_eq(tour->round[tour->round_count], tour->pair_count);
	for (size_t i = 0; i < tour->pair_count; i++) {
		const struct sm_pu *from = find(topology, tour->pu[tour->pair[i].from]);
		const struct sm_pu *to = find(topology, tour->pu[tour->pair[i].to]);

		seen[(size_t)(from - base) * count + (size_t)(to - base)]++;
		wrong += sm_topology_relation(topology, from->os_index, to->os_index) != relation;
	}
	cr_expect_eq(wrong, 0, "%s: %zu pairs have another relation", name, wrong);
}

/* All relations of a machine together visit each ordered pair once, whatever the width. */
static void check_machine(const char *name, enum sm_tour_width width)
{
	struct sm_topology *topology;
	struct sm_error err = { 0 };
	unsigned count, relations;
	unsigned char *seen;
	size_t wrong = 0;

	judged = found_in = NULL;
	cr_assert_eq(sm_topology_open(&topology, name, &err), 0, "%s: %s", name, err.text);
	sm_topology_pus(topology, &count);
	seen = calloc((size_t)count * count, 1);
	struct sm_pair_sets sets = every_pu(topology);

	relations = sm_tour_relations(topology, &sets);
	for (unsigned k = 0; k < SM_PLACE_COUNT; k++) {
		struct sm_tour tour;
		int rc = sm_tour_make(&tour, topology, &sets, (enum sm_placement)k, width, 7, &err);

		cr_assert_eq(rc, relations & 1u << k ? 0 : -ENODEV, "%s", name);
		if (rc < 0)
			continue;
		count_pairs(topology, &tour, (enum sm_placement)k, seen, count, name);
		for (size_t r = 0; r < tour.round_count; r++) {
			check_round(topology, &tour, r, name);
			cr_expect(width == SM_TOUR_COMPANY || tour.round[r + 1] - tour.round[r] == 1);
		}
		sm_tour_free(&tour);
	}
	for (unsigned i = 0; i < count * count; i++)
		wrong += seen[i] != (i / count != i % count);
	cr_expect_eq(wrong, 0, "%s: %zu of the pairs of %u PUs were not visited once", name, wrong, count);
	free(seen);
	free(sets.from);
	sm_topology_close(topology);
}

Test(tour, visits_each_ordered_pair_once_and_shares_nothing, .timeout = 120)
{
	for (size_t i = 0; i < sizeof(synthetic) / sizeof(synthetic[0]); i++)
		for (int width = SM_TOUR_ALONE; width <= SM_TOUR_COMPANY; width++)
			check_machine(synthetic[i], (enum sm_tour_width)width);
}

Test(tour, visits_each_pair_of_recorded_machines_once, .timeout = 120)
{
	const char *folder = getenv("TOPOLOGIES") ? getenv("TOPOLOGIES") : TEST_MACHINES;
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	unsigned machines = 0;

	cr_assert(dir);
	while ((entry = readdir(dir))) {
		char path[4200];
		const char *end = strrchr(entry->d_name, '.');

		if (!end || strcmp(end, ".xml") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		check_machine(path, SM_TOUR_COMPANY);
		machines++;
	}
	closedir(dir);
	cr_expect_gt(machines, 3);
}

/* Small random machines: 200 of them, by levels and numbers. */
Test(tour, visits_each_pair_of_random_machines_once, .timeout = 120)
{
	struct sm_random random;

	sm_random_seed(&random, 19);
	for (unsigned i = 0; i < 200; i++) {
		char text[128];
		size_t used =
			(size_t)snprintf(text, sizeof(text), "pack:%u", 1 + (unsigned)sm_random_below(&random, 3));
		static const char *const levels[] = { "numa", "l3", "l2" };

		for (unsigned k = 0; k < 3; k++)
			if (sm_random_below(&random, 2))
				used += (size_t)snprintf(text + used, sizeof(text) - used, " %s:%u", levels[k],
							 1 + (unsigned)sm_random_below(&random, 3));
		snprintf(text + used, sizeof(text) - used, " core:%u pu:%u", 1 + (unsigned)sm_random_below(&random, 3),
			 1 + (unsigned)sm_random_below(&random, 2));
		check_machine(text, SM_TOUR_COMPANY);
	}
}

/* One tour of a machine; the caller frees both. */
static struct sm_topology *open_tour(const char *machine, enum sm_placement relation, enum sm_tour_width width,
				     uint64_t seed, struct sm_tour *tour)
{
	struct sm_topology *topology;
	struct sm_error err = { 0 };

	cr_assert_eq(sm_topology_open(&topology, machine, &err), 0, "%s", err.text);
	struct sm_pair_sets sets = every_pu(topology);

	cr_assert_eq(sm_tour_make(tour, topology, &sets, relation, width, seed, &err), 0, "%s", err.text);
	free(sets.from);
	return topology;
}

/* How many rounds a tour has for each that its busiest cache needs at least; `*widest` is its widest round. */
static double rounds_for_each(const char *machine, enum sm_placement relation, unsigned least, unsigned *widest)
{
	struct sm_tour tour;
	struct sm_topology *topology = open_tour(machine, relation, SM_TOUR_COMPANY, 1, &tour);
	double rounds = tour.round_count;

	*widest = tour.widest;
	sm_tour_free(&tour);
	sm_topology_close(topology);
	return rounds / least;
}

/* A machine of 384 PUs is filled: 24 last-level caches play 24 pairs inside them, or 12 between them. */
Test(tour, keeps_all_caches_busy)
{
	static const char machine[] = "numa:2 l3:12 core:8 pu:2", large[] = "numa:8 l3:16 core:8 pu:1";
	unsigned widest;

	cr_expect_eq(rounds_for_each(machine, SM_PLACE_SHARED_L3, 16 * 14, &widest), 1);
	cr_expect_eq(widest, 24);
	cr_expect_lt(rounds_for_each(machine, SM_PLACE_SAME_NODE, 11 * 2 * 16 * 16, &widest), 1.3);
	cr_expect_eq(widest, 12);
	cr_expect_lt(rounds_for_each(machine, SM_PLACE_CROSS_NODE, 12 * 2 * 16 * 16, &widest), 1.3);
	cr_expect_eq(widest, 12);
	cr_expect_lt(rounds_for_each(large, SM_PLACE_CROSS_NODE, 7 * 16 * 2 * 8 * 8, &widest), 1.3);
	cr_expect_eq(widest, 64);
}

Test(tour, the_same_seed_gives_the_same_schedule)
{
	struct sm_tour a, b, c;
	struct sm_topology *one = open_tour("pack:2 l3:3 core:3 pu:2", SM_PLACE_SAME_NODE, SM_TOUR_COMPANY, 5, &a);
	struct sm_topology *two = open_tour("pack:2 l3:3 core:3 pu:2", SM_PLACE_SAME_NODE, SM_TOUR_COMPANY, 5, &b);
	struct sm_topology *three = open_tour("pack:2 l3:3 core:3 pu:2", SM_PLACE_SAME_NODE, SM_TOUR_COMPANY, 6, &c);

	cr_assert_eq(a.pair_count, b.pair_count);
	cr_expect_eq(memcmp(a.pair, b.pair, a.pair_count * sizeof(*a.pair)), 0);
	cr_expect_neq(memcmp(a.pair, c.pair, a.pair_count * sizeof(*a.pair)), 0);
	sm_tour_free(&a);
	sm_tour_free(&b);
	sm_tour_free(&c);
	sm_topology_close(one);
	sm_topology_close(two);
	sm_topology_close(three);
}

/* A tour that is cut short saw most of the machine: a tenth of the pairs one at a time touches every cache. */
Test(tour, a_part_of_it_spreads_over_the_caches)
{
	struct sm_tour tour;
	struct sm_topology *topology =
		open_tour("pack:2 l3:6 core:4 pu:1", SM_PLACE_SAME_NODE, SM_TOUR_ALONE, 3, &tour);
	unsigned caches = 0;
	bool seen[12] = { false };

	for (size_t i = 0; i < tour.pair_count / 10; i++) {
		seen[find(topology, tour.pu[tour.pair[i].from])->l3] = true;
		seen[find(topology, tour.pu[tour.pair[i].to])->l3] = true;
	}
	for (unsigned i = 0; i < 12; i++)
		caches += seen[i];
	cr_expect_eq(caches, 12, "%u", caches);
	sm_tour_free(&tour);
	sm_topology_close(topology);
}

/* The pairs go from the chosen PUs to the chosen PUs, and the others have no process. */
Test(tour, visits_the_chosen_pus_alone)
{
	unsigned from[] = { 5 }, to[] = { 0, 5, 9 }, reference[2];
	struct sm_pair_sets sets = { from, to, 1, 3, false };
	struct sm_topology *topology;
	struct sm_error err = { 0 };
	struct sm_tour tour;

	cr_assert_eq(sm_topology_open(&topology, "pack:1 l3:2 core:8 pu:1", &err), 0);
	cr_expect_eq(sm_tour_relations(topology, &sets), 1u << SM_PLACE_SHARED_L3 | 1u << SM_PLACE_SAME_NODE);
	cr_assert_eq(sm_tour_make(&tour, topology, &sets, SM_PLACE_SAME_NODE, SM_TOUR_COMPANY, 1, &err), 0);
	cr_expect(tour.pair_count == 1 && tour.pu_count == 2 && tour.pu[0] == 5 && tour.pu[1] == 9);
	cr_assert_eq(sm_tour_reference(topology, &sets, SM_PLACE_SAME_NODE, reference, &err), 0);
	cr_expect(reference[0] == 5 && reference[1] == 9);
	cr_expect_eq(sm_tour_reference(topology, &sets, SM_PLACE_SMT, reference, &err), -ENODEV);
	cr_expect(strstr(err.text, "has the relation \"smt\""), "%s", err.text);
	sm_tour_free(&tour);
	sm_topology_close(topology);
}

/* What the check says of pairs that company makes slower by a factor. */
static struct sm_company judge(double factor, double scatter)
{
	struct sm_tour tour, check;
	struct sm_topology *topology =
		open_tour("pack:1 l3:6 core:4 pu:1", SM_PLACE_SHARED_L3, SM_TOUR_COMPANY, 1, &tour);
	struct sm_error err = { 0 };
	struct sm_company company;
	struct sm_random random;
	double *ns;

	cr_assert_eq(sm_tour_check_make(&check, &tour, &err), 0);
	ns = calloc(check.pair_count, sizeof(*ns));
	sm_random_seed(&random, 3);
	for (size_t r = 0; r < check.round_count; r++)
		for (uint32_t i = check.round[r]; i < check.round[r + 1]; i++)
			ns[i] = (check.round[r + 1] - check.round[r] > 1 ? factor : 1) * (20 + check.pair[i].from) *
				(1 + scatter * ((double)sm_random_below(&random, 1001) / 500 - 1));
	for (size_t r = 0; r < check.round_count; r++)
		check_round(topology, &check, r, "check");
	sm_tour_check_judge(&check, ns, &company);
	free(ns);
	sm_tour_free(&check);
	sm_tour_free(&tour);
	sm_topology_close(topology);
	return company;
}

Test(tour, company_is_allowed_only_where_it_changes_little)
{
	struct sm_company quiet = judge(1.01, 0.02), loud = judge(1.10, 0.02), helped = judge(0.9, 0.02);
	struct sm_company noisy = judge(1.0, 0.9);

	cr_expect(quiet.known && quiet.harmless && quiet.widest == 6 && quiet.visits == 64 && quiet.pairs == 8);
	cr_expect(quiet.ratio.low < 1.01 && quiet.ratio.high > 1.01);
	cr_expect(loud.known && !loud.harmless && loud.ratio.estimate > 1.08);
	cr_expect(helped.known && !helped.harmless);
	cr_expect(!noisy.harmless, "an interval from %g to %g shows nothing", noisy.ratio.low, noisy.ratio.high);
}

/* Pairs that always have the machine to themselves need no check. */
Test(tour, without_company_there_is_nothing_to_check)
{
	struct sm_tour tour, check;
	struct sm_topology *topology =
		open_tour("pack:1 l3:1 core:4 pu:1", SM_PLACE_SHARED_L3, SM_TOUR_COMPANY, 1, &tour);
	struct sm_error err = { 0 };
	struct sm_company company;

	cr_assert_eq(sm_tour_check_make(&check, &tour, &err), 0);
	cr_expect_eq(check.round_count, 0);
	sm_tour_check_judge(&check, NULL, &company);
	cr_expect(!company.known && !company.harmless);
	sm_tour_free(&check);
	sm_tour_free(&tour);
	sm_topology_close(topology);
}
