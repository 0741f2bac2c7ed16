/* `shmeter choose`: answers which transport, which pages or which lock to take, from the figures of a run. */
#ifndef SHMETER_CHOOSE_H
#define SHMETER_CHOOSE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/plan.h"
#include "shmeter/report.h"

enum sm_access { SM_ACCESS_UNSET, SM_ACCESS_RANDOM, SM_ACCESS_STREAM };
enum sm_choice { SM_CHOOSE_NOTHING, SM_CHOOSE_TRANSPORT, SM_CHOOSE_PAGES, SM_CHOOSE_LOCK };

struct sm_question {
	enum sm_choice choice;
	/* For a transport. */
	uint64_t message;            /* bytes */
	double rate;                 /* messages a second that it must sustain; 0: any */
	double cpu_budget;           /* of all processes at that rate, in PUs: 0.5; 0: any */
	bool may_spin;               /* include transports that spin while they wait */
	bool tail;                   /* rank by the 99th percentile of single round trips */
	enum sm_placement placement; /* UNSET: near; also for a lock of several processes */
	/* For pages. */
	uint64_t memory;       /* bytes */
	enum sm_access access; /* UNSET: at random */
	/* memory that the machine has, in bytes: a region takes at most half.  0: answer from an earlier run */
	uint64_t available;
	/* For a lock. */
	unsigned processes; /* that compete for it */
	double section_ns;  /* work inside the critical section; 0: next to none */
	double step_ns;     /* time of one multiplication of that work, see sm_choose_step(); 0: not known */
};

/* Most runs that an answer takes.  It may take two, because a --set value applies to all scenarios of a run. */
#define SM_CHOOSE_RUNS     2
#define SM_CHOOSE_PATTERNS 4
/* What one of these runs measures; sm_plan_options points into it. */
struct sm_choose_plan {
	const char *pattern[SM_CHOOSE_PATTERNS];
	char value[2][SM_TEXT_MAX];
};

/* Checks a question.  -EINVAL where something is missing, contradicts the rest or would be ignored. */
SM_MUST_USE int sm_choose_check(const struct sm_question *question, struct sm_error *err);
/* Fills `plan` with exactly what run number `run` (from 0) must measure.  Returns false where no such run is needed.
 * The second run for a lock needs question->step_ns. */
bool sm_choose_plan(const struct sm_question *question, unsigned run, struct sm_choose_plan *needs,
		    struct sm_plan_options *plan);
/* Time of one multiplication of a lock's work, in ns.  Needs a run that measured a lock of one process with and without
 * work in its critical section; returns 0 otherwise. */
double sm_choose_step(const struct sm_results *results);
/* Prints the answer from `count` analysed runs: the best choice, its ties, and the tables behind it.  Needs
 * options->scenarios.  -EINVAL where the runs did not measure what the question needs; -ENODEV where they tried and
 * could not. */
SM_MUST_USE int sm_choose_answer(const struct sm_question *question, const struct sm_results *const *runs, size_t count,
				 const struct sm_report_options *options, FILE *out, struct sm_error *err);

#endif
