/* The rings, queues, records and the futex lock of scenarios/subject/ under stress, with threads: random delays, every
 * item checked.  A plain program, because ThreadSanitizer does not run under Criterion.
 * usage: stress_subjects [SUBJECT]
 * Ends with 1 at the first wrong item; under ThreadSanitizer also at a race.
 *
 * ThreadSanitizer sees a wrong order only where it guards plain data: the items of rings and queues, the count under the
 * lock.  It knows no fences (gcc's -Wtsan says so), so nothing here tells of those of the sleeping ring, which order its
 * wake-ups, and of the records, whose words are atomics: tests/model/ has both.  Concurrency Kit orders by assembly that
 * ThreadSanitizer does not see; tests/stress/ has what is its own. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "subject/locks.h"
#include "subject/message.h"
#include "subject/mpmc.h"
#include "subject/shm_mutex_cond.h"
#include "subject/shm_posix_sem.h"
#include "subject/shm_ring.h"
#include "subject/shm_ring_futex.h"
#include "subject/shm_slots.h"
#include "subject/snapshot.h"

#define MESSAGES      60000
#define MESSAGE_BYTES 48  /* no divisor of the capacity: messages wrap */
#define CAPACITY      256 /* small, so that both sides wait often */

int sm_fail(struct sm_error *err, int code, const char *format, ...)
{
	(void)err;
	fprintf(stderr, "%s\n", format);
	exit(code ? 1 : 2);
}

static _Atomic uint32_t never;

/* Now and then gives the other side time to get ahead. */
static void dawdle(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	if (*state >> 58 == 0)
		sched_yield();
}

/* Each side has its own copy of the channel, as forked processes have. */
struct pair {
	struct channel sender, receiver;
	bool (*send)(struct channel *, const void *, size_t);
	bool (*receive)(struct channel *, void *, size_t);
	uint64_t wrong;
};

static void *sender(void *argument)
{
	struct pair *pair = argument;
	uint64_t message[MESSAGE_BYTES / 8], state = 1;

	for (uint64_t i = 0; i < MESSAGES; i++) {
		message_write(message, MESSAGE_BYTES, i);
		pair->send(&pair->sender, message, MESSAGE_BYTES);
		dawdle(&state);
	}
	return NULL;
}

static void *receiver(void *argument)
{
	struct pair *pair = argument;
	uint64_t message[MESSAGE_BYTES / 8], state = 2;

	for (uint64_t i = 0; i < MESSAGES; i++) {
		pair->receive(&pair->receiver, message, MESSAGE_BYTES);
		pair->wrong += message_check(message, MESSAGE_BYTES, i) != 0;
		dawdle(&state);
	}
	return NULL;
}

static void run_pair(const char *name, struct pair *pair)
{
	pthread_t threads[2];

	pthread_create(&threads[0], NULL, sender, pair);
	pthread_create(&threads[1], NULL, receiver, pair);
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	printf("%s: %d messages, %lu wrong\n", name, MESSAGES, pair->wrong);
	if (pair->wrong)
		exit(1);
}

static struct channel a_channel(size_t bytes)
{
	return (struct channel){ .memory = aligned_alloc(SM_LINE_PAIR, (bytes + 127) / 128 * 128),
				 .capacity = CAPACITY,
				 .message = MESSAGE_BYTES,
				 .spin_turns = 50,
				 .abort = &never };
}

