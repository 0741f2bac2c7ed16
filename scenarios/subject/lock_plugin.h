/* A lock of a plug-in: each call goes through a pointer. */
#ifndef SHMETER_SUBJECT_LOCK_PLUGIN_H
#define SHMETER_SUBJECT_LOCK_PLUGIN_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "shmeter/scenario.h"

/* A process's view of the lock. */
struct lock_plugin {
	const struct sm_plugged *plugged; /* NULL: one of shmeter's own */
	const struct shmeter_lock *called;
	struct shmeter_owner theirs;
	struct sm_worker *worker;
	char name[32];
};

static inline size_t lock_plugin_round(size_t bytes)
{
	return (bytes + SM_LINE_PAIR - 1) / SM_LINE_PAIR * SM_LINE_PAIR;
}

/* Shared memory of the lock and of its owners' nodes: what region_bytes() adds.  0 where the variant is no plug-in's. */
static inline size_t lock_plugin_bytes(const struct sm_case *c, unsigned owners)
{
	const struct sm_plugged *plugged = sm_case_variant(c)->plugged;

	return plugged ? lock_plugin_round(plugged->lock_bytes) + owners * lock_plugin_round(plugged->owner_bytes) : 0;
}

/* In the parent, before lock_plugin_open(): the memory, which lock_plugin_bytes() says the size of. */
static inline void lock_plugin_place(struct lock_plugin *lock, const struct sm_case *c, void *memory, unsigned owners)
{
	const struct sm_plugged *plugged = sm_case_variant(c)->plugged;

	if (!plugged)
		return;
	lock->plugged = plugged;
	lock->theirs = (struct shmeter_owner){
		.lock = plugged->lock_bytes ? memory : NULL,
		.node = plugged->owner_bytes ? (char *)memory + lock_plugin_round(plugged->lock_bytes) : NULL,
		.stride = lock_plugin_round(plugged->owner_bytes),
		.owners = owners,
	};
}

static inline int lock_plugin_open(struct lock_plugin *lock, struct sm_error *err)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return sm_fail(err, errno, "no random name: %s", strerror(errno));
	snprintf(lock->name, sizeof(lock->name), "shmeter-%016llx", (unsigned long long)number);
	lock->theirs.name = lock->name;
	return sm_plugin_init(lock->plugged, &lock->theirs, err);
}

/* Makes this process owner `index`.  Returns what attach() returned. */
static inline int lock_plugin_attach(struct lock_plugin *lock, uint32_t index)
{
	if (lock->theirs.node)
		lock->theirs.node = shmeter_node(&lock->theirs, index);
	lock->theirs.index = index;
	lock->theirs.name = lock->name; /* this process has a copy of its own */
	return lock->called->attach ? lock->called->attach(&lock->theirs) : 0;
}

/* In a worker: loads the plug-in and becomes owner `index`. */
static inline int lock_plugin_join(struct sm_worker *worker, struct lock_plugin *lock, uint32_t index)
{
	struct sm_error err = { 0 };
	int code;

	lock->worker = worker;
	lock->called = sm_plugin_lock_here(lock->plugged, &err);
	if (!lock->called)
		return sm_worker_fail(worker, err.code, "plug-in %s: %s", lock->plugged->file, err.text);
	code = lock_plugin_attach(lock, index);
	return code ? sm_worker_fail(worker, EIO, "plug-in %s: attach() of %s failed: %s", lock->plugged->file,
				     lock->plugged->name, strerror(code))
		    : 0;
}

/* After lock() did not return 0. */
static inline __attribute__((cold)) bool lock_plugin_refused(struct lock_plugin *lock, int code)
{
	sm_worker_fail(lock->worker, EIO, "plug-in %s: lock() of %s failed: %s", lock->plugged->file,
		       lock->plugged->name, strerror(code));
	return false;
}

static inline bool lock_plugin_lock(struct lock_plugin *lock)
{
	int code = lock->called->lock(&lock->theirs);

	return code == 0 || lock_plugin_refused(lock, code);
}

static inline void lock_plugin_unlock(struct lock_plugin *lock)
{
	lock->called->unlock(&lock->theirs);
}

static inline void lock_plugin_close(struct lock_plugin *lock)
{
	if (lock->theirs.name) /* init() was tried */
		(void)!sm_plugin_lock_close(lock->plugged, &lock->theirs, NULL);
}

#endif
