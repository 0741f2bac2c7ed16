/* Messages over file descriptors. */
#ifndef SHMETER_SUBJECT_DESCRIPTORS_H
#define SHMETER_SUBJECT_DESCRIPTORS_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "channel.h"
#include "shmeter/spin.h"

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

/* Sets O_NONBLOCK on all ends, for all processes that have them: from now on these are polled.  On Linux the queues
 * of mq_open(3) are descriptors, too. */
static inline int descriptors_poll(const struct channel pair[2], struct sm_error *err)
{
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++) {
			int fd = pair[i].fd[j], flags = fd > 0 ? fcntl(fd, F_GETFL) : 0;

			if (fd > 0 && (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
				return sm_fail(err, errno, "O_NONBLOCK cannot be set: %s", strerror(errno));
		}
	return 0;
}

/* One call on a polled descriptor; returns the bytes taken, 0: full. */
static inline size_t stream_offer(int fd, const void *buffer, size_t bytes)
{
	ssize_t done = write(fd, buffer, bytes);

	return done > 0 ? (size_t)done : 0;
}

/* Whole messages over a polled byte stream: the caller repeats the call until it succeeds, and never sleeps. */
static inline bool stream_send_polled(const struct channel *channel, const void *buffer, size_t bytes)
{
	const char *at = buffer;

	for (unsigned turns = 0; bytes > 0;) {
		ssize_t done = write(channel->fd[1], at, bytes);

		if (done > 0) {
			at += done;
			bytes -= (size_t)done;
		} else if ((errno != EAGAIN && errno != EINTR) || !sm_spin(&turns, channel->abort)) {
			return false;
		}
	}
	return true;
}

static inline bool stream_receive_polled(const struct channel *channel, void *buffer, size_t bytes)
{
	char *at = buffer;

	for (unsigned turns = 0; bytes > 0;) {
		ssize_t done = read(channel->fd[0], at, bytes);

		if (done > 0) {
			at += done;
			bytes -= (size_t)done;
		} else if (done == 0 || (errno != EAGAIN && errno != EINTR) || !sm_spin(&turns, channel->abort)) {
			return false;
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

static inline size_t packet_offer(int fd, const void *buffer, size_t bytes)
{
	return send(fd, buffer, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)bytes ? bytes : 0;
}

/* Sets the size of a socket buffer; `force` may exceed net.core.wmem_max or rmem_max if the process is permitted to.
 * The kernel silently limits the plain option, and doubles the value in both cases (socket(7)). */
static inline int socket_buffer_set(int fd, int force, int plain, size_t bytes)
{
	int value = bytes < INT_MAX / 2 ? (int)bytes : INT_MAX / 2;

	return setsockopt(fd, SOL_SOCKET, force, &value, sizeof(value)) < 0
		       ? setsockopt(fd, SOL_SOCKET, plain, &value, sizeof(value))
		       : 0;
}

/* Measures what the kernel charges to a send buffer for one message, including its own structures: sends one, asks
 * for the charge (SIOCOUTQ, unix(7)) and receives it again.  Charge 0: the message does not fit.  Returns -errno if
 * a part stays in the socket, because the next receiver would take it for a message. */
static inline int socket_charge(const int end[2], size_t message, size_t *charge)
{
	char *buffer = calloc(1, message);
	ssize_t sent = buffer ? send(end[0], buffer, message, MSG_DONTWAIT | MSG_NOSIGNAL) : -1, got;
	int queued = 0, rc = 0;

	*charge = 0;
	if (sent > 0 && ioctl(end[0], SIOCOUTQ, &queued) == 0)
		*charge = (size_t)queued * message / (size_t)sent;
	while (rc == 0 && sent > 0) {
		got = recv(end[1], buffer, message, MSG_DONTWAIT);
		if (got > 0)
			sent -= got;
		else if (got == 0 || errno != EINTR)
			rc = got == 0 ? -EIO : -errno;
	}
	free(buffer);
	return rc;
}

/* A pair of Unix sockets that holds the capacity in messages, whatever the kernel adds to each; `whole`: a message
 * must fit in at once. */
static inline int socket_pair_open(struct channel pair[2], int type, bool whole, struct sm_error *err)
{
	size_t messages = pair->capacity / pair->message, charge, buffer;
	int end[2], rc;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, end) < 0)
		return sm_fail(err, errno, "no socket pair can be made: %s", strerror(errno));
	duplex_set(pair, end);
	/* Room for the message that is measured. */
	for (int i = 0; i < 2; i++)
		if (socket_buffer_set(end[i], SO_SNDBUFFORCE, SO_SNDBUF, 2 * pair->message) < 0)
			return sm_fail(err, errno, "SO_SNDBUF of %zu bytes is refused: %s", 2 * pair->message,
				       strerror(errno));
	rc = socket_charge(end, pair->message, &charge);
	if (rc < 0)
		return sm_fail(err, -rc, "a message cannot be taken out of the socket again: %s", strerror(-rc));
	/* sock_alloc_send_pskb() (net/core/sock.c) sends while the charge is below the buffer size.  A buffer
	 * slightly smaller than the charge of all messages accepts the last piece of the last message, and no more. */
	buffer = (messages * charge - 1) / 2;
	if (charge == 0 && whole)
		return sm_fail(err, EMSGSIZE,
			       "a message of %zu bytes does not fit a socket buffer: raise "
			       "net.core.wmem_max, or choose smaller messages",
			       pair->message);
	for (int i = 0; i < 2 && charge > 0; i++)
		if (socket_buffer_set(end[i], SO_SNDBUFFORCE, SO_SNDBUF, buffer) < 0)
			return sm_fail(err, errno, "SO_SNDBUF of %zu bytes is refused: %s", buffer, strerror(errno));
	return 0;
}

static inline void pair_close(struct channel pair[2])
{
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++) {
			int fd = pair[i].fd[j];

			if (fd > 0)
				close(fd);
			for (int k = 0; k < 4; k++) /* a duplex end appears twice */
				if (pair[k / 2].fd[k % 2] == fd)
					pair[k / 2].fd[k % 2] = 0;
		}
}

#endif
