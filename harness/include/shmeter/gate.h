/* The gate of a CI pipeline: compares a run with a file of thresholds, and with an earlier run. */
#ifndef SHMETER_GATE_H
#define SHMETER_GATE_H

#include <stdio.h>

#include "shmeter/analysis.h"
#include "shmeter/digest.h"
#include "shmeter/plan.h"
#include "shmeter/results.h"
#include "shmeter/scenario.h"
#include "shmeter/shelf.h"

/* Probability that a whole file of gates fails a healthy run (Holm's correction over its gates). */
#define SM_GATES_ALPHA 0.01

enum sm_gate_kind {
	SM_GATE_COUNT,    /* an exact count of an event per operation */
	SM_GATE_RATIO,    /* the ratio of two variants within the run */
	SM_GATE_CLAIM,    /* a claim other than a ratio: the claim's verdict */
	SM_GATE_BASELINE, /* a case compared with earlier runs of the same host, or of the same type (gate/baselines.c) */
};

/* One section of the file.  Strings belong to the sm_gates. */
struct sm_gate {
	sm_name name;
	enum sm_gate_kind kind;
	sm_name scenario, variant;
	sm_name group;       /* only this group; NULL: all that the other fields select */
	sm_name against;     /* variant: right side of a ratio, or reference of a baseline; NULL: none */
	const char *control; /* variant of the control of the claim; NULL: none */
	const char *at;      /* "message=64 placement=near"; NULL: everywhere */
	sm_name metric;      /* NULL: the time */
	sm_name claim;       /* id; NULL: none */
	const char *event;
	double per_op;
	unsigned slack;  /* allowed deviation, in events a trial */
	double min, max; /* allowed ratios; a bound of 0 is open */
	bool baseline;
	/* An exception: a FAIL is accepted through this day (docs/gate.md).  NULL: none. */
	const char *accept;       /* the reason */
	const char *accept_until; /* the day, in UTC: "2026-12-31" */
	bool accept_holds;        /* that day is not over */
	/* Of an alternation that looks: the blocks so far when its verdict was settled.  Later blocks change it no more,
	 * nor does a control that moves then.  0: it is not settled.  Set by the caller. */
	unsigned settled;
};

struct sm_gates {
	const char *path;
	int64_t today; /* as sm_gates_load() was told */
	struct sm_gate *gate;
	size_t count;
	bool same_type;    /* times of another host of the type may be compared; set by the caller */
	const char *store; /* the baselines come from this store; NULL: they are named.  Set by the caller */
	/* Where each side of an alternation has several layouts of its code: how many pairs of layouts (0 or 1: one),
	 * and the pair of each block.  The pairs are then the independent units, not their blocks.  Set by the caller, and
	 * borrowed from it. */
	unsigned layouts;
	const unsigned *layout_of_block;
	/* Fewest blocks of a gate of an alternation that passes: with fewer it is open, unless so many blocks are lost that it
	 * could not have them by SM_LOOKED_MOST.  0: no alternation that looks.  Set by the caller. */
	unsigned least;
	void *strings;
};

/* Reads an ini file of gates (docs/gate.md has its grammar).  `today` is the day on which exceptions are looked at, in
 * days since 1970-01-01 UTC.  -EINVAL names file and section and says what to write; -ENOENT and others where the file
 * cannot be read.  `scenarios` resolves claims and checks names.  Free with sm_gates_free(), also after an error. */
SM_MUST_USE int sm_gates_load(struct sm_gates *gates, const char *path, int64_t today,
			      const struct sm_scenario *const *scenarios, size_t scenario_count, struct sm_error *err);
void sm_gates_free(struct sm_gates *gates);

/* Longest reason of an exception, in bytes, and most days from today to its last one: it has to be looked at once a
 * year. */
#define SM_ACCEPT_REASON_MAX 150
#define SM_ACCEPT_DAYS_MAX   366
/* Writes an exception for the gate `name` into the file that the gates were loaded from, in place of the one that is
 * there: through a temporary file that is renamed, which keeps the mode and all other bytes. Others that do the same
 * wait. A link is followed, and another hard link keeps the old text. -EINVAL for an unknown gate (and names those
 * that there are), and for a reason or a day that sm_gates_load() would refuse, or a day that is over; -EACCES, -EROFS
 * and others where the file cannot be written. The gates stay as they were loaded. */
SM_MUST_USE int sm_gates_accept(const struct sm_gates *gates, const char *name, const char *reason, const char *until,
				struct sm_error *err);

/* Number of blocks of a case that a gate compares with an earlier run.  The blocks of two runs are not paired, so each
 * carries less information than a block in which both sides were measured (docs/adr/0012). */
#define SM_BASELINE_BLOCKS 32u

/* Number of blocks of all other cases before a run first looks at its gates.  Eight give an interval; with twelve some may
 * be lost, and the A/A control can still be judged at 1 %, which needs eleven that agree. */
