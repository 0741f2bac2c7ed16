/* Resumes an interrupted run, only with the same build, machine and options. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "shmeter/text.h"

#define VALUE_MAX 300

/* Names of options on the command line, by their names in the manifest. */
static const struct {
	const char *key, *option;
} options[] = {
	{ "profile", "--profile" },
	{ "patterns", "the patterns" },
	{ "budget_ns", "--budget" },
	{ "repeat_blocks", "--repeat-blocks" },
	{ "slice_ns", "--slice" },
	{ "slices", "--slices" },
	{ "longer", "--thresholds for" },
	{ "longer_blocks", "--thresholds with blocks:" },
	{ "pus", "--placement" },
	{ "placement", "--placement" },
	{ "kind", "--kind" },
	{ "backing", "--backing" },
	{ "pages", "--pages" },
	{ "prefault", "--prefault" },
	{ "numa", "--numa" },
	{ "set", "--set" },
	{ "inject", "--inject" },
	{ "tune", "--tune" },
	{ "file_folder", "--file-folder" },
	{ "plugins", "--plugin" },
};

/* These options change the machine or the place of files, or name code.  A folder from somebody else must not do so, so they
 * must be given again. */
static bool is_never_taken_over(const char *key)
{
	return strcmp(key, "tune") == 0 || strcmp(key, "file_folder") == 0 || strcmp(key, "plugins") == 0;
}

static bool is_set(const json_t *value)
{
	return json_is_true(value) || json_integer_value(value) != 0 || json_array_size(value) > 0 ||
	       json_string_length(value) > 0;
}

/* A value as on the command line; "" for a flag. */
static const char *value_text(const char *key, const json_t *value, char out[VALUE_MAX])
{
	char text[SM_TEXT_MAX];
	size_t used = 0, i;
	const json_t *one;

	out[0] = '\0';
	if (json_is_string(value))
		snprintf(out, VALUE_MAX, " %s", json_string_value(value));
	else if (json_is_integer(value) && strstr(key, "_ns"))
		snprintf(out, VALUE_MAX, " %s", sm_format_ns(text, (double)json_integer_value(value)));
	else if (json_is_integer(value))
		snprintf(out, VALUE_MAX, " %lld", (long long)json_integer_value(value));
	json_array_foreach (value, i, one) {
		const char *name = json_string_value(json_object_get(one, "name"));
		const char *values = json_string_value(json_object_get(one, "values"));

		if (used >= VALUE_MAX)
			break;
		if (name && values)
			used += (size_t)snprintf(out + used, VALUE_MAX - used, " %s=%s", name, values);
		else if (json_is_string(one))
			used += (size_t)snprintf(out + used, VALUE_MAX - used, " %s", json_string_value(one));
		else
			used += (size_t)snprintf(out + used, VALUE_MAX - used, "%c%lld", used ? ',' : ' ',
						 (long long)json_integer_value(one));
	}
	return out;
}

/* Reports an option that differs. */
static int differs(const struct session *session, const char *option, const char *recorded, const char *given,
		   struct sm_error *err)
{
	const char *folder = session->options->folder;

	if (!given)
		return sm_fail(err, EINVAL,
			       "%s was begun with %s%s, which is not given: give it too, or start a new run", folder,
			       option, recorded);
	if (!recorded)
		return sm_fail(err, EINVAL,
			       "%s was begun without %s, and now%s is given: leave it out, or start a new run", folder,
			       option, *given ? given : " it");
	return sm_fail(err, EINVAL, "%s was begun with %s%s, and now%s is given: leave it out, or start a new run",
		       folder, option, recorded, given);
}

static int compare_options(const struct session *session, struct sm_error *err)
{
	const struct sm_run_options *run = session->options;
	const json_t *before = json_object_get(session->manifest, "options");
	json_t *now = manifest_options(run, &run->plan);
	char old_text[VALUE_MAX], new_text[VALUE_MAX];
	int rc = now ? 0 : sm_fail(err, ENOMEM, "no memory for the options");

	for (size_t i = 0; rc == 0 && i < sizeof(options) / sizeof(options[0]); i++) {
		const char *key = options[i].key;
		const json_t *recorded = json_object_get(before, key), *given = json_object_get(now, key);
		bool is_given = is_set(given) && (strcmp(key, "profile") != 0 || run->profile_given);

		/* an earlier build did not record all of them */
		if (!recorded || json_equal((json_t *)(uintptr_t)recorded, (json_t *)(uintptr_t)given) ||
		    (!is_given && !(is_never_taken_over(key) && is_set(recorded))))
			continue;
		rc = differs(session, options[i].option, is_set(recorded) ? value_text(key, recorded, old_text) : NULL,
			     is_given ? value_text(key, given, new_text) : NULL, err);
	}
	json_decref(now);
	return rc;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int compare_seed(const struct session *session, struct sm_error *err)
{
	const struct sm_run_options *run = session->options;
	const char *recorded = text_of(session->manifest, "seed");
	char old_text[VALUE_MAX], new_text[VALUE_MAX];

	snprintf(old_text, sizeof(old_text), " %s", recorded);
	snprintf(new_text, sizeof(new_text), " %llu", (unsigned long long)run->plan.seed);
	return !run->seed_given || strcmp(old_text, new_text) == 0
		       ? 0
		       : differs(session, "--seed", old_text, new_text, err);
}

void resume_events(const json_t *manifest, char *out, size_t size)
{
	const json_t *events = json_object_get(manifest, "events"), *one;
	size_t used = 0, i;

	out[0] = '\0';
	json_array_foreach (events, i, one)
		if (used < size && *text_of(one, "name"))
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? "," : "",
						 text_of(one, "name"));
}

