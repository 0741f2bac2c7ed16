/* Names of backings, page sizes, prefault modes and NUMA policies. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "region_private.h"
#include "shmeter/text.h"

static const char *const backings[SM_BACKING_COUNT] = { "-", "anon", "memfd", "posix", "sysv", "file" };
static const char *const prefaults[SM_PREFAULT_COUNT] = { "-", "lazy", "touch", "populate", "madvise", "mlock" };

const char *sm_backing_name(enum sm_backing backing)
{
	return backing < SM_BACKING_COUNT ? backings[backing] : "-";
}

const char *sm_prefault_name(enum sm_prefault prefault)
{
	return prefault < SM_PREFAULT_COUNT ? prefaults[prefault] : "-";
}

const char *sm_pages_name(struct sm_pages pages, char out[16])
{
	static const char unit[] = { 'k', 'm', 'g', 't' };
	uint64_t size = pages.bytes / 1024;
	unsigned i = 0;

	while (i < 3 && size >= 1024) {
		size /= 1024;
		i++;
	}
	if (pages.kind == SM_PAGES_UNSET)
		snprintf(out, 16, "-");
	else if (pages.kind == SM_PAGES_THP)
		snprintf(out, 16, "thp");
	else if (pages.kind == SM_PAGES_MULTI)
		snprintf(out, 16, "thp-%" PRIu64 "%c", size, unit[i]);
	else
		snprintf(out, 16, "%" PRIu64 "%c", size, unit[i]);
	return out;
}

const char *sm_numa_name(struct sm_memory memory, char out[24])
{
	static const char *const name[SM_NUMA_COUNT] = { "-",          "first-touch",         "bind",
							 "interleave", "weighted-interleave", "bind:first",
							 "bind:second" };

	if (memory.numa == SM_BIND)
		snprintf(out, 24, "bind:%u", memory.node);
	else
		snprintf(out, 24, "%s", memory.numa < SM_NUMA_COUNT ? name[memory.numa] : "-");
	return out;
}

int sm_backing_parse(const char *name, enum sm_backing *out, struct sm_error *err)
{
	for (int i = SM_ANON; i < SM_BACKING_COUNT; i++)
		if (strcmp(backings[i], name) == 0) {
			*out = (enum sm_backing)i;
			return 0;
		}
	return sm_fail(err, EINVAL, "--backing \"%s\" is not known: choose anon, memfd, posix, sysv or file", name);
}

int sm_prefault_parse(const char *name, enum sm_prefault *out, struct sm_error *err)
{
	for (int i = SM_LAZY; i < SM_PREFAULT_COUNT; i++)
		if (strcmp(prefaults[i], name) == 0) {
			*out = (enum sm_prefault)i;
			return 0;
		}
	return sm_fail(err, EINVAL, "--prefault \"%s\" is not known: choose lazy, touch, populate, madvise or mlock",
		       name);
}

static int by_size(const void *a, const void *b)
{
	const struct sm_pages *left = a, *right = b;

	return (left->bytes > right->bytes) - (left->bytes < right->bytes);
}

/* The page sizes of the folders "hugepages-64kB" in a folder; only those that contain `file`. */
static unsigned list_folder(const struct sm_os *os, const char *folder, const char *file, enum sm_page_kind kind,
			    struct sm_pages *out, unsigned room)
{
	char path[512], text[256];
	unsigned count = 0;
	struct dirent *entry;
	uint64_t kib;
	DIR *dir;

	snprintf(path, sizeof(path), "%s%s", os->root, folder);
	dir = opendir(path);
	while (dir && count < room && (entry = readdir(dir)))
		if (sscanf(entry->d_name, "hugepages-%" SCNu64 "kB", &kib) == 1 &&
		    sm_os_read(os, text, sizeof(text), "%s/%s/%s", folder, entry->d_name, file) == 0)
			out[count++] = (struct sm_pages){ kind, kib * 1024 };
	if (dir)
		closedir(dir);
	qsort(out, count, sizeof(*out), by_size);
	return count;
}

