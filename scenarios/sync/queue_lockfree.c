/* Question: does a queue without a mutex beat one under a mutex?
 * Method:   producers put numbered items into a bounded queue, consumers take them out.  The queues are a ring under
 *           a process-shared mutex with condition variables, a ring for one producer and one consumer, an array of
 *           cells with a sequence number each, and Concurrency Kit's ck_ring.  An operation is an item through the
 *           queue; the items of a slice are divided among the producers and among the consumers.  Without a mutex, a
 *           side that finds the queue full or empty spins; where workers share a PU it yields the PU.
 * Not shown: blocking behaviour at low rates; the variants without a mutex burn a core while they wait.
 * Cost of the loop: mutex_cond: lock, wait loop, signal, unlock.  spsc: a store, and a load of the other side's
 *           index when the copy of it is used up.  mpmc: a load, a compare-and-swap, a store.  ck_ring: the same, in
 *           Concurrency Kit's code.  Each consumer adds two sums and compares a number with the last one of its
 *           producer.
 *
 * Only spsc is lock-free: whatever happens to one side, the other side's step ends, with an item or with "full" or
 * "empty".  A producer of mpmc or ck_ring that stops between claiming its place and publishing it delays others: the
 * consumers at its cell, or every later producer (M. Herlihy and N. Shavit, The Art of Multiprocessor Programming,
 * 3.7; _ck_ring_enqueue_mp() spins until its predecessors are done). */
#include <ck_ring.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>

#include "../subject/locked_queue.h"
#include "../subject/mpmc.h"
#include "../subject/spsc.h"
#include "shmeter/scenario.h"

#define CAPACITY 1024 /* items; a power of two, well above what accumulates during a wake-up */
#define ITEM     sizeof(uint64_t)

enum way { MUTEX_COND, SPSC, MPMC, CK_RING };
enum { PARAM_PRODUCERS, PARAM_CONSUMERS };
enum { TALLY_COUNT, TALLY_SUM, TALLY_HASH, TALLY_OVERTAKEN };

#define PRODUCER_SHIFT 40 /* position of the producer's number in an item */

struct ck_queue {
	ck_ring_t ring;
	ck_ring_buffer_t buffer[CAPACITY];
};

struct own {
	uint64_t next;      /* in a producer: number of its next item */
	uint64_t *expected; /* in a consumer: for each producer, the least number that may come next */
};

/* Whether a worker is a producer or a consumer, and its number among these. */
struct role {
	bool consumes;
	uint64_t rank, count;
};

/* Producers and consumers alternate, because neighbours are close; the remaining workers are of the larger kind. */
static struct role role_of(const struct sm_case *c, unsigned index)
{
	uint64_t producers = c->param[PARAM_PRODUCERS], consumers = c->param[PARAM_CONSUMERS];
	uint64_t pairs = producers < consumers ? producers : consumers;
	bool paired = index < 2 * pairs, consumes = paired ? index % 2 : consumers > producers;

	return (struct role){ consumes, paired ? index / 2 : index - pairs, consumes ? consumers : producers };
}

/* The number of `items` that a worker puts or takes. */
static uint64_t share_of(const struct role *role, uint64_t items)
{
	return items / role->count + (role->rank < items % role->count);
}

static size_t region_bytes(const struct sm_case *c)
{
	switch ((enum way)sm_case_variant(c)->arg) {
	case MUTEX_COND: return sizeof(struct locked_queue) + CAPACITY * sizeof(uint64_t);
	case SPSC: return sizeof(struct spsc) + CAPACITY * ITEM;
	case MPMC: return sizeof(struct mpmc) + CAPACITY * sizeof(struct mpmc_cell);
	case CK_RING: return sizeof(struct ck_queue);
	}
	return 0;
}

/* In ck_ring each producer publishes after the one before it, and spins until then. */
static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (sm_case_variant(c)->arg == SPSC && c->workers > 2)
		return sm_fail(why, ENOTSUP,
			       "this ring is for one producer and one consumer: --set producers=1 "
			       "--set consumers=1");
	if (sm_case_variant(c)->arg == CK_RING && c->shared_pu && c->param[PARAM_PRODUCERS] > 1)
		return sm_fail(why, ENOTSUP,
			       "producers of a ck_ring wait for each other spinning, and one whose predecessor "
			       "waits for the same PU only burns time slices: use one producer, or no more "
			       "processes than PUs");
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct ck_queue *ck = trial->region;

	switch ((enum way)sm_case_variant(trial->c)->arg) {
	case MUTEX_COND: return locked_queue_open(trial->region, err);
	case SPSC: break; /* a zeroed ring is empty */
	case MPMC: mpmc_init(trial->region, CAPACITY); break;
	case CK_RING: ck_ring_init(&ck->ring, CAPACITY); break;
	}
	return 0;
}

/* One word per worker, in this worker's own memory, faulted in before anything is counted. */
static int warm_up(struct sm_worker *worker)
{
	struct own *own = worker->state;

	own->expected = malloc(worker->c->workers * sizeof(*own->expected));
	if (!own->expected)
		return sm_worker_fail(worker, ENOMEM, "no memory for the order of %u producers", worker->c->workers);
	for (volatile uint64_t *at = own->expected; at < own->expected + worker->c->workers; at++)
		*at = 0;
	return 0;
}

