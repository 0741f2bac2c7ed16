/* Checks the claims of a scenario. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"
#include "plan_private.h"

/* Most events that a claim about an exact count may tolerate in a trial. */
#define SLACK_MAX 1000

/* "8" or "4xPU". */
static bool is_bound(const char *text)
{
	double number;
	const char *rest;

	return sm_parse_number(text, &number, &rest) && (*rest == '\0' || strcmp(rest, "xPU") == 0);
}

/* Checks that the parameter takes a value of a claim's `at` in one of the profiles, so that some run can judge the
 * claim. */
static int expect_value(const struct check_subject *on, const struct sm_param *param, const char *value)
{
	const struct sm_values *all[] = { &param->quick, &param->standard, &param->full };
	char text[3 * CHECK_VALUES_MAX][SM_TEXT_MAX];
	struct check_names names = { .one = "value", .many = param->name };

	for (unsigned i = 0; i < 3; i++)
		for (unsigned v = 0; v < all[i]->count; v++) {
			char *out = text[names.count];
			size_t length;

			if (sm_values_at(all[i], v).kind == SM_VALUE_DOUBLING && is_bound(value))
				return 0; /* a doubling passes through it, or the machine is too small */
			sm_value_text(param, sm_values_at(all[i], v), out);
			length = strcspn(out, " "); /* "2 (from 3 PUs)" */
			if (!check_has(&names, out, length))
				check_add_name(&names, out, length);
		}
	return check_expect(on, names, value);
}

static int check_memory_word(const struct check_subject *on, const char *name, const char *value)
{
	struct sm_error why = { 0 };
	struct sm_memory memory;
	int rc = strcmp(name, "backing") == 0    ? sm_backing_parse(value, &memory.backing, &why)
		 : strcmp(name, "pages") == 0    ? sm_pages_parse(value, &memory.pages, &why)
		 : strcmp(name, "prefault") == 0 ? sm_prefault_parse(value, &memory.prefault, &why)
						 : sm_numa_parse(value, &memory, &why);

	return rc == 0 ? 0 : check_wrong(on, "at: %s", why.text);
}

