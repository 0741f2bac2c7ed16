/* nng between two processes: a pair for each direction, over an abstract Unix socket. */
#define _GNU_SOURCE
#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <stdio.h>
#include <stdlib.h>

#include "../threads.h"
#include "shmeter/plugin.h"

#define LOOK_MS      100  /* a wait looks as often whether the peer is gone */
#define MESSAGES_MAX 8192 /* nng(7): the limit of NNG_OPT_SENDBUF and NNG_OPT_RECVBUF */

static size_t nng_ipc_bytes(size_t capacity, size_t message)
{
	(void)capacity;
	(void)message;
	return 0;
}

static int nng_ipc_open(struct shmeter_channel pair[2])
{
	(void)pair; /* the ends find each other by the name */
	return 0;
}

static int prepare(nng_socket *socket, const struct shmeter_channel *channel, bool sends)
{
	size_t messages = channel->capacity / channel->message / 2; /* each end has a queue of its own */
	char address[64];
	int rc;

	snprintf(address, sizeof(address), "abstract://%s", channel->name);
	messages = messages > MESSAGES_MAX ? MESSAGES_MAX : messages;
	if ((rc = nng_pair0_open(socket)) != 0 ||
	    (rc = nng_socket_set_int(*socket, sends ? NNG_OPT_SENDBUF : NNG_OPT_RECVBUF, (int)messages)) != 0 ||
	    (rc = nng_socket_set_ms(*socket, sends ? NNG_OPT_SENDTIMEO : NNG_OPT_RECVTIMEO, LOOK_MS)) != 0 ||
	    (rc = nng_socket_set_ms(*socket, NNG_OPT_RECONNMINT, 1)) != 0 ||
	    (rc = nng_socket_set_size(*socket, NNG_OPT_RECVMAXSZ, channel->message)) != 0)
		return rc;
	return sends ? nng_dial(*socket, address, NULL, NNG_FLAG_NONBLOCK) : nng_listen(*socket, address, NULL, 0);
}

static int nng_ipc_attach(struct shmeter_channel *channel, bool sends)
{
	nng_socket *socket = malloc(sizeof(*socket));
	cpu_set_t own;
	int rc;

	if (!socket)
		return ENOMEM;
	threads_everywhere(&own);
	rc = prepare(socket, channel, sends);
	threads_here(&own);
	channel->own = socket;
	return rc == 0 ? 0 : rc & NNG_ESYSERR ? rc & ~NNG_ESYSERR : EIO;
}

static bool nng_ipc_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	nng_socket *socket = channel->own;
	int rc;

	/* nng_send() does not change what it copies */
	while ((rc = nng_send(*socket, (void *)(uintptr_t)message, size, 0)) != 0)
		if (rc != NNG_ETIMEDOUT || shmeter_is_over(channel))
			return false;
	return true;
}

static bool nng_ipc_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	nng_socket *socket = channel->own;
	size_t got = size;
	int rc;

	while ((rc = nng_recv(*socket, message, &got, 0)) != 0)
		if (rc != NNG_ETIMEDOUT || shmeter_is_over(channel))
			return false;
	return got == size;
}

static const struct shmeter_transport transport = {
	.struct_size = sizeof(transport),
	.name = "nng_ipc",
	.summary = "nng, a pair over an abstract Unix socket",
	.bytes = nng_ipc_bytes,
	.open = nng_ipc_open,
	.attach = nng_ipc_attach,
	.send = nng_ipc_send,
	.receive = nng_ipc_receive,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
