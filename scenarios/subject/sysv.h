/* What the users of System V semaphores share. */
#ifndef SHMETER_SUBJECT_SYSV_H
#define SHMETER_SUBJECT_SYSV_H

#include <errno.h>
#include <stdbool.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

/* Changes semaphore `which` of a set by `by`, with the flags of semop(2); `limit`: how long it waits, NULL for ever.
 * False with errno where it could not, EAGAIN where the limit passed.  Begun anew where a signal was handled, or where the
 * process was stopped and continued, which semop() alone of the calls here tells with EINTR (signal(7)). */
static inline bool sysv_change(int set, unsigned short which, short by, short flags, const struct timespec *limit)
{
	struct sembuf change = { .sem_num = which, .sem_op = by, .sem_flg = flags };
	int rc;

	do
		rc = semtimedop(set, &change, 1, limit);
	while (rc < 0 && errno == EINTR);
	return rc == 0;
}

#endif
