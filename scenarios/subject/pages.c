/* Adds the page sizes that the kernel offers to the variants. */
#include "pages.h"

#include <stdio.h>
#include <string.h>

#define SIZES(way)                                                                                                     \
	{                                                                                                              \
		{ .name = "4k",                                                                                        \
		  .summary = "base pages",                                                                             \
		  .memory = { .pages = { SM_PAGES_BASE, 4096 }, .prefault = way } },                                   \
			{ .name = "thp",                                                                               \
			  .summary = "transparent huge pages",                                                         \
			  .memory = { .pages = { SM_PAGES_THP, 2u << 20 }, .prefault = way } },                        \
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

void pages_ask_kernel(const struct sm_os *os)
{
	static char names[SM_PAGES_LIST_MAX][16];
	struct sm_pages list[SM_PAGES_LIST_MAX];
	unsigned count = sm_pages_list(os, list);

	for (unsigned i = 0; i < count; i++) {
		sm_pages_name(list[i], names[i]);
		if (list[i].kind == SM_PAGES_BASE) {
			pages_variants[0].name = pages_variants_lazy[0].name = names[i];
			pages_variants[0].memory.pages = pages_variants_lazy[0].memory.pages = list[i];
		} else if (!known(pages_variants, names[i])) {
			add(pages_variants, names[i], list[i], SM_PREFAULT_UNSET);
			add(pages_variants_lazy, names[i], list[i], SM_LAZY);
		}
	}
}
