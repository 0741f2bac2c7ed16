/* Reading a file of gates. */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/counters.h"
#include "shmeter/error.h"
#include "shmeter/gate.h"
#include "shmeter/text.h"

/* A file of thresholds is written by hand. */
#define GATES_MAX 1000

struct text {
	struct text *next;
	char word[];
};

/* In the order of key_names. */
enum key {
	KEY_CASE,
	KEY_AGAINST,
	KEY_AT,
	KEY_METRIC,
	KEY_MIN,
	KEY_MAX,
	KEY_COUNT,
	KEY_PER_OP,
	KEY_SLACK,
	KEY_CLAIM,
	KEY_BASELINE,
	KEYS
};
static const char *const key_names[KEYS] = { "case",  "against", "at",      "metric",
					     "min",   "max",     "count",   "per_op",
					     "slack", "claim",   "baseline" };
#define ONLY(key) (1u << (key))

struct reading {
	struct sm_gates *gates;
	struct sm_error *err; /* the first mistake; then everything else is passed over */
	bool failed;
	unsigned given[GATES_MAX]; /* keys of each gate, as bits of enum key */
};

static const char *keep(struct sm_gates *gates, const char *word, size_t length)
{
	struct text *text = malloc(sizeof(*text) + length + 1);

	if (!text)
		sm_no_memory(); /* a few bytes */
	memcpy(text->word, word, length);
	text->word[length] = '\0';
	text->next = gates->strings;
	gates->strings = text;
	return text->word;
}

