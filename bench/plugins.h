/* The plug-ins of the command line. */
#ifndef SHMETER_BENCH_PLUGINS_H
#define SHMETER_BENCH_PLUGINS_H

#include <jansson.h>

#include "options.h"
#include "shmeter/scenario.h"

/* Adds the transports, locks and scenarios of the plug-ins to the scenarios and notes them in `plugins`.  One that cannot be used is
 * left out, with a sentence on standard error.  -EINVAL where there is no such file; -EINTR after a signal. */
SM_MUST_USE int plugins_add(struct plugins *plugins, struct sm_error *err);

/* Describes the scenarios of a file, checks them and adds them to the scenarios.  Returns their number, which may be 0, and
 * sets `list`; or a negative errno with a sentence that names the file, as sm_plugin_describe() does. */
SM_MUST_USE int plugins_take_scenarios(const char *file, const struct sm_scenario *list[SHMETER_PLUGIN_MAX],
				       struct sm_error *err);
/* Checks the plug-ins of the old and the new side of an alternation: each can be used, and where both sides have some, a
 * name is on both, so that there is something to compare.  -EINVAL with the sentence; -EINTR after a signal. */
SM_MUST_USE int plugins_check_sides(const struct plugins sides[2], struct sm_error *err);

/* Checks that the plug-ins are files that a run measured, by size and time of change, wherever they are now; `folder` is
 * the run's.  -EINVAL with the sentence. */
SM_MUST_USE int plugins_check_run(const struct plugins *plugins, const json_t *manifest, const char *folder,
				  struct sm_error *err);

#endif
