/* A ring for the tests of `plugin check`: right in one of several ways (-DWAY_name), or with one defect (-DDEFECT_name). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shmeter/plugin.h"

#ifdef WAY_fragile /* the same, and it says so */
#define DEFECT_death
#endif
#ifdef WAY_declines
#define WAY_packed
#endif
#ifdef WAY_packed
#define APART
#else
#define APART _Alignas(128)
#endif
#define DEFECT_AT 2500u /* after the round trips of the first check */

struct ring {
	APART _Atomic uint64_t sent;
	APART _Atomic uint64_t received;
	APART _Atomic uint32_t lock;
	char *slots; /* DEFECT_pointer */
	_Alignas(128) char slot[];
};

#ifdef WAY_seq_cst
#define RELEASE memory_order_seq_cst
#elif defined(DEFECT_relaxed) || defined(WAY_fences)
#define RELEASE memory_order_relaxed
#else
#define RELEASE memory_order_release
#endif

static void publish(_Atomic uint64_t *counter, uint64_t value)
{
#ifdef WAY_fences
	atomic_thread_fence(memory_order_release);
#endif
	atomic_store_explicit(counter, value, RELEASE);
}

static size_t slots_of(const struct shmeter_channel *channel)
{
#ifdef DEFECT_capacity
	return channel->capacity / channel->message + 1;
#elif defined(DEFECT_capacity_less)
	return channel->capacity / channel->message - 1;
#elif defined(WAY_spare)
	return channel->capacity / channel->message + 3;
#elif defined(WAY_card)
	return channel->capacity / channel->message / 2; /* its messages are in a memory of its own */
#else
	return channel->capacity / channel->message;
#endif
}

static size_t place_of(const struct shmeter_channel *channel, uint64_t number)
{
#ifdef DEFECT_mask
	return (number & (slots_of(channel) - 1)) * channel->message;
#elif defined(DEFECT_capacity)
	return number % (slots_of(channel) - 1) * channel->message;
#else
	return number % slots_of(channel) * channel->message;
#endif
}

static size_t ring_bytes(size_t capacity, size_t message)
{
	size_t slots = capacity / message;

#ifdef WAY_spare
	slots += 3;
#endif
#ifdef DEFECT_capacity_less
	slots -= 1;
#endif
#ifdef WAY_named
	return 0;
#endif
#ifdef WAY_card
	return 128;
#endif
	return sizeof(struct ring) + slots * message;
}

