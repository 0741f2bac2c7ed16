/* manifest.json: what a reader and `--resume` need to know about a run. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "session.h"
#include "shmeter/clock.h"
#include "shmeter/file_system.h"
#include "shmeter/floor.h"
#include "shmeter/text.h"

/* How long timer gaps are measured before and after a run. */
#define GAPS_NS 20000000u
/* Most blocks of a group: the maximum of --repeat-blocks. */
#define BLOCKS_MAX 10000

static void probe_gaps(struct gaps *gaps)
{
	sm_noise_gaps(GAPS_NS, &gaps->lost_percent, &gaps->longest_ns);
}

static json_t *gaps_json(const struct gaps *gaps)
{
	return json_pack("{s:f, s:I}", "lost_percent", gaps->lost_percent, "longest_ns", (json_int_t)gaps->longest_ns);
}

static json_t *utc_now(void)
{
	char text[32];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}

static json_t *strings(const char *const *text, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(text[i]));
	return array;
}

static json_t *events_json(const struct sm_event_set *events)
{
	json_t *array = json_array();

	for (unsigned i = 0; events && i < events->count; i++) {
		const struct sm_event *event = &events->event[i];
		json_t *pmus = json_array(), *one;

		for (unsigned p = 0; p < events->pmu_count; p++)
			if (event->pmus >> p & 1)
				json_array_append_new(pmus, json_string(events->pmu[p].name));
		one = json_pack("{s:s, s:s, s:s, s:s, s:s}", "name", event->name, "fstr", event->fstr, "state",
				sm_count_state_name(event->state), "scope", sm_count_scope_name(event->scope), "reason",
				event->reason);
		if (json_array_size(pmus) > 0) /* of a machine with several kinds of cores */
			json_object_set(one, "pmus", pmus);
		json_decref(pmus);
		json_array_append_new(array, one);
	}
	return array;
}

json_t *manifest_options(const struct sm_run_options *run, const struct sm_plan_options *options)
{
	char pages[16], numa[24];
	json_t *sets = json_array(), *pus = json_array(), *plugins = json_array();

	for (unsigned i = 0; i < options->set_count; i++)
		json_array_append_new(
			sets, json_pack("{s:s, s:s}", "name", options->set[i].name, "values", options->set[i].text));
	for (unsigned i = 0; i < options->pu_list_count; i++)
		json_array_append_new(pus, json_integer(options->pu_list[i]));
	for (size_t i = 0; i < run->plugged_count; i++)
		json_array_append_new(plugins, json_pack("{s:s, s:s}", "name", run->plugged[i]->file, "values",
							 run->plugged[i]->identity));
	return json_pack(
		"{s:s, s:o, s:I, s:i, s:I, s:i, s:o, s:i, s:s, s:o, s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:s, s:s, s:o}",
		"profile", sm_profile_name(options->profile), "patterns",
		strings(options->patterns, options->pattern_count), "budget_ns", (json_int_t)options->budget_ns,
		"repeat_blocks", (int)options->repeat_blocks, "slice_ns", (json_int_t)options->slice_ns, "slices",
		(int)options->slices, "longer", strings(options->longer, options->longer_count), "longer_blocks",
		(int)options->longer_blocks, "placement",
		options->placement == SM_PLACE_LIST ? "list"
		: options->placement                ? sm_placement_name(options->placement)
						    : "",
		"pus", pus, "backing", options->memory.backing ? sm_backing_name(options->memory.backing) : "", "pages",
		options->memory.pages.kind ? sm_pages_name(options->memory.pages, pages) : "", "prefault",
		options->memory.prefault ? sm_prefault_name(options->memory.prefault) : "", "numa",
		options->memory.numa ? sm_numa_name(options->memory, numa) : "", "set", sets, "inject",
		options->inject ? options->inject : "", "tune", run->tune, "file_folder",
		run->file_folder ? run->file_folder : "", "kind", options->kind ? options->kind : "", "plugins",
		plugins);
}

