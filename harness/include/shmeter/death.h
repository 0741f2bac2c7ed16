/* How one of our processes ended, in words: who killed it and, where the kernel says so, why. */
#ifndef SHMETER_DEATH_H
#define SHMETER_DEATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/os.h"

/* State that is recorded before a process starts and compared when it has ended. */
struct sm_death_watch {
	double memory_kills;      /* kills for lack of memory that the kernel counted; NaN: not known */
	uint64_t huge_page_bytes; /* size of the explicit huge pages that it touches; 0: none */
};
void sm_death_watch(const struct sm_os *os, uint64_t huge_page_bytes, struct sm_death_watch *watch);

/* Says how a process that signal `number` killed has ended, as the rest of a sentence: "was killed for memory: its
 * cgroup allows 256 MiB; raise ...".  Returns true where it lacked memory, so that a smaller case or a higher limit may
 * succeed. */
bool sm_death_words(const struct sm_os *os, const struct sm_death_watch *before, int number, char *out, size_t size);

#endif
