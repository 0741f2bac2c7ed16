/* The textbook producer and consumer: a ring under a process-shared robust mutex, with two condition variables. */
#ifndef SHMETER_SUBJECT_SHM_MUTEX_COND_H
#define SHMETER_SUBJECT_SHM_MUTEX_COND_H

#include <pthread.h>
#include <stdalign.h>
#include <string.h>

#include "channel.h"
#include "cond.h"
#include "shmeter/spin.h"

struct mutex_cond_ring {
	pthread_mutex_t mutex;
	pthread_cond_t not_empty, not_full;
	uint64_t head, tail; /* guarded by the mutex */
	alignas(SM_LINE_PAIR) char data[];
};

static inline size_t shm_mutex_cond_bytes(size_t capacity, size_t message)
{
	(void)message;
	return sizeof(struct mutex_cond_ring) + capacity;
}

static inline int shm_mutex_cond_open(struct channel pair[2], struct sm_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		struct mutex_cond_ring *ring = pair[i].memory;

		rc = cond_init(&ring->mutex, &ring->not_empty, &ring->not_full, err);
	}
	return rc;
}

/* The caller holds the mutex, and there is room. */
static inline void shm_mutex_cond_put(struct mutex_cond_ring *ring, size_t capacity, const void *buffer, size_t bytes)
{
	size_t at = (size_t)ring->head & (capacity - 1);
	size_t first = capacity - at < bytes ? capacity - at : bytes;

	message_copy(ring->data + at, buffer, first);
	memcpy(ring->data, (const char *)buffer + first, bytes - first);
	ring->head += bytes;
}

static inline size_t shm_mutex_cond_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	struct mutex_cond_ring *ring = channel->memory;
	size_t done = 0;

	if (pthread_mutex_lock(&ring->mutex))
		return 0;
	if (channel->capacity - (ring->head - ring->tail) >= bytes) {
		shm_mutex_cond_put(ring, channel->capacity, buffer, bytes);
		done = bytes;
	}
	pthread_mutex_unlock(&ring->mutex);
	return done;
}

static inline bool shm_mutex_cond_send(struct channel *channel, const void *buffer, size_t bytes)
{
	struct mutex_cond_ring *ring = channel->memory;

	if (pthread_mutex_lock(&ring->mutex)) /* the peer died with it: the trial ends */
		return false;
	while (channel->capacity - (ring->head - ring->tail) < bytes)
		if (pthread_cond_wait(&ring->not_full, &ring->mutex))
			return false;
	shm_mutex_cond_put(ring, channel->capacity, buffer, bytes);
	pthread_cond_signal(&ring->not_empty);
	pthread_mutex_unlock(&ring->mutex);
	return true;
}

static inline bool shm_mutex_cond_receive(struct channel *channel, void *buffer, size_t bytes)
{
	struct mutex_cond_ring *ring = channel->memory;
	size_t capacity = channel->capacity, at, first;

	if (pthread_mutex_lock(&ring->mutex))
		return false;
	while (ring->head - ring->tail < bytes)
		if (pthread_cond_wait(&ring->not_empty, &ring->mutex))
			return false;
	at = (size_t)ring->tail & (capacity - 1);
	first = capacity - at < bytes ? capacity - at : bytes;
	message_copy(buffer, ring->data + at, first);
	memcpy((char *)buffer + first, ring->data, bytes - first);
	ring->tail += bytes;
	pthread_cond_signal(&ring->not_full);
	pthread_mutex_unlock(&ring->mutex);
	return true;
}

static inline void shm_mutex_cond_close(struct channel pair[2])
{
	(void)pair;
}

#endif
