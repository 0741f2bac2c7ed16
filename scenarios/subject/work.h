/* Work between two accesses: a program does something else, too. */
#ifndef SHMETER_SUBJECT_WORK_H
#define SHMETER_SUBJECT_WORK_H

#include <stdint.h>

/* `turns` multiplications in a chain, each of which waits for the one before (3 to 4 cycles on cores of the last twenty
 * years): work that no compiler can leave out, no core can overlap with itself, and that touches no memory. */
static inline uint64_t work(uint64_t x, uint64_t turns)
{
	for (uint64_t i = 0; i < turns; i++) {
		x *= 0x9e3779b97f4a7c15u;
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

#endif
