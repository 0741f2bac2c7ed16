/* Whole messages over a byte stream of the kernel. */
#ifndef SHMETER_SUBJECT_DESCRIPTORS_H
#define SHMETER_SUBJECT_DESCRIPTORS_H

#include <errno.h>
#include <unistd.h>

#include "channel.h"

static inline bool stream_send(int fd, const void *buffer, size_t bytes)
{
	for (const char *at = buffer; bytes > 0;) {
		ssize_t done = write(fd, at, bytes);

		if (done < 0 && errno != EINTR)
			return false;
		if (done > 0) {
			at += done;
			bytes -= (size_t)done;
		}
	}
	return true;
}

static inline bool stream_receive(int fd, void *buffer, size_t bytes)
{
	for (char *at = buffer; bytes > 0;) {
		ssize_t done = read(fd, at, bytes);

		if (done == 0 || (done < 0 && errno != EINTR))
			return false;
		if (done > 0) {
			at += done;
			bytes -= (size_t)done;
		}
	}
	return true;
}

static inline void stream_close(struct channel *channel)
{
	for (int i = 0; i < 2; i++) {
		if (channel->fd[i] > 0)
			close(channel->fd[i]);
		channel->fd[i] = 0;
	}
}

#endif