int manifest_make(struct session *session, struct sm_error *err)
{
	const struct sm_run_options *options = session->options;
	json_t *environment = sm_environment_capture(session->context.os, session->topology);
	struct sm_identity identity = { .type = "" };
	char note[SM_ERROR_TEXT_MAX] = "", seed[32];
	struct sm_clock_report clock = { 0 };

	if (sm_clock_check(session->topology, &clock, err) < 0) {
		json_decref(environment);
		return -EIO;
	}
	probe_gaps(&session->gaps_before);
	if (environment)
		sm_environment_identify(environment, &identity);
	if (session->events)
		sm_events_note(session->events, note);
	snprintf(seed, sizeof(seed), "%llu", (unsigned long long)session->plan_options.seed);
	session->manifest = json_pack(
		"{s:i, s:{s:s, s:s, s:s}, s:o, s:s, s:s, s:s, s:o, s:o, s:{s:s, s:s}, s:o?, s:o, "
		"s:s, s:{s:f, s:f, s:b, s:s, s:i, s:o}}",
		"schema_version", SM_SCHEMA_VERSION, "tool", "name", "shmeter", "version", options->version, "compiler",
		__VERSION__, "command_line", strings(options->command_line, options->command_line_count), "seed", seed,
		"profile", sm_profile_name(session->plan_options.profile), "status", "interrupted", "started_utc",
		utc_now(), "options", manifest_options(options, &session->plan_options), "identity", "type",
		identity.type, "host", identity.host, "environment", environment, "events",
		events_json(session->events), "counters_note", note, "clock", "cost_ns", clock.cost_ns, "quantum_ns",
		clock.quantum_ns, "syscall", clock.syscall, "source", clock.source, "pus", (int)clock.pus, "apart_ns",
		clock.pus > 1 ? json_real(clock.apart_ns) : json_null());
	if (!session->manifest)
		return sm_fail(err, ENOMEM, "no memory for the manifest");
	session->results->manifest = session->manifest;
	if (options->gates)
		json_object_set_new(session->manifest, "looked", json_true());
	(void)json_object_set_new(session->manifest, "noise_floor", sm_floor_load(&identity)); /* if known */
	if (session->events) /* a cost that could not be measured is absent */
		(void)json_object_set_new(session->manifest, "counting_cost", counting_cost(session));
	return 0;
}

void manifest_add_folder(struct session *session)
{
	json_t *systems = json_object_get(json_object_get(session->manifest, "environment"), "file_systems");
	char name[SM_FILE_SYSTEM_MAX];

	if (sm_file_system_name(session->context.os, session->options->folder, name, sizeof(name), NULL) == 0)
		(void)json_object_set_new(systems, "results", json_string(name));
}

static json_t *case_json(const struct sm_planned_case *planned)
{
	const struct sm_metric *more = planned->c.scenario->more;
	const struct sm_variant *variant = sm_case_variant(&planned->c);
	const struct sm_plugged *plugged = variant->plugged ? variant->plugged : planned->c.scenario->plugged;
	json_t *metrics = json_array(), *plugin = NULL;

	for (unsigned i = 0; i < SM_MORE_MAX && more[i].name; i++)
		json_array_append_new(metrics, json_string(more[i].name));
	if (plugged) /* what a later program does not know, because it does not load the file */
		plugin = json_pack("{s:s, s:b}", "file", plugged->file, "spins", variant->spins);
	return json_pack("{s:s, s:I, s:i, s:I, s:b, s:s, s:s, s:s, s:o, s:o*, s:o*}", "id", planned->id,
			 "ops_per_slice", (json_int_t)planned->op_count, "slices", (int)planned->slices, "trial_ns",
			 (json_int_t)planned->trial_ns, "skipped", (int)planned->skipped, "reason", planned->reason,
			 "failure", planned->failure, "failure_status",
			 sm_status_name((enum sm_status)planned->failure_status), "metrics", metrics, "tour",
			 session_tour_json(planned), "plugin", plugin);
}

/* Keeps only the noise floors of cases that this run has. */
static void keep_floors(struct session *session)
{
	json_t *floor = json_object_get(session->manifest, "noise_floor"), *all = json_object_get(floor, "cases");
	json_t *kept = json_object();

	for (size_t i = 0; i < session->plan.case_count; i++)
		json_object_set(kept, session->plan.cases[i].id, json_object_get(all, session->plan.cases[i].id));
	if (all)
		json_object_set(floor, "cases", kept);
	json_decref(kept);
}

int manifest_add_plan(struct session *session)
{
	json_t *cases = json_array(), *groups = json_array(), *plan;

	keep_floors(session);
	for (size_t i = 0; i < session->plan.case_count; i++)
		json_array_append_new(cases, case_json(&session->plan.cases[i]));
	for (size_t g = 0; g < session->plan.group_count; g++)
		json_array_append_new(groups, json_integer(session->plan.groups[g].blocks));
	plan = json_pack("{s:I, s:f, s:o, s:o}", "trials", (json_int_t)session->plan.step_count, "estimate_s",
			 (double)session->plan.estimate_ns / 1e9, "blocks", groups, "cases", cases);
	return json_object_set_new(session->manifest, "plan", plan);
}

