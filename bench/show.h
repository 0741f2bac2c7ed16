/* Loading and showing a run. */
#ifndef SHMETER_SHOW_H
#define SHMETER_SHOW_H

#include "options.h"
#include "shmeter/results.h"

/* Says on standard error how many rows of an incomplete run were ignored, if any. */
void tell_left_out(const struct sm_results *results);
/* Loads and analyses a run folder.  The caller initialises `results` and frees them, also after an error. */
SM_MUST_USE int load_run(struct sm_results *results, const char *folder, struct sm_error *err);
/* Prints and draws an analysed run, for `run` and `report`; returns the exit code. */
int show_results(const struct sm_results *results, const struct show_options *options,
		 const struct common_options *common);

#endif
