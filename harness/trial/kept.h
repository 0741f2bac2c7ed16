/* Regions that outlive their trial: what trial.c does with struct sm_kept (shmeter/trial.h). */
#ifndef SHMETER_TRIAL_KEPT_H
#define SHMETER_TRIAL_KEPT_H

#include "shmeter/trial.h"

/* Whether the regions of this case may be kept: its scenario says so, and it is warm and populated beforehand. */
bool kept_may(const struct sm_case *c);
/* Takes the region that a trial of the same case left; it is the caller's then.  False: there is none. */
bool kept_take(struct sm_kept *kept, const struct sm_case *c, struct sm_region *region);
/* Gives up what is kept in explicit huge pages of the size that a case is to have: a run has no more of a pool than its
 * largest case takes, which is what --tune asked for.  What else is free there may be another run's. */
void kept_make_room(struct sm_kept *kept, const struct sm_case *c);
/* Keeps the region of a trial that ended well, in the place of the oldest ones where there is no room.  False: it stays the
 * caller's. */
bool kept_give(struct sm_kept *kept, const struct sm_os *os, const struct sm_case *c, const struct sm_region *region);

#endif
