/* `shmeter check --accept`: writes an exception for a gate instead of judging a run. */
#ifndef SHMETER_ACCEPT_H
#define SHMETER_ACCEPT_H

#include "options.h"

/* Called where any of --accept, --reason and --until is given.  Returns the exit code. */
int accept_gate(const struct check_options *options);

#endif
