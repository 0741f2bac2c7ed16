/* Limits of the control group, read as files; nothing is changed. */
#include "shmeter/cgroup.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_HERE 1024
/* The value of a version 1 limit that is not set: the largest multiple of a page in 63 bits. */
#define NO_LIMIT 9.2e18

/* The group of this process below a controller ("" for version 2), from /proc/self/cgroup: lines of
 * "number:controllers:path" (cgroups(7)).  False if there is none. */
static bool find_group(const char *groups, const char *controller, char path[PATH_MAX_HERE])
{
	size_t length = strlen(controller);

	for (const char *line = groups; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *names = strchr(line, ':'), *rest = names ? strchr(names + 1, ':') : NULL;

		if (!rest || rest >= line + strcspn(line, "\n"))
			continue;
		for (const char *name = names + 1; name <= rest; name += strcspn(name, ",:") + 1) {
			if (strcspn(name, ",:") != length || strncmp(name, controller, length) != 0)
				continue;
			snprintf(path, PATH_MAX_HERE, "%.*s", (int)strcspn(rest + 1, "\n"), rest + 1);
			return true;
		}
	}
	return false;
}

/* A group: where its files are. */
struct group {
	const struct sm_os *os;
	char mount[64]; /* below /sys/fs/cgroup: "", "/unified" or "/memory" */
	bool v1;
	char path[PATH_MAX_HERE]; /* "" at the top */
};

/* Version 2 is mounted below version 1 if both are in use. */
static bool has_unified(const struct sm_os *os)
{
	char text[256];

	return sm_os_read(os, text, sizeof(text), "/sys/fs/cgroup/cgroup.controllers") < 0 &&
	       sm_os_read(os, text, sizeof(text), "/sys/fs/cgroup/unified/cgroup.controllers") >= 0;
}

static bool open_group(struct group *group, const struct sm_os *os, const char *controller)
{
	char groups[8192];

	*group = (struct group){ .os = os };
	if (sm_os_read(os, groups, sizeof(groups), "/proc/self/cgroup") < 0)
		return false;
	group->v1 = find_group(groups, controller, group->path);
	if (group->v1)
		snprintf(group->mount, sizeof(group->mount), "/%s", controller);
	else if (!find_group(groups, "", group->path))
		return false;
	else if (has_unified(os))
		snprintf(group->mount, sizeof(group->mount), "/unified");
	if (strcmp(group->path, "/") == 0)
		group->path[0] = '\0';
	return true;
}

/* Goes one level up, at most to the top of what this process sees.  False: it was at the top already. */
static bool go_up(struct group *group)
{
	char *slash = strrchr(group->path, '/');

	if (slash)
		*slash = '\0';
	return slash != NULL;
}

static int read_in(const struct group *group, const char *file, char *text, size_t size)
{
	return sm_os_read(group->os, text, size, "/sys/fs/cgroup%s%s/%s", group->mount, group->path, file);
}

/* A number at the start of a file; NaN for "max", for a version 1 without a limit, and if there is no file. */
static double number_in(const struct group *group, const char *file)
{
	char text[256], *end;
	double value;

	if (read_in(group, file, text, sizeof(text)) < 0)
		return NAN;
	value = strtod(text, &end);
	return end != text && value >= 0 && value < NO_LIMIT ? value : (double)NAN;
}

/* The number after a name in a file of lines "name number"; NaN: not found. */
static double field_in(const struct group *group, const char *file, const char *name)
{
	char text[16384];
	size_t length = strlen(name);

	if (read_in(group, file, text, sizeof(text)) < 0)
		return NAN;
	for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return strtod(line + length, NULL);
	return NAN;
}

/* "50000 100000" of cpu.max, or the two files of version 1. */
static double cpus_in(const struct group *group)
{
	char text[256];
	double quota, period;

	if (group->v1)
		return number_in(group, "cpu.cfs_quota_us") / number_in(group, "cpu.cfs_period_us");
	if (read_in(group, "cpu.max", text, sizeof(text)) < 0 || sscanf(text, "%lf %lf", &quota, &period) != 2)
		return NAN;
	return quota / period;
}

/* The smallest limit of the group and its ancestors.  The first file name is that of version 2; without names: a
 * limit of PUs. */
static double tightest(const struct sm_os *os, const char *controller, const char *v2, const char *v1)
{
	struct group group;
	double least = NAN;

	if (!open_group(&group, os, controller))
		return NAN;
	do
		least = fmin(least, v2 ? number_in(&group, group.v1 ? v1 : v2) : cpus_in(&group));
	while (go_up(&group));
	return least;
}

void sm_cgroup_limits(const struct sm_os *os, struct sm_cgroup_limits *out)
{
	*out = (struct sm_cgroup_limits){
		.memory_bytes = tightest(os, "memory", "memory.max", "memory.limit_in_bytes"),
		.cpu_pus = tightest(os, "cpu", NULL, NULL),
		.pids = tightest(os, "pids", "pids.max", "pids.max"),
		.hugetlb_2m_bytes = tightest(os, "hugetlb", "hugetlb.2MB.max", "hugetlb.2MB.limit_in_bytes"),
		.hugetlb_1g_bytes = tightest(os, "hugetlb", "hugetlb.1GB.max", "hugetlb.1GB.limit_in_bytes"),
	};
}

