/* Runs over time, in one SQLite file.  The history is never a gate: two runs of one build differ because the machine
 * changed between them (gate.h says what can be judged). */
#ifndef SHMETER_HISTORY_H
#define SHMETER_HISTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "shmeter/history_series.h"
#include "shmeter/results.h"

struct sm_history;

/* Opens the file; with `create`, makes it and its tables where it is missing.  A file of an earlier version gets what it
 * lacks; its runs stay.  Several programs may use it at the same time: each waits for the others for up to ten seconds.
 * -ENOENT where it is missing; -EBADMSG for a file of another kind or of a later version.  Close with
 * sm_history_close(). */
SM_MUST_USE int sm_history_open(struct sm_history **out, const char *path, bool create, struct sm_error *err);
void sm_history_close(struct sm_history *history);

/* Adds the summaries of a loaded run, all or none.  `*added` is false where the run is already there, by folder name,
 * start and seed; its host is recorded then, if the file lacks it. */
SM_MUST_USE int sm_history_add(struct sm_history *history, const struct sm_results *run, bool *added,
			       struct sm_error *err);

/* The runs that belong together: those of the machine with the latest run. */
struct sm_history_machine {
	char type[32], host[32]; /* of the latest run; host "": its run does not record it */
	bool same_type;          /* all hosts of the type; else only the host */
	/* Runs that do not belong to them. */
	unsigned other_hosts; /* of the same type, another host */
	unsigned no_host;     /* of the same type, the host is not recorded */
	unsigned other_types;
};
SM_MUST_USE int sm_history_machine(struct sm_history *history, bool same_type, struct sm_history_machine *out,
				   struct sm_error *err);

/* Calls `each`, which may fail, for the series of every case whose id matches `glob` (NULL: all), with the runs of
 * `machine`; steps are marked. */
SM_MUST_USE int sm_history_each(struct sm_history *history, const char *glob, const struct sm_history_machine *machine,
				int (*each)(const struct sm_history_series *series, void *context,
					    struct sm_error *err),
				void *context, struct sm_error *err);

#endif
