/* What is left where a process is killed, and whether the memory serves again. */
#ifndef SHMETER_PROOF_LIVES_H
#define SHMETER_PROOF_LIVES_H

#include "check.h"

/* Each tells its verdict.  Returns 1 where it passed, 0, or a negative errno with check->err. */
int check_killed(struct check *check, bool kills_sender);
int check_second_life(struct check *check);
int check_false_sharing(struct check *check);

#endif
