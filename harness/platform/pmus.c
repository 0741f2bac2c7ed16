/* The PMUs of the kinds of cores.  A hybrid machine has one for each kind; an event counts only on the PMU that it was
 * opened on, while its process runs on a PU of that one. */
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "counters_private.h"
#include "shmeter/text.h"

/* PERF_PMU_TYPE_SHIFT in the kernel's include/uapi/linux/perf_event.h, since 5.13: the type of the PMU that a generic
 * event is for. */
#define TYPE_SHIFT 32

/* The PMU of a folder of sysfs.  Only PMUs of cores have a file "cpus"; those of buses and devices have "cpumask". */
static bool read_pmu(const struct sm_os *os, const char *folder, struct sm_pmu *out)
{
	unsigned pu[SM_PMU_PUS];
	char type[32], cpus[4096];
	int count;

	if (sm_os_read(os, type, sizeof(type), "%s/type", folder) < 0 ||
	    sm_os_read(os, cpus, sizeof(cpus), "%s/cpus", folder) < 0)
		return false;
	count = sm_parse_list(cpus, pu, SM_PMU_PUS, NULL);
	if (count <= 0)
		return false;
	*out = (struct sm_pmu){ .type = (uint32_t)strtoul(type, NULL, 10) };
	snprintf(out->name, sizeof(out->name), "%s", strrchr(folder, '/') + 1);
	snprintf(out->cpus, sizeof(out->cpus), "%s", cpus);
	for (int i = 0; i < count; i++)
		if (pu[i] < SM_PMU_PUS)
			out->pu[pu[i] / 64] |= UINT64_C(1) << pu[i] % 64;
	return true;
}

void counters_find_pmus(const struct sm_os *os, struct sm_event_set *set)
{
	char pattern[512];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/sys/bus/event_source/devices/*", os->root);
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc && set->pmu_count < SM_PMUS_MAX; i++)
		if (read_pmu(os, found.gl_pathv[i] + strlen(os->root), &set->pmu[set->pmu_count]))
			set->pmu_count++;
	globfree(&found);
}

static bool has_pu(const struct sm_pmu *pmu, int pu)
{
	return pu >= 0 && pu < SM_PMU_PUS && pmu->pu[pu / 64] >> pu % 64 & 1;
}

int counters_pmu_here(const struct sm_event_set *set)
{
	int here = sched_getcpu();

	for (unsigned p = 0; p < set->pmu_count; p++)
		if (has_pu(&set->pmu[p], here))
			return (int)p;
	return -1;
}

bool counters_is_of_kinds(const struct sm_event_set *set, const struct perf_event_attr *attr)
{
	return set->pmu_count > 1 && (attr->type == PERF_TYPE_HARDWARE || attr->type == PERF_TYPE_HW_CACHE);
}

void counters_set_pmu(struct perf_event_attr *attr, const struct sm_pmu *pmu)
{
	attr->config |= (uint64_t)pmu->type << TYPE_SHIFT;
}

unsigned counters_pmus_of_type(const struct sm_event_set *set, uint32_t type)
{
	for (unsigned p = 0; p < set->pmu_count; p++)
		if (set->pmu[p].type == type)
			return 1u << p;
	return 0;
}

bool counters_of_other_cores(const struct sm_event_set *set, const struct sm_event *event)
{
	unsigned pmus = event->pmus ? event->pmus : counters_pmus_of_type(set, event->attr.type);
	int here = counters_pmu_here(set);

	return pmus && (here < 0 || !(pmus >> here & 1));
}

void sm_event_identity(const struct sm_event_set *set, unsigned event, unsigned pmus, char *out, size_t size)
{
	size_t used = (size_t)snprintf(out, size, "%s", set->event[event].fstr);

	for (unsigned p = 0, n = 0; set->event[event].pmus && p < set->pmu_count; p++)
		if (pmus >> p & 1 && used < size)
			used += (size_t)snprintf(out + used, size - used, "%c%s", n++ ? '+' : '@', set->pmu[p].name);
}

const char *sm_event_pmus(const char *fstr)
{
	const char *at = strrchr(fstr, '@');

	return at ? at + 1 : "";
}
