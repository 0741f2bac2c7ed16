/* The gate of a pipeline: a file of thresholds against a run, and one run against another. */
#ifndef SHMETER_GATE_H
#define SHMETER_GATE_H

#include <stdio.h>

#include "shmeter/analysis.h"
#include "shmeter/digest.h"
#include "shmeter/plan.h"
#include "shmeter/results.h"
#include "shmeter/scenario.h"

/* False FAILs that a whole file of gates may cause, of healthy runs (Holm over its gates). */
#define SM_GATES_ALPHA 0.01

enum sm_gate_kind {
	SM_GATE_COUNT,    /* an exact count of an event per operation */
	SM_GATE_RATIO,    /* two variants within the run */
	SM_GATE_CLAIM,    /* a claim that is no ratio: its own verdict */
	SM_GATE_BASELINE, /* a case against an earlier run of the same machine */
};

/* One section of the file.  Strings belong to the sm_gates. */
struct sm_gate {
	sm_name name;
	enum sm_gate_kind kind;
	sm_name scenario, variant;
	sm_name group;       /* this one alone; NULL: all that the rest names */
	sm_name against;     /* variant: the right side of a ratio, the reference of a baseline; NULL: none */
	const char *control; /* variant of the claim that is this claim's control; NULL: none */
	const char *at;      /* "message=64 placement=near"; NULL: everywhere */
	sm_name metric;      /* NULL: the time */
	sm_name claim;       /* id; NULL: none */
	const char *event;
	double per_op;
	unsigned slack;  /* events a trial */
	double min, max; /* allowed ratios; 0: open */
	bool baseline;
};

struct sm_gates {
	const char *path;
	struct sm_gate *gate;
	size_t count;
	void *strings;
};

/* Reads an ini file of gates (docs/gate.md has its grammar).  -EINVAL says file, section and what to write;
 * -ENOENT and so on where it cannot be read.  `scenarios` resolves claims and checks names.  Free with
 * sm_gates_free(), also after an error. */
SM_MUST_USE int sm_gates_load(struct sm_gates *gates, const char *path, const struct sm_scenario *const *scenarios,
			      size_t scenario_count, struct sm_error *err);
void sm_gates_free(struct sm_gates *gates);
/* Blocks of what a gate compares with an earlier run.  The blocks of two runs are no pairs, so each says less than one
 * in which both sides were measured (docs/adr/0012). */
#define SM_BASELINE_BLOCKS 32u

/* Sets plan->patterns ("scenario/variant") to what a run needs for these gates and plan->longer to what is held
 * against a baseline: malloc'ed arrays, the caller's, of strings that belong to the gates.  `only` (one flag a gate)
 * leaves out the others; NULL: all.  -ENOMEM. */
SM_MUST_USE int sm_gates_plan(const struct sm_gates *gates, const bool *only, struct sm_plan_options *plan,
			      struct sm_error *err);

/* Blocks that a FAIL among so many gates needs at least: all of them on the wrong side, against the strictest of Holm's
 * levels; 0 without a gate. */
unsigned sm_gates_blocks_needed(size_t tests);
/* Blocks that a run for so many gates should have: what a FAIL needs at least, and six more, of which one may
 * disagree or be lost; no less than 16. */
unsigned sm_gates_blocks(size_t gates);

/* What became of a gate.  Strings live as long as the run's results. */
struct sm_gate_row {
	const struct sm_gate *gate;
	enum sm_verdict verdict;  /* supported: PASS, refuted: FAIL */
	struct sm_interval ratio; /* of a ratio or baseline; estimate NaN: none */
	double p;                 /* of "it holds its threshold", one-sided, Holm-adjusted; NaN: no test */
	unsigned blocks, baseline_blocks;
	double mde;           /* smallest detectable ratio (> 1); NaN */
	const char *evidence; /* in words; never empty */
	const char *reason;   /* why not PASS; "-" */
	const char *again;    /* the command that measures it again */
	bool wrong_data;      /* a FAIL because of what must never be: a wrong count or result, wrong work */
	bool confirmed;       /* a FAIL that fresh trials repeat */
	/* What fresh trials say of this gate, borrowed from who confirmed; NULL: not asked, or they lack it. */
	const struct sm_gate_row *fresh;
};
/* "PASS", "FAIL", "INCONCLUSIVE", "NOT TESTABLE". */
const char *sm_gate_word(enum sm_verdict verdict);

/* Judges all gates of a loaded run, analysing it on the way; `baseline` may be NULL.  `rows` has gates->count
 * elements. */
SM_MUST_USE int sm_gates_judge(const struct sm_gates *gates, struct sm_results *run, const struct sm_digest *baseline,
			       const struct sm_scenario *const *scenarios, size_t scenario_count,
			       struct sm_gate_row *rows, struct sm_error *err);
/* Takes fresh trials into account, whose rows are matched by the gates' names: a ratio or a baseline that they do not
 * repeat, or do not have, becomes inconclusive.  Wrong data is proof: it stands.  `fresh` is
 * to live as long as `rows`. */
void sm_gates_confirm(struct sm_gate_row *rows, size_t count, const struct sm_gate_row *fresh, size_t fresh_count);
/* All of why a row is no PASS, with what the fresh trials say; "-".  Returns `out`. */
const char *sm_gate_reason(const struct sm_gate_row *row, char *out, size_t size);

/* What a run was told with --events, which the options of a manifest do not have; NULL: nothing. */
const char *sm_gates_events(const json_t *manifest);
/* Adds the check to the commands that measure again, with what this one was given (`baseline`: NULL where none was). */
void sm_gates_name_again(const struct sm_gates *gates, struct sm_gate_row *rows, struct sm_results *run,
			 const char *baseline, bool confirm);

/* Writers.  All take what sm_gates_judge() made. */
struct sm_gate_report {
	const struct sm_gates *gates;
	const struct sm_gate_row *rows;
	const struct sm_results *run;
	const char *title;
	bool color;
	unsigned width; /* 0: a default */
};
void sm_gates_print(const struct sm_gate_report *report, FILE *out);
/* JUnit XML as Jenkins, GitLab and GitHub actions read it: FAIL is a failure, INCONCLUSIVE and NOT TESTABLE are
 * skipped with the reason. */
SM_MUST_USE int sm_gates_write_junit(const struct sm_gate_report *report, const char *path, struct sm_error *err);
/* Markdown for $GITHUB_STEP_SUMMARY, appended, at most 1 MiB with what is there
 * (https://docs.github.com/actions, "Adding a job summary"). */
SM_MUST_USE int sm_gates_append_summary(const struct sm_gate_report *report, const char *path, struct sm_error *err);
/* Workflow commands, at most 10 errors and 10 warnings a step (the service shows no more). */
void sm_gates_annotate(const struct sm_gate_report *report, FILE *out);
/* A JSON object: verdict, gates. */
json_t *sm_gates_json(const struct sm_gate_report *report);
/* The verdict of all: FAIL if one fails, else inconclusive if one is, else PASS if one passes: where nothing was
 * measured, nothing passes. */
enum sm_verdict sm_gates_overall(const struct sm_gate_row *rows, size_t count);
/* The same where every gate has to be measured: not testable instead of PASS if one gate is. */
enum sm_verdict sm_gates_strictly(const struct sm_gate_row *rows, size_t count);

#endif
