/* The places at which peer_death kills a process, and what another process does there afterwards. */
#ifndef SHMETER_SUBJECT_PLACES_H
#define SHMETER_SUBJECT_PLACES_H

#include <string.h>

#include "alive.h"
#include "child.h"
#include "cond.h"
#include "futex_cond.h"
#include "locks.h"
#include "mpmc.h"
#include "mpmc_owned.h"
#include "snapshot.h"
#include "spsc.h"

enum way {
	COND,
	FUTEX_COND,
	NORMAL_WAIT,
	ROBUST_WAIT,
	SEM_WAIT,
	RWLOCK,
	READER_MUTEXES,
	SEQLOCK,
	SEQLOCK_MENDED,
	DOUBLE_BUFFER,
	MPMC,
	MPMC_OWNED,
	SPSC
};
enum { VICTIM, WAITER, SURVIVOR };
#define ID(i)       ((i) + 1u) /* number of an owner in the queue */
#define HANDOVERS   4u
#define AGAIN_MS    20
#define OLD_STAMP   1u
#define NEW_STAMP   2u
#define SPSC_BYTES  1024u
#define QUEUE_CELLS 8u

struct shared {
	alignas(SM_LINE_PAIR) _Atomic uint32_t inside; /* the victim is at its place, or about to sleep there */
	_Atomic uint32_t wants;                        /* the survivor is about to want what it wants */
	_Atomic uint32_t dead;                         /* the victim has been killed */
	_Atomic uint64_t through_ns;                   /* clock of the survivor when it was through */
	_Atomic uint32_t calls;                        /* odd: the survivor is in pthread_cond_signal() */
	_Atomic uint32_t lost, handovers;              /* calls that woke nobody; flags that the waiter took */
	_Atomic int waiter;                            /* process number of the waiter that lives */
	unsigned waiters;                              /* guarded by the mutex, as is the flag that they wait for */
	bool flag;
	pthread_mutex_t mutex, normal;
	pthread_cond_t cond;
	struct futex_cond futex_cond;
	sem_t semaphore;
	struct lock_shared rwlock;
	pthread_mutex_t reader[2];
	struct seqlock seqlock;
	_Atomic uint64_t intent; /* what the writer is about to write */
	struct double_buffer buffer;
	struct mpmc_owned owned;
	/* a struct mpmc and a struct spsc, each with its cells behind it: mpmc_of(), spsc_of() */
	alignas(struct mpmc) char queue[sizeof(struct mpmc) + QUEUE_CELLS * sizeof(struct mpmc_cell)];
	alignas(struct spsc) char ring[sizeof(struct spsc) + SPSC_BYTES];
};

static inline struct mpmc *mpmc_of(struct shared *shared)
{
	return (struct mpmc *)(void *)shared->queue;
}

static inline struct spsc *spsc_of(struct shared *shared)
{
	return (struct spsc *)(void *)shared->ring;
}

struct state {
	struct shared *shared;
	enum way way;
	bool hopeless, sleeps, after;
};

/* All of the subject anew: what a death left behind is gone. */
static inline int make(struct shared *shared, struct sm_error *err)
{
	pthread_mutex_t *robust[] = { &shared->reader[0], &shared->reader[1], &shared->owned.life[ID(VICTIM)],
				      &shared->owned.life[ID(SURVIVOR)] };
	int rc;

	memset(shared, 0, sizeof(*shared));
	rc = cond_init(&shared->mutex, &shared->cond, NULL, err);
	if (rc == 0)
		rc = mutex_make(&shared->normal, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, err);
	for (size_t i = 0; rc == 0 && i < sizeof(robust) / sizeof(robust[0]); i++)
		rc = mutex_make(robust[i], PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, err);
	if (rc == 0)
		rc = rwlock_open(&shared->rwlock, NULL, err);
	if (rc == 0 && sem_init(&shared->semaphore, 1, 0) < 0)
		rc = sm_fail(err, errno, "no process-shared semaphore can be had: %s", strerror(errno));
	mpmc_init(mpmc_of(shared), QUEUE_CELLS);
	mpmc_owned_init(&shared->owned);
	seqlock_write(&shared->seqlock, OLD_STAMP);
	double_buffer_write(&shared->buffer, OLD_STAMP);
	return rc;
}