static int ring_open(struct shmeter_channel pair[2])
{
#ifdef WAY_declines
	if (pair[0].capacity < 65536 || pair[0].message != 64)
		return ENOTSUP;
#endif
#if defined(WAY_named) || defined(WAY_card)
	for (int i = 0; i < 2; i++) {
		int fd = shm_open(pair[i].name, O_RDWR | O_CREAT | O_EXCL, 0600);

		if (fd < 0 || ftruncate(fd, (off_t)(sizeof(struct ring) + pair[i].capacity)) < 0)
			return 5;
		close(fd);
	}
#endif
#ifdef DEFECT_pointer
	((struct ring *)pair[0].memory)->slots = ((struct ring *)pair[0].memory)->slot;
	((struct ring *)pair[1].memory)->slots = ((struct ring *)pair[1].memory)->slot;
#endif
#ifdef DEFECT_process
	if (fork() == 0) { /* it stays, with a socket */
		setsid();
		if (socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
			pause();
		_exit(0);
	}
#endif
#ifdef DEFECT_leak
	(void)shmget(LEAK_KEY, 4096, IPC_CREAT | 0600); /* the same in each life */
#endif
	(void)pair;
	return 0;
}

static int ring_attach(struct shmeter_channel *channel, bool sends)
{
	(void)sends;
	channel->own = channel->memory;
#if defined(WAY_named) || defined(WAY_card)
	int fd = shm_open(channel->name, O_RDWR, 0);

	channel->own = mmap(NULL, sizeof(struct ring) + channel->capacity, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return channel->own == MAP_FAILED;
#endif
	return 0;
}

static void ring_close(struct shmeter_channel pair[2])
{
	(void)pair;
#ifdef DEFECT_leak_killed /* what a killed process had not taken keeps its name */
	const struct ring *ring = pair[0].memory;

	if (ring->sent != ring->received)
		close(shm_open(pair[0].name, O_RDWR | O_CREAT, 0600));
#endif
#if defined(WAY_named) || defined(WAY_card)
	shm_unlink(pair[0].name);
	shm_unlink(pair[1].name);
#endif
}

/* Takes turns with the other end: a lock that its owner does not release when it is killed. */
static bool begin(struct shmeter_channel *channel, struct ring *ring)
{
#if defined(DEFECT_death) || defined(WAY_many)
	while (atomic_exchange(&ring->lock, 1)) {
#ifndef DEFECT_death
		if (shmeter_is_over(channel))
			return false;
#endif
		sched_yield();
	}
#endif
	(void)channel;
	(void)ring;
	return true;
}

static bool end(struct ring *ring, bool result)
{
#ifdef DEFECT_death
	for (volatile int i = 0; i < 20000; i++)
		;
#endif
	atomic_store(&ring->lock, 0);
	return result;
}

static bool wait(struct shmeter_channel *channel)
{
#ifdef WAY_sleeps
	usleep(channel->spin_turns ? 0 : 10);
#endif
#if defined(WAY_yield) || defined(WAY_many) || defined(DEFECT_death)
	sched_yield();
#endif
	return !shmeter_is_over(channel);
}

static bool ring_send(struct shmeter_channel *channel, const void *message, size_t size)
{
	struct ring *ring = channel->own;
	uint64_t mine;
#ifdef DEFECT_descriptors
	(void)!dup(0);
#endif

#ifdef WAY_many
	do {
		if (!begin(channel, ring))
			return false;
		mine = atomic_load_explicit(&ring->sent, memory_order_relaxed);
		if (mine - atomic_load_explicit(&ring->received, memory_order_acquire) < slots_of(channel))
			break;
		end(ring, true);
	} while (wait(channel));
	if (shmeter_is_over(channel))
		return end(ring, false);
#else
	mine = atomic_load_explicit(&ring->sent, memory_order_relaxed);
	while (mine - atomic_load_explicit(&ring->received, memory_order_acquire) >= slots_of(channel))
		if (!wait(channel))
			return false;
	if (!begin(channel, ring))
		return false;
#endif
#ifdef DEFECT_lost
	if (mine == DEFECT_AT && !ring->slots) {
		ring->slots = (char *)1;
		return end(ring, true);
	}
#endif
#ifdef DEFECT_pointer
	memcpy(ring->slots + place_of(channel, mine), message, size);
#else
	memcpy(ring->slot + place_of(channel, mine), message, size);
#endif
#ifdef DEFECT_torn
	ring->slot[place_of(channel, mine) + size - 1] ^= mine == DEFECT_AT;
#endif
#ifdef DEFECT_outside
	memcpy(ring->slot + channel->capacity / size * size, message, 1);
#endif
	publish(&ring->sent, mine + 1);
	return end(ring, true);
}

static bool ring_receive(struct shmeter_channel *channel, void *message, size_t size)
{
	struct ring *ring = channel->own;
	uint64_t mine = atomic_load_explicit(&ring->received, memory_order_relaxed);
	uint64_t place = mine;

	while (atomic_load_explicit(&ring->sent, memory_order_acquire) == mine)
		if (!wait(channel))
			return false;
#ifdef DEFECT_blocks
	while (mine == DEFECT_AT)
		if (!wait(channel))
			return false;
#endif
#ifdef DEFECT_reordered
	/* two that change places: the later one is awaited first */
	if (mine == DEFECT_AT)
		while (atomic_load_explicit(&ring->sent, memory_order_acquire) < mine + 2)
			if (!wait(channel))
				return false;
#endif
	if (!begin(channel, ring))
		return false;
#ifdef DEFECT_reordered
	place += mine == DEFECT_AT;
	place -= mine == DEFECT_AT + 1;
#endif
	memcpy(message, ring->slot + place_of(channel, place), size);
#ifdef DEFECT_doubled
	if (mine == DEFECT_AT && !ring->slots) {
		ring->slots = (char *)1;
		return end(ring, true);
	}
#endif
	publish(&ring->received, mine + 1);
	return end(ring, true);
}

static const struct shmeter_transport transport = {
	.struct_size = sizeof(transport),
	.name = "checked",
	.summary = "a ring of the tests",
#ifdef WAY_many
	.traits = SHMETER_SPINS | SHMETER_MANY,
#elif defined(WAY_fragile)
	.traits = SHMETER_SPINS | SHMETER_FRAGILE,
#else
	.traits = SHMETER_SPINS,
#endif
	.bytes = ring_bytes,
	.open = ring_open,
	.attach = ring_attach,
	.send = ring_send,
	.receive = ring_receive,
	.close = ring_close,
};

const struct shmeter_export *shmeter_plugin(void)
{
	static const struct shmeter_export plugin = SHMETER_PLUGIN(1, &transport);

	return &plugin;
}
