/* The registry: an explicit list, because constructors and linker sections drop silently out of static
 * archives. */
#include "registry.h"

#include <string.h>

#include "subject/pages.h"

#define SM_SCENARIO(family, name) extern const struct sm_scenario sm_scenario_##name;
#include "scenarios.def"
#undef SM_SCENARIO

/* As they are written: for base pages of 4 KiB. */
static const struct sm_scenario *const written[] = {
#define SM_SCENARIO(family, name) &sm_scenario_##name,
#include "scenarios.def"
#undef SM_SCENARIO
	NULL,
};
#define COUNT (sizeof(written) / sizeof(written[0]) - 1)
#define ROOM  128 /* for scenarios of plug-ins */

/* Those of plug-ins, as they are written. */
static const struct sm_scenario *plugged[ROOM];
static uint64_t base_page = SM_PAGES_WRITTEN; /* of this machine */

const struct sm_scenario *sm_scenarios[COUNT + ROOM + 1] = {
#define SM_SCENARIO(family, name) &sm_scenario_##name,
#include "scenarios.def"
#undef SM_SCENARIO
	NULL,
};

size_t sm_scenario_count = COUNT;

const char *const sm_scenario_files[COUNT + ROOM + 1] = {
#define SM_SCENARIO(family, name) #family "/" #name,
#include "scenarios.def"
#undef SM_SCENARIO
	NULL,
};

const struct sm_scenario *const *sm_scenarios_for(uint64_t page_bytes)
{
	/* 4, 8, 16, 32 and 64 KiB; no other size is known to Linux on a machine with 64 bits. */
	static const struct sm_scenario *all[5][COUNT + ROOM + 1];
	unsigned i = 0;

	while (i < 5 && page_bytes != (uint64_t)SM_PAGES_WRITTEN << i)
		i++;
	if (i == 5)
		i = 0;
	for (size_t s = 0; s < sm_scenario_count; s++)
		if (!all[i][s])
			all[i][s] = sm_scenario_with_pages(s < COUNT ? written[s] : plugged[s - COUNT],
							   (uint64_t)SM_PAGES_WRITTEN << i);
	return all[i];
}

void sm_scenarios_add_plugins(const struct sm_plugged *added, size_t count)
{
	for (size_t s = 0; s < COUNT; s++)
		sm_scenarios[s] = sm_scenario_with_plugins(sm_scenarios[s], added, count);
}

bool sm_scenarios_add(const struct sm_scenario *scenario)
{
	if (sm_scenario_count == COUNT + ROOM)
		return false;
	plugged[sm_scenario_count - COUNT] = scenario;
	sm_scenarios[sm_scenario_count++] = sm_scenario_with_pages(scenario, base_page);
	return true;
}

void sm_scenarios_ask_kernel(const struct sm_os *os)
{
	base_page = sm_os_page_bytes(os);
	pages_ask_kernel(os);
	memcpy(sm_scenarios, sm_scenarios_for(base_page), COUNT * sizeof(*sm_scenarios));
}
