/* Processes that pass messages through a rig, and what came of it. */
#ifndef SHMETER_PROOF_TRIAL_H
#define SHMETER_PROOF_TRIAL_H

#include <errno.h>

#include "rig.h"
#include "shmeter/proof.h"

enum trial_way {
	TRIAL_STREAM, /* one sends, another receives */
	TRIAL_TURNS,  /* the same, and each message comes back on the other channel before the next */
	TRIAL_FILL,   /* nobody receives until the sender waits */
	TRIAL_MANY,   /* several send to one */
	TRIAL_STEPS,  /* one call at a time, and what it changed in the memory is noted (steps.h) */
};

#define COUNT_AT 100u

struct trial {
	enum trial_way way;
	size_t capacity, message;
	bool flush, sleeps; /* as struct rig; no end spins before it sleeps */
	bool counts;        /* each end counts its descriptors, after COUNT_AT messages and after the last */
	uint64_t count;     /* messages of each sender */
	uint64_t budget_ns; /* fewer messages where this is over */
};

struct outcome {
	bool works;
	bool declined;                 /* open() returned ENOTSUP: it does not offer this size or capacity */
	bool hangs;                    /* the other end still waits after a kill */
	uint64_t passed;               /* messages received */
	unsigned descriptors;          /* `counts`: by how many they grew, at the end where they did most */
	uint64_t held;                 /* TRIAL_FILL: messages taken while nobody read */
	char words[SM_ERROR_TEXT_MAX]; /* what is wrong; "" */
};

/* Whether a failure is the machine's, which could not start a process. */
static inline bool trial_is_machine(int rc)
{
	return rc == -EAGAIN || rc == -EMFILE || rc == -ENFILE;
}

/* One trial, or another life of a rig that was made for it.  Returns 0 with the outcome, or a negative errno where the
 * trial itself could not be done, or -EINTR. */
SM_MUST_USE int trial_run(const struct sm_proof *proof, const struct sm_plugged *plugged, struct rig_findings *findings,
			  const struct trial *trial, struct outcome *outcome, struct sm_error *err);
SM_MUST_USE int trial_live(const struct sm_proof *proof, struct rig *rig, const struct trial *trial,
			   struct outcome *outcome, struct sm_error *err);
/* Makes the rig of a trial. */
SM_MUST_USE int trial_rig(const struct sm_plugged *plugged, struct rig_findings *findings, const struct trial *trial,
			  struct rig *rig, struct sm_error *err);

/* One end kills itself after `delay_ns`, the other waits.  `kills_sender`: which.  Sets `returned_ns` to how long the
 * other took to return, and `undelivered` to the messages that were sent and not received. */
struct killing {
	bool kills_sender;
	uint64_t delay_ns;
	uint64_t returned_ns, undelivered;
};
SM_MUST_USE int trial_kill(const struct sm_proof *proof, struct rig *rig, struct killing *killing,
			   struct outcome *outcome, struct sm_error *err);

#endif
