/* The spinning ring in a mapped file: the same code as shm_ring, the memory comes from a file. */
#ifndef SHMETER_SUBJECT_MMAP_FILE_RING_H
#define SHMETER_SUBJECT_MMAP_FILE_RING_H

#include "shm_ring.h"

static inline size_t mmap_file_ring_bytes(size_t capacity, size_t message)
{
	return shm_ring_bytes(capacity, message);
}

static inline int mmap_file_ring_open(struct channel pair[2], struct sm_error *err)
{
	return shm_ring_open(pair, err);
}

static inline bool mmap_file_ring_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return shm_ring_send(channel, buffer, bytes);
}

static inline bool mmap_file_ring_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return shm_ring_receive(channel, buffer, bytes);
}

static inline size_t mmap_file_ring_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return shm_ring_offer(channel, buffer, bytes);
}

static inline void mmap_file_ring_close(struct channel pair[2])
{
	shm_ring_close(pair);
}

#endif
