/* Comparing two runs. */
#ifndef SHMETER_COMPARE_H
#define SHMETER_COMPARE_H

#include <stdio.h>

#include "shmeter/digest.h"
#include "shmeter/gate.h"
#include "shmeter/results.h"

/* One case that both runs measured. */
struct sm_compared {
	sm_name id;               /* of the case, in both runs */
	bool control;             /* part of the A/A control */
	sm_name klass;            /* pair class in the new run */
	struct sm_interval ratio; /* new / old */
	double mde;               /* smallest detectable ratio (> 1); NaN: not known */
	double p;                 /* two-sided p-value, Holm-adjusted over all cases; NaN: no test */
	unsigned new_blocks, old_blocks;
	double floor;       /* noise floor of the case: runs of one build differ by up to this factor; NaN: not known */
	const char *reason; /* why there is no ratio, or why not to trust it; "-": none */
	const char *says;   /* "slower", "faster" ("longer there" on another host), "within the noise"... */
};

struct sm_comparison_of_runs {
	struct sm_compared *row;
	size_t count;
	struct sm_interval overall;          /* median of the cases' ratios */
	double overall_mde;                  /* smallest detectable ratio (> 1) of the median; NaN: not known */
	unsigned slower, faster, distrusted; /* number of cases */
	enum sm_likeness likeness;           /* of the machines of the two runs */
	double floor;                        /* noise floor of the A/A control; 1: not known */
	double most;                         /* largest noise floor of a case; NaN: none is known */
	unsigned unknown;                    /* cases whose noise floor is not known; the control is none */
	struct sm_results strings;           /* owns the strings of the rows */
};

/* Compares the cases that both runs measured, matched by id.  Free with sm_compare_free(), also after an error. */
SM_MUST_USE int sm_compare_runs(struct sm_comparison_of_runs *out, const struct sm_digest *before,
				const struct sm_digest *now, struct sm_error *err);
void sm_compare_free(struct sm_comparison_of_runs *comparison);

/* The keys in which the two sides of an alternation differ on purpose: "pages", "message".  Cases are matched without
 * them. */
#define SM_ALTERNATION_KEYS_MAX 48
struct sm_alternation_keys {
	const char *key[SM_ALTERNATION_KEYS_MAX];
	size_t count;
};

/* Loads the runs of an alternation (see `shmeter ab`) as one run.  The sides `old` and `new` become the variants of
 * each case.  Each side has `count` runs, which become the blocks, in their order.  The A/A controls of all folders
 * become one for each point.  Cases are sorted by id; a case that only one side has is kept.  -EINVAL where several
 * cases of one run have the same name without the keys in `differ`. */
SM_MUST_USE int sm_alternation_load(struct sm_results *out, const char *const *old_folders,
				    const char *const *new_folders, size_t count,
				    const struct sm_alternation_keys *differ, struct sm_error *err);
/* Whether a side ("old" or "new") has this case. */
bool sm_alternation_has(const struct sm_results *results, sm_name group, const char *side);
/* Whether only the new side has this case. */
bool sm_alternation_only_new(const struct sm_results *results, const struct sm_case_row *row);
/* Makes one gate for each case of the old side, in the order of the cases: new may take at most `allowed` times as
 * long.  Free with sm_gates_free(), also after an error. */
SM_MUST_USE int sm_alternation_gates(struct sm_gates *gates, const struct sm_results *results, double allowed,
				     struct sm_error *err);
/* Judges as sm_gates_judge() does, and also more than times: trials that fail only on the new side are a FAIL, and a
 * case that the new side does not have or cannot run is inconclusive.  Removes from `results` the trials after a gate was
 * settled, except those that failed; so does sm_alternation_open(). */
SM_MUST_USE int sm_alternation_judge(struct sm_gates *gates, struct sm_results *results, struct sm_gate_row *rows,
				     struct sm_error *err);
/* Analyses the blocks so far, and sets open[i] for each gate that more blocks could decide (sm_gates_open()): neither a
 * FAIL nor a PASS is certain, no failed trial decides, and enough of the blocks count.  `open` has gates->count
 * elements.  The alternation may look as often as it likes, if the manifest of `results` has "looked". */
SM_MUST_USE int sm_alternation_open(const struct sm_gates *gates, struct sm_results *results, bool *open,
				    struct sm_error *err);
/* Id of a case with wrong data that no gate covers: the A/A control, or a case that only the new side has.  NULL:
 * none. */
const char *sm_alternation_wrong(const struct sm_results *results);
/* Turns PASS into INCONCLUSIVE where too few of the units measured (blocks, or pairs of layouts where each side has
 * several) could be used to detect a failure (all units agreeing, at Holm's strictest level).  Returns NULL if any row
 * could have been a FAIL, else a sentence that says why not, which lives as long as the results. */
const char *sm_alternation_doubt(const struct sm_gates *gates, struct sm_gate_row *rows, struct sm_results *results,
				 unsigned measured);

#endif
