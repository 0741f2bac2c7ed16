/* A named pipe each way, which is found by its path.  The name is removed once both ends are open. */
#ifndef SHMETER_SUBJECT_FIFO_H
#define SHMETER_SUBJECT_FIFO_H

#include <stdlib.h>
#include <sys/stat.h>

#include "names.h"
#include "pipe.h"

static inline size_t fifo_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static inline int fifo_open_one(struct channel *channel, struct sm_error *err)
{
	const char *folder = getenv("TMPDIR");
	char prefix[512], path[576];
	int rc;

	snprintf(prefix, sizeof(prefix), "%s/", folder && *folder ? folder : "/tmp");
	rc = name_announce('f', prefix, path, sizeof(path), err);
	if (rc < 0)
		return rc;
	if (mkfifo(path, 0600) < 0)
		rc = sm_fail(err, errno,
			     "no fifo can be made at %s: %s; set TMPDIR to a folder that "
			     "can be written",
			     path, strerror(errno));
	/* Without O_NONBLOCK the first open would wait for the second. */
	if (rc == 0 &&
	    ((channel->fd[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0 ||
	     (channel->fd[1] = open(path, O_WRONLY | O_CLOEXEC)) < 0 || fcntl(channel->fd[0], F_SETFL, 0) < 0))
		rc = sm_fail(err, errno, "the fifo at %s cannot be opened: %s", path, strerror(errno));
	unlink(path);
	sm_guard_forget('f', path);
	return rc < 0 ? rc : pipe_capacity(channel, err);
}

static inline int fifo_open(struct channel pair[2], struct sm_error *err)
{
	int rc = fifo_open_one(&pair[0], err);

	return rc < 0 ? rc : fifo_open_one(&pair[1], err);
}

static inline bool fifo_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send(channel->fd[1], buffer, bytes);
}

static inline bool fifo_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive(channel->fd[0], buffer, bytes);
}

static inline size_t fifo_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_offer(channel->fd[1], buffer, bytes);
}

static inline void fifo_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
