/* Every CPU model that libpfm4 knows, each told to it once as the one of this machine: for the unit test, and for the
 * guests, whose libpfm4 knows other models. */
#ifndef SHMETER_TESTS_EVERY_MODEL_H
#define SHMETER_TESTS_EVERY_MODEL_H

#include <perfmon/pfmlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/clock.h"
#include "shmeter/counters.h"
#include "shmeter/team.h"

#define MODELS_MAX  256
#define LINE_NAMES  3
#define LINE_EVENTS "loads-from-other-core,stores-from-other-core,fills-from-other-cache"

struct model {
	char pmu[64], description[160];
	struct sm_event event[LINE_NAMES]; /* in the order of LINE_EVENTS */
};
struct models {
	unsigned count;
	struct model model[MODELS_MAX];
};

/* A kernel that opens and runs every event. */
static inline int willing_open(struct perf_event_attr *attr, pid_t pid, int pu, int group, unsigned long flags)
{
	(void)attr;
	(void)pid;
	(void)pu;
	(void)group;
	(void)flags;
	return dup(0);
}
static inline int willing_ioctl(int fd, unsigned long request, unsigned long argument)
{
	(void)fd;
	(void)request;
	(void)argument;
	return 0;
}
static inline ssize_t willing_read(int fd, void *buffer, size_t size)
{
	uint64_t values[3] = { 1, 1, 1 };

	(void)fd;
	memcpy(buffer, values, size < sizeof(values) ? size : sizeof(values));
	return sizeof(values);
}

static inline int models_list(void *argument, unsigned index)
{
	struct models *models = argument;
	int number;

	(void)index;
	if (pfm_initialize() != PFM_SUCCESS)
		return 1;
	pfm_for_all_pmus(number)
	{
		pfm_pmu_info_t pmu = { .size = sizeof(pmu) };
		struct model *model = &models->model[models->count];

		if (pfm_get_pmu_info((pfm_pmu_t)number, &pmu) != PFM_SUCCESS || pmu.type != PFM_PMU_TYPE_CORE ||
		    models->count == MODELS_MAX)
			continue;
		snprintf(model->pmu, sizeof(model->pmu), "%s", pmu.name);
		snprintf(model->description, sizeof(model->description), "%s", pmu.desc);
		models->count++;
	}
	return 0;
}

static inline int models_force(void *argument, unsigned index)
{
	static const struct sm_os willing = {
		.root = "/nowhere", .perf_open = willing_open, .perf_ioctl = willing_ioctl, .perf_read = willing_read
	};
	static struct sm_event_set set;
	struct model *model = &((struct models *)argument)->model[index];
	struct sm_error err;

	setenv("LIBPFM_FORCE_PMU", model->pmu, 1);
	if (sm_events_prepare(&set, &willing, LINE_EVENTS, &err) < 0 || set.count != LINE_NAMES)
		return 1;
	memcpy(model->event, set.event, sizeof(model->event));
	return 0;
}

/* Runs it in `count` processes: libpfm4 looks once, when it starts, which PMU it is told to see. */
static inline int models_run(struct models *models, unsigned count, sm_member_fn member)
{
	struct sm_error err = { 0 };
	struct sm_team team;
	unsigned first = 0;
	enum sm_team_end end;

	if (sm_team_start(&team, count, "models", member, models, NULL, &err) < 0)
		return -1;
	end = sm_team_wait(&team, sm_clock_ns() + 60000000000u, NULL, &first);
	sm_team_free(&team);
	return end == SM_TEAM_DONE ? 0 : -1;
}

/* All of them, in memory of its own; NULL: a process failed. */
static inline struct models *models_of_libpfm4(void)
{
	struct models *models = mmap(NULL, sizeof(*models), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (models == MAP_FAILED)
		return NULL;
	return models_run(models, 1, models_list) == 0 && models_run(models, models->count, models_force) == 0 ? models
													       : NULL;
}

/* Whether the event is counted, with a meaning, or its reason is that libpfm4 lacks it for this model. */
static inline bool model_has_or_says(const struct model *model, const struct sm_event *event)
{
	char lacks[256];

	if (event->state == SM_COUNTED)
		return strncmp(event->fstr, model->pmu, strlen(model->pmu)) == 0 && sm_event_meaning(event->fstr);
	snprintf(lacks, sizeof(lacks), " on %s", model->description);
	return event->state == SM_NOT_SUPPORTED && strstr(event->reason, lacks) &&
	       strstr(event->reason, "libpfm4 has no event for ") == event->reason;
}

#endif