/* Page cache that the kernel reclaims before it refuses an allocation. */
static double reclaimable(const struct group *group)
{
	double bytes = field_in(group, "memory.stat", group->v1 ? "total_inactive_file" : "inactive_file");

	return isfinite(bytes) ? bytes : 0;
}

/* Reduces the room to what this level has left below its limit. */
static void narrow(const struct group *group, const char *limit, const char *usage, double spare, struct sm_room *room)
{
	double most = number_in(group, limit), used = number_in(group, usage);
	double left = most - (isfinite(used) ? fmax(0, used - spare) : 0);

	if (!isfinite(most) || left >= (double)room->left)
		return;
	room->left = left > 0 ? (uint64_t)left : 0;
	room->limit = (uint64_t)most;
	snprintf(room->file, sizeof(room->file), "/sys/fs/cgroup%s%.512s/%.48s", group->mount, group->path, limit);
}

uint64_t sm_memory_available(const struct sm_os *os)
{
	static const char name[] = "MemAvailable:";
	char text[8192];
	const char *line = NULL;

	if (sm_os_read(os, text, sizeof(text), "/proc/meminfo") == 0)
		line = strstr(text, name);
	return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : UINT64_MAX;
}

void sm_memory_room(const struct sm_os *os, struct sm_room *out)
{
	struct group group;

	*out = (struct sm_room){ .left = sm_memory_available(os), .limit = UINT64_MAX };
	if (!open_group(&group, os, "memory"))
		return;
	do
		narrow(&group, group.v1 ? "memory.limit_in_bytes" : "memory.max",
		       group.v1 ? "memory.usage_in_bytes" : "memory.current", reclaimable(&group), out);
	while (go_up(&group));
}

/* "2MB", "1GB": the hugetlb controller's name of a page size (mm/hugetlb_cgroup.c). */
static void controller_size(char *out, size_t size, uint64_t bytes)
{
	if (bytes >= 1u << 30)
		snprintf(out, size, "%" PRIu64 "GB", bytes >> 30);
	else if (bytes >= 1u << 20)
		snprintf(out, size, "%" PRIu64 "MB", bytes >> 20);
	else
		snprintf(out, size, "%" PRIu64 "KB", bytes >> 10);
}

void sm_hugetlb_room(const struct sm_os *os, uint64_t page_bytes, struct sm_room *out)
{
	/* touched pages, and those that mappings reserved (Linux 5.7) */
	static const char *const kinds[] = { "", "rsvd." };
	char size[24], limit[64], usage[64];
	struct group group;

	*out = (struct sm_room){ .left = UINT64_MAX, .limit = UINT64_MAX };
	if (!open_group(&group, os, "hugetlb"))
		return;
	controller_size(size, sizeof(size), page_bytes);
	do
		for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
			snprintf(limit, sizeof(limit), "hugetlb.%s.%s%s", size, kinds[i],
				 group.v1 ? "limit_in_bytes" : "max");
			snprintf(usage, sizeof(usage), "hugetlb.%s.%s%s", size, kinds[i],
				 group.v1 ? "usage_in_bytes" : "current");
			narrow(&group, limit, usage, 0, out);
		}
	while (go_up(&group));
}

void sm_pids_room(const struct sm_os *os, struct sm_room *out)
{
	struct group group;

	*out = (struct sm_room){ .left = UINT64_MAX, .limit = UINT64_MAX };
	if (!open_group(&group, os, "pids"))
		return;
	do
		narrow(&group, "pids.max", "pids.current", 0, out);
	while (go_up(&group));
}

/* A number of cpu.stat, over the group and its ancestors, because each of their limits can throttle this process. */
static double throttled(const struct sm_os *os, const char *v2, const char *v1)
{
	struct group group;
	double all = NAN, one;

	if (!open_group(&group, os, "cpu"))
		return NAN;
	do {
		one = field_in(&group, "cpu.stat", group.v1 ? v1 : v2);
		if (isfinite(one))
			all = one + (isfinite(all) ? all : 0);
	} while (go_up(&group));
	return all;
}

double sm_cgroup_throttled_ns(const struct sm_os *os)
{
	double usec = throttled(os, "throttled_usec", "-");

	return isfinite(usec) ? 1e3 * usec : throttled(os, "-", "throttled_time");
}

double sm_cgroup_throttled_times(const struct sm_os *os)
{
	return throttled(os, "nr_throttled", "nr_throttled");
}

double sm_memory_kills(const struct sm_os *os)
{
	struct group group;
	double kills = NAN;
	char text[16384];
	const char *line;

	if (open_group(&group, os, "memory"))
		do
			kills = field_in(&group, group.v1 ? "memory.oom_control" : "memory.events", "oom_kill");
		while (isnan(kills) && go_up(&group));
	if (isfinite(kills) || sm_os_read(os, text, sizeof(text), "/proc/vmstat") < 0)
		return kills;
	line = strstr(text, "\noom_kill ");
	return line ? strtod(line + strlen("\noom_kill "), NULL) : (double)NAN;
}