static void add_noise(struct session *session)
{
	struct gaps gaps;
	struct sm_noise_mark after;
	struct sm_noise noise;
	json_t *object = json_object();

	sm_noise_mark(session->context.os, &after);
	sm_noise_between(&session->noise_before, &after, &noise);
	json_object_set_new(object, "gaps_before", gaps_json(&session->gaps_before));
	probe_gaps(&gaps);
	json_object_set_new(object, "gaps_after", gaps_json(&gaps));
	if (isfinite(noise.steal_percent)) {
		json_object_set_new(object, "steal_percent", json_real(noise.steal_percent));
		json_object_set_new(object, "busy_percent", json_real(noise.busy_percent));
		json_object_set_new(object, "others_percent", json_real(noise.others_percent));
		json_object_set_new(object, "interrupts_per_s", json_real(noise.interrupts_per_s));
		json_object_set_new(object, "switches_per_s", json_real(noise.switches_per_s));
	}
	const struct {
		const char *key;
		double value;
	} limited[] = { { "throttled_percent", noise.throttled_percent },
			{ "throttled_times", noise.throttled_times },
			{ "memory_kills", noise.memory_kills } };

	for (size_t i = 0; i < sizeof(limited) / sizeof(limited[0]); i++)
		if (isfinite(limited[i].value))
			json_object_set_new(object, limited[i].key, json_real(limited[i].value));
	json_object_set_new(session->manifest, "noise", object);
}

