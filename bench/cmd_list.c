/* shmeter list */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "program.h"
#include "registry.h"
#include "sentences.h"
#include "shmeter/trial.h"

#define FIRST_MAX 64
/* Width of the first column. */
#define COLUMN 12
#define CLAIM  "  claim     "
#define BELOW  "            "

/* A scenario, and whether this machine can run it. */
struct listed {
	const struct sm_scenario *scenario;
	bool supported;    /* at least one variant runs here */
	char reason[1024]; /* variants that do not run here, and why; "" where all do */
};

/* Writes each reason once, after the variants that have it: "second, third: ...; fourth: ...". */
static void put_reasons(struct listed *listed, struct sm_planned_case *cases, size_t count)
{
	char *out = listed->reason;
	size_t used = 0, size = sizeof(listed->reason);

	for (size_t i = 0; i < count; i++) {
		if (!cases[i].skipped)
			continue;
		for (size_t k = i; k < count && used < size; k++) {
			if (!cases[k].skipped || cases[k].reason != cases[i].reason)
				continue;
			used += (size_t)snprintf(out + used, size - used, "%s%s",
						 k > i  ? ", "
						 : used ? "; "
							: "",
						 sm_case_variant(&cases[k].c)->name);
			if (k > i) /* told */
				cases[k].skipped = false;
		}
		if (used < size)
			used += (size_t)snprintf(out + used, size - used, ": %s", cases[i].reason);
	}
}

/* Checks every variant at the first point of the quick profile. */
static int examine(struct listed *listed, const struct sm_trial_context *context, struct sm_error *err)
{
	struct sm_plan_options options = { .profile = SM_QUICK, .topology = context->topology };
	struct sm_plan plan;
	int rc;

	options.patterns = &listed->scenario->name;
	options.pattern_count = 1;
	rc = sm_plan_expand(&plan, &options, &listed->scenario, 1, err);
	if (rc < 0)
		return rc;
	for (size_t i = 0; i < plan.groups[0].count; i++) {
		struct sm_planned_case *planned = &plan.cases[i];
		struct sm_error why = { 0 };

		planned->skipped = sm_trial_supported(context, &planned->c, &why) < 0;
		planned->reason = sm_name_of(why.text);
		listed->supported |= !planned->skipped;
	}
	put_reasons(listed, plan.cases, plan.groups[0].count);
	sm_plan_free(&plan);
	return 0;
}

static void print_param(const struct sm_param *param)
{
	const struct sm_values *values = param->full.count       ? &param->full
					 : param->standard.count ? &param->standard
								 : &param->quick;
	bool bare = param->labels || strcmp(param->unit, "1") == 0; /* names and counts have no unit */
	char first[FIRST_MAX], all[1024] = "", text[SM_TEXT_MAX];
	size_t used = 0;

	snprintf(first, sizeof(first), "  %-9s %s", param->name, param->every_pu || param->every_node ? "every" : "");
	for (unsigned i = 0; i < values->count && used < sizeof(all); i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "",
					 sm_value_text(param, sm_values_at(values, i), text));
	say(COLUMN, first, "%s%s%s (%s)", all, bare ? "" : " ", bare ? "" : param->unit, param->summary);
}

static void print_claim(const struct sm_claim *c, bool verbose)
{
	say(COLUMN, CLAIM, "%s: %s", c->id, c->text);
	if (c->machine)
		say(COLUMN, BELOW, "on %s alone", sm_machine_name(c->machine));
	if (sm_claim_compares(c) && c->versus.holds)
		say(COLUMN, BELOW, "where both sides have at least %.3g %s", c->versus.holds_min, c->versus.holds);
	if (c->control)
		say(COLUMN, BELOW, "as far as its control %s is supported", c->control);
	if (verbose && c->source)
		say(COLUMN, BELOW, "source: %s", c->source);
}

static void print_table(const struct listed *listed, bool verbose)
{
	const struct sm_scenario *s = listed->scenario;
	char variants[1024] = "";
	size_t used = 0;

	for (const struct sm_variant *v = s->variants; v->name && used < sizeof(variants); v++)
		used += (size_t)snprintf(variants + used, sizeof(variants) - used, "%s%s", used ? ", " : "", v->name);
	say(2, "", "%s/%s: %s", s->family, s->name, s->question);
	say(COLUMN, "  variants  ", "%s", variants);
	for (unsigned p = 0; p < SM_PARAMS_MAX && s->params[p].name; p++)
		print_param(&s->params[p]);
	for (const struct sm_claim *c = s->claims; c && c->id; c++)
		print_claim(c, verbose);
	if (listed->reason[0])
		say(COLUMN, "  not here  ", "%s", listed->reason);
}

static json_t *params_json(const struct sm_scenario *s)
{
	json_t *params = json_array();

	for (unsigned p = 0; p < SM_PARAMS_MAX && s->params[p].name; p++) {
		const struct sm_param *param = &s->params[p];
		const struct sm_values *all[] = { &param->quick, &param->standard, &param->full };
		json_t *one = json_pack("{s:s, s:s?, s:s?, s:b, s:b}", "name", param->name, "unit", param->unit,
					"summary", param->summary, "every_pu", (int)param->every_pu, "every_node",
					(int)(param->every_node != SM_NO_NODES));

		for (int i = 0; i < 3; i++) {
			json_t *values = json_array();

			for (unsigned v = 0; v < all[i]->count; v++) {
				struct sm_swept value = sm_values_at(all[i], v);
				bool is_number = !param->labels && value.kind == SM_VALUE_PLAIN && !value.from_pus;
				char text[SM_TEXT_MAX];

				json_array_append_new(values, is_number
								      ? json_integer((json_int_t)value.number)
								      : json_string(sm_value_text(param, value, text)));
			}
			json_object_set_new(one, sm_profile_name((enum sm_profile)i), values);
		}
		json_array_append_new(params, one);
	}
	return params;
}