static int wrong(struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static int wrong(struct reading *reading, const char *format, ...)
{
	char text[SM_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (!reading->failed)
		(void)sm_fail(reading->err, EINVAL, "%s: %s", reading->gates->path, text);
	reading->failed = true;
	return 1; /* go on: inih would report a line where this is a sentence */
}

static int take_number(struct reading *reading, const struct sm_gate *gate, const char *key,
		       const char *text, double least, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	if (errno || end == text || *end || !(*out >= least) || *out > 1e12)
		return wrong(reading, "[%s] %s = %s: a number of at least %g is expected",
			     gate->name, key, text, least);
	return 1;
}

static int take_case(struct reading *reading, struct sm_gate *gate, const char *text)
{
	const char *slash = strchr(text, '/');

	if (!slash || slash == text || !slash[1])
		return wrong(reading, "[%s] case = %s: SCENARIO/VARIANT is expected", gate->name,
			     text);
	gate->scenario = keep(reading->gates, text, (size_t)(slash - text));
	gate->variant = keep(reading->gates, slash + 1, strlen(slash + 1));
	return 1;
}

static int take_flag(struct reading *reading, struct sm_gate *gate, const char *key,
		     const char *text)
{
	gate->baseline = strcmp(text, "yes") == 0;
	if (!gate->baseline && strcmp(text, "no") != 0)
		return wrong(reading, "[%s] %s = %s: yes or no is expected", gate->name, key, text);
	return 1;
}

static int take_slack(struct reading *reading, struct sm_gate *gate, const char *text)
{
	double number = 0;

	if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 9)
		return wrong(reading, "[%s] slack = %s: a whole number of events is expected",
			     gate->name, text);
	take_number(reading, gate, "slack", text, 0, &number);
	gate->slack = (unsigned)number;
	return 1;
}

static int take_key(struct reading *reading, struct sm_gate *gate, const char *key,
		    const char *text)
{
	unsigned *given = &reading->given[gate - reading->gates->gate], k = 0;
	const char *word = keep(reading->gates, text, strlen(text));

	while (k < KEYS && strcmp(key, key_names[k]) != 0)
		k++;
	if (k < KEYS && *given & ONLY(k))
		return wrong(reading, "[%s] says \"%s\" twice: leave one of them out", gate->name,
			     key);
	*given |= k < KEYS ? ONLY(k) : 0;
	switch ((enum key)k) {
	case KEY_CASE: return take_case(reading, gate, text);
	case KEY_AGAINST: gate->against = word; return 1;
	case KEY_AT: gate->at = word; return 1;
	case KEY_METRIC: gate->metric = word; return 1;
	case KEY_CLAIM: gate->claim = word; return 1;
	case KEY_COUNT: gate->event = word; return 1;
	case KEY_BASELINE: return take_flag(reading, gate, key, text);
	case KEY_MIN: return take_number(reading, gate, key, text, 1e-9, &gate->min);
	case KEY_MAX: return take_number(reading, gate, key, text, 1e-9, &gate->max);
	case KEY_PER_OP: return take_number(reading, gate, key, text, 0, &gate->per_op);
	case KEY_SLACK: return take_slack(reading, gate, text);
	case KEYS: break;
	}
	return wrong(
		reading,
		"[%s] has no key \"%s\": there are case, against, at, metric, min, max, count, per_op, "
		"slack, claim and baseline",
		gate->name, key);
}

/* A file of gates is written by hand: what never ends is none. */
#define FILE_MAX (1 << 20)
struct input {
	FILE *file;
	struct reading *reading;
	int size; /* read so far */
	int line;
	bool refused;
};

/* Section headers are read here: inih cuts them at 49 characters, and tells neither one without keys nor the second
 * of two that are alike. */
static void begin_gate(struct reading *reading, int line, const char *text)
{
	struct sm_gates *gates = reading->gates;
	size_t length = strcspn(text + 1, "]");
	const char *rest = text + 1 + length;
	const char *name;

	if (reading->failed)
		return;
	if (*rest++ != ']' || length == 0 || !strchr(";#", rest[strspn(rest, " \t\r\n")])) {
		wrong(reading, "line %d: [NAME OF A GATE] alone is expected", line);
		return;
	}
	name = keep(gates, text + 1, length);
	for (size_t i = 0; i < gates->count; i++)
		if (strcmp(gates->gate[i].name, name) == 0) {
			wrong(reading, "[%s] is there twice: give one another name", name);
			return;
		}
	if (gates->count == GATES_MAX)
		wrong(reading, "more than %d gates", GATES_MAX);
	else
		gates->gate[gates->count++] = (struct sm_gate){ .name = name };
}

static bool is_text(const char *line)
{
	json_t *json = json_string(line); /* NULL: no UTF-8 */
	bool good = json && !strstr(line, "\xef\xbf\xbe") && !strstr(line, "\xef\xbf\xbf");

	for (const char *c = line; good && *c; c++)
		good = (unsigned char)*c >= ' ' || strchr("\t\r\n", *c);
	json_decref(json);
	return good;
}

/* What inih would take for something else than it looks like, or nothing. */
static const char *why_not(const char *line, size_t length, size_t room)
{
	static const char blank[] = " \t\r\n";

	if (strlen(line) < length || !is_text(line))
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
		wrong(input->reading, "line %d %s", input->line, why);
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
		return wrong(reading, "\"%s = %s\" stands before the first [gate]", key, value);
	return take_key(reading, &gates->gate[gates->count - 1], key, value);
}

static const struct sm_scenario *
find_scenario(const char *name, const struct sm_scenario *const *scenarios, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(scenarios[i]->name, name) == 0)
			return scenarios[i];
	return NULL;
}

static bool has_variant(const struct sm_scenario *scenario, const char *name)
{
	for (const struct sm_variant *v = scenario->variants; v && v->name; v++)
		if (strcmp(v->name, name) == 0)
			return true;
	return false;
}

/* "8" or "4xPU". */
static bool is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && (!text[digits] || strcmp(text + digits, "xPU") == 0);
}

/* Values as samples.csv has them: "4096", not "4k".  Behind < or > any number will do. */
static bool is_value_of(const struct sm_param *param, const char *value, bool compared)
{
	for (unsigned i = 0; param->labels && param->labels[i]; i++)
		if (strcmp(param->labels[i], value) == 0)
			return !compared;
	if (param->labels || !is_number(value))
		return false;
	return compared || !param->max || strchr(value, 'x') ||
	       (strtoull(value, NULL, 10) >= param->min && strtoull(value, NULL, 10) <= param->max);
}

