/* A whole run: from options to a finished folder. */
#ifndef SHMETER_RUN_H
#define SHMETER_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/gate.h"
#include "shmeter/plan.h"
#include "shmeter/results.h"

/* Progress of a run, for display. */
struct sm_progress {
	const char *phase; /* "calibrating", "measuring", "analysing" */
	size_t done, total;
	const char *what;             /* id of the current case */
	uint64_t elapsed_ns, left_ns; /* left: estimate; 0: not known */
};
typedef void (*sm_progress_fn)(const struct sm_progress *progress, void *context);

struct sm_run_options {
	struct sm_plan_options plan;
	/* After the plan's blocks, more are added where one of these gates is open, while there is time; NULL: none. */
	const struct sm_gates *gates;
	const char *folder; /* where the results go */
	/* Continue the run in `folder`.  The plan's options come from its manifest; options that are given must be the
	 * same. */
	bool resume;
	/* With `resume`: whether these two options are given.  Other options are given where they are not 0 or NULL. */
	bool profile_given, seed_given;
	const char *events; /* libpfm4 event strings; NULL: the default ones */
	bool no_counters;
	bool tune;                               /* reserve huge pages for the run, and restore the pool afterwards */
	const char *file_folder;                 /* where file-backed regions live; NULL: the results' folder */
	const struct sm_plugged *const *plugged; /* a transport of each plug-in that the scenarios have */
	size_t plugged_count;
	const char *const *command_line;
	size_t command_line_count;
	const char *version;
	const volatile int *stop; /* non-zero (the signal's number): end the run and keep its results */
	sm_progress_fn progress;  /* may be NULL */
	void *progress_context;
};

/* Restores the plan's options of an earlier run from its manifest (loaded from `folder`).  The strings belong to the
 * manifest; free the rest with sm_run_free_options().  -EBADMSG where the manifest does not have them. */
SM_MUST_USE int sm_run_restore_options(const json_t *manifest, const char *folder, struct sm_plan_options *plan,
				       struct sm_error *err);
/* Frees the lists that sm_run_restore_options() made. */
void sm_run_free_options(struct sm_plan_options *plan);

/* Expands and schedules the plan without running it, and prints it, sentences wrapped to `width` columns.  -ENODEV where
 * nothing that was asked for can run; the reasons are printed. */
SM_MUST_USE int sm_run_describe(const struct sm_run_options *options, const struct sm_scenario *const *scenarios,
				size_t scenario_count, FILE *out, unsigned width, struct sm_error *err);

/* Runs the plan and analyses the measurements into `results` (initialised and empty; the caller frees them).  Returns
 * 0; -EINTR after a signal (the folder holds all finished trials, its manifest says "interrupted"); with `resume`
 * -EALREADY where the run is complete; or another negative errno with the reason. results->folder is set once there is
 * a run that can be resumed. */
SM_MUST_USE int sm_run(const struct sm_run_options *options, const struct sm_scenario *const *scenarios,
		       size_t scenario_count, struct sm_results *results, struct sm_error *err);
#endif
