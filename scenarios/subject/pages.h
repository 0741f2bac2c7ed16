/* Variants that differ in page size alone: those that everybody knows, and what else the kernel offers. */
#ifndef SHMETER_SUBJECT_PAGES_H
#define SHMETER_SUBJECT_PAGES_H

#include "shmeter/scenario.h"

#define PAGES_VARIANTS_MAX 32

/* End with an empty entry.  In the second, memory is left lazy. */
extern struct sm_variant pages_variants[PAGES_VARIANTS_MAX];
extern struct sm_variant pages_variants_lazy[PAGES_VARIANTS_MAX];

/* Adds to both lists what the kernel offers beyond 4k, thp, 2m and 1g, as `extra` variants; on machines with
 * other base pages the first gets their name.  Once, before the scenarios are used. */
void pages_ask_kernel(const struct sm_os *os);

#endif
