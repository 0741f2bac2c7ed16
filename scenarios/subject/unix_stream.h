/* A Unix stream socket pair: the kernel copies in and out, through buffers that it accounts in its own way. */
#ifndef SHMETER_SUBJECT_UNIX_STREAM_H
#define SHMETER_SUBJECT_UNIX_STREAM_H

#include "descriptors.h"

static inline size_t unix_stream_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static inline int unix_stream_open(struct channel pair[2], struct sm_error *err)
{
	return socket_pair_open(pair, SOCK_STREAM, false, err);
}

static inline bool unix_stream_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send(channel->fd[1], buffer, bytes);
}

static inline bool unix_stream_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive(channel->fd[0], buffer, bytes);
}

static inline size_t unix_stream_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_offer(channel->fd[1], buffer, bytes);
}

static inline void unix_stream_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
