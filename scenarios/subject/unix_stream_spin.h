/* A Unix stream socket pair whose ends never sleep: they repeat the call until it succeeds. */
#ifndef SHMETER_SUBJECT_UNIX_STREAM_SPIN_H
#define SHMETER_SUBJECT_UNIX_STREAM_SPIN_H

#include "unix_stream.h"

static inline size_t unix_stream_spin_bytes(size_t capacity, size_t message)
{
	return unix_stream_bytes(capacity, message);
}

static inline int unix_stream_spin_open(struct channel pair[2], struct sm_error *err)
{
	int rc = unix_stream_open(pair, err);

	return rc < 0 ? rc : descriptors_poll(pair, err);
}

static inline bool unix_stream_spin_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send_polled(channel, buffer, bytes);
}

static inline bool unix_stream_spin_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive_polled(channel, buffer, bytes);
}

static inline size_t unix_stream_spin_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return unix_stream_offer(channel, buffer, bytes);
}

static inline void unix_stream_spin_close(struct channel pair[2])
{
	unix_stream_close(pair);
}

#endif
