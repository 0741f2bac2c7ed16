/* Adds the page sizes that the kernel offers to the variants. */
#include "pages.h"

#include <stdio.h>
#include <string.h>

#include "shmeter/text.h"

#define THP_WRITTEN (2u << 20) /* of x86-64, and of arm64 with base pages of 4 KiB */

#define SIZES(way)                                                                                                     \
	{                                                                                                              \
		{ .name = "4k",                                                                                        \
		  .summary = "base pages",                                                                             \
		  .memory = { .pages = { SM_PAGES_BASE, 4096 }, .prefault = way } },                                   \
			{ .name = "thp",                                                                               \
			  .summary = "transparent huge pages",                                                         \
			  .memory = { .pages = { SM_PAGES_THP, THP_WRITTEN }, .prefault = way } },                     \
			{ .name = "2m",                                                                                \
			  .summary = "explicit 2 MiB pages",                                                           \
			  .memory = { .pages = { SM_PAGES_HUGETLB, 2u << 20 }, .prefault = way } },                    \
		{                                                                                                      \
			.name = "1g", .summary = "explicit 1 GiB pages", .memory = {                                   \
				.pages = { SM_PAGES_HUGETLB, 1u << 30 },                                               \
				.prefault = way                                                                        \
			}                                                                                              \
		}                                                                                                      \
	}

struct sm_variant pages_variants[PAGES_VARIANTS_MAX] = SIZES(SM_PREFAULT_UNSET);
struct sm_variant pages_variants_lazy[PAGES_VARIANTS_MAX] = SIZES(SM_LAZY);

static bool known(const struct sm_variant *variants, const char *name)
{
	for (; variants->name; variants++)
		if (strcmp(variants->name, name) == 0)
			return true;
	return false;
}

static void add(struct sm_variant *variants, const char *name, struct sm_pages pages, enum sm_prefault way)
{
	unsigned count = 0;

	while (variants[count].name)
		count++;
	if (count + 1 >= PAGES_VARIANTS_MAX)
		return;
	variants[count] = (struct sm_variant){
		.name = name,
		.summary = pages.kind == SM_PAGES_MULTI ? "multi-size transparent huge pages" : "explicit huge pages",
		.memory = { .pages = pages, .prefault = way },
		.extra = true,
	};
}

/* Base pages of 16 and 64 KiB have transparent huge pages of 32 and 512 MiB. */
static void set_thp(struct sm_variant *variants, struct sm_pages pages)
{
	static char summary[SM_TEXT_MAX + 32];
	char size[SM_TEXT_MAX];

	while (variants->memory.pages.kind != SM_PAGES_THP)
		variants++;
	variants->memory.pages = pages;
	if (pages.bytes == THP_WRITTEN)
		return;
	snprintf(summary, sizeof(summary), "transparent huge pages of %s", sm_format_bytes(size, (double)pages.bytes));
	variants->summary = summary;
}

void pages_ask_kernel(const struct sm_os *os)
{
	static char names[SM_PAGES_LIST_MAX][16];
	struct sm_pages list[SM_PAGES_LIST_MAX];
	unsigned count = sm_pages_list(os, list);

	for (unsigned i = 0; i < count; i++) {
		sm_pages_name(list[i], names[i]);
		if (list[i].kind == SM_PAGES_THP) {
			set_thp(pages_variants, list[i]);
			set_thp(pages_variants_lazy, list[i]);
		} else if (list[i].kind != SM_PAGES_BASE && !known(pages_variants, names[i])) {
			add(pages_variants, names[i], list[i], SM_PREFAULT_UNSET);
			add(pages_variants_lazy, names[i], list[i], SM_LAZY);
		}
	}
}
