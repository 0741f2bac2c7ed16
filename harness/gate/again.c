/* The commands that reproduce the result of a gate. */
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"
#include "shmeter/encode.h"
#include "shmeter/memory.h"
#include "shmeter/plan.h"

static void put_option(FILE *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	fprintf(out, " --%s ", name);
	sm_put_quoted(out, value);
}

static void put_pattern(FILE *out, const char *scenario, const char *variant)
{
	if (!variant)
		return;
	fputs(" '", out);
	sm_put_encoded(out, SM_TO_SHELL, scenario);
	fputc('/', out);
	sm_put_encoded(out, SM_TO_SHELL, variant);
	fputc('\'', out);
}

static const char *member(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

const char *sm_gates_events(const json_t *manifest)
{
	static const char option[] = "--events";
	const json_t *line = json_object_get(manifest, "command_line");
	const size_t length = sizeof(option) - 1;

	for (size_t i = 0; i < json_array_size(line); i++) {
		const char *word = json_string_value(json_array_get(line, i));

		if (!word || strncmp(word, option, length) != 0)
			continue;
		if (word[length] == '=')
			return word + length + 1;
		if (!word[length])
			return json_string_value(json_array_get(line, i + 1));
	}
	return NULL;
}

static void put_options(FILE *out, const json_t *manifest)
{
	static const char *const names[] = { "kind", "backing", "pages", "prefault", "numa", "inject" };
	const json_t *options = json_object_get(manifest, "options");
	const json_t *pus = json_object_get(options, "pus"), *sets = json_object_get(options, "set");
	const json_t *plugins = json_object_get(options, "plugins");

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		put_option(out, names[i], member(options, names[i]));
	if (json_array_size(pus) == 0)
		put_option(out, "placement", member(options, "placement"));
	for (size_t i = 0; i < json_array_size(pus); i++)
		fprintf(out, "%s%" JSON_INTEGER_FORMAT, i ? "," : " --placement ",
			json_integer_value(json_array_get(pus, i)));
	for (size_t i = 0; i < json_array_size(sets); i++) {
		const char *name = member(json_array_get(sets, i), "name");
		const char *values = member(json_array_get(sets, i), "values");

		char *text;

		if (asprintf(&text, "%s=%s", name ? name : "", values ? values : "") < 0)
			sm_no_memory();
		put_option(out, "set", text);
		free(text);
	}
	for (size_t i = 0; i < json_array_size(plugins); i++)
		put_option(out, "plugin", member(json_array_get(plugins, i), "name"));
	put_option(out, "events", sm_gates_events(manifest));
}

/* Closes a stream in memory and returns its text as a string of the results. */
static const char *close_text(struct sm_written *written, struct sm_results *results)
{
	const char *copy;

	sm_written_close(written);
	copy = sm_results_copy(results, written->text);
	free(written->text);
	return copy;
}

const char *gate_again(const struct sm_gate *gate, struct sm_results *results)
{
	const json_t *options = json_object_get(results->manifest, "options");
	enum sm_profile profile = SM_QUICK;
	long long blocks = gate->kind == SM_GATE_BASELINE ? 2 * SM_BASELINE_BLOCKS : 32;
	long long had = json_integer_value(json_object_get(options, "repeat_blocks"));
	struct sm_written written;
	FILE *out = sm_written_open(&written);

	if (member(options, "profile"))
		(void)!sm_profile_parse(member(options, "profile"), &profile, NULL);
	fputs("shmeter run", out);
	put_pattern(out, gate->scenario, gate->variant ? gate->variant : "*");
	put_pattern(out, gate->scenario, gate->against);
	put_pattern(out, gate->scenario, gate->control);
	fprintf(out, " --profile %s --repeat-blocks %lld", sm_profile_name(profile), had > blocks ? had : blocks);
	if (json_integer_value(json_object_get(options, "slice_ns")) > 0)
		fprintf(out, " --slice %lldns", (long long)json_integer_value(json_object_get(options, "slice_ns")));
	if (json_integer_value(json_object_get(options, "slices")) > 0)
		fprintf(out, " --slices %lld", (long long)json_integer_value(json_object_get(options, "slices")));
	put_options(out, results->manifest);
	return close_text(&written, results);
}

void sm_gates_name_again(const struct sm_gates *gates, struct sm_gate_row *rows, struct sm_results *run,
			 const char *const *baseline, size_t baseline_count, bool confirm)
{
	for (size_t i = 0; i < gates->count; i++) {
		struct sm_written written;
		FILE *out = sm_written_open(&written);

		fprintf(out, "%s --out again && shmeter check again", rows[i].again);
		put_option(out, "thresholds", gates->path);
		for (size_t b = 0; rows[i].gate->kind == SM_GATE_BASELINE && b < baseline_count; b++)
			put_option(out, "baseline", baseline[b]);
		if (rows[i].gate->kind == SM_GATE_BASELINE)
			put_option(out, "baseline-store", gates->store);
		if (rows[i].gate->kind == SM_GATE_BASELINE && (baseline_count > 0 || gates->store) && gates->same_type)
			fputs(" --same-type", out);
		if (confirm)
			fputs(" --confirm", out);
		rows[i].again = close_text(&written, run);
	}
}
