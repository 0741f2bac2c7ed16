/* Shared by the region files. */
#ifndef SHMETER_PLATFORM_REGION_PRIVATE_H
#define SHMETER_PLATFORM_REGION_PRIVATE_H

#include "shmeter/region.h"

#define THP_FOLDER "/sys/kernel/mm/transparent_hugepage"

/* Whether the pages of a region alternate between nodes. */
static inline bool region_is_interleaved(struct sm_memory asked)
{
	return asked.numa == SM_INTERLEAVE || asked.numa == SM_WEIGHTED;
}
/* Size of a transparent huge page of PMD size; 0 if the kernel has none. */
uint64_t region_thp_bytes(const struct sm_os *os);
/* Whether a region of this backing gets transparent huge pages at the first touch. */
bool region_thp_at_fault(const struct sm_os *os, enum sm_backing backing);
/* The mount point of a hugetlbfs with this page size: 0, or -ENOENT. */
int region_hugetlbfs(const struct sm_os *os, uint64_t page_bytes, char *out, size_t size);
/* One number from a file below os->root; `otherwise` if it cannot be read. */
uint64_t region_number(const struct sm_os *os, uint64_t otherwise, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Whether the cgroups of this process allow this many bytes of explicit huge pages: 0, or -ENODEV with the limit. */
int region_hugetlb_limit(const struct sm_os *os, struct sm_memory asked, uint64_t bytes, struct sm_error *err);
/* 0 if the kernel's files about pages exist, otherwise -ENODEV: nothing is known about pages. */
int region_sys_known(const struct sm_os *os, struct sm_error *err);

#endif