#define SM_GATES_FIRST_BLOCKS 12u
/* Blocks between two looks at the gates, so that each side of an alternation goes first equally often, and most blocks of a
 * case that looks add to. */
#define SM_LOOK_BLOCKS 2u
#define SM_LOOKED_MOST 64u

/* Sets plan->patterns ("scenario/variant") to what a run needs for these gates, and plan->longer to what is compared
 * with a baseline.  The caller frees both arrays; their strings belong to the gates.  `only` has one flag for each gate
 * and selects gates; NULL: all.  -ENOMEM. */
SM_MUST_USE int sm_gates_plan(const struct sm_gates *gates, const bool *only, struct sm_plan_options *plan,
			      struct sm_error *err);

/* Fewest blocks with which one of `tests` gates can FAIL: all blocks on the wrong side, at the strictest of Holm's
 * levels.  `looked`: with tests that are valid for any number of looks.  0 without a gate. */
unsigned sm_gates_blocks_needed(size_t tests, bool looked);
/* Blocks that a run for `gates` gates should have: sm_gates_blocks_needed() and six more, so that one may disagree or
 * be lost; at least 16. */
unsigned sm_gates_blocks(size_t gates);
/* Blocks of an alternation before it first looks at its `gates` gates: enough for a FAIL, at least
 * SM_GATES_FIRST_BLOCKS, and an even number, so that each side goes first equally often. */
unsigned sm_gates_first_blocks(size_t gates);

/* Earlier runs with which a run is compared. */
#define SM_BASELINE_RUNS_MAX 64
struct sm_baselines {
	struct sm_digest *run[SM_BASELINE_RUNS_MAX];
	size_t count;
};
/* Loads the run in `folder` as a further baseline.  -EINVAL where it is there already, also as a copy: a run counts
 * once.  Free with sm_baselines_free(), also after an error. */
SM_MUST_USE int sm_baselines_add(struct sm_baselines *baselines, const char *folder,
				 const struct sm_scenario *const *scenarios, size_t scenario_count,
				 struct sm_error *err);
/* -EINVAL where the run that is checked, or a copy, is among its own baselines: it cannot differ from itself. */
SM_MUST_USE int sm_baselines_exclude(const struct sm_baselines *baselines, const char *const *folder,
				     const struct sm_results *run, struct sm_error *err);
void sm_baselines_free(struct sm_baselines *baselines);

/* The earlier runs that a store of baselines has for a run, and what became of the run (docs/adr/0028). */
struct sm_stored {
	const char *store; /* as it was named */
	struct sm_shelf shelf;
	struct sm_digest *self;  /* of the run itself */
	size_t of_host, of_type; /* runs found: of this host, of the type (with those of this host) */
	json_t *left_out;        /* sentences on runs that cannot be used */
	bool added;
	size_t removed;                  /* from the store, in its place */
	char why_not[SM_ERROR_TEXT_MAX]; /* why it was not added */
};
/* Finds the runs of the type of `run` in `store`, and adds up to SM_BASELINE_RUNS_MAX of them to the empty
 * `baselines`: those of its host first, each part with the newest first; leaves out the run itself.  A damaged run is
 * left out with a sentence.  Errors as sm_shelf_open().  `store` is borrowed.  Free with sm_stored_free(), also after
 * an error. */
SM_MUST_USE int sm_stored_find(struct sm_stored *stored, const char *store, struct sm_results *run,
			       const struct sm_scenario *const *scenarios, size_t scenario_count,
			       struct sm_baselines *baselines, struct sm_error *err);

/* The result of a gate.  Its strings live as long as the run's results. */
struct sm_gate_row {
	const struct sm_gate *gate;
	enum sm_verdict verdict;  /* supported: PASS, refuted: FAIL */
	struct sm_interval ratio; /* for a ratio or a baseline; estimate NaN: none */
	double beyond; /* times the median of the baselines at the point that is furthest beyond min or max; NaN: none is */
	double p;      /* one-sided p-value (gate/judge.c), Holm-adjusted; NaN: no test */
	unsigned blocks, baseline_blocks; /* or pairs of layouts */
	unsigned baseline_runs;           /* earlier runs that count; 0: not a baseline */
	double floor;         /* noise floor of the case: a factor from 1; NaN: not known, or not a baseline */
	double mde;           /* smallest detectable ratio (> 1); NaN: not known */
	const char *evidence; /* in words; never empty */
	const char *reason;   /* why it is not PASS; "-": none */
	const char *again;    /* the command that reproduces the result */
	bool wrong_data;      /* FAIL because of a wrong count, a wrong result or wrong work */
	bool wrong_work;      /* the last two of these, which no exception accepts */
	bool confirmed;       /* FAIL, and fresh trials reproduce it */
	/* Result of this gate in fresh trials, borrowed from sm_gates_confirm(); NULL: there were none, or they lack
	 * this gate. */
	const struct sm_gate_row *fresh;
};
/* "PASS", "FAIL", "INCONCLUSIVE", "NOT TESTABLE". */
const char *sm_gate_word(enum sm_verdict verdict);
/* Whether the row is a FAIL that an exception accepts; or one that counts, because none does. */
bool sm_gate_accepted(const struct sm_gate_row *row);
bool sm_gate_fails(const struct sm_gate_row *row);

