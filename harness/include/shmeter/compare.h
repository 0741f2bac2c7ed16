/* Two runs side by side. */
#ifndef SHMETER_COMPARE_H
#define SHMETER_COMPARE_H

#include <stdio.h>

#include "shmeter/digest.h"
#include "shmeter/gate.h"
#include "shmeter/results.h"

/* One case of both runs. */
struct sm_compared {
	sm_name id;               /* of the case, in both runs */
	bool control;             /* of the A/A control */
	sm_name klass, old_klass; /* pair class in the new run, and in the old one */
	struct sm_interval ratio; /* new / old */
	double mde;               /* smallest detectable ratio (> 1); NaN */
	double p;                 /* two-sided, of "no difference", Holm-adjusted over all cases; NaN */
	unsigned new_blocks, old_blocks;
	const char *reason; /* why there is no ratio, or why it is not to be trusted; "-" */
	const char *says;   /* "slower", "faster" ("longer there" on another machine), "within the noise"... */
};

struct sm_comparison_of_runs {
	struct sm_compared *row;
	size_t count;
	struct sm_interval overall; /* median over the cases of their ratios */
	double overall_mde;         /* smallest ratio (> 1) that the median can detect; NaN */
	unsigned slower, faster;    /* cases that say so */
	bool same_machine;
	double floor;              /* within this factor runs of one build differ here; 1: not known */
	struct sm_results strings; /* owns the rows' */
};

/* Compares what both runs hold (matched by the case's identity).  Free with sm_compare_free(), also after an
 * error. */
SM_MUST_USE int sm_compare_runs(struct sm_comparison_of_runs *out, const struct sm_digest *before,
				const struct sm_digest *now, struct sm_error *err);
void sm_compare_free(struct sm_comparison_of_runs *comparison);

/* What the two sides of an alternation were told to differ in: "pages", "message".  It names no case. */
#define SM_ALTERNATION_KEYS_MAX 48
struct sm_alternation_keys {
	const char *key[SM_ALTERNATION_KEYS_MAX];
	size_t count;
};

/* Loads the runs of an alternation (see `shmeter ab`) as one: `old` and `new` become the variants of each case, and
 * `count` runs of each, in their order, its blocks.  The folders' A/A controls become one for each point.  Cases are
 * sorted by their id, and those that only one side has are among them.  -EINVAL where `differ` leaves several cases of
 * one run with one name. */
SM_MUST_USE int sm_alternation_load(struct sm_results *out, const char *const *old_folders,
				    const char *const *new_folders, size_t count,
				    const struct sm_alternation_keys *differ, struct sm_error *err);
/* Whether a side, "old" or "new", has this case. */
bool sm_alternation_has(const struct sm_results *results, sm_name group, const char *side);
/* Whether a case is of the new side, and the old one has none like it. */
bool sm_alternation_only_new(const struct sm_results *results, const struct sm_case_row *row);
/* One gate a case of the old side, in the order of the cases: new takes at most `allowed` times as long.  Free with
 * sm_gates_free(), also after an error. */
SM_MUST_USE int sm_alternation_gates(struct sm_gates *gates, const struct sm_results *results, double allowed,
				     struct sm_error *err);
/* sm_gates_judge(), and beyond times: trials of new that fail where old's do not are a FAIL, and a case that new does
 * not have, or does not run, is inconclusive. */
SM_MUST_USE int sm_alternation_judge(struct sm_gates *gates, struct sm_results *results, struct sm_gate_row *rows,
				     struct sm_error *err);
/* The case with wrong data of which no gate tells: the A/A control, or one that only new has; NULL: none. */
const char *sm_alternation_wrong(const struct sm_results *results);
/* Where fewer blocks were measured than any FAIL needs nothing has passed either: PASS becomes INCONCLUSIVE.  Returns
 * whether a FAIL was possible. */
bool sm_alternation_doubt(struct sm_gate_row *rows, size_t count, struct sm_results *results, unsigned blocks);
/* Blocks without which no gate about a time can FAIL, even where all of them agree (Holm's strictest level). */
unsigned sm_alternation_blocks_needed(const struct sm_gate_row *rows, size_t count);

#endif
