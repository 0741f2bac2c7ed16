/* A POSIX message queue whose ends never sleep: they repeat the call until it succeeds. */
#ifndef SHMETER_SUBJECT_POSIX_MQ_SPIN_H
#define SHMETER_SUBJECT_POSIX_MQ_SPIN_H

#include "posix_mq.h"

static inline size_t posix_mq_spin_bytes(size_t capacity, size_t message)
{
	return posix_mq_bytes(capacity, message);
}

static inline int posix_mq_spin_open(struct channel pair[2], struct sm_error *err)
{
	int rc = posix_mq_open(pair, err);

	return rc < 0 ? rc : descriptors_poll(pair, err);
}

static inline bool posix_mq_spin_send(struct channel *channel, const void *buffer, size_t bytes)
{
	for (unsigned turns = 0; mq_send(channel->fd[0], buffer, bytes, 0) < 0;)
		if ((errno != EAGAIN && errno != EINTR) || !sm_spin(&turns, channel->abort))
			return false;
	return true;
}

static inline bool posix_mq_spin_receive(struct channel *channel, void *buffer, size_t bytes)
{
	ssize_t got;

	for (unsigned turns = 0; (got = mq_receive(channel->fd[0], buffer, bytes, NULL)) < 0;)
		if ((errno != EAGAIN && errno != EINTR) || !sm_spin(&turns, channel->abort))
			return false;
	return got == (ssize_t)bytes;
}

static inline size_t posix_mq_spin_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return posix_mq_offer(channel, buffer, bytes);
}

static inline void posix_mq_spin_close(struct channel pair[2])
{
	posix_mq_close(pair);
}

#endif
