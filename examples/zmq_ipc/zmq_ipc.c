/* ZeroMQ's ipc:// between two processes: PUSH and PULL for each direction, over an abstract Unix socket. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <zmq.h>

#include "../threads.h"
#include "shmeter/plugin.h"

#define LOOK_MS 100 /* a wait looks as often whether the peer is gone */

static size_t zmq_ipc_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static int zmq_ipc_open(struct shmeter_channel pair[2])
{
	(void)pair; /* the ends find each other by the name */
	return 0;
}

static bool set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static int zmq_ipc_attach(struct shmeter_channel *channel, bool sends)
{
	static void *context; /* of this process */
	/* Each end has a queue of its own; 0 would be one without a limit. */
	int messages = (int)(channel->capacity / channel->message / 2), rc = 0;
	char address[64];
	cpu_set_t own;
	void *socket;

	threads_everywhere(&own);
	if (!context)
		context = zmq_ctx_new();
	socket = context ? zmq_socket(context, sends ? ZMQ_PUSH : ZMQ_PULL) : NULL;
	snprintf(address, sizeof(address), "ipc://@%s", channel->name);
	if (!socket || !set(socket, sends ? ZMQ_SNDHWM : ZMQ_RCVHWM, messages) ||
	    !set(socket, sends ? ZMQ_SNDTIMEO : ZMQ_RCVTIMEO, LOOK_MS) || !set(socket, ZMQ_LINGER, 0) ||
	    !set(socket, ZMQ_RECONNECT_IVL, 1) ||
	    (sends ? zmq_connect(socket, address) : zmq_bind(socket, address)) < 0)
		rc = errno;
	threads_here(&own);
	channel->own = socket;
	return rc;
}

static bool zmq_ipc_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	while (zmq_send(channel->own, message, size, 0) < 0)
		if ((errno != EAGAIN && errno != EINTR) || shmeter_is_over(channel))
			return false;
	return true;
}

static bool zmq_ipc_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	int got;

	while ((got = zmq_recv(channel->own, message, size, 0)) < 0)
		if ((errno != EAGAIN && errno != EINTR) || shmeter_is_over(channel))
			return false;
	return (size_t)got == size;
}

static const struct shmeter_transport transport = {
	.struct_size = sizeof(transport),
	.name = "zmq_ipc",
	.summary = "ZeroMQ, ipc:// sockets PUSH and PULL",
	.bytes = zmq_ipc_bytes,
	.open = zmq_ipc_open,
	.attach = zmq_ipc_attach,
	.send = zmq_ipc_send,
	.receive = zmq_ipc_receive,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
