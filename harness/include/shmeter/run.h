/* A whole run: from options to a finished folder. */
#ifndef SHMETER_RUN_H
#define SHMETER_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/plan.h"
#include "shmeter/results.h"

/* Where a run stands, for whoever shows it. */
struct sm_progress {
	const char *phase; /* "calibrating", "measuring", "analysing" */
	size_t done, total;
	const char *what;             /* id of the case at hand */
	uint64_t elapsed_ns, left_ns; /* left: estimate, 0 unknown */
};
typedef void (*sm_progress_fn)(const struct sm_progress *progress, void *context);

struct sm_run_options {
	struct sm_plan_options plan;
	const char *folder; /* of the results */
	/* Go on with `folder`; the plan's options come from its manifest, and those that are given have to be the same. */
	bool resume;
	/* With `resume`, what else is 0 or NULL is not given. */
	bool profile_given, seed_given;
	const char *events; /* libpfm4 event strings; NULL: the default ones */
	bool no_counters;
	bool tune;               /* reserve huge pages for the run and put them back */
	const char *file_folder; /* where file-backed regions live; NULL: the results' folder */
	const char *const *command_line;
	size_t command_line_count;
	const char *version;
	const volatile int *stop; /* non-zero: end with what there is (a signal's number) */
	sm_progress_fn progress;  /* may be NULL */
	void *progress_context;
};

/* The options of the plan that a finished run had, as its manifest (loaded from `folder`) says.  Its strings belong
 * to the manifest; what it allocated, sm_run_free_options() frees.  -EBADMSG where the manifest does not say. */
SM_MUST_USE int sm_run_restore_options(const json_t *manifest, const char *folder, struct sm_plan_options *plan,
				       struct sm_error *err);
/* Frees the lists that sm_run_restore_options() made. */
void sm_run_free_options(struct sm_plan_options *plan);

/* Expands and lays out the plan without running it and writes it for people. */
SM_MUST_USE int sm_run_describe(const struct sm_run_options *options, const struct sm_scenario *const *scenarios,
				size_t scenario_count, FILE *out, struct sm_error *err);

/* Runs, and analyses once what was measured, into `results` (initialised, empty; the caller frees them).  0,
 * -EINTR after a signal (the folder is complete as far as it goes, its manifest says "interrupted"), with `resume`
 * -EALREADY where the run is complete, or another negative errno with the reason.  results->folder is set once
 * there is a run to go on with. */
SM_MUST_USE int sm_run(const struct sm_run_options *options, const struct sm_scenario *const *scenarios,
		       size_t scenario_count, struct sm_results *results, struct sm_error *err);
#endif
