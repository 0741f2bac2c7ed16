/* The open counters of one worker. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "counters_private.h"

static bool available(const struct sm_event *event)
{
	return event->state == SM_COUNTED || event->state == SM_SCALED;
}

void sm_counters_open(struct sm_counters *counters, const struct sm_event_set *set,
		      const struct sm_os *os)
{
	int software_leader = -1;

	memset(counters, 0, sizeof(*counters));
	counters->set = set;
	counters->os = os;
	for (unsigned i = 0; set && i < set->count; i++) {
		struct perf_event_attr attr = set->event[i].attr;
		/* Software events in one group of their own: they survive a guest without a PMU.
		 * Hardware events alone, so that each is scaled by its own running time. */
		int group = set->event[i].software ? software_leader : -1;

		counters->fd[i] = -1;
		if (!available(&set->event[i]))
			continue;
		attr.disabled = group < 0; /* members follow their leader */
		counters->fd[i] = os->perf_open(&attr, 0, -1, group, PERF_FLAG_FD_CLOEXEC);
		if (counters->fd[i] < 0) {
			counters->fd[i] = -errno;
			continue;
		}
		if (group >= 0)
			continue;
		counters->leader[counters->leaders++] = counters->fd[i];
		if (set->event[i].software)
			software_leader = counters->fd[i];
	}
}

void sm_counters_enable(struct sm_counters *counters)
{
	for (unsigned i = 0; i < counters->leaders; i++)
		counters->os->perf_ioctl(counters->leader[i], PERF_EVENT_IOC_ENABLE,
					 PERF_IOC_FLAG_GROUP);
}

void sm_counters_disable(struct sm_counters *counters)
{
	for (unsigned i = 0; i < counters->leaders; i++)
		counters->os->perf_ioctl(counters->leader[i], PERF_EVENT_IOC_DISABLE,
					 PERF_IOC_FLAG_GROUP);
}

static struct sm_count read_one(struct sm_counters *counters, unsigned index)
{
	const struct sm_event *event = &counters->set->event[index];
	struct sm_count count = { .state = event->state };
	char reason[SM_ERROR_TEXT_MAX];
	uint64_t value[3]; /* value, time enabled, time running (perf_event_open(2)) */

	if (!available(event))
		return count;
	if (counters->fd[index] < 0) {
		count.state = counters_state_of(-counters->fd[index], event->software, reason);
		return count;
	}
	if (counters->os->perf_read(counters->fd[index], value, sizeof(value)) !=
	    (ssize_t)sizeof(value)) {
		count.state = SM_NOT_COUNTED;
		return count;
	}
	count.raw = value[0];
	count.enabled_ns = value[1];
	count.running_ns = value[2];
	if (value[2] == 0) {
		count.state = SM_NOT_COUNTED;
	} else if (value[2] < value[1]) {
		count.state = SM_SCALED;
		count.value = (double)value[0] * (double)value[1] / (double)value[2];
	} else {
		count.state = SM_COUNTED;
		count.value = (double)value[0];
	}
	return count;
}

void sm_counters_read(struct sm_counters *counters, struct sm_count out[SM_EVENTS_MAX])
{
	for (unsigned i = 0; counters->set && i < counters->set->count; i++)
		out[i] = read_one(counters, i);
}

void sm_counters_close(struct sm_counters *counters)
{
	for (unsigned i = 0; counters->set && i < counters->set->count; i++)
		if (counters->fd[i] >= 0)
			close(counters->fd[i]);
	memset(counters, 0, sizeof(*counters));
}
