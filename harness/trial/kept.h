/* Regions that outlive their trial: what trial.c does with struct sm_kept (shmeter/trial.h). */
#ifndef SHMETER_TRIAL_KEPT_H
#define SHMETER_TRIAL_KEPT_H

#include "shmeter/trial.h"

/* Whether the regions of this case may be kept: its scenario says so, and it is warm and populated beforehand. */
bool kept_may(const struct sm_case *c);
/* Takes the region that a trial of the same case left; it is the caller's then.  False: there is none. */
bool kept_take(struct sm_kept *kept, const struct sm_case *c, struct sm_region *region);
/* Keeps the region of a trial that ended well, in the place of the oldest ones where there is no room.  False: it stays the
 * caller's. */
bool kept_give(struct sm_kept *kept, const struct sm_os *os, const struct sm_case *c,
	       const struct sm_region *region);

#endif
