/* Reserves huge pages for the run where the user asks for it; the guard restores the pools. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "shmeter/cgroup.h"
#include "shmeter/guard.h"
#include "shmeter/tuning.h"

#define SIZES_MAX 8

struct need {
	uint64_t page_bytes, pages;
};

static void add_need(struct need *needs, const struct sm_case *c)
{
	uint64_t page = c->memory.pages.bytes;

	if (c->memory.pages.kind != SM_PAGES_HUGETLB || !sm_case_has_region(c) || page == 0)
		return;
	for (unsigned i = 0; i < SIZES_MAX; i++) {
		uint64_t pages = (c->scenario->region_bytes(c) + page - 1) / page;

		if (needs[i].page_bytes != 0 && needs[i].page_bytes != page)
			continue;
		needs[i].page_bytes = page;
		needs[i].pages = pages > needs[i].pages ? pages : needs[i].pages;
		return;
	}
}

static int larger_first(const void *a, const void *b)
{
	uint64_t x = ((const struct need *)a)->page_bytes, y = ((const struct need *)b)->page_bytes;

	return (x < y) - (x > y);
}

/* Holds a setting also where nothing must change, so that another run that ends does not restore it. */
static int hold(const struct sm_tuning *change, struct sm_error *err)
{
	const struct sm_wish wish = { .path = change->path,
				      .value = change->pages > 0 ? NULL : change->wanted,
				      .pages = change->pages };

	return sm_guard_setting(&wish, err);
}

/* Reserves the pools, the largest pages first: they need the largest contiguous free memory.  Where all pools together
 * would take more than half of the available memory, pages under 1 GiB are taken from the system only while a region
 * uses them, because pages of other sizes and base pages need memory too.  A pool that cannot grow enough is not an
 * error here: the cases that need it report it. */
static int reserve(const struct session *session, struct need needs[SIZES_MAX], struct sm_error *err)
{
	const struct sm_os *os = session->context.os;
	struct sm_tuning change;
	uint64_t all = 0;
	int rc = 0;

	qsort(needs, SIZES_MAX, sizeof(*needs), larger_first);
	for (unsigned i = 0; i < SIZES_MAX; i++)
		all += needs[i].page_bytes * needs[i].pages;
	for (unsigned i = 0; rc == 0 && i < SIZES_MAX && needs[i].page_bytes; i++) {
		bool over = all > sm_memory_available(os) / 2 && needs[i].page_bytes < 1u << 30;

		if (sm_tuning_pool(os, needs[i].page_bytes, needs[i].pages, over, &change))
			rc = hold(&change, err);
	}
	return rc;
}

int session_tune(struct session *session, struct sm_error *err)
{
	struct need needs[SIZES_MAX] = { 0 };
	struct sm_tuning change;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < session->plan.case_count; i++) {
		const struct sm_case *c = &session->plan.cases[i].c;

		add_need(needs, c);
		if ((c->memory.pages.kind == SM_PAGES_THP || c->memory.pages.kind == SM_PAGES_MULTI) &&
		    sm_case_has_region(c))
			rc = sm_tuning_thp(session->context.os, c->memory.pages, &change) ? hold(&change, err) : 0;
	}
	return rc == 0 ? reserve(session, needs, err) : rc;
}
