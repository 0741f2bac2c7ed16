/* A TCP connection to 127.0.0.1 for both directions, without delays for coalescing (TCP_NODELAY). */
#ifndef SHMETER_SUBJECT_TCP_LOOPBACK_H
#define SHMETER_SUBJECT_TCP_LOOPBACK_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "descriptors.h"

static inline size_t tcp_loopback_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

/* The buffers are set before the connection is made, because the window is negotiated then. */
static inline int tcp_socket(size_t send_bytes, size_t receive_bytes)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd >= 0 && (socket_buffer_set(fd, SO_SNDBUFFORCE, SO_SNDBUF, send_bytes) < 0 ||
			socket_buffer_set(fd, SO_RCVBUFFORCE, SO_RCVBUF, receive_bytes) < 0 ||
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Returns 0 with both ends, or -errno with the ends that were opened; the others are -1. */
static inline int tcp_connect(int end[2], size_t send_bytes, size_t receive_bytes)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = tcp_socket(send_bytes, receive_bytes), on = 1, rc = 0;

	end[0] = end[1] = -1;
	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    (end[0] = tcp_socket(send_bytes, receive_bytes)) < 0 ||
	    connect(end[0], (struct sockaddr *)&address, size) < 0 ||
	    (end[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0 ||
	    setsockopt(end[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		rc = -errno;
	if (listener >= 0)
		close(listener);
	return rc;
}

/* The bytes of whole messages that a connection with these buffers accepts while nobody reads: opens one and fills
 * it. */
static inline size_t tcp_holds(size_t message, size_t send_bytes, size_t receive_bytes)
{
	char *buffer = calloc(1, message);
	size_t held = 0;
	ssize_t done;
	int end[2];

	if (buffer && tcp_connect(end, send_bytes, receive_bytes) == 0)
		while ((done = send(end[0], buffer, message, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			held += (size_t)done;
	for (int i = 0; buffer && i < 2; i++)
		if (end[i] >= 0)
			close(end[i]);
	free(buffer);
	return held;
}

/* Bytes in flight are in the sender's and the receiver's buffer, so each gets half of the capacity.  With small
 * messages most of a small buffer holds the kernel's own structures (socket(7)); then the sender's buffer grows. */
static inline int tcp_loopback_open(struct channel pair[2], struct sm_error *err)
{
	size_t capacity = pair->capacity, half = capacity / 2, send_bytes = half;
	int end[2], rc;

	while (send_bytes < 4 * capacity && tcp_holds(pair->message, send_bytes, half) < capacity / 4 * 3)
		send_bytes *= 2;
	rc = tcp_connect(end, send_bytes, half);
	if (rc < 0)
		(void)sm_fail(err, -rc,
			      "no TCP connection to 127.0.0.1 can be made: %s; is the "
			      "loopback interface up?",
			      strerror(-rc));
	for (int i = 0; i < 2; i++)
		if (end[i] < 0)
			end[i] = 0;
	duplex_set(pair, end);
	return rc;
}

static inline bool tcp_loopback_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send(channel->fd[1], buffer, bytes);
}

static inline bool tcp_loopback_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive(channel->fd[0], buffer, bytes);
}

static inline size_t tcp_loopback_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_offer(channel->fd[1], buffer, bytes);
}

static inline void tcp_loopback_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
