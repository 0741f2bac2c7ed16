/* What events.c and counters.c share. */
#ifndef SHMETER_PLATFORM_COUNTERS_PRIVATE_H
#define SHMETER_PLATFORM_COUNTERS_PRIVATE_H

#include "shmeter/counters.h"

/* The state that a failed perf_event_open() means, and the sentence with its remedy. */
enum sm_count_state counters_state_of(int error, bool software, char reason[SM_ERROR_TEXT_MAX]);

#endif
