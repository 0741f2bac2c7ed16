/* A robust mutex and its condition variables, shared by processes. */
#ifndef SHMETER_SUBJECT_COND_H
#define SHMETER_SUBJECT_COND_H

#include <pthread.h>

#include "shmeter/error.h"

/* `second` may be NULL. */
static inline int cond_init(pthread_mutex_t *mutex, pthread_cond_t *first, pthread_cond_t *second, struct sm_error *err)
{
	pthread_mutexattr_t mutex_attributes;
	pthread_condattr_t cond_attributes;
	int error;

	pthread_mutexattr_init(&mutex_attributes);
	pthread_condattr_init(&cond_attributes);
	error = pthread_mutexattr_setpshared(&mutex_attributes, PTHREAD_PROCESS_SHARED);
	if (!error)
		error = pthread_mutexattr_setrobust(&mutex_attributes, PTHREAD_MUTEX_ROBUST);
	if (!error)
		error = pthread_mutex_init(mutex, &mutex_attributes);
	if (!error)
		error = pthread_condattr_setpshared(&cond_attributes, PTHREAD_PROCESS_SHARED);
	if (!error)
		error = pthread_cond_init(first, &cond_attributes);
	if (!error && second)
		error = pthread_cond_init(second, &cond_attributes);
	pthread_mutexattr_destroy(&mutex_attributes);
	pthread_condattr_destroy(&cond_attributes);
	return error ? sm_fail(err, error, "no process-shared mutex and condition can be had") : 0;
}

#endif
