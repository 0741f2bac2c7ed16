/* A spin window is a time: as many turns as take that long here. */
#include <criterion/criterion.h>

#include "shmeter/clock.h"
#include "shmeter/spin.h"

/* The shortest of several waits of so many turns: what others of this machine do only lengthens them. */
static uint64_t shortest_wait_ns(unsigned turns)
{
	_Atomic uint32_t word = 0;
	uint64_t shortest = UINT64_MAX;

	for (unsigned try = 0; try < 50; try++) {
		uint64_t start = sm_clock_ns(), took;

		for (unsigned i = 0; i < turns && atomic_load_explicit(&word, memory_order_relaxed) == 0; i++)
			sm_relax();
		took = sm_clock_ns() - start;
		shortest = took < shortest ? took : shortest;
	}
	return shortest;
}

TestSuite(spin, .timeout = 30);

Test(spin, a_window_is_as_long_as_was_asked_for)
{
	static const uint64_t windows[] = { 2000, 20000, 200000 };

	for (unsigned i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		unsigned turns = sm_spin_turns(windows[i]);
		uint64_t took = shortest_wait_ns(turns);

		cr_expect(took > windows[i] / 2 && took < windows[i] * 2, "%u turns for %lu ns took %lu", turns,
			  windows[i], took);
	}
}

Test(spin, a_window_has_a_turn_at_least)
{
	cr_expect_eq(sm_spin_turns(0), 1);
}

/* A turn is a pause and not nothing: `yield` on arm64 takes no time. */
Test(spin, a_pause_takes_time)
{
	cr_expect_lt(sm_spin_turns(1000000), 500000, "a turn takes under 2 ns");
}
