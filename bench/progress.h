/* One line on the terminal that shows the progress of a measurement. */
#ifndef SHMETER_PROGRESS_H
#define SHMETER_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "shmeter/run.h"

struct progress {
	bool shown;   /* standard error is a terminal, and --quiet is not given */
	bool written; /* there is a line to erase */
	uint64_t last_ns;
};

void progress_open(struct progress *progress, bool quiet);
/* Makes the line follow the progress of a run. */
void progress_follow(struct progress *progress, struct sm_run_options *run);
/* Redraws the line. */
__attribute__((format(printf, 2, 3))) void progress_print(struct progress *progress, const char *format, ...);
void progress_wipe(struct progress *progress);

#endif
