/* Which bytes of the memory each end changes. */
#include "steps.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/clock.h"
#include "shmeter/memory.h"

#define SENDER   1u
#define RECEIVER 2u
#define LINE     64u        /* bytes of a cache line on x86-64 and most others */
#define WAIT_NS  500000000u /* a call that takes longer waits for the other end */

/* Lets one call begin and waits for its return. */
static bool step(struct rig_control *control, uint32_t number)
{
	uint64_t began = sm_clock_ns();

	atomic_store(&control->step, number);
	while (atomic_load(&control->stepped) < number) {
		if (sm_clock_ns() - began > WAIT_NS || atomic_load(&control->over))
			return false;
		sched_yield();
	}
	return true;
}

static bool are_attached(struct rig_control *control, unsigned ends)
{
	uint64_t began = sm_clock_ns();
	unsigned entered;

	do {
		entered = 0;
		for (unsigned i = 0; i < ends; i++)
			entered += atomic_load(&control->end[i].entered);
		sched_yield();
	} while (entered < ends && sm_clock_ns() - began < 4 * (uint64_t)WAIT_NS);
	return entered == ends;
}

void steps_watch(struct rig *rig, const struct trial *trial)
{
	const char *memory = rig_memory(rig, 0);
	char *before = sm_memory(rig->bytes);
	bool goes_on = are_attached(rig->control, 2);

	for (uint64_t i = 1; goes_on && i <= 2 * trial->count; i++) {
		memcpy(before, memory, rig->bytes);
		goes_on = step(rig->control, (uint32_t)i);
		for (size_t b = 0; goes_on && b < rig->bytes; b++)
			if (before[b] != memory[b])
				rig->changed[b] |= i % 2 ? SENDER : RECEIVER;
	}
	free(before);
	if (!goes_on) {
		atomic_store(&rig->control->stuck, 1);
		atomic_store(&rig->control->over, 1);
	}
}

unsigned steps_shared(const unsigned char *changed, size_t bytes, char *out, size_t size)
{
	unsigned count = 0;
	size_t used = 0;

	out[0] = '\0';
	for (size_t line = 0; line < bytes; line += LINE) {
		size_t end = line + LINE < bytes ? line + LINE : bytes, first[3] = { end, end, end };

		for (size_t b = end; b-- > line;)
			if (changed[b] == SENDER || changed[b] == RECEIVER)
				first[changed[b]] = b;
		if (first[SENDER] == end || first[RECEIVER] == end)
			continue;
		if (used + 80 < size)
			used += (size_t)snprintf(out + used, size - used, "%s%zu (sender byte %zu, receiver byte %zu)",
						 count ? ", " : "", line, first[SENDER], first[RECEIVER]);
		count++;
	}
	return count;
}
