/* How the scenarios of a plug-in are carried out of its process: whole, and with no pointer that leads elsewhere. */
#include <sys/mman.h>

#include "../../harness/plan/carry.h"
#include "registry.h"
#include "scenario_fixture.h"
#include "shmeter/plan.h"
#include "shmeter/stats.h"

#define ROOM (1u << 20)

static _Alignas(16) char told[ROOM], heard[ROOM];
static char *snapshot;

/* Places the snapshot of so many bytes right before a page that cannot be read. */
static void place_snapshot(size_t used)
{
	static char *base;

	if (!base) {
		base = mmap(NULL, 2 * ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		cr_assert_neq(base, MAP_FAILED);
		cr_assert_eq(mprotect(base + ROOM, ROOM, PROT_NONE), 0);
	}
	snapshot = base + ROOM - used;
	memcpy(snapshot, told, used);
}

/* In the child. */
static struct sm_scenario *tell(const struct sm_scenario *scenario, size_t *used, struct sm_error *err)
{
	struct carry carry = { .to = told, .room = ROOM, .err = err };
	struct sm_scenario *out;

	memset(told, 0, sizeof(told));
	out = carry_scenario(&carry, scenario);
	*used = carry.used;
	return out;
}

/* In the parent. */
static struct sm_scenario *hear(const struct sm_scenario *from, size_t used, struct sm_error *err)
{
	struct carry carry = { .to = heard, .room = ROOM, .from = snapshot, .base = told, .bytes = used, .err = err };

	return carry_scenario(&carry, from);
}

static struct sm_scenario own(const struct sm_scenario *scenario)
{
	struct sm_scenario s = *scenario;

	s.plugs = NULL; /* which no scenario of a plug-in may have */
	return s;
}

Test(carry, all_of_shmeters_scenarios_arrive_as_they_were)
{
	for (size_t i = 0; i < sm_scenario_count; i++) {
		struct sm_scenario s = own(sm_scenarios[i]);
		const struct sm_scenario *mine[256], *got;
		struct sm_error err = { 0 };
		size_t used;

		got = tell(&s, &used, &err);
		cr_assert_not_null(got, "%s", err.text);
		place_snapshot(used);
		memset(told, 0xff, sizeof(told)); /* nothing is read from there any more */
		got = hear(got, used, &err);
		cr_assert_not_null(got, "%s", err.text);
		memset(snapshot, 0xff, used);
		memcpy(mine, sm_scenarios, sm_scenario_count * sizeof(*mine));
		mine[i] = got;
		cr_expect_eq(sm_scenario_check(mine, sm_scenario_files, sm_scenario_count, &err), 0, "%s", err.text);
		cr_expect_str_eq(got->why, s.why);
		for (size_t v = 0; s.variants[v].name; v++)
			cr_expect_str_eq(got->variants[v].summary, s.variants[v].summary);
		for (size_t c = 0; s.claims && s.claims[c].id; c++)
			cr_expect_str_eq(got->claims[c].text, s.claims[c].text);
		for (unsigned p = 0; p < SM_PARAMS_MAX && s.params[p].name; p++)
			for (unsigned k = 0; k < s.params[p].full.count; k++)
				cr_expect_eq(sm_values_at(&got->params[p].full, k).number,
					     sm_values_at(&s.params[p].full, k).number);
	}
}

static bool inside(const void *pointer, size_t bytes)
{
	const char *at = pointer;

	return !pointer || (at >= heard && at + bytes <= heard + ROOM);
}

/* Whether every text lies in the copy, and ends there. */
static bool is_whole(const struct sm_scenario *s)
{
	bool good = inside(s->name, 1) && inside(s->question, 1) && inside(s->why, 1) && inside(s->metric.name, 1) &&
		    inside(s->claims, sizeof(*s->claims)) && inside(s->variants, sizeof(*s->variants));

	for (const struct sm_variant *v = s->variants; good && v->name; v++)
		good = inside(v, sizeof(*v)) && inside(v->name, 1) && inside(v->summary, 1);
	for (const struct sm_claim *c = s->claims; good && c && c->id; c++)
		good = inside(c, sizeof(*c)) && inside(c->id, 1) && inside(c->text, 1) && inside(c->at, 1) &&
		       inside(c->control, 1) && inside(c->left, 1);
	for (unsigned p = 0; good && p < SM_PARAMS_MAX && s->params[p].name; p++)
		good = inside(s->params[p].labels, 8) && inside(s->params[p].quick.plain, 8) &&
		       inside(s->params[p].full.entry, 8) && s->params[p].full.count <= 64;
	return good;
}

Test(carry, what_a_plugin_wrote_there_leads_nowhere_else)
{
	struct sm_random random;
	struct made_up m;
	struct sm_error err = { 0 };
	struct sm_scenario *from;
	unsigned refused = 0;
	size_t used;

	sm_random_seed(&random, 7);
	make(&m);
	from = tell(&m.scenario, &used, &err);
	cr_assert_not_null(from, "%s", err.text);
	cr_assert_lt(used, ROOM - 8);
	/* each word in turn: NULL, all ones, just behind the end, anywhere in it, and a wild address */
	for (size_t at = 0; at + 8 <= used; at += 8)
		for (unsigned kind = 0; kind < 5; kind++) {
			const uintptr_t end = (uintptr_t)told + used;
			const uintptr_t word[] = { 0, UINTPTR_MAX, end,
						   (uintptr_t)told + sm_random_below(&random, used), 0x1000 };
			struct sm_scenario *got;

			place_snapshot(used);
			memcpy(snapshot + at, &word[kind], 8);
			err.code = 0;
			got = hear(from, used, &err);
			cr_assert(got || err.code == EBADMSG, "word %zu: refused without a sentence", at / 8);
			cr_assert(!got || is_whole(got), "word %zu: a pointer leads out of the copy", at / 8);
			refused += !got;
		}
	cr_expect_gt(refused, 200, "only %u were refused", refused);
	place_snapshot(used); /* a text without an end */
	memset(snapshot + used - 4, 'x', 4);
	cr_expect_null(hear(from, used, &err));
	place_snapshot(used);
	cr_expect_null(hear((const struct sm_scenario *)(const void *)(told + used - 8), used, &err));
	cr_expect_null(hear(NULL, used, &err));
}

/* What the harness itself divides by, looks up, or walks over. */
Test(carry, memory_without_a_size_or_a_node_is_refused_and_the_rest_of_a_list_forgotten)
{
	struct made_up m;
	struct sm_scenario *got;
	struct sm_error err = { 0 };
	size_t used;

	make(&m);
	m.scenario.memory.pages.kind = SM_PAGES_HUGETLB;
	m.scenario.memory.pages.bytes = 0;
	cr_expect_null(tell(&m.scenario, &used, &err));
	cr_expect(strstr(err.text, "page size"), "%s", err.text);
	m.scenario.memory.pages.bytes = 3 * 4096;
	cr_expect_null(tell(&m.scenario, &used, &err));
	make(&m);
	m.scenario.memory.numa = SM_BIND_FIRST;
	cr_expect_null(tell(&m.scenario, &used, &err));
	cr_expect(strstr(err.text, "node_params"), "%s", err.text);
	make(&m);
	m.scenario.more[0].name = NULL;
	m.scenario.more[1].name = (const char *)16;
	m.scenario.expected[0].event = NULL;
	m.scenario.expected[1].event = (const char *)16;
	got = tell(&m.scenario, &used, &err);
	cr_assert_not_null(got, "%s", err.text);
	cr_expect_null(got->more[1].name);
	cr_expect_null(got->expected[1].event);
}
