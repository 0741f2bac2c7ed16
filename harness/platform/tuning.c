/* Finds settings that would help, from the system's current values. */
#include "shmeter/tuning.h"

#include <fnmatch.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOLS "/sys/kernel/mm/hugepages"
#define THP   "/sys/kernel/mm/transparent_hugepage"

/* What the default scenarios need: 1 GiB in pages of each size. */
#define POOL_BYTES (1ull << 30)

static void set(struct sm_tuning *out, const char *why, const char *now, const char *wanted)
{
	snprintf(out->now, sizeof(out->now), "%s", now);
	snprintf(out->wanted, sizeof(out->wanted), "%s", wanted);
	out->pages = 0;
	out->why = why;
}

/* A number of a pool; 0 if it cannot be read. */
static uint64_t pool_number(const struct sm_os *os, uint64_t kib, const char *file)
{
	char text[64];

	return sm_os_read(os, text, sizeof(text), POOLS "/hugepages-%" PRIu64 "kB/%s", kib, file) < 0
		       ? 0
		       : strtoull(text, NULL, 10);
}

int sm_tuning_pool(const struct sm_os *os, uint64_t page_bytes, uint64_t pages, bool over, struct sm_tuning *out)
{
	uint64_t kib = page_bytes / 1024, unused, promised, surplus;
	const char *file = over ? "nr_overcommit_hugepages" : "nr_hugepages";
	uint64_t has = pool_number(os, kib, file), need;
	char now[64], wanted[32];

	snprintf(out->path, sizeof(out->path), POOLS "/hugepages-%" PRIu64 "kB/%s", kib, file);
	if (sm_os_read(os, now, sizeof(now), "%s", out->path) < 0)
		return 0;
	unused = pool_number(os, kib, "free_hugepages");
	promised = pool_number(os, kib, "resv_hugepages");
	surplus = pool_number(os, kib, "surplus_hugepages");
	unused -= promised < unused ? promised : unused;
	if (over)
		need = surplus + pages > has ? surplus + pages : has;
	else
		need = unused < pages ? has + pages - unused : has;
	snprintf(wanted, sizeof(wanted), "%" PRIu64, need);
	set(out, "explicit huge pages to compare with", now, wanted);
	out->pages = pages;
	return 1;
}

int sm_tuning_thp(const struct sm_os *os, struct sm_pages pages, struct sm_tuning *out)
{
	char text[128], *open, *close;

	if (pages.kind == SM_PAGES_MULTI)
		snprintf(out->path, sizeof(out->path), THP "/hugepages-%" PRIu64 "kB/shmem_enabled",
			 pages.bytes / 1024);
	else
		snprintf(out->path, sizeof(out->path), THP "/shmem_enabled");
	if (sm_os_read(os, text, sizeof(text), "%s", out->path) < 0 || !(open = strchr(text, '[')) ||
	    !(close = strchr(open, ']')) || strncmp(open, "[deny]", 6) == 0)
		return 0;
	*close = '\0';
	set(out, "transparent huge pages of shared memory where they are asked for", open + 1,
	    strcmp(open + 1, "never") == 0 ? "advise" : open + 1);
	return 1;
}

/* Suggests a number that should be at least, or at most, a given value. */
static unsigned number(const struct sm_os *os, const char *path, int64_t least, int64_t most, const char *why,
		       struct sm_tuning *out)
{
	char text[64], wanted[32];
	int64_t now;

	if (sm_os_read(os, text, sizeof(text), "%s", path) < 0)
		return 0;
	now = strtoll(text, NULL, 10);
	snprintf(wanted, sizeof(wanted), "%" PRId64, now < least ? least : now > most ? most : now);
	snprintf(out->path, sizeof(out->path), "%s", path);
	set(out, why, text, wanted);
	return 1;
}

static unsigned governors(const struct sm_os *os, struct sm_tuning *out, unsigned room)
{
	size_t before = strlen(os->root);
	char pattern[512], text[64];
	unsigned count = 0;
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor", os->root);
	if (glob(pattern, 0, NULL, &found) != 0)
		return 0;
	for (size_t i = 0; i < found.gl_pathc && count < room; i++) {
		const char *path = found.gl_pathv[i] + before;

		if (sm_os_read(os, text, sizeof(text), "%s", path) < 0)
			continue;
		snprintf(out[count].path, sizeof(out[count].path), "%s", path);
		set(&out[count++], "one frequency for the whole run", text, "performance");
	}
	globfree(&found);
	return count;
}

unsigned sm_tuning_list(const struct sm_os *os, struct sm_tuning out[SM_TUNINGS_MAX])
{
	static const struct {
		const char *path;
		int64_t least, most;
		const char *why;
	} numbers[] = {
		{ "/proc/sys/kernel/numa_balancing", 0, 0, "pages that stay where they were put" },
		{ "/proc/sys/kernel/perf_event_paranoid", -1, 1, "counting in the kernel, too, for everybody" },
		{ "/proc/sys/fs/mqueue/msg_max", 1024, INT64_MAX,
		  "POSIX message queues as deep as the other transports" },
		{ "/proc/sys/fs/mqueue/msgsize_max", 1 << 20, INT64_MAX, "POSIX messages of up to 1 MiB" },
		{ "/proc/sys/kernel/msgmax", 1 << 20, INT64_MAX, "System V messages of up to 1 MiB" },
		{ "/proc/sys/kernel/msgmnb", 2 << 20, INT64_MAX,
		  "System V message queues as deep as the other transports" },
	};
	struct sm_pages pages[SM_PAGES_LIST_MAX], thp = { SM_PAGES_THP, 0 };
	unsigned count = 0, sizes = sm_pages_list(os, pages);

	for (unsigned i = 0; i < sizes; i++)
		if (pages[i].kind == SM_PAGES_HUGETLB && pages[i].bytes <= POOL_BYTES)
			count += (unsigned)sm_tuning_pool(os, pages[i].bytes, POOL_BYTES / pages[i].bytes, false,
							  &out[count]);
	count += (unsigned)sm_tuning_thp(os, thp, &out[count]);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		count += number(os, numbers[i].path, numbers[i].least, numbers[i].most, numbers[i].why, &out[count]);
	return count + governors(os, out + count, SM_TUNINGS_MAX - count);
}

bool sm_tuning_knows(const char *path)
{
	static const char *const patterns[] = {
		POOLS "/hugepages-*kB/nr_hugepages",
		POOLS "/hugepages-*kB/nr_overcommit_hugepages",
		THP "/shmem_enabled",
		THP "/hugepages-*kB/shmem_enabled",
		"/proc/sys/kernel/numa_balancing",
		"/proc/sys/kernel/perf_event_paranoid",
		"/proc/sys/fs/mqueue/msg_max",
		"/proc/sys/fs/mqueue/msgsize_max",
		"/proc/sys/kernel/msgmax",
		"/proc/sys/kernel/msgmnb",
		"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor",
	};

	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		if (fnmatch(patterns[i], path, FNM_PATHNAME | FNM_NOESCAPE) == 0)
			return true;
	return false;
}