#define PAIR(name)                                                                                                     \
	static void run_##name(void)                                                                                   \
	{                                                                                                              \
		size_t bytes = name##_bytes(CAPACITY, MESSAGE_BYTES);                                                  \
		struct channel both[2] = { a_channel(bytes), a_channel(bytes) };                                       \
		struct pair pair = { .send = name##_send, .receive = name##_receive };                                 \
		memset(both[0].memory, 0, bytes);                                                                      \
		memset(both[1].memory, 0, bytes);                                                                      \
		name##_open(both, NULL);                                                                               \
		pair.sender = pair.receiver = both[0];                                                                 \
		run_pair(#name, &pair);                                                                                \
		free(both[0].memory);                                                                                  \
		free(both[1].memory);                                                                                  \
	}
PAIR(shm_ring)
PAIR(shm_slots)
PAIR(shm_ring_futex)
PAIR(shm_mutex_cond)
PAIR(shm_posix_sem)

#define PRODUCERS 2
#define ITEMS     30000

struct crowd {
	struct mpmc *queue;
	_Atomic uint64_t sum, count;
	uint64_t last[PRODUCERS];
};

static void *produce(void *argument)
{
	static _Atomic uint64_t next_id;
	struct crowd *crowd = argument;
	uint64_t id = atomic_fetch_add(&next_id, 1), state = id;

	for (uint64_t i = 1; i <= ITEMS; i++) {
		while (!mpmc_put(crowd->queue, id << 32 | i))
			sched_yield();
		dawdle(&state);
	}
	return NULL;
}

static void *consume(void *argument)
{
	struct crowd *crowd = argument;
	uint64_t item, last[PRODUCERS] = { 0 }, state = 77;

	for (uint64_t i = 0; i < ITEMS; i++) {
		while (!mpmc_take(crowd->queue, &item))
			sched_yield();
		/* what one consumer sees of one producer is in order */
		if ((item & 0xffffffff) <= last[item >> 32]) {
			fprintf(stderr, "mpmc: item %lx after %lx\n", item, last[item >> 32]);
			exit(1);
		}
		last[item >> 32] = item & 0xffffffff;
		atomic_fetch_add(&crowd->sum, item);
		atomic_fetch_add(&crowd->count, 1);
		dawdle(&state);
	}
	return NULL;
}

static void run_mpmc(void)
{
	struct crowd crowd = { .queue = aligned_alloc(SM_LINE_PAIR, sizeof(struct mpmc) + 1024) };
	uint64_t due = 0;
	pthread_t threads[2 * PRODUCERS];

	memset(crowd.queue, 0, sizeof(struct mpmc) + 1024);
	mpmc_init(crowd.queue, 16);
	for (int i = 0; i < PRODUCERS; i++) {
		pthread_create(&threads[2 * i], NULL, produce, &crowd);
		pthread_create(&threads[2 * i + 1], NULL, consume, &crowd);
	}
	for (int i = 0; i < 2 * PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	for (uint64_t id = 0; id < PRODUCERS; id++)
		due += (id << 32) * ITEMS + (uint64_t)ITEMS * (ITEMS + 1) / 2;
	printf("mpmc: %lu items, sum %s\n", crowd.count, crowd.sum == due ? "right" : "WRONG");
	if (crowd.sum != due || crowd.count != PRODUCERS * ITEMS)
		exit(1);
	free(crowd.queue);
}

#define READERS 2
#define WRITES  30000

/* A way to read a record whole. */
struct record_way {
	void *shared;
	void (*write)(void *, uint64_t);
	bool (*read)(const void *, uint64_t *);
	_Atomic bool written;
	_Atomic uint64_t reads, torn;
};

static void *write_records(void *argument)
{
	struct record_way *way = argument;
	uint64_t state = 1;

	for (uint64_t i = 1; i <= WRITES || !atomic_load(&way->reads); i++, dawdle(&state))
		way->write(way->shared, i);
	atomic_store(&way->written, true);
	return NULL;
}

static void *read_records(void *argument)
{
	struct record_way *way = argument;
	uint64_t words[SNAPSHOT_WORDS];

	/* relaxed throughout: what is counted must not order what is tried. */
	while (!atomic_load_explicit(&way->written, memory_order_relaxed))
		if (way->read(way->shared, words)) {
			atomic_fetch_add_explicit(&way->reads, 1, memory_order_relaxed);
			atomic_fetch_add_explicit(&way->torn, record_is_torn(words), memory_order_relaxed);
		}
	return NULL;
}

static void run_records(const char *name, struct record_way *way)
{
	pthread_t threads[1 + READERS];

	pthread_create(&threads[0], NULL, write_records, way);
	for (int i = 1; i <= READERS; i++)
		pthread_create(&threads[i], NULL, read_records, way);
	for (int i = 0; i <= READERS; i++)
		pthread_join(threads[i], NULL);
	printf("%s: %lu records, %lu torn\n", name, way->reads, way->torn);
	if (way->torn)
		exit(1);
}

#define RECORDS(name)                                                                                                  \
	static void name##_write_one(void *shared, uint64_t stamp)                                                     \
	{                                                                                                              \
		name##_write(shared, stamp);                                                                           \
	}                                                                                                              \
	static bool name##_read_one(const void *shared, uint64_t *words)                                               \
	{                                                                                                              \
		return name##_read(shared, words);                                                                     \
	}                                                                                                              \
	static void run_##name(void)                                                                                   \
	{                                                                                                              \
		static struct name shared;                                                                             \
		struct record_way way = { .shared = &shared, .write = name##_write_one, .read = name##_read_one };     \
		run_records(#name, &way);                                                                              \
	}
RECORDS(seqlock)
RECORDS(double_buffer)
RECORDS(copy_swap)

#define OWNERS    3
#define ADDITIONS 30000

struct counted {
	struct lock_shared lock;
	uint64_t count; /* plain, under the lock */
};

static void *add(void *argument)
{
	static _Atomic uint64_t next_id;
	struct counted *counted = argument;
	uint64_t state = atomic_fetch_add(&next_id, 1);

	for (int i = 0; i < ADDITIONS; i++) {
		futex_lock_lock(&counted->lock, NULL);
		counted->count++;
		dawdle(&state); /* so that others come and sleep */
		futex_lock_unlock(&counted->lock, NULL);
	}
	return NULL;
}

static void run_futex_lock(void)
{
	static struct counted counted;
	pthread_t threads[OWNERS];

	if (futex_lock_open(&counted.lock, NULL, NULL) < 0)
		exit(1);
	for (int i = 0; i < OWNERS; i++)
		pthread_create(&threads[i], NULL, add, &counted);
	for (int i = 0; i < OWNERS; i++)
		pthread_join(threads[i], NULL);
	printf("futex_lock: %lu of %d additions\n", counted.count, OWNERS * ADDITIONS);
	if (counted.count != OWNERS * ADDITIONS)
		exit(1);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} subjects[] = {
		{ "shm_ring", run_shm_ring },
		{ "shm_slots", run_shm_slots },
		{ "shm_ring_futex", run_shm_ring_futex },
		{ "shm_mutex_cond", run_shm_mutex_cond },
		{ "shm_posix_sem", run_shm_posix_sem },
		{ "mpmc", run_mpmc },
		{ "seqlock", run_seqlock },
		{ "double_buffer", run_double_buffer },
		{ "copy_swap", run_copy_swap },
		{ "futex_lock", run_futex_lock },
	};
	unsigned ran = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (unsigned i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++)
		if (argc < 2 || strcmp(argv[1], subjects[i].name) == 0) {
			subjects[i].run();
			ran++;
		}
	return ran > 0 ? 0 : 2;
}
