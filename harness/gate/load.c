/* Reads a file of gates. */
#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"
#include "shmeter/error.h"
#include "shmeter/text.h"

static const char *const key_names[KEYS] = { "case",   "against", "at",    "metric",   "min",    "max",         "count",
					     "per_op", "slack",   "claim", "baseline", "accept", "accept_until" };

static int take_number(struct reading *reading, const struct sm_gate *gate, const char *key, const char *text,
		       double least, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	if (errno || end == text || *end || !(*out >= least) || *out > 1e12)
		return gate_wrong(reading, "[%s] %s = %s: a number of at least %g is expected", gate->name, key, text,
				  least);
	return 1;
}

static int take_case(struct reading *reading, struct sm_gate *gate, const char *text)
{
	const char *slash = strchr(text, '/');

	if (!slash || slash == text || !slash[1])
		return gate_wrong(reading, "[%s] case = %s: SCENARIO/VARIANT is expected", gate->name, text);
	gate->scenario = sm_name_format("%.*s", (int)(slash - text), text);
	gate->variant = sm_name_of(slash + 1);
	return 1;
}

static int take_flag(struct reading *reading, struct sm_gate *gate, const char *key, const char *text)
{
	gate->baseline = strcmp(text, "yes") == 0;
	if (!gate->baseline && strcmp(text, "no") != 0)
		return gate_wrong(reading, "[%s] %s = %s: yes or no is expected", gate->name, key, text);
	return 1;
}

static int take_slack(struct reading *reading, struct sm_gate *gate, const char *text)
{
	double number = 0;

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 9)
		return gate_wrong(reading, "[%s] slack = %s: a whole number of events is expected", gate->name, text);
	take_number(reading, gate, "slack", text, 0, &number);
	gate->slack = (unsigned)number;
	return 1;
}

static int take_key(struct reading *reading, struct sm_gate *gate, const char *key, const char *text)
{
	unsigned *given = &reading->given[gate - reading->gates->gate], k = 0;
	const char *word = gate_keep(reading->gates, text, strlen(text));

	while (k < KEYS && strcmp(key, key_names[k]) != 0)
		k++;
	if (k < KEYS && *given & ONLY(k))
		return gate_wrong(reading, "[%s] says \"%s\" twice: leave one of them out", gate->name, key);
	*given |= k < KEYS ? ONLY(k) : 0;
	switch ((enum key)k) {
	case KEY_CASE: return take_case(reading, gate, text);
	case KEY_AGAINST: gate->against = sm_name_of(text); return 1;
	case KEY_AT: gate->at = word; return 1;
	case KEY_METRIC: gate->metric = sm_name_of(text); return 1;
	case KEY_CLAIM: gate->claim = sm_name_of(text); return 1;
	case KEY_COUNT: gate->event = word; return 1;
	case KEY_BASELINE: return take_flag(reading, gate, key, text);
	case KEY_MIN: return take_number(reading, gate, key, text, 1e-9, &gate->min);
	case KEY_MAX: return take_number(reading, gate, key, text, 1e-9, &gate->max);
	case KEY_PER_OP: return take_number(reading, gate, key, text, 0, &gate->per_op);
	case KEY_SLACK: return take_slack(reading, gate, text);
	case KEY_ACCEPT: gate->accept = word; return 1;
	case KEY_ACCEPT_UNTIL: gate->accept_until = word; return 1;
	case KEYS: break;
	}
	return gate_wrong(reading,
			  "[%s] has no key \"%s\": there are case, against, at, metric, min, max, count, per_op, "
			  "slack, claim, baseline, accept and accept_until",
			  gate->name, key);
}

/* Largest file of gates: they are written by hand, so a larger one is something else, such as a device. */
#define FILE_MAX (1 << 20)
struct input {
	FILE *file;
	struct reading *reading;
	int size; /* bytes read so far */
	int line;
	bool refused;
};

/* Section headers are read here, because inih cuts them at 49 characters, does not report one without keys, and merges
 * two that are equal. */
static void begin_gate(struct reading *reading, int line, const char *text)
{
	struct sm_gates *gates = reading->gates;
	size_t length = strcspn(text + 1, "]");
	const char *rest = text + 1 + length;
	sm_name name;

	if (reading->failed)
		return;
	if (*rest++ != ']' || length == 0 || !strchr(";#", rest[strspn(rest, " \t\r\n")])) {
		gate_wrong(reading, "line %d: [NAME OF A GATE] alone is expected", line);
		return;
	}
	name = sm_name_format("%.*s", (int)length, text + 1);
	for (size_t i = 0; i < gates->count; i++)
		if (gates->gate[i].name == name) {
			gate_wrong(reading, "[%s] is there twice: give one another name", name);
			return;
		}
	if (gates->count == GATES_MAX)
		gate_wrong(reading, "more than %d gates", GATES_MAX);
	else
		gates->gate[gates->count++] = (struct sm_gate){ .name = name };
}

