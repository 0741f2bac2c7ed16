/* Measures how long one turn of a wait takes. */
#include "shmeter/spin.h"

#include <limits.h>

#include "shmeter/clock.h"

/* A batch takes some microseconds, many times a reading of the clock.  The shortest batch counts, because it has no
 * interrupt. */
#define TURNS   128u
#define BATCHES 16u

unsigned sm_spin_turns(uint64_t window_ns)
{
	_Atomic uint32_t word = 0;
	uint64_t shortest_ns = UINT64_MAX, turns;

	for (unsigned batch = 0; batch < BATCHES; batch++) {
		uint64_t start_ns = sm_clock_ns(), took_ns;

		/* relaxed: no other process knows the word. */
		for (unsigned i = 0; i < TURNS && atomic_load_explicit(&word, memory_order_relaxed) == 0; i++)
			sm_relax();
		took_ns = sm_clock_ns() - start_ns;
		shortest_ns = took_ns < shortest_ns ? took_ns : shortest_ns;
	}
	turns = window_ns * TURNS / (shortest_ns ? shortest_ns : 1);
	return turns < 1 ? 1 : turns > INT_MAX ? INT_MAX : (unsigned)turns;
}