/* Waits for the flag and takes it, `times` times. */
static inline int take_flags(struct state *state, uint32_t times)
{
	struct shared *shared = state->shared;

	for (uint32_t i = 0; i < times; i++) {
		if (robust_lock(&shared->mutex))
			return 1;
		for (shared->waiters++; !shared->flag;)
			if (state->way == FUTEX_COND)
				futex_cond_wait(&shared->futex_cond, &shared->mutex);
			else
				pthread_cond_wait(&shared->cond, &shared->mutex);
		shared->waiters--;
		shared->flag = false;
		atomic_fetch_add(&shared->handovers, 1);
		pthread_mutex_unlock(&shared->mutex);
	}
	return 0;
}

/* A process that also waits, and lives. */
static inline int wait_on(void *argument)
{
	struct state *state = argument;

	atomic_store(&state->shared->waiter, getpid());
	return take_flags(state, HANDOVERS);
}

/* Whether at least that many processes wait for the flag. */
static inline bool wait_there(struct shared *shared, unsigned waiters)
{
	bool there;

	if (robust_lock(&shared->mutex))
		return false;
	there = shared->waiters >= waiters && !shared->flag;
	pthread_mutex_unlock(&shared->mutex);
	return there;
}

/* Sets the flag and signals. */
static inline bool signal_flag(struct state *state)
{
	struct shared *shared = state->shared;

	if (robust_lock(&shared->mutex))
		return false;
	shared->flag = true;
	atomic_fetch_add(&shared->calls, 1);
	if (state->way == FUTEX_COND)
		futex_cond_signal(&shared->futex_cond);
	else
		pthread_cond_signal(&shared->cond);
	atomic_fetch_add(&shared->calls, 1);
	return pthread_mutex_unlock(&shared->mutex) == 0;
}

/* Wakes the waiter again and again, as a producer wakes its consumer. */
static inline bool hand_over(struct state *state)
{
	struct shared *shared = state->shared;

	for (uint32_t done = 0; done < HANDOVERS; done++) {
		while (!wait_there(shared, 2)) /* the dead one still counts */
			child_nap();
		while (atomic_load(&shared->handovers) == done) {
			uint64_t called = sm_clock_ns();

			if (!signal_flag(state))
				return false;
			/* One that is slow is not one that nobody woke: that one sleeps. */
			while (atomic_load(&shared->handovers) == done &&
			       (sm_clock_ns() - called < AGAIN_MS * 1000000u ||
				!child_is_asleep(atomic_load(&shared->waiter))))
				child_nap();
			atomic_fetch_add(&shared->lost, atomic_load(&shared->handovers) == done);
		}
	}
	return true;
}

/* The first half of a write, as far as a writer gets that is killed in the middle. */
static inline void write_half(struct seqlock *lock)
{
	atomic_store_explicit(&lock->count, atomic_load(&lock->count) + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < SNAPSHOT_WORDS / 2; i++)
		atomic_store_explicit(&lock->record.word[i], NEW_STAMP, memory_order_relaxed);
}

/* The victim: goes to its place. */
static inline bool go_to_place(struct state *state)
{
	struct shared *shared = state->shared;
	uint64_t at;

	if (state->sleeps)
		atomic_store(&shared->inside, 1);
	switch (state->way) {
	case COND:
	case FUTEX_COND: return take_flags(state, 1) == 0;
	case NORMAL_WAIT: return pthread_mutex_lock(&shared->normal) == 0;
	case ROBUST_WAIT: return robust_lock(&shared->mutex) == 0;
	case SEM_WAIT: return sem_wait(&shared->semaphore) == 0;
	case RWLOCK: return pthread_rwlock_rdlock(&shared->rwlock.rwlock) == 0;
	case READER_MUTEXES: return robust_lock(&shared->reader[VICTIM]) == 0;
	case SEQLOCK_MENDED:
		if (robust_lock(&shared->mutex))
			return false;
		atomic_store(&shared->intent, NEW_STAMP); /* fall through */
	case SEQLOCK: write_half(&shared->seqlock); return true;
	case DOUBLE_BUFFER: write_half(&shared->buffer.half[!atomic_load(&shared->buffer.current)]); return true;
	case MPMC: /* as mpmc_put(), up to the item */
		at = 0;
		return atomic_compare_exchange_strong(&mpmc_of(shared)->head, &at, at + 1);
	case MPMC_OWNED:
		return robust_lock(&shared->owned.life[ID(VICTIM)]) == 0 &&
		       mpmc_owned_claim(&shared->owned, OWNED_PUT, ID(VICTIM), &at);
	case SPSC: /* as spsc_offer(), up to the index */
		at = OLD_STAMP;
		spsc_put(spsc_of(shared), SPSC_BYTES, &at, sizeof(at));
		return true;
	}
	return false;
}

