/* Records of several words that one process writes and others read: unprotected, and protected in several ways.
 *
 * The words are relaxed atomics throughout, so that each is read whole and a race is not undefined behaviour; the
 * protections decide whether the words belong together.  ThreadSanitizer therefore cannot see a wrong order here (it
 * does not support fences either), and x86 enforces most orders anyway.  So tests/model/snapshot.pml checks all
 * orders: as they are, and with each one left out.  It does not leave out those that an address dependency enforces:
 * a reader that uses a loaded number as an index. */
#ifndef SHMETER_SUBJECT_SNAPSHOT_H
#define SHMETER_SUBJECT_SNAPSHOT_H

#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "shmeter/spin.h"

#define SNAPSHOT_WORDS 8u
/* Number of copies of copy-and-swap: enough that a reader is normally done before the writer returns to its copy. */
#define SNAPSHOT_COPIES 64u

struct record {
	_Atomic uint64_t word[SNAPSHOT_WORDS];
};

static inline void record_store(struct record *record, uint64_t stamp)
{
	for (unsigned i = 0; i < SNAPSHOT_WORDS; i++)
		atomic_store_explicit(&record->word[i], stamp, memory_order_relaxed);
}

static inline void record_load(const struct record *record, uint64_t out[SNAPSHOT_WORDS])
{
	for (unsigned i = 0; i < SNAPSHOT_WORDS; i++)
		out[i] = atomic_load_explicit(&record->word[i], memory_order_relaxed);
}

/* Whether the record has words of different writes. */
static inline bool record_is_torn(const uint64_t words[SNAPSHOT_WORDS])
{
	uint64_t differ = 0;

	for (unsigned i = 1; i < SNAPSHOT_WORDS; i++)
		differ |= words[i] ^ words[0];
	return differ != 0;
}

/* One writer.  H.-J. Boehm, Can seqlocks get along with programming language memory models?, MSPC 2012: data through
 * relaxed atomics, a release fence after the odd count, an acquire fence before the second read of the count. */
struct seqlock {
	alignas(SM_LINE_PAIR) _Atomic uint64_t count; /* odd: a write is in progress */
	struct record record;
};

static inline void seqlock_write(struct seqlock *lock, uint64_t stamp)
{
	/* Our own.  It is odd where the last writer was killed in the middle: then it stays odd until this record is whole. */
	uint64_t odd = atomic_load_explicit(&lock->count, memory_order_relaxed) | 1;

	atomic_store_explicit(&lock->count, odd, memory_order_relaxed);
	/* release: the odd count before the words; pairs with the acquire fence below. */
	atomic_thread_fence(memory_order_release);
	record_store(&lock->record, stamp);
	/* release: the words before the even count; pairs with the first load below. */
	atomic_store_explicit(&lock->count, odd + 1, memory_order_release);
}

/* One try; false: a write came in between. */
static inline bool seqlock_read(const struct seqlock *lock, uint64_t out[SNAPSHOT_WORDS])
{
	/* acquire: no word is read before this; pairs with the writer's last store. */
	uint64_t count = atomic_load_explicit(&lock->count, memory_order_acquire);

	record_load(&lock->record, out);
	/* acquire: the words before the second read of the count; pairs with the writer's fence. */
	atomic_thread_fence(memory_order_acquire);
	return !(count & 1) && atomic_load_explicit(&lock->count, memory_order_relaxed) == count;
}

/* Two records, each a seqlock; the writer fills the one that readers do not use.  A reader that is slower than a
 * whole write detects it and reads again. */
struct double_buffer {
	struct seqlock half[2];
	alignas(SM_LINE_PAIR) _Atomic uint64_t current;
};

static inline void double_buffer_write(struct double_buffer *buffer, uint64_t stamp)
{
	uint64_t next = atomic_load_explicit(&buffer->current, memory_order_relaxed) ^ 1;

	seqlock_write(&buffer->half[next], stamp);
	/* release: the half before its number; pairs with the acquire in double_buffer_read(). */
	atomic_store_explicit(&buffer->current, next, memory_order_release);
}

static inline bool double_buffer_read(const struct double_buffer *buffer, uint64_t out[SNAPSHOT_WORDS])
{
	return seqlock_read(&buffer->half[atomic_load_explicit(&buffer->current, memory_order_acquire)], out);
}

/* A pointer (here an index, as processes map memory at different addresses) to the latest of many copies.  A reader
 * that is still at a copy when the writer returns to it would see a mix of two writes.  So the reader checks whether
 * the writer came that far, and if so reads again. */
struct copy_swap {
	struct {
		alignas(SM_LINE_PAIR) struct record record;
	} copy[SNAPSHOT_COPIES];
	alignas(SM_LINE_PAIR) _Atomic uint64_t written; /* number of the latest write */
	alignas(SM_LINE_PAIR) _Atomic uint64_t begun;   /* number of the write in progress */
};

static inline void copy_swap_write(struct copy_swap *swap, uint64_t stamp)
{
	uint64_t number = atomic_load_explicit(&swap->written, memory_order_relaxed) + 1;

	atomic_store_explicit(&swap->begun, number, memory_order_relaxed);
	/* release: `begun` before the words; pairs with the acquire fence below. */
	atomic_thread_fence(memory_order_release);
	record_store(&swap->copy[number % SNAPSHOT_COPIES].record, stamp);
	/* release: the words before their number; pairs with the acquire below. */
	atomic_store_explicit(&swap->written, number, memory_order_release);
}

static inline bool copy_swap_read(const struct copy_swap *swap, uint64_t out[SNAPSHOT_WORDS])
{
	/* acquire: the words of that write; pairs with the writer's last store. */
	uint64_t number = atomic_load_explicit(&swap->written, memory_order_acquire);

	record_load(&swap->copy[number % SNAPSHOT_COPIES].record, out);
	/* acquire: the words before the read of `begun`; pairs with the writer's fence. */
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&swap->begun, memory_order_relaxed) - number < SNAPSHOT_COPIES;
}

#endif
