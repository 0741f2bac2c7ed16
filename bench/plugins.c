/* Adds the plug-ins of the command line to the scenarios. */
#include "plugins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "registry.h"
#include "shmeter/encode.h"
#include "shmeter/memory.h"
#include "shmeter/scenario_check.h"

/* Whether a scenario that takes this kind has a variant of this name already. */
static bool is_taken(const struct sm_plugged *plugged)
{
	for (size_t s = 0; s < sm_scenario_count; s++) {
		const struct sm_plug *plug = sm_scenarios[s]->plugs;

		if (!plug || plug->takes != plugged->kind)
			continue;
		for (const struct sm_variant *v = sm_scenarios[s]->variants; v->name; v++)
			if (strcmp(v->name, plugged->name) == 0)
				return true;
	}
	return false;
}

/* Adds one transport or lock, unless its variants collide with others or are too many. */
static int add(const struct sm_plugged *plugged, struct sm_error *err)
{
	const size_t size = sm_scenario_count * sizeof(*sm_scenarios);
	const struct sm_scenario **before;
	int rc;

	if (is_taken(plugged))
		return sm_fail(err, EEXIST, "there is a %s %s already", sm_plugged_kind_name(plugged->kind),
			       plugged->name);
	before = sm_memory(size);
	memcpy(before, sm_scenarios, size);
	sm_scenarios_add_plugins(plugged, 1);
	rc = sm_scenario_check(sm_scenarios, sm_scenario_files, sm_scenario_count, err);
	if (rc < 0)
		memcpy(sm_scenarios, before, size);
	free(before);
	return rc;
}

static void leave_out(const char *file, const struct sm_error *why)
{
	sm_print_line(stderr, "shmeter: warning: plug-in %s: %s; it is left out", file, why->text);
}

int plugins_add(struct plugins *plugins, struct sm_error *err)
{
	for (unsigned i = 0; i < plugins->count; i++) {
		const struct sm_plugged *plugged;
		struct sm_error why = { 0 };
		bool any = false;
		int count = sm_plugin_describe(&sm_os_linux, plugins->file[i], stop_flag(), &plugged, &why);

		if (count == -EINVAL || count == -EINTR)
			return sm_fail(err, -count, "%s", why.text);
		if (count < 0)
			sm_print_line(stderr, "shmeter: warning: %s; it is left out", why.text);
		for (int t = 0; t < count; t++) {
			if (add(&plugged[t], &why) < 0)
				leave_out(plugged[t].file, &why);
			else
				any = true;
		}
		if (any)
			plugins->used[plugins->used_count++] = plugged;
	}
	return 0;
}