/* Reads until the record is whole.  With `mends` it looks after the writer: if that is dead, it writes the record again. */
static inline bool read_record(struct shared *shared, bool mends)
{
	uint64_t words[SNAPSHOT_WORDS];

	for (unsigned tries = 1; !seqlock_read(&shared->seqlock, words); tries++) {
		int code = mends && tries % 64 == 0 ? pthread_mutex_trylock(&shared->mutex) : EBUSY;

		if (code == EOWNERDEAD) {
			seqlock_write(&shared->seqlock, atomic_load(&shared->intent));
			pthread_mutex_consistent(&shared->mutex);
		}
		if (code == 0 || code == EOWNERDEAD)
			pthread_mutex_unlock(&shared->mutex);
		sched_yield(); /* the writer may need this PU */
	}
	return !record_is_torn(words) && words[0] == (mends ? NEW_STAMP : OLD_STAMP);
}

/* Reads the old record, and then writes and reads a new one, as the next writer. */
static inline bool use_buffer(struct double_buffer *buffer)
{
	uint64_t words[SNAPSHOT_WORDS];
	bool right;

	while (!double_buffer_read(buffer, words))
		sched_yield();
	right = !record_is_torn(words) && words[0] == OLD_STAMP;
	double_buffer_write(buffer, NEW_STAMP);
	while (!double_buffer_read(buffer, words))
		sched_yield();
	return right && !record_is_torn(words) && words[0] == NEW_STAMP;
}

/* The survivor: true when it is through, with the right data. */
static inline bool go_on(struct state *state)
{
	struct shared *shared = state->shared;
	uint64_t item = NEW_STAMP, taken = 0;
	bool right = false;

	switch (state->way) {
	case COND:
	case FUTEX_COND: return hand_over(state);
	case NORMAL_WAIT: return pthread_mutex_lock(&shared->normal) == 0;
	case ROBUST_WAIT: return robust_lock(&shared->mutex) == 0 && pthread_mutex_unlock(&shared->mutex) == 0;
	case SEM_WAIT: return sem_wait(&shared->semaphore) == 0;
	case RWLOCK: return pthread_rwlock_wrlock(&shared->rwlock.rwlock) == 0;
	case READER_MUTEXES: /* a writer takes the mutex of each reader */
		right = robust_lock(&shared->reader[0]) != ENOTRECOVERABLE &&
			robust_lock(&shared->reader[1]) != ENOTRECOVERABLE;
		return pthread_mutex_unlock(&shared->reader[1]) == 0 && pthread_mutex_unlock(&shared->reader[0]) == 0 &&
		       right;
	case SEQLOCK: return read_record(shared, false);
	case SEQLOCK_MENDED: return read_record(shared, true);
	case DOUBLE_BUFFER: return use_buffer(&shared->buffer);
	case MPMC:
		right = mpmc_put(mpmc_of(shared), item);
		while (!mpmc_take(mpmc_of(shared), &taken))
			sched_yield();
		return right && taken == item;
	case MPMC_OWNED:
		right = robust_lock(&shared->owned.life[ID(SURVIVOR)]) == 0 &&
			mpmc_owned_put(&shared->owned, ID(SURVIVOR), item);
		while (!mpmc_owned_take(&shared->owned, ID(SURVIVOR), &taken))
			sched_yield();
		return right && taken == item;
	case SPSC: /* the next producer, and then the consumer */
		right = spsc_offer(spsc_of(shared), SPSC_BYTES, &item, sizeof(item)) == sizeof(item);
		while (!spsc_has_data(spsc_of(shared), sizeof(taken)))
			sched_yield();
		spsc_get(spsc_of(shared), SPSC_BYTES, &taken, sizeof(taken));
		return right && taken == item;
	}
	return false;
}

#endif
