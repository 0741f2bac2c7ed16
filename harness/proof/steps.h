/* Which bytes of the memory each end changes. */
#ifndef SHMETER_PROOF_STEPS_H
#define SHMETER_PROOF_STEPS_H

#include "trial.h"

/* The watcher of TRIAL_STEPS: lets one call after another begin, and notes in rig->changed what each changed. */
void steps_watch(struct rig *rig, const struct trial *trial);
/* Lists the cache lines of which each end changes a byte that the other does not, such as "64 (sender byte 64, receiver byte
 * 72)"; cut at `size`.  Returns how many they are. */
unsigned steps_shared(const unsigned char *changed, size_t bytes, char *out, size_t size);

#endif
