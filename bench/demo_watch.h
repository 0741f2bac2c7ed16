/* Shared memory as the kernel sees it. */
#ifndef SHMETER_DEMO_WATCH_H
#define SHMETER_DEMO_WATCH_H

#include "options.h"

/* Prints segments, names and mappings, once or every second on a terminal; the operands after the first are processes. */
SM_MUST_USE int demo_watch(const struct demo_options *options, struct sm_error *err);

#endif
