/* Both ends of a transport, or the owners of a lock, as threads of one plain program, so that a sanitizer sees all.  `shmeter plugin check` compiles
 * this with the source of a plug-in, as C or as C++.  usage: program NAME
 * Prints "shmeter: begun", then how it ended: "shmeter: passed MESSAGES MEMORY" or the reason why it tells nothing. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shmeter/plugin.h"

#define MESSAGES   2000u
#define SENDING_MS 1000 /* fewer messages where this is over */
#define ATTACH_MS  300  /* for one end alone: most do not wait for the other */
#define STALL_MS   5000
#define LOG_BYTES  16777216u
#define STEP       0x9e3779b97f4a7c15ull /* 2^64 divided by the golden ratio: one word differs from all others */

struct end {
	const struct shmeter_transport *called;
	struct shmeter_channel channel; /* its own, as a process has */
	bool sends;
	uint32_t attached, begin,
		ended; /* atomics of the main thread and this one alone: the ends see no order by them */
	int code;
	uint64_t passed;
	char wrong[80];
	pthread_t thread;
};

static uint32_t over;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap(void)
{
	struct timespec time = { 0, 1000000 };

	nanosleep(&time, NULL);
}

/* Waits until the flag is set, for `ms` at most. */
static bool await(uint32_t *flag, uint64_t ms)
{
	uint64_t until = now_ms() + ms;

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE)) {
		if (now_ms() > until)
			return false;
		nap();
	}
	return true;
}

/* Now and then lets the other side get ahead. */
static void dawdle(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull; /* D. Knuth, MMIX */
	if (*state >> 58 == 0)
		sched_yield();
}

/* The first word is the number, and 1 in its lowest bit where it is the last: the ends share nothing but the transport. */
static void send_all(struct end *end, uint64_t *message, size_t words)
{
	uint64_t until = now_ms() + SENDING_MS, state = 1;
	bool last = false;

	for (uint64_t i = 0; !last; i++) {
		last = i + 1 == MESSAGES || (i % 64 == 63 && now_ms() > until);
		for (size_t w = 0; w < words; w++)
			message[w] = (i << 1 | last) + w * STEP;
		if (!end->called->send(&end->channel, message, end->channel.message)) {
			snprintf(end->wrong, sizeof(end->wrong), "send() returned false");
			return;
		}
		end->passed++;
		dawdle(&state);
	}
}

static void receive_all(struct end *end, uint64_t *message, size_t words)
{
	uint64_t state = 2;

	for (bool last = false; !last; end->passed++) {
		uint64_t wrong = 0;

		if (!end->called->receive(&end->channel, message, end->channel.message)) {
			snprintf(end->wrong, sizeof(end->wrong), "receive() returned false");
			return;
		}
		for (size_t w = 1; w < words; w++)
			wrong |= message[w] ^ (message[0] + w * STEP);
		if (wrong || message[0] >> 1 != end->passed) {
			snprintf(end->wrong, sizeof(end->wrong), "message %llu was wrong",
				 (unsigned long long)end->passed);
			return;
		}
		last = message[0] & 1;
		dawdle(&state);
	}
}

