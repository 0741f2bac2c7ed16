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

const struct sm_scenario *sm_scenarios[] = {
#define SM_SCENARIO(family, name) &sm_scenario_##name,
#include "scenarios.def"
#undef SM_SCENARIO
	NULL,
};

const size_t sm_scenario_count = COUNT;

const char *const sm_scenario_files[] = {
#define SM_SCENARIO(family, name) #family "/" #name,
#include "scenarios.def"
#undef SM_SCENARIO
	NULL,
};

const struct sm_scenario *const *sm_scenarios_for(uint64_t page_bytes)
{
	/* 8, 16, 32 and 64 KiB; no other size is known to Linux on a machine with 64 bits. */
	static const struct sm_scenario *adapted[4][COUNT + 1];
	unsigned i = 0;

	while (i < 4 && page_bytes != (uint64_t)SM_PAGES_WRITTEN << (i + 1))
		i++;
	if (i == 4)
		return written;
	for (size_t s = 0; s < COUNT && !adapted[i][s]; s++)
		adapted[i][s] = sm_scenario_with_pages(written[s], page_bytes);
	return adapted[i];
}

void sm_scenarios_add_plugins(const struct sm_plugged *plugged, size_t count)
{
	for (size_t s = 0; s < COUNT; s++)
		sm_scenarios[s] = sm_scenario_with_plugins(sm_scenarios[s], plugged, count);
}

void sm_scenarios_ask_kernel(const struct sm_os *os)
{
	pages_ask_kernel(os);
	memcpy(sm_scenarios, sm_scenarios_for(sm_os_page_bytes(os)), COUNT * sizeof(*sm_scenarios));
}
