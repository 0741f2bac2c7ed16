/* A pipe whose ends never sleep: they repeat the call until it succeeds. */
#ifndef SHMETER_SUBJECT_PIPE_SPIN_H
#define SHMETER_SUBJECT_PIPE_SPIN_H

#include "pipe.h"

static inline size_t pipe_spin_bytes(size_t capacity, size_t message)
{
	return pipe_bytes(capacity, message);
}

static inline int pipe_spin_open(struct channel pair[2], struct sm_error *err)
{
	int rc = pipe_open(pair, err);

	return rc < 0 ? rc : descriptors_poll(pair, err);
}

static inline bool pipe_spin_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send_polled(channel, buffer, bytes);
}

static inline bool pipe_spin_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive_polled(channel, buffer, bytes);
}

static inline size_t pipe_spin_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return pipe_offer(channel, buffer, bytes);
}

static inline void pipe_spin_close(struct channel pair[2])
{
	pipe_close(pair);
}

#endif
