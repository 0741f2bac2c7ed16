/* The queue of mpmc.h, whose cells also say who is at work on them, so that the others can go on after that process was
 * killed.  Written for shmeter.
 *
 * Each cell has one word: a number as in mpmc.h, and the owner that claimed the cell, or 0.  A process first claims the
 * cell and then moves head or tail on; whoever finds a claim behind head or tail moves it on, too, so that nobody depends on
 * that second step.  The claim of a dead owner (alive.h) is taken back: of a producer's nothing was put in, and of a
 * consumer's the item is lost with it.  Owners are numbered from 1; the number of a dead one is not used again. */
#ifndef SHMETER_SUBJECT_MPMC_OWNED_H
#define SHMETER_SUBJECT_MPMC_OWNED_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "alive.h"
#include "shmeter/spin.h"

#define OWNED_CELLS     8u
#define OWNED_OWNERS    4u
#define OWNED_WORD(n)   ((uint64_t)(n) << 8)
#define OWNED_NUMBER(w) ((w) >> 8)
#define OWNED_OWNER(w)  ((unsigned)((w)&0xff))

enum owned_end { OWNED_PUT, OWNED_TAKE };

struct mpmc_owned {
	alignas(SM_LINE_PAIR) _Atomic uint64_t end[2]; /* next position to fill, next position to empty */
	pthread_mutex_t life[OWNED_OWNERS + 1];        /* robust and shared; owner n holds life[n] */
	struct {
		alignas(SM_LINE_PAIR) _Atomic uint64_t word;
		uint64_t item;
	} cell[OWNED_CELLS];
};

/* In zeroed memory; the caller makes the mutexes. */
static inline void mpmc_owned_init(struct mpmc_owned *queue)
{
	for (uint64_t i = 0; i < OWNED_CELLS; i++)
		atomic_init(&queue->cell[i].word, OWNED_WORD(i));
}

/* Claims the next cell to fill or to empty, and sets its position.  False: full or empty, or a process that lives is at
 * work on the cell. */
static inline bool mpmc_owned_claim(struct mpmc_owned *queue, enum owned_end end, unsigned owner, uint64_t *position)
{
	for (;;) {
		/* relaxed: a stale position only fails the comparisons below. */
		uint64_t at = atomic_load_explicit(&queue->end[end], memory_order_relaxed), wanted = at + end;
		_Atomic uint64_t *word = &queue->cell[at % OWNED_CELLS].word;
		/* acquire: the item, or that it was read; pairs with mpmc_owned_release(). */
		uint64_t seen = atomic_load_explicit(word, memory_order_acquire), number = OWNED_NUMBER(seen);
		bool claimed = seen == OWNED_WORD(wanted) &&
			       atomic_compare_exchange_strong_explicit(word, &seen, seen | owner, memory_order_acquire,
								       memory_order_relaxed);

		*position = at;
		if (claimed || number > wanted || (number == wanted && OWNED_OWNER(seen)))
			/* Claimed by this process or another, or over: the end moves on, whoever moves it. */
			atomic_compare_exchange_strong_explicit(&queue->end[end], &at, at + 1, memory_order_relaxed,
								memory_order_relaxed);
		else if (number < wanted && (!OWNED_OWNER(seen) || is_alive(&queue->life[OWNED_OWNER(seen)])))
			return false;
		else if (number < wanted) {
			/* A dead producer's claim has its position as number, a dead consumer's one more. relaxed: the
			 * dead process wrote last, and the kernel said so. */
			uint64_t was = number - (number % OWNED_CELLS != at % OWNED_CELLS);

			atomic_compare_exchange_strong_explicit(word, &seen, OWNED_WORD(was + OWNED_CELLS),
								memory_order_relaxed, memory_order_relaxed);
		}
		if (claimed)
			return true;
	}
}

/* Publishes what was put in, or the empty cell. */
static inline void mpmc_owned_release(struct mpmc_owned *queue, enum owned_end end, uint64_t position)
{
	uint64_t number = end == OWNED_PUT ? position + 1 : position + OWNED_CELLS;

	/* release: the item, or that it was read; pairs with the acquire in mpmc_owned_claim(). */
	atomic_store_explicit(&queue->cell[position % OWNED_CELLS].word, OWNED_WORD(number), memory_order_release);
}

static inline bool mpmc_owned_put(struct mpmc_owned *queue, unsigned owner, uint64_t item)
{
	uint64_t position;

	if (!mpmc_owned_claim(queue, OWNED_PUT, owner, &position))
		return false;
	queue->cell[position % OWNED_CELLS].item = item;
	mpmc_owned_release(queue, OWNED_PUT, position);
	return true;
}

static inline bool mpmc_owned_take(struct mpmc_owned *queue, unsigned owner, uint64_t *item)
{
	uint64_t position;

	if (!mpmc_owned_claim(queue, OWNED_TAKE, owner, &position))
		return false;
	*item = queue->cell[position % OWNED_CELLS].item;
	mpmc_owned_release(queue, OWNED_TAKE, position);
	return true;
}

#endif