static void *run_end(void *argument)
{
	struct end *end = (struct end *)argument;
	size_t bytes = (end->channel.message + 63) / 64 * 64;
	void *message = NULL;

	if (posix_memalign(&message, 64, bytes))
		end->code = ENOMEM;
	else if (end->called->attach)
		end->code = end->called->attach(&end->channel, end->sends);
	__atomic_store_n(&end->attached, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&end->begin, __ATOMIC_ACQUIRE))
		nap();
	if (end->code == 0 && end->sends)
		send_all(end, (uint64_t *)message, end->channel.message / 8);
	else if (end->code == 0)
		receive_all(end, (uint64_t *)message, end->channel.message / 8);
	free(message);
	__atomic_store_n(&end->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void leave(const char *words)
{
	printf("shmeter: %s\n", words);
	fflush(stdout);
	_exit(3); /* a thread may still be inside the plug-in */
}

/* One after the other, so that what they share in a process, as two processes do not, is ordered. */
static void attach_both(struct end end[2])
{
	for (int i = 1; i >= 0; i--) {
		if (pthread_create(&end[i].thread, NULL, run_end, &end[i]))
			leave("no thread could be started");
		await(&end[i].attached, ATTACH_MS);
	}
	for (int i = 0; i < 2; i++)
		if (!await(&end[i].attached, STALL_MS))
			leave("attach() does not return");
	for (int i = 0; i < 2; i++)
		if (end[i].code)
			leave("attach() fails");
}

static uint64_t run_both(struct end end[2])
{
	attach_both(end);
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&end[i].begin, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < 2; i++)
		if (!await(&end[i].ended, STALL_MS))
			leave("an end waits for ever");
	for (int i = 0; i < 2; i++)
		if (end[i].wrong[0])
			leave(end[i].wrong);
	for (int i = 0; i < 2; i++)
		pthread_join(end[i].thread, NULL);
	return end[1].passed;
}

/* Returns the messages that were passed; 0: open() declines this size and capacity. */
static uint64_t run_shape(const struct shmeter_transport *called, size_t capacity, size_t message, size_t *bytes)
{
	static unsigned shape; /* its channels have names of their own, as there is no call that detaches */
	struct shmeter_channel pair[2];
	struct end end[2];
	uint64_t passed = 0;
	char name[2][32];
	int code;

	memset(pair, 0, sizeof(pair));
	memset(end, 0, sizeof(end));
	*bytes = called->bytes(capacity, message);
	for (int i = 0; i < 2; i++) {
		snprintf(name[i], sizeof(name[i]), "shmeter-%d-%u-%d", (int)getpid(), shape, i);
		/* not a byte more than it asked for */
		if (*bytes && posix_memalign(&pair[i].memory, 128, *bytes))
			leave("no memory for a channel");
		if (*bytes)
			memset(pair[i].memory, 0, *bytes);
		pair[i].capacity = capacity;
		pair[i].message = message;
		pair[i].name = name[i];
		pair[i].over = &over;
		pair[i].spin_turns = 50;
		pair[i].direction = (uint32_t)i;
	}
	shape++;
	code = called->open(pair);
	if (code && code != ENOTSUP)
		leave("open() fails");
	for (int i = 0; i < 2; i++) {
		end[i].called = called;
		end[i].channel = pair[0];
		end[i].sends = i == 0;
	}
	if (code == 0)
		passed = run_both(end);
	if (called->close)
		called->close(pair);
	for (int i = 0; i < 2; i++)
		free(pair[i].memory);
	return passed;
}

#define OWNERS 3
#define TURNS  2000u /* of each owner */

struct owner {
	const struct shmeter_lock *called;
	struct shmeter_owner owner;
	uint64_t *count;  /* guarded by the lock alone: what is not ordered by it is a race */
	uint32_t *holder; /* relaxed: orders nothing */
	uint32_t ended;
	int code;
	uint64_t passed, overlaps;
	pthread_t thread;
};

