/* Checks scenarios for consistency: each name that is used must exist. */
#include "shmeter/scenario_check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plan_private.h"
#include "shmeter/counters.h"
#include "shmeter/encode.h"

/* Names of all values of a parameter, or of all variants or claims: the longest list here. */
#define NAMES_MAX    SM_LIST_MAX
#define WARM_NS_MOST 1000000000u

/* Longest list of a parameter. */
#define SM_VALUES_MAX 64

/* What is being checked, for error messages. */
struct subject {
	const struct sm_scenario *scenario;
	const struct sm_claim *claim; /* NULL: the scenario itself */
	struct sm_error *err;
};

/* Names that exist, of one kind. */
struct names {
	const char *one, *many; /* "variant", "variants" */
	unsigned count;
	struct {
		const char *text;
		size_t length;
	} name[NAMES_MAX];
};

static int wrong(const struct subject *on, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int wrong(const struct subject *on, const char *format, ...)
{
	char text[SM_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return sm_fail(on->err, EBADMSG, "internal error: scenario %s: %s%s%s%s", on->scenario->name,
		       on->claim ? "claim " : "", on->claim ? on->claim->id : "", on->claim ? ": " : "", text);
}

static void add_name(struct names *names, const char *text, size_t length)
{
	if (names->count < NAMES_MAX) {
		names->name[names->count].text = text;
		names->name[names->count++].length = length;
	}
}

/* Adds each name of "producers+consumers". */
static void add_list(struct names *names, const char *list, const char *separator)
{
	for (size_t length; list; list = list[length] ? list + length + 1 : NULL) {
		length = strcspn(list, separator);
		add_name(names, list, length);
	}
}

static struct names variants_of(const struct sm_scenario *s)
{
	struct names names = { .one = "variant", .many = "variants" };

	for (const struct sm_variant *v = s->variants; v->name; v++)
		add_name(&names, v->name, strlen(v->name));
	return names;
}

static struct names params_of(const struct sm_scenario *s)
{
	struct names names = { .one = "parameter", .many = "parameters" };

	for (unsigned p = 0; p < plan_params(s); p++)
		add_name(&names, s->params[p].name, strlen(s->params[p].name));
	return names;
}

/* The further metrics: `more`. */
static struct names metrics_of(const struct sm_scenario *s)
{
	struct names names = { .one = "metric", .many = "further metrics" };

	for (unsigned i = 0; i < SM_MORE_MAX && s->more[i].name; i++)
		add_name(&names, s->more[i].name, strlen(s->more[i].name));
	return names;
}

static struct names claims_of(const struct sm_scenario *s)
{
	struct names names = { .one = "claim", .many = "claims" };

	for (const struct sm_claim *c = s->claims; c && c->id; c++)
		add_name(&names, c->id, strlen(c->id));
	return names;
}

static struct names events_of(const struct sm_scenario *s)
{
	struct names names = { .one = "event", .many = "events" };

	add_list(&names, sm_events_default, ",");
	add_list(&names, s->events, ",");
	return names;
}

static struct names placements_of(const struct sm_scenario *s)
{
	struct names names = { .one = "placement", .many = "placements" };

	for (unsigned i = 0; i < SM_PLACEMENTS_MAX && s->placements[i]; i++) {
		const char *name = sm_placement_name(s->placements[i]);

		add_name(&names, name, strlen(name));
	}
	return names;
}

static bool has(const struct names *names, const char *text, size_t length)
{
	for (unsigned i = 0; i < names->count; i++)
		if (names->name[i].length == length && strncmp(names->name[i].text, text, length) == 0)
			return true;
	return false;
}

static int expect_length(const struct subject *on, const struct names *names, const char *text, size_t length)
{
	char list[256] = "none";
	size_t used = 0;

	if (has(names, text, length))
		return 0;
	for (unsigned i = 0; i < names->count && used < sizeof(list); i++)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%.*s", i ? ", " : "",
					 (int)names->name[i].length, names->name[i].text);
	return wrong(on, "%s \"%.*s\" does not exist (%s: %s%s)", names->one, (int)length, text, names->many, list,
		     used >= sizeof(list) ? "..." : "");
}

/* Checks that a name exists; NULL is allowed: no name is given. */
static int expect(const struct subject *on, struct names names, const char *text)
{
	return text ? expect_length(on, &names, text, strlen(text)) : 0;
}

/* Checks that names, for example of variants, are unique and can be read back from a run folder. */
static int check_names(const struct subject *on, const struct names *names)
{
	char copy[128];

	if (names->count == NAMES_MAX)
		return wrong(on, "the list of %s does not end, or has %d and more", names->many, NAMES_MAX);
	for (unsigned i = 0; i < names->count; i++) {
		snprintf(copy, sizeof(copy), "%.*s", (int)names->name[i].length, names->name[i].text);
		if (!*copy || !sm_is_name(copy))
			return wrong(on, "%s \"%s\" is an invalid name: use letters, digits and _ - . +", names->one,
				     copy);
		for (unsigned j = 0; j < i; j++)
			if (strcmp(copy, names->name[j].text) == 0)
				return wrong(on, "%s \"%s\" is there twice", names->one, copy);
	}
	return 0;
}

enum ending {
	SENTENCE, /* printed alone: ends with a full stop */
	QUESTION,
	PART, /* the program appends to it: no full stop */
};

static int check_text(const struct subject *on, const char *what, const char *text, enum ending ending)
{
	static const char *const wanted[] = { [SENTENCE] = "a full stop", [QUESTION] = "a question mark" };
	static const char marks[] = { [SENTENCE] = '.', [QUESTION] = '?' };
	char last;

	if (!text || !*text)
		return wrong(on, "the %s is missing", what);
	last = text[strlen(text) - 1];
	if (!sm_is_text(text))
		return wrong(on, "the %s is not UTF-8 text", what);
	if (ending == PART && strchr(".,;: ", last))
		return wrong(on, "the %s ends with \"%c\": leave it out, as the program goes on after it", what, last);
	if (ending != PART && last != marks[ending])
		return wrong(on, "the %s does not end with %s: \"%s\"", what, wanted[ending], text);
	return 0;
}

static int check_text_if_any(const struct subject *on, const char *what, const char *text, enum ending ending)
{
	return text ? check_text(on, what, text, ending) : 0;
}

/* Checks the name of a metric or unit: it must fit into a column of a table. */
static int check_wording(const struct subject *on, const char *what, const char *text)
{
	if (!text || !*text)
		return wrong(on, "the %s is missing", what);
	return sm_is_wording(text) ? 0 : wrong(on, "the %s \"%s\" has signs that a run folder cannot hold", what, text);
}

/* Checks a plain number.  The plan limits values that depend on the machine to the bounds. */
static int check_number(const struct subject *on, const struct sm_param *param, uint64_t value)
{
	unsigned labels = 0;

	while (param->labels && param->labels[labels])
		labels++;
	if (param->labels && value >= labels)
		return wrong(on, "parameter \"%s\": value %" PRIu64 " has no label", param->name, value);
	if (param->max && (value < param->min || value > param->max))
		return wrong(on, "parameter \"%s\": value %" PRIu64 " is not within %" PRIu64 " to %" PRIu64,
			     param->name, value, param->min, param->max);
	return 0;
}

/* Checks that multiples of the PUs come last, and that a doubling is between a value and a multiple. */
static int check_values(const struct subject *on, const struct sm_param *param, const struct sm_values *values)
{
	if (values->count > SM_VALUES_MAX)
		return wrong(on, "parameter \"%s\" has %u values: %d are the most", param->name, values->count,
			     SM_VALUES_MAX);
	for (unsigned i = 0; i < values->count; i++) {
		struct sm_swept value = sm_values_at(values, i);
		bool last = i + 1 == values->count, grows = plan_depends_on_pus(value);
		int rc = value.kind == SM_VALUE_PLAIN ? check_number(on, param, value.number) : 0;

		if (rc < 0)
			return rc;
		if (value.kind > SM_VALUE_TIMES_LLC)
			return wrong(on, "parameter \"%s\": entry %u of a list has no kind: write SM_VALUE(number)",
				     param->name, i + 1);
		if (grows ? i == 0 : i > 0 && plan_depends_on_pus(sm_values_at(values, i - 1)))
			return wrong(on, "parameter \"%s\": multiples of the PUs come after all other values",
				     param->name);
		if (value.kind == SM_VALUE_DOUBLING && (last || sm_values_at(values, i + 1).kind != SM_VALUE_TIMES_PUS))
			return wrong(on, "parameter \"%s\": doubling goes on to a multiple of the PUs", param->name);
	}
	return 0;
}

static int check_param(const struct subject *on, const struct sm_param *param)
{
	struct names labels = { .one = "label", .many = "labels" };
	int rc = check_text(on, "summary of a parameter", param->summary, PART);

	if (rc == 0)
		rc = check_wording(on, "unit of a parameter", param->unit);
	for (unsigned i = 0; param->labels && param->labels[i] && i < NAMES_MAX; i++)
		add_name(&labels, param->labels[i], strlen(param->labels[i]));
	if (rc == 0)
		rc = check_names(on, &labels);
	if (rc == 0 && param->min > param->max)
		rc = wrong(on, "parameter \"%s\": min is larger than max", param->name);
	if (rc == 0 && !param->every_pu && param->quick.count == 0)
		rc = wrong(on, "parameter \"%s\" has no values for the quick profile", param->name);
	if (rc == 0)
		rc = check_values(on, param, &param->quick);
	if (rc == 0)
		rc = check_values(on, param, &param->standard);
	return rc == 0 ? check_values(on, param, &param->full) : rc;
}

static int check_params(const struct subject *on)
{
	const struct sm_scenario *s = on->scenario;
	struct names names = params_of(s), workers = { .count = 0 };
	int rc = check_names(on, &names);

	for (unsigned p = 0; rc == 0 && p < plan_params(s); p++)
		rc = check_param(on, &s->params[p]);
	add_list(&workers, s->workers_param, "+");
	for (unsigned i = 0; rc == 0 && i < workers.count; i++)
		rc = expect_length(on, &names, workers.name[i].text, workers.name[i].length);
	if (rc == 0)
		rc = expect(on, names, s->node_param);
	if (rc == 0)
		rc = expect(on, names, s->pair_params[0]);
	if (rc == 0)
		rc = expect(on, names, s->pair_params[1]);
	if (rc == 0 && !s->pair_params[0] != !s->pair_params[1])
		rc = wrong(on, "pair_params has one parameter: name two");
	return rc;
}

static int check_variants(const struct subject *on)
{
	const struct sm_scenario *s = on->scenario;
	struct names names = variants_of(s);
	int rc = names.count ? check_names(on, &names) : wrong(on, "it has no variant");

	for (const struct sm_variant *v = s->variants; rc == 0 && v->name; v++) {
		rc = check_text(on, "summary of a variant", v->summary, PART);
		if (rc == 0 && !s->workers_param && s->workers + v->workers == 0)
			rc = wrong(on, "variant \"%s\" has no workers: set workers, or workers_param", v->name);
	}
	for (unsigned k = 0; rc == 0 && s->corners && k < 4; k++)
		rc = expect(on, names, s->corners->variant[k / 2][k % 2]);
	return rc;
}

static int check_measures(const struct subject *on)
{
	const struct sm_scenario *s = on->scenario;
	int rc = check_wording(on, "name of the metric", s->metric.name);

	if (rc == 0 && (!s->metric.unit || strcmp(s->metric.unit, "ns/op") != 0))
		rc = wrong(on, "the unit of the metric is not ns/op");
	for (unsigned i = 0; rc == 0 && i < SM_MORE_MAX && s->more[i].name; i++) {
		rc = check_wording(on, "name of a further metric", s->more[i].name);
		if (rc == 0)
			rc = check_wording(on, "unit of a further metric", s->more[i].unit);
	}
	if (rc == 0 && !s->measure != !s->more[0].name)
		rc = wrong(on, "%s",
			   s->measure ? "measure() has no further metric to tell: fill `more`"
				      : "it has further metrics and no measure()");
	if (rc == 0)
		rc = expect(on, metrics_of(s), s->achieved);
	for (unsigned i = 0; rc == 0 && i < SM_EXPECTED_MAX && s->expected[i].event; i++) {
		rc = expect(on, variants_of(s), s->expected[i].variant);
		if (rc == 0)
			rc = expect(on, events_of(s), s->expected[i].event);
	}
	return rc;
}

static int check_functions(const struct subject *on)
{
	const struct sm_scenario *s = on->scenario;

	if (!s->run)
		return wrong(on, "run() is missing");
	if (!s->verify)
		return wrong(on, "verify() is missing: nothing would prove that the work was done");
	if (s->subject == SM_COLD && !s->fixed_ops)
		return wrong(on, "fixed_ops() is missing: a cold subject has a fixed number of operations");
	if (s->subject == SM_COLD && s->warm_ns)
		return wrong(on, "warm_ns is set: a cold subject has no warm-up");
	if (s->warm_ns > WARM_NS_MOST)
		return wrong(on, "warm_ns: %lu ns is more than a second for each trial", s->warm_ns);
	if (s->subject == SM_KEPT && !s->region_bytes)
		return wrong(on, "region_bytes() is missing: there is no region to keep");
	return 0;
}

/* "8" or "4xPU". */
static bool is_bound(const char *text)
{
	double number;
	const char *rest;

	return sm_parse_number(text, &number, &rest) && (*rest == '\0' || strcmp(rest, "xPU") == 0);
}

/* Checks that the parameter takes a value of a claim's `at` in one of the profiles, so that some run can judge the
 * claim. */
static int expect_value(const struct subject *on, const struct sm_param *param, const char *value)
{
	const struct sm_values *all[] = { &param->quick, &param->standard, &param->full };
	char text[3 * SM_VALUES_MAX][SM_TEXT_MAX];
	struct names names = { .one = "value", .many = param->name };

	for (unsigned i = 0; i < 3; i++)
		for (unsigned v = 0; v < all[i]->count; v++) {
			char *out = text[names.count];
			size_t length;

			if (sm_values_at(all[i], v).kind == SM_VALUE_DOUBLING && is_bound(value))
				return 0; /* a doubling passes through it, or the machine is too small */
			sm_value_text(param, sm_values_at(all[i], v), out);
			length = strcspn(out, " "); /* "2 (from 3 PUs)" */
			if (!has(&names, out, length))
				add_name(&names, out, length);
		}
	return expect(on, names, value);
}

static int check_memory_word(const struct subject *on, const char *name, const char *value)
{
	struct sm_error why = { 0 };
	struct sm_memory memory;
	int rc = strcmp(name, "backing") == 0    ? sm_backing_parse(value, &memory.backing, &why)
		 : strcmp(name, "pages") == 0    ? sm_pages_parse(value, &memory.pages, &why)
		 : strcmp(name, "prefault") == 0 ? sm_prefault_parse(value, &memory.prefault, &why)
						 : sm_numa_parse(value, &memory, &why);

	return rc == 0 ? 0 : wrong(on, "at: %s", why.text);
}

/* Checks one condition of `at`, for example "processes<=1xPU"; its value begins after the sign. */
static int check_condition(const struct subject *on, const char *name, char compare, const char *value)
{
	static const char *const memory[] = { "backing", "pages", "prefault", "numa" };
	const struct sm_scenario *s = on->scenario;
	struct names params = params_of(s);
	unsigned p = 0;

	if (strcmp(name, "placement") == 0)
		return expect(on, placements_of(s), value);
	if (strcmp(name, "cores") == 0)
		return strcmp(value, "different") == 0 ? 0
						       : wrong(on, "at: cores=%s: only \"different\" is known", value);
	for (unsigned i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		if (strcmp(name, memory[i]) == 0)
			return check_memory_word(on, name, value);
	while (p < params.count && strcmp(s->params[p].name, name) != 0)
		p++;
	if (p == params.count && strcmp(name, "workers") != 0)
		return expect(on, params, name);
	if (p < params.count && compare == '=' && !s->params[p].every_pu)
		return expect_value(on, &s->params[p], value);
	return is_bound(value) ? 0
			       : wrong(on, "at: %s%s%s: a number, or one with xPU, is expected", name,
				       compare == '='   ? ""
				       : compare == '<' ? "<="
							: ">=",
				       value);
}

static int check_at(const struct subject *on)
{
	const char *at = on->claim->at;
	int rc = 0;

	for (size_t length; rc == 0 && at && *at; at += length + strspn(at + length, " ")) {
		char word[128], *sign;

		length = strcspn(at, " ");
		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		sign = strchr(word, '=');
		if (!sign || sign == word)
			return wrong(on, "at: \"%s\" is not a condition: write name=value, name<=value or name>=value",
				     word);
		char compare = sign[-1] == '<' || sign[-1] == '>' ? sign[-1] : '=';

		sign[compare == '=' ? 0 : -1] = '\0';
		rc = check_condition(on, word, compare, sign + 1);
	}
	return rc;
}

static int check_comparison(const struct subject *on)
{
	const struct sm_claim *c = on->claim;
	int rc = expect(on, variants_of(on->scenario), c->versus.right);

	if (rc == 0 && !c->versus.right)
		rc = wrong(on, "it compares variant \"%s\" with nothing", c->left);
	if (rc == 0 && strcmp(c->left, c->versus.right) == 0)
		rc = wrong(on, "it compares variant \"%s\" with itself", c->left);
	if (rc == 0)
		rc = expect(on, metrics_of(on->scenario), c->versus.metric);
	if (rc == 0)
		rc = expect(on, metrics_of(on->scenario), c->versus.holds);
	if (rc == 0 && c->versus.min <= 0 && c->versus.max <= 0)
		rc = wrong(on, "it has no bound: set min, max or both");
	if (rc == 0 && c->versus.max > 0 && c->versus.min > c->versus.max)
		rc = wrong(on, "min is larger than max");
	if (rc == 0 && c->versus.metric && c->kind == SM_CLAIM_DIFFERENCE)
		rc = wrong(on, "a difference is of times: leave out the metric");
	return rc;
}

static int check_kind(const struct subject *on)
{
	const struct sm_claim *c = on->claim;
	int rc = c->left ? expect(on, variants_of(on->scenario), c->left) : wrong(on, "it is about no variant");

	if (rc < 0)
		return rc;
	switch (c->kind) {
	case SM_CLAIM_UNSET: break;
	case SM_CLAIM_RATIO:
	case SM_CLAIM_DIFFERENCE: return check_comparison(on);
	case SM_CLAIM_COUNT: return expect(on, events_of(on->scenario), c->count.event);
	case SM_CLAIM_METRIC:
		return c->metric.min > c->metric.max ? wrong(on, "min is larger than max")
						     : expect(on, metrics_of(on->scenario), c->metric.name);
	case SM_CLAIM_ORDER:
		return c->closer_is_faster > 0 && c->closer_is_faster <= 1
			       ? 0
			       : wrong(on, "closer_is_faster is a share: more than 0, 1 at most");
	}
	return wrong(on, "it says no kind: write SM_RATIO(...), SM_METRIC(...) or another of them");
}

static int check_control(const struct subject *on)
{
	const struct sm_claim *claim = on->claim, *control = on->scenario->claims;
	int rc = expect(on, claims_of(on->scenario), claim->control);

	if (rc < 0 || !claim->control)
		return rc;
	while (strcmp(control->id, claim->control) != 0)
		control++;
	return control->control ? wrong(on, "its control %s has a control itself", control->id) : 0;
}

static int check_claim(const struct subject *on)
{
	const struct sm_claim *c = on->claim;
	int rc = check_text(on, "text", c->text, PART);

	if (rc == 0)
		rc = check_text(on, "source", c->source, PART);
	if (rc == 0)
		rc = check_text_if_any(on, "question", c->question, QUESTION);
	if (rc == 0)
		rc = check_text_if_any(on, "caveat", c->caveat, PART);
	if (rc == 0)
		rc = check_text_if_any(on, "needs", c->needs, PART);
	if (rc == 0)
		rc = check_kind(on);
	if (rc == 0)
		rc = check_control(on);
	return rc == 0 ? check_at(on) : rc;
}

static int check_claims(const struct subject *of)
{
	struct subject on = *of;
	struct names names = claims_of(of->scenario);
	int rc = check_names(of, &names);

	for (on.claim = of->scenario->claims; rc == 0 && on.claim && on.claim->id; on.claim++)
		rc = check_claim(&on);
	return rc;
}

static int check_texts(const struct subject *on)
{
	const struct sm_scenario *s = on->scenario;
	int rc = check_text(on, "question", s->question, QUESTION);

	if (rc == 0)
		rc = check_text(on, "summary", s->summary, SENTENCE);
	return rc == 0 ? check_text(on, "why", s->why, SENTENCE) : rc;
}

/* Checks that names are unique.  Those of claims are unique over all scenarios, because a gate names only the claim. */
static int check_beside(const struct subject *on, const struct sm_scenario *const *others, size_t count)
{
	struct names names = claims_of(on->scenario);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(others[i]->name, on->scenario->name) == 0)
			return wrong(on, "another scenario has this name");
		for (const struct sm_claim *c = others[i]->claims; c && c->id; c++)
			if (has(&names, c->id, strlen(c->id)))
				return wrong(on, "claim %s is one of scenario %s, too", c->id, others[i]->name);
	}
	return 0;
}

int sm_scenario_check(const struct sm_scenario *const *scenarios, size_t count, struct sm_error *err)
{
	static int (*const checks[])(const struct subject *) = { check_texts,    check_variants,  check_params,
								 check_measures, check_functions, check_claims };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct subject on = { .scenario = scenarios[i], .err = err };

		if (!on.scenario->name || !sm_is_name(on.scenario->name) || !on.scenario->family ||
		    !sm_is_name(on.scenario->family))
			return sm_fail(err, EBADMSG,
				       "internal error: scenario %zu of %zu has no valid name and family: use letters, "
				       "digits and _ - . +",
				       i + 1, count);
		for (size_t c = 0; rc == 0 && c < sizeof(checks) / sizeof(checks[0]); c++)
			rc = checks[c](&on);
		if (rc == 0)
			rc = check_beside(&on, scenarios, i);
	}
	return rc;
}
