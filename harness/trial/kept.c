/* Regions that outlive their trial, for the next trial of the same case (docs/adr/0017). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kept.h"

/* All kept regions together take this part of the memory that is free before the first is kept: the rest is for the trials
 * in between, the largest of which take as much as any of these. */
#define KEPT_PART 4

/* What this process may still take of its memory cgroup (version 2) and those above it. */
static uint64_t cgroup_room(const struct sm_os *os, uint64_t room)
{
	char text[4096], number[32], *path, *end;

	if (sm_os_read(os, text, sizeof(text), "/proc/self/cgroup") < 0 ||
	    !(path = strstr(text, "0::/")))
		return room;
	path += strlen("0::");
	path[strcspn(path, "\n")] = '\0';
	for (;;) {
		uint64_t most = UINT64_MAX, now = 0;

		if (sm_os_read(os, number, sizeof(number), "/sys/fs/cgroup%s/memory.max", path) >=
			    0 &&
		    strncmp(number, "max", 3) != 0)
			most = strtoull(number, NULL, 10);
		if (sm_os_read(os, number, sizeof(number), "/sys/fs/cgroup%s/memory.current",
			       path) >= 0)
			now = strtoull(number, NULL, 10);
		if (most != UINT64_MAX && (most > now ? most - now : 0) < room)
			room = most > now ? most - now : 0;
		if (!(end = strrchr(path, '/')))
			return room;
		*end = '\0';
	}
}

static uint64_t free_memory(const struct sm_os *os)
{
	char text[8192];
	const char *field;
	uint64_t kib = 0;

	if (sm_os_read(os, text, sizeof(text), "/proc/meminfo") < 0 ||
	    !(field = strstr(text, "MemAvailable:")) ||
	    sscanf(field, "MemAvailable: %" SCNu64, &kib) != 1)
		return 0;
	return cgroup_room(os, kib * 1024);
}

static bool is_same(const struct sm_case *a, const struct sm_case *b)
{
	return a->scenario == b->scenario && a->variant == b->variant &&
	       memcmp(a->param, b->param, sizeof(a->param)) == 0 && a->placement == b->placement &&
	       a->workers == b->workers && a->memory.backing == b->memory.backing &&
	       a->memory.pages.kind == b->memory.pages.kind &&
	       a->memory.pages.bytes == b->memory.pages.bytes &&
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

static void drop_oldest(struct sm_kept *kept)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < kept->count; i++)
		if (kept->at[i].turn < kept->at[oldest].turn)
			oldest = i;
	sm_region_destroy(&kept->at[oldest].region);
	forget(kept, oldest);
}

bool kept_may(const struct sm_case *c)
{
	/* where pages are populated by their first use, that use is part of the subject */
	return c->scenario->keeps_region && !c->scenario->cold && c->memory.prefault != SM_LAZY;
}

bool kept_give(struct sm_kept *kept, const struct sm_os *os, const struct sm_case *c,
	       const struct sm_region *region)
{
	if (!kept || !kept_may(c))
		return false;
	if (kept->bytes_max == 0)
		kept->bytes_max = (free_memory(os) + region->mapped_bytes) / KEPT_PART;
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
