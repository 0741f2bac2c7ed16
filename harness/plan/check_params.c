/* Checks the parameters of a scenario and their values. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"
#include "plan_private.h"

/* Most times the PUs, or the last-level cache, in a list of values. */
#define TIMES_MAX 1024

/* Most cases of a scenario, and the values that a doubling may stand for: from 1 to more PUs than a Linux kernel can have. */
#define CASES_MAX   20000u
#define DOUBLES_MAX 16u

/* Most characters of the parameters in the id of a case. */
#define PARAMS_TEXT_MAX 159

/* Checks a plain number.  The plan limits values that depend on the machine to the bounds. */
static int check_number(const struct check_subject *on, const struct sm_param *param, uint64_t value)
{
	unsigned labels = 0;

	while (param->labels && param->labels[labels])
		labels++;
	if (param->labels && value >= labels)
		return check_wrong(on, "parameter \"%s\": value %" PRIu64 " has no label", param->name, value);
	if (param->max && (value < param->min || value > param->max))
		return check_wrong(on, "parameter \"%s\": value %" PRIu64 " is not within %" PRIu64 " to %" PRIu64,
				   param->name, value, param->min, param->max);
	return 0;
}

/* Whether entry `i` of the list stands before it, too. */
static bool is_repeated(const struct sm_values *values, unsigned i)
{
	struct sm_swept value = sm_values_at(values, i);

	for (unsigned k = 0; k < i && value.kind != SM_VALUE_DOUBLING; k++) {
		struct sm_swept earlier = sm_values_at(values, k);

		if (earlier.kind == value.kind && earlier.number == value.number)
			return true;
	}
	return false;
}

/* Whether the list has a value on every machine and at every placement: multiples of the PUs are for some. */
static bool is_never_empty(const struct sm_values *values)
{
	for (unsigned i = 0; i < values->count; i++) {
		struct sm_swept value = sm_values_at(values, i);

		if (!plan_depends_on_pus(value) && value.from_pus <= 1)
			return true;
	}
	return false;
}

/* Whether the value that a doubling at entry `i` continues may be 0: on a machine with few PUs it is an earlier one. */
static bool may_double_zero(const struct sm_values *values, unsigned i)
{
	while (i-- > 0) {
		struct sm_swept value = sm_values_at(values, i);

		if (value.kind == SM_VALUE_PLAIN && value.number == 0)
			return true;
		if (value.from_pus <= 1)
			break;
	}
	return false;
}

static int check_multiple(const struct check_subject *on, const struct sm_param *param, struct sm_swept value)
{
	if (param->labels)
		return check_wrong(on, "parameter \"%s\": values with labels are plain numbers", param->name);
	if (value.kind != SM_VALUE_DOUBLING && (value.number == 0 || value.number > TIMES_MAX))
		return check_wrong(on, "parameter \"%s\": a multiple of the PUs or of the cache is 1 to %d",
				   param->name, TIMES_MAX);
	return 0;
}

/* Checks that multiples of the PUs come last, and that a doubling is between a value and a multiple. */
static int check_order(const struct check_subject *on, const struct sm_param *param, const struct sm_values *values,
		       unsigned i)
{
	struct sm_swept value = sm_values_at(values, i);
	bool last = i + 1 == values->count, grows = plan_depends_on_pus(value);

	if (grows ? i == 0 : i > 0 && plan_depends_on_pus(sm_values_at(values, i - 1)))
		return check_wrong(on, "parameter \"%s\": multiples of the PUs come after all other values",
				   param->name);
	if (value.kind != SM_VALUE_DOUBLING)
		return 0;
	if (last || sm_values_at(values, i + 1).kind != SM_VALUE_TIMES_PUS)
		return check_wrong(on, "parameter \"%s\": doubling goes on to a multiple of the PUs", param->name);
	return may_double_zero(values, i)
		       ? check_wrong(on, "parameter \"%s\": doubling never ends after 0: begin with 1", param->name)
		       : 0;
}

