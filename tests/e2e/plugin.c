/* A plug-in for the tests, right or with one mistake: -DMISTAKE_name. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utime.h>

#include "shmeter/plugin_stamp.h"

/* The mistake of another name, in a plug-in with stamped loops. */
#ifdef MISTAKE_stamp_torn
#define MISTAKE_torn
#endif
#ifdef MISTAKE_stamp_doubled
#define MISTAKE_doubled
#endif

#ifdef STAMPED
#define MISTAKE_AT 10 /* after the eight messages at most that look at the loops */
#else
#define MISTAKE_AT 100
#endif

struct ring {
	_Alignas(128) _Atomic uint64_t sent;
	_Alignas(128) _Atomic uint64_t received;
	_Alignas(128) char slot[];
};

static size_t ring_bytes(size_t capacity, size_t message)
{
#ifdef MISTAKE_bytes_crash
	abort();
#endif
#ifdef MISTAKE_bytes_huge
	return SIZE_MAX;
#endif
	return sizeof(struct ring) + capacity / message * message;
}

static int ring_open(struct shmeter_channel pair[2])
{
#ifdef MISTAKE_open_fails
	return EDQUOT;
#endif
#ifdef MISTAKE_open_crash
	abort();
#endif
#ifdef MISTAKE_open_exits
	exit(101);
#endif
#ifdef MISTAKE_changes
	utime("changes.so", NULL); /* as if it was built anew in the middle of the run */
#endif
#ifdef MISTAKE_open_interrupted
	return EINTR;
#endif
#ifdef MISTAKE_named
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/%s", pair[0].name);
	fclose(fopen(path, "w"));
#endif
	return pair[0].name[0] && !shmeter_is_over(&pair[1]) ? 0 : EINVAL;
}

#ifdef MISTAKE_named
static void ring_close(struct shmeter_channel pair[2])
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/%s", pair[0].name);
	unlink(path);
}
#endif

static int ring_attach(struct shmeter_channel *channel, bool sends)
{
#ifdef MISTAKE_attach_fails
	return ENOSPC;
#endif
#ifdef MISTAKE_attach_prints
	puts("printed in a worker");
	fflush(stdout);
#endif
	(void)sends;
	channel->own = channel;
	return 0;
}

static bool ring_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	struct ring *ring = channel->memory;
	uint64_t slots = channel->capacity / size, mine = atomic_load_explicit(&ring->sent, memory_order_relaxed);

#ifdef MISTAKE_send_crash
	abort();
#endif
#ifdef MISTAKE_send_exits
	_exit(0);
#endif
#ifdef MISTAKE_send_false
	return false;
#endif
	while (mine - atomic_load_explicit(&ring->received, memory_order_acquire) == slots)
		if (channel->own != channel || shmeter_is_over(channel))
			return false;
	memcpy(ring->slot + mine % slots * size, message, size);
#ifdef MISTAKE_torn
	ring->slot[mine % slots * size] ^= mine == MISTAKE_AT;
#endif
	atomic_store_explicit(&ring->sent, mine + 1, memory_order_release);
	return true;
}

static bool ring_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	struct ring *ring = channel->memory;
	uint64_t slots = channel->capacity / size, mine = atomic_load_explicit(&ring->received, memory_order_relaxed);

	while (atomic_load_explicit(&ring->sent, memory_order_acquire) == mine)
		if (shmeter_is_over(channel))
			return false;
#ifdef MISTAKE_doubled
	mine -= mine == MISTAKE_AT;
#endif
	memcpy(message, ring->slot + mine % slots * size, size);
#ifdef MISTAKE_doubled
	mine += mine == MISTAKE_AT - 1 && atomic_load_explicit(&ring->received, memory_order_relaxed) == MISTAKE_AT;
#endif
	atomic_store_explicit(&ring->received, mine + 1, memory_order_release);
	return true;
}

#ifdef STAMPED
SHMETER_STAMP(right, ring_send, ring_receive);

/* Passes one message less than it says, but only where it is not looked at. */
static uint64_t loop_receive(struct shmeter_channel *from, struct shmeter_batch *batch)
{
#ifdef MISTAKE_stamp_forgets
	if (batch->count > 4) {
		uint64_t wrong = batch->wrong;

		batch->count--;
		right.receive(from, batch);
		batch->received++;
		batch->wrong = wrong;
		return batch->count + 1;
	}
#endif
	return right.receive(from, batch);
}

static uint64_t loop_ask(struct shmeter_channel *to, struct shmeter_channel *from, struct shmeter_batch *batch)
{
	uint64_t wrong = batch->wrong, done;

#ifdef MISTAKE_stamp_garbles
	batch->sent++;
#endif
	done = right.ask(to, from, batch);
#ifdef MISTAKE_stamp_garbles
	batch->sent--;
#endif
#ifdef MISTAKE_stamp_blind
	batch->wrong = wrong;
#endif
	(void)wrong;
	return done;
}

static const struct shmeter_stamped loops = {
#ifdef MISTAKE_stamp_size
	.struct_size = 8,
#else
	.struct_size = sizeof(loops),
#endif
#ifndef MISTAKE_stamp_missing
	.send = right_send,
#endif
	.receive = loop_receive,
	.ask = loop_ask,
	.answer = right_answer,
};
#endif

#ifndef NAME
#define NAME "mine"
#endif
#ifndef TRAITS
#define TRAITS SHMETER_SPINS
#endif
#ifndef SUMMARY
#define SUMMARY "a ring of the tests"
#endif
static const struct shmeter_transport transport[] = { {
#ifdef MISTAKE_size
	.struct_size = 8,
#else
	.struct_size = sizeof(transport[0]),
#endif
#ifndef MISTAKE_no_name
	.name = NAME,
#endif
	.summary = SUMMARY,
	.traits = TRAITS,
	.bytes = ring_bytes,
	.open = ring_open,
	.attach = ring_attach,
	.send = ring_send,
#ifndef MISTAKE_no_function
	.receive = ring_receive,
#endif
#ifdef MISTAKE_named
	.close = ring_close,
#endif
#ifdef MISTAKE_reserved
	.reserved = { NULL, (void *)&ring_bytes },
#endif
#ifdef STAMPED
	.stamped = &loops,
#endif
} };

#ifdef MISTAKE_constructor_crash
__attribute__((constructor)) static void begin(void)
{
	abort();
}
#endif
#ifdef MISTAKE_reads_input
__attribute__((constructor)) static void begin(void)
{
	char sign;

	if (read(STDIN_FILENO, &sign, 1) != 0)
		abort();
}
#endif
#ifdef MISTAKE_constructor_exits
__attribute__((constructor)) static void begin(void)
{
	exit(101);
}
#endif

#ifdef MISTAKE_undefined
void nobody_has_this(void);
#endif

#ifndef MISTAKE_no_symbol
const struct shmeter_export *shmeter_plugin(void)
{
	static struct shmeter_export export = SHMETER_PLUGIN(1, transport);

#ifdef MISTAKE_null
	return NULL;
#endif
#ifdef MISTAKE_magic
	export.magic++;
#endif
#ifdef MISTAKE_abi
	export.abi_version++;
#endif
#ifdef MISTAKE_none
	export.transport_count = 0;
#endif
#ifdef MISTAKE_many
	export.transport_count = 1000000;
#endif
#ifdef MISTAKE_prints
	puts("printed by a plug-in");
	fflush(stdout);
#endif
#ifdef MISTAKE_hangs
	for (;;)
		pause();
#endif
#ifdef MISTAKE_undefined
	nobody_has_this();
#endif
	return &export;
}
#endif