int manifest_finish(struct session *session, const char *status, struct sm_error *err)
{
	double wall_s = (double)session_spent_ns(session) / 1e9;

	json_object_set_new(session->manifest, "status", json_string(status));
	json_object_set_new(session->manifest, "ended_utc", utc_now());
	json_object_set_new(session->manifest, "wall_s", json_real(wall_s));
	json_object_set_new(session->manifest, "timed_s", json_real((double)session->timed_ns / 1e9));
	json_object_set_new(session->manifest, "timed_share", json_real((double)session->timed_ns / 1e9 / wall_s));
	json_object_set_new(session->manifest, "blocks_added", json_integer(session->topped_up));
	if (session->over_budget)
		json_object_set_new(session->manifest, "budget_reached", json_true());
	add_noise(session);
	return sm_store_write_manifest(session->options->folder, session->manifest, err);
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int restore_memory(struct sm_memory *memory, const json_t *options, struct sm_error *err)
{
	const char *backing = text_of(options, "backing"), *pages = text_of(options, "pages");
	const char *prefault = text_of(options, "prefault"), *numa = text_of(options, "numa");
	int rc = *backing ? sm_backing_parse(backing, &memory->backing, err) : 0;

	if (rc == 0 && *pages)
		rc = sm_pages_parse(&sm_os_linux, pages, &memory->pages, err);
	if (rc == 0 && *prefault)
		rc = sm_prefault_parse(prefault, &memory->prefault, err);
	if (rc == 0 && *numa)
		rc = sm_numa_parse(numa, memory, err);
	return rc;
}

/* The strings of a JSON array; the caller frees the array.  NULL: no memory. */
static const char **texts_of(const json_t *array)
{
	const char **text = calloc(json_array_size(array) + 1, sizeof(*text));

	for (size_t i = 0; text && i < json_array_size(array); i++) {
		text[i] = json_string_value(json_array_get(array, i));
		if (!text[i])
			text[i] = "";
	}
	return text;
}

/* Patterns and lists point into the manifest, which the session keeps. */
static int restore_lists(struct sm_plan_options *plan, const json_t *options, struct sm_error *err)
{
	const json_t *patterns = json_object_get(options, "patterns");
	const json_t *longer = json_object_get(options, "longer");
	const json_t *pus = json_object_get(options, "pus"), *sets = json_object_get(options, "set");
	const char **pattern = texts_of(patterns), **longer_pattern = texts_of(longer);
	unsigned *pu = calloc(json_array_size(pus) + 1, sizeof(*pu));

	if (!pattern || !longer_pattern || !pu) {
		free(pattern);
		free(longer_pattern);
		free(pu);
		return sm_fail(err, ENOMEM, "no memory for the plan's options");
	}
	for (size_t i = 0; i < json_array_size(pus); i++)
		pu[i] = (unsigned)json_integer_value(json_array_get(pus, i));
	plan->patterns = pattern;
	plan->pattern_count = json_array_size(patterns);
	plan->longer = longer_pattern;
	plan->longer_count = json_array_size(longer);
	plan->pu_list = pu;
	plan->pu_list_count = (unsigned)json_array_size(pus);
	for (size_t i = 0; i < json_array_size(sets) && i < SM_SETS_MAX; i++) {
		const json_t *set = json_array_get(sets, i);

		plan->set[plan->set_count].name = text_of(set, "name");
		plan->set[plan->set_count++].text = text_of(set, "values");
	}
	return 0;
}

int sm_run_restore_options(const json_t *manifest, const char *folder, struct sm_plan_options *plan,
			   struct sm_error *err)
{
	const json_t *options = json_object_get(manifest, "options");
	const char *placement = text_of(options, "placement"), *inject = text_of(options, "inject");
	const char *kind = text_of(options, "kind");
	int rc;

	memset(plan, 0, sizeof(*plan));
	if (!json_is_object(options))
		return sm_fail(err, EBADMSG, "%s/manifest.json has no \"options\": it cannot be resumed or repeated",
			       folder);
	if (sm_parse_whole(text_of(manifest, "seed"), UINT64_MAX, &plan->seed) < 0)
		return sm_fail(err, EBADMSG, "%s/manifest.json: \"seed\" is no number", folder);
	plan->inject = *inject ? inject : NULL;
	plan->kind = *kind ? kind : NULL;
	plan->budget_ns = (uint64_t)json_integer_value(json_object_get(options, "budget_ns"));
	plan->repeat_blocks = (unsigned)json_integer_value(json_object_get(options, "repeat_blocks"));
	plan->slice_ns = (uint64_t)json_integer_value(json_object_get(options, "slice_ns"));
	plan->slices = (unsigned)json_integer_value(json_object_get(options, "slices"));
	plan->longer_blocks = (unsigned)json_integer_value(json_object_get(options, "longer_blocks"));
	plan->placement = strcmp(placement, "list") == 0 ? SM_PLACE_LIST : sm_placement_parse(placement);
	rc = sm_profile_parse(text_of(options, "profile"), &plan->profile, err);
	if (rc == 0)
		rc = restore_memory(&plan->memory, options, err);
	if (rc == 0)
		rc = restore_lists(plan, options, err);
	return rc;
}

void sm_run_free_options(struct sm_plan_options *plan)
{
	free((void *)plan->patterns);
	free((void *)plan->longer);
	free((void *)plan->pu_list);
}

/* Reads a whole number of the manifest; -EBADMSG where it is not a whole number from `least` to `most`. */
static int number_of(const json_t *one, const char *key, json_int_t least, json_int_t most, uint64_t *out)
{
	const json_t *value = json_object_get(one, key);

	*out = (uint64_t)json_integer_value(value);
	return json_is_integer(value) && json_integer_value(value) >= least && json_integer_value(value) <= most
		       ? 0
		       : -EBADMSG;
}

static int restore_case(struct sm_planned_case *planned, const json_t *one)
{
	uint64_t slices;

	if (number_of(one, "ops_per_slice", planned->skipped ? 0 : 1, INT64_MAX, &planned->op_count) < 0 ||
	    number_of(one, "slices", planned->skipped ? 0 : 1, SM_SLICES_MAX, &slices) < 0 ||
	    number_of(one, "trial_ns", 0, INT64_MAX, &planned->trial_ns) < 0)
		return -EBADMSG;
	planned->slices = (unsigned)slices;
	planned->reason = sm_name_of(text_of(one, "reason"));
	planned->failure = sm_name_of(text_of(one, "failure"));
	for (int status = SM_OK; status < SM_STATUS_MEASURED; status++)
		if (strcmp(text_of(one, "failure_status"), sm_status_name((enum sm_status)status)) == 0)
			planned->failure_status = status;
	return session_restore_tour(planned, json_object_get(one, "tour"));
}

static int another_plan(const struct session *session, struct sm_error *err)
{
	return sm_fail(err, EBADMSG,
		       "%s/manifest.json holds another plan than its options give with this build; start a new run",
		       session->options->folder);
}

int manifest_restore_plan(struct session *session, struct sm_error *err)
{
	const json_t *plan = json_object_get(session->manifest, "plan");
	const json_t *cases = json_object_get(plan, "cases");
	const json_t *blocks = json_object_get(plan, "blocks");

	if (json_array_size(cases) != session->plan.case_count || json_array_size(blocks) != session->plan.group_count)
		return another_plan(session, err);
	for (size_t g = 0; g < session->plan.group_count; g++) {
		json_int_t count = json_integer_value(json_array_get(blocks, g));

		if (count < 1 || count > BLOCKS_MAX)
			return another_plan(session, err);
		session->plan.groups[g].blocks = (unsigned)count;
	}
	for (size_t i = 0; i < session->plan.case_count; i++) {
		struct sm_planned_case *planned = &session->plan.cases[i];
		const json_t *one = json_array_get(cases, i);

		planned->skipped = json_is_true(json_object_get(one, "skipped"));
		if (strcmp(text_of(one, "id"), planned->id) != 0)
			return sm_fail(err, EBADMSG,
				       "%s/manifest.json: case %zu is \"%s\" where this build has "
				       "\"%s\"; start a new run",
				       session->options->folder, i, text_of(one, "id"), planned->id);
		if (restore_case(planned, one) < 0)
			return sm_fail(
				err, EBADMSG,
				"%s/manifest.json: the plan of %s holds a number that no build writes; start a new "
				"run",
				session->options->folder, planned->id);
	}
	sm_plan_schedule(&session->plan, &session->plan_options);
	if ((json_int_t)session->plan.step_count != json_integer_value(json_object_get(plan, "trials")))
		return another_plan(session, err);
	return 0;
}
