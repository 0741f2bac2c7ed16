/* ring_c: a transport for shmeter, in C11.  shmeter/plugin.h says what each function does. */
#include <stdatomic.h>
#include <string.h>

#include "shmeter/plugin_stamp.h"

/* ---- yours from here: a ring of one sender and one receiver, which works ---- */
struct ring { /* zeroed memory is an empty ring; never keep a pointer in it: addresses differ between processes */
	_Alignas(128) _Atomic uint64_t sent, received;
	_Alignas(128) char slot[];
};

static bool ring_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	struct ring *ring = channel->memory;
	uint64_t slots = channel->capacity / size, mine = atomic_load_explicit(&ring->sent, memory_order_relaxed);

	while (mine - atomic_load_explicit(&ring->received, memory_order_acquire) == slots)
		if (shmeter_is_over(channel))
			return false;
	memcpy(ring->slot + mine % slots * size, message, size);
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
	memcpy(message, ring->slot + mine % slots * size, size);
	atomic_store_explicit(&ring->received, mine + 1, memory_order_release);
	return true;
}
/* ---- yours to here ---- */

static size_t ring_bytes(size_t capacity, size_t message)
{
	return sizeof(struct ring) + capacity / message * message;
}

static int ring_open(struct shmeter_channel pair[2])
{
	(void)pair;
	return 0;
}

SHMETER_STAMP(stamped, ring_send, ring_receive); /* compiles the timed loops in, which then call no pointers */

static const struct shmeter_transport transport = {
	.struct_size = sizeof(transport),
	.name = "ring_c",
	.summary = "a ring in C",
	.traits = SHMETER_SPINS, /* it waits by spinning only */
	.bytes = ring_bytes,
	.open = ring_open,
	.send = ring_send,
	.receive = ring_receive,
	.stamped = &stamped,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