static int check_values(const struct check_subject *on, const struct sm_param *param, const struct sm_values *values)
{
	if (values->count > CHECK_VALUES_MAX)
		return check_wrong(on, "parameter \"%s\" has %u values: %d are the most", param->name, values->count,
				   CHECK_VALUES_MAX);
	for (unsigned i = 0; i < values->count; i++) {
		struct sm_swept value = sm_values_at(values, i);
		int rc;

		if (value.kind > SM_VALUE_TIMES_LLC)
			return check_wrong(on,
					   "parameter \"%s\": entry %u of a list has no kind: write SM_VALUE(number)",
					   param->name, i + 1);
		rc = value.kind == SM_VALUE_PLAIN ? check_number(on, param, value.number)
						  : check_multiple(on, param, value);
		if (rc == 0)
			rc = check_order(on, param, values, i);
		if (rc == 0 && is_repeated(values, i))
			rc = check_wrong(on, "parameter \"%s\": entry %u of a list of values is there twice",
					 param->name, i + 1);
		if (rc < 0)
			return rc;
	}
	return values->count == 0 || is_never_empty(values)
		       ? 0
		       : check_wrong(on, "parameter \"%s\" may have no value: add one that needs no number of PUs",
				     param->name);
}

static int check_labels(const struct check_subject *on, const struct sm_param *param)
{
	struct check_names labels = { .one = "label", .many = "labels" };

	for (unsigned i = 0; param->labels && i < CHECK_NAMES_MAX && param->labels[i]; i++)
		check_add_name(&labels, param->labels[i], strlen(param->labels[i]));
	for (unsigned i = 0; i < labels.count; i++)
		if (labels.name[i].length >= SM_TEXT_MAX)
			return check_wrong(on, "label \"%.*s\" is longer than %d characters", SM_TEXT_MAX,
					   labels.name[i].text, SM_TEXT_MAX - 1);
	if (param->every_pu && param->every_node)
		return check_wrong(on, "parameter \"%s\" has every_pu and every_node: leave out one of them",
				   param->name);
	if (param->nodes_most && !param->every_node)
		return check_wrong(on, "parameter \"%s\" has nodes_most and no every_node", param->name);
	if (param->labels && plan_is_every(param))
		return check_wrong(on, "parameter \"%s\" has labels and %s have no labels", param->name,
				   param->every_pu ? "every_pu: PUs" : "every_node: nodes");
	return check_unique(on, &labels);
}

static int check_param(const struct check_subject *on, const struct sm_param *param)
{
	const struct sm_values *lists[] = { &param->quick, &param->standard, &param->full };
	int rc = check_text(on, "summary of a parameter", param->summary, CHECK_PART);

	if (rc == 0)
		rc = check_wording(on, "unit of a parameter", param->unit);
	if (rc == 0)
		rc = check_labels(on, param);
	if (rc == 0 && param->min > param->max)
		rc = check_wrong(on, "parameter \"%s\": min is larger than max", param->name);
	if (rc == 0 && !plan_is_every(param) && param->quick.count == 0)
		rc = check_wrong(on, "parameter \"%s\" has no values for the quick profile", param->name);
	for (unsigned i = 0; rc == 0 && i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (plan_is_every(param) && lists[i]->count > 0)
			return check_wrong(on, "parameter \"%s\" has %s and values: leave out one of them", param->name,
					   param->every_pu ? "every_pu" : "every_node");
		rc = check_values(on, param, lists[i]);
	}
	return rc;
}

/* Length of a parameter's longest value as text. */
static size_t longest_value(const struct sm_param *param)
{
	size_t longest = 0;

	for (unsigned i = 0; param->labels && param->labels[i]; i++)
		if (strlen(param->labels[i]) > longest)
			longest = strlen(param->labels[i]);
	return param->labels ? longest : (size_t)snprintf(NULL, 0, "%" PRIu64, param->max ? param->max : UINT64_MAX);
}

