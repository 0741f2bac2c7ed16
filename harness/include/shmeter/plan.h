/* The plan: which cases run, how many operations, in which order.  It uses no clock and no processes. */
#ifndef SHMETER_PLAN_H
#define SHMETER_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/intern.h"
#include "shmeter/scenario.h"
#include "shmeter/stats.h"
#include "shmeter/text.h"
#include "shmeter/tour.h"

enum sm_profile { SM_QUICK, SM_STANDARD, SM_FULL };
const char *sm_profile_name(enum sm_profile profile);
SM_MUST_USE int sm_profile_parse(const char *name, enum sm_profile *out, struct sm_error *err);

#define SM_SLICES_LEAST 3
#define SM_SLICES_MAX   4096
#define SM_SETS_MAX     16
/* A worker alone gets this many times the slices.  A neighbour on its core may come and go within a trial, and each
 * variant of a block needs three slices in one band of paces. */
#define SM_ALONE_FACTOR 3
/* Budget of a standard run where the user gives neither a budget nor a number of blocks.  All scenarios would otherwise
 * take half an hour. */
#define SM_STANDARD_BUDGET_NS 600000000000u

struct sm_plan_options {
	enum sm_profile profile;
	/* Globs on "scenario", "scenario/variant", "family/..."; none: all.  Conditions on parameters may follow, as in a
	 * claim's `at`: "false_sharing/packed op=store". */
	const char *const *patterns;
	size_t pattern_count;
	uint64_t seed;
	uint64_t budget_ns;     /* 0: none; see SM_STANDARD_BUDGET_NS */
	unsigned repeat_blocks; /* 0: the profile's */
	uint64_t slice_ns;      /* target length of a slice; 0: 1 ms, longer where workers share PUs */
	/* slices of a trial of a warm case, SM_SLICES_LEAST to SM_SLICES_MAX; 0: by profile and length of a slice */
	unsigned slices;
	/* A group with a case that matches one of these globs gets `longer_blocks` blocks. */
	const char *const *longer;
	size_t longer_count;
	unsigned longer_blocks;
	const struct sm_topology *topology; /* for parameters that depend on the PUs; NULL: PUs 0 and 1 */
	enum sm_placement placement;        /* UNSET: the scenarios' own */
	const unsigned *pu_list;
	unsigned pu_list_count;
	/* The kind of cores on which everything runs: its number, "fastest" or "slowest".  NULL: on all, and single
	 * workers and pairs on the home kind (sm_topology_home_kind()). */
	const char *kind;
	struct sm_memory memory; /* UNSET fields: the scenarios' own */
	struct {
		const char *name, *text; /* "message", "64,4k" */
	} set[SM_SETS_MAX];
	unsigned set_count;
	/* "false_sharing/packed=10": lengthen every slice of the cases that match by 10 %, to test a gate.  NULL:
	 * none. */
	const char *inject;
};

/* The part of a case that visits pairs of PUs. */
struct sm_planned_tour {
	bool together;      /* rounds may have more than one pair */
	uint64_t round_ns;  /* of one round */
	uint64_t team_ns;   /* what a trial takes before and after its slices and rounds */
	uint64_t trips;     /* operations of a sample; 0: no tour */
	size_t round_count; /* of the whole schedule */
	size_t pair_count;
	unsigned pu_count, widest; /* processes; most pairs of a round */
	double visits;             /* of each pair, in the whole run */
	size_t rounds;             /* of one trial: block b begins with round b * rounds */
	struct sm_company company; /* what decided `together` */
};

/* One case of the plan. */
struct sm_planned_case {
	struct sm_case c;
	unsigned group;
	sm_name id; /* as in samples.csv */
	sm_name group_id;
	/* Set by calibration or by the scenario. */
	uint64_t op_count; /* of a slice; 0: not calibrated yet */
	unsigned slices;
	uint64_t trial_ns;           /* estimated wall time of a trial */
	uint64_t slice_ns;           /* the part of it that one slice takes; 0: not known */
	struct sm_planned_tour tour; /* of a scenario with pair_params */
	bool skipped;                /* cannot run here: `reason` */
	sm_name reason;              /* "" for none */
	/* What went wrong in a calibration, even if a later one worked; "" for nothing. */
	sm_name failure;
	int failure_status; /* enum sm_status */
};

struct sm_planned_group {
	unsigned first, count; /* its cases are consecutive */
	unsigned blocks;
	const struct sm_scenario *scenario;
};

/* One trial to run. */
struct sm_step {
	unsigned case_index, block, order;
};

struct sm_plan {
	enum sm_profile profile;
	uint64_t seed;
	struct sm_planned_case *cases;
	size_t case_count;
	struct sm_planned_group *groups;
	size_t group_count;
	struct sm_step *steps;
	size_t step_count;
	uint64_t estimate_ns;
	struct sm_pair_sets **pair_sets; /* those of the cases; malloc'ed */
	size_t pair_set_count;
};

