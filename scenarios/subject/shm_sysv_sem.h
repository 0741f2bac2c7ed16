/* A ring in shared memory with two System V semaphores, which count the free and the filled places. */
#ifndef SHMETER_SUBJECT_SHM_SYSV_SEM_H
#define SHMETER_SUBJECT_SHM_SYSV_SEM_H

#include <errno.h>
#include <stdalign.h>
#include <string.h>

#include "names.h"
#include "slots.h"
#include "sysv.h"

struct shm_sysv_sem_ring {
	key_t key; /* of the semaphore set; written by the parent before the fork */
	alignas(SM_LINE_PAIR) char place[];
};

static inline unsigned shm_sysv_sem_slots(size_t capacity, size_t message)
{
	return slots_count(capacity, message, 2, 16384u);
}

static inline size_t shm_sysv_sem_bytes(size_t capacity, size_t message)
{
	return sizeof(struct shm_sysv_sem_ring) + shm_sysv_sem_slots(capacity, message) * slots_stride(message);
}

enum { SYSV_FREE, SYSV_FILLED };

static inline int shm_sysv_sem_open_one(struct channel *channel, struct sm_error *err)
{
	struct shm_sysv_sem_ring *ring = channel->memory;
	unsigned short values[2];
	/* semctl(2): the caller has to define this union. */
	union {
		int val;
		struct semid_ds *buf;
		unsigned short *array;
	} argument = { .array = values };
	char text[16];
	int rc;

	channel->slots = shm_sysv_sem_slots(channel->capacity, channel->message);
	values[SYSV_FREE] = (unsigned short)channel->slots;
	values[SYSV_FILLED] = 0;
	rc = key_announce('e', &ring->key, text, err);
	if (rc < 0) {
		ring->key = 0;
		return rc;
	}
	channel->id = semget(ring->key, 2, IPC_CREAT | IPC_EXCL | 0600);
	if (channel->id < 0 || semctl(channel->id, 0, SETALL, argument) < 0)
		return sm_fail(err, errno,
			       "no System V semaphores can be made: %s; kernel.sem limits "
			       "them",
			       strerror(errno));
	return 0;
}

static inline int shm_sysv_sem_open(struct channel pair[2], struct sm_error *err)
{
	int rc;

	pair[0].id = pair[1].id = -1;
	rc = shm_sysv_sem_open_one(&pair[0], err);
	return rc < 0 ? rc : shm_sysv_sem_open_one(&pair[1], err);
}

static inline bool shm_sysv_sem_send(struct channel *channel, const void *buffer, size_t bytes)
{
	struct shm_sysv_sem_ring *ring = channel->memory;

	if (!sysv_change(channel->id, SYSV_FREE, -1, 0, NULL))
		return false;
	message_copy(ring->place + channel->count++ % channel->slots * slots_stride(bytes), buffer, bytes);
	return sysv_change(channel->id, SYSV_FILLED, 1, 0, NULL);
}

static inline size_t shm_sysv_sem_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	struct shm_sysv_sem_ring *ring = channel->memory;

	if (!sysv_change(channel->id, SYSV_FREE, -1, IPC_NOWAIT, NULL))
		return 0;
	message_copy(ring->place + channel->count++ % channel->slots * slots_stride(bytes), buffer, bytes);
	return sysv_change(channel->id, SYSV_FILLED, 1, 0, NULL) ? bytes : 0;
}

static inline bool shm_sysv_sem_receive(struct channel *channel, void *buffer, size_t bytes)
{
	struct shm_sysv_sem_ring *ring = channel->memory;

	if (!sysv_change(channel->id, SYSV_FILLED, -1, 0, NULL))
		return false;
	message_copy(buffer, ring->place + channel->count++ % channel->slots * slots_stride(bytes), bytes);
	return sysv_change(channel->id, SYSV_FREE, 1, 0, NULL);
}

static inline void shm_sysv_sem_close(struct channel pair[2])
{
	for (int i = 0; i < 2; i++) {
		const struct shm_sysv_sem_ring *ring = pair[i].memory;
		char text[16];

		if (!ring || ring->key == 0)
			continue;
		if (pair[i].id >= 0)
			semctl(pair[i].id, 0, IPC_RMID);
		snprintf(text, sizeof(text), "%d", (int)ring->key);
		sm_guard_forget('e', text);
	}
}

#endif
