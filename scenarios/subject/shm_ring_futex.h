/* A ring that spins briefly, then sleeps on a futex, as a program with other work to do would. */
#ifndef SHMETER_SUBJECT_SHM_RING_FUTEX_H
#define SHMETER_SUBJECT_SHM_RING_FUTEX_H

#include "futex.h"
#include "spsc.h"

static inline size_t shm_ring_futex_bytes(size_t capacity, size_t message)
{
	(void)message;
	return sizeof(struct spsc) + capacity;
}

static inline int shm_ring_futex_open(struct channel pair[2], struct sm_error *err)
{
	(void)pair;
	(void)err;
	return 0;
}

/* Wakes the other side if it announced that it sleeps. */
static inline void ring_wake(_Atomic uint32_t *sleeps)
{
	/* seq_cst fence: our index is visible before we read the flag.  It pairs with the fence in RING_SLEEP, which
	 * stands between setting the flag and reading the index: one of the two sides always sees the other
	 * (Dekker), so no wake-up is lost. */
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(sleeps, memory_order_relaxed)) {
		atomic_store_explicit(sleeps, 0, memory_order_relaxed);
		futex_wake_one(sleeps);
	}
}

/* Waits for `ready`: spins `spin_turns` (TRANSPORT_SPIN_NS), then announces the sleep and sleeps.  A macro, so that
 * `ready` is evaluated again each time. */
#define RING_SLEEP(channel, sleeps, ready)                                                                             \
	for (unsigned turns = 0; !(ready);) {                                                                          \
		if (turns < (channel)->spin_turns) {                                                                   \
			turns++;                                                                                       \
			sm_relax();                                                                                    \
			continue;                                                                                      \
		}                                                                                                      \
		if (atomic_load_explicit((channel)->abort, memory_order_relaxed))                                      \
			return false;                                                                                  \
		atomic_store_explicit(sleeps, 1, memory_order_relaxed);                                                \
		atomic_thread_fence(memory_order_seq_cst); /* pairs with ring_wake() */                                \
		if (ready) {                                                                                           \
			atomic_store_explicit(sleeps, 0, memory_order_relaxed);                                        \
			break;                                                                                         \
		}                                                                                                      \
		futex_sleep(sleeps, 1);                                                                                \
	}

static inline bool shm_ring_futex_send(struct channel *channel, const void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;

	RING_SLEEP(channel, &ring->producer_sleeps, spsc_has_room(ring, channel->capacity, bytes));
	spsc_put(ring, channel->capacity, buffer, bytes);
	spsc_produced(ring, bytes);
	ring_wake(&ring->consumer_sleeps);
	return true;
}

static inline bool shm_ring_futex_receive(struct channel *channel, void *buffer, size_t bytes)
{
	struct spsc *ring = channel->memory;

	RING_SLEEP(channel, &ring->consumer_sleeps, spsc_has_data(ring, bytes));
	spsc_get(ring, channel->capacity, buffer, bytes);
	spsc_consumed(ring, bytes);
	ring_wake(&ring->producer_sleeps);
	return true;
}

static inline size_t shm_ring_futex_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return spsc_offer(channel->memory, channel->capacity, buffer, bytes);
}

static inline void shm_ring_futex_close(struct channel pair[2])
{
	(void)pair;
}

#endif
