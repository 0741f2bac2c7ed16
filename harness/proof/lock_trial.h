/* Processes that take a lock, and what came of it. */
#ifndef SHMETER_PROOF_LOCK_TRIAL_H
#define SHMETER_PROOF_LOCK_TRIAL_H

#include "lock_rig.h"
#include "shmeter/proof.h"

struct lock_trial {
	unsigned takers; /* processes that take the lock: 1 to LOCK_TAKERS */
	bool in_turn;    /* each begins when the one before has ended; otherwise all at once */
	uint64_t count;  /* times that each takes it */
	uint64_t budget_ns;
};

struct lock_outcome {
	bool works;
	uint64_t taken;                /* times, by all */
	uint64_t returned_ns;          /* of a killing: the time until all others had the lock again */
	bool held;                     /* of a killing: the victim had the lock */
	char words[SM_ERROR_TEXT_MAX]; /* what is wrong; "" */
};

/* One life of the lock.  Returns 0 with the outcome, or a negative errno where the trial itself could not be done, or
 * -EINTR. */
SM_MUST_USE int lock_trial_live(const struct sm_proof *proof, struct lock_rig *rig, const struct lock_trial *trial,
				struct lock_outcome *outcome, struct sm_error *err);

enum lock_death {
	LOCK_DEATH_INSIDE,   /* with the lock */
	LOCK_DEATH_OUTSIDE,  /* without it, while the others take it */
	LOCK_DEATH_ANYWHERE, /* after `delay_ns` */
};
/* A life in which two take the lock without end, a third is killed, and a fourth calls recover() and takes it.  Each of
 * them has to have the lock again within the two seconds that plugin.h says. */
SM_MUST_USE int lock_trial_kill(const struct sm_proof *proof, struct lock_rig *rig, enum lock_death death,
				uint64_t delay_ns, struct lock_outcome *outcome, struct sm_error *err);

#endif
