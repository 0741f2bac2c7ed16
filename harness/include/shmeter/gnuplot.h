/* gnuplot, started so that a script can draw and nothing else. */
#ifndef SHMETER_GNUPLOT_H
#define SHMETER_GNUPLOT_H

#include "shmeter/error.h"

/* A figure takes a fraction of a second; 64 x 64 pairs of PUs on a slow machine take some. */
#define SM_GNUPLOT_LIMIT_MS 30000u

struct sm_gnuplot {
	char path[4096];          /* of the program */
	const volatile int *stop; /* raised: end it at once; NULL: nothing does */
	unsigned limit_ms;        /* of one script; 0: SM_GNUPLOT_LIMIT_MS */
	char note[256];           /* filled where it could not be kept from starting programs, else as it was */
};

/* Fills the path with the first gnuplot of PATH.  -ENOENT says what to install. */
SM_MUST_USE int sm_gnuplot_find(struct sm_gnuplot *gnuplot, struct sm_error *err);

/* Runs `folder`/`script` in `folder`, without the user's start-up files, with an environment of a few variables, and
 * with a system call filter that lets it start no program.  Where there can be no filter (a wrapper script, which has
 * to start gnuplot itself; another architecture; a kernel or a container without) it runs all the same, and the note
 * says so.  With the filter, and where the kernel has Landlock, it writes beneath `folder` alone.  -ETIMEDOUT: ended after the limit; -EINTR: ended because of `stop`; -EIO: it failed, crashed or could not
 * be started. */
SM_MUST_USE int sm_gnuplot_run(struct sm_gnuplot *gnuplot, const char *folder, const char *script,
			       struct sm_error *err);

#endif