static bool is_placement(const char *value)
{
	for (int k = SM_PLACE_NEAR; k < SM_PLACE_COUNT; k++)
		if (strcmp(sm_placement_name((enum sm_placement)k), value) == 0)
			return true;
	return false;
}

static bool is_memory(const char *name, const char *value)
{
	struct sm_memory memory;

	if (strcmp(value, "none") == 0) /* a case without a region */
		return true;
	return (strcmp(name, "backing") == 0 &&
		sm_backing_parse(value, &memory.backing, NULL) == 0) ||
	       (strcmp(name, "pages") == 0 && sm_pages_parse(value, &memory.pages, NULL) == 0) ||
	       (strcmp(name, "prefault") == 0 &&
		sm_prefault_parse(value, &memory.prefault, NULL) == 0) ||
	       (strcmp(name, "numa") == 0 && sm_numa_parse(value, &memory, NULL) == 0);
}

/* Whether a case of the scenario can have this; `*known`: at least its name. */
static bool can_have(const struct sm_scenario *scenario, const char *name, const char *value,
		     bool compared, bool *known)
{
	static const char memory[] = "backing pages prefault numa";

	*known = true;
	for (unsigned i = 0; i < SM_PARAMS_MAX && scenario->params[i].name; i++)
		if (strcmp(scenario->params[i].name, name) == 0)
			return is_value_of(&scenario->params[i], value, compared);
	if (strcmp(name, "workers") == 0)
		return is_number(value);
	if (strcmp(name, "placement") == 0)
		return !compared && is_placement(value);
	if (strcmp(name, "cores") == 0)
		return !compared && strcmp(value, "different") == 0;
	*known = sm_has_word(memory, name, strlen(name));
	return *known && !compared && is_memory(name, value);
}

/* What no case can have would make a gate that is never testable. */
static int check_at(struct reading *reading, const struct sm_gate *gate,
		    const struct sm_scenario *scenario)
{
	char text[256], *rest = text, *word, *value;
	bool known, compared;

	if (gate->at && (size_t)snprintf(text, sizeof(text), "%s", gate->at) >= sizeof(text))
		return wrong(reading, "[%s] at = %.40s... is too long", gate->name, gate->at);
	while (gate->at && (word = strsep(&rest, " "))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (!value)
			return wrong(reading, "[%s] at = %s: \"%s\" is not NAME=VALUE", gate->name,
				     gate->at, word);
		compared = value > word && (value[-1] == '<' || value[-1] == '>');
		value[compared ? -1 : 0] = '\0';
		value++;
		if (can_have(scenario, word, value, compared, &known))
			continue;
		return known ? wrong(reading,
				     "[%s] at = %s: \"%s\" is no value of \"%s\" as samples.csv has it; "
				     "`shmeter list %s` shows them",
				     gate->name, gate->at, value, word, scenario->name)
			     : wrong(reading,
				     "[%s] at = %s: \"%s\" has no \"%s\": there are placement, cores, backing, "
				     "pages, prefault, numa, workers and the parameters that `shmeter "
				     "list %s` shows",
				     gate->name, gate->at, scenario->name, word, scenario->name);
	}
	return 1;
}

/* Events of another CPU ("skx::...") cannot be asked for here: those are not testable. */
static int check_event(struct reading *reading, const struct sm_gate *gate)
{
	struct sm_event_set set;
	int rc;

	if (strstr(gate->event, "::") && strncasecmp(gate->event, "perf::", 6) != 0)
		return 1;
	rc = sm_events_prepare(&set, &sm_os_linux, gate->event, NULL);
	if (rc == -EINVAL || (rc == 0 && set.count != 1))
		return wrong(reading,
			     "[%s] count = %s: neither shmeter nor libpfm4 knows this event; "
			     "libpfm4's `showevtinfo` lists what it knows",
			     gate->name, gate->event);
	return 1;
}

static bool has_metric(const struct sm_scenario *scenario, const char *name)
{
	for (unsigned i = 0; i < SM_MORE_MAX && scenario->more[i].name; i++)
		if (strcmp(scenario->more[i].name, name) == 0)
			return true;
	return false;
}

