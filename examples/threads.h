/* PUs for the threads of a library.  shmeter pins a worker before attach(), and threads inherit that.  On the worker's PU
 * they would wait while the worker spins at the end of a slice, and with them the last messages.  So a plug-in starts
 * such a library between threads_everywhere() and threads_here(). */
#ifndef THREADS_H
#define THREADS_H

#include <sched.h>
#include <unistd.h>

/* Gives this thread, and those that it starts, the PUs of the process that started the worker. */
static inline void threads_everywhere(cpu_set_t *own)
{
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(*own), own) < 0 || sched_getaffinity(getppid(), sizeof(all), &all) < 0)
		CPU_ZERO(own); /* more PUs than the set has room for: nothing was changed */
	else
		sched_setaffinity(0, sizeof(all), &all);
}

/* Pins this thread again. */
static inline void threads_here(const cpu_set_t *own)
{
	if (CPU_COUNT(own) > 0)
		sched_setaffinity(0, sizeof(*own), own);
}

#endif
