/* The lock's page is none of those that are filled, whatever size was asked for. */
#include <criterion/criterion.h>

#define sm_scenario_fault_under_lock fault_under_lock
#include "sync/fault_under_lock.c"

static void expect_own_page(size_t asked, size_t page)
{
	struct sm_case c = {
		.scenario = &fault_under_lock,
		.workers = 2,
		.param = { 4u << 20 },
		.memory.pages.bytes = asked,
	};
	char *region = aligned_alloc(2u << 20, 8u << 20), *first = page_at(&c, region, 0);
	char *last = page_at(&c, region, pages(&c) * c.workers - 1);

	cr_expect_eq((size_t)(first - region) % page, 0, "filled from byte %td on, in pages of %zu", first - region,
		     page);
	cr_expect_geq((size_t)(first - region), sizeof(struct shared));
	cr_expect_leq((size_t)(last - region) + page_bytes(), region_bytes(&c));
	free(region);
}

Test(fault_under_lock, the_lock_has_a_page_of_its_own)
{
	expect_own_page(0, page_bytes());
	expect_own_page(page_bytes(), page_bytes());
	expect_own_page(2u << 20, 2u << 20);
}
