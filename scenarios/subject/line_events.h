/* What the performance counters tell of lines in motion, for sm_scenario.events.  What exactly differs between
 * CPUs, and the report says it below the table. */
#ifndef SHMETER_SUBJECT_LINE_EVENTS_H
#define SHMETER_SUBJECT_LINE_EVENTS_H

#define LINE_EVENTS "loads-from-other-core,stores-from-other-core,fills-from-other-cache"

#endif
