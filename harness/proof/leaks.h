/* What has a name on this machine and outlives processes. */
#ifndef SHMETER_PROOF_LEAKS_H
#define SHMETER_PROOF_LEAKS_H

#include <stdbool.h>
#include <stddef.h>

/* Lists this user's objects, one a line: POSIX shared memory and queues, System V objects, and the files in `scratch`
 * (NULL: none).  `idle`: not those that a process has open or mapped.  The caller frees. */
char *leaks_list(const char *scratch, bool idle);
/* Writes the lines of `after` that `before` lacks, with commas, cut at `size`.  Returns how many they are. */
unsigned leaks_compare(const char *before, const char *after, char *out, size_t size);
/* Ends the processes that plug-ins left, which were given to this one (PR_SET_CHILD_SUBREAPER), and names them, with their
 * sockets and other descriptors.  Call it while no child is at work.  Returns how many they were. */
unsigned leaks_processes(char *out, size_t size);
/* Descriptors of this process. */
unsigned leaks_descriptors(void);

#endif
