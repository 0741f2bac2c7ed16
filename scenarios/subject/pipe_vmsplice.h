/* A pipe that takes the sender's pages by reference (vmsplice): the receiver's read is the only copy.
 *
 * A page must not be written while it is in the pipe, so the sender writes each message to the next of several
 * places in its own memory.  The pipe holds at most one slot per page of its capacity and a message takes at least
 * one slot, which limits the number of messages that may still be in use. */
#ifndef SHMETER_SUBJECT_PIPE_VMSPLICE_H
#define SHMETER_SUBJECT_PIPE_VMSPLICE_H

#include <stdlib.h>
#include <sys/uio.h>

#include "pipe.h"

static inline size_t pipe_vmsplice_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

/* A message takes whole pages of the pipe, however small it is. */
static inline size_t pipe_vmsplice_pages(size_t message)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (message + page - 1) / page;
}

static inline int pipe_vmsplice_open(struct channel pair[2], struct sm_error *err)
{
	size_t messages = pair->capacity / pair->message;
	int rc = 0;

	for (int i = 0; rc == 0 && i < 2; i++) {
		if (pipe2(pair[i].fd, O_CLOEXEC) < 0)
			return sm_fail(err, errno, "no pipe can be made: %s", strerror(errno));
		rc = pipe_resize(pair[i].fd[1], messages * pipe_vmsplice_pages(pair->message), err);
	}
	return rc;
}

/* In the sender: allocates room for the messages in the pipe, the one that is being read and the next one. */
static inline int pipe_vmsplice_attach(struct channel *channel)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int size = fcntl(channel->fd[1], F_GETPIPE_SZ);

	if (size < 0)
		return -errno;
	/* A message that does not begin at a page boundary may take one page more, never fewer. */
	channel->slots = (unsigned)((size_t)size / page / pipe_vmsplice_pages(channel->message)) + 2;
	channel->slot = aligned_alloc(page, (channel->slots * channel->message + page - 1) / page * page);
	if (!channel->slot)
		return -ENOMEM;
	memset(channel->slot, 0, channel->slots * channel->message);
	return 0;
}

/* The place for the next message. */
static inline void *pipe_vmsplice_place(struct channel *channel)
{
	return channel->slot + channel->count++ % channel->slots * channel->message;
}

static inline bool pipe_vmsplice_send(struct channel *channel, const void *buffer, size_t bytes)
{
	struct iovec part = { (void *)(uintptr_t)buffer, bytes };

	while (part.iov_len > 0) {
		ssize_t done = vmsplice(channel->fd[1], &part, 1, 0);

		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			part.iov_base = (char *)part.iov_base + done;
			part.iov_len -= (size_t)done;
		}
	}
	return true;
}

static inline bool pipe_vmsplice_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive(channel->fd[0], buffer, bytes);
}

static inline size_t pipe_vmsplice_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	struct iovec part = { (void *)(uintptr_t)buffer, bytes };
	ssize_t done = vmsplice(channel->fd[1], &part, 1, SPLICE_F_NONBLOCK);

	return done > 0 ? (size_t)done : 0;
}

static inline void pipe_vmsplice_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
