/* Every queue of many, with two processes that put numbered items and two that take them, and random delays: not one item
 * is lost or doubled,
 * and what one consumer gets of one producer is in its order.
 * usage: stress_queues mpmc|ck_ring|mutex_cond [lost|doubled|swapped|mask|single|unwoken|none [SECONDS]]
 *   lost, doubled: a producer puts a wrong item; swapped: two in the wrong order; mask: cells are found by a wrong mask; single: producers of ck_ring use the
 *   call for a single one, which claims no place; unwoken: producers under the mutex signal no condition */
#include "crew.h"

#include <ck_ring.h>

#include "subject/locked_queue.h"
#include "subject/mpmc.h"

#define PRODUCERS 2u
#define ITEMS     5000u /* of each producer in a round; as many for each consumer */
#define CAPACITY  16u   /* small, so that it is often full and often empty */
#define PLANT_AT  1000u /* number of the item that is put wrongly */

enum way { MPMC, CK_RING, MUTEX_COND, WAYS };

struct shared {
	struct crew crew;
	union {
		alignas(SM_LINE_PAIR) struct mpmc mpmc;
		struct locked_queue locked;
		struct {
			ck_ring_t ring;
			ck_ring_buffer_t buffer[CAPACITY];
		} ck;
		char bytes[sizeof(struct mpmc) + CAPACITY * sizeof(struct mpmc_cell)];
	};
	alignas(SM_LINE_PAIR) _Atomic uint8_t seen[PRODUCERS][ITEMS];
	_Atomic bool strange;  /* an item that nobody put */
	_Atomic uint64_t late; /* an item, with its producer, that came after a later one; 0: none */
};

static struct shared *shared;
static enum way way;

static void prepare(void)
{
	memset(shared, 0, sizeof(*shared));
	switch (way) {
	case MPMC:
		mpmc_init(&shared->mpmc, CAPACITY);
		if (planted("mask"))
			shared->mpmc.mask = CAPACITY - 2; /* every other cell is another's */
		break;
	case CK_RING:
		ck_ring_init(&shared->ck.ring, CAPACITY);
		if (planted("mask"))
			shared->ck.ring.mask = CAPACITY - 2;
		break;
	case MUTEX_COND:
		if (locked_queue_open(&shared->locked, NULL) < 0)
			exit(2);
		break;
	case WAYS: break;
	}
}

static bool put_unwoken(struct locked_queue *queue, uint64_t item)
{
	pthread_mutex_lock(&queue->mutex);
	while (queue->head - queue->tail == CAPACITY)
		pthread_cond_wait(&queue->not_full, &queue->mutex);
	queue->item[queue->head++ % CAPACITY] = item;
	pthread_mutex_unlock(&queue->mutex);
	return true;
}

/* ck_ring_enqueue_spsc(), and now and then slow between its two steps. */
static bool put_single(void *pointer)
{
	static uint64_t state;
	void **place = ck_ring_enqueue_reserve_spsc(&shared->ck.ring, shared->ck.buffer);

	if (!place)
		return false;
	*place = pointer;
	dawdle(&state);
	ck_ring_enqueue_commit_spsc(&shared->ck.ring);
	return true;
}

static bool put(uint64_t item)
{
	void *pointer = (void *)(uintptr_t)item;

	switch (way) {
	case MPMC: return mpmc_put(&shared->mpmc, item);
	case CK_RING:
		return planted("single") ? put_single(pointer)
					 : ck_ring_enqueue_mpmc(&shared->ck.ring, shared->ck.buffer, pointer);
	case MUTEX_COND:
		return planted("unwoken") ? put_unwoken(&shared->locked, item)
					  : locked_queue_put(&shared->locked, CAPACITY, item);
	case WAYS: break;
	}
	return false;
}

static bool take(uint64_t *item)
{
	void *pointer;

	switch (way) {
	case MPMC: return mpmc_take(&shared->mpmc, item);
	case CK_RING:
		if (!ck_ring_dequeue_mpmc(&shared->ck.ring, shared->ck.buffer, &pointer))
			return false;
		*item = (uintptr_t)pointer;
		return true;
	case MUTEX_COND: return locked_queue_take(&shared->locked, CAPACITY, item);
	case WAYS: break;
	}
	return false;
}

static void produce(unsigned number)
{
	uint64_t state = dawdle_seed(number);

	for (uint64_t i = 0; i < ITEMS; i++) {
		uint64_t item = i;

		if (planted("lost") && i == PLANT_AT)
			item++;
		if (planted("doubled") && i == PLANT_AT + 1)
			item--;
		if (planted("swapped") && i / 2 == PLANT_AT / 2)
			item ^= 1;
		/* ck_ring takes no NULL. */
		while (!put((uint64_t)(number + 1) << 32 | item))
			sched_yield();
		dawdle(&state);
	}
}

static void consume(unsigned number)
{
	uint64_t state = dawdle_seed(number), item, next[PRODUCERS] = { 0 };

	for (unsigned i = 0; i < ITEMS; i++) {
		while (!take(&item))
			sched_yield();
		if ((item >> 32) - 1 < PRODUCERS && (item & 0xffffffff) < ITEMS) {
			uint64_t *least = &next[(item >> 32) - 1];

			atomic_fetch_add(&shared->seen[(item >> 32) - 1][item & 0xffffffff], 1);
			if ((item & 0xffffffff) < *least)
				atomic_store(&shared->late, item);
			else
				*least = (item & 0xffffffff) + 1;
		} else {
			atomic_store(&shared->strange, true);
		}
		crew_step(&shared->crew, number);
		dawdle(&state);
	}
}

static void pass(unsigned number)
{
	if (number < PRODUCERS)
		produce(number);
	else
		consume(number);
}

static bool try_queue(void)
{
	prepare();
	if (!crew_run(&shared->crew, 2 * PRODUCERS, pass))
		return false;
	for (unsigned i = 0; i < PRODUCERS; i++)
		for (unsigned j = 0; j < ITEMS; j++)
			if (shared->seen[i][j] != 1) {
				printf("%s: item %u of producer %u is %s\n", structure, j, i,
				       shared->seen[i][j] ? "doubled" : "lost");
				return false;
			}
	if (shared->late) {
		printf("%s: item %lu of producer %lu came out after a later one\n", structure,
		       shared->late & 0xffffffff, (shared->late >> 32) - 1);
		return false;
	}
	if (shared->strange)
		printf("%s: an item came out that nobody put\n", structure);
	return !shared->strange;
}

int main(int argc, char **argv)
{
	static const char *const names[WAYS] = { "mpmc", "ck_ring", "mutex_cond" };
	double seconds = crew_arguments(argc, argv);

	way = (enum way)crew_find(names, WAYS);
	shared = crew_memory(sizeof(*shared));
	return crew_rounds(seconds, try_queue);
}
