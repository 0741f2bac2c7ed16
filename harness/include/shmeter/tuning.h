/* Settings of the system that would help, and what they would be. */
#ifndef SHMETER_TUNING_H
#define SHMETER_TUNING_H

#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/os.h"
#include "shmeter/region.h"

#define SM_TUNINGS_MAX 1100 /* a governor a PU, and a few more */

struct sm_tuning {
	char path[128];
	char now[64], wanted[64]; /* the same: it is as it should be */
	uint64_t pages;           /* of a pool, wished for beside what others use; 0: no pool */
	const char *why;
};

/* What would help on this machine, also what is so already: huge-page pools, transparent huge pages of shared memory, the
 * frequency governor, NUMA balancing, permission to count, limits of message queues.  Returns how many. */
unsigned sm_tuning_list(const struct sm_os *os, struct sm_tuning out[SM_TUNINGS_MAX]);

/* The pool that has to have `pages` explicit huge pages of a size free; with `over` set they are taken from the
 * system only while they are in use (nr_overcommit_hugepages).  0: the kernel has no such size; 1: `out` says it. */
int sm_tuning_pool(const struct sm_os *os, uint64_t page_bytes, uint64_t pages, bool over, struct sm_tuning *out);
/* The setting by which shared memory gets transparent huge pages of this kind at the fault; also 0 where the system
 * denies them. */
int sm_tuning_thp(const struct sm_os *os, struct sm_pages pages, struct sm_tuning *out);

/* Whether it is the path of a setting that this program may have changed: of those above, for any page size and PU. */
bool sm_tuning_knows(const char *path);

#endif
