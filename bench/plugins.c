/* Adds the plug-ins of the command line to the scenarios. */
#include "plugins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "registry.h"
#include "shmeter/encode.h"
#include "shmeter/memory.h"
#include "shmeter/plugged_scenarios.h"
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

/* What the check of scenarios says, which is written for shmeter's own. */
static const char *words_of(const struct sm_error *why)
{
	static const char ours[] = "internal error: ";

	return why->text + (strncmp(why->text, ours, sizeof(ours) - 1) == 0 ? sizeof(ours) - 1 : 0);
}

static void leave_out(const char *file, const struct sm_error *why)
{
	sm_print_line(stderr, "shmeter: warning: plug-in %s: %s; it is left out", file, words_of(why));
}

/* Adds one scenario, unless it has a mistake or a name that is taken. */
static int add_scenario(const struct sm_scenario *scenario, struct sm_error *err)
{
	int rc;

	if (!sm_scenarios_add(scenario))
		return sm_fail(err, ENOSPC, "there is no room for another scenario");
	rc = sm_scenario_check(sm_scenarios, sm_scenario_files, sm_scenario_count, err);
	if (rc < 0)
		sm_scenarios[--sm_scenario_count] = NULL;
	return rc;
}

int plugins_take_scenarios(const char *file, const struct sm_scenario *list[SHMETER_PLUGIN_MAX], struct sm_error *err)
{
	int count = sm_plugin_scenarios(&sm_os_linux, file, stop_flag(), list, err);
	struct sm_error why = { 0 };

	for (int i = 0; i < count; i++)
		if (add_scenario(list[i], &why) < 0)
			return sm_fail(err, EBADMSG, "plug-in %s: %s", list[i]->plugged->file, words_of(&why));
	return count;
}

/* Adds the scenarios of a file.  Returns the first that is used, NULL: none. */
static const struct sm_plugged *add_scenarios(const char *file, struct sm_error *err)
{
	const struct sm_scenario *list[SHMETER_PLUGIN_MAX];
	const struct sm_plugged *first = NULL;
	struct sm_error why = { 0 };
	int count = sm_plugin_scenarios(&sm_os_linux, file, stop_flag(), list, &why);

	if (count == -EINTR)
		sm_fail(err, EINTR, "%s", why.text);
	else if (count < 0)
		sm_print_line(stderr, "shmeter: warning: %s; it is left out", why.text);
	for (int i = 0; i < count; i++)
		if (add_scenario(list[i], &why) < 0)
			leave_out(list[i]->plugged->file, &why);
		else if (!first)
			first = list[i]->plugged;
	return first;
}

/* Adds what a file lists, and sets `used` to the first of it; NULL: nothing. */
static int add_file(const char *file, const struct sm_plugged **used, struct sm_error *err)
{
	const struct sm_plugged *plugged, *scenario;
	struct sm_error why = { 0 };
	int count = sm_plugin_describe(&sm_os_linux, file, stop_flag(), &plugged, &why);

	*used = NULL;
	if (count == -EINVAL || count == -EINTR)
		return sm_fail(err, -count, "%s", why.text);
	if (count < 0) {
		sm_print_line(stderr, "shmeter: warning: %s; it is left out", why.text);
		return 0;
	}
	for (int i = 0; i < count; i++)
		if (add(&plugged[i], &why) < 0)
			leave_out(plugged[i].file, &why);
		else
			*used = plugged;
	scenario = add_scenarios(file, err);
	if (!*used)
		*used = scenario;
	return err->code == EINTR ? -EINTR : 0;
}

int plugins_add(struct plugins *plugins, struct sm_error *err)
{
	for (unsigned i = 0; i < plugins->count; i++) {
		const struct sm_plugged *used;
		int rc = add_file(plugins->file[i], &used, err);

		if (rc < 0)
			return rc;
		if (used)
			plugins->used[plugins->used_count++] = used;
	}
	return 0;
}

/* What the plug-ins of one side hold. */
struct held {
	struct {
		enum sm_plugged_kind kind;
		const char *name;
	} one[PLUGINS_MAX * 3 * SHMETER_PLUGIN_MAX]; /* transports, locks and scenarios */
	unsigned count;
};

static int hold(struct held *held, const char *file, struct sm_error *err)
{
	const struct sm_scenario *list[SHMETER_PLUGIN_MAX];
	const struct sm_plugged *plugged;
	int count = sm_plugin_describe(&sm_os_linux, file, stop_flag(), &plugged, err);

	for (int i = 0; i < count; i++) {
		held->one[held->count].kind = plugged[i].kind;
		held->one[held->count++].name = plugged[i].name;
	}
	if (count < 0)
		return count;
	count = sm_plugin_scenarios(&sm_os_linux, file, stop_flag(), list, err);
	for (int i = 0; i < count; i++) {
		if (!list[i]->name)
			continue; /* refused by name later */
		held->one[held->count].kind = SM_PLUGGED_SCENARIO;
		held->one[held->count++].name = list[i]->name;
	}
	return count < 0 ? count : 0;
}

int plugins_check_sides(const struct plugins sides[2], struct sm_error *err)
{
	static struct held held[2];
	bool shared = false;

	for (unsigned s = 0; s < 2; s++)
		for (unsigned i = 0; i < sides[s].count; i++) {
			struct sm_error why = { 0 };
			int rc = hold(&held[s], sides[s].file[i], &why);

			if (rc < 0)
				return sm_fail(err, rc == -EINTR ? EINTR : EINVAL, "--%s: %s", s ? "right" : "left",
					       why.text);
		}
	for (unsigned i = 0; i < held[0].count; i++)
		for (unsigned j = 0; j < held[1].count; j++)
			shared |= held[0].one[i].kind == held[1].one[j].kind &&
				  strcmp(held[0].one[i].name, held[1].one[j].name) == 0;
	if (held[0].count && held[1].count && !shared)
		return sm_fail(err, EINVAL, "%s holds %s and %s holds %s: two versions need one name to be compared",
			       sides[0].file[0], held[0].one[0].name, sides[1].file[0], held[1].one[0].name);
	return 0;
}

int plugins_check_run(const struct plugins *plugins, const json_t *manifest, const char *folder, struct sm_error *err)
{
	const json_t *measured = json_object_get(json_object_get(manifest, "options"), "plugins"), *one;

	for (unsigned p = 0; p < plugins->used_count; p++) {
		bool found = false;
		size_t i;

		json_array_foreach (measured, i, one) {
			const char *identity = json_string_value(json_object_get(one, "values"));

			found |= identity && strcmp(identity, plugins->used[p]->identity) == 0;
		}
		if (!found)
			return sm_fail(err, EINVAL,
				       "plug-in %s is not what %s measured (size or time of change differ), so fresh "
				       "trials would be of other code: measure a new run, or omit --confirm",
				       plugins->used[p]->file, folder);
	}
	return 0;
}
