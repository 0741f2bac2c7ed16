/* A lock in memory that finds mistakes. */
#include "lock_rig.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "shmeter/spin.h"

static size_t stride_of(const struct sm_plugged *plugged)
{
	return (plugged->owner_bytes + SM_LINE_PAIR - 1) / SM_LINE_PAIR * SM_LINE_PAIR;
}

int lock_rig_make(struct lock_rig *rig, const struct sm_plugged *plugged, struct rig_findings *findings, bool flush,
		  struct sm_error *err)
{
	*rig = (struct lock_rig){
		.plugged = plugged,
		.lock = { .plugged = plugged,
			  .findings = findings,
			  .flush = flush,
			  .fd = -1,
			  .bytes = plugged->lock_bytes,
			  .what = "the lock",
			  .opens = "init()" },
		.nodes = { .plugged = plugged,
			   .findings = findings,
			   .flush = flush,
			   .fd = -1,
			   .bytes = LOCK_OWNERS * stride_of(plugged),
			   .what = "the owners' nodes",
			   .opens = "init()" },
	};
	rig->lock.beside = &rig->nodes;
	rig->nodes.beside = &rig->lock;
	rig->control = mmap(NULL, sizeof(*rig->control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (rig->control == MAP_FAILED)
		return sm_fail(err, errno, "no memory for what processes tell: %s", strerror(errno));
	if (rig_place(&rig->lock, err) < 0 || rig_place(&rig->nodes, err) < 0)
		return -err->code;
	return 0;
}

void lock_rig_free(struct lock_rig *rig)
{
	if (rig->control && rig->control != MAP_FAILED)
		munmap(rig->control, sizeof(*rig->control));
	rig_free(&rig->lock);
	rig_free(&rig->nodes);
}

int lock_rig_open(struct lock_rig *rig, struct sm_error *err)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return sm_fail(err, errno, "no random name: %s", strerror(errno));
	snprintf(rig->name, sizeof(rig->name), "shmeter-%016llx", (unsigned long long)number);
	memset(rig->control, 0, sizeof(*rig->control));
	rig_clear(&rig->lock);
	rig_clear(&rig->nodes);
	rig->owner = (struct shmeter_owner){
		.lock = rig_memory(&rig->lock, 0),
		.node = rig_memory(&rig->nodes, 0),
		.stride = stride_of(rig->plugged),
		.owners = LOCK_OWNERS,
		.name = rig->name,
	};
	return sm_plugin_init(rig->plugged, &rig->owner, err);
}

int lock_rig_close(struct lock_rig *rig, struct sm_error *err)
{
	int rc;

	rig_inspect(&rig->lock);
	rig_inspect(&rig->nodes);
	rc = sm_plugin_lock_close(rig->plugged, &rig->owner, err);
	rig_inspect(&rig->lock);
	rig_inspect(&rig->nodes);
	return rc;
}

const struct shmeter_lock *lock_rig_enter(struct lock_rig *rig, uint32_t index, struct shmeter_owner *owner,
					  struct sm_error *err)
{
	const struct shmeter_lock *called;
	int code;

	if (rig_map(&rig->lock, index, err) < 0 || rig_map(&rig->nodes, index, err) < 0)
		return NULL;
	called = sm_plugin_lock_here(rig->plugged, err);
	if (!called)
		return NULL;
	*owner = rig->owner;
	owner->lock = rig_memory(&rig->lock, index + 1);
	owner->node = rig_memory(&rig->nodes, index + 1);
	if (owner->node)
		owner->node = shmeter_node(owner, index);
	owner->index = index;
	code = called->attach ? called->attach(owner) : 0;
	if (code) {
		sm_fail(err, EIO, "attach() failed: %s", strerror(code));
		return NULL;
	}
	return called;
}
