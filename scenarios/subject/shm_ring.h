/* The spinning ring in shared memory.  Both ends need a PU of their own. */
#ifndef SHMETER_SUBJECT_SHM_RING_H
#define SHMETER_SUBJECT_SHM_RING_H

#include "spsc.h"

static inline size_t shm_ring_bytes(size_t capacity, size_t message)
{
	(void)message;
	return sizeof(struct spsc) + capacity;
}

/* The region is zeroed, which is an empty ring. */
static inline int shm_ring_open(struct channel pair[2], struct sm_error *err)
{
	(void)pair;
	(void)err;
	return 0;
}

static inline bool shm_ring_send(struct channel *channel, const void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;

	for (unsigned turns = 0; !spsc_has_room(ring, channel->capacity, bytes);)
		if (!sm_spin(&turns, channel->abort))
			return false;
	spsc_put(ring, channel->capacity, buffer, bytes);
	spsc_produced(ring, bytes);
	return true;
}

static inline bool shm_ring_receive(struct channel *channel, void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;

	for (unsigned turns = 0; !spsc_has_data(ring, bytes);)
		if (!sm_spin(&turns, channel->abort))
			return false;
	spsc_get(ring, channel->capacity, buffer, bytes);
	spsc_consumed(ring, bytes);
	return true;
}

static inline size_t shm_ring_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return spsc_offer(channel->memory, channel->capacity, buffer, bytes);
}

static inline void shm_ring_close(struct channel pair[2])
{
	(void)pair;
}

#endif
