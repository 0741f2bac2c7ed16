/* Reads back which pages the kernel gave a region. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "region_private.h"

/* The sums of smaps over the mappings of the region. */
struct totals {
	uint64_t page_kib;                         /* the smallest KernelPageSize */
	uint64_t rss, huge, hugetlb, locked, swap; /* KiB */
	uint64_t rss_before;                       /* of the mappings before the current one */
};

static void add_field(struct totals *totals, const char *line)
{
	static const struct {
		const char *name;
		size_t offset;
	} fields[] = {
		{ "Rss:", offsetof(struct totals, rss) },
		{ "AnonHugePages:", offsetof(struct totals, huge) },
		{ "ShmemPmdMapped:", offsetof(struct totals, huge) },
		{ "FilePmdMapped:", offsetof(struct totals, huge) },
		{ "Shared_Hugetlb:", offsetof(struct totals, hugetlb) },
		{ "Private_Hugetlb:", offsetof(struct totals, hugetlb) },
		{ "Swap:", offsetof(struct totals, swap) },
	};
	uint64_t kib;

	/* The last line of a mapping.  "Locked:" is not used: it is divided among the processes that map a page, so
	 * each of two workers would see half. */
	if (strncmp(line, "VmFlags:", 8) == 0) {
		if (strstr(line, " lo"))
			totals->locked += totals->rss - totals->rss_before;
		totals->rss_before = totals->rss;
		return;
	}
	if (sscanf(line, "KernelPageSize: %" SCNu64, &kib) == 1) {
		if (totals->page_kib == 0 || kib < totals->page_kib)
			totals->page_kib = kib;
		return;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t length = strlen(fields[i].name);

		if (strncmp(line, fields[i].name, length) == 0)
			*(uint64_t *)(void *)((char *)totals + fields[i].offset) += strtoull(line + length, NULL, 10);
	}
}

static int read_smaps(const struct sm_region *region, struct totals *totals, struct sm_error *err)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	uintptr_t first = (uintptr_t)region->address, last = first + region->mapped_bytes;
	bool inside = false, passed = false;
	char line[512];

	memset(totals, 0, sizeof(*totals));
	if (!file)
		return sm_fail(err, errno, "/proc/self/smaps cannot be read: %s", strerror(errno));
	while (!passed && fgets(line, sizeof(line), file)) {
		uintptr_t low, high;

		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &low, &high) == 2) {
			inside = low < last && high > first;
			passed = low >= last;
		} else if (inside) {
			add_field(totals, line);
		}
	}
	fclose(file);
	if (totals->page_kib == 0)
		return sm_fail(err, ENXIO, "the region is not among this process' mappings");
	return 0;
}

static int find_node(const struct sm_region *region, uint64_t resident)
{
	unsigned nodes;
	const struct sm_node *node = sm_topology_nodes(region->topology, &nodes);
	uint64_t bytes[SM_NODES_MAX] = { 0 };
	int found = -2;

	if (resident == 0 || nodes > SM_NODES_MAX)
		return -2;
	if (nodes == 1)
		return (int)node->os_index;
	if (sm_topology_memory_nodes(region->topology, region->address, region->mapped_bytes, bytes, NULL) < 0)
		return -2;
	for (unsigned i = 0; i < nodes; i++)
		if (bytes[i] > 0)
			found = found == -2 ? (int)node[i].os_index : -1;
	return found;
}

static int compare(const struct sm_region *region, const struct sm_region_got *got, struct sm_error *err)
{
	const struct sm_memory *asked = &region->asked;
	char want[16], has[16];

	if (got->resident_bytes < region->mapped_bytes)
		return sm_fail(err, EXDEV, "only %" PRIu64 " of %zu bytes are mapped after %s", got->resident_bytes,
			       region->mapped_bytes, sm_prefault_name(asked->prefault));
	if (got->pages.kind != asked->pages.kind ||
	    (asked->pages.kind != SM_PAGES_THP && got->pages.bytes != asked->pages.bytes))
		return sm_fail(err, EXDEV,
			       "%s pages were asked for, and %s pages map the region (%" PRIu64
			       " of %zu bytes through huge ones)",
			       sm_pages_name(asked->pages, want), sm_pages_name(got->pages, has), got->huge_bytes,
			       region->mapped_bytes);
	if (asked->prefault == SM_MLOCK && got->locked_bytes < region->mapped_bytes)
		return sm_fail(err, EXDEV, "only %" PRIu64 " of %zu bytes are locked", got->locked_bytes,
			       region->mapped_bytes);
	if (asked->numa == SM_BIND && got->node != (int)asked->node)
		return got->node >= 0
			       ? sm_fail(err, EXDEV, "node %u was asked for, and the pages lie on node %d", asked->node,
					 got->node)
			       : sm_fail(err, EXDEV, "node %u was asked for, and the pages lie on %s", asked->node,
					 got->node == -1 ? "several" : "nodes that the kernel does not tell");
	if (region_is_interleaved(*asked) && got->node >= 0 && sm_topology_memory_node_count(region->topology) > 1 &&
	    region->mapped_bytes > region->page_bytes)
		return sm_fail(err, EXDEV, "interleaved pages were asked for, and all of them lie on node %d",
			       got->node);
	return 0;
}

