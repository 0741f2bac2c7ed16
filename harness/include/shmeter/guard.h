/* The guard: a small process that outlives the parent by a moment and puts everything back.
 *
 * Forked once a run, before anything is made.  It sleeps on the parent's pidfd, so that workers which
 * inherit the parent's descriptors do not matter; when the parent is gone, however it went, the guard
 * removes what the parent had announced (names of segments and files, System V segments made by the
 * parent, changed settings) and ends. */
#ifndef SHMETER_GUARD_H
#define SHMETER_GUARD_H

#include "shmeter/error.h"

/* Starts the guard of this process.  Called once, by the program. */
SM_MUST_USE int sm_guard_start(struct sm_error *err);
/* Undoes what is announced, and ends the guard; waits for it.  Also at a normal end. */
void sm_guard_stop(void);

/* Announces a name before the object is made, and withdraws it when it is gone.  `kind` says what the
 * guard undoes it with: 'p' shm_unlink(), 'f' unlink(), 'm' mq_unlink(), 'q', 'e' and 'h' the removal of the
 * System V message queue, semaphore set or segment with that key, in decimal.  Without a guard these do nothing. */
SM_MUST_USE int sm_guard_name(char kind, const char *name, struct sm_error *err);
void sm_guard_forget(char kind, const char *name);

/* Writes `value` into a settings file (e.g. nr_hugepages) and remembers the old content, which the
 * guard writes back at the end.  -EACCES and the like in words. */
SM_MUST_USE int sm_guard_setting(const char *path, const char *value, struct sm_error *err);

#endif
