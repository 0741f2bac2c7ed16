/* A pipe each way: the kernel copies in and out.  Its capacity is counted in pages (slots), not bytes. */
#ifndef SHMETER_SUBJECT_PIPE_H
#define SHMETER_SUBJECT_PIPE_H

#include <fcntl.h>

#include "descriptors.h"

static inline size_t pipe_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static inline int pipe_capacity(int fd, size_t capacity, struct sm_error *err)
{
	if (fcntl(fd, F_SETPIPE_SZ, (int)capacity) < (int)capacity)
		return sm_fail(
			err, errno ? errno : EPERM,
			"a pipe of %zu bytes cannot be had: raise fs.pipe-max-size, or lower --set "
			"capacity",
			capacity);
	return 0;
}

static inline int pipe_open(struct channel pair[2], struct sm_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		if (pipe2(pair[i].fd, O_CLOEXEC) < 0)
			return sm_fail(err, errno, "no pipe can be made: %s", strerror(errno));
		rc = pipe_capacity(pair[i].fd[1], pair[i].capacity, err);
	}
	return rc;
}

static inline bool pipe_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send(channel->fd[1], buffer, bytes);
}

static inline bool pipe_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive(channel->fd[0], buffer, bytes);
}

static inline void pipe_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
