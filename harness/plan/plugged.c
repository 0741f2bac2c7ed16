/* Adds the variants of plug-ins to a scenario. */
#include <stdlib.h>
#include <string.h>

#include "shmeter/intern.h"
#include "shmeter/memory.h"
#include "shmeter/scenario.h"

static struct sm_variant variant_of(const struct sm_plug *plug, const struct sm_plugged *plugged)
{
	return (struct sm_variant){ .name = sm_name_format("%s%s", plugged->name, plug->suffix),
				    .summary = sm_name_format("%s%s", plugged->summary, plug->words),
				    .arg = plug->arg,
				    .workers = plug->workers,
				    .spins = (plugged->traits & SHMETER_SPINS) != 0,
				    .plugged = plugged };
}

const struct sm_scenario *sm_scenario_with_plugins(const struct sm_scenario *scenario, const struct sm_plugged *plugged,
						   size_t count)
{
	size_t own = 0, plugs = 0, used;
	struct sm_variant *variants;
	struct sm_scenario *copy;

	while (scenario->variants[own].name)
		own++;
	while (scenario->plugs && scenario->plugs[plugs].suffix)
		plugs++;
	variants = sm_zeroed_memory(own + count * plugs + 1, sizeof(*variants));
	memcpy(variants, scenario->variants, own * sizeof(*variants));
	used = own;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < plugs; j++)
			if (scenario->plugs[j].takes == plugged[i].kind &&
			    (scenario->plugs[j].needs & ~plugged[i].traits) == 0)
				variants[used++] = variant_of(&scenario->plugs[j], &plugged[i]);
	if (used == own) {
		free(variants);
		return scenario;
	}
	copy = sm_memory(sizeof(*copy));
	*copy = *scenario;
	copy->variants = variants;
	return copy;
}
