/* The private part of a digest. */
#ifndef SM_ANALYSIS_DIGEST_H
#define SM_ANALYSIS_DIGEST_H

#include "parts.h"
#include "shmeter/digest.h"

/* Pair classes of two runs are the same where their round trips differ by less than this factor.  A class is named by a
 * measured time, which varies a little from run to run. */
#define DIGEST_SAME_CLASS 1.33
/* Paces are in clock cycles, and a class of them is a narrow band. */
#define DIGEST_SAME_PACE SM_PACE_WIDTH

struct digest_class {
	sm_name name;
	uint32_t *block; /* ascending */
	double *ln;      /* ln of each block's value */
	size_t count;
};

/* Cases, in the order of the results' rows; derived cases have no class. */
struct digest_case {
	sm_name id, name; /* name: "scenario/variant" */
	sm_name group, variant;
	bool control;
	sm_name per, where; /* "per round trip", "message=64, near" */
	double steal_percent, throttled_percent;
	struct digest_class klass[SM_GROUP_CLASSES_MAX]; /* the one with the most pure slices first */
	unsigned classes;
};

/* The identity of a run's machine (struct sm_identity); sm_none: not known. */
struct digest_machine {
	sm_name type, host;
};

struct sm_digest {
	struct digest_case *cases;
	size_t count;
	struct digest_machine machine;
	double others_percent, floor_time, floor_ratio; /* NaN: not known; the floors are those of the A/A control */
	json_t *floors;                                 /* noise floors of cases (floor.h), by id; NULL: none */
	sm_name folder;                                 /* as it was named; sm_none: not loaded from one */
	sm_name begun; /* start, seed and host, which tell a run from others; sm_none */
	bool control_moved;
};

/* Makes a digest of an analysis that has judged its slices and its control.  Free *out also after an error. */
SM_MUST_USE int digest_of(struct sm_digest **out, const struct sm_analysis *a, struct sm_error *err);
/* The noise floor of a case as the run's manifest has it, of its time or (`against` not sm_none) of its ratio to that
 * variant: a factor from 1; NaN: not known. */
double digest_floor(const struct sm_digest *digest, const struct digest_case *c, sm_name against);
long digest_case_of(const struct sm_digest *digest, sm_name id);
/* The class of a case by its name in the same run; NULL: it has no block there. */
const struct digest_class *digest_class_named(const struct digest_case *c, sm_name klass);
/* The class of a case that corresponds to `klass` of another run: the same name, or the nearest round trip; NULL:
 * none. */
const struct digest_class *digest_class_like(const struct digest_case *c, sm_name klass);
/* Writes the ln of the blocks' values to `out`, or the ln of their ratios to the blocks of `against` (may be NULL).
 * `out` has room for all blocks of `one`.  Returns how many. */
size_t digest_values(const struct digest_class *one, const struct digest_class *against, double *out);

#endif