/* Adds the run to the store, as the `count` rows of its gates say before fresh trials: unless a gate failed (accepted or
 * not, if it is on a baseline), the run is beyond the bounds of a gate on a baseline, trials of it ended badly, it was
 * disturbed, interrupted or measured with --inject, no gate on a baseline has a level of it, or it is there.  -errno where
 * the store cannot be written; `why_not` has the sentence, too. */
SM_MUST_USE int sm_stored_add(struct sm_stored *stored, const struct sm_results *run, const struct sm_gate_row *rows,
			      size_t count, struct sm_error *err);
void sm_stored_free(struct sm_stored *stored);

/* Analyses a loaded run and judges all gates; `baselines` may be NULL.  `rows` has gates->count elements. */
SM_MUST_USE int sm_gates_judge(const struct sm_gates *gates, struct sm_results *run,
			       const struct sm_baselines *baselines, const struct sm_scenario *const *scenarios,
			       size_t scenario_count, struct sm_gate_row *rows, struct sm_error *err);
/* Analyses the measurements so far, and writes to `open` the groups in which more blocks could decide a gate on a ratio
 * within the run: neither a FAIL nor a PASS is certain.  `open` has room for all groups of the run.  The run may look at
 * this as often as it likes, if its manifest has "looked": then its tests and intervals are valid at any number of blocks
 * (docs/adr/0027). */
SM_MUST_USE int sm_gates_open(const struct sm_gates *gates, struct sm_results *run,
			      const struct sm_scenario *const *scenarios, size_t scenario_count, sm_name *open,
			      size_t *count, struct sm_error *err);
/* Confirms FAILs with fresh trials; rows are matched by the names of their gates.  A failed ratio or baseline that the
 * fresh trials do not reproduce, or do not have, becomes inconclusive.  A FAIL because of wrong data stands, and one
 * that is accepted needs no confirmation.  `fresh` must live as long as `rows`. */
void sm_gates_confirm(struct sm_gate_row *rows, size_t count, const struct sm_gate_row *fresh, size_t fresh_count);
/* Writes the full reason why a row is not PASS, with the result of the fresh trials; "-" where there is none.  Returns
 * `out`. */
const char *sm_gate_reason(const struct sm_gate_row *row, char *out, size_t size);

/* The value of --events in a run's command line; the manifest's options do not hold it.  NULL: none was given. */
const char *sm_gates_events(const json_t *manifest);
/* Appends `shmeter check` to each row's command that reproduces the result, with the arguments of this check
 * (`baseline`: its `baseline_count` folders of earlier runs; gates->store instead). */
void sm_gates_name_again(const struct sm_gates *gates, struct sm_gate_row *rows, struct sm_results *run,
			 const char *const *baseline, size_t baseline_count, bool confirm);

/* Writers of a report.  All take the rows that sm_gates_judge() filled. */
struct sm_gate_report {
	const struct sm_gates *gates;
	const struct sm_gate_row *rows;
	const struct sm_results *run;
	const struct sm_baselines *baselines; /* NULL or empty: none was given */
	const struct sm_stored *stored;       /* NULL: no store was named */
	const char *title;
	bool color;
	unsigned width; /* 0: a default */
};
void sm_gates_print(const struct sm_gate_report *report, FILE *out);
/* JUnit XML for Jenkins, GitLab and GitHub Actions: FAIL is a failure; INCONCLUSIVE, NOT TESTABLE and a FAIL that is
 * accepted are skipped, with the reason. */
SM_MUST_USE int sm_gates_write_junit(const struct sm_gate_report *report, const char *path, struct sm_error *err);
/* Appends Markdown for $GITHUB_STEP_SUMMARY; the file stays under 1 MiB (https://docs.github.com/actions, "Adding a job
 * summary"). */
SM_MUST_USE int sm_gates_append_summary(const struct sm_gate_report *report, const char *path, struct sm_error *err);
/* Workflow commands, at most 10 errors and 10 warnings a step (the service shows no more).  Every exception is a
 * warning, needed or not, unless its gate is an error. */
void sm_gates_annotate(const struct sm_gate_report *report, FILE *out);
/* A JSON object: verdict, what machine the baselines are of (null without one) and how many there are, the store (null
 * without one), gates. */
json_t *sm_gates_json(const struct sm_gate_report *report);
/* The verdict of all gates: FAIL if one fails, else INCONCLUSIVE if one is, else PASS if one passes, else NOT
 * TESTABLE.  A FAIL that is accepted counts like a PASS. */
enum sm_verdict sm_gates_overall(const struct sm_gate_row *rows, size_t count);
/* The same where every gate must be measured: NOT TESTABLE instead of PASS if one gate is. */
enum sm_verdict sm_gates_strictly(const struct sm_gate_row *rows, size_t count);

#endif
