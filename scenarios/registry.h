/* Every registered scenario, in the order of scenarios.def. */
#ifndef SHMETER_SCENARIOS_REGISTRY_H
#define SHMETER_SCENARIOS_REGISTRY_H

#include <stddef.h>

#include "shmeter/scenario.h"

extern const struct sm_scenario *const sm_scenarios[];
extern const size_t sm_scenario_count;

/* Adds to the scenarios what the kernel reports.  Call it once, before they are used. */
void sm_scenarios_ask_kernel(const struct sm_os *os);

#endif
