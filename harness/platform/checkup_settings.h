/* The part of the check-up that looks at settings of the kernel. */
#ifndef SHMETER_PLATFORM_CHECKUP_SETTINGS_H
#define SHMETER_PLATFORM_CHECKUP_SETTINGS_H

#include "shmeter/environment.h"

/* Notes the settings that change times, and what to do about each.  Writes up to `max` notes, returns how many. */
unsigned checkup_settings(const json_t *environment, struct sm_checkup *out, unsigned max);

#endif
