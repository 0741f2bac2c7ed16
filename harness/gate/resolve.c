/* Checks gates against the scenarios: the names exist, and the keys go together. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reading.h"
#include "shmeter/counters.h"
#include "shmeter/text.h"

static const struct sm_scenario *find_scenario(sm_name name, const struct sm_scenario *const *scenarios, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (sm_name_of(scenarios[i]->name) == name)
			return scenarios[i];
	return NULL;
}

static bool has_variant(const struct sm_scenario *scenario, sm_name name)
{
	for (const struct sm_variant *v = scenario->variants; v && v->name; v++)
		if (sm_name_of(v->name) == name)
			return true;
	return false;
}

/* "8" or "4xPU". */
static bool is_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return digits > 0 && (!text[digits] || strcmp(text + digits, "xPU") == 0);
}

/* Values must be written as in samples.csv: "4096", not "4k".  After < or > any number is valid. */
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
	return (strcmp(name, "backing") == 0 && sm_backing_parse(value, &memory.backing, NULL) == 0) ||
	       (strcmp(name, "pages") == 0 && sm_pages_parse(&sm_os_linux, value, &memory.pages, NULL) == 0) ||
	       (strcmp(name, "prefault") == 0 && sm_prefault_parse(value, &memory.prefault, NULL) == 0) ||
	       (strcmp(name, "numa") == 0 && sm_numa_parse(value, &memory, NULL) == 0);
}

/* Whether a case of the scenario can meet this condition; `*known`: whether at least its name exists. */
static bool can_have(const struct sm_scenario *scenario, const char *name, const char *value, bool compared,
		     bool *known)
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

/* A condition that no case can meet would make a gate that is never testable. */
static int check_at(struct reading *reading, const struct sm_gate *gate, const struct sm_scenario *scenario)
{
	char text[256], *rest = text, *word, *value;
	bool known, compared;

	if (gate->at && (size_t)snprintf(text, sizeof(text), "%s", gate->at) >= sizeof(text))
		return gate_wrong(reading, "[%s] at = %.40s... is too long", gate->name, gate->at);
	while (gate->at && (word = strsep(&rest, " "))) {
		if (!*word)
			continue;
		value = strchr(word, '=');
		if (!value)
			return gate_wrong(reading, "[%s] at = %s: \"%s\" is not NAME=VALUE", gate->name, gate->at,
					  word);
		compared = value > word && (value[-1] == '<' || value[-1] == '>');
		value[compared ? -1 : 0] = '\0';
		value++;
		if (can_have(scenario, word, value, compared, &known))
			continue;
		return known ? gate_wrong(reading,
					  "[%s] at = %s: \"%s\" is no value of \"%s\" as samples.csv has it; "
					  "`shmeter list %s` shows them",
					  gate->name, gate->at, value, word, scenario->name)
			     : gate_wrong(reading,
					  "[%s] at = %s: \"%s\" has no \"%s\": there are placement, cores, backing, "
					  "pages, prefault, numa, workers and the parameters that `shmeter "
					  "list %s` shows",
					  gate->name, gate->at, scenario->name, word, scenario->name);
	}
	return 1;
}

/* An event of another CPU ("skx::...") cannot be checked here; its gate is not testable on this machine. */
static int check_event(struct reading *reading, const struct sm_gate *gate)
{
	struct sm_event_set set;
	int rc;

	if (strstr(gate->event, "::") && strncasecmp(gate->event, "perf::", 6) != 0)
		return 1;
	rc = sm_events_prepare(&set, &sm_os_linux, gate->event, NULL);
	if (rc == -EINVAL || (rc == 0 && set.count != 1))
		return gate_wrong(reading,
				  "[%s] count = %s: neither shmeter nor libpfm4 knows this event; "
				  "libpfm4's `showevtinfo` lists what it knows",
				  gate->name, gate->event);
	return 1;
}

static bool has_metric(const struct sm_scenario *scenario, sm_name name)
{
	for (unsigned i = 0; i < SM_MORE_MAX && scenario->more[i].name; i++)
		if (sm_name_of(scenario->more[i].name) == name)
			return true;
	return false;
}

static const char *control_of(const struct sm_scenario *scenario, const struct sm_claim *claim)
{
	for (const struct sm_claim *c = scenario->claims; claim->control && c->id; c++)
		if (sm_name_of(c->id) == sm_name_of(claim->control))
			return c->left;
	return NULL;
}

