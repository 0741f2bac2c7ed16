/* Messages of one size in numbered places of shared memory, for rings that count messages, not bytes. */
#ifndef SHMETER_SUBJECT_SLOTS_H
#define SHMETER_SUBJECT_SLOTS_H

#include "channel.h"
#include "shmeter/spin.h"

static inline size_t slots_stride(size_t message)
{
	return (message + 63) / 64 * 64;
}

/* Messages in flight: a power of two, at least `least`. */
static inline unsigned slots_count(size_t capacity, size_t message, unsigned least, unsigned most)
{
	unsigned count = least;

	while (count * 2 <= most && (size_t)count * 2 * message <= capacity)
		count *= 2;
	return count;
}

#endif