/* Different items of different producers have different hashes, so that a lost and a duplicated item do not cancel
 * out. */
static inline void tally(struct sm_outcome *outcome, uint64_t item)
{
	outcome->tally[TALLY_COUNT]++;
	outcome->tally[TALLY_SUM] += item;
	outcome->tally[TALLY_HASH] += (item ^ item >> 29) * 0x9e3779b97f4a7c15u;
}

/* The place that an index points to.  All items have one size, which divides the ring's, so no item is split. */
static inline uint64_t *spsc_place(struct spsc *ring, uint64_t index)
{
	return (uint64_t *)(void *)(ring->data + (index & (CAPACITY * ITEM - 1)));
}

/* False: full. */
static inline bool spsc_put_item(struct spsc *ring, uint64_t item)
{
	if (!spsc_has_room(ring, CAPACITY * ITEM, ITEM))
		return false;
	*spsc_place(ring, ring->written) = item;
	spsc_produced(ring, ITEM);
	return true;
}

/* False: empty. */
static inline bool spsc_take_item(struct spsc *ring, uint64_t *item)
{
	if (!spsc_has_data(ring, ITEM))
		return false;
	*item = *spsc_place(ring, ring->taken);
	spsc_consumed(ring, ITEM);
	return true;
}

/* A queue is first in, first out: a consumer gets the items of one producer in the order in which they were put. */
static inline void tally_taken(struct sm_worker *worker, const struct own *own, uint64_t item)
{
	uint64_t producer = item >> PRODUCER_SHIFT, number = item & ((1ull << PRODUCER_SHIFT) - 1);

	tally(worker->outcome, item);
	if (producer >= worker->c->workers || number < own->expected[producer])
		worker->outcome->tally[TALLY_OVERTAKEN]++;
	else
		own->expected[producer] = number + 1;
}

/* Waits for the other side without a mutex: spins, or yields the PU if workers share it. */
static inline bool wait_turn(struct sm_worker *worker, unsigned *turns)
{
	if (worker->c->shared_pu)
		sched_yield();
	return sm_spin(turns, worker->abort);
}

#define REPEAT(worker, step)                                                                                           \
	for (unsigned turns = 0; !(step);)                                                                             \
		if (!wait_turn(worker, &turns))                                                                        \
	return i

static uint64_t produce(struct sm_worker *worker, uint64_t next, uint64_t n)
{
	uint64_t item = (uint64_t)worker->index << PRODUCER_SHIFT | next;
	struct ck_queue *ck = worker->region;

	switch ((enum way)sm_case_variant(worker->c)->arg) {
	case MUTEX_COND:
		for (uint64_t i = 0; i < n; i++, item++) {
			if (!locked_queue_put(worker->region, CAPACITY, item))
				return i;
			tally(worker->outcome, item);
		}
		break;
	case SPSC:
		for (uint64_t i = 0; i < n; i++, item++) {
			REPEAT(worker, spsc_put_item(worker->region, item));
			tally(worker->outcome, item);
		}
		break;
	case MPMC:
		for (uint64_t i = 0; i < n; i++, item++) {
			REPEAT(worker, mpmc_put(worker->region, item));
			tally(worker->outcome, item);
		}
		break;
	case CK_RING:
		for (uint64_t i = 0; i < n; i++, item++) {
			REPEAT(worker, ck_ring_enqueue_mpmc(&ck->ring, ck->buffer, (void *)(uintptr_t)item));
			tally(worker->outcome, item);
		}
		break;
	}
	return n;
}

