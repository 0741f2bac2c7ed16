/* The name of the CPU. */
#ifndef SHMETER_PLATFORM_CPU_MODEL_H
#define SHMETER_PLATFORM_CPU_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "shmeter/os.h"

/* Writes the name of the CPU from /proc/cpuinfo: the kernel's own where it gives one ("AMD EPYC 9654"), else a name for
 * the numbers that it gives ("Neoverse-N1", "IBM z15").  Several kinds of cores are joined: "Cortex-X925 + Cortex-A725".
 * `*vendor` gets the maker of an Arm CPU, else NULL.  False where the file tells neither. */
bool cpu_model(const struct sm_os *os, char *out, size_t size, const char **vendor);

#endif
