/* The open counters of one worker. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "counters_private.h"

/* The clock events have their own PMUs in the kernel.  In a group with other software events they may stay off (98 %
 * of the time in kernel 6.18, when the group is switched with PERF_IOC_FLAG_GROUP), so each is opened alone. */
static bool is_clock(const struct perf_event_attr *attr)
{
	return attr->config == PERF_COUNT_SW_TASK_CLOCK || attr->config == PERF_COUNT_SW_CPU_CLOCK;
}

void sm_counters_open(struct sm_counters *counters, const struct sm_event_set *set, const struct sm_os *os)
{
	int software_leader = -1, here = set && set->pmu_count > 0 ? counters_pmu_here(set) : -1;

	memset(counters, 0, sizeof(*counters));
	counters->set = set;
	counters->os = os;
	for (unsigned i = 0; set && i < set->count; i++) {
		struct perf_event_attr attr = set->event[i].attr;
		/* Software events share one group, so that they also work in a guest without a PMU.  Hardware events
		 * are opened alone, so that each is scaled by its own running time. */
		bool grouped = set->event[i].software && !is_clock(&attr);
		int leader = grouped ? software_leader : -1;

		counters->fd[i] = -1;
		counters->leader[i] = leader < 0 ? i : (unsigned)leader;
		counters->pmus[i] = counters_pmus_of_type(set, attr.type);
		if (!sm_event_available(&set->event[i]))
			continue;
		if (set->event[i].pmus && (here < 0 || !(set->event[i].pmus >> here & 1))) {
			counters->fd[i] = -ENOENT;
			continue;
		}
		if (set->event[i].pmus) {
			counters_set_pmu(&attr, &set->pmu[here]);
			counters->pmus[i] = 1u << here;
		}
		attr.disabled = leader < 0; /* members follow their leader */
		counters->fd[i] =
			os->perf_open(&attr, 0, -1, leader < 0 ? -1 : counters->fd[leader], PERF_FLAG_FD_CLOEXEC);
		if (counters->fd[i] < 0)
			counters->fd[i] = -errno;
		else if (grouped && leader < 0)
			software_leader = (int)i;
	}
}

static bool leads(const struct sm_counters *counters, unsigned index)
{
	return counters->leader[index] == index && counters->fd[index] >= 0;
}

/* Switches only the leaders: their groups go on and off the PMU with them.  With PERF_IOC_FLAG_GROUP the kernel
 * would visit every member, which takes three times as long. */
static void switch_all(struct sm_counters *counters, unsigned long request)
{
	for (unsigned i = 0; counters->set && i < counters->set->count; i++)
		if (leads(counters, i))
			counters->os->perf_ioctl(counters->fd[i], request, 0);
}

void sm_counters_enable(struct sm_counters *counters)
{
	switch_all(counters, PERF_EVENT_IOC_ENABLE);
}

void sm_counters_disable(struct sm_counters *counters)
{
	switch_all(counters, PERF_EVENT_IOC_DISABLE);
}

static struct sm_count read_one(const struct sm_counters *counters, unsigned index, const struct sm_count *leader)
{
	struct sm_count count = { .state = SM_NOT_COUNTED, .pmus = counters->pmus[index] };
	uint64_t value[3]; /* value, time enabled, time running (perf_event_open(2)) */

	if (counters->os->perf_read(counters->fd[index], value, sizeof(value)) != (ssize_t)sizeof(value))
		return count;
	count.raw = value[0];
	/* Use the leader's enabled time for a member, as both are meant to count equally long.  The member's own
	 * time runs on for about a microsecond each time the leader is switched (kernel 6.18), which would look like
	 * multiplexing. */
	count.enabled_ns = leader ? leader->enabled_ns : value[1];
	count.running_ns = value[2];
	if (count.running_ns == 0)
		return count;
	count.state = count.running_ns < count.enabled_ns ? SM_SCALED : SM_COUNTED;
	count.value = (double)count.raw;
	if (count.state == SM_SCALED)
		count.value *= (double)count.enabled_ns / (double)count.running_ns;
	return count;
}

void sm_counters_read(struct sm_counters *counters, struct sm_count out[SM_EVENTS_MAX])
{
	for (unsigned i = 0; counters->set && i < counters->set->count; i++) {
		const struct sm_event *event = &counters->set->event[i];
		unsigned leader =
			counters->leader[i]; /* leaders are opened, and therefore read, before their members */

		if (!sm_event_available(event))
			out[i] = (struct sm_count){ .state = event->state };
		else if (counters->fd[i] < 0)
			out[i] = (struct sm_count){ .state = counters_state_of(-counters->fd[i]) };
		else
			out[i] = read_one(counters, i, leader == i ? NULL : &out[leader]);
	}
}

void sm_counters_close(struct sm_counters *counters)
{
	for (unsigned i = 0; counters->set && i < counters->set->count; i++)
		if (counters->fd[i] >= 0)
			close(counters->fd[i]);
	memset(counters, 0, sizeof(*counters));
}
