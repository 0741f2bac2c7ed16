/* A Unix stream socket pair: the kernel copies in and out, in buffers of its own accounting. */
#ifndef SHMETER_SUBJECT_UNIX_STREAM_H
#define SHMETER_SUBJECT_UNIX_STREAM_H

#include <string.h>
#include <sys/socket.h>

#include "descriptors.h"

static inline size_t unix_stream_bytes(size_t capacity)
{
	(void)capacity;
	return 0;
}

static inline int unix_stream_open(struct channel *channel, struct sm_error *err)
{
	int bytes = (int)channel->capacity;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channel->fd) < 0)
		return sm_fail(err, errno, "no socket pair can be made: %s", strerror(errno));
	/* The kernel doubles this for its own overhead (socket(7)). */
	if (setsockopt(channel->fd[1], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) < 0)
		return sm_fail(err, errno, "SO_SNDBUF of %d bytes is refused: %s", bytes,
			       strerror(errno));
	return 0;
}

static inline bool unix_stream_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send(channel->fd[1], buffer, bytes);
}

static inline bool unix_stream_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive(channel->fd[0], buffer, bytes);
}

static inline void unix_stream_close(struct channel *channel)
{
	stream_close(channel);
}

#endif
