/* Checks scenarios for consistency: each name that is used must exist. */
#include "shmeter/scenario_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"
#include "shmeter/counters.h"
#include "shmeter/plan.h"

#define WARM_NS_MOST 1000000000u

static int check_variants(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;
	struct check_names names = check_variants_of(s);
	int rc = names.count ? check_unique(on, &names) : check_wrong(on, "it has no variant");

	bool all_extra = true;

	for (const struct sm_variant *v = s->variants; rc == 0 && v->name; v++) {
		all_extra &= v->extra;
		rc = check_text(on, "summary of a variant", v->summary, CHECK_PART);
		if (rc == 0 && !s->workers_param && s->workers + v->workers == 0)
			rc = check_wrong(on, "variant \"%s\" has no workers: set workers, or workers_param", v->name);
	}
	if (rc == 0 && all_extra)
		rc = check_wrong(on, "all variants are extra: the quick profile would have none");
	for (unsigned k = 0; rc == 0 && s->corners && k < 2; k++) {
		rc = check_wording(on, "name of a row of the corners", s->corners->row[k]);
		if (rc == 0)
			rc = check_wording(on, "name of a column of the corners", s->corners->column[k]);
	}
	for (unsigned k = 0; rc == 0 && s->corners && k < 4; k++)
		rc = check_require(on, names, "variant of a corner", s->corners->variant[k / 2][k % 2]);
	return rc;
}

static int check_placements(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;

	for (unsigned i = 0; i < SM_PLACEMENTS_MAX && s->placements[i]; i++) {
		const char *name = sm_placement_name(s->placements[i]);

		if (sm_placement_parse(name) != s->placements[i])
			return check_wrong(on, "placement %u is \"%s\", which no scenario can ask for", i + 1, name);
		for (unsigned k = 0; k < i; k++)
			if (s->placements[k] == s->placements[i])
				return check_wrong(on, "placement \"%s\" is there twice", name);
	}
	return 0;
}

/* Checks the further metrics. */
static int check_more(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < SM_MORE_MAX && s->more[i].name; i++) {
		rc = check_wording(on, "name of a further metric", s->more[i].name);
		if (rc == 0)
			rc = check_wording(on, "unit of a further metric", s->more[i].unit);
		if (rc == 0 && strcmp(s->more[i].name, s->metric.name) == 0)
			rc = check_wrong(on, "a further metric has the name of the metric, \"%s\"", s->metric.name);
		for (unsigned k = 0; rc == 0 && k < i; k++)
			if (strcmp(s->more[k].name, s->more[i].name) == 0)
				rc = check_wrong(on, "metric \"%s\" is there twice", s->more[i].name);
	}
	if (rc == 0 && !s->measure != !s->more[0].name)
		rc = check_wrong(on, "%s",
				 s->measure ? "measure() has no further metric to tell: fill `more`"
					    : "it has further metrics and no measure()");
	return rc == 0 ? check_expect(on, check_metrics_of(s), s->achieved) : rc;
}

static int check_events(const struct check_subject *on)
{
	struct check_names own = { .count = 0 };
	char name[SM_EVENT_TEXT_MAX];

	check_add_list(&own, on->scenario->events, ",");
	for (unsigned i = 0; i < own.count; i++) {
		if (own.name[i].length == 0 || own.name[i].length >= SM_EVENT_TEXT_MAX)
			return check_wrong(on, "entry %u of events is %s", i + 1,
					   own.name[i].length ? "too long" : "empty: put one comma between two names");
		snprintf(name, sizeof(name), "%.*s", (int)own.name[i].length, own.name[i].text);
		if (!sm_event_known(name))
			return check_wrong(
				on,
				"events: \"%s\" is neither shmeter's nor a generic event of libpfm4: write one "
				"of a CPU with its PMU, as in skx::NAME",
				name);
	}
	return 0;
}

static int check_measures(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;
	int rc = check_wording(on, "name of the metric", s->metric.name);

	if (rc == 0 && (!s->metric.unit || strcmp(s->metric.unit, "ns/op") != 0))
		rc = check_wrong(on, "the unit of the metric is not ns/op");
	if (rc == 0 && !check_is_amount(s->transfers_per_op))
		rc = check_wrong(on, "transfers_per_op is not a finite number of 0 or more");
	if (rc == 0)
		rc = check_more(on);
	if (rc == 0)
		rc = check_events(on);
	for (unsigned i = 0; rc == 0 && i < SM_EXPECTED_MAX && s->expected[i].event; i++) {
		rc = check_expect(on, check_variants_of(s), s->expected[i].variant);
		if (rc == 0)
			rc = check_expect(on, check_events_of(s), s->expected[i].event);
		if (rc == 0 && !check_is_amount(s->expected[i].per_op))
			rc = check_wrong(on, "per_op of %s is not a finite number of 0 or more", s->expected[i].event);
	}
	return rc;
}