/* Checks the parameters' names, and that names and values fit together into the id of a case. */
static int check_param_names(const struct check_subject *on, const struct check_names *names)
{
	const struct sm_scenario *s = on->scenario;
	size_t length = 0;

	for (unsigned p = 0; p < names->count; p++) {
		const struct sm_param *param = &s->params[p];

		if (check_is_reserved(param->name))
			return check_wrong(on, "parameter \"%s\": a claim's `at` has another use for this name",
					   param->name);
		length += names->name[p].length + strlen("=,") + longest_value(param);
	}
	return length <= PARAMS_TEXT_MAX
		       ? 0
		       : check_wrong(on,
				     "the names of the parameters and their longest values have %zu characters, %d are "
				     "the most",
				     length, PARAMS_TEXT_MAX);
}

static const struct sm_param *param_of(const struct sm_scenario *s, const char *name, size_t length)
{
	for (unsigned p = 0; p < plan_params(s); p++)
		if (strlen(s->params[p].name) == length && strncmp(s->params[p].name, name, length) == 0)
			return &s->params[p];
	return NULL;
}

/* Most cases of the profile whose lists begin so far behind `quick`: on any machine, before nodes and PUs, which a scenario
 * does not list. */
static uint64_t cases_of(const struct sm_scenario *s, unsigned profile)
{
	uint64_t cases = 0;

	while (cases < SM_LIST_MAX && s->variants[cases].name)
		cases++;
	for (unsigned p = 0; p < plan_params(s); p++) {
		const struct sm_values *lists[] = { &s->params[p].quick, &s->params[p].standard, &s->params[p].full };
		const struct sm_values *list = lists[0];
		uint64_t count = 0;

		for (unsigned k = 1; k <= profile; k++)
			list = lists[k]->count ? lists[k] : list;
		for (unsigned i = 0; i < list->count; i++)
			count += sm_values_at(list, i).kind == SM_VALUE_DOUBLING ? DOUBLES_MAX : 1;
		if (count && __builtin_mul_overflow(cases, count, &cases))
			return UINT64_MAX;
	}
	return cases;
}

static int check_cases(const struct check_subject *on)
{
	for (unsigned profile = SM_QUICK; profile <= SM_FULL; profile++)
		if (cases_of(on->scenario, profile) > CASES_MAX)
			return check_wrong(on, "the %s profile has more than %u cases: take out values, or a parameter",
					   sm_profile_name(profile), CASES_MAX);
	return 0;
}

/* Checks the parameters whose sum is the number of workers. */
static int check_workers_param(const struct check_subject *on, const struct check_names *params)
{
	const struct sm_scenario *s = on->scenario;
	struct check_names sum = { .one = "parameter" };
	uint64_t most = 0;
	bool some = false;

	check_add_list(&sum, s->workers_param, "+");
	for (unsigned i = 0; i < sum.count; i++) {
		const struct sm_param *param = param_of(s, sum.name[i].text, sum.name[i].length);

		if (!param)
			return check_expect_length(on, params, sum.name[i].text, sum.name[i].length);
		for (unsigned k = 0; k < i; k++)
			if (param == param_of(s, sum.name[k].text, sum.name[k].length))
				return check_wrong(on, "workers_param names \"%s\" twice", param->name);
		if (param->labels || plan_is_every(param))
			return check_wrong(on, "workers_param names \"%s\", whose values are no numbers of workers",
					   param->name);
		some |= param->min > 0;
		most += param->max && param->max <= CHECK_WORKERS_MAX ? param->max : CHECK_WORKERS_MAX + 1;
		if (most > CHECK_WORKERS_MAX)
			return check_wrong(on, "workers_param allows more than %u workers: lower max of \"%s\"",
					   CHECK_WORKERS_MAX, param->name);
	}
	if (!s->workers_param)
		return 0;
	if (!some)
		return check_wrong(on, "workers_param allows 0 workers: set min and max of \"%s\"", s->workers_param);
	if (s->workers > 0)
		return check_wrong(on, "it has workers and workers_param: leave out workers");
	for (const struct sm_variant *v = s->variants; v->name; v++)
		if (v->workers > 0)
			return check_wrong(on, "variant \"%s\" has workers, which workers_param sets", v->name);
	return 0;
}

