/* Every registered scenario, in the order of scenarios.def. */
#ifndef SHMETER_SCENARIOS_REGISTRY_H
#define SHMETER_SCENARIOS_REGISTRY_H

#include <stddef.h>

#include "shmeter/scenario.h"

/* As this machine has them; before sm_scenarios_ask_kernel() as a machine with base pages of 4 KiB has them.  Those of
 * plug-ins come last. */
extern const struct sm_scenario *sm_scenarios[];
extern size_t sm_scenario_count;
/* The file of each: "sync/wakeup"; NULL: of a plug-in. */
extern const char *const sm_scenario_files[];

/* The same scenarios as a machine with other base pages has them, such as the one that made a run's files. */
const struct sm_scenario *const *sm_scenarios_for(uint64_t page_bytes);

/* Adds to the scenarios what the kernel reports.  Call it once, before they are used. */
void sm_scenarios_ask_kernel(const struct sm_os *os);

/* Adds transports of a plug-in to the scenarios that take them.  Call it after sm_scenarios_ask_kernel(), before they are
 * used.  `plugged` must live as long as the process. */
void sm_scenarios_add_plugins(const struct sm_plugged *plugged, size_t count);

/* Adds a scenario of a plug-in, which must live as long as the process.  Returns false where there is no room for it. */
bool sm_scenarios_add(const struct sm_scenario *scenario);

#endif
