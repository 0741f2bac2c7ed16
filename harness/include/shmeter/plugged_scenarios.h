/* Scenarios of plug-ins.  This process has their texts and numbers; their functions run in processes of their own. */
#ifndef SHMETER_PLUGGED_SCENARIOS_H
#define SHMETER_PLUGGED_SCENARIOS_H

#include "shmeter/plugins.h"
#include "shmeter/scenario.h"

/* Has a child load the file and describe its scenarios.  Returns their number, which may be 0, and sets `list` to them; they
 * live as long as the process, and `plugged` of each says where it comes from.  Or returns a negative errno with a sentence,
 * as sm_plugin_describe() does.  Their names, texts and values are not checked yet: sm_scenario_check() does.
 *
 * region_bytes(), own_bytes(), bytes_per_op(), fixed_ops() and supported() of such a scenario ask a child, once for each case.
 * Where the child does not answer, supported() tells why, and the others return 0.  Its other functions must not be called:
 * sm_trial_run() has a child do a trial. */
SM_MUST_USE int sm_plugin_scenarios(const struct sm_os *os, const char *path, const volatile int *stop,
				    const struct sm_scenario *list[SHMETER_PLUGIN_MAX], struct sm_error *err);

/* In a child alone: loads the plug-in and sets `out` to the scenario with functions that can be called here. */
SM_MUST_USE int sm_plugged_scenario_here(const struct sm_scenario *scenario, struct sm_scenario *out,
					 struct sm_error *err);

/* Where it is noted that a function did not return in time: with a code set, nobody asks the plug-in again. */
struct sm_error *sm_plugged_scenario_hung(const struct sm_scenario *scenario);

#endif
