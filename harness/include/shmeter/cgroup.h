/* The limits that a container sets: control groups, version 2 and 1, and both beside each other
 * (Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the kernel). */
#ifndef SHMETER_CGROUP_H
#define SHMETER_CGROUP_H

#include <stdint.h>

#include "shmeter/os.h"

/* The tightest limit of this process' group and those above it that it can see; NaN: none, or not known. */
struct sm_cgroup_limits {
	double memory_bytes; /* memory.max */
	double cpu_pus;      /* cpu.max: quota over period, 0.5 is half a PU */
	double pids;         /* pids.max */
	double hugetlb_2m_bytes, hugetlb_1g_bytes;
};
void sm_cgroup_limits(const struct sm_os *os, struct sm_cgroup_limits *out);

/* What may still be taken where that is least.  Left UINT64_MAX: there is no limit, or it cannot be read. */
struct sm_room {
	uint64_t left, limit; /* bytes; what is left of the limit that leaves least */
	char file[640];       /* the file that sets it; "" where the machine's own memory is what is scarce */
};
/* Of the memory that is available to the machine and to this process' group and all those above it. */
void sm_memory_room(const struct sm_os *os, struct sm_room *out);
/* Of explicit huge pages of this size, by the groups alone. */
void sm_hugetlb_room(const struct sm_os *os, uint64_t page_bytes, struct sm_room *out);
/* What the machine can give without swapping, bytes (MemAvailable of proc_meminfo(5)); UINT64_MAX: not known. */
uint64_t sm_memory_available(const struct sm_os *os);

/* Of processes: by the groups alone (pids.max). */
void sm_pids_room(const struct sm_os *os, struct sm_room *out);

/* How long this process' group and those above it were kept off the PUs by their CPU limits so far, ns, added up over PUs;
 * NaN where the kernel does not say. */
double sm_cgroup_throttled_ns(const struct sm_os *os);
/* How often (nr_throttled), likewise. */
double sm_cgroup_throttled_times(const struct sm_os *os);

/* Processes that the kernel killed for memory so far: of this group (memory.events, memory.oom_control), or of the machine
 * where no group tells (vmstat); NaN where neither does. */
double sm_memory_kills(const struct sm_os *os);

#endif
