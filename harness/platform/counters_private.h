/* What the files of the counters share. */
#ifndef SHMETER_PLATFORM_COUNTERS_PRIVATE_H
#define SHMETER_PLATFORM_COUNTERS_PRIVATE_H

#include "shmeter/counters.h"

/* The state that a failed perf_event_open() means, by its errno. */
enum sm_count_state counters_state_of(int error);
/* Why perf_event_open() failed with `error` for this event on this machine, and what would help. */
void counters_why_refused(const struct sm_os *os, const struct sm_event *event, int error,
			  char reason[SM_ERROR_TEXT_MAX]);
/* Whether the event is of a PMU of the other kind of cores than this process runs on: it runs there only. */
bool counters_of_other_cores(const struct sm_os *os, const struct sm_event *event);
/* Why an event that opened never ran. */
void counters_why_idle(const struct sm_os *os, char reason[SM_ERROR_TEXT_MAX]);
/* Why libpfm4 encodes no event for `what`.  `pmus`: the PMUs of this machine that it knows; "": none. */
void counters_why_unknown(const struct sm_os *os, const char *what, const char *pmus, char reason[SM_ERROR_TEXT_MAX]);

/* What one family of CPUs has for a name of line_events.c. */
struct line_candidate {
	const char *event;
	const char *name; /* what it is called instead; NULL: as asked for */
	const char *meaning;
};
/* Candidate `number` of a name, asked for or got (a resumed run asks for what it got); NULL: no more, or (for 0) not
 * such a name. */
const struct line_candidate *line_candidate(const char *name, unsigned number);
/* What the name is to count, in words. */
const char *line_what(const char *name);

#endif
