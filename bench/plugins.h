/* The plug-ins of the command line. */
#ifndef SHMETER_BENCH_PLUGINS_H
#define SHMETER_BENCH_PLUGINS_H

#include "options.h"

/* Adds the transports and locks of the plug-ins to the scenarios and notes them in `plugins`.  One that cannot be used is
 * left out, with a sentence on standard error.  -EINVAL where there is no such file; -EINTR after a signal. */
SM_MUST_USE int plugins_add(struct plugins *plugins, struct sm_error *err);

#endif
