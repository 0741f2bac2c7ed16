/* Checks the claims of a scenario. */
#include <math.h>
#include <string.h>

#include "check_private.h"
#include "plan_private.h"

/* Most events that a claim about an exact count may tolerate in a trial. */
#define SLACK_MAX 1000

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
	if (rc == 0 && c->machine > SM_ARM64)
		rc = check_wrong(on, "machine %u is no kind of machine: write SM_X86 or SM_ARM64", c->machine);
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
