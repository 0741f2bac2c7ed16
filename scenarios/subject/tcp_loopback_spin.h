/* A TCP connection to 127.0.0.1 whose ends never sleep: they repeat the call until it succeeds. */
#ifndef SHMETER_SUBJECT_TCP_LOOPBACK_SPIN_H
#define SHMETER_SUBJECT_TCP_LOOPBACK_SPIN_H

#include "tcp_loopback.h"

static inline size_t tcp_loopback_spin_bytes(size_t capacity, size_t message)
{
	return tcp_loopback_bytes(capacity, message);
}

static inline int tcp_loopback_spin_open(struct channel pair[2], struct sm_error *err)
{
	int rc = tcp_loopback_open(pair, err);

	return rc < 0 ? rc : descriptors_poll(pair, err);
}

static inline bool tcp_loopback_spin_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return stream_send_polled(channel, buffer, bytes);
}

static inline bool tcp_loopback_spin_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return stream_receive_polled(channel, buffer, bytes);
}

static inline size_t tcp_loopback_spin_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return tcp_loopback_offer(channel, buffer, bytes);
}

static inline void tcp_loopback_spin_close(struct channel pair[2])
{
	tcp_loopback_close(pair);
}

#endif