/* Why inih would misread a line; NULL: it would not. */
static const char *why_not(const char *line, size_t length, size_t room)
{
	static const char blank[] = " \t\r\n";

	if (strlen(line) < length || !gate_is_text(line))
		return "holds bytes that are no UTF-8 text";
	if (length == room && line[length - 1] != '\n')
		return "is longer than this reader takes";
	/* it would become part of the value before it */
	if (strchr(" \t", *line) && !strchr(";#", line[strspn(line, blank)]))
		return "begins with a space: let every key begin at the left";
	return NULL;
}

/* One line for inih, as fgets() would read it. */
static char *next_line(char *text, int size, void *stream)
{
	struct input *input = stream;
	const char *why;
	int length = 0, c = 0;

	while (length < size - 1 && c != '\n' && (c = fgetc(input->file)) != EOF)
		text[length++] = (char)c;
	text[length] = '\0';
	input->line++;
	if (length == 0 || input->refused)
		return NULL;
	if (input->line == 1 && strncmp(text, "\xef\xbb\xbf", 3) == 0)
		memmove(text, text + 3, (size_t)(length -= 3) + 1); /* a byte order mark */
	input->size += length;
	why = input->size > FILE_MAX ? "is beyond what a file of gates may hold (1 MiB)"
				     : why_not(text, (size_t)length, (size_t)size - 1);
	if (why) {
		gate_wrong(input->reading, "line %d %s", input->line, why);
		input->refused = true;
		return NULL;
	}
	if (*text == '[')
		begin_gate(input->reading, input->line, text);
	return text;
}

/* inih calls this for every key. */
static int take(void *user, const char *section, const char *key, const char *value)
{
	struct reading *reading = user;
	struct sm_gates *gates = reading->gates;

	(void)section;
	if (reading->failed)
		return 1;
	if (gates->count == 0)
		return gate_wrong(reading, "\"%s = %s\" stands before the first [gate]", key, value);
	return take_key(reading, &gates->gate[gates->count - 1], key, value);
}

int sm_gates_load(struct sm_gates *gates, const char *path, int64_t today, const struct sm_scenario *const *scenarios,
		  size_t scenario_count, struct sm_error *err)
{
	struct reading reading = { .gates = gates, .err = err };
	FILE *file = fopen(path, "re");
	struct input input = { .file = file, .reading = &reading };
	int line;

	*gates = (struct sm_gates){ .gate = calloc(GATES_MAX, sizeof(*gates->gate)), .today = today };
	gates->path = gate_keep(gates, path, strlen(path));
	if (!file)
		return sm_fail(err, errno, "%s: the thresholds cannot be read: %s", path, strerror(errno));
	if (!gates->gate) {
		fclose(file);
		return sm_fail(err, ENOMEM, "no memory for the gates");
	}
	line = ini_parse_stream(next_line, &input, take, &reading);
	fclose(file);
	if (line != 0 && !input.refused) { /* do not report errors that follow from it */
		reading.failed = false;
		gate_wrong(&reading,
			   "line %d is neither [gate], key = value nor a comment, or is longer than this reader takes",
			   line);
	}
	if (!reading.failed && gates->count == 0)
		gate_wrong(&reading, "it holds no [gate]");
	for (size_t i = 0; i < gates->count && !reading.failed; i++) {
		gate_check_exception(&reading, &gates->gate[i]);
		gate_resolve(&reading, &gates->gate[i], scenarios, scenario_count);
	}
	return reading.failed ? -EINVAL : 0;
}

/* Appends the patterns of both sides of a gate, at its points alone, and of its control. */
static void add_patterns(const struct sm_gate *gate, const char **patterns, size_t *count)
{
	const char *variants[3] = { gate->variant, gate->against, gate->control };

	for (unsigned v = 0; v < 3; v++) {
		if (v > 0 && !variants[v])
			continue;
		/* a claim without a variant is about all variants; its control has points of its own */
		patterns[(*count)++] = sm_name_format("%s/%s%s%s", gate->scenario, variants[v] ? variants[v] : "*",
						      v < 2 && gate->at ? " " : "", v < 2 && gate->at ? gate->at : "");
	}
}

int sm_gates_plan(const struct sm_gates *gates, const bool *only, struct sm_plan_options *plan, struct sm_error *err)
{
	const char **patterns = calloc(3 * gates->count + 1, sizeof(*patterns));
	const char **longer = calloc(3 * gates->count + 1, sizeof(*longer));

	plan->patterns = patterns;
	plan->longer = longer;
	plan->pattern_count = plan->longer_count = 0;
	plan->longer_blocks = SM_BASELINE_BLOCKS;
	if (!patterns || !longer) {
		free(patterns);
		free(longer);
		plan->patterns = plan->longer = NULL;
		return sm_fail(err, ENOMEM, "no memory for the patterns of %zu gates", gates->count);
	}
	for (size_t i = 0; i < gates->count; i++) {
		if (only && !only[i])
			continue;
		add_patterns(&gates->gate[i], patterns, &plan->pattern_count);
		if (gates->gate[i].kind == SM_GATE_BASELINE)
			add_patterns(&gates->gate[i], longer, &plan->longer_count);
	}
	return 0;
}
