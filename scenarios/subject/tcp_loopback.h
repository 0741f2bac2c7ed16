/* A TCP connection to 127.0.0.1, without delays for coalescing (TCP_NODELAY), one for both directions. */
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

/* Buffers are set before the connection is made: the window is negotiated then. */
static inline int tcp_socket(size_t capacity)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), bytes = (int)capacity, on = 1;

	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) < 0 ||
			setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) < 0 ||
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

static inline int tcp_loopback_open(struct channel pair[2], struct sm_error *err)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = tcp_socket(pair->capacity), end[2] = { -1, -1 }, on = 1, rc = 0;

	if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) < 0 ||
	    (end[0] = tcp_socket(pair->capacity)) < 0 ||
	    connect(end[0], (struct sockaddr *)&address, size) < 0 ||
	    (end[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0 ||
	    setsockopt(end[1], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
		rc = sm_fail(err, errno, "no TCP connection to 127.0.0.1 can be made: %s; is the "
			     "loopback interface up?", strerror(errno));
	if (listener >= 0)
		close(listener);
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

static inline void tcp_loopback_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
