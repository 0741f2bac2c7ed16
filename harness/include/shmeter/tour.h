/* The schedule of a tour: which pairs of PUs play ping-pong when, with one process on each PU (docs/adr/0023). */
#ifndef SHMETER_TOUR_H
#define SHMETER_TOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/stats.h"
#include "shmeter/topology.h"
#include "shmeter/worker.h"

/* A pair, by its indices in sm_tour.pu. */
struct sm_tour_pair {
	uint16_t from, to;
};

/* All ordered pairs of one relation, in rounds.  The pairs of a round share no PU and no last-level cache. */
struct sm_tour {
	unsigned *pu; /* the PUs of the pairs, by OS index, in hwloc's order: one process on each */
	unsigned pu_count;
	unsigned widest;           /* most pairs of a round */
	struct sm_tour_pair *pair; /* in the order of the rounds */
	size_t pair_count;
	uint32_t *round; /* [round_count + 1]: index of the first pair of each round */
	size_t round_count;
};

/* How many pairs a round may have. */
enum sm_tour_width {
	SM_TOUR_ALONE,   /* one */
	SM_TOUR_COMPANY, /* as many as there are last-level caches for */
};

/* The relations that pairs of these PUs have: bit `1 << enum sm_placement` for each. */
unsigned sm_tour_relations(const struct sm_topology *topology, const struct sm_pair_sets *sets);
/* The pair that stands for a relation (OS indices): the first one, in hwloc's order, on the fastest kind of cores that
 * has one.  -ENODEV where no pair has the relation. */
SM_MUST_USE int sm_tour_reference(const struct sm_topology *topology, const struct sm_pair_sets *sets,
				  enum sm_placement relation, unsigned out[2], struct sm_error *err);
/* Makes the schedule: each ordered pair of the relation once.  Rounds are in random order, so that any number of them
 * spreads over the caches and packages; the same seed gives the same schedule.  -ENODEV where no pair has the relation.
 * Free with sm_tour_free(). */
SM_MUST_USE int sm_tour_make(struct sm_tour *out, const struct sm_topology *topology, const struct sm_pair_sets *sets,
			     enum sm_placement relation, enum sm_tour_width width, uint64_t seed, struct sm_error *err);
void sm_tour_free(struct sm_tour *tour);

/* Pairs may be measured in company where this changes their median time by less than this share, with the whole 95 %
 * interval.  Two relations of a machine differ by 20 % and more, and a pair from one trial to the next by 2 to 5 %: what
 * is less than 5 % changes no order of pairs and hides behind that scatter. */
#define SM_COMPANY_SHARE 0.05

/* What company changes: the time of a pair in company over that of the same pair alone. */
struct sm_company {
	bool known; /* false: no round has two pairs, or it was not measured */
	bool harmless;
	unsigned pairs, visits; /* pairs that were compared; comparisons */
	unsigned widest;        /* pairs in flight */
	struct sm_interval ratio;
};
/* Makes the rounds of the check: some of the widest rounds of `tour`, each repeated, and before or after each of them
 * two of its pairs alone.  Without a round of two pairs the check has no rounds.  Free with sm_tour_free(). */
SM_MUST_USE int sm_tour_check_make(struct sm_tour *out, const struct sm_tour *tour, struct sm_error *err);
/* Judges the check: `ns` is the time of each of its pairs, NaN where it was not measured. */
void sm_tour_check_judge(const struct sm_tour *check, const double *ns, struct sm_company *out);

#endif
