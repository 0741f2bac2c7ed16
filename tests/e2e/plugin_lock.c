/* A lock of a plug-in for the tests, right or with one mistake: -DMISTAKE_name. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

#include "shmeter/plugin.h"

struct lock {
	_Alignas(128) _Atomic uint32_t owner; /* its number plus one; 0: free */
	_Atomic uint32_t taken;               /* how often */
	void *inside;
};

/* Each owner's node says which it is. */
struct node {
	uint32_t number;
};

static int my_init(struct shmeter_owner *owner)
{
	struct lock *lock = owner->lock;

#ifdef MISTAKE_init_fails
	return EDQUOT;
#endif
#ifdef MISTAKE_init_crash
	abort();
#endif
#ifdef MISTAKE_pointer
	lock->inside = &lock->taken;
#endif
#ifdef MISTAKE_leak
	(void)!shmget(LEAK_KEY, 4096, IPC_CREAT | 0600);
#endif
#if defined(MISTAKE_named) || defined(MISTAKE_unremoved)
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/%s", owner->name);
	fclose(fopen(path, "w"));
#endif
#ifdef MISTAKE_outside
	((char *)owner->node)[owner->stride * owner->owners] = 1;
#endif
	(void)lock;
	return owner->index == 0 && owner->owners > 0 ? 0 : EINVAL;
}

static int my_attach(struct shmeter_owner *owner)
{
	struct node *node = owner->node;

#ifdef MISTAKE_attach_fails
	return ENOSPC;
#endif
	node->number = owner->index + 1;
	owner->own = node;
	return 0;
}

static int my_lock(struct shmeter_owner *owner)
{
	struct lock *lock = owner->lock;
	struct node *node = owner->own;
	uint32_t none = 0;

#ifdef MISTAKE_lock_crash
	abort();
#endif
#ifdef MISTAKE_lock_fails
	return EINVAL;
#endif
	if (node != shmeter_node(owner, owner->index) || node->number != owner->index + 1)
		return EILSEQ;
#ifdef MISTAKE_pointer
	atomic_fetch_add((_Atomic uint32_t *)lock->inside, 1);
#endif
#ifdef MISTAKE_sometimes /* every hundredth comes in without waiting */
	if (atomic_fetch_add(&lock->taken, 1) % 100 == 99)
		return 0;
#endif
#ifdef MISTAKE_unlocked
	return 0;
#endif
	for (; !atomic_compare_exchange_weak(&lock->owner, &none, owner->index + 1); none = 0)
#ifdef MISTAKE_unwoken
		pause(); /* for a signal that nobody sends */
#else
		sched_yield();
#endif
#ifdef MISTAKE_owner_dead
	return EOWNERDEAD;
#endif
	return 0;
}

static void my_unlock(struct shmeter_owner *owner)
{
	struct lock *lock = owner->lock;

#ifdef MISTAKE_kept /* the five-thousandth is not given back */
	if (atomic_fetch_add(&lock->taken, 1) == 4999)
		return;
#endif
#ifdef MISTAKE_unlocked
	return;
#endif
#ifdef MISTAKE_sometimes
	if (atomic_load(&lock->owner) != owner->index + 1)
		return;
#endif
#ifdef MISTAKE_relaxed /* what was done under the lock need not be seen by the next */
	atomic_store_explicit(&lock->owner, 0, memory_order_relaxed);
#else
	atomic_store(&lock->owner, 0);
#endif
}

#ifndef MISTAKE_no_recover
static int my_recover(struct shmeter_owner *owner, uint32_t dead)
{
	struct lock *lock = owner->lock;
	uint32_t named = dead + 1;

#ifdef MISTAKE_recover_fails
	return ENOTSUP;
#endif
#ifdef MISTAKE_stays
	return 0;
#endif
#ifdef MISTAKE_frees_all /* also the lock of one that lives */
	named = atomic_load(&lock->owner);
#endif
	atomic_compare_exchange_strong(&lock->owner, &named, 0);
	return 0;
}
#endif

#ifdef MISTAKE_named
static void my_close(struct shmeter_owner *owner)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/shm/%s", owner->name);
	unlink(path);
}
#endif

#ifndef NAME
#define NAME "my_lock"
#endif
#ifndef TRAITS
#define TRAITS 0
#endif
#ifndef BYTES
#define BYTES sizeof(struct lock)
#endif
static const struct shmeter_lock lock[] = { {
#ifdef MISTAKE_size
	.struct_size = 8,
#else
	.struct_size = sizeof(lock[0]),
#endif
#ifndef MISTAKE_no_name
	.name = NAME,
#endif
	.summary = "a lock of the tests",
	.traits = TRAITS,
	.bytes = BYTES,
	.owner_bytes = sizeof(struct node),
	.init = my_init,
	.attach = my_attach,
	.lock = my_lock,
#ifndef MISTAKE_no_function
	.unlock = my_unlock,
#endif
#ifndef MISTAKE_no_recover
	.recover = my_recover,
#endif
#ifdef MISTAKE_named
	.close = my_close,
#endif
#ifdef MISTAKE_reserved
	.reserved = { (void *)&my_lock },
#endif
} };

const struct shmeter_export *shmeter_plugin(void)
{
#ifdef MISTAKE_null
	static const struct shmeter_export export = SHMETER_PLUGIN_LOCKS(1, NULL);
#elif defined(MISTAKE_many)
	static const struct shmeter_export export = SHMETER_PLUGIN_LOCKS(17, lock);
#else
	static const struct shmeter_export export = SHMETER_PLUGIN_LOCKS(1, lock);
#endif

	return &export;
}
