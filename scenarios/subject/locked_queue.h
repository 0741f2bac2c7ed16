/* A bounded queue for several producers and consumers: a ring of items under a process-shared robust mutex, with two
 * condition variables. */
#ifndef SHMETER_SUBJECT_LOCKED_QUEUE_H
#define SHMETER_SUBJECT_LOCKED_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "cond.h"

struct locked_queue {
	pthread_mutex_t mutex;
	pthread_cond_t not_empty, not_full;
	uint64_t head, tail; /* guarded by the mutex */
	uint64_t item[];     /* `capacity` entries */
};

static inline int locked_queue_open(struct locked_queue *queue, struct sm_error *err)
{
	return cond_init(&queue->mutex, &queue->not_empty, &queue->not_full, err);
}

/* False: a peer died with the mutex, so the trial ends. */
static inline bool locked_queue_put(struct locked_queue *queue, uint64_t capacity, uint64_t item)
{
	if (pthread_mutex_lock(&queue->mutex))
		return false;
	while (queue->head - queue->tail == capacity)
		if (pthread_cond_wait(&queue->not_full, &queue->mutex))
			return false;
	queue->item[queue->head++ % capacity] = item;
	pthread_cond_signal(&queue->not_empty);
	pthread_mutex_unlock(&queue->mutex);
	return true;
}

static inline bool locked_queue_take(struct locked_queue *queue, uint64_t capacity, uint64_t *item)
{
	if (pthread_mutex_lock(&queue->mutex))
		return false;
	while (queue->head == queue->tail)
		if (pthread_cond_wait(&queue->not_empty, &queue->mutex))
			return false;
	*item = queue->item[queue->tail++ % capacity];
	pthread_cond_signal(&queue->not_full);
	pthread_mutex_unlock(&queue->mutex);
	return true;
}

#endif
