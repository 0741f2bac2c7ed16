/* Loads a plug-in into this process, which is a child or a worker. */
#ifndef SHMETER_PLATFORM_PLUGIN_LOAD_H
#define SHMETER_PLATFORM_PLUGIN_LOAD_H

#include <sys/stat.h>

#include "shmeter/plugins.h"

/* Size and time of change, as struct sm_plugged has them: so a file that is built anew in the middle of a run is noticed. */
const char *plugin_identity(const struct stat *status);

/* Whether the reserved members of a struct are NULL. */
bool plugin_is_null(void *const *pointer, size_t count);

/* Loads the file, with standard input, output and error closed to it.  Returns what it exports, or NULL with the reason where
 * it is no plug-in of this ABI. */
const struct shmeter_export *plugin_load(const char *file, struct sm_error *err);

#endif
