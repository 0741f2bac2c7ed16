/* A transport of a plug-in: each message is a call through a pointer. */
#ifndef SHMETER_SUBJECT_PLUGIN_H
#define SHMETER_SUBJECT_PLUGIN_H

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "channel.h"
#include "shmeter/scenario.h"

/* Asked of the plug-in itself: transport_channel_bytes(). */
static inline size_t plugin_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static inline int plugin_open(struct channel pair[2], struct sm_error *err)
{
	static const uint32_t never = 0;
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return sm_fail(err, errno, "no random name: %s", strerror(errno));
	for (unsigned i = 0; i < 2; i++) {
		snprintf(pair[i].name, sizeof(pair[i].name), "shmeter-%016llx-%u", (unsigned long long)number, i);
		pair[i].theirs = (struct shmeter_channel){ .memory = pair[i].memory,
							   .capacity = pair[i].capacity,
							   .message = pair[i].message,
							   .name = pair[i].name,
							   .over = &never,
							   .spin_turns = pair[i].spin_turns,
							   .direction = i };
	}
	return sm_plugin_open(pair[0].plugged, (struct shmeter_channel[]){ pair[0].theirs, pair[1].theirs }, err);
}

/* In a worker: loads the plug-in, and attaches to the channel that it sends on and the one that it receives on; -1:
 * none. */
static inline int plugin_join(struct sm_worker *worker, struct channel pair[2], int sends_on, int receives_on)
{
	const struct sm_plugged *plugged = pair[0].plugged;
	struct sm_error err = { 0 };
	const struct shmeter_transport *called = sm_plugin_here(plugged, &err);

	if (!called)
		return sm_worker_fail(worker, err.code, "plug-in %s: %s", plugged->file, err.text);
	for (int i = 0; i < 2; i++) {
		int code;

		pair[i].called = called;
		pair[i].worker = worker;
		pair[i].theirs.name = pair[i].name; /* this process has a copy of its own */
		pair[i].theirs.over = (const uint32_t *)worker->abort;
		if (!called->attach || (i != sends_on && i != receives_on))
			continue;
		code = called->attach(&pair[i].theirs, i == sends_on);
		if (code)
			return sm_worker_fail(worker, EIO, "plug-in %s: attach() of %s failed: %s", plugged->file,
					      plugged->name, strerror(code));
	}
	return 0;
}

/* After send() or receive() returned false.  If no peer is gone, this end has failed, and its peer waits for nothing. */
static __attribute__((noinline, cold)) bool plugin_gave_up(struct channel *channel, const char *what)
{
	if (!shmeter_is_over(&channel->theirs))
		sm_worker_fail(channel->worker, EIO, "plug-in %s: %s() of %s returned false", channel->plugged->file,
			       what, channel->plugged->name);
	return false;
}

static inline bool plugin_send(struct channel *channel, const void *buffer, size_t bytes)
{
	return channel->called->send(&channel->theirs, buffer, bytes) || plugin_gave_up(channel, "send");
}

static inline bool plugin_receive(struct channel *channel, void *buffer, size_t bytes)
{
	return channel->called->receive(&channel->theirs, buffer, bytes) || plugin_gave_up(channel, "receive");
}

/* What it holds is not known: its interface has no call that never waits. */
static inline size_t plugin_offer(struct channel *channel, const void *buffer, size_t bytes)
{
	(void)channel;
	(void)buffer;
	(void)bytes;
	return 0;
}

static inline void plugin_close(struct channel pair[2])
{
	if (pair[0].theirs.name) /* open() was tried */
		(void)!sm_plugin_close(pair[0].plugged, (struct shmeter_channel[]){ pair[0].theirs, pair[1].theirs },
				       NULL);
}

#endif
