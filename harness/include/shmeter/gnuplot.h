/* Running gnuplot so that a script can draw but do nothing else. */
#ifndef SHMETER_GNUPLOT_H
#define SHMETER_GNUPLOT_H

#include "shmeter/error.h"

/* Most figures take a fraction of a second; a matrix of 64 x 64 PUs takes several seconds on a slow machine. */
#define SM_GNUPLOT_LIMIT_MS 30000u

struct sm_gnuplot {
	char path[4096];          /* of the program */
	const volatile int *stop; /* non-zero: kill gnuplot at once; may be NULL */
	unsigned limit_ms;        /* time limit of one script; 0: SM_GNUPLOT_LIMIT_MS */
	char note[256];           /* filled where gnuplot ran without the filter; else unchanged */
};

/* Sets the path to the first gnuplot in PATH.  -ENOENT says what to install. */
SM_MUST_USE int sm_gnuplot_find(struct sm_gnuplot *gnuplot, struct sm_error *err);

/* Runs `folder`/`script` in `folder`, without the user's start-up files, with an environment of a few variables, and
 * with a system call filter that forbids it to start programs.  Without the filter it still runs, and the note says so.
 * There is none for a wrapper script, which must start gnuplot itself, on other architectures, and where the kernel or
 * the container has no filters.  With the filter, and where the kernel has Landlock, it can write only beneath
 * `folder`.  -ETIMEDOUT: killed after the limit; -EINTR: killed because of `stop`; -EIO: it failed, crashed or could
 * not be started. */
SM_MUST_USE int sm_gnuplot_run(struct sm_gnuplot *gnuplot, const char *folder, const char *script,
			       struct sm_error *err);

#endif
