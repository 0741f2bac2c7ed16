/* A ring in shared memory with two POSIX semaphores, which count the free and the filled places. */
#ifndef SHMETER_SUBJECT_SHM_POSIX_SEM_H
#define SHMETER_SUBJECT_SHM_POSIX_SEM_H

#include <errno.h>
#include <semaphore.h>
#include <stdalign.h>
#include <string.h>

#include "slots.h"

struct shm_posix_sem_ring {
	alignas(SM_LINE_PAIR) sem_t free, filled;
	alignas(SM_LINE_PAIR) char place[];
};

static inline unsigned shm_posix_sem_slots(size_t capacity, size_t message)
{
	return slots_count(capacity, message, 2, 1u << 20);
}

static inline size_t shm_posix_sem_bytes(size_t capacity, size_t message)
{
	return sizeof(struct shm_posix_sem_ring) + shm_posix_sem_slots(capacity, message) * slots_stride(message);
}

static inline int shm_posix_sem_open(struct channel pair[2], struct sm_error *err)
{
	for (int i = 0; i < 2; i++) {
		struct shm_posix_sem_ring *ring = pair[i].memory;

		pair[i].slots = shm_posix_sem_slots(pair[i].capacity, pair[i].message);
		if (sem_init(&ring->free, 1, pair[i].slots) < 0 || sem_init(&ring->filled, 1, 0) < 0)
			return sm_fail(err, errno, "no process-shared semaphore can be had: %s", strerror(errno));
	}
	return 0;
}

static inline bool shm_posix_sem_take(sem_t *semaphore)
{
	int rc;

	do
		rc = sem_wait(semaphore);
	while (rc < 0 && errno == EINTR);
	return rc == 0;
}

static inline bool shm_posix_sem_send(struct channel *channel, const void *buffer, size_t bytes)
{
	struct shm_posix_sem_ring *ring = channel->memory;

	if (!shm_posix_sem_take(&ring->free))
		return false;
	message_copy(ring->place + channel->count++ % channel->slots * slots_stride(bytes), buffer, bytes);
	return sem_post(&ring->filled) == 0;
}

static inline size_t shm_posix_sem_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	struct shm_posix_sem_ring *ring = channel->memory;

	if (sem_trywait(&ring->free) < 0)
		return 0;
	message_copy(ring->place + channel->count++ % channel->slots * slots_stride(bytes), buffer, bytes);
	return sem_post(&ring->filled) == 0 ? bytes : 0;
}

static inline bool shm_posix_sem_receive(struct channel *channel, void *buffer, size_t bytes)
{
	struct shm_posix_sem_ring *ring = channel->memory;

	if (!shm_posix_sem_take(&ring->filled))
		return false;
	message_copy(buffer, ring->place + channel->count++ % channel->slots * slots_stride(bytes), bytes);
	return sem_post(&ring->free) == 0;
}

static inline void shm_posix_sem_close(struct channel pair[2])
{
	(void)pair;
}

#endif
