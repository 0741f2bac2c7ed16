/* One line on the terminal that says how far a measurement is. */
#ifndef SHMETER_PROGRESS_H
#define SHMETER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "shmeter/run.h"

struct progress {
	bool shown;   /* standard error is a terminal, and nobody wants quiet */
	bool written; /* there is something to wipe */
	uint64_t last_ns;
};

void progress_open(struct progress *progress, bool quiet);
/* Has the line follow a run. */
void progress_follow(struct progress *progress, struct sm_run_options *run);
/* Writes the line anew. */
__attribute__((format(printf, 2, 3))) void progress_print(struct progress *progress, const char *format, ...);
void progress_wipe(struct progress *progress);

#endif