static int check_functions(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;

	if (!s->run)
		return check_wrong(on, "run() is missing");
	if (!s->verify)
		return check_wrong(on, "verify() is missing: nothing would prove that the work was done");
	if (s->subject == SM_COLD && !s->fixed_ops)
		return check_wrong(on, "fixed_ops() is missing: a cold subject has a fixed number of operations");
	if (s->subject == SM_COLD && s->warm_ns)
		return check_wrong(on, "warm_ns is set: a cold subject has no warm-up");
	if (s->subject != SM_COLD && s->slices && (s->slices < SM_SLICES_LEAST || s->slices > SM_SLICES_MAX))
		return check_wrong(on, "slices: %u a trial are not within %d to %d", s->slices, SM_SLICES_LEAST,
				   SM_SLICES_MAX);
	if (s->warm_ns > WARM_NS_MOST)
		return check_wrong(on, "warm_ns: %lu ns is more than a second for each trial", s->warm_ns);
	if (s->subject == SM_KEPT && !s->region_bytes)
		return check_wrong(on, "region_bytes() is missing: there is no region to keep");
	return 0;
}

static int check_texts(const struct check_subject *on)
{
	const struct sm_scenario *s = on->scenario;
	int rc = check_text(on, "question", s->question, CHECK_QUESTION);

	if (rc == 0)
		rc = check_text(on, "summary", s->summary, CHECK_SENTENCE);
	return rc == 0 ? check_text(on, "why", s->why, CHECK_SENTENCE) : rc;
}

/* Checks that names are unique.  Those of claims are unique over all scenarios, because a gate names only the claim. */
static int check_beside(const struct check_subject *on, const struct sm_scenario *const *others, size_t count)
{
	struct check_names names = check_claims_of(on->scenario);

	for (size_t i = 0; i < count; i++) {
		if (strcmp(others[i]->name, on->scenario->name) == 0)
			return check_wrong(on, "two scenarios have this name, one of family %s, one of family %s",
					   others[i]->family, on->scenario->family);
		for (const struct sm_claim *c = others[i]->claims; c && c->id; c++)
			if (check_has(&names, c->id, strlen(c->id)))
				return check_wrong(on, "claim %s is one of scenario %s, too", c->id, others[i]->name);
	}
	return 0;
}

/* Checks that the scenario can be named, in the sentences of all other checks, too. */
static int check_identity(const struct check_subject *on, size_t number, size_t count, const char *file)
{
	const struct sm_scenario *s = on->scenario;
	char written[128];

	if (!s->name)
		return sm_fail(on->err, EBADMSG, "internal error: scenario %zu of %zu (file %s) has no name", number,
			       count, file ? file : "unknown");
	if (!check_is_name(s->name))
		return check_wrong(on, "the name (of file %s) is invalid: use letters, digits and _ - . +, %d at most",
				   file ? file : "unknown", CHECK_NAME_MAX);
	if (!s->family)
		return check_wrong(on, "the family is missing");
	if (!check_is_name(s->family))
		return check_wrong(on, "family \"%s\" is invalid: use letters, digits and _ - . +, %d at most",
				   s->family, CHECK_NAME_MAX);
	snprintf(written, sizeof(written), "%s/%s", s->family, s->name);
	return file && strcmp(written, file) != 0
		       ? check_wrong(on, "its file is %s.c, but family and name make it %s.c: change one", file,
				     written)
		       : 0;
}

int sm_scenario_check(const struct sm_scenario *const *scenarios, const char *const *files, size_t count,
		      struct sm_error *err)
{
	static int (*const checks[])(
		const struct check_subject *) = { check_texts,    check_variants,  check_params, check_placements,
						  check_measures, check_functions, check_claims };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		struct check_subject on = { .scenario = scenarios[i], .err = err };

		rc = check_identity(&on, i + 1, count, files ? files[i] : NULL);
		for (size_t c = 0; rc == 0 && c < sizeof(checks) / sizeof(checks[0]); c++)
			rc = checks[c](&on);
		if (rc == 0)
			rc = check_beside(&on, scenarios, i);
	}
	return rc;
}
