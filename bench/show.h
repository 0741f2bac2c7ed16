/* Loading and showing a run. */
#ifndef SHMETER_SHOW_H
#define SHMETER_SHOW_H

#include "options.h"
#include "shmeter/results.h"

/* Says on stderr how much of a run that is not complete was left out, if any. */
void tell_left_out(const struct sm_results *results);
/* Loads a run folder and analyses it; `results` are initialised, and freed by the caller, also after an error. */
SM_MUST_USE int load_run(struct sm_results *results, const char *folder, struct sm_error *err);
/* What run and report print and draw of an analysed run; returns the exit code. */
int show_results(const struct sm_results *results, const struct show_options *options,
		 const struct common_options *common);

#endif