/* include/uapi/linux/kernel-page-flags.h, Documentation/admin-guide/mm/pagemap.rst */
#define KPF_COMPOUND_HEAD (1ull << 15)
#define KPF_COMPOUND_TAIL (1ull << 16)
#define PAGEMAP_PRESENT   (1ull << 63)
#define PAGEMAP_FRAME     ((1ull << 55) - 1)

/* Whether the base pages of one multi-size page lie in one compound page. */
static bool is_one_folio(int map, int flags, uintptr_t address, unsigned pages, size_t base)
{
	uint64_t entry[2] = { 0 }, flag = 0, frame;

	if (pread(map, &entry[0], 8, (off_t)(address / base * 8)) != 8 ||
	    pread(map, &entry[1], 8, (off_t)((address / base + pages - 1) * 8)) != 8 || !(entry[0] & PAGEMAP_PRESENT) ||
	    !(entry[1] & PAGEMAP_PRESENT))
		return false;
	frame = entry[0] & PAGEMAP_FRAME;
	if ((entry[1] & PAGEMAP_FRAME) != frame + pages - 1 || frame % pages != 0)
		return false;
	if (pread(flags, &flag, 8, (off_t)(frame * 8)) != 8 || !(flag & (KPF_COMPOUND_HEAD | KPF_COMPOUND_TAIL)))
		return false;
	return pread(flags, &flag, 8, (off_t)((frame + pages - 1) * 8)) == 8 && (flag & KPF_COMPOUND_TAIL);
}

/* Multi-size pages appear only in the page flags: smaps shows them as 4 kB. */
static int find_multi(const struct sm_region *region, struct sm_region_got *got, struct sm_error *err)
{
	size_t base = (size_t)sysconf(_SC_PAGESIZE), page = region->page_bytes;
	int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	int flags = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	size_t at = 0;

	if (map >= 0 && flags >= 0)
		while (at < region->mapped_bytes &&
		       is_one_folio(map, flags, (uintptr_t)region->address + at, (unsigned)(page / base), base))
			at += page;
	if (map >= 0)
		close(map);
	if (flags >= 0)
		close(flags);
	if (flags < 0)
		return sm_fail(err, EPERM,
			       "whether the kernel made multi-size pages cannot be read: "
			       "/proc/kpageflags is for root");
	if (at == region->mapped_bytes)
		got->pages = region->asked.pages;
	return 0;
}

/* Explicit huge pages are given as requested or not at all, and so are base pages if transparent huge ones were
 * advised against.  Everything else must be checked. */
static int without_proc(const struct sm_region *region, bool strict, struct sm_region_got *got, struct sm_error *err)
{
	enum sm_page_kind kind = region->asked.pages.kind;

	got->unknown = true;
	if (!strict || ((kind == SM_PAGES_BASE || kind == SM_PAGES_HUGETLB) && region->asked.numa != SM_BIND &&
			!region_is_interleaved(region->asked)))
		return 0;
	return sm_fail(err, EXDEV,
		       "whether pages are what and where was asked for is not known: /proc cannot be read; mount it");
}

int sm_region_inspect(const struct sm_region *region, bool strict, struct sm_region_got *got, struct sm_error *err)
{
	uint64_t base_kib = (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
	struct totals totals;
	int rc = read_smaps(region, &totals, err);

	memset(got, 0, sizeof(*got));
	got->node = -2;
	if (rc == -ENOENT)
		return without_proc(region, strict, got, err);
	if (rc < 0)
		return rc;
	got->resident_bytes = (totals.rss + totals.hugetlb) * 1024;
	got->huge_bytes = (totals.huge + totals.hugetlb) * 1024;
	got->locked_bytes = totals.locked * 1024;
	got->swapped_bytes = totals.swap * 1024;
	/* KernelPageSize shows hugetlb pages.  For transparent huge pages it stays "4 kB", so a region counts as
	 * huge only if everything that is mapped is mapped huge. */
	if (totals.page_kib > base_kib)
		got->pages = (struct sm_pages){ SM_PAGES_HUGETLB, totals.page_kib * 1024 };
	else if (totals.rss > 0 && totals.huge == totals.rss)
		got->pages = (struct sm_pages){ SM_PAGES_THP, region_thp_bytes(&sm_os_linux) };
	else if (totals.rss > 0 && totals.huge == 0)
		got->pages = (struct sm_pages){ SM_PAGES_BASE, base_kib * 1024 };
	if (region->asked.pages.kind == SM_PAGES_MULTI && totals.rss > 0) {
		rc = find_multi(region, got, err);
		if (rc < 0 && strict)
			return rc;
	}
	got->node = find_node(region, got->resident_bytes);
	/* smaps counts no lock in hugetlb mappings, because their pages are never swapped out. */
	if (got->pages.kind == SM_PAGES_HUGETLB)
		got->locked_bytes = got->resident_bytes;
	return strict ? compare(region, got, err) : 0;
}
