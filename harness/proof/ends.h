/* What each process of a trial does. */
#ifndef SHMETER_PROOF_ENDS_H
#define SHMETER_PROOF_ENDS_H

#include "trial.h"

/* No message passes for this long: blocked.  A hundred time slices of a busy machine. */
#define STALL_NS 1000000000u
/* Nor is there one for the ends that spin, and each has had so much time of a CPU: they would have seen it. */
#define SPUN_NS 200000000u
/* In a trial that fills the channel, once it has taken what it has to. */
#define FULL_NS      100000000u
#define FULL_SPUN_NS 30000000u
/* For the other end of a killing to attach. */
#define ATTACH_NS 2000000000u

struct work {
	struct rig *rig;
	const struct trial *trial;
	bool receives;     /* of a killing: what its one member does */
	uint64_t delay_ns; /* of a killing: the member is killed then; 0: never */
};

/* Members of a team (sm_member_fn): senders, then the receiver, then the watcher. */
int ends_main(void *argument, unsigned index);
/* The one member of a team for a killing. */
int ends_alone(void *argument, unsigned index);
/* Time that CPUs have spent on an end; 0: it has not begun, or is gone. */
uint64_t ends_cpu_ns(const struct rig_end *end);
unsigned ends_senders(const struct trial *trial);

#endif
