/* A lock in memory that finds mistakes (rig.h): one rig for the lock, one for the nodes of its owners. */
#ifndef SHMETER_PROOF_LOCK_RIG_H
#define SHMETER_PROOF_LOCK_RIG_H

#include "rig.h"

#define LOCK_TAKERS 3u          /* who take the lock in turn */
#define LOCK_HEALER LOCK_TAKERS /* who calls recover() */
#define LOCK_VICTIM 2u          /* who is killed */
#define LOCK_OWNERS (LOCK_TAKERS + 1)

/* One process, as it tells of itself. */
struct lock_end {
	_Alignas(128) _Atomic uint64_t taken; /* times, each given back */
	_Atomic uint64_t added;               /* additions under the lock */
	_Atomic uint32_t entered;             /* attached */
	_Atomic uint32_t recovered;           /* recover() returned */
	_Atomic uint64_t returned_ns;         /* when its work was over; 0: not yet */
	struct sm_error err;
};

/* Shared by all processes of a rig, apart from the lock. */
struct lock_control {
	_Atomic uint32_t enough;                 /* takers end after this turn */
	_Atomic uint32_t stalled;                /* nobody moved for STALL_NS */
	_Atomic uint32_t dies;                   /* the owner that is killed, plus one; 0: none */
	_Alignas(128) _Atomic uint64_t overlaps; /* times that one found another inside */
	_Alignas(128) _Atomic uint32_t holder;   /* who is inside, plus one; 0: nobody */
	volatile uint64_t count;                 /* guarded by the lock that is checked */
	struct lock_end end[LOCK_OWNERS];
};

struct lock_rig {
	const struct sm_plugged *plugged;
	struct rig lock, nodes;
	struct lock_control *control;
	struct shmeter_owner owner; /* number 0, at the addresses of the process that made the rig */
	char name[32];
};

/* Makes the memory.  `flush` is as in struct rig.  Free with lock_rig_free(), also after a failure. */
SM_MUST_USE int lock_rig_make(struct lock_rig *rig, const struct sm_plugged *plugged, struct rig_findings *findings,
			      bool flush, struct sm_error *err);
void lock_rig_free(struct lock_rig *rig);
/* Zeroes the memory and has init() make the lock under a new name, for a first life or another one. */
SM_MUST_USE int lock_rig_open(struct lock_rig *rig, struct sm_error *err);
/* Closes it, and looks at the memory first and last. */
SM_MUST_USE int lock_rig_close(struct lock_rig *rig, struct sm_error *err);
/* In a process of its own: maps the memory at its address, loads the plug-in and attaches as owner `index`; `owner` is this
 * process's view.  NULL: with the sentence. */
const struct shmeter_lock *lock_rig_enter(struct lock_rig *rig, uint32_t index, struct shmeter_owner *owner,
					  struct sm_error *err);

#endif