static void *run_owner(void *argument)
{
	struct owner *owner = (struct owner *)argument;
	uint64_t state = owner->owner.index, until = now_ms() + SENDING_MS;

	for (uint32_t i = 0; i < TURNS && owner->code == 0 && now_ms() < until; i++) {
		owner->code = owner->called->lock(&owner->owner);
		if (owner->code)
			break;
		owner->overlaps += __atomic_exchange_n(owner->holder, 1, __ATOMIC_RELAXED);
		*owner->count += 1;
		dawdle(&state);
		__atomic_store_n(owner->holder, 0, __ATOMIC_RELAXED);
		owner->called->unlock(&owner->owner);
		owner->passed++;
	}
	__atomic_store_n(&owner->ended, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Attaches the owners one after the other, and starts them. */
static uint64_t run_owners(struct owner owner[OWNERS])
{
	uint64_t passed = 0;

	for (int i = 0; i < OWNERS; i++)
		if (owner[i].called->attach && owner[i].called->attach(&owner[i].owner))
			leave("attach() fails");
	for (int i = 0; i < OWNERS; i++)
		if (pthread_create(&owner[i].thread, NULL, run_owner, &owner[i]))
			leave("no thread could be started");
	for (int i = 0; i < OWNERS; i++)
		if (!await(&owner[i].ended, STALL_MS))
			leave("an owner waits for ever");
	for (int i = 0; i < OWNERS; i++) {
		pthread_join(owner[i].thread, NULL);
		if (owner[i].code)
			leave("lock() fails");
		if (owner[i].overlaps)
			leave("two had the lock at once");
		passed += owner[i].passed;
	}
	return passed;
}

/* Returns how often the lock was taken. */
static uint64_t run_lock(const struct shmeter_lock *called)
{
	size_t stride = (called->owner_bytes + 127) / 128 * 128;
	struct owner owner[OWNERS];
	uint64_t passed, count = 0;
	uint32_t holder = 0;
	void *memory = NULL, *nodes = NULL;
	char name[32];

	memset(owner, 0, sizeof(owner));
	snprintf(name, sizeof(name), "shmeter-%d", (int)getpid());
	/* not a byte more than it asked for */
	if ((called->bytes && posix_memalign(&memory, 128, called->bytes)) ||
	    (stride && posix_memalign(&nodes, 128, OWNERS * stride)))
		leave("no memory for a lock");
	if (memory)
		memset(memory, 0, called->bytes);
	if (nodes)
		memset(nodes, 0, OWNERS * stride);
	for (int i = 0; i < OWNERS; i++) {
		owner[i].called = called;
		owner[i].count = &count;
		owner[i].holder = &holder;
		owner[i].owner.lock = memory;
		owner[i].owner.node = nodes ? (char *)nodes + (size_t)i * stride : NULL;
		owner[i].owner.stride = stride;
		owner[i].owner.index = (uint32_t)i;
		owner[i].owner.owners = OWNERS;
		owner[i].owner.name = name;
	}
	if (called->init(&owner[0].owner))
		leave("init() fails");
	passed = run_owners(owner);
	if (called->close)
		called->close(&owner[0].owner);
	free(memory);
	free(nodes);
	return passed;
}

int main(int argc, char **argv)
{
	static const size_t shapes[][2] = { { 4096, 64 }, { 4096, 1000 }, { 65536, 64 }, { 65536, 16384 } };
	const struct shmeter_export *plugin = shmeter_plugin();
	const struct shmeter_transport *called = NULL;
	const struct shmeter_lock *lock = NULL;
	struct rlimit limit = { LOG_BYTES, LOG_BYTES };
	uint64_t passed = 0;
	size_t bytes = 0;

	alarm(60);
	setrlimit(RLIMIT_FSIZE, &limit);
	printf("shmeter: begun\n");
	fflush(stdout);
	for (uint32_t i = 0; argc == 2 && plugin && i < plugin->transport_count; i++)
		if (strcmp(plugin->transport[i].name, argv[1]) == 0)
			called = &plugin->transport[i];
	for (size_t i = 0; argc == 2 && plugin && i < plugin->lock_count; i++)
		if (strcmp(plugin->lock[i].name, argv[1]) == 0)
			lock = &plugin->lock[i];
	if (!called && !lock)
		leave("the source has no transport or lock of this name");
	if (!called) { /* they share memory in any case: one program has it */
		printf("shmeter: passed %llu 1\n", (unsigned long long)run_lock(lock));
		return 0;
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		passed += run_shape(called, shapes[i][0], shapes[i][1], &bytes);
	if (passed == 0)
		leave("open() declines all sizes");
	printf("shmeter: passed %llu %zu\n", (unsigned long long)passed, bytes);
	return 0;
}
