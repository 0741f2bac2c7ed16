/* A case over its runs: the history fills it, the report draws it. */
#ifndef SHMETER_HISTORY_SERIES_H
#define SHMETER_HISTORY_SERIES_H

#include <stdbool.h>
#include <stddef.h>

/* One run's figure of a case. */
struct sm_history_point {
	char run[128], started[32], version[32], klass[32];
	double median, low, high; /* NaN limits: no interval */
	unsigned n;
	bool same_class; /* as the latest run's: only these make up the trend */
	double level;    /* the median of the runs since the last step */
	bool step;       /* the level changed here and stayed, see sm_steps_find() */
};

/* A case's runs, the oldest first. */
struct sm_history_series {
	char id[512], unit[32], fingerprint[32];
	struct sm_history_point *point;
	size_t count;
};

#endif
