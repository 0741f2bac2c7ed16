/* Slots in shared memory for one producer and one consumer, each with its message and its state: a message of up to
 * 56 bytes is one cache line that moves, where a ring with an index moves two.  Of up to 24 bytes, several share a line: the
 * receiver then waits in a line that it has, and a lap of the ring touches a quarter or half as many (docs/peers.md).
 * It spins: both ends need a PU of their own.
 *
 * The state is the last word of a slot, the number of the message in it from 1 on, so zeroed slots are empty.  The
 * receiver waits for the number that is due.  It writes into no slot, which would move the line back: it counts what it
 * has taken in a line that the sender reads only when its copy says full (spsc.h, in messages instead of bytes). */
#ifndef SHMETER_SUBJECT_SHM_SLOTS_H
#define SHMETER_SUBJECT_SHM_SLOTS_H

#include "slots.h"
#include "spsc.h"

/* The memory order that publishes a slot.  Only a test that plants a wrong order changes it. */
#ifndef SHM_SLOTS_PUBLISH
#define SHM_SLOTS_PUBLISH memory_order_release
#endif

static inline unsigned shm_slots_count(size_t capacity, size_t message)
{
	return slots_count(capacity, message, 4, 1u << 20);
}

/* Bytes of a slot: a share of a line, or whole lines.  A larger message begins one, so that its copy is aligned, and its
 * state follows behind it. */
static inline size_t shm_slots_stride(size_t message)
{
	size_t bytes = message + sizeof(uint64_t);

	return bytes <= 16 ? 16 : bytes <= 32 ? 32 : slots_stride(bytes);
}

static inline char *shm_slots_at(struct channel *channel, uint64_t number, size_t message)
{
	struct spsc *ring = channel->memory;

	return ring->data + (size_t)(number & (channel->slots - 1)) * shm_slots_stride(message);
}

static inline _Atomic uint64_t *shm_slots_state(char *slot, size_t message)
{
	return (_Atomic uint64_t *)(void *)(slot + shm_slots_stride(message) - sizeof(uint64_t));
}

static inline size_t shm_slots_bytes(size_t capacity, size_t message)
{
	return sizeof(struct spsc) + shm_slots_count(capacity, message) * shm_slots_stride(message);
}

/* The region is zeroed, which is empty slots. */
static inline int shm_slots_open(struct channel pair[2], struct sm_error *err)
{
	(void)err;
	for (int i = 0; i < 2; i++)
		pair[i].slots = shm_slots_count(pair[i].capacity, pair[i].message);
	return 0;
}

/* In place also where the message fills its line; see message_copy(). */
static inline void shm_slots_copy(void *restrict to, const void *restrict from, size_t bytes)
{
	if (bytes == 56)
		memcpy(to, from, 56);
	else
		message_copy(to, from, bytes);
}

/* There is room for it. */
static inline void shm_slots_put(struct channel *channel, const void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;
	char *slot = shm_slots_at(channel, ring->written, bytes);

	shm_slots_copy(slot, buffer, bytes);
	/* release: the message before its number; pairs with the acquire in shm_slots_receive(). */
	atomic_store_explicit(shm_slots_state(slot, bytes), ++ring->written, SHM_SLOTS_PUBLISH);
}

static inline bool shm_slots_send(struct channel *channel, const void *buffer, size_t bytes)
{
	for (unsigned turns = 0; !spsc_has_room(channel->memory, channel->slots, 1);)
		if (!sm_spin(&turns, channel->abort))
			return false;
	shm_slots_put(channel, buffer, bytes);
	return true;
}

static inline bool shm_slots_receive(struct channel *channel, void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;
	uint64_t due = ring->taken + 1;
	char *slot = shm_slots_at(channel, ring->taken, bytes);
	_Atomic uint64_t *state = shm_slots_state(slot, bytes);

	/* acquire: the message; pairs with shm_slots_put(). */
	for (unsigned turns = 0; atomic_load_explicit(state, memory_order_acquire) != due;)
		if (!sm_spin(&turns, channel->abort))
			return false;
	shm_slots_copy(buffer, slot, bytes);
	spsc_consumed(ring, 1);
	return true;
}

static inline size_t shm_slots_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	if (!spsc_has_room(channel->memory, channel->slots, 1))
		return 0;
	shm_slots_put(channel, buffer, bytes);
	return bytes;
}

static inline void shm_slots_close(struct channel pair[2])
{
	(void)pair;
}

#endif