unsigned sm_pages_list(const struct sm_os *os, struct sm_pages out[SM_PAGES_LIST_MAX])
{
	uint64_t thp = region_thp_bytes(os);
	unsigned count = 0, multi;

	out[count++] = (struct sm_pages){ SM_PAGES_BASE, sm_os_page_bytes(os) };
	if (thp > 0)
		out[count++] = (struct sm_pages){ SM_PAGES_THP, thp };
	multi = list_folder(os, THP_FOLDER, "shmem_enabled", SM_PAGES_MULTI, out + count,
			    SM_PAGES_LIST_MAX - count - 8);
	/* "thp" already means the largest size. */
	if (multi > 0 && out[count + multi - 1].bytes == thp)
		multi--;
	count += multi;
	return count + list_folder(os, "/sys/kernel/mm/hugepages", "nr_hugepages", SM_PAGES_HUGETLB, out + count,
				   SM_PAGES_LIST_MAX - count);
}

static bool listed_by_kernel(const struct sm_os *os, enum sm_page_kind kind, uint64_t bytes)
{
	struct sm_pages list[SM_PAGES_LIST_MAX];
	unsigned count = sm_pages_list(os, list);

	for (unsigned i = 0; i < count; i++)
		if (list[i].kind == kind && list[i].bytes == bytes)
			return true;
	return false;
}

/* "4k, thp, 2m, 1g": every name that is accepted. */
static void list_names(const struct sm_os *os, char *out, size_t size)
{
	struct sm_pages list[SM_PAGES_LIST_MAX];
	unsigned count = sm_pages_list(os, list);
	char name[16];
	size_t used = 0;

	for (unsigned i = 0; i < count && used < size; i++)
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", sm_pages_name(list[i], name));
}

int sm_pages_parse(const struct sm_os *os, const char *name, struct sm_pages *out, struct sm_error *err)
{
	uint64_t base = sm_os_page_bytes(os), bytes = 0;
	char names[SM_PAGES_LIST_MAX * 16];
	bool known;

	if (strcmp(name, "thp") == 0) {
		*out = (struct sm_pages){ SM_PAGES_THP, region_thp_bytes(os) };
		return 0;
	}
	if (strncmp(name, "thp-", 4) == 0 && sm_parse_size(name + 4, &bytes, NULL) == 0 &&
	    listed_by_kernel(os, SM_PAGES_MULTI, bytes)) {
		*out = (struct sm_pages){ SM_PAGES_MULTI, bytes };
		return 0;
	}
	if (strcmp(name, SM_PAGES_BASE_ALIAS) == 0)
		bytes = base;
	/* 2m and 1g are always valid names: if the machine lacks the size, the region reports it. */
	known = bytes == base ||
		(sm_parse_size(name, &bytes, NULL) == 0 && (bytes == base || bytes == 2u << 20 || bytes == 1u << 30 ||
							    listed_by_kernel(os, SM_PAGES_HUGETLB, bytes)));
	if (!known) {
		list_names(os, names, sizeof(names));
		return sm_fail(err, EINVAL, "--pages \"%s\" is no page size of this machine: choose among %s", name,
			       names);
	}
	*out = (struct sm_pages){ bytes == base ? SM_PAGES_BASE : SM_PAGES_HUGETLB, bytes };
	return 0;
}

int sm_numa_parse(const char *name, struct sm_memory *out, struct sm_error *err)
{
	char *end;

	if (strcmp(name, "first-touch") == 0) {
		out->numa = SM_FIRST_TOUCH;
		return 0;
	}
	if (strcmp(name, "interleave") == 0) {
		out->numa = SM_INTERLEAVE;
		return 0;
	}
	if (strcmp(name, "weighted-interleave") == 0) {
		out->numa = SM_WEIGHTED;
		return 0;
	}
	if (strncmp(name, "bind:", 5) == 0 && name[5] >= '0' && name[5] <= '9') {
		unsigned long node = strtoul(name + 5, &end, 10);

		out->numa = SM_BIND;
		out->node = (unsigned)node;
		if (!*end && node < SM_NODES_MAX)
			return 0;
	}
	return sm_fail(err, EINVAL,
		       "--numa \"%s\" is not known: choose first-touch, interleave, weighted-interleave or "
		       "bind:NODE",
		       name);
}