/* Checks the two parameters that set nodes, and that variants that need them have them. */
static int check_nodes(const struct check_subject *on, const struct check_names *params)
{
	const struct sm_scenario *s = on->scenario;

	if (!s->node_params[0] != !s->node_params[1])
		return check_wrong(on, "node_params has one parameter: name two");
	for (unsigned i = 0; i < 2 && s->node_params[i]; i++) {
		const struct sm_param *param = param_of(s, s->node_params[i], strlen(s->node_params[i]));

		if (!param)
			return check_expect(on, *params, s->node_params[i]);
		if (!param->every_node)
			return check_wrong(on, "node_params names \"%s\", which has no every_node", param->name);
	}
	if (s->node_params[0] && strcmp(s->node_params[0], s->node_params[1]) == 0)
		return check_wrong(on, "node_params names \"%s\" twice", s->node_params[0]);
	if (s->node_params[0] && (s->workers_param || s->workers > 2))
		return check_wrong(on, "node_params sets the nodes of two workers at most: set workers to 1 or 2");
	for (const struct sm_variant *v = s->variants; v->name && !s->node_params[0]; v++)
		if (v->memory.numa == SM_BIND_FIRST || v->memory.numa == SM_BIND_SECOND)
			return check_wrong(on,
					   "variant \"%s\" binds memory to a node of node_params, and there are none",
					   v->name);
	return 0;
}

/* Checks the two parameters that choose the PUs of a tour. */
static int check_pair(const struct check_subject *on, const struct check_names *params)
{
	const struct sm_scenario *s = on->scenario;

	if (!s->pair_params[0] != !s->pair_params[1])
		return check_wrong(on, "pair_params has one parameter: name two");
	for (unsigned i = 0; i < 2 && s->pair_params[i]; i++) {
		const struct sm_param *param = param_of(s, s->pair_params[i], strlen(s->pair_params[i]));

		if (!param)
			return check_expect(on, *params, s->pair_params[i]);
		if (!param->every_pu)
			return check_wrong(on, "pair_params names \"%s\", which has no every_pu", param->name);
	}
	if (!s->pair_params[0] != !s->visit)
		return check_wrong(on, "pair_params and visit() belong together: a tour takes both");
	if (!s->pair_params[0])
		return 0;
	if (s->visit_bytes == 0)
		return check_wrong(on, "visit() has no lines to play on: set visit_bytes");
	if (s->placements[0])
		return check_wrong(on, "the placements of a tour are the relations of its pairs: leave out placements");
	if (strcmp(s->pair_params[0], s->pair_params[1]) == 0)
		return check_wrong(on, "pair_params names \"%s\" twice", s->pair_params[0]);
	if (s->workers_param || s->workers != 2)
		return check_wrong(on, "a pair of pair_params has two workers: set workers to 2");
	for (const struct sm_variant *v = s->variants; v->name; v++)
		if (v->workers > 0 && v->workers != 2)
			return check_wrong(on, "variant \"%s\" has %u workers, and a pair of pair_params has two",
					   v->name, v->workers);
	return 0;
}

int check_params(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;
	struct check_names names = check_params_of(s);
	int rc = check_unique(on, &names);

	for (unsigned p = 0; rc == 0 && p < plan_params(s); p++)
		rc = check_param(on, &s->params[p]);
	if (rc == 0)
		rc = check_param_names(on, &names);
	if (rc == 0)
		rc = check_workers_param(on, &names);
	if (rc == 0)
		rc = check_nodes(on, &names);
	if (rc == 0)
		rc = check_cases(on);
	return rc == 0 ? check_pair(on, &names) : rc;
}
