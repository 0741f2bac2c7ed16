/* Performance events that count transfers of cache lines, for sm_scenario.events.  What they count exactly differs
 * between CPUs; the report explains it below the table. */
#ifndef SHMETER_SUBJECT_LINE_EVENTS_H
#define SHMETER_SUBJECT_LINE_EVENTS_H

#define LINE_EVENTS "loads-from-other-core,stores-from-other-core,fills-from-other-cache"

#endif
