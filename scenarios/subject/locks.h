/* Locks that processes share, with one small interface: NAME_open() in the parent, NAME_attach() in each worker,
 * NAME_lock() and NAME_unlock() in the timed part, NAME_close() in the parent. */
#ifndef SHMETER_SUBJECT_LOCKS_H
#define SHMETER_SUBJECT_LOCKS_H

#include <ck_spinlock.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "futex.h"
#include "lock_plugin.h"
#include "names.h"
#include "shmeter/scenario.h"
#include "sysv.h"

#ifndef ALWAYS_INLINE
#define ALWAYS_INLINE inline __attribute__((always_inline))
#endif

enum { LOCK_SPINS = 1 };

enum lock_kind {
#define LOCK(name, ...) LOCK_##name,
#include "locks.def"
};

/* In shared memory; a case uses one member.  Mapped at the same address in all workers, because MCS links nodes by
 * address. */
struct lock_shared {
	alignas(SM_LINE_PAIR) union {
		pthread_mutex_t mutex;
		pthread_spinlock_t spin;
		pthread_rwlock_t rwlock;
		sem_t semaphore;
		_Atomic uint32_t word;
		ck_spinlock_fas_t fas;
		ck_spinlock_ticket_t ticket;
		ck_spinlock_mcs_t mcs;
	};
};

/* A worker's own part: each worker has a copy. */
struct lock_own {
	ck_spinlock_mcs_context_t *node; /* in shared memory, on a line pair of its own */
	int set;                         /* System V */
	int file;                        /* an open file description of this process alone */
	char key_text[16];
	struct lock_plugin plugin;
};

static inline int mutex_make(pthread_mutex_t *mutex, int robust, int protocol, struct sm_error *err)
{
	pthread_mutexattr_t attributes;
	int error = pthread_mutexattr_init(&attributes);

	if (!error)
		error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (!error)
		error = pthread_mutexattr_setrobust(&attributes, robust);
	if (!error)
		error = pthread_mutexattr_setprotocol(&attributes, protocol);
	if (!error)
		error = pthread_mutex_init(mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return error ? sm_fail(err, error, "no such process-shared mutex can be had: %s", strerror(error)) : 0;
}

static inline int mutex_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	return mutex_make(&lock->mutex, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, err);
}
static inline int mutex_robust_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	return mutex_make(&lock->mutex, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, err);
}
static inline int mutex_pi_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	return mutex_make(&lock->mutex, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT, err);
}
static inline bool mutex_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	return pthread_mutex_lock(&lock->mutex) == 0;
}
static inline void mutex_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	pthread_mutex_unlock(&lock->mutex);
}
#define mutex_robust_lock   mutex_lock /* EOWNERDEAD: the trial ends */
#define mutex_robust_unlock mutex_unlock
#define mutex_pi_lock       mutex_lock
#define mutex_pi_unlock     mutex_unlock

static inline int pthread_spin_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	return pthread_spin_init(&lock->spin, PTHREAD_PROCESS_SHARED)
		       ? sm_fail(err, ENOTSUP, "no process-shared spinlock can be had")
		       : 0;
}
static inline bool pthread_spin_lock_(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	return pthread_spin_lock(&lock->spin) == 0;
}
static inline void pthread_spin_unlock_(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	pthread_spin_unlock(&lock->spin);
}

static inline int rwlock_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	pthread_rwlockattr_t attributes;
	int error = pthread_rwlockattr_init(&attributes);

	(void)own;
	if (!error)
		error = pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	if (!error)
		error = pthread_rwlock_init(&lock->rwlock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return error ? sm_fail(err, error, "no process-shared read-write lock can be had") : 0;
}
static inline bool rwlock_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	return pthread_rwlock_wrlock(&lock->rwlock) == 0;
}
static inline void rwlock_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	pthread_rwlock_unlock(&lock->rwlock);
}

static inline int posix_sem_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	return sem_init(&lock->semaphore, 1, 1) < 0
		       ? sm_fail(err, errno, "no process-shared semaphore can be had: %s", strerror(errno))
		       : 0;
}
static inline bool posix_sem_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	while (sem_wait(&lock->semaphore) < 0)
		if (errno != EINTR)
			return false;
	return true;
}
static inline void posix_sem_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	sem_post(&lock->semaphore);
}

