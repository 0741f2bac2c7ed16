/* A POSIX message queue each way: the kernel copies in and out and keeps messages whole. */
#ifndef SHMETER_SUBJECT_POSIX_MQ_H
#define SHMETER_SUBJECT_POSIX_MQ_H

#include <mqueue.h>

#include "descriptors.h"
#include "names.h"

static inline size_t posix_mq_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

/* The number of messages that a queue may hold without CAP_SYS_RESOURCE (mq_overview(7)); 0: unknown. */
static inline long posix_mq_most(void)
{
	FILE *file = fopen("/proc/sys/fs/mqueue/msg_max", "re");
	long most = 0;

	if (file) {
		if (fscanf(file, "%ld", &most) != 1)
			most = 0;
		fclose(file);
	}
	return most;
}

/* Opens a queue of the capacity, or of as many messages as are allowed. */
static inline int posix_mq_open_one(struct channel *channel, struct sm_error *err)
{
	struct mq_attr shape = { .mq_maxmsg = (long)(channel->capacity / channel->message),
				 .mq_msgsize = (long)channel->message };
	long most = posix_mq_most();
	char name[64];
	int rc = name_announce('m', "/", name, sizeof(name), err);

	if (rc < 0)
		return rc;
	while ((channel->fd[0] = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &shape)) < 0 &&
	       (errno == EINVAL || errno == EMFILE) && shape.mq_maxmsg > 2)
		shape.mq_maxmsg = most > 1 && most < shape.mq_maxmsg ? most : shape.mq_maxmsg / 2;
	if (channel->fd[0] < 0) {
		rc = sm_fail(err, errno,
			     "a message queue of %ld messages of %zu bytes cannot be had (%s): raise "
			     "fs.mqueue.msg_max, fs.mqueue.msgsize_max and the limit `ulimit -q`",
			     shape.mq_maxmsg, channel->message, strerror(errno));
		channel->fd[0] = 0;
	}
	mq_unlink(name);
	sm_guard_forget('m', name);
	return rc;
}

static inline int posix_mq_open(struct channel pair[2], struct sm_error *err)
{
	int rc = posix_mq_open_one(&pair[0], err);

	return rc < 0 ? rc : posix_mq_open_one(&pair[1], err);
}

static inline bool posix_mq_send(struct channel *channel, const void *buffer, size_t bytes)
{
	int rc;

	do
		rc = mq_send(channel->fd[0], buffer, bytes, 0);
	while (rc < 0 && errno == EINTR);
	return rc == 0;
}

static inline bool posix_mq_receive(struct channel *channel, void *buffer, size_t bytes)
{
	ssize_t got;

	do
		got = mq_receive(channel->fd[0], buffer, bytes, NULL);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)bytes;
}

static inline size_t posix_mq_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	return mq_send(channel->fd[0], buffer, bytes, 0) == 0 ? bytes : 0;
}

static inline void posix_mq_close(struct channel pair[2])
{
	pair_close(pair); /* on Linux a queue's descriptor is a file descriptor */
}

#endif
