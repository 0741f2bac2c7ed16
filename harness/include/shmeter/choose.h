/* An engineer's question, answered with the figures of a run: which transport, which pages, which lock. */
#ifndef SHMETER_CHOOSE_H
#define SHMETER_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/plan.h"
#include "shmeter/report.h"

enum sm_choice { SM_CHOOSE_NOTHING, SM_CHOOSE_TRANSPORT, SM_CHOOSE_PAGES, SM_CHOOSE_LOCK };

struct sm_question {
	enum sm_choice choice;
	/* Of a transport. */
	uint64_t message;            /* bytes */
	double rate;                 /* messages a second that it has to sustain; 0: any */
	double cpu_budget;           /* of one PU, for all processes at that rate: 0.5; 0: any */
	bool may_spin;               /* those that burn a PU while they wait are not left out */
	bool tail;                   /* ranks by the 99 % quantile of the single round trips */
	enum sm_placement placement; /* UNSET: near */
	/* Of pages. */
	uint64_t memory; /* bytes */
	bool stream;     /* in order; else at random */
	uint64_t
		available; /* bytes that there are, where it is measured: regions take half of it at most; 0: an earlier run */
	/* Of a lock. */
	unsigned processes; /* that want it */
	double section_ns;  /* work under it; 0: next to none */
	double step_ns;     /* of one multiplication of that work, by sm_choose_step(); 0: not known */
};

/* Runs that an answer may take: a value of --set holds for all scenarios of a run. */
#define SM_CHOOSE_RUNS 2
/* What one of them has to measure; the plan points into it. */
struct sm_choose_plan {
	const char *pattern[4];
	char value[2][SM_TEXT_MAX];
};

/* -EINVAL with the sentence where a question lacks something or has too much. */
SM_MUST_USE int sm_choose_check(const struct sm_question *question, struct sm_error *err);
/* Asks `plan` for what the run number `run` (from 0) has to measure and nothing else; false: no such run is needed.
 * A lock's second run needs question->step_ns. */
bool sm_choose_plan(const struct sm_question *question, unsigned run, struct sm_choose_plan *needs,
		    struct sm_plan_options *plan);
/* The ns of one multiplication of a lock's work, from a run that has a lock of one process with and without work under
 * it; 0: it has none. */
double sm_choose_step(const struct sm_results *results);
/* Prints the answer from `count` analysed runs: the pick, what it is tied with, and the tables that it rests on.
 * options->scenarios has to be there.  -EINVAL where the run lacks what was asked, -ENODEV where it was asked for and could not be measured. */
SM_MUST_USE int sm_choose_answer(const struct sm_question *question, const struct sm_results *const *runs, size_t count,
				 const struct sm_report_options *options, FILE *out, struct sm_error *err);

#endif
