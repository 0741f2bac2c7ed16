/* System settings that would improve measurements, with the values to set. */
#ifndef SHMETER_TUNING_H
#define SHMETER_TUNING_H

#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/os.h"
#include "shmeter/region.h"

#define SM_TUNINGS_MAX 1100 /* a governor a PU, and a few more */

struct sm_tuning {
	char path[128];
	char now[64], wanted[64]; /* equal: nothing to change */
	uint64_t pages;           /* pages of a pool, on top of those that others use; 0: not a pool */
	const char *why;
};

/* Lists the settings that help on this machine, including those already set: huge-page pools, transparent huge pages of
 * shared memory, the frequency governor, NUMA balancing, permission to count, limits of message queues.  Returns how
 * many. */
unsigned sm_tuning_list(const struct sm_os *os, struct sm_tuning out[SM_TUNINGS_MAX]);

/* The setting that gives a pool `pages` free explicit huge pages of a size.  With `over` set the system gives them up
 * only while they are in use (nr_overcommit_hugepages).  0: the kernel has no such size; 1: `out` is filled. */
int sm_tuning_pool(const struct sm_os *os, uint64_t page_bytes, uint64_t pages, bool over, struct sm_tuning *out);
/* The setting that gives shared memory transparent huge pages of this kind at the fault.  Returns as sm_tuning_pool(),
 * and also 0 where the system denies them. */
int sm_tuning_thp(const struct sm_os *os, struct sm_pages pages, struct sm_tuning *out);

/* Whether `path` is one of the settings above, for any page size and PU.  This program changes no others. */
bool sm_tuning_knows(const char *path);

#endif
