/* An allocator in shared memory whose chunks are handed from process to process by offset: nobody copies.
 *
 * A pool has classes of chunks of fixed size, each four times the size of the one before; a message gets a chunk of the
 * first class that holds it.  The free chunks of a class are a list of numbers, last in, first out, with a count of changes
 * in its head, so that a process which was stopped in the middle cannot put back an old head (ABA).  The list's links lie
 * apart from the chunks, so that giving one back does not touch its lines.  As iceoryx has it (MemPool over a lock-free
 * LIFO of indices, LoFFLi); the list is R. K. Treiber's (Systems programming: coping with parallelism, 1986).
 *
 * A chunk goes by its ticket: the offset of the chunk from the pool, and the class in the low bits, which are free
 * because chunks begin at lines. */
#ifndef SHMETER_SUBJECT_LOAN_H
#define SHMETER_SUBJECT_LOAN_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/spin.h"

#define LOAN_LEAST   64u /* bytes of the smallest chunk: a line */
#define LOAN_CLASSES 11u /* 64 B to 64 MiB */
#define LOAN_NONE    0u  /* no ticket: offset 0 is the pool itself */

/* How much the count in a list's head goes up with each change.  Only a test that plants a defect changes it. */
#ifndef LOAN_TAG
#define LOAN_TAG (1ull << 32)
#endif

struct loan_class {
	/* The first free chunk's number + 1 (0: none) in the low half, the count of changes in the high one. */
	alignas(SM_LINE_PAIR) _Atomic uint64_t free;
	uint64_t chunks; /* offset of the first one from the pool */
	uint64_t links;  /* offset of the list's links: number + 1 of the next free chunk */
};

struct loan_pool {
	struct loan_class of[LOAN_CLASSES];
};

static inline uint64_t loan_chunk_bytes(unsigned class)
{
	return (uint64_t)LOAN_LEAST << 2 * class;
}

/* The class of a message: the first whose chunks hold it; LOAN_CLASSES: none does. */
static inline unsigned loan_class_of(size_t bytes)
{
	unsigned class = 0;

	while (class < LOAN_CLASSES && loan_chunk_bytes(class) < bytes)
		class ++;
	return class;
}

static inline uint64_t loan_align(uint64_t bytes)
{
	return (bytes + SM_LINE_PAIR - 1) / SM_LINE_PAIR * SM_LINE_PAIR;
}

/* Bytes of a pool with `count` chunks in each of the first `classes` classes. */
static inline size_t loan_bytes(unsigned classes, uint32_t count)
{
	uint64_t bytes = sizeof(struct loan_pool);

	for (unsigned class = 0; class < classes; class ++)
		bytes += loan_align(count * sizeof(uint32_t)) + loan_align(count * loan_chunk_bytes(class));
	return (size_t)bytes;
}

static inline void *loan_at(struct loan_pool *pool, uint64_t ticket)
{
	return (char *)pool + (ticket & ~(uint64_t)(LOAN_LEAST - 1));
}

static inline _Atomic uint32_t *loan_links(struct loan_pool *pool, unsigned class)
{
	return (_Atomic uint32_t *)(void *)((char *)pool + pool->of[class].links);
}

/* Lays out a zeroed pool: all chunks are free. */
static inline void loan_init(struct loan_pool *pool, unsigned classes, uint32_t count)
{
	uint64_t at = sizeof(*pool);

	for (unsigned class = 0; class < classes; class ++) {
		struct loan_class *of = &pool->of[class];

		of->links = at;
		at += loan_align(count * sizeof(uint32_t));
		of->chunks = at;
		at += loan_align(count * loan_chunk_bytes(class));
		for (uint32_t i = 0; i + 1 < count; i++)
			atomic_store_explicit(&loan_links(pool, class)[i], i + 2, memory_order_relaxed);
		atomic_store_explicit(&of->free, count > 0, memory_order_relaxed); /* the fork publishes it */
	}
}

/* Takes a free chunk of the class; returns its ticket, or LOAN_NONE. */
static inline uint64_t loan_take(struct loan_pool *pool, unsigned class)
{
	struct loan_class *of = &pool->of[class];
	/* acquire: the link of that chunk, and its last reader's reads; pairs with the release in loan_give_back(). */
	uint64_t head = atomic_load_explicit(&of->free, memory_order_acquire), next;
	uint32_t first;

	do {
		first = (uint32_t)head;
		if (first == 0)
			return LOAN_NONE;
		/* relaxed: may be out of date, but then so is the count, and the exchange fails */
		next = atomic_load_explicit(&loan_links(pool, class)[first - 1], memory_order_relaxed);
		next |= (head & ~(uint64_t)UINT32_MAX) + LOAN_TAG;
	} while (!atomic_compare_exchange_weak_explicit(&of->free, &head, next, memory_order_acquire,
							memory_order_acquire));
	return (of->chunks + (first - 1) * loan_chunk_bytes(class)) | class;
}

static inline void loan_give_back(struct loan_pool *pool, uint64_t ticket)
{
	unsigned class = (unsigned)(ticket & (LOAN_LEAST - 1));
	struct loan_class *of = &pool->of[class];
	uint32_t number = (uint32_t)((ticket - class - of->chunks) / loan_chunk_bytes(class));
	uint64_t head = atomic_load_explicit(&of->free, memory_order_relaxed), next;

	do {
		atomic_store_explicit(&loan_links(pool, class)[number], (uint32_t)head, memory_order_relaxed);
		next = ((head & ~(uint64_t)UINT32_MAX) + LOAN_TAG) | (number + 1);
		/* release: the link, and this process' reads of the chunk; pairs with the acquire in loan_take(). */
	} while (!atomic_compare_exchange_weak_explicit(&of->free, &head, next, memory_order_release,
							memory_order_relaxed));
}

#endif
