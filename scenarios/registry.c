/* The registry: an explicit list, because constructors and linker sections drop silently out of static
 * archives. */
#include "registry.h"

#include "subject/pages.h"

#define SM_SCENARIO(family, name) extern const struct sm_scenario sm_scenario_##name;
#include "scenarios.def"
#undef SM_SCENARIO

const struct sm_scenario *const sm_scenarios[] = {
#define SM_SCENARIO(family, name) &sm_scenario_##name,
#include "scenarios.def"
#undef SM_SCENARIO
	NULL,
};

const size_t sm_scenario_count = sizeof(sm_scenarios) / sizeof(sm_scenarios[0]) - 1;

void sm_scenarios_ask_kernel(const struct sm_os *os)
{
	pages_ask_kernel(os);
}