/* A gate on a claim about a ratio becomes a ratio gate; gates on other claims use the claim's verdict. */
static int resolve_claim(struct reading *reading, struct sm_gate *gate, const struct sm_scenario *const *scenarios,
			 size_t count)
{
	if (reading->given[gate - reading->gates->gate] != ONLY(KEY_CLAIM))
		return gate_wrong(reading, "[%s] has a claim, which brings its own case and bounds: leave out the rest",
				  gate->name);
	for (size_t i = 0; i < count; i++)
		for (const struct sm_claim *c = scenarios[i]->claims; c && c->id; c++) {
			if (sm_name_of(c->id) != gate->claim)
				continue;
			gate->scenario = sm_name_of(scenarios[i]->name);
			gate->variant = sm_name_of(c->left);
			gate->kind = SM_GATE_CLAIM;
			gate->at = c->at;
			gate->control = control_of(scenarios[i], c);
			if (!sm_claim_compares(c))
				return 1;
			if (c->versus.holds || c->control || c->machine || c->kind == SM_CLAIM_DIFFERENCE)
				return gate_wrong(reading,
						  "[%s] claim = %s depends on more than one ratio, which no gate "
						  "judges: name case, against, at, and min or max instead",
						  gate->name, gate->claim);
			gate->kind = SM_GATE_RATIO;
			gate->against = sm_name_of(c->versus.right);
			gate->metric = sm_name_of(c->versus.metric);
			gate->min = c->versus.min;
			gate->max = c->versus.max;
			return 1;
		}
	return gate_wrong(reading, "[%s] claim = %s: no scenario makes it; `shmeter list` names them", gate->name,
			  gate->claim);
}

int gate_resolve(struct reading *reading, struct sm_gate *gate, const struct sm_scenario *const *scenarios,
		 size_t count)
{
	static const unsigned counts =
		ONLY(KEY_CASE) | ONLY(KEY_AT) | ONLY(KEY_COUNT) | ONLY(KEY_PER_OP) | ONLY(KEY_SLACK);
	unsigned given = reading->given[gate - reading->gates->gate];
	const struct sm_scenario *scenario;

	if (gate->claim)
		return resolve_claim(reading, gate, scenarios, count);
	if (!gate->variant)
		return gate_wrong(reading, "[%s] names neither a case nor a claim", gate->name);
	scenario = find_scenario(gate->scenario, scenarios, count);
	if (!scenario)
		return gate_wrong(reading, "[%s] there is no scenario \"%s\"; `shmeter list` names them", gate->name,
				  gate->scenario);
	if (!has_variant(scenario, gate->variant) || (gate->against && !has_variant(scenario, gate->against)))
		return gate_wrong(reading, "[%s] \"%s\" has no variant \"%s\"; `shmeter list %s` names them%s",
				  gate->name, gate->scenario,
				  has_variant(scenario, gate->variant) ? gate->against : gate->variant, gate->scenario,
				  scenario->plugs ? ", and --plugin FILE.so adds those of a plug-in" : "");
	if (gate->baseline && gate->metric)
		return gate_wrong(reading, "[%s] baseline = yes compares times: leave out metric", gate->name);
	if (gate->metric && !has_metric(scenario, gate->metric))
		return gate_wrong(reading, "[%s] metric = %s: \"%s\" tells no such metric besides its time", gate->name,
				  gate->metric, gate->scenario);
	check_at(reading, gate, scenario);
	if (gate->event)
		check_event(reading, gate);
	gate->kind = gate->event ? SM_GATE_COUNT : gate->baseline ? SM_GATE_BASELINE : SM_GATE_RATIO;
	if (gate->kind == SM_GATE_COUNT)
		return given & ~counts ? gate_wrong(reading,
						    "[%s] counts: it takes case, at, count, per_op and "
						    "slack alone",
						    gate->name)
				       : 1;
	if (given & (ONLY(KEY_PER_OP) | ONLY(KEY_SLACK)))
		return gate_wrong(reading, "[%s] counts nothing: per_op and slack belong to count", gate->name);
	if (gate->min == 0 && gate->max == 0)
		return gate_wrong(reading, "[%s] allows every ratio: give it a min or a max", gate->name);
	if (gate->min > 0 && gate->max > 0 && gate->min >= gate->max)
		return gate_wrong(reading, "[%s] min = %g is not under max = %g", gate->name, gate->min, gate->max);
	if (gate->kind == SM_GATE_RATIO && !gate->against)
		return gate_wrong(reading, "[%s] compares nothing: name a variant with against, or say baseline = yes",
				  gate->name);
	return 1;
}
