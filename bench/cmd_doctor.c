/* shmeter doctor */
#include <errno.h>
#include <stdlib.h>

#include "commands.h"
#include "program.h"
#include "shmeter/encode.h"
#include "shmeter/environment.h"

#define CHECKUPS_MAX 64
#define COLUMN       18 /* column in which findings begin */
#define FIRST_MAX    64

static void print_json(const json_t *environment, const struct sm_checkup *checkups, unsigned count)
{
	static const char *const level[] = { "good", "gap", "warning" };
	json_t *list = json_array(), *all;

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "topic", checkups[i].topic, "level",
						      level[checkups[i].level], "finding", checkups[i].finding,
						      "remedy", checkups[i].remedy));
	all = json_pack("{s:O, s:o}", "environment", environment, "checkups", list);
	json_dumpf(all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(all);
}

static void print_table(const struct sm_checkup *checkups, unsigned count, bool color)
{
	static const char *const mark[] = { "ok  ", "gap ", "note" };
	static const char *const tint[] = { "\033[32m", "\033[31m", "\033[33m" };

	for (unsigned i = 0; i < count; i++) {
		const struct sm_checkup *one = &checkups[i];
		char first[FIRST_MAX];

		snprintf(first, sizeof(first), "%s%s%s %-12s ", color ? tint[one->level] : "", mark[one->level],
			 color ? "\033[0m" : "", one->topic);
		say(COLUMN, first, "%s", one->finding);
		if (one->remedy[0]) {
			snprintf(first, sizeof(first), "%*s-> ", COLUMN, "");
			say(COLUMN + 3, first, "%s", one->remedy);
		}
	}
}

int cmd_doctor(const struct doctor_options *options)
{
	struct sm_event_set *events = calloc(1, sizeof(*events));
	struct sm_checkup *checkups = calloc(CHECKUPS_MAX, sizeof(*checkups));
	struct sm_topology *topology = NULL;
	struct sm_error err = { 0 };
	json_t *environment = NULL;
	unsigned count;
	int rc = -ENOMEM;

	if (!events || !checkups)
		goto out_free;
	rc = sm_topology_open(&topology, NULL, &err);
	if (rc == 0)
		rc = sm_events_prepare(events, &sm_os_linux, options->events ? options->events : sm_events_default,
				       &err);
	if (rc < 0)
		goto out_free;
	count = sm_environment_checkup(&sm_os_linux, topology, events, checkups, CHECKUPS_MAX);
	environment = sm_environment_capture(&sm_os_linux, topology);
	if (options->json)
		print_json(environment, checkups, count);
	else
		print_table(checkups, count, use_color(&options->common, stdout));
out_free:
	json_decref(environment);
	sm_topology_close(topology);
	free(checkups);
	free(events);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