static json_t *claim_json(const struct sm_claim *c)
{
	const char *right = sm_claim_compares(c) ? c->versus.right : NULL;
	const char *holds = sm_claim_compares(c) ? c->versus.holds : NULL;
	json_t *claim = json_pack("{s:s, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "id", c->id, "text",
				  c->text, "source", c->source, "question", c->question, "left", c->left, "right",
				  right, "at", c->at, "machine", c->machine ? sm_machine_name(c->machine) : NULL,
				  "control", c->control, "holds", holds);

	if (holds)
		json_object_set_new(claim, "holds_min", json_real(c->versus.holds_min));
	return claim;
}

static json_t *scenario_json(const struct listed *listed)
{
	const struct sm_scenario *s = listed->scenario;
	json_t *variants = json_array(), *claims = json_array();

	for (const struct sm_variant *v = s->variants; v->name; v++)
		json_array_append_new(variants, json_pack("{s:s, s:s?}", "name", v->name, "summary", v->summary));
	for (const struct sm_claim *c = s->claims; c && c->id; c++)
		json_array_append_new(claims, claim_json(c));
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:o, s:o, s:o, s:b, s:s}", "name", s->name, "family", s->family,
			 "question", s->question, "summary", s->summary, "why", s->why, "variants", variants, "params",
			 params_json(s), "claims", claims, "supported", (int)listed->supported, "reason",
			 listed->reason);
}

static void print_csv_field(const char *text, char end)
{
	putchar('"');
	for (; text && *text; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
	putchar(end);
}

static void print_csv(const struct listed *listed)
{
	const struct sm_scenario *s = listed->scenario;

	for (const struct sm_variant *v = s->variants; v->name; v++) {
		printf("%s,%s,%s,", s->family, s->name, v->name);
		print_csv_field(s->question, ',');
		print_csv_field(listed->reason, ',');
		printf("%s\n", listed->supported ? "yes" : "no");
	}
}

static int list_all(const struct list_options *options, const struct sm_trial_context *context, struct sm_error *err)
{
	const char *format = options->json ? "json" : options->format ? options->format : "table";
	struct sm_plan_options plan = { .patterns = options->common.operand,
					.pattern_count = options->common.operands };
	json_t *all = json_array();
	int rc = 0;

	if (strcmp(format, "csv") == 0)
		puts("family,scenario,variant,question,reason,supported");
	for (size_t i = 0; rc == 0 && i < sm_scenario_count; i++) {
		struct listed listed = { .scenario = sm_scenarios[i] };

		if (!sm_plan_chooses(&plan, listed.scenario))
			continue;
		rc = examine(&listed, context, err);
		if (rc < 0)
			break;
		if (strcmp(format, "json") == 0)
			json_array_append_new(all, scenario_json(&listed));
		else if (strcmp(format, "csv") == 0)
			print_csv(&listed);
		else
			print_table(&listed, options->common.verbose);
	}
	if (rc == 0 && strcmp(format, "json") == 0) {
		json_t *object = json_pack("{s:O}", "scenarios", all);

		json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
		json_decref(object);
	}
	json_decref(all);
	return rc;
}

/* "T3 (transport_throughput), K9": claims with their scenarios, each scenario once. */
static void print_sentence(const struct sm_sentence *sentence)
{
	char first[FIRST_MAX], text[1024] = "";
	size_t used = 0;

	for (size_t i = 0; i < sm_scenario_count; i++) {
		size_t before = used;

		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id && used < sizeof(text); c++)
			if (sm_sentence_names(sentence, c->id))
				used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
							 c->id);
		if (used > before && used < sizeof(text))
			used += (size_t)snprintf(text + used, sizeof(text) - used, " (%s)", sm_scenarios[i]->name);
	}
	snprintf(first, sizeof(first), "%3u  ", sentence->number);
	say(5, first, "%s", sentence->text);
	if (used)
		say(COLUMN, "     claims ", "%s", text);
	else
		say(COLUMN, "     needs  ", "%s", sentence->needs);
}

static void list_sentences(bool json)
{
	json_t *all = json_array(), *object;

	for (const struct sm_sentence *s = sm_sentences; s->text; s++) {
		if (!json)
			print_sentence(s);
		else
			json_array_append_new(all, json_pack("{s:i, s:s, s:s, s:s}", "number", (int)s->number, "text",
							     s->text, "claims", s->claims, "needs", s->needs));
	}
	object = json_pack("{s:o}", "sentences", all);
	if (json) {
		json_dumpf(object, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
		putchar('\n');
	}
	json_decref(object);
}

int cmd_list(const struct list_options *options)
{
	struct sm_plan_options plan = { .patterns = options->common.operand,
					.pattern_count = options->common.operands };
	struct sm_trial_context context = { .os = &sm_os_linux, .file_folder = "." };
	struct sm_topology *topology = NULL;
	struct sm_error err = { 0 };
	int rc;

	if (options->sentences) {
		list_sentences(options->json);
		return EXIT_OK;
	}
	rc = sm_plan_check_patterns(&plan, sm_scenarios, sm_scenario_count, &err);

	if (rc == 0)
		rc = sm_topology_open(&topology, NULL, &err);
	context.topology = topology;
	if (rc == 0)
		rc = list_all(options, &context, &err);
	sm_topology_close(topology);
	return rc < 0 ? complain(&err) : EXIT_OK;
}