static uint64_t consume(struct sm_worker *worker, const struct own *own, uint64_t n)
{
	struct ck_queue *ck = worker->region;
	uint64_t item;
	void *pointer;

	switch ((enum way)sm_case_variant(worker->c)->arg) {
	case MUTEX_COND:
		for (uint64_t i = 0; i < n; i++) {
			if (!locked_queue_take(worker->region, CAPACITY, &item))
				return i;
			tally_taken(worker, own, item);
		}
		break;
	case SPSC:
		for (uint64_t i = 0; i < n; i++) {
			REPEAT(worker, spsc_take_item(worker->region, &item));
			tally_taken(worker, own, item);
		}
		break;
	case MPMC:
		for (uint64_t i = 0; i < n; i++) {
			REPEAT(worker, mpmc_take(worker->region, &item));
			tally_taken(worker, own, item);
		}
		break;
	case CK_RING:
		for (uint64_t i = 0; i < n; i++) {
			REPEAT(worker, ck_ring_dequeue_mpmc(&ck->ring, ck->buffer, &pointer));
			tally_taken(worker, own, (uint64_t)(uintptr_t)pointer);
		}
		break;
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	struct own *own = worker->state;
	struct role role = role_of(worker->c, worker->index);
	uint64_t share = share_of(&role, worker->op_count), done;

	done = role.consumes ? consume(worker, own, share) : produce(worker, own->next, share);
	own->next += done;
	return worker->op_count - (share - done);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t sums[2][3] = { { 0 } };

	for (unsigned i = 0; i < trial->c->workers; i++)
		for (unsigned t = TALLY_COUNT; t <= TALLY_HASH; t++)
			sums[role_of(trial->c, i).consumes][t] += trial->outcome[i]->tally[t];
	for (unsigned t = TALLY_COUNT; t <= TALLY_HASH; t++)
		if (sums[0][t] != sums[1][t])
			return sm_fail(err, EILSEQ,
				       "what was put in is not what came out: %lu items against %lu, sums "
				       "%lx and %lx",
				       sums[0][TALLY_COUNT], sums[1][TALLY_COUNT], sums[0][t], sums[1][t]);
	if (sm_trial_tally(trial, TALLY_OVERTAKEN))
		return sm_fail(err, EILSEQ, "%lu items came out after later ones of their producer",
			       sm_trial_tally(trial, TALLY_OVERTAKEN));
	for (unsigned i = 0; i < trial->c->workers; i++)
		if (sums[0][TALLY_COUNT] != trial->outcome[i]->ops)
			return sm_fail(err, EILSEQ, "%lu items in %lu operations of worker %u", sums[0][TALLY_COUNT],
				       trial->outcome[i]->ops, i);
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "mutex_cond", .summary = "a ring under a mutex with conditions", .arg = MUTEX_COND },
	{ .name = "spsc", .summary = "a ring for one producer and one consumer: lock-free", .arg = SPSC },
	{ .name = "mpmc", .summary = "cells with a sequence number each: no mutex, but not lock-free", .arg = MPMC },
	{ .name = "ck_ring",
	  .summary = "Concurrency Kit's ring: no mutex, but its producers wait for each other",
	  .arg = CK_RING },
	{ 0 },
};

#define BEATS(id_, variant, words)                                                                                     \
	{                                                                                                              \
		.id = id_, .text = "Between two cores " words " beats a queue under a mutex",                          \
		.source = "popular belief", .question = "Mutex or lock-free?",                                         \
		SM_RATIO("mutex_cond", variant, .min = 1),                                                             \
		.at = "producers=1 consumers=1 placement=near cores=different", .needs = "two cores"                   \
	}
#define CONTENDED(id_, variant, words)                                                                                 \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "Where several processes put or take, each on a core of its own, " words                       \
			" beats a queue under a mutex",                                                                \
		.source = "popular belief", SM_RATIO("mutex_cond", variant, .min = 1),                                 \
		.at = "workers>=3 workers<=1xPU placement=near cores=different",                                       \
		.needs = "a core for each of three processes"                                                          \
	}
#define NO_MORE(id_, variant, words)                                                                                   \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "Where producer and consumer take turns on one core, " words                                   \
			" wins over a queue under a mutex by no more than 2 times",                                    \
		.source = "an uncontended mutex is two atomic operations", SM_RATIO("mutex_cond", variant, .max = 2),  \
		.at = "producers=1 consumers=1 placement=same-core"                                                    \
	}
#define RING  "a lock-free ring for one producer and one consumer"
#define CELLS "a queue of cells with a sequence number each, without a mutex but not lock-free,"
#define CK    "Concurrency Kit's ck_ring, without a mutex but not lock-free,"
static const struct sm_claim claims[] = {
	BEATS("S4", "spsc", RING),
	BEATS("S4.mpmc", "mpmc", CELLS),
	BEATS("S4.ck_ring", "ck_ring", CK),
	CONTENDED("S4.contended", "mpmc", CELLS),
	CONTENDED("S4.contended_ck_ring", "ck_ring", CK),
	NO_MORE("S5", "spsc", RING),
	NO_MORE("S5.mpmc", "mpmc", CELLS),
	NO_MORE("S5.ck_ring", "ck_ring", CK),
	{ 0 },
};

/* Two and one per side have PUs of their own from three PUs on. */
#define SIDE                                                                                                           \
	.quick = SM_VALUES(1), .standard = SM_SWEEP((1), SM_FROM_PUS(3, 2)), .full = SM_VALUES(1, 2, 4), .min = 1,     \
	.max = 2048

const struct sm_scenario sm_scenario_queue_lockfree = {
	.name = "queue_lockfree",
	.family = "sync",
	.question = "Does a queue without a mutex beat one under a mutex?",
	.summary = "Numbered items through a bounded queue.",
	.why = "Both ends of a queue write, so its lines travel. A lock makes them travel together "
	       "and, asleep, adds system calls; retries after a failed compare-and-swap are the "
	       "price of doing without. Without a mutex is not lock-free: in mpmc and ck_ring a "
	       "producer that stops between taking its place and publishing it holds up others.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "producers", .unit = "1", .summary = "processes that put items in", SIDE },
		    { .name = "consumers", .unit = "1", .summary = "processes that take them out", SIDE } },
	.workers_param = "producers+consumers",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE,
			SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per item", "ns/op" },
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct own),
	.region_bytes = region_bytes,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
