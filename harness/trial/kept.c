/* Regions that outlive their trial, for the next trial of the same case (docs/adr/0017). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kept.h"
#include "shmeter/cgroup.h"

/* All kept regions together take at most 1/KEPT_PART of the memory that is free before the first is kept.  The rest is
 * for the trials in between, the largest of which need as much as any kept region. */
#define KEPT_PART 4

/* How much all kept regions together may take; 0 where the free memory is not known. */
static uint64_t kept_most(const struct sm_os *os, uint64_t ours)
{
	struct sm_room room;

	sm_memory_room(os, &room);
	return room.left == UINT64_MAX ? 0 : (room.left + ours) / KEPT_PART;
}

static bool is_same(const struct sm_case *a, const struct sm_case *b)
{
	return a->scenario == b->scenario && a->variant == b->variant &&
	       memcmp(a->param, b->param, sizeof(a->param)) == 0 && a->placement == b->placement &&
	       a->workers == b->workers && a->memory.backing == b->memory.backing &&
	       a->memory.pages.kind == b->memory.pages.kind && a->memory.pages.bytes == b->memory.pages.bytes &&
	       a->memory.prefault == b->memory.prefault && a->memory.numa == b->memory.numa &&
	       a->memory.node == b->memory.node;
}

static void forget(struct sm_kept *kept, unsigned i)
{
	kept->bytes -= kept->at[i].region.mapped_bytes;
	kept->at[i] = kept->at[--kept->count];
}

bool kept_take(struct sm_kept *kept, const struct sm_case *c, struct sm_region *region)
{
	for (unsigned i = 0; kept && i < kept->count; i++)
		if (is_same(&kept->at[i].c, c)) {
			*region = kept->at[i].region;
			forget(kept, i);
			return true;
		}
	return false;
}

static void drop(struct sm_kept *kept, unsigned i)
{
	sm_region_destroy(&kept->at[i].region);
	forget(kept, i);
}

static void drop_oldest(struct sm_kept *kept)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < kept->count; i++)
		if (kept->at[i].turn < kept->at[oldest].turn)
			oldest = i;
	drop(kept, oldest);
}

void kept_make_room(struct sm_kept *kept, const struct sm_case *c)
{
	if (!kept || c->memory.pages.kind != SM_PAGES_HUGETLB)
		return;
	for (unsigned i = kept->count; i-- > 0;)
		if (kept->at[i].c.memory.pages.kind == SM_PAGES_HUGETLB &&
		    kept->at[i].c.memory.pages.bytes == c->memory.pages.bytes)
			drop(kept, i);
}

/* Whether the regions of this case may be kept: its scenario allows it, and the region is populated before the
 * measurement. */
static bool may_keep(const struct sm_case *c)
{
	/* where the first use populates the pages, populating is part of the measurement */
	return c->scenario->subject == SM_KEPT && c->memory.prefault != SM_LAZY;
}

bool kept_give(struct sm_kept *kept, const struct sm_os *os, const struct sm_case *c, const struct sm_region *region)
{
	if (!kept || !may_keep(c))
		return false;
	if (kept->bytes_max == 0)
		kept->bytes_max = kept_most(os, region->mapped_bytes);
	if (region->mapped_bytes > kept->bytes_max)
		return false;
	while (kept->count == SM_KEPT_MAX || kept->bytes + region->mapped_bytes > kept->bytes_max)
		drop_oldest(kept);
	kept->at[kept->count++] = (struct sm_kept_region){ *c, *region, kept->turn++ };
	kept->bytes += region->mapped_bytes;
	return true;
}

bool sm_kept_drop(struct sm_kept *kept)
{
	bool any = kept && kept->count > 0;

	while (kept && kept->count > 0)
		drop_oldest(kept);
	return any;
}
