/* The guard: a small process that cleans up after the parent has died.
 *
 * It is forked once a run, before the parent creates anything.  It sleeps on the parent's pidfd, so it does not matter
 * that workers inherit the parent's descriptors.  When the parent ends, for any reason, the guard removes what the
 * parent announced (segments, files, System V objects), restores changed settings, and exits. */
#ifndef SHMETER_GUARD_H
#define SHMETER_GUARD_H

#include "shmeter/error.h"
#include "shmeter/ledger.h"

/* Starts the guard of this process.  Called once, by the program. */
SM_MUST_USE int sm_guard_start(struct sm_error *err);
/* Undoes what is announced, ends the guard and waits for it.  Call it at a normal end too.  Where the guard was killed,
 * this function restores the settings itself.  -errno: a setting could not be restored and stays in the ledger. */
SM_MUST_USE int sm_guard_stop(struct sm_error *err);

/* sm_guard_name() announces an object before it is created; sm_guard_forget() withdraws it once it is gone.  `kind`
 * selects how the guard removes it: 'p' shm_unlink(), 'f' unlink(), 'd' the removal of a folder with the
 * files in it, 'm' mq_unlink(), 'q', 'e' and 'h' the removal of the System V message queue, semaphore set or segment with
 * that key, in decimal.  Without a guard these do nothing. */
SM_MUST_USE int sm_guard_name(char kind, const char *name, struct sm_error *err);
void sm_guard_forget(char kind, const char *name);

/* Changes a setting as sm_ledger_hold() does and holds it until the process ends; the guard is the keeper of the hold.
 * -errno with the sentence. */
SM_MUST_USE int sm_guard_setting(const struct sm_wish *wish, struct sm_error *err);

#endif
