/* What the registered scenarios claim: never more than their condition lets them. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "registry.h"
#include "shmeter/plan.h"

/* A claim of the scenario that the same thing is seen somewhere; NULL: none, or none on a machine where this one is judged,
 * for it needs that something is off. */
static const struct sm_claim *seen_beside(const struct sm_scenario *s, const struct sm_claim *claim)
{
	if (claim->needs && strstr(claim->needs, ", no "))
		return NULL;
	for (const struct sm_claim *c = s->claims; c->id; c++)
		if (c->kind == SM_CLAIM_METRIC && strcmp(c->metric.name, claim->metric.name) == 0 &&
		    c->metric.min > 0 && !c->machine)
			return c;
	return NULL;
}

/* That something was not seen says little where it could not be. */
Test(claims, what_never_happens_is_seen_to_happen_elsewhere)
{
	unsigned controlled = 0;

	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			if (c->kind != SM_CLAIM_METRIC || c->metric.min != 0 || c->metric.max != 0 ||
			    !seen_beside(sm_scenarios[i], c))
				continue;
			controlled++;
			cr_expect(c->control, "%s has no control, such as %s", c->id,
				  seen_beside(sm_scenarios[i], c)->id);
		}
	cr_expect_gt(controlled, 10);
}

static bool has_word_of(const char *text, const char *const *words)
{
	for (; *words; words++) {
		const char *at = strstr(text, *words);

		if (at && (at == text || !isalnum((unsigned char)at[-1])))
			return true;
	}
	return false;
}

/* A sentence about a kind of machine is not refuted on another. */
Test(claims, claims_about_a_kind_of_machine_are_judged_there)
{
	static const char *const x86[] = { "x86", "Intel", "AMD", NULL };
	static const char *const arm[] = { "Arm", "arm64", "aarch64", NULL };

	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++) {
			bool of_x86 = has_word_of(c->text, x86), of_arm = has_word_of(c->text, arm);

			cr_expect(!of_x86 || c->machine == SM_X86, "%s: %s", c->id, c->text);
			cr_expect(!of_arm || c->machine == SM_ARM64, "%s: %s", c->id, c->text);
		}
}

static const struct sm_claim *find_claim(const char *id)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		for (const struct sm_claim *c = sm_scenarios[i]->claims; c && c->id; c++)
			if (strcmp(c->id, id) == 0)
				return c;
	cr_assert_fail("no claim %s", id);
	return NULL;
}

/* Whether a claim is made at these parameters, wherever the workers sit. */
static bool is_made_at(const struct sm_claim *claim, const char *params, unsigned pus)
{
	const char *at = claim->at;

	for (size_t length; *at; at += length, at += strspn(at, " ")) {
		length = strcspn(at, " ");
		if (strncmp(at, "placement=", 10) != 0 && strncmp(at, "cores=", 6) != 0 &&
		    !sm_at_holds(params, at, length, pus))
			return false;
	}
	return true;
}

/* A point at which a sentence's condition is not met would refute it. */
Test(claims, claims_are_made_where_their_condition_is_met)
{
	static const struct {
		const char *id, *params;
		unsigned pus;
		bool made;
	} known[] = {
		{ "S2", "processes=8 inside=0 outside=0", 2, true },
		{ "S2", "processes=8 inside=0 outside=0", 8, false },
		{ "S2", "processes=32 inside=0 outside=0", 8, true },
		{ "S2.tas", "processes=8 inside=1000 outside=0", 2, false },
		{ "C6a", "processes=1", 2, false },
		{ "C6d", "processes=1", 2, false },
		{ "C6d", "processes=2", 2, true },
		{ "C1", "op=atomic_add processes=8 work=0", 16, true },
		{ "C1", "op=atomic_add processes=16 work=0", 16, false },
		{ "C1", "op=atomic_add processes=4 work=0", 2, false },
		/* back to back is another question than with work between */
		{ "C1b", "op=load_store processes=2 work=0", 2, false },
		{ "C1b", "op=load_store processes=2 work=20", 2, true },
		{ "C1b.0", "op=load_store processes=2 work=0", 2, true },
		{ "C1b.1000", "op=load_store processes=2 work=1000", 2, true },
		{ "S4", "producers=2 consumers=1", 4, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 2, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 4, true },
		{ "S4.contended", "producers=1 consumers=1 workers=2", 4, false },
		{ "S4.contended", "producers=2 consumers=1 workers=3", 3, true },
		{ "S5", "producers=1 consumers=2", 4, false },
		{ "S6", "writes=0 readers=2", 2, true },
		/* threads of one core slow each other down */
		{ "S6", "writes=0 readers=4", 8, false },
		{ "S6.rwlock", "writes=0 readers=4", 2, false },
		{ "S6.rwlock", "writes=10 readers=4", 4, false },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		cr_expect_eq(is_made_at(find_claim(known[i].id), known[i].params, known[i].pus), known[i].made,
			     "%s at %s with %u PUs", known[i].id, known[i].params, known[i].pus);
}
