/* The guard: a small process that outlives the parent by a moment and puts everything back.
 *
 * Forked once a run, before anything is made.  It sleeps on the parent's pidfd, so that workers which
 * inherit the parent's descriptors do not matter; when the parent is gone, however it went, the guard
 * removes what the parent had announced (names of segments and files, System V segments made by the
 * parent, changed settings) and ends. */
#ifndef SHMETER_GUARD_H
#define SHMETER_GUARD_H

#include "shmeter/error.h"
#include "shmeter/ledger.h"

/* Starts the guard of this process.  Called once, by the program. */
SM_MUST_USE int sm_guard_start(struct sm_error *err);
/* Undoes what is announced, and ends the guard; waits for it.  Also at a normal end.  What a guard that was killed has left
 * of the settings is put back here.  -errno in words: a setting would not go back and stays in the ledger. */
SM_MUST_USE int sm_guard_stop(struct sm_error *err);

/* Announces a name before the object is made, and withdraws it when it is gone.  `kind` says what the
 * guard undoes it with: 'p' shm_unlink(), 'f' unlink(), 'm' mq_unlink(), 'q', 'e' and 'h' the removal of the
 * System V message queue, semaphore set or segment with that key, in decimal.  Without a guard these do nothing. */
SM_MUST_USE int sm_guard_name(char kind, const char *name, struct sm_error *err);
void sm_guard_forget(char kind, const char *name);

/* Makes a setting as wished and holds it so until the end of the process, as sm_ledger_hold() does; the guard is its
 * keeper.  -errno in words. */
SM_MUST_USE int sm_guard_setting(const struct sm_wish *wish, struct sm_error *err);

#endif
