/* Many messages through every ring in shared memory and every polled transport of the kernel, between two
 * processes with random delays, each message checked: not one lost, doubled, overtaken or torn.  With a plant,
 * one message is sent wrongly (mask: the sender finds places by a wrong mask; early: a slot is published before it is
 * filled; unwoken: the sleeping ring's sender never wakes), and the program has to say so.
 * usage: stress_rings [MESSAGES [lost|doubled|torn|swapped|mask|early|unwoken|none [CAPACITY [RING]]]]
 * Ends with 0, or 1 at the first wrong message; with 2 where no ring has that name. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* The sleeping ring looks up every 50 ms; here a wake-up that is lost has to be seen. */
#define FUTEX_NAP_NS 3600000000000
#include "stand_ins.h"
#include "subject/transport.h"

#define MESSAGE_BYTES 40   /* no divisor of the capacity: messages wrap around its end */
#define PLANT_AT      1000 /* number of the message that is sent wrongly */
#define STILL_S       3    /* for WATCH messages: a thousand time slices of the scheduler */
#define WATCH         256

/* No ring here is a plug-in's. */
int sm_plugin_open(const struct sm_plugged *plugged, struct shmeter_channel pair[2], struct sm_error *err)
{
	(void)plugged;
	(void)pair;
	return sm_fail(err, ENOTSUP, "no plug-in");
}

int sm_plugin_close(const struct sm_plugged *plugged, struct shmeter_channel pair[2], struct sm_error *err)
{
	return sm_plugin_open(plugged, pair, err);
}

int sm_worker_fail(struct sm_worker *worker, int code, const char *format, ...)
{
	(void)worker;
	fprintf(stderr, "%s\n", format);
	return -code;
}

static _Atomic uint32_t still; /* the channel's abort flag */
static size_t capacity = 1024; /* small, so that both sides wait often */

/* Now and then lets the other side get ahead. */
static void dawdle(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
	if (*state >> 54 == 0)
		sched_yield();
	else if (*state >> 57 == 1)
		for (unsigned i = (unsigned)(*state >> 48 & 255); i > 0; i--)
			sm_relax();
}

static void stand_still(int number)
{
	(void)number;
	atomic_store(&still, 1);
}

static void send_unwoken(struct channel *channel, const void *buffer)
{
	struct spsc *ring = channel->memory;

	while (!spsc_has_room(ring, channel->capacity, MESSAGE_BYTES))
		sched_yield();
	spsc_put(ring, channel->capacity, buffer, MESSAGE_BYTES);
	spsc_produced(ring, MESSAGE_BYTES);
}

static void send_early(struct channel *channel, const void *buffer)
{
	struct spsc *ring = channel->memory;
	char *slot = shm_slots_at(channel, ring->written, MESSAGE_BYTES);

	while (!spsc_has_room(ring, channel->slots, 1))
		sched_yield();
	atomic_store(shm_slots_state(slot, MESSAGE_BYTES), ++ring->written);
	/* until it is read, however busy the machine */
	for (unsigned i = 0; i < 1000000 && atomic_load(&ring->tail) != ring->written; i++)
		sched_yield();
	memcpy(slot, buffer, MESSAGE_BYTES);
}

static void send_all(enum transport transport, struct channel *channel, uint64_t messages, const char *plant)
{
	uint64_t *out = transport_buffer(MESSAGE_BYTES), state = 1;

	for (uint64_t i = 0; i < messages; i++) {
		bool swapped = plant && strcmp(plant, "swapped") == 0 && i / 2 == PLANT_AT / 2;

		message_write(out, MESSAGE_BYTES, swapped ? i ^ 1 : i);
		dawdle(&state);
		if (plant && i == PLANT_AT && strcmp(plant, "lost") == 0)
			continue;
		if (plant && i == PLANT_AT && strcmp(plant, "torn") == 0)
			out[MESSAGE_BYTES / 8 - 1] -= MESSAGE_STEP; /* as of the message before */
		if (plant && transport == TRANSPORT_shm_ring_futex && strcmp(plant, "unwoken") == 0)
			send_unwoken(channel, out);
		else if (plant && transport == TRANSPORT_shm_slots && strcmp(plant, "early") == 0)
			send_early(channel, out);
		else
			transport_send(transport, channel, out, MESSAGE_BYTES);
		if (plant && i == PLANT_AT && strcmp(plant, "doubled") == 0)
			transport_send(transport, channel, out, MESSAGE_BYTES);
	}
	/* What a receiver that was sent one too few still waits for. */
	message_write(out, MESSAGE_BYTES, messages);
	transport_send(transport, channel, out, MESSAGE_BYTES);
}