/* Whether a scenario is the control that every run carries. */
bool sm_plan_is_control(const struct sm_scenario *scenario);
/* Whether the patterns choose the scenario or a variant of it.  Without patterns, all are chosen. */
bool sm_plan_chooses(const struct sm_plan_options *options, const struct sm_scenario *scenario);
/* -EINVAL with the first pattern that no scenario matches. */
SM_MUST_USE int sm_plan_check_patterns(const struct sm_plan_options *options,
				       const struct sm_scenario *const *scenarios, size_t count, struct sm_error *err);
/* Expands scenarios x variants x parameter points x placements into cases and groups.  -EINVAL names the pattern that
 * matches nothing, or the parameter of --set that is unknown or out of range.  Free with sm_plan_free(). */
SM_MUST_USE int sm_plan_expand(struct sm_plan *plan, const struct sm_plan_options *options,
			       const struct sm_scenario *const *scenarios, size_t scenario_count, struct sm_error *err);
/* Orders the steps: Latin squares within blocks, and the blocks of all groups shuffled over the run.  The same seed and
 * cases give the same steps.  A skipped case has no steps. */
void sm_plan_schedule(struct sm_plan *plan, const struct sm_plan_options *options);
/* Reduces slices and blocks so that the calibrated cases take about `room_ns` together, and leaves some time to add
 * blocks later.  Keeps the minimum that gives a confidence interval, even over `room_ns`, and the slices that options
 * ask for. */
void sm_plan_fit(struct sm_plan *plan, const struct sm_plan_options *options, uint64_t room_ns);
void sm_plan_free(struct sm_plan *plan);

/* The share by which `inject` lengthens a case's slices (0.1: by 10 %); 0: not at all.  -EINVAL where `inject` is not
 * CASE=PERCENT with a number from 0 to 1000. */
SM_MUST_USE int sm_plan_injected(const struct sm_plan_options *options, const struct sm_case *c, double *share,
				 struct sm_error *err);

/* "op=store processes=2" (with the separator), "-" for a scenario without parameters. */
void sm_case_params(const struct sm_case *c, char separator, char *out, size_t size);
/* A value of a parameter in words: "8", its label, "4xPU" for SM_TIMES_PUS(4), "..." for SM_DOUBLING, "2 (from 4 PUs)"
 * for SM_FROM_PUS(4, 2).  Returns `out`. */
const char *sm_value_text(const struct sm_param *param, struct sm_swept value, char out[SM_TEXT_MAX]);
/* Entry `i` of a list: the plain numbers first, then the others. */
struct sm_swept sm_values_at(const struct sm_values *values, unsigned i);
/* Whether a claim compares two variants, so that its `versus` is set. */
static inline bool sm_claim_compares(const struct sm_claim *claim)
{
	return claim->kind == SM_CLAIM_RATIO || claim->kind == SM_CLAIM_DIFFERENCE;
}
/* One condition of a claim's or a gate's `at`: "message=64", "placement=near", "workers<=1xPU". */
enum sm_condition_of {
	SM_OF_PARAM,
	SM_OF_PLACEMENT,
	SM_OF_CORES,
	SM_OF_NODES,
	SM_OF_BACKING,
	SM_OF_PAGES,
	SM_OF_PREFAULT,
	SM_OF_NUMA,
	SM_OF_WORKERS
};
struct sm_condition {
	enum sm_condition_of of;
	sm_name value;    /* NULL for a parameter or workers, where it may be a bound */
	const char *word; /* points into `at`, `length` characters */
	size_t length;
};
/* Reads the next condition of `*at` (NULL: none) and advances it; false at the end. */
bool sm_condition_next(const char **at, struct sm_condition *out);
/* Whether `at` contains this condition. */
bool sm_at_asks(const char *at, enum sm_condition_of of, const char *value);
/* Whether parameters ("processes=8 inside=0") meet a condition.  `pus` is the value of xPU; 0: unknown. */
bool sm_condition_holds(const struct sm_condition *condition, const char *params, unsigned pus);
/* The same for a condition given as text, of `length` characters.  With `pus` 0 a condition on xPU never holds. */
bool sm_at_holds(const char *params, const char *word, size_t length, unsigned pus);
/* Whether the case has a region, so that its memory options apply. */
bool sm_case_has_region(const struct sm_case *c);

/* Blocks of a profile: quick 8, standard 16, full 30. */
unsigned sm_profile_blocks(enum sm_profile profile);
/* Fills `rows` with one row of a Latin square of `n` treatments for each of `blocks` blocks; each row is a permutation
 * of 0..n-1.  Williams' design, with the rows of each square in random order: two treatments give AB, BA or BA, AB. */
void sm_plan_latin_rows(struct sm_random *random, unsigned n, unsigned blocks, unsigned *rows);

#endif
