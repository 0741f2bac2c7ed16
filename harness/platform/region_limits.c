/* What memory there is and what cgroups allow of it. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "region_private.h"
#include "shmeter/text.h"

uint64_t region_number(const struct sm_os *os, uint64_t otherwise, const char *format, ...)
{
	char path[512], text[64];
	va_list arguments;
	int used;

	va_start(arguments, format);
	used = vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	if (used < 0 || (size_t)used >= sizeof(path) ||
	    sm_os_read(os, text, sizeof(text), "%s", path) < 0 || text[0] < '0' || text[0] > '9')
		return otherwise;
	return strtoull(text, NULL, 10);
}

/* This process' cgroup (version 2) in `text`, from "/" on; NULL: none. */
static char *find_cgroup(const struct sm_os *os, char *text, size_t size)
{
	char *path;

	if (sm_os_read(os, text, size, "/proc/self/cgroup") < 0)
		return NULL;
	path = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	path = path ? strchr(path, '/') : NULL;
	if (path)
		path[strcspn(path, "\n")] = '\0';
	return path;
}

/* "2MB", "1GB": how the hugetlb controller names a page size (mm/hugetlb_cgroup.c). */
static void controller_size(char *out, size_t size, uint64_t bytes)
{
	if (bytes >= 1u << 30)
		snprintf(out, size, "%" PRIu64 "GB", bytes >> 30);
	else if (bytes >= 1u << 20)
		snprintf(out, size, "%" PRIu64 "MB", bytes >> 20);
	else
		snprintf(out, size, "%" PRIu64 "KB", bytes >> 10);
}

/* A hugetlb cgroup counts at the touch: a mapping beyond it is made, and then raises SIGBUS.  Looks at
 * this process' cgroup (version 2) and those above it. */
int region_hugetlb_limit(const struct sm_os *os, struct sm_memory asked, uint64_t bytes,
			    struct sm_error *err)
{
	char text[4096], size[24], *path = find_cgroup(os, text, sizeof(text)), *end;

	if (!path)
		return 0;
	controller_size(size, sizeof(size), asked.pages.bytes);
	for (;;) {
		uint64_t most =
			region_number(os, UINT64_MAX, "/sys/fs/cgroup%s/hugetlb.%s.max", path, size);
		uint64_t now = region_number(os, 0, "/sys/fs/cgroup%s/hugetlb.%s.current", path, size);

		if (most != UINT64_MAX && (most < now || most - now < bytes))
			return sm_fail(err, ENODEV,
				       "the cgroup of this process allows %" PRIu64
				       " bytes of such huge pages, of which %" PRIu64
				       " are in use: raise /sys/fs/cgroup%.200s/hugetlb.%s.max",
				       most, now, path, size);
		end = strrchr(path, '/');
		if (!end)
			return 0;
		*end = '\0'; /* at last "": the root of what this process sees */
	}
}

/* Bytes of the page cache of a cgroup that the kernel takes back before it says no. */
static uint64_t reclaimable(const struct sm_os *os, const char *path)
{
	static const char name[] = "\ninactive_file ";
	char text[16384];
	const char *line;

	if (sm_os_read(os, text, sizeof(text), "/sys/fs/cgroup%s/memory.stat", path) < 0 || !(line = strstr(text, name)))
		return 0;
	return strtoull(line + strlen(name), NULL, 10);
}

/* A memory cgroup counts at the touch, and kills who touches more than it allows. */
static int memory_cgroup_limit(const struct sm_os *os, uint64_t bytes, struct sm_error *err)
{
	char text[4096], has[SM_TEXT_MAX], needs[SM_TEXT_MAX], *path = find_cgroup(os, text, sizeof(text)), *end;

	while (path) {
		uint64_t most = region_number(os, UINT64_MAX, "/sys/fs/cgroup%s/memory.max", path);
		uint64_t now = region_number(os, 0, "/sys/fs/cgroup%s/memory.current", path), cache = reclaimable(os, path);

		now -= cache < now ? cache : now;
		if (most != UINT64_MAX && (most < now || most - now < bytes))
			return sm_fail(err, ENOMEM,
				       "the cgroup of this process allows %s more memory and %s are needed: raise "
				       "/sys/fs/cgroup%.200s/memory.max, or choose a smaller size with --set",
				       sm_format_bytes(has, (double)(most > now ? most - now : 0)),
				       sm_format_bytes(needs, (double)bytes), path);
		end = strrchr(path, '/');
		if (!end)
			return 0;
		*end = '\0'; /* at last "": the root of what this process sees */
	}
	return 0;
}

int region_memory_limit(const struct sm_os *os, uint64_t bytes, struct sm_error *err)
{
	char text[8192], has[SM_TEXT_MAX], needs[SM_TEXT_MAX];
	static const char name[] = "MemAvailable:";
	const char *line = NULL;
	uint64_t available;

	if (sm_os_read(os, text, sizeof(text), "/proc/meminfo") == 0)
		line = strstr(text, name);
	available = line ? strtoull(line + strlen(name), NULL, 10) * 1024 : UINT64_MAX;
	if (available < bytes)
		return sm_fail(err, ENOMEM,
			       "%s of memory are available and %s are needed: choose a smaller size with --set",
			       sm_format_bytes(has, (double)available), sm_format_bytes(needs, (double)bytes));
	return memory_cgroup_limit(os, bytes, err);
}
