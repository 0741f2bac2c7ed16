/* The patterns that choose cases: "scenario", "scenario/variant", "family/...", and conditions on parameters behind a
 * blank: "false_sharing/packed op=store processes<=4". */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan_private.h"
#include "shmeter/text.h"

/* The control that every run carries: the same case under two names (method.md). */
#define AA_SCENARIO "aa"

#define PATTERN_MAX 256

/* Splits off the conditions; NULL: there are none. */
static const char *take_name(const char *pattern, char name[PATTERN_MAX])
{
	size_t length = strcspn(pattern, " ");

	snprintf(name, PATTERN_MAX, "%.*s", (int)(length < PATTERN_MAX ? length : PATTERN_MAX - 1), pattern);
	return pattern[length] ? pattern + length : NULL;
}

/* Whether a name selects variants, not whole scenarios: "page_size_random/thp-64k".  The variant that is called
 * after the size of the base pages has a second name, which is the same on every machine: "first_touch/base". */
static bool names_variant(const char *name, const struct sm_scenario *scenario, const struct sm_variant *variant)
{
	struct sm_pages pages = variant->memory.pages;
	char text[PATTERN_MAX], size[16];

	if (!strchr(name, '/'))
		return false;
	snprintf(text, sizeof(text), "%s/%s", scenario->name, variant->name);
	if (fnmatch(name, text, 0) == 0)
		return true;
	if (pages.kind != SM_PAGES_BASE || strcmp(sm_pages_name(pages, size), variant->name) != 0)
		return false;
	snprintf(text, sizeof(text), "%s/%s", scenario->name, SM_PAGES_BASE_ALIAS);
	return strcmp(name, text) == 0;
}

static bool matches_name(const char *name, const struct sm_scenario *scenario, const struct sm_variant *variant)
{
	char text[PATTERN_MAX];

	if (!strchr(name, '/'))
		return fnmatch(name, scenario->name, 0) == 0;
	if (names_variant(name, scenario, variant))
		return true;
	snprintf(text, sizeof(text), "%s/%s", scenario->family, scenario->name);
	return fnmatch(name, text, 0) == 0;
}

/* The parameter that a condition ("processes<=4") is about; NULL: none of this scenario. */
static const struct sm_param *param_of(const struct sm_scenario *scenario, const struct sm_condition *condition)
{
	size_t length = strcspn(condition->word, "<>=");

	for (unsigned p = 0; p < plan_params(scenario); p++)
		if (strlen(scenario->params[p].name) == length &&
		    memcmp(scenario->params[p].name, condition->word, length) == 0)
			return &scenario->params[p];
	return NULL;
}

/* What is no coordinate of a point (a placement, the PUs that a process visits) excludes none. */
static bool holds_at(const struct sm_plan_options *options, const struct sm_scenario *scenario, const char *at,
		     const char *params)
{
	struct sm_condition one;

	while (sm_condition_next(&at, &one)) {
		const struct sm_param *param = param_of(scenario, &one);

		if (param && !param->every_pu && !sm_condition_holds(&one, params, plan_pus(options)))
			return false;
	}
	return true;
}

static bool any_chooses(const char *const *patterns, size_t count, bool by_variant,
			const struct sm_plan_options *options, const struct sm_scenario *scenario,
			const struct sm_variant *variant, const char *params)
{
	char name[PATTERN_MAX];

	for (size_t i = 0; i < count; i++) {
		const char *at = take_name(patterns[i], name);

		if (matches_name(name, scenario, variant) && (!by_variant || names_variant(name, scenario, variant)) &&
		    (!params || holds_at(options, scenario, at, params)))
			return true;
	}
	return false;
}

bool plan_chooses_variant(const struct sm_plan_options *options, const struct sm_scenario *scenario,
			  const struct sm_variant *variant, const char *params)
{
	bool extra = variant->extra && options->profile != SM_FULL;

	return (options->pattern_count == 0 && !extra) || sm_plan_is_control(scenario) ||
	       any_chooses(options->patterns, options->pattern_count, extra, options, scenario, variant, params);
}

bool plan_is_longer(const struct sm_plan_options *options, const struct sm_scenario *scenario,
		    const struct sm_variant *variant, const char *params)
{
	return any_chooses(options->longer, options->longer_count, false, options, scenario, variant, params);
}

bool sm_plan_chooses(const struct sm_plan_options *options, const struct sm_scenario *scenario)
{
	if (options->pattern_count == 0)
		return true;
	for (const struct sm_variant *v = scenario->variants; v->name; v++)
		if (any_chooses(options->patterns, options->pattern_count, false, options, scenario, v, NULL))
			return true;
	return false;
}

bool sm_plan_is_control(const struct sm_scenario *scenario)
{
	return strcmp(scenario->name, AA_SCENARIO) == 0;
}

/* Whether all conditions of a pattern can be met: each is one, and a parameter is one of the scenario's. */
static bool knows_all(const struct sm_scenario *scenario, const char *at)
{
	struct sm_condition one;

	while (sm_condition_next(&at, &one))
		if (!memchr(one.word, '=', one.length) || (one.of == SM_OF_PARAM && !param_of(scenario, &one)))
			return false;
	return true;
}

int sm_plan_check_patterns(const struct sm_plan_options *options, const struct sm_scenario *const *scenarios,
			   size_t count, struct sm_error *err)
{
	char name[PATTERN_MAX];

	for (size_t i = 0; i < options->pattern_count; i++) {
		struct sm_plan_options one = { .patterns = &options->patterns[i], .pattern_count = 1 };
		const char *at = take_name(options->patterns[i], name);
		bool found = false;

		for (size_t s = 0; s < count && !found; s++)
			found = sm_plan_chooses(&one, scenarios[s]) && knows_all(scenarios[s], at);
		if (!found)
			return sm_fail(err, EINVAL, "no scenario matches \"%s\"; `shmeter list` names them all",
				       options->patterns[i]);
	}
	return 0;
}

int sm_plan_injected(const struct sm_plan_options *options, const struct sm_case *c, double *share,
		     struct sm_error *err)
{
	const char *sign = options->inject ? strrchr(options->inject, '=') : NULL;
	char pattern[256], name[256], *end = NULL;
	double percent = sign ? strtod(sign + 1, &end) : 0;

	*share = 0;
	if (!options->inject)
		return 0;
	if (!sign || sign == options->inject || end == sign + 1 || *end || !(percent >= 0 && percent <= 1000))
		return sm_fail(err, EINVAL,
			       "--inject \"%s\": SCENARIO/VARIANT=PERCENT is expected, with a number from 0 to 1000",
			       options->inject);
	snprintf(pattern, sizeof(pattern), "%.*s", (int)(sign - options->inject), options->inject);
	snprintf(name, sizeof(name), "%s/%s", c->scenario->name, sm_case_variant(c)->name);
	if (fnmatch(pattern, name, 0) == 0)
		*share = percent / 100;
	return 0;
}