static int compare_events(const struct session *session, struct sm_error *err)
{
	const struct sm_run_options *run = session->options;
	char recorded[SM_EVENTS_MAX * SM_EVENT_TEXT_MAX + 1] = " ", given[VALUE_MAX];

	resume_events(session->manifest, recorded + 1, sizeof(recorded) - 1);
	if (run->no_counters && recorded[1])
		return differs(session, "--no-counters", NULL, "", err);
	if (!run->events || strcmp(run->events, recorded + 1) == 0)
		return 0;
	snprintf(given, sizeof(given), " %s", run->events);
	if (!recorded[1])
		return differs(session, "--events", NULL, given, err);
	recorded[VALUE_MAX] = '\0';
	return differs(session, "--events", recorded, given, err);
}

static int compare_machine(const struct session *session, struct sm_error *err)
{
	const char *folder = session->options->folder;
	const json_t *recorded = json_object_get(session->manifest, "identity");
	json_t *environment = sm_environment_capture(session->context.os, session->topology);
	struct sm_identity identity;

	if (!environment)
		return sm_fail(err, ENOMEM, "no memory to look at the machine");
	sm_environment_identify(environment, &identity);
	json_decref(environment);
	if (strcmp(text_of(recorded, "type"), identity.type) != 0)
		return sm_fail(
			err, EINVAL,
			"%s was begun on a machine of another type, by CPU, caches, nodes, memory and kernel (%.20s, and "
			"this one is %s): go on there, or start a new run",
			folder, text_of(recorded, "type"), identity.type);
	if (!*text_of(recorded, "host"))
		return sm_fail(err, EINVAL,
			       "%s does not record its host, so it cannot be gone on with: start a new run", folder);
	if (strcmp(text_of(recorded, "host"), identity.host) != 0)
		return sm_fail(
			err, EINVAL,
			"%s was begun on another machine of this type (host %.20s, and this one is %s): go on there, or "
			"start a new run",
			folder, text_of(recorded, "host"), identity.host);
	return 0;
}

int resume_compare(const struct session *session, struct sm_error *err)
{
	const char *version = text_of(json_object_get(session->manifest, "tool"), "version");
	int rc = 0;

	if (strcmp(version, session->options->version) != 0)
		rc = sm_fail(
			err, EINVAL,
			"%s was begun by shmeter %.40s, and this is %s: go on with that version, or start a new run",
			session->options->folder, *version ? version : "of no version", session->options->version);
	if (rc == 0)
		rc = compare_machine(session, err);
	if (rc == 0)
		rc = compare_options(session, err);
	if (rc == 0)
		rc = compare_seed(session, err);
	return rc == 0 ? compare_events(session, err) : rc;
}

/* The cases that have one row each after the steps, in order; `*count` of them. */
static unsigned *rows_behind(const struct session *session, size_t *count)
{
	unsigned *of = calloc(session->plan.case_count + 1, sizeof(*of));

	*count = 0;
	for (size_t i = 0; of && i < session->plan.case_count; i++)
		if (session->plan.cases[i].skipped || session->plan.cases[i].failure[0])
			of[(*count)++] = (unsigned)i;
	return of;
}

static int foreign(const struct session *session, const struct sm_sample *sample, struct sm_error *err)
{
	return sm_fail(err, EBADMSG,
		       "%s/samples.csv: trial %u (%s, block %u) is not of the plan in manifest.json: the folder "
		       "is damaged",
		       session->options->folder, sample->trial, session->results->cases[sample->case_index].id,
		       sample->block);
}

/* Whether a trial belongs to the plan: a step with this number, one of the rows after the steps, or a trial of an added
 * block. */
static bool is_planned(const struct session *session, const struct sm_sample *sample, const unsigned *behind,
		       size_t behind_count)
{
	const struct sm_plan *plan = &session->plan;
	sm_name id = session->results->cases[sample->case_index].id;

	if (sample->trial < plan->step_count) {
		const struct sm_step *step = &plan->steps[sample->trial];

		return id == plan->cases[step->case_index].id && sample->block == step->block &&
		       sample->order == step->order;
	}
	if (sample->trial < plan->step_count + behind_count)
		return id == plan->cases[behind[sample->trial - plan->step_count]].id;
	for (size_t i = 0; i < plan->case_count; i++)
		if (id == plan->cases[i].id)
			return !plan->cases[i].skipped && sample->block >= plan->groups[plan->cases[i].group].blocks;
	return false;
}

int resume_take_rows(struct session *session, struct sm_error *err)
{
	const struct sm_results *results = session->results;
	size_t room = session->plan.step_count + session->plan.case_count, behind_count;
	unsigned *behind = rows_behind(session, &behind_count);
	int rc = 0;

	free(session->done);
	session->done = calloc(room + 1, sizeof(*session->done));
	if (!session->done || !behind)
		rc = sm_fail(err, ENOMEM, "no memory for the plan");
	for (size_t i = 0; rc == 0 && i < results->sample_count; i++) {
		const struct sm_sample *sample = &results->samples[i];
		uint64_t ended_ns = sample->started_ns + sample->wall_ns;

		if (!is_planned(session, sample, behind, behind_count))
			rc = foreign(session, sample, err);
		else if (sample->trial < session->plan.step_count + behind_count)
			session->done[sample->trial] = true;
		else
			session->topped_up += sample->order == 0;
		if (ended_ns > session->resumed_ns)
			session->resumed_ns = ended_ns;
		session->timed_ns += sample->elapsed_ns;
	}
	free(behind);
	return rc;
}
