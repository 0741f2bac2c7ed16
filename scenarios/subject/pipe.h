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

/* Pages of a pipe that holds the messages of `capacity`.  A message shares a page if the page has room for all of it
 * (fs/pipe.c, pipe_write()). */
static inline size_t pipe_pages(size_t capacity, size_t message, size_t page)
{
	size_t messages = (capacity + message - 1) / message, a_page = page / message;

	return a_page > 0 ? (messages + a_page - 1) / a_page : messages * ((message + page - 1) / page);
}

/* Resizes the pipe as close to `pages` as fs.pipe-max-size and the user's share of pages in pipes (pipe(7)) allow. */
static inline int pipe_resize(int fd, size_t pages, struct sm_error *err)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = pages * page;

	for (bytes = bytes < INT_MAX / 2 ? bytes : INT_MAX / 2; fcntl(fd, F_SETPIPE_SZ, (int)bytes) < 0; bytes /= 2)
		if (bytes <= page)
			return sm_fail(err, errno, "the size of a pipe cannot be set: %s", strerror(errno));
	return 0;
}

static inline int pipe_capacity(const struct channel *channel, struct sm_error *err)
{
	return pipe_resize(channel->fd[1],
			   pipe_pages(channel->capacity, channel->message, (size_t)sysconf(_SC_PAGESIZE)), err);
}

static inline int pipe_open(struct channel pair[2], struct sm_error *err)
{
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		if (pipe2(pair[i].fd, O_CLOEXEC) < 0)
			return sm_fail(err, errno, "no pipe can be made: %s", strerror(errno));
		rc = pipe_capacity(&pair[i], err);
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

static inline size_t pipe_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_offer(channel->fd[1], buffer, bytes);
}

static inline void pipe_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
