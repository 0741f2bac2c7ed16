/* Shared by the counter files. */
#ifndef SHMETER_PLATFORM_COUNTERS_PRIVATE_H
#define SHMETER_PLATFORM_COUNTERS_PRIVATE_H

#include "shmeter/counters.h"

/* The state for the errno of a failed perf_event_open(). */
enum sm_count_state counters_state_of(int error);
/* Writes why perf_event_open() failed with `error` for this event on this machine, and what would help. */
void counters_why_refused(const struct sm_os *os, const struct sm_event *event, int error,
			  char reason[SM_ERROR_TEXT_MAX]);
/* pmus.c */
/* Lists the PMUs whose PUs the kernel names. */
void counters_find_pmus(const struct sm_os *os, struct sm_event_set *set);
/* Index of the PMU of the PU that this process runs on; -1: none is known. */
int counters_pmu_here(const struct sm_event_set *set);
/* Whether the event is a generic one, and each kind of core has a PMU of its own for it. */
bool counters_is_of_kinds(const struct sm_event_set *set, const struct perf_event_attr *attr);
/* Directs a generic event to a PMU. */
void counters_set_pmu(struct perf_event_attr *attr, const struct sm_pmu *pmu);
/* The PMU with this number, as a bit; 0: none. */
unsigned counters_pmus_of_type(const struct sm_event_set *set, uint32_t type);
/* Whether the event belongs to the PMU of another kind of core than the one this process runs on; it counts only
 * there. */
bool counters_of_other_cores(const struct sm_event_set *set, const struct sm_event *event);

/* Writes why an event that was opened never ran. */
void counters_why_idle(const struct sm_os *os, char reason[SM_ERROR_TEXT_MAX]);
/* Writes why libpfm4 has no encoding for `what`.  `pmus`: the PMUs of this machine that libpfm4 knows; "": none. */
void counters_why_unknown(const struct sm_os *os, const char *what, const char *pmus, char reason[SM_ERROR_TEXT_MAX]);

/* The event that one CPU family has for a name of line_events.c. */
struct line_candidate {
	const char *event;
	const char *name; /* its name in the results; NULL: the requested one */
	const char *meaning;
};
/* Candidate `number` for a name, either a requested one or one from results (a resumed run asks for these).  NULL:
 * no more, or (for 0) no such name. */
const struct line_candidate *line_candidate(const char *name, unsigned number);
/* What the name stands for, in words. */
const char *line_what(const char *name);

#endif
