/* The limits that a container sets: control groups of version 1, version 2, or both together
 * (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel). */
#ifndef SHMETER_CGROUP_H
#define SHMETER_CGROUP_H

#include <stdint.h>

#include "shmeter/os.h"

/* The tightest limits among this process's group and the groups above it that it can see.  NaN: no limit, or not
 * known. */
struct sm_cgroup_limits {
	double memory_bytes; /* memory.max */
	double cpu_pus;      /* cpu.max: quota over period, 0.5 is half a PU */
	double pids;         /* pids.max */
	double hugetlb_2m_bytes, hugetlb_1g_bytes;
};
void sm_cgroup_limits(const struct sm_os *os, struct sm_cgroup_limits *out);

/* What may still be allocated under the tightest limit.  `left` is UINT64_MAX where there is no limit or it cannot be
 * read. */
struct sm_room {
	uint64_t left, limit; /* of the limit that leaves least: bytes, or processes */
	char file[640];       /* the file that sets the limit; "" where the machine's own memory is the tightest */
};
/* Room for memory: what the machine has available, and what this process's group and the groups above it allow. */
void sm_memory_room(const struct sm_os *os, struct sm_room *out);
/* Room for explicit huge pages of this size, in bytes; only the groups' limits count. */
void sm_hugetlb_room(const struct sm_os *os, uint64_t page_bytes, struct sm_room *out);
/* Memory that the machine has available without swapping, in bytes (MemAvailable of proc_meminfo(5)).  UINT64_MAX: not
 * known. */
uint64_t sm_memory_available(const struct sm_os *os);

/* Room for processes; only the groups' limits count (pids.max). */
void sm_pids_room(const struct sm_os *os, struct sm_room *out);

/* How long CPU limits have throttled this process's group and the groups above it so far, in ns, summed over PUs.  NaN
 * where the kernel does not say. */
double sm_cgroup_throttled_ns(const struct sm_os *os);
/* How often they were throttled so far (nr_throttled); NaN likewise. */
double sm_cgroup_throttled_times(const struct sm_os *os);

/* How many processes the kernel has killed for lack of memory so far: in this group (memory.events,
 * memory.oom_control), or on the whole machine where the group does not say (vmstat).  NaN: not known. */
double sm_memory_kills(const struct sm_os *os);

#endif