static const char *control_of(const struct sm_scenario *scenario, const struct sm_claim *claim)
{
	for (const struct sm_claim *c = scenario->claims; claim->control && c->id; c++)
		if (strcmp(c->id, claim->control) == 0)
			return c->left;
	return NULL;
}

/* A claim about a ratio is the same gate as one that is written out; others keep their own verdict. */
static int resolve_claim(struct reading *reading, struct sm_gate *gate,
			 const struct sm_scenario *const *scenarios, size_t count)
{
	if (reading->given[gate - reading->gates->gate] != ONLY(KEY_CLAIM))
		return wrong(
			reading,
			"[%s] has a claim, which brings its own case and bounds: leave out the rest",
			gate->name);
	for (size_t i = 0; i < count; i++)
		for (const struct sm_claim *c = scenarios[i]->claims; c && c->id; c++) {
			if (strcmp(c->id, gate->claim) != 0)
				continue;
			gate->scenario = scenarios[i]->name;
			gate->variant = c->left;
			gate->kind = SM_GATE_CLAIM;
			gate->at = c->at;
			gate->control = control_of(scenarios[i], c);
			if (c->count || c->value || c->closer_is_faster_min > 0 || !c->left ||
			    !c->right)
				return 1;
			if (c->holds || c->control || c->machine || c->added_min > 0 ||
			    c->added_max > 0)
				return wrong(
					reading,
					"[%s] claim = %s depends on more than one ratio, which no gate "
					"judges: name case, against, at, and min or max instead",
					gate->name, gate->claim);
			gate->kind = SM_GATE_RATIO;
			gate->against = c->right;
			gate->metric = c->metric;
			gate->min = c->ratio_min;
			gate->max = c->ratio_max;
			return 1;
		}
	return wrong(reading, "[%s] claim = %s: no scenario makes it; `shmeter list` names them",
		     gate->name, gate->claim);
}

static int resolve(struct reading *reading, struct sm_gate *gate,
		   const struct sm_scenario *const *scenarios, size_t count)
{
	static const unsigned counts = ONLY(KEY_CASE) | ONLY(KEY_AT) | ONLY(KEY_COUNT) |
				       ONLY(KEY_PER_OP) | ONLY(KEY_SLACK);
	unsigned given = reading->given[gate - reading->gates->gate];
	const struct sm_scenario *scenario;

	if (gate->claim)
		return resolve_claim(reading, gate, scenarios, count);
	if (!gate->variant)
		return wrong(reading, "[%s] names neither a case nor a claim", gate->name);
	scenario = find_scenario(gate->scenario, scenarios, count);
	if (!scenario)
		return wrong(reading, "[%s] there is no scenario \"%s\"; `shmeter list` names them",
			     gate->name, gate->scenario);
	if (!has_variant(scenario, gate->variant) ||
	    (gate->against && !has_variant(scenario, gate->against)))
		return wrong(reading,
			     "[%s] \"%s\" has no variant \"%s\"; `shmeter list %s` names them",
			     gate->name, gate->scenario,
			     has_variant(scenario, gate->variant) ? gate->against : gate->variant,
			     gate->scenario);
	if (gate->baseline && gate->metric)
		return wrong(reading, "[%s] baseline = yes compares times: leave out metric",
			     gate->name);
	if (gate->metric && !has_metric(scenario, gate->metric))
		return wrong(reading,
			     "[%s] metric = %s: \"%s\" tells no such metric besides its time",
			     gate->name, gate->metric, gate->scenario);
	check_at(reading, gate, scenario);
	if (gate->event)
		check_event(reading, gate);
	gate->kind = gate->event      ? SM_GATE_COUNT
		     : gate->baseline ? SM_GATE_BASELINE
				      : SM_GATE_RATIO;
	if (gate->kind == SM_GATE_COUNT)
		return given & ~counts ? wrong(reading,
					       "[%s] counts: it takes case, at, count, per_op and "
					       "slack alone",
					       gate->name)
				       : 1;
	if (given & (ONLY(KEY_PER_OP) | ONLY(KEY_SLACK)))
		return wrong(reading, "[%s] counts nothing: per_op and slack belong to count",
			     gate->name);
	if (gate->min == 0 && gate->max == 0)
		return wrong(reading, "[%s] allows every ratio: give it a min or a max",
			     gate->name);
	if (gate->min > 0 && gate->max > 0 && gate->min >= gate->max)
		return wrong(reading, "[%s] min = %g is not under max = %g", gate->name, gate->min,
			     gate->max);
	if (gate->kind == SM_GATE_RATIO && !gate->against)
		return wrong(
			reading,
			"[%s] compares nothing: name a variant with against, or say baseline = yes",
			gate->name);
	return 1;
}

