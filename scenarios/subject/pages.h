/* Variants that differ only in page size: the well-known sizes, and others that the kernel offers. */
#ifndef SHMETER_SUBJECT_PAGES_H
#define SHMETER_SUBJECT_PAGES_H

#include "shmeter/scenario.h"

#define PAGES_VARIANTS_MAX 32

/* Each list ends with an empty entry.  In the second list memory is left lazy. */
extern struct sm_variant pages_variants[PAGES_VARIANTS_MAX];
extern struct sm_variant pages_variants_lazy[PAGES_VARIANTS_MAX];

/* Adds to both lists what the kernel offers beyond base pages, thp, 2m and 1g, as `extra` variants, and sets the size of
 * transparent huge pages.  The base pages stay those of 4 KiB (SM_PAGES_WRITTEN).  Call it once, before the scenarios are
 * used. */
void pages_ask_kernel(const struct sm_os *os);

#endif
