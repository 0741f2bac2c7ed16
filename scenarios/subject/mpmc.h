/* A bounded queue for several producers and consumers: an array of cells with a sequence number each (the design
 * that D. Vyukov published as "bounded MPMC queue"; written from its description).
 *
 * A cell may be filled by the position that equals its sequence number.  Filling the cell adds one to the number;
 * emptying it sets it to the position of the next lap.  Producers and consumers claim positions by compare-and-swap.
 * They wait for each other only through the sequence number of a cell. */
#ifndef SHMETER_SUBJECT_MPMC_H
#define SHMETER_SUBJECT_MPMC_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/spin.h"

/* The memory order that publishes a cell.  Only a test that plants a wrong order changes it. */
#ifndef MPMC_PUBLISH
#define MPMC_PUBLISH memory_order_release
#endif

struct mpmc_cell {
	_Atomic uint64_t sequence;
	uint64_t item;
};

struct mpmc {
	alignas(SM_LINE_PAIR) _Atomic uint64_t head; /* next position to fill; producers */
	alignas(SM_LINE_PAIR) _Atomic uint64_t tail; /* next position to empty; consumers */
	alignas(SM_LINE_PAIR) uint64_t mask;         /* constant after mpmc_init() */
	/* On lines of their own, apart from the constant; no cell crosses a line. */
	alignas(SM_LINE_PAIR) struct mpmc_cell cell[];
};

_Static_assert(offsetof(struct mpmc, cell) == sizeof(struct mpmc) && sizeof(struct mpmc) % SM_LINE_PAIR == 0 &&
		       64 % sizeof(struct mpmc_cell) == 0,
	       "cells begin where the size of the head ends, on a line of their own");

static inline void mpmc_init(struct mpmc *queue, uint64_t capacity)
{
	queue->mask = capacity - 1;
	for (uint64_t i = 0; i < capacity; i++)
		atomic_init(&queue->cell[i].sequence, i);
}

/* False: full. */
static inline bool mpmc_put(struct mpmc *queue, uint64_t item)
{
	/* relaxed: a stale position only fails the compare-and-swap or the sequence test below. */
	uint64_t at = atomic_load_explicit(&queue->head, memory_order_relaxed);

	for (;;) {
		struct mpmc_cell *cell = &queue->cell[at & queue->mask];
		/* acquire: the consumer's read of the old item; pairs with mpmc_take(). */
		uint64_t sequence = atomic_load_explicit(&cell->sequence, memory_order_acquire);

		if (sequence == at) {
			if (!atomic_compare_exchange_weak_explicit(&queue->head, &at, at + 1, memory_order_relaxed,
								   memory_order_relaxed))
				continue;
			cell->item = item;
			/* release: the item; pairs with the acquire in mpmc_take(). */
			atomic_store_explicit(&cell->sequence, at + 1, MPMC_PUBLISH);
			return true;
		}
		if ((int64_t)(sequence - at) < 0)
			return false;
		at = atomic_load_explicit(&queue->head, memory_order_relaxed);
	}
}

/* False: empty. */
static inline bool mpmc_take(struct mpmc *queue, uint64_t *item)
{
	uint64_t at = atomic_load_explicit(&queue->tail, memory_order_relaxed);

	for (;;) {
		struct mpmc_cell *cell = &queue->cell[at & queue->mask];
		/* acquire: the item; pairs with the release in mpmc_put(). */
		uint64_t sequence = atomic_load_explicit(&cell->sequence, memory_order_acquire);

		if (sequence == at + 1) {
			if (!atomic_compare_exchange_weak_explicit(&queue->tail, &at, at + 1, memory_order_relaxed,
								   memory_order_relaxed))
				continue;
			*item = cell->item;
			/* release: the read of the item, before the cell is free for the next lap; pairs with the
			 * acquire in mpmc_put(). */
			atomic_store_explicit(&cell->sequence, at + queue->mask + 1, MPMC_PUBLISH);
			return true;
		}
		if ((int64_t)(sequence - (at + 1)) < 0)
			return false;
		at = atomic_load_explicit(&queue->tail, memory_order_relaxed);
	}
}

#endif
