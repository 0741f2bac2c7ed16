/* Messages over file descriptors. */
#ifndef SHMETER_SUBJECT_DESCRIPTORS_H
#define SHMETER_SUBJECT_DESCRIPTORS_H

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"

/* Whole messages over a byte stream. */
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

/* A message that the kernel keeps whole. */
static inline bool packet_send(int fd, const void *buffer, size_t bytes)
{
	ssize_t done;

	do
		done = send(fd, buffer, bytes, MSG_NOSIGNAL);
	while (done < 0 && errno == EINTR);
	return done == (ssize_t)bytes;
}

static inline bool packet_receive(int fd, void *buffer, size_t bytes)
{
	ssize_t done;

	do
		done = recv(fd, buffer, bytes, 0);
	while (done < 0 && errno == EINTR);
	return done == (ssize_t)bytes;
}

/* Both directions over one duplex connection: end 0 is worker 0's. */
static inline void duplex_set(struct channel pair[2], const int end[2])
{
	pair[0].fd[1] = pair[1].fd[0] = end[0];
	pair[0].fd[0] = pair[1].fd[1] = end[1];
}

/* A pair of Unix sockets with the send buffer asked for.  The kernel doubles that for its own overhead
 * (socket(7)) and caps it at net.core.wmem_max; `whole`: a message must fit in at once. */
static inline int socket_pair_open(struct channel pair[2], int type, bool whole, struct sm_error *err)
{
	int end[2], bytes = (int)pair->capacity, got = 0;
	socklen_t size = sizeof(got);

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, end) < 0)
		return sm_fail(err, errno, "no socket pair can be made: %s", strerror(errno));
	duplex_set(pair, end);
	for (int i = 0; i < 2; i++)
		if (setsockopt(end[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) < 0)
			return sm_fail(err, errno, "SO_SNDBUF of %d bytes is refused: %s", bytes,
				       strerror(errno));
	if (getsockopt(end[0], SOL_SOCKET, SO_SNDBUF, &got, &size) < 0)
		return sm_fail(err, errno, "SO_SNDBUF cannot be read: %s", strerror(errno));
	/* net/unix/af_unix.c refuses a packet over the buffer less 32 bytes. */
	if (whole && pair->message + 32 > (size_t)got)
		return sm_fail(err, EMSGSIZE,
			       "a message of %zu bytes does not fit a socket buffer of %d: raise "
			       "net.core.wmem_max, or choose smaller messages",
			       pair->message, got);
	if (pair->bulk && (size_t)got < pair->capacity)
		return sm_fail(err, EPERM,
			       "a socket buffer of %zu bytes cannot be had, only %d: raise "
			       "net.core.wmem_max, or lower --set capacity",
			       pair->capacity, got);
	return 0;
}

static inline void pair_close(struct channel pair[2])
{
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++) {
			int fd = pair[i].fd[j];

			if (fd > 0)
				close(fd);
			for (int k = 0; k < 4; k++) /* a duplex end stands twice */
				if (pair[k / 2].fd[k % 2] == fd)
					pair[k / 2].fd[k % 2] = 0;
		}
}

#endif
