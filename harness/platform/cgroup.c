/* Limits of the control group, read as files: nothing is changed. */
#include "shmeter/cgroup.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_HERE 1024
/* What version 1 says where there is no limit: the largest multiple of a page in 63 bits. */
#define NO_LIMIT 9.2e18

/* The group of this process below a controller ("" for version 2), as /proc/self/cgroup says it: lines of
 * "number:controllers:path" (cgroups(7)).  False where there is none. */
static bool find_group(const char *groups, const char *controller, char path[PATH_MAX_HERE])
{
	size_t length = strlen(controller);

	for (const char *line = groups; line && *line;
	     line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		const char *names = strchr(line, ':'), *rest = names ? strchr(names + 1, ':') : NULL;

		if (!rest || rest >= line + strcspn(line, "\n"))
			continue;
		for (const char *name = names + 1; name <= rest;
		     name += strcspn(name, ",:") + 1) {
			if (strcspn(name, ",:") != length || strncmp(name, controller, length) != 0)
				continue;
			snprintf(path, PATH_MAX_HERE, "%.*s", (int)strcspn(rest + 1, "\n"), rest + 1);
			return true;
		}
	}
	return false;
}

/* A group with all that is read in it. */
struct group {
	const struct sm_os *os;
	char mount[64]; /* below /sys/fs/cgroup: "" or "/memory" */
	char path[PATH_MAX_HERE];
};

static bool open_group(struct group *group, const struct sm_os *os, const char *controller)
{
	char groups[8192];

	*group = (struct group){ .os = os };
	if (sm_os_read(os, groups, sizeof(groups), "/proc/self/cgroup") < 0)
		return false;
	if (*controller && find_group(groups, controller, group->path)) {
		snprintf(group->mount, sizeof(group->mount), "/%s", controller);
		return true;
	}
	return find_group(groups, "", group->path);
}

/* A number at the start of a file of one level; NaN for "max", for a version 1 without a limit, and without the file. */
static double number_in(const struct group *group, const char *path, const char *file)
{
	char text[256], *end;
	double value;

	if (sm_os_read(group->os, text, sizeof(text), "/sys/fs/cgroup%s%s/%s", group->mount, path,
		       file) < 0)
		return NAN;
	value = strtod(text, &end);
	return end != text && value >= 0 && value < NO_LIMIT ? value : (double)NAN;
}

/* "50000 100000" of cpu.max, or the two files of version 1. */
static double cpus_in(const struct group *group, const char *path)
{
	char text[256];
	double quota, period;

	if (*group->mount)
		return number_in(group, path, "cpu.cfs_quota_us") /
		       number_in(group, path, "cpu.cfs_period_us");
	if (sm_os_read(group->os, text, sizeof(text), "/sys/fs/cgroup%s/cpu.max", path) < 0 ||
	    sscanf(text, "%lf %lf", &quota, &period) != 2)
		return NAN;
	return quota / period;
}

/* The least over the group and those above it; of files, the first name is version 2's. */
static double tightest(const struct sm_os *os, const char *controller, const char *v2, const char *v1)
{
	struct group group;
	double least = NAN;

	if (!open_group(&group, os, controller))
		return NAN;
	for (char *path = group.path;;) {
		const char *here = strcmp(path, "/") == 0 ? "" : path;
		double value = !v2 ? cpus_in(&group, here)
				   : number_in(&group, here, *group.mount ? v1 : v2);

		least = fmin(least, value);
		char *slash = strrchr(path, '/');

		if (!slash || !*path)
			return least;
		*slash = '\0';
	}
}

void sm_cgroup_limits(const struct sm_os *os, struct sm_cgroup_limits *out)
{
	*out = (struct sm_cgroup_limits){
		.memory_bytes = tightest(os, "memory", "memory.max", "memory.limit_in_bytes"),
		.cpu_pus = tightest(os, "cpu", NULL, NULL),
		.pids = tightest(os, "pids", "pids.max", "pids.max"),
		.hugetlb_2m_bytes = tightest(os, "hugetlb", "hugetlb.2MB.max",
					     "hugetlb.2MB.limit_in_bytes"),
		.hugetlb_1g_bytes = tightest(os, "hugetlb", "hugetlb.1GB.max",
					     "hugetlb.1GB.limit_in_bytes"),
	};
}

double sm_cgroup_throttled_ns(const struct sm_os *os)
{
	static const struct {
		const char *key;
		double ns;
	} units[] = { { "throttled_usec ", 1e3 }, { "throttled_time ", 1 } };
	struct group group;
	char text[1024];

	if (!open_group(&group, os, "cpu") ||
	    sm_os_read(os, text, sizeof(text), "/sys/fs/cgroup%s%s/cpu.stat", group.mount,
		       strcmp(group.path, "/") == 0 ? "" : group.path) < 0)
		return NAN;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const char *at = strstr(text, units[i].key);

		if (at)
			return strtod(at + strlen(units[i].key), NULL) * units[i].ns;
	}
	return NAN;
}