int sm_gates_load(struct sm_gates *gates, const char *path,
		  const struct sm_scenario *const *scenarios, size_t scenario_count,
		  struct sm_error *err)
{
	struct reading reading = { .gates = gates, .err = err };
	FILE *file = fopen(path, "re");
	struct input input = { .file = file, .reading = &reading };
	int line;

	*gates = (struct sm_gates){ .gate = calloc(GATES_MAX, sizeof(*gates->gate)) };
	gates->path = keep(gates, path, strlen(path));
	if (!file)
		return sm_fail(err, errno, "%s: the thresholds cannot be read: %s", path,
			       strerror(errno));
	if (!gates->gate) {
		fclose(file);
		return sm_fail(err, ENOMEM, "no memory for the gates");
	}
	line = ini_parse_stream(next_line, &input, take, &reading);
	fclose(file);
	if (line != 0 && !input.refused) { /* what follows from it is no news */
		reading.failed = false;
		wrong(&reading,
		      "line %d is neither [gate], key = value nor a comment, or is longer than this reader takes",
		      line);
	}
	if (!reading.failed && gates->count == 0)
		wrong(&reading, "it holds no [gate]");
	for (size_t i = 0; i < gates->count && !reading.failed; i++)
		resolve(&reading, &gates->gate[i], scenarios, scenario_count);
	return reading.failed ? -EINVAL : 0;
}

void sm_gates_free(struct sm_gates *gates)
{
	for (struct text *text = gates->strings, *next; text; text = next) {
		next = text->next;
		free(text);
	}
	free(gates->gate);
	*gates = (struct sm_gates){ 0 };
}

/* "scenario/variant" of both sides of a gate and of its control, behind the patterns that are there. */
static void add_patterns(struct sm_gates *kept, const struct sm_gate *gate, const char **patterns,
			 size_t *count)
{
	const char *variants[3] = { gate->variant, gate->against, gate->control };
	char text[256];

	for (unsigned v = 0; v < 3; v++) {
		if (v > 0 && !variants[v])
			continue;
		/* a claim without a variant is about all of them */
		snprintf(text, sizeof(text), "%s/%s", gate->scenario,
			 variants[v] ? variants[v] : "*");
		patterns[(*count)++] = keep(kept, text, strlen(text));
	}
}

int sm_gates_plan(const struct sm_gates *gates, const bool *only, struct sm_plan_options *plan,
		  struct sm_error *err)
{
	const char **patterns = calloc(3 * gates->count + 1, sizeof(*patterns));
	const char **longer = calloc(3 * gates->count + 1, sizeof(*longer));
	struct sm_gates *kept = (struct sm_gates *)gates; /* the strings' list alone grows */

	plan->patterns = patterns;
	plan->longer = longer;
	plan->pattern_count = plan->longer_count = 0;
	plan->longer_blocks = SM_BASELINE_BLOCKS;
	if (!patterns || !longer) {
		free(patterns);
		free(longer);
		plan->patterns = plan->longer = NULL;
		return sm_fail(err, ENOMEM, "no memory for the patterns of %zu gates",
			       gates->count);
	}
	for (size_t i = 0; i < gates->count; i++) {
		if (only && !only[i])
			continue;
		add_patterns(kept, &gates->gate[i], patterns, &plan->pattern_count);
		if (gates->gate[i].kind == SM_GATE_BASELINE)
			add_patterns(kept, &gates->gate[i], longer, &plan->longer_count);
	}
	return 0;
}
