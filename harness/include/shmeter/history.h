/* Runs over time, in one SQLite file.  Never a gate: two runs of one build differ by what the machine did between them
 * (see gate.h for what can be judged). */
#ifndef SHMETER_HISTORY_H
#define SHMETER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "shmeter/history_series.h"
#include "shmeter/results.h"

struct sm_history;

/* Opens the file, made with its tables where it is not there and `create` is set.  Several programs may use it at a
 * time: each waits for the other up to ten seconds.  -ENOENT; -EBADMSG for a file of another kind, in words. */
SM_MUST_USE int sm_history_open(struct sm_history **out, const char *path, bool create, struct sm_error *err);
void sm_history_close(struct sm_history *history);

/* Adds a loaded run: its summaries, all or none.  `*added` is false where the run (its folder's name, start and
 * seed) is there already. */
SM_MUST_USE int sm_history_add(struct sm_history *history, const struct sm_results *run, bool *added,
			       struct sm_error *err);

/* Every case that the glob matches, by its id (NULL: all), on one machine: `fingerprint`, or where it is NULL the
 * one with the latest run.  `*elsewhere` counts the runs of other machines.  Calls `each`, which may fail, for one
 * series after the other; steps are marked. */
SM_MUST_USE int sm_history_each(struct sm_history *history, const char *glob, const char *fingerprint,
				int (*each)(const struct sm_history_series *series, void *context,
					    struct sm_error *err),
				void *context, unsigned *elsewhere, struct sm_error *err);

#endif
