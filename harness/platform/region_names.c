/* Names of backings, page sizes, prefault ways and NUMA policies. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "region_private.h"
#include "shmeter/text.h"

static const char *const backings[SM_BACKING_COUNT] = { "-",     "anon", "memfd",
							"posix", "sysv", "file" };
static const char *const prefaults[SM_PREFAULT_COUNT] = { "-",        "lazy",    "touch",
							  "populate", "madvise", "mlock" };

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
	else
		snprintf(out, 16, "%" PRIu64 "%c", size, unit[i]);
	return out;
}

const char *sm_numa_name(struct sm_memory memory, char out[24])
{
	static const char *const name[SM_NUMA_COUNT] = { "-", "first-touch", "bind", "interleave" };

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
	return sm_fail(err, EINVAL,
		       "--backing \"%s\" is not known: choose anon, memfd, posix, sysv or file",
		       name);
}

int sm_prefault_parse(const char *name, enum sm_prefault *out, struct sm_error *err)
{
	for (int i = SM_LAZY; i < SM_PREFAULT_COUNT; i++)
		if (strcmp(prefaults[i], name) == 0) {
			*out = (enum sm_prefault)i;
			return 0;
		}
	return sm_fail(
		err, EINVAL,
		"--prefault \"%s\" is not known: choose lazy, touch, populate, madvise or mlock",
		name);
}

static bool listed_by_kernel(uint64_t bytes)
{
	char text[32];

	return sm_os_read(&sm_os_linux, text, sizeof(text),
			  "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages",
			  bytes / 1024) == 0;
}

int sm_pages_parse(const char *name, struct sm_pages *out, struct sm_error *err)
{
	uint64_t base = (uint64_t)sysconf(_SC_PAGESIZE), bytes = 0;
	bool known;

	if (strcmp(name, "thp") == 0) {
		*out = (struct sm_pages){ SM_PAGES_THP, region_thp_bytes(&sm_os_linux) };
		return 0;
	}
	/* 2m and 1g are words that everybody knows: where the machine has none, the region says so. */
	known = sm_parse_size(name, &bytes, NULL) == 0 &&
		(bytes == base || bytes == 2u << 20 || bytes == 1u << 30 ||
		 listed_by_kernel(bytes));
	if (!known)
		return sm_fail(err, EINVAL,
			       "--pages \"%s\" is no page size of this machine: choose %" PRIu64
			       "k, thp, 2m, 1g, or another under /sys/kernel/mm/hugepages",
			       name, base / 1024);
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
	if (strncmp(name, "bind:", 5) == 0 && name[5] >= '0' && name[5] <= '9') {
		out->numa = SM_BIND;
		out->node = (unsigned)strtoul(name + 5, &end, 10);
		if (!*end)
			return 0;
	}
	return sm_fail(err, EINVAL,
		       "--numa \"%s\" is not known: choose first-touch, interleave or bind:NODE",
		       name);
}