/* Checks one condition of `at`, for example "processes<=1xPU"; its value begins after the sign. */
static int check_condition(const struct check_subject *on, const char *name, char compare, const char *value)
{
	static const char *const memory[] = { "backing", "pages", "prefault", "numa" };
	const struct sm_scenario *s = on->scenario;
	struct check_names params = check_params_of(s);
	unsigned p = 0;

	if (strcmp(name, "placement") == 0)
		return check_expect(on, check_placements_of(s), value);
	if (strcmp(name, "cores") == 0)
		return strcmp(value, "different") == 0
			       ? 0
			       : check_wrong(on, "at: cores=%s: only \"different\" is known", value);
	for (unsigned i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		if (strcmp(name, memory[i]) == 0)
			return check_memory_word(on, name, value);
	while (p < params.count && strcmp(s->params[p].name, name) != 0)
		p++;
	if (p == params.count && strcmp(name, "workers") != 0)
		return check_expect(on, params, name);
	if (p < params.count && compare == '=' && !s->params[p].every_pu)
		return expect_value(on, &s->params[p], value);
	return is_bound(value) ? 0
			       : check_wrong(on, "at: %s%s%s: a number, or one with xPU, is expected", name,
					     compare == '='   ? ""
					     : compare == '<' ? "<="
							      : ">=",
					     value);
}

static int check_at(const struct check_subject *on)
{
	const char *at = on->claim->at;
	int rc = 0;

	for (size_t length; rc == 0 && at && *at; at += length + strspn(at + length, " ")) {
		char word[128], *sign;

		length = strcspn(at, " ");
		snprintf(word, sizeof(word), "%.*s", (int)length, at);
		sign = strchr(word, '=');
		if (!sign || sign == word)
			return check_wrong(
				on, "at: \"%s\" is not a condition: write name=value, name<=value or name>=value",
				word);
		char compare = sign[-1] == '<' || sign[-1] == '>' ? sign[-1] : '=';

		sign[compare == '=' ? 0 : -1] = '\0';
		rc = check_condition(on, word, compare, sign + 1);
	}
	return rc;
}

/* Checks a condition on a metric, that both sides must meet to be compared. */
static int check_holds(const struct check_subject *on)
{
	const struct sm_claim *c = on->claim;
	int rc = check_expect(on, check_metrics_of(on->scenario), c->versus.holds);

	if (rc == 0 && !isfinite(c->versus.holds_min))
		rc = check_wrong(on, "holds_min is not a finite number");
	if (rc == 0 && c->versus.holds && c->versus.holds_min <= 0)
		rc = check_wrong(on, "holds has no bound: set holds_min to more than 0");
	if (rc == 0 && !c->versus.holds && c->versus.holds_min != 0)
		rc = check_wrong(on, "holds_min bounds no metric: set holds");
	return rc;
}

static int check_bounds(const struct check_subject *on, double min, double max)
{
	if (!isfinite(min) || !isfinite(max))
		return check_wrong(on, "%s is not a finite number", isfinite(min) ? "max" : "min");
	return min > max ? check_wrong(on, "min is larger than max") : 0;
}

static int check_comparison(const struct check_subject *on)
{
	const struct sm_claim *c = on->claim;
	double min = c->versus.min, max = c->versus.max;
	int rc = check_expect(on, check_variants_of(on->scenario), c->versus.right);

	if (rc == 0 && !c->versus.right)
		rc = check_wrong(on, "it compares variant \"%s\" with nothing", c->left);
	if (rc == 0 && strcmp(c->left, c->versus.right) == 0)
		rc = check_wrong(on, "it compares variant \"%s\" with itself", c->left);
	if (rc == 0)
		rc = check_expect(on, check_metrics_of(on->scenario), c->versus.metric);
	if (rc == 0 && (min < 0 || max < 0))
		rc = check_wrong(on, "%s is negative and would count as no bound", min < 0 ? "min" : "max");
	if (rc == 0 && min == 0 && max == 0)
		rc = check_wrong(on, "it has no bound: set min, max or both");
	if (rc == 0)
		rc = check_bounds(on, min, max == 0 ? fmax(min, 0) : max);
	if (rc == 0)
		rc = check_holds(on);
	if (rc == 0 && c->versus.metric && c->kind == SM_CLAIM_DIFFERENCE)
		rc = check_wrong(on, "a difference is of times: leave out the metric");
	return rc;
}

static int check_count(const struct check_subject *on)
{
	const struct sm_claim *c = on->claim;
	int rc = check_require(on, check_events_of(on->scenario), "event", c->count.event);

	if (rc == 0 && !check_is_amount(c->count.per_op))
		rc = check_wrong(on, "per_op is not a finite number of 0 or more");
	if (rc == 0 && c->count.slack > SLACK_MAX)
		rc = check_wrong(on, "slack: %u events a trial are tolerated, %d are the most", c->count.slack,
				 SLACK_MAX);
	return rc;
}

static int check_kind(const struct check_subject *on)
{
	const struct sm_claim *c = on->claim;
	int rc = c->left ? check_expect(on, check_variants_of(on->scenario), c->left)
			 : check_wrong(on, "it is about no variant");

	if (rc < 0)
		return rc;
	switch (c->kind) {
	case SM_CLAIM_UNSET: break;
	case SM_CLAIM_RATIO:
	case SM_CLAIM_DIFFERENCE: return check_comparison(on);
	case SM_CLAIM_COUNT: return check_count(on);
	case SM_CLAIM_METRIC:
		rc = check_bounds(on, c->metric.min, c->metric.max);
		return rc == 0 ? check_require(on, check_metrics_of(on->scenario), "metric", c->metric.name) : rc;
	case SM_CLAIM_ORDER:
		return c->closer_is_faster > 0 && c->closer_is_faster <= 1
			       ? 0
			       : check_wrong(on, "closer_is_faster is a share: more than 0, 1 at most");
	}
	return check_wrong(on, "it says no kind: write SM_RATIO(...), SM_METRIC(...) or another of them");
}

static int check_control(const struct check_subject *on)
{
	const struct sm_claim *claim = on->claim, *control = on->scenario->claims;
	int rc = check_expect(on, check_claims_of(on->scenario), claim->control);

	if (rc < 0 || !claim->control)
		return rc;
	while (strcmp(control->id, claim->control) != 0)
		control++;
	return control->control ? check_wrong(on, "its control %s has a control itself", control->id) : 0;
}

static int check_claim(const struct check_subject *on)
{
	const struct sm_claim *c = on->claim;
	int rc = check_text(on, "text", c->text, CHECK_PART);

	if (rc == 0)
		rc = check_text(on, "source", c->source, CHECK_PART);
	if (rc == 0)
		rc = check_text_if_any(on, "question", c->question, CHECK_QUESTION);
	if (rc == 0)
		rc = check_text_if_any(on, "caveat", c->caveat, CHECK_PART);
	if (rc == 0)
		rc = check_text_if_any(on, "needs", c->needs, CHECK_PART);
	if (rc == 0)
		rc = check_kind(on);
	if (rc == 0)
		rc = check_control(on);
	return rc == 0 ? check_at(on) : rc;
}

int check_claims(const struct check_subject *of)
{
	struct check_subject on = *of;
	struct check_names names = check_claims_of(of->scenario);
	int rc = check_unique(of, &names);

	for (on.claim = of->scenario->claims; rc == 0 && on.claim && on.claim->id; on.claim++)
		rc = check_claim(&on);
	return rc;
}
