/* One writer and several readers over one ring in shared memory, without a system call.
 *
 * What becomes of a reader that is too slow is the difference between the rings:
 *   cursors   each reader publishes how far it is; the writer waits for the slowest.  Nobody loses a message.
 *   dropping  the same, but a reader for which the ring is full is dropped: the writer tells it and waits no more.
 *   lapping   readers publish nothing, the writer never waits.  Each place has a mark with the number of its message; a
 *             reader that finds a later number has been lapped, and the two numbers tell how many messages it lost.
 *             With one place this is a seqlock that holds the latest message.
 *
 * Words that may be overwritten while they are read are relaxed atomics with fences as of a seqlock (H.-J. Boehm, Can
 * seqlocks get along with programming language memory models?, MSPC 2012).  Rings whose writer never waits for its
 * readers: M. Thompson et al., Aeron, broadcast buffers; a cursor for each reader: LMAX Disruptor, 2011. */
#ifndef SHMETER_SUBJECT_BROADCAST_H
#define SHMETER_SUBJECT_BROADCAST_H

#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message.h"
#include "shmeter/spin.h"

#define BROADCAST_READERS 8u

struct broadcast_reader {
	alignas(SM_LINE_PAIR) _Atomic uint64_t cursor; /* messages taken; the reader writes */
	alignas(SM_LINE_PAIR) _Atomic uint64_t
		dropped; /* number of the round in which it was dropped; the writer writes */
};

struct broadcast {
	alignas(SM_LINE_PAIR) _Atomic uint64_t head; /* messages published (cursors, dropping) */
	struct broadcast_reader reader[BROADCAST_READERS];
	alignas(SM_LINE_PAIR) char data[];
};

/* One process' view of the ring, in its own memory. */
struct broadcast_end {
	struct broadcast *ring;
	uint64_t places; /* a power of two */
	size_t bytes;    /* of each message, a multiple of 8 */
	unsigned readers;
	unsigned index; /* of this reader */
	uint64_t next;  /* number of the message that is sent or read next */
	uint64_t limit; /* the writer's: every kept reader has taken that many; a reader's: that many are published */
	uint64_t round; /* dropping: a dropped reader is back in the next round */
	uint64_t base;  /* dropping: `next` at the start of the round */
	uint32_t kept;  /* dropping: a bit for each reader that is not dropped */
	uint64_t lost;  /* messages that this reader knows it lost */
	bool yields;    /* processes share PUs: who waits lets another run */
	const _Atomic uint32_t *abort;
};

/* Bytes of the ring in memory.  A place has its mark and its message; places share lines, as in a ring of bytes. */
static inline size_t broadcast_bytes(uint64_t places, size_t bytes)
{
	return sizeof(struct broadcast) + (size_t)places * (sizeof(uint64_t) + bytes);
}

/* Before each round of a ring that drops: all ends stand at the same number, and nobody is dropped. */
static inline void broadcast_begin(struct broadcast_end *end)
{
	end->round++;
	end->base = end->limit = end->next;
	end->kept = (1u << end->readers) - 1;
}

static inline bool broadcast_wait(const struct broadcast_end *end, unsigned *turns)
{
	if (end->yields)
		sched_yield();
	return sm_spin(turns, end->abort);
}

/* The mark of the place of message `number`; its words follow. */
static inline _Atomic uint64_t *broadcast_place(const struct broadcast_end *end, uint64_t number)
{
	size_t stride = sizeof(uint64_t) + end->bytes;

	return (_Atomic uint64_t *)(void *)(end->ring->data + (size_t)(number & (end->places - 1)) * stride);
}

static inline void broadcast_store(_Atomic uint64_t *to, const uint64_t *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*from); i++)
		atomic_store_explicit(&to[i], from[i], memory_order_relaxed);
}

