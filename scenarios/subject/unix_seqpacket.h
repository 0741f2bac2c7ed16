/* A Unix socket pair that is a connection and keeps messages whole. */
#ifndef SHMETER_SUBJECT_UNIX_SEQPACKET_H
#define SHMETER_SUBJECT_UNIX_SEQPACKET_H

#include "descriptors.h"

static inline size_t unix_seqpacket_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static inline int unix_seqpacket_open(struct channel pair[2], struct sm_error *err)
{
	return socket_pair_open(pair, SOCK_SEQPACKET, true, err);
}

static inline bool unix_seqpacket_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return packet_send(channel->fd[1], buffer, bytes);
}

static inline bool unix_seqpacket_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return packet_receive(channel->fd[0], buffer, bytes);
}

static inline size_t unix_seqpacket_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return packet_offer(channel->fd[1], buffer, bytes);
}

static inline void unix_seqpacket_close(struct channel pair[2])
{
	pair_close(pair);
}

#endif
