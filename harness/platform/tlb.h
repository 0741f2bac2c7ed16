#ifndef SHMETER_PLATFORM_TLB_H
#define SHMETER_PLATFORM_TLB_H

#include <stdbool.h>

/* Entries of the largest data TLB of this PU for base pages, or for 2 MiB pages; 0: unknown, as in every virtual machine. */
unsigned tlb_entries(bool huge);

#endif