/* With SEM_UNDO, as a lock needs it: the kernel releases the lock when its owner dies. */
static inline int sysv_sem_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	key_t key;
	int rc = key_announce('e', &key, own->key_text, err);

	(void)lock;
	if (rc < 0)
		return rc;
	own->set = semget(key, 1, IPC_CREAT | IPC_EXCL | 0600);
	if (own->set < 0 || semctl(own->set, 0, SETVAL, 1) < 0)
		return sm_fail(err, errno, "no System V semaphore can be made: %s; kernel.sem limits them",
			       strerror(errno));
	return 0;
}
static inline bool sysv_sem_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)lock;
	return sysv_change(own->set, 0, -1, SEM_UNDO, NULL);
}
static inline void sysv_sem_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)lock;
	sysv_change(own->set, 0, 1, SEM_UNDO, NULL);
}

/* An inherited open file description would be one owner for all processes, so each worker opens the file anew. */
static inline int ofd_lock_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)lock;
	own->file = memfd_create("shmeter", MFD_CLOEXEC);
	return own->file < 0 ? sm_fail(err, errno, "no memfd: %s", strerror(errno)) : 0;
}
static inline bool ofd_set(int file, short kind)
{
	struct flock whole = { .l_type = kind, .l_whence = SEEK_SET };

	return fcntl(file, F_OFD_SETLKW, &whole) == 0;
}
static inline bool ofd_lock_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)lock;
	return ofd_set(own->file, F_WRLCK);
}
static inline void ofd_lock_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)lock;
	ofd_set(own->file, F_UNLCK);
}

/* The memory order of the futex lock's release.  Only a test that plants a wrong order changes it. */
#ifndef FUTEX_LOCK_RELEASE
#define FUTEX_LOCK_RELEASE memory_order_release
#endif

/* 0: free, 1: taken, 2: taken and somebody may sleep.  U. Drepper, Futexes are tricky, 2011, mutex3. */
static inline int futex_lock_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	(void)err;
	atomic_store(&lock->word, 0);
	return 0;
}
static inline bool futex_lock_lock(struct lock_shared *lock, struct lock_own *own)
{
	uint32_t seen = 0;

	(void)own;
	/* acquire: sees what the last owner did before its release. */
	if (atomic_compare_exchange_strong_explicit(&lock->word, &seen, 1, memory_order_acquire, memory_order_relaxed))
		return true;
	if (seen != 2)
		seen = atomic_exchange_explicit(&lock->word, 2, memory_order_acquire);
	while (seen != 0) {
		futex_wait(&lock->word, 2);
		seen = atomic_exchange_explicit(&lock->word, 2, memory_order_acquire);
	}
	return true;
}
static inline void futex_lock_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	/* release: publishes what was done under the lock; pairs with the acquires above. */
	if (atomic_fetch_sub_explicit(&lock->word, 1, FUTEX_LOCK_RELEASE) != 1) {
		atomic_store_explicit(&lock->word, 0, FUTEX_LOCK_RELEASE);
		futex_wake_one(&lock->word);
	}
}

static inline int tas_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	(void)err;
	atomic_store(&lock->word, 0);
	return 0;
}
static inline bool tas_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	/* acquire: sees what the last owner did before its release. */
	while (atomic_exchange_explicit(&lock->word, 1, memory_order_acquire))
		sm_relax();
	return true;
}
static inline void tas_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	/* release: publishes what was done under the lock; pairs with the acquire above. */
	atomic_store_explicit(&lock->word, 0, memory_order_release);
}

static inline int ttas_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	(void)err;
	ck_spinlock_fas_init(&lock->fas);
	return 0;
}
static inline bool ttas_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	ck_spinlock_fas_lock(&lock->fas);
	return true;
}
static inline void ttas_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	ck_spinlock_fas_unlock(&lock->fas);
}

static inline int ticket_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	(void)err;
	ck_spinlock_ticket_init(&lock->ticket);
	return 0;
}
static inline bool ticket_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	ck_spinlock_ticket_lock(&lock->ticket);
	return true;
}
static inline void ticket_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)own;
	ck_spinlock_ticket_unlock(&lock->ticket);
}

