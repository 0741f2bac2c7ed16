/* What each process of a trial of a lock does. */
#ifndef SHMETER_PROOF_LOCK_ENDS_H
#define SHMETER_PROOF_LOCK_ENDS_H

#include "lock_trial.h"

/* Nobody takes the lock for this long: blocked.  A hundred time slices of a busy machine. */
#define LOCK_STALL_NS 1000000000u

struct lock_work {
	struct lock_rig *rig;
	const struct lock_trial *trial;
	enum lock_death death; /* of the victim */
	uint64_t delay_ns;     /* likewise */
	uint64_t seed;
};

/* Members of a team (sm_member_fn): takers, then the watcher, who ends the trial; no watcher where one is killed. */
int lock_ends_main(void *argument, unsigned index);
/* The one member of a team for a killing: who dies; who calls recover() then, takes the lock once and gives it back. */
int lock_ends_victim(void *argument, unsigned index);
int lock_ends_healer(void *argument, unsigned index);

#endif