static inline void broadcast_load(uint64_t *to, const _Atomic uint64_t *from, size_t bytes)
{
	for (size_t i = 0; i < bytes / sizeof(*to); i++)
		to[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
}

/* ---- cursors ---- */

/* The least cursor of the readers. */
static inline uint64_t cursors_slowest(const struct broadcast_end *end)
{
	uint64_t slowest = UINT64_MAX;

	for (unsigned i = 0; i < end->readers; i++) {
		/* acquire: the reader's reads of that place came before; pairs with its release. */
		uint64_t cursor = atomic_load_explicit(&end->ring->reader[i].cursor, memory_order_acquire);

		slowest = cursor < slowest ? cursor : slowest;
	}
	return slowest;
}

/* False: a peer is gone. */
static inline bool cursors_send(struct broadcast_end *end, const uint64_t *message)
{
	for (unsigned turns = 0; end->next - end->limit >= end->places;) {
		end->limit = cursors_slowest(end);
		if (end->next - end->limit >= end->places && !broadcast_wait(end, &turns))
			return false;
	}
	message_copy((void *)(broadcast_place(end, end->next) + 1), message, end->bytes);
	/* release: the message before its number; pairs with the acquire in broadcast_await(). */
	atomic_store_explicit(&end->ring->head, ++end->next, memory_order_release);
	return true;
}

/* Waits for the reader's next message; false: a peer is gone. */
static inline bool broadcast_await(struct broadcast_end *end)
{
	for (unsigned turns = 0; end->limit == end->next;) {
		end->limit = atomic_load_explicit(&end->ring->head, memory_order_acquire);
		if (end->limit == end->next && !broadcast_wait(end, &turns))
			return false;
	}
	return true;
}

static inline void broadcast_taken(struct broadcast_end *end)
{
	/* release: the reads before the cursor; pairs with the acquire in cursors_slowest(). */
	atomic_store_explicit(&end->ring->reader[end->index].cursor, ++end->next, memory_order_release);
}

static inline bool cursors_receive(struct broadcast_end *end, uint64_t *out)
{
	if (!broadcast_await(end))
		return false;
	message_copy(out, (const void *)(broadcast_place(end, end->next) + 1), end->bytes);
	broadcast_taken(end);
	return true;
}

/* ---- dropping ---- */

/* Drops the readers for which the ring is full, and finds the slowest of the others. */
static inline void dropping_drop(struct broadcast_end *end)
{
	uint64_t slowest = end->next;

	for (unsigned i = 0; i < end->readers; i++) {
		struct broadcast_reader *reader = &end->ring->reader[i];
		uint64_t cursor = atomic_load_explicit(&reader->cursor, memory_order_acquire);

		if (!(end->kept & 1u << i))
			continue;
		cursor = cursor > end->base ? cursor : end->base; /* of a reader that was dropped in an earlier round */
		if (end->next - cursor >= end->places) {
			end->kept &= ~(1u << i);
			atomic_store_explicit(&reader->dropped, end->round, memory_order_relaxed);
		} else {
			slowest = cursor < slowest ? cursor : slowest;
		}
	}
	end->limit = slowest;
	/* release: a reader is told before its message is overwritten; pairs with the fence in dropping_receive(). */
	atomic_thread_fence(memory_order_release);
}

static inline void dropping_send(struct broadcast_end *end, const uint64_t *message)
{
	if (end->next - end->limit >= end->places)
		dropping_drop(end);
	broadcast_store(broadcast_place(end, end->next) + 1, message, end->bytes);
	atomic_store_explicit(&end->ring->head, ++end->next, memory_order_release); /* as in cursors_send() */
}

/* The writer's: readers that it has dropped in this round. */
static inline unsigned dropping_dropped(const struct broadcast_end *end)
{
	return end->readers - (unsigned)__builtin_popcount(end->kept);
}

/* False: this reader was dropped, with the message `next` the first that it does not get, or a peer is gone. */
static inline bool dropping_receive(struct broadcast_end *end, uint64_t *out)
{
	const struct broadcast_reader *reader = &end->ring->reader[end->index];

	if (!broadcast_await(end))
		return false;
	broadcast_load(out, broadcast_place(end, end->next) + 1, end->bytes);
	/* acquire: the words before the look whether they counted; pairs with the writer's fence. */
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&reader->dropped, memory_order_relaxed) == end->round)
		return false;
	broadcast_taken(end);
	return true;
}

/* ---- lapping ---- */

/* Marks: 2n + 1 while message n is written, 2n + 2 when it is there. */
static inline void lapping_send(struct broadcast_end *end, const uint64_t *message)
{
	_Atomic uint64_t *mark = broadcast_place(end, end->next);

	atomic_store_explicit(mark, 2 * end->next + 1, memory_order_relaxed);
	/* release: the odd mark before the words; pairs with the fence in lapping_receive(). */
	atomic_thread_fence(memory_order_release);
	broadcast_store(mark + 1, message, end->bytes);
	/* release: the words before their mark; pairs with the first load in lapping_receive(). */
	atomic_store_explicit(mark, 2 * end->next + 2, memory_order_release);
	end->next++;
}

/* The place has a later message: goes on in the middle of what is still there, and counts what it loses. */
static inline void lapping_skip(struct broadcast_end *end, uint64_t mark)
{
	uint64_t to = (mark - 1) / 2 - end->places / 2;

	end->lost += to - end->next;
	end->next = to;
}

/* The next message that is still there: end->next - 1 is its number then.  False: a peer is gone. */
static inline bool lapping_receive(struct broadcast_end *end, uint64_t *out)
{
	for (unsigned turns = 0;;) {
		const _Atomic uint64_t *at = broadcast_place(end, end->next);
		uint64_t due = 2 * end->next + 2, mark = atomic_load_explicit(at, memory_order_acquire);

		if (mark == due) {
			broadcast_load(out, at + 1, end->bytes);
			/* acquire: the words before the second look at the mark; pairs with the writer's fence. */
			atomic_thread_fence(memory_order_acquire);
			if (atomic_load_explicit(at, memory_order_relaxed) == due) {
				end->next++;
				return true;
			}
		} else if (mark > due) {
			lapping_skip(end, mark);
		} else if (!broadcast_wait(end, &turns)) {
			return false;
		}
	}
}

#endif
