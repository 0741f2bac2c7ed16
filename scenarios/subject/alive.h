/* Whether a process still lives: each holds a robust mutex for its whole life.  The kernel marks the mutex when its owner
 * dies, so that a number of a process that is used again, another PID namespace or a zombie cannot deceive. */
#ifndef SHMETER_SUBJECT_ALIVE_H
#define SHMETER_SUBJECT_ALIVE_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

/* Takes a robust mutex, and mends it after its owner's death.  Returns 0, EOWNERDEAD (it is held, too), or an error. */
static inline int robust_lock(pthread_mutex_t *mutex)
{
	int code = pthread_mutex_lock(mutex);

	return code == EOWNERDEAD && pthread_mutex_consistent(mutex) != 0 ? ENOTRECOVERABLE : code;
}

/* Whether the process that locked its `life` still lives.  Nobody else may lock it. */
static inline bool is_alive(pthread_mutex_t *life)
{
	int code = pthread_mutex_trylock(life);

	if (code == EOWNERDEAD)
		pthread_mutex_consistent(life);
	if (code == 0 || code == EOWNERDEAD)
		pthread_mutex_unlock(life);
	return code == EBUSY;
}

#endif