static bool receive_all(const char *name, enum transport transport, struct channel *channel, uint64_t messages)
{
	uint64_t *in = transport_buffer(MESSAGE_BYTES), state = 2;

	for (uint64_t i = 0; i < messages; i++) {
		if (i % WATCH == 0)
			alarm(STILL_S);
		if (!transport_receive(transport, channel, in, MESSAGE_BYTES)) {
			printf("%s: %s at message %lu\n", name, still ? "stands still" : "the channel ended", i);
			return false;
		}
		if (message_check(in, MESSAGE_BYTES, i)) {
			uint64_t number = message_number(in);
			bool torn = message_check(in, MESSAGE_BYTES, number), later = !torn && number > i;

			/* whether it comes after all */
			if (later && transport_receive(transport, channel, in, MESSAGE_BYTES) &&
			    message_number(in) == i)
				printf("%s: message %lu is overtaken\n", name, i);
			else
				printf("%s: message %lu is %s\n", name, i, torn ? "torn" : later ? "lost" : "doubled");
			return false;
		}
		dawdle(&state);
	}
	printf("%s: %lu messages, none lost, doubled, overtaken or torn\n", name, messages);
	return true;
}

static bool try(const char *name, enum transport transport, uint64_t messages, const char *plant)
{
	struct channel pair[2] = { 0 };
	size_t bytes = transport_bytes(transport, capacity, MESSAGE_BYTES);
	size_t mapped = 2 * bytes + 1; /* what the kernel keeps needs none of it */
	char *memory = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bool good;
	pid_t child;

	for (int i = 0; i < 2; i++)
		pair[i] = (struct channel){ .memory = memory + (size_t)i * bytes,
					    .capacity = capacity,
					    .message = MESSAGE_BYTES,
					    .spin_turns = 50,
					    .abort = &still };
	if (memory == MAP_FAILED || transport_open(transport, pair, NULL) < 0)
		return false;
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (plant && strcmp(plant, "mask") == 0)
			pair[0].capacity /= 2;
		send_all(transport, &pair[0], messages, plant);
		_exit(0);
	}
	good = receive_all(name, transport, &pair[0], messages);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	transport_close(transport, pair);
	alarm(0);
	munmap(memory, mapped);
	return good;
}

int main(int argc, char **argv)
{
	uint64_t messages = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
	const char *plant = argc > 2 ? argv[2] : NULL, *only = argc > 4 ? argv[4] : NULL;
	const struct sigaction alarmed = { .sa_handler = stand_still }; /* it interrupts waits */
	unsigned tried = 0;

	if (argc > 3)
		capacity = strtoul(argv[3], NULL, 10);

	sigaction(SIGALRM, &alarmed, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
#define TRANSPORT(name, ...)                                                                                           \
	if ((transport_bytes(TRANSPORT_##name, capacity, MESSAGE_BYTES) > 0 ||                                         \
	     (transport_traits(TRANSPORT_##name) & TRAIT_SPINS)) &&                                                    \
	    TRANSPORT_##name != TRANSPORT_process_vm && (!only || strcmp(only, #name) == 0)) {                         \
		tried++;                                                                                               \
		if (!try(#name, TRANSPORT_##name, messages, plant))                                                    \
			return 1;                                                                                      \
	}
#define TRANSPORTS_OWN
#include "subject/transports.def"
	if (tried == 0)
		fprintf(stderr, "no ring is called %s\n", only ? only : "anything");
	return tried > 0 ? 0 : 2;
}
