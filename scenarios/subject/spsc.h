/* A byte ring for one producer and one consumer, with cached indices: the parts that the spinning and the sleeping
 * ring share.
 *
 * Indices count bytes since the start and never wrap in practice (2^64); the place is the index modulo the capacity,
 * a power of two.  Each side keeps a copy of the other's index and reads the real one only when the copy says full
 * or empty, so most messages cost no transfer of the line with the index (P. Lee, T. Bu, G. Chandranmenon,
 * MCRingBuffer, IPDPS 2010).
 *
 * Each side counts in a line of its own and only stores to the index that the other side reads.  Where a read by
 * another core takes a modified line away from its writer (Intel 6/207), a load of one's own index costs a transfer
 * per message: a round trip of 64 bytes took 1.2 times as long that way (docs/peers.md). */
#ifndef SHMETER_SUBJECT_SPSC_H
#define SHMETER_SUBJECT_SPSC_H

#include <stdalign.h>

#include "channel.h"
#include "message.h"
#include "shmeter/spin.h"

/* The memory order that publishes an index.  Only a test that plants a wrong order changes it. */
#ifndef SPSC_PUBLISH
#define SPSC_PUBLISH memory_order_release
#endif

struct spsc {
	/* The producer's own. */
	alignas(SM_LINE_PAIR) uint64_t written; /* bytes */
	uint64_t tail_seen;
	/* The consumer's own. */
	alignas(SM_LINE_PAIR) uint64_t taken; /* bytes */
	uint64_t head_seen;
	alignas(SM_LINE_PAIR) _Atomic uint64_t head; /* `written`, as the consumer may know it */
	alignas(SM_LINE_PAIR) _Atomic uint64_t tail; /* `taken`, as the producer may know it */
	/* Only the sleeping ring uses these: a side that is about to sleep sets its flag; both sides write. */
	alignas(SM_LINE_PAIR) _Atomic uint32_t consumer_sleeps;
	alignas(SM_LINE_PAIR) _Atomic uint32_t producer_sleeps;
	alignas(SM_LINE_PAIR) char data[];
};

static inline bool spsc_has_room(struct spsc *ring, size_t capacity, size_t bytes)
{
	if (capacity - (ring->written - ring->tail_seen) >= bytes)
		return true;
	/* acquire: the consumer's reads of that room came before; pairs with spsc_consumed(). */
	ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire);
	return capacity - (ring->written - ring->tail_seen) >= bytes;
}

static inline bool spsc_has_data(struct spsc *ring, size_t bytes)
{
	if (ring->head_seen - ring->taken >= bytes)
		return true;
	/* acquire: the producer's writes of that data; pairs with spsc_produced(). */
	ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire);
	return ring->head_seen - ring->taken >= bytes;
}

static inline void spsc_put(struct spsc *ring, size_t capacity, const void *buffer, size_t bytes)
{
	size_t at = (size_t)ring->written & (capacity - 1);
	size_t first = capacity - at;

	if (first >= bytes) {
		message_copy(ring->data + at, buffer, bytes);
		return;
	}
	memcpy(ring->data + at, buffer, first);
	memcpy(ring->data, (const char *)buffer + first, bytes - first);
}

static inline void spsc_get(struct spsc *ring, size_t capacity, void *buffer, size_t bytes)
{
	size_t at = (size_t)ring->taken & (capacity - 1);
	size_t first = capacity - at;

	if (first >= bytes) {
		message_copy(buffer, ring->data + at, bytes);
		return;
	}
	memcpy(buffer, ring->data + at, first);
	memcpy((char *)buffer + first, ring->data, bytes - first);
}

static inline void spsc_produced(struct spsc *ring, size_t bytes)
{
	ring->written += bytes;
	/* release: the data before the index; pairs with the acquire in spsc_has_data(). */
	atomic_store_explicit(&ring->head, ring->written, SPSC_PUBLISH);
}

/* Puts in one message if there is room for it; returns its bytes, 0: full. */
static inline size_t spsc_offer(struct spsc *ring, size_t capacity, const void *buffer, size_t bytes)
{
	if (!spsc_has_room(ring, capacity, bytes))
		return 0;
	spsc_put(ring, capacity, buffer, bytes);
	spsc_produced(ring, bytes);
	return bytes;
}

static inline void spsc_consumed(struct spsc *ring, size_t bytes)
{
	ring->taken += bytes;
	/* release: the reads before the index; pairs with the acquire in spsc_has_room(). */
	atomic_store_explicit(&ring->tail, ring->taken, SPSC_PUBLISH);
}

#endif
