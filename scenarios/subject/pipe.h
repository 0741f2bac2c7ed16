/* A pipe: the kernel copies in and out.  Its capacity is counted in pages (slots), not bytes. */
#ifndef SHMETER_SUBJECT_PIPE_H
#define SHMETER_SUBJECT_PIPE_H

#include <fcntl.h>
#include <string.h>

#include "descriptors.h"

static inline size_t pipe_bytes(size_t capacity)
{
	(void)capacity;
	return 0;
}

static inline int pipe_open(struct channel *channel, struct sm_error *err)
{
	if (pipe2(channel->fd, O_CLOEXEC) < 0)
		return sm_fail(err, errno, "no pipe can be made: %s", strerror(errno));
	if (fcntl(channel->fd[1], F_SETPIPE_SZ, (int)channel->capacity) < (int)channel->capacity)
		return sm_fail(
			err, errno ? errno : EPERM,
			"a pipe of %zu bytes cannot be had: raise fs.pipe-max-size, or lower --set "
			"capacity",
			channel->capacity);
	return 0;
}

static inline bool pipe_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send(channel->fd[1], buffer, bytes);
}

static inline bool pipe_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive(channel->fd[0], buffer, bytes);
}

static inline void pipe_close(struct channel *channel)
{
	stream_close(channel);
}

#endif
