/* Parts of the environment, each of which adds keys to it. */
#ifndef SHMETER_PLATFORM_ENVIRONMENT_PRIVATE_H
#define SHMETER_PLATFORM_ENVIRONMENT_PRIVATE_H

#include <jansson.h>

#include "shmeter/os.h"

/* kernel_settings.c: pages, limits of the kernel, frequency, mitigations and what else changes times. */
void environment_add_settings(json_t *object, const struct sm_os *os);
/* identity.c: container and host_id; needs virtual_machine and host. */
void environment_add_host(json_t *object, const struct sm_os *os);

#endif
