/* A System V message queue each way.  msgsnd() expects the message type before the text: it goes into the headroom. */
#ifndef SHMETER_SUBJECT_SYSV_MSG_H
#define SHMETER_SUBJECT_SYSV_MSG_H

#include <errno.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#include "channel.h"
#include "names.h"

static inline size_t sysv_msg_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static inline int sysv_msg_open_one(struct channel *channel, struct sm_error *err)
{
	struct msqid_ds settings;
	struct msginfo limits;
	char text[16];
	key_t key;
	int rc;

	if (msgctl(0, IPC_INFO, (struct msqid_ds *)(void *)&limits) < 0)
		return sm_fail(err, errno, "no System V message queues here: %s", strerror(errno));
	if (channel->message > (size_t)limits.msgmax)
		return sm_fail(err, EMSGSIZE,
			       "a message of %zu bytes is over kernel.msgmax (%d): raise it, or choose "
			       "smaller messages",
			       channel->message, limits.msgmax);
	rc = key_announce('q', &key, text, err);
	if (rc < 0)
		return rc;
	channel->id = msgget(key, IPC_CREAT | IPC_EXCL | 0600);
	if (channel->id < 0) {
		sm_guard_forget('q', text);
		return sm_fail(err, errno,
			       "no System V message queue can be made: %s; kernel.msgmni "
			       "limits their number",
			       strerror(errno));
	}
	channel->count = (uint64_t)key; /* kept until the close */
	if (msgctl(channel->id, IPC_STAT, &settings) == 0) {
		settings.msg_qbytes = channel->capacity;
		if (msgctl(channel->id, IPC_SET, &settings) == 0)
			return 0;
	}
	/* The capacity stays at kernel.msgmnb, because raising it needs CAP_SYS_RESOURCE. */
	if (channel->message * 2 <= (size_t)limits.msgmnb)
		return 0;
	return sm_fail(err, errno,
		       "a System V message queue of two messages of %zu bytes cannot be had, only one of %d "
		       "bytes: raise kernel.msgmnb, or choose smaller messages",
		       channel->message, limits.msgmnb);
}

static inline int sysv_msg_open(struct channel pair[2], struct sm_error *err)
{
	int rc;

	pair[0].id = pair[1].id = -1;
	rc = sysv_msg_open_one(&pair[0], err);
	return rc < 0 ? rc : sysv_msg_open_one(&pair[1], err);
}

static inline bool sysv_msg_send(struct channel *channel, const void *buffer, size_t bytes)
{
	long *envelope = (long *)(uintptr_t)buffer - 1;
	int rc;

	*envelope = 1;
	do
		rc = msgsnd(channel->id, envelope, bytes, 0);
	while (rc < 0 && errno == EINTR);
	return rc == 0;
}

static inline bool sysv_msg_receive(struct channel *channel, void *buffer, size_t bytes)
{
	ssize_t got;

	do
		got = msgrcv(channel->id, (long *)buffer - 1, bytes, 0, 0);
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)bytes;
}

static inline size_t sysv_msg_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	long *envelope = (long *)(uintptr_t)buffer - 1;

	*envelope = 1;
	return msgsnd(channel->id, envelope, bytes, IPC_NOWAIT) == 0 ? bytes : 0;
}

static inline void sysv_msg_close(struct channel pair[2])
{
	for (int i = 0; i < 2; i++) {
		char text[16];

		if (pair[i].count == 0)
			continue;
		msgctl(pair[i].id, IPC_RMID, NULL);
		snprintf(text, sizeof(text), "%d", (int)pair[i].count);
		sm_guard_forget('q', text);
		pair[i].count = 0;
	}
}

#endif
