/* A Unix datagram socket pair: whole messages, reliable on one machine. */
#ifndef SHMETER_SUBJECT_UNIX_DGRAM_H
#define SHMETER_SUBJECT_UNIX_DGRAM_H

#include "descriptors.h"

static inline size_t unix_dgram_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static inline int unix_dgram_open(struct channel pair[2], struct sm_error *err)
{
	return socket_pair_open(pair, SOCK_DGRAM, true, err);
}

static inline bool unix_dgram_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return packet_send(channel->fd[1], buffer, bytes);
}

static inline bool unix_dgram_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return packet_receive(channel->fd[0], buffer, bytes);
}

static inline size_t unix_dgram_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return packet_offer(channel->fd[1], buffer, bytes);
}

static inline void unix_dgram_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
