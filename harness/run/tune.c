/* Huge pages for the run: reserved when asked, put back by the guard. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session.h"
#include "shmeter/guard.h"
#include "shmeter/text.h"

#define SIZES_MAX 8
#define THP       "/sys/kernel/mm/transparent_hugepage"

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

/* Raises one pool so that `pages` are free.  A pool that cannot grow that far is not an error here: the
 * cases that need it say so themselves. */
static int reserve(const struct session *session, const struct need *need, struct sm_error *err)
{
	char folder[96], path[160], text[32];
	uint64_t total, unused;

	snprintf(folder, sizeof(folder), "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB",
		 need->page_bytes / 1024);
	if (sm_os_read(session->context.os, text, sizeof(text), "%s/nr_hugepages", folder) < 0)
		return 0; /* the CPU has no such page size */
	total = strtoull(text, NULL, 10);
	if (sm_os_read(session->context.os, text, sizeof(text), "%s/free_hugepages", folder) < 0)
		return 0;
	unused = strtoull(text, NULL, 10);
	if (unused >= need->pages)
		return 0;
	snprintf(path, sizeof(path), "%s/nr_hugepages", folder);
	snprintf(text, sizeof(text), "%" PRIu64, total - unused + need->pages);
	return sm_guard_setting(path, text, err);
}

/* Transparent huge pages of shared memory at the fault, where the setting only allows them later or never. */
static int allow_thp(const struct session *session, struct sm_pages pages, struct sm_error *err)
{
	char path[128], text[128];

	if (pages.kind == SM_PAGES_MULTI)
		snprintf(path, sizeof(path), THP "/hugepages-%" PRIu64 "kB/shmem_enabled",
			 pages.bytes / 1024);
	else
		snprintf(path, sizeof(path), THP "/shmem_enabled");
	if (sm_os_read(session->context.os, text, sizeof(text), "%s", path) < 0 ||
	    !strstr(text, "[never]"))
		return 0;
	return sm_guard_setting(path, "advise", err);
}

int session_tune(struct session *session, struct sm_error *err)
{
	struct need needs[SIZES_MAX] = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < session->plan.case_count; i++) {
		const struct sm_case *c = &session->plan.cases[i].c;

		add_need(needs, c);
		if ((c->memory.pages.kind == SM_PAGES_THP || c->memory.pages.kind == SM_PAGES_MULTI) &&
		    sm_case_has_region(c))
			rc = allow_thp(session, c->memory.pages, err);
	}
	for (unsigned i = 0; rc == 0 && i < SIZES_MAX && needs[i].page_bytes; i++)
		rc = reserve(session, &needs[i], err);
	return rc;
}
