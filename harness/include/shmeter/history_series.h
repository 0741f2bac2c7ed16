/* One case over many runs: the history fills it, the report draws it. */
#ifndef SHMETER_HISTORY_SERIES_H
#define SHMETER_HISTORY_SERIES_H

#include <stdbool.h>
#include <stddef.h>

/* The result of a case in one run. */
struct sm_history_point {
	char run[128], started[32], version[32], klass[32];
	double median, low, high; /* low and high NaN: no interval */
	bool same_class;          /* same pair class as the latest run: only these form the trend */
	double level;             /* median of the runs of this level; on the line where the series drifts */
	bool step;                /* the level changed here for good, see sm_steps_find() */
};

/* A case's runs, the oldest first. */
struct sm_history_series {
	char id[512], unit[32];
	char machine[64]; /* whose runs: "host 0123456789abcdef", "type 0123456789abcdef" */
	struct sm_history_point *point;
	size_t count;
	bool drifts; /* a straight line fits at least as well as steps, so none is marked */
};

#endif
