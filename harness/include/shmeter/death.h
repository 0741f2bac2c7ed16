/* How a process of ours ended, in words: who killed it, and for what, where the kernel says. */
#ifndef SHMETER_DEATH_H
#define SHMETER_DEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/os.h"

/* What is looked at before a process starts, and again when it ended. */
struct sm_death_watch {
	double memory_kills;      /* that the kernel counted; NaN: it does not say */
	uint64_t huge_page_bytes; /* of the explicit huge pages that it touches; 0: none */
};
void sm_death_watch(const struct sm_os *os, uint64_t huge_page_bytes, struct sm_death_watch *watch);

/* Writes how a process ended that a signal killed, as the rest of a sentence: "was killed for memory: its cgroup allows
 * 256 MiB; raise ...".  True: it lacked memory, so a smaller case, or a higher limit, may end well. */
bool sm_death_words(const struct sm_os *os, const struct sm_death_watch *before, int number, char *out, size_t size);

#endif
