/* The limits that a container sets: control groups, version 2 and 1 (Documentation/admin-guide/cgroup-v2.rst and
 * cgroup-v1/ of the kernel). */
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

/* How long this process' group was kept off the PUs by its CPU limit so far, ns; NaN where the kernel does not say. */
double sm_cgroup_throttled_ns(const struct sm_os *os);

#endif
