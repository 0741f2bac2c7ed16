/* What has a name on this machine and outlives processes. */
#ifndef SHMETER_PROOF_LEAKS_H
#define SHMETER_PROOF_LEAKS_H

#include <stddef.h>

/* Lists this user's objects, one a line: POSIX shared memory and queues, System V objects, and the files in `scratch`
 * (NULL: none).  The caller frees. */
char *leaks_list(const char *scratch);
/* Writes the lines of `after` that `before` lacks, with commas, cut at `size`.  Returns how many they are. */
unsigned leaks_compare(const char *before, const char *after, char *out, size_t size);

#endif
