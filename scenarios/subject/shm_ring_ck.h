/* Concurrency Kit's ck_ring between two processes: it passes the numbers of places in shared memory.
 *
 * A ring of n entries holds n - 1.  There are n + 1 places, so that the place to be written next is neither in the
 * ring nor still being copied out. */
#ifndef SHMETER_SUBJECT_SHM_RING_CK_H
#define SHMETER_SUBJECT_SHM_RING_CK_H

#include <ck_ring.h>
#include <stdalign.h>
#include <string.h>

#include "slots.h"

struct ck_channel {
	alignas(SM_LINE_PAIR) ck_ring_t ring;
	alignas(SM_LINE_PAIR) char rest[]; /* the ring's buffer, then the places */
};

static inline unsigned shm_ring_ck_entries(size_t capacity, size_t message)
{
	return slots_count(capacity, message, 4, 1u << 20);
}

static inline ck_ring_buffer_t *shm_ring_ck_buffer(struct ck_channel *channel)
{
	return (ck_ring_buffer_t *)(void *)channel->rest;
}

static inline char *shm_ring_ck_place(struct channel *channel, uint64_t number)
{
	struct ck_channel *shared = channel->memory;

	return shared->rest + channel->slots * sizeof(ck_ring_buffer_t) +
	       (size_t)(number % (channel->slots + 1)) * slots_stride(channel->message);
}

static inline size_t shm_ring_ck_bytes(size_t capacity, size_t message)
{
	unsigned entries = shm_ring_ck_entries(capacity, message);

	return sizeof(struct ck_channel) + entries * sizeof(ck_ring_buffer_t) + (entries + 1) * slots_stride(message);
}

static inline int shm_ring_ck_open(struct channel pair[2], struct sm_error *err)
{
	(void)err;
	for (int i = 0; i < 2; i++) {
		pair[i].slots = shm_ring_ck_entries(pair[i].capacity, pair[i].message);
		ck_ring_init(&((struct ck_channel *)pair[i].memory)->ring, pair[i].slots);
	}
	return 0;
}

/* Puts in one message if the ring has room for its number; the place itself is always free. */
static inline size_t shm_ring_ck_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	struct ck_channel *shared = channel->memory;

	message_copy(shm_ring_ck_place(channel, channel->count), buffer, bytes);
	if (!ck_ring_enqueue_spsc(&shared->ring, shm_ring_ck_buffer(shared), (void *)(uintptr_t)(channel->count + 1)))
		return 0;
	channel->count++;
	return bytes;
}

static inline bool shm_ring_ck_send(struct channel *channel, const void *buffer, size_t bytes)
{
	struct ck_channel *shared = channel->memory;

	message_copy(shm_ring_ck_place(channel, channel->count), buffer, bytes);
	/* The place's number as a pointer that is never NULL.  The enqueue is a release. */
	for (unsigned turns = 0;
	     !ck_ring_enqueue_spsc(&shared->ring, shm_ring_ck_buffer(shared), (void *)(uintptr_t)(channel->count + 1));)
		if (!sm_spin(&turns, channel->abort))
			return false;
	channel->count++;
	return true;
}

static inline bool shm_ring_ck_receive(struct channel *channel, void *buffer, size_t bytes)
{
	struct ck_channel *shared = channel->memory;
	void *number = NULL;

	for (unsigned turns = 0; !ck_ring_dequeue_spsc(&shared->ring, shm_ring_ck_buffer(shared), &number);)
		if (!sm_spin(&turns, channel->abort))
			return false;
	message_copy(buffer, shm_ring_ck_place(channel, (uintptr_t)number - 1), bytes);
	return true;
}

static inline void shm_ring_ck_close(struct channel pair[2])
{
	(void)pair;
}

#endif
