/* Checks the parameters of a scenario and their values. */
#include <inttypes.h>
#include <string.h>

#include "check_private.h"
#include "plan_private.h"

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

/* Checks that multiples of the PUs come last, and that a doubling is between a value and a multiple. */
static int check_values(const struct check_subject *on, const struct sm_param *param, const struct sm_values *values)
{
	if (values->count > CHECK_VALUES_MAX)
		return check_wrong(on, "parameter \"%s\" has %u values: %d are the most", param->name, values->count,
				   CHECK_VALUES_MAX);
	for (unsigned i = 0; i < values->count; i++) {
		struct sm_swept value = sm_values_at(values, i);
		bool last = i + 1 == values->count, grows = plan_depends_on_pus(value);
		int rc = value.kind == SM_VALUE_PLAIN ? check_number(on, param, value.number) : 0;

		if (rc < 0)
			return rc;
		if (value.kind > SM_VALUE_TIMES_LLC)
			return check_wrong(on,
					   "parameter \"%s\": entry %u of a list has no kind: write SM_VALUE(number)",
					   param->name, i + 1);
		if (grows ? i == 0 : i > 0 && plan_depends_on_pus(sm_values_at(values, i - 1)))
			return check_wrong(on, "parameter \"%s\": multiples of the PUs come after all other values",
					   param->name);
		if (value.kind == SM_VALUE_DOUBLING && (last || sm_values_at(values, i + 1).kind != SM_VALUE_TIMES_PUS))
			return check_wrong(on, "parameter \"%s\": doubling goes on to a multiple of the PUs",
					   param->name);
	}
	return 0;
}

static int check_param(const struct check_subject *on, const struct sm_param *param)
{
	struct check_names labels = { .one = "label", .many = "labels" };
	int rc = check_text(on, "summary of a parameter", param->summary, CHECK_PART);

	if (rc == 0)
		rc = check_wording(on, "unit of a parameter", param->unit);
	for (unsigned i = 0; param->labels && param->labels[i] && i < CHECK_NAMES_MAX; i++)
		check_add_name(&labels, param->labels[i], strlen(param->labels[i]));
	if (rc == 0)
		rc = check_unique(on, &labels);
	if (rc == 0 && param->min > param->max)
		rc = check_wrong(on, "parameter \"%s\": min is larger than max", param->name);
	if (rc == 0 && !param->every_pu && param->quick.count == 0)
		rc = check_wrong(on, "parameter \"%s\" has no values for the quick profile", param->name);
	if (rc == 0)
		rc = check_values(on, param, &param->quick);
	if (rc == 0)
		rc = check_values(on, param, &param->standard);
	return rc == 0 ? check_values(on, param, &param->full) : rc;
}

int check_params(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;
	struct check_names names = check_params_of(s), workers = { .count = 0 };
	int rc = check_unique(on, &names);

	for (unsigned p = 0; rc == 0 && p < plan_params(s); p++)
		rc = check_param(on, &s->params[p]);
	check_add_list(&workers, s->workers_param, "+");
	for (unsigned i = 0; rc == 0 && i < workers.count; i++)
		rc = check_expect_length(on, &names, workers.name[i].text, workers.name[i].length);
	if (rc == 0)
		rc = check_expect(on, names, s->node_param);
	if (rc == 0)
		rc = check_expect(on, names, s->pair_params[0]);
	if (rc == 0)
		rc = check_expect(on, names, s->pair_params[1]);
	if (rc == 0 && !s->pair_params[0] != !s->pair_params[1])
		rc = check_wrong(on, "pair_params has one parameter: name two");
	return rc;
}
