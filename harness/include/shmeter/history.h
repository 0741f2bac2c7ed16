/* Runs over time, in one SQLite file.  The history is never a gate: two runs of one build differ because the machine
 * changed between them (gate.h says what can be judged). */
#ifndef SHMETER_HISTORY_H
#define SHMETER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "shmeter/history_series.h"
#include "shmeter/results.h"

struct sm_history;

/* Opens the file; with `create`, makes it and its tables where it is missing.  Several programs may use it at the same
 * time: each waits for the others for up to ten seconds.  -ENOENT where it is missing; -EBADMSG for a file of another
 * kind.  Close with sm_history_close(). */
SM_MUST_USE int sm_history_open(struct sm_history **out, const char *path, bool create, struct sm_error *err);
void sm_history_close(struct sm_history *history);

/* Adds the summaries of a loaded run, all or none.  `*added` is false where the run is already there, by folder name,
 * start and seed. */
SM_MUST_USE int sm_history_add(struct sm_history *history, const struct sm_results *run, bool *added,
			       struct sm_error *err);

/* Calls `each`, which may fail, for the series of every case whose id matches `glob` (NULL: all); steps are marked.
 * Only runs of one machine count: `fingerprint`, or where it is NULL the machine with the latest run.  `*elsewhere`
 * counts the runs of other machines. */
SM_MUST_USE int sm_history_each(struct sm_history *history, const char *glob, const char *fingerprint,
				int (*each)(const struct sm_history_series *series, void *context,
					    struct sm_error *err),
				void *context, unsigned *elsewhere, struct sm_error *err);

#endif
