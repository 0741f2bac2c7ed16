/* Regions that outlive their trial: functions for trial.c on struct sm_kept (shmeter/trial.h). */
#ifndef SHMETER_TRIAL_KEPT_H
#define SHMETER_TRIAL_KEPT_H

#include "shmeter/trial.h"

/* Takes the region that a trial of the same case left; it then belongs to the caller.  Returns false where there is
 * none. */
bool kept_take(struct sm_kept *kept, const struct sm_case *c, struct sm_region *region);
/* Drops the kept regions on explicit huge pages of the size that a case needs.  A run has only as many pages of a pool
 * as its largest case needs, because --tune reserves no more.  Other free pages may belong to another run. */
void kept_make_room(struct sm_kept *kept, const struct sm_case *c);
/* Keeps the region of a successful trial, and drops the least recently used ones where there is no room.  Returns false
 * where it still belongs to the caller. */
bool kept_give(struct sm_kept *kept, const struct sm_os *os, const struct sm_case *c, const struct sm_region *region);

#endif
