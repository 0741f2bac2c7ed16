/* Scenarios, plans and options on machines whose base pages have 16 or 64 KiB: faked, with the lists of such kernels. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "../fake_root.h"
#include "registry.h"
#include "shmeter/plan.h"
#include "shmeter/scenario_check.h"

#define HUGE "/sys/kernel/mm/hugepages/hugepages-"

static struct sm_os os;

/* What arm64 kernels offer: linux/arch/arm64/mm/hugetlbpage.c. */
static void machine_of(uint64_t page_bytes)
{
	os = sm_os_linux;
	root_make();
	os.root = root;
	os.page_bytes = page_bytes;
	put("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", page_bytes == 16384 ? "33554432" : "536870912");
	put(HUGE "2048kB/nr_hugepages", "0");
	put(page_bytes == 16384 ? HUGE "32768kB/nr_hugepages" : HUGE "524288kB/nr_hugepages", "0");
}

static const struct sm_scenario *find(const struct sm_scenario *const *among, const char *name)
{
	for (size_t i = 0; i < sm_scenario_count; i++)
		if (strcmp(among[i]->name, name) == 0)
			return among[i];
	cr_assert_fail("no scenario %s", name);
	return NULL;
}

static const struct sm_variant *variant(const struct sm_scenario *s, const char *name)
{
	for (const struct sm_variant *v = s->variants; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static const struct sm_claim *claim(const struct sm_scenario *s, const char *id)
{
	for (const struct sm_claim *c = s->claims; c->id; c++)
		if (strcmp(c->id, id) == 0)
			return c;
	cr_assert_fail("no claim %s", id);
	return NULL;
}

static void expect_text(const char *text, const char *part)
{
	cr_expect(strstr(text, part), "\"%s\" in: %s", part, text);
}

Test(base_pages, a_machine_of_16_kib_has_them_everywhere)
{
	const struct sm_scenario *touch;
	struct sm_error err = { 0 };

	machine_of(16384);
	sm_scenarios_ask_kernel(&os);
	cr_expect_eq(sm_scenario_check(sm_scenarios, sm_scenario_files, sm_scenario_count, &err), 0, "%s", err.text);
	touch = find(sm_scenarios, "first_touch");
	cr_expect_null(variant(touch, "4k"));
	cr_assert(variant(touch, "16k"));
	cr_expect_eq(variant(touch, "16k")->memory.pages.bytes, 16384);
	cr_expect_eq(variant(touch, "thp")->memory.pages.bytes, 32u << 20);
	expect_text(variant(touch, "thp")->summary, "32 MiB");
	cr_expect(variant(touch, "32m") && variant(touch, "32m")->extra);
	cr_expect_str_eq(touch->metric.name, "time per 16 KiB of fresh memory");
	cr_expect_str_eq(claim(touch, "P1")->left, "16k");
	cr_expect_eq(claim(touch, "P1")->count.per_op, 1);
	expect_text(claim(touch, "P1")->text, "per 16 KiB page");
	cr_expect_eq(claim(touch, "P2")->count.per_op, 1.0 / 128);
	cr_expect_str_eq(touch->expected[0].variant, "16k");
	cr_expect_eq(touch->expected[1].per_op, 1.0 / 128);
	cr_expect_str_eq(claim(find(sm_scenarios, "page_size_random"), "P7")->left, "16k");
	cr_expect_str_eq(claim(find(sm_scenarios, "fork_inherit"), "M7")->left, "shared_16k");
	cr_expect_eq(claim(find(sm_scenarios, "attach_existing"), "M2.faults")->metric.min, 1.0 / 4);
	cr_expect_eq(touch->params[0].min, 16384);
	root_remove();
}

/* No name or text is left that calls a page of this machine one of 4 KiB; "64 KiB" and "4096 bytes" are no pages. */
Test(base_pages, no_text_says_4_kib_on_another_machine)
{
	const struct sm_scenario *const *here = sm_scenarios_for(16384);

	for (size_t i = 0; i < sm_scenario_count; i++) {
		const struct sm_scenario *s = here[i];
		const char *texts[] = { s->question, s->summary, s->why, s->metric.name };

		for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
			cr_expect(!strstr(texts[t], " 4 KiB") && strncmp(texts[t], "4 KiB", 5) != 0, "%s: %s", s->name,
				  texts[t]);
		for (const struct sm_claim *c = s->claims; c && c->id; c++)
			cr_expect(!strstr(c->text, " 4 KiB"), "%s: %s", c->id, c->text);
		for (const struct sm_variant *v = s->variants; v->name; v++)
			cr_expect(!strstr(v->name, "4k") || strstr(v->name, "64k"), "%s/%s", s->name, v->name);
	}
	cr_expect_str_eq(find(here, "page_size_stream")->metric.name, "time per 4096 bytes");
}

Test(base_pages, runs_of_other_machines_are_judged_by_their_pages)
{
	cr_expect_eq(find(sm_scenarios_for(4096), "first_touch"), find(sm_scenarios, "first_touch"));
	cr_expect_eq(find(sm_scenarios_for(16384), "first_touch"), find(sm_scenarios_for(16384), "first_touch"));
	cr_expect_eq(claim(find(sm_scenarios_for(65536), "first_touch"), "P2")->count.per_op, 1.0 / 32);
	cr_expect_str_eq(claim(find(sm_scenarios_for(65536), "first_touch"), "P3")->left, "64k");
	cr_expect_eq(claim(find(sm_scenarios_for(65536), "attach_existing"), "M2.faults")->metric.min, 1);
	/* what does not depend on pages is not copied */
	cr_expect_eq(find(sm_scenarios_for(65536), "false_sharing"), find(sm_scenarios, "false_sharing"));
}

static void expect_planned(const char *pattern, const char *id)
{
	struct sm_plan_options options = { .patterns = &pattern, .pattern_count = 1 };
	struct sm_error err = { 0 };
	bool found = false;
	struct sm_plan plan;

	cr_assert_eq(sm_plan_expand(&plan, &options, sm_scenarios, sm_scenario_count, &err), 0, "%s", err.text);
	for (size_t i = 0; i < plan.case_count; i++)
		found |= strstr(plan.cases[i].id, id) != NULL;
	cr_expect(found, "%s plans no %s", pattern, id);
	sm_plan_free(&plan);
}

Test(base_pages, patterns_name_them_on_every_machine)
{
	static const char *const gone[] = { "first_touch/4k" };
	struct sm_plan_options options = { .patterns = gone, .pattern_count = 1 };
	struct sm_error err = { 0 };

	expect_planned("first_touch/base", "first_touch/4k?bytes=67108864@near+anon,4k,lazy,first-touch");
	machine_of(16384);
	sm_scenarios_ask_kernel(&os);
	expect_planned("first_touch/base", "first_touch/16k?bytes=67108864@near+anon,16k,lazy,first-touch");
	expect_planned("first_touch/16k", "first_touch/16k?");
	cr_expect_eq(sm_plan_check_patterns(&options, sm_scenarios, sm_scenario_count, &err), -EINVAL);
	root_remove();
}

Test(base_pages, sizes_that_the_machine_does_not_have_are_refused_with_those_it_has)
{
	struct sm_error err = { 0 };
	struct sm_pages pages;

	machine_of(16384);
	cr_expect_eq(sm_pages_parse(&os, "4k", &pages, &err), -EINVAL);
	cr_expect_str_eq(err.text, "--pages \"4k\" is no page size of this machine: choose among 16k, thp, 2m, 32m");
	cr_expect_eq(sm_pages_parse(&os, "16k", &pages, &err), 0, "%s", err.text);
	cr_expect(pages.kind == SM_PAGES_BASE && pages.bytes == 16384);
	cr_expect_eq(sm_pages_parse(&os, "base", &pages, &err), 0, "%s", err.text);
	cr_expect(pages.kind == SM_PAGES_BASE && pages.bytes == 16384);
	cr_expect_eq(sm_pages_parse(&os, "thp", &pages, &err), 0, "%s", err.text);
	cr_expect_eq(pages.bytes, 32u << 20);
	root_remove();
	machine_of(65536);
	cr_expect_eq(sm_pages_parse(&os, "16k", &pages, &err), -EINVAL);
	cr_expect_eq(sm_pages_parse(&os, "64k", &pages, &err), 0, "%s", err.text);
	cr_expect_eq(sm_pages_parse(&os, "512m", &pages, &err), 0, "%s", err.text);
	root_remove();
}
