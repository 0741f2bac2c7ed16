/* The description of a machine that replaces this one's. */
#ifndef SHMETER_PLATFORM_TOPOLOGY_SOURCE_H
#define SHMETER_PLATFORM_TOPOLOGY_SOURCE_H

#include "shmeter/error.h"

/* Checks what HWLOC_XMLFILE and HWLOC_SYNTHETIC name, before hwloc uses it.  A negative errno says what is wrong. */
SM_MUST_USE int topology_check_source(struct sm_error *err);
/* Says why hwloc could not load a topology; `source` is a file, or NULL: this machine's, or that of HWLOC_XMLFILE. */
SM_MUST_USE int topology_cannot_load(const char *source, int error, struct sm_error *err);

#endif