static inline int mcs_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)own;
	(void)err;
	ck_spinlock_mcs_init(&lock->mcs);
	return 0;
}
static inline bool mcs_lock(struct lock_shared *lock, struct lock_own *own)
{
	ck_spinlock_mcs_lock(&lock->mcs, own->node);
	return true;
}
static inline void mcs_unlock(struct lock_shared *lock, struct lock_own *own)
{
	ck_spinlock_mcs_unlock(&lock->mcs, own->node);
}

static inline int plugged_open(struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	(void)lock;
	return lock_plugin_open(&own->plugin, err);
}
static inline bool plugged_lock(struct lock_shared *lock, struct lock_own *own)
{
	(void)lock;
	return lock_plugin_lock(&own->plugin);
}
static inline void plugged_unlock(struct lock_shared *lock, struct lock_own *own)
{
	(void)lock;
	lock_plugin_unlock(&own->plugin);
}

/* pthread already has a function of this name. */
#define pthread_spin_lock   pthread_spin_lock_
#define pthread_spin_unlock pthread_spin_unlock_

#define LOCK(name, ...)                                                                                                \
	case LOCK_##name: return name##_lock(lock, own);
static ALWAYS_INLINE bool lock_take(enum lock_kind kind, struct lock_shared *lock, struct lock_own *own)
{
	switch (kind) {
#include "locks.def"
	}
	return false;
}

#define LOCK(name, ...)                                                                                                \
	case LOCK_##name: name##_unlock(lock, own); break;
static ALWAYS_INLINE void lock_give(enum lock_kind kind, struct lock_shared *lock, struct lock_own *own)
{
	switch (kind) {
#include "locks.def"
	}
}

#define LOCK(name, ...)                                                                                                \
	case LOCK_##name: return name##_open(lock, own, err);
static inline int lock_open(enum lock_kind kind, struct lock_shared *lock, struct lock_own *own, struct sm_error *err)
{
	own->set = own->file = -1;
	switch (kind) {
#include "locks.def"
	}
	return -EINVAL;
}

#undef pthread_spin_lock
#undef pthread_spin_unlock

/* In the worker. */
static inline int lock_attach(enum lock_kind kind, struct lock_own *own, void *node)
{
	char path[64];

	own->node = node;
	if (kind != LOCK_ofd_lock)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", own->file);
	own->file = open(path, O_RDWR | O_CLOEXEC);
	return own->file < 0 ? -errno : 0;
}

/* In the parent. */
static inline void lock_close(struct lock_own *own)
{
	if (own->set >= 0)
		semctl(own->set, 0, IPC_RMID);
	if (own->key_text[0])
		sm_guard_forget('e', own->key_text);
	if (own->file >= 0)
		close(own->file);
}

static inline enum lock_kind lock_of(const struct sm_case *c)
{
	return (enum lock_kind)sm_case_variant(c)->arg;
}

/* lock_open() for a scenario whose variants are locks.  A plug-in's has its memory at `behind`. */
static inline int lock_setup(const struct sm_case *c, struct lock_shared *lock, struct lock_own *own, void *behind,
			     struct sm_error *err)
{
	lock_plugin_place(&own->plugin, c, behind, c->workers);
	return lock_open(lock_of(c), lock, own, err);
}

/* lock_close() for such a scenario. */
static inline void lock_teardown(struct lock_own *own)
{
	lock_close(own);
	lock_plugin_close(&own->plugin);
}

/* lock_attach() for such a scenario.  Returns 0 or fails the worker. */
static inline int lock_join(struct sm_worker *worker, struct lock_own *own, void *node)
{
	if (own->plugin.plugged)
		return lock_plugin_join(worker, &own->plugin, worker->index);
	if (lock_attach(lock_of(worker->c), own, node) < 0)
		return sm_worker_fail(worker, errno, "the lock's file cannot be opened: %s", strerror(errno));
	return 0;
}

#define LOCK_VARIANT(name_, words, traits)                                                                             \
	{ .name = #name_, .summary = words, .arg = LOCK_##name_, .spins = ((traits)&LOCK_SPINS) != 0 },
/* The variant that a plug-in's lock becomes. */
#define LOCK_PLUGS                                                                                                     \
	{                                                                                                              \
		{ .takes = SM_PLUGGED_LOCK, .suffix = "", .words = "", .arg = LOCK_plugged }, { 0 },                   \
	}

#endif
