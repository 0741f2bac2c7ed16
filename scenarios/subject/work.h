/* Work between two accesses, because a real program does something else, too. */
#ifndef SHMETER_SUBJECT_WORK_H
#define SHMETER_SUBJECT_WORK_H

#include <stdint.h>

/* A chain of `turns` dependent multiplications (3 to 4 cycles each on cores of the last twenty years).  The compiler
 * cannot remove this work, a core cannot overlap it with itself, and it touches no memory. */
static inline uint64_t work(uint64_t x, uint64_t turns)
{
	for (uint64_t i = 0; i < turns; i++) {
		x *= 0x9e3779b97f4a7c15u;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

#endif
