/* Claims about what a system allows: one trial of each variant shows whether a claim holds.  A test includes the source of
 * its scenario, with calls replaced by planted defects, and names the claims that the defect turns over. */
#ifndef SHMETER_TESTS_PLANTED_FIXTURE_H
#define SHMETER_TESTS_PLANTED_FIXTURE_H

#include <stdlib.h>

#include "harness_fixture.h"
#include "shmeter/scenario.h"

/* The process of the test: a plant may be for the workers and their children alone. */
static pid_t test_pid;

static inline const struct sm_claim *claim_of(const struct sm_scenario *scenario, const char *id)
{
	const struct sm_claim *claim = scenario->claims;

	while (claim->id && strcmp(claim->id, id) != 0)
		claim++;
	cr_assert(claim->id, "there is no claim %s", id);
	return claim;
}

/* The case of a claim: its variant, the first value of each parameter, but for one that `at` names by a label. */
static inline struct sm_case case_of(const struct sm_scenario *scenario, const struct sm_claim *claim)
{
	struct sm_case c = { .scenario = scenario, .workers = 1, .placement = SM_PLACE_NEAR };

	while (strcmp(scenario->variants[c.variant].name, claim->left) != 0)
		c.variant++;
	for (unsigned i = 0; i < SM_PARAMS_MAX && scenario->params[i].name; i++) {
		const struct sm_param *param = &scenario->params[i];
		const char *value = claim->at ? strchr(claim->at, '=') + 1 : NULL;

		c.param[i] = param->labels ? 0 : 4;
		while (param->labels && value && strcmp(param->labels[c.param[i]], value) != 0)
			c.param[i]++;
	}
	return c;
}

/* One trial of one operation. */
static inline void try_claim(const struct sm_scenario *scenario, const char *id, struct sm_trial_result *result)
{
	struct sm_trial_context context;
	struct sm_case c = case_of(scenario, claim_of(scenario, id));
	struct sm_trial_request request = {
		.c = &c, .op_count = 1, .slices = 1, .seed = 42, .timeout_ns = 20000000000u
	};
	struct sm_error err = { 0 };
	struct left before;

	test_pid = getpid();
	context_open(&context);
	before = look();
	if (sm_trial_supported(&context, &c, &err) < 0) {
		*result = (struct sm_trial_result){ .status = SM_SKIPPED };
		snprintf(result->reason, sizeof(result->reason), "%s", err.text);
		return;
	}
	cr_assert_eq(sm_trial_run(&context, &request, result, &err), 0, "%s", err.text);
	sm_trial_result_free(result);
	assert_nothing_left(&before);
}

/* Whether what was measured is within the bounds of each claim of `ids`, separated by spaces.  Where this machine does not
 * allow the case it says why. */
static inline void expect_claims(const struct sm_scenario *scenario, const char *ids, bool hold)
{
	char *list = strdup(ids), *rest = NULL;

	for (char *id = strtok_r(list, " ", &rest); id; id = strtok_r(NULL, " ", &rest)) {
		const struct sm_claim *claim = claim_of(scenario, id);
		struct sm_trial_result result;
		unsigned metric = 0;

		try_claim(scenario, id, &result);
		if (result.status == SM_SKIPPED) {
			cr_expect_gt(strlen(result.reason), 20, "%s: no reason", id);
			continue;
		}
		cr_expect_eq(result.status, SM_OK, "%s: %s", id, result.reason);
		while (strcmp(scenario->more[metric].name, claim->metric.name) != 0)
			metric++;
		cr_expect_eq(result.more[metric] >= claim->metric.min && result.more[metric] <= claim->metric.max, hold,
			     "%s: %s is %g", id, claim->metric.name, result.more[metric]);
	}
	free(list);
}

/* As it is, without a plant: all claims of the scenario but `fallen` hold, and those do not. */
static inline void expect_verdicts(const struct sm_scenario *scenario, const char *fallen)
{
	for (const struct sm_claim *claim = scenario->claims; claim->id; claim++) {
		size_t length = strlen(claim->id);
		bool falls = false;

		for (const char *at = fallen; !falls && (at = strstr(at, claim->id)); at++)
			falls = at[length] == ' ' || at[length] == '\0';
		expect_claims(scenario, claim->id, !falls);
	}
}

/* The trial ends with this status, and these words in its reason. */
static inline void expect_reason(const struct sm_scenario *scenario, const char *id, enum sm_status status,
				 const char *words)
{
	struct sm_trial_result result;

	try_claim(scenario, id, &result);
	cr_expect_eq(result.status, status, "%s: %d: %s", id, result.status, result.reason);
	cr_expect(strstr(result.reason, words), "%s: \"%s\" is not in \"%s\"", id, words, result.reason);
}

#endif
