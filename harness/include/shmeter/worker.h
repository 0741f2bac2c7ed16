/* The arguments of a scenario's functions: the case, the parent's view of a trial, a worker's view. */
#ifndef SHMETER_WORKER_H
#define SHMETER_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/histogram.h"
#include "shmeter/names.h"
#include "shmeter/region.h"
#include "shmeter/series.h"

#define SM_PARAMS_MAX 4
#define SM_TALLIES    8
#define SM_MORE_MAX   8

struct sm_scenario;

/* The PUs (OS indices) whose pairs a tour visits: each pair goes from one of the first to one of the second. */
struct sm_pair_sets {
	unsigned *from, *to;
	unsigned from_count, to_count;
	bool all; /* of the PUs that this process may use */
};

/* One case: a variant of a scenario with all its parameters. */
struct sm_case {
	const struct sm_scenario *scenario;
	unsigned variant;              /* index into scenario->variants */
	uint64_t param[SM_PARAMS_MAX]; /* in the order of scenario->params */
	enum sm_placement placement;   /* as asked */
	const unsigned *pu_list;       /* for SM_PLACE_LIST */
	unsigned pu_list_count;
	const struct sm_pair_sets *pairs; /* of a scenario with tours, whose placement is a relation; else NULL */
	struct sm_memory memory;          /* fully resolved */
	unsigned workers;
	bool shared_pu; /* set by the harness: workers share PUs, so none may spin for another */
	unsigned pus;   /* set by the harness: number of PUs that the workers use */
};

/* The results of a worker, for verify(). */
struct sm_outcome {
	uint64_t ops;               /* operations done in all slices, warm-up and calibration */
	uint64_t tally[SM_TALLIES]; /* sums and error counts for the scenario's own use */
};

/* The parent's view of a trial. */
struct sm_trial {
	const struct sm_case *c;
	void *region; /* the region, zeroed unless `kept`; NULL where the case has none */
	size_t region_bytes;
	bool kept; /* the region is as the last trial of this case left it */
	/* scenario->state_bytes bytes, zeroed; each worker inherits a private copy */
	void *state;
	uint64_t seed;                           /* of this trial */
	const char *file_folder;                 /* where a scenario makes its own files */
	const struct sm_outcome *const *outcome; /* [c->workers], from verify() on */
	const struct sm_histogram *histogram;    /* of all workers, from verify() on; NULL: none */
};

/* A worker's view. */
struct sm_worker {
	const struct sm_case *c;
	unsigned index; /* 0 .. c->workers - 1: the role */
	void *region;
	size_t region_bytes;
	bool kept;                 /* the region is as the last trial of this case left it (SM_KEPT) */
	struct sm_region *mapping; /* for scenarios that populate the region themselves (own_prefault) */
	void *state;               /* this worker's copy of the parent's state */
	uint64_t seed;             /* differs between workers */
	uint64_t op_count;         /* operations that the next run() has to do */
	uint64_t slice_ns;      /* SM_FIRST_DONE_OR_CLOCK: run() ends by itself after this long; 0: it does op_count */
	_Atomic uint32_t *over; /* SM_FIRST_DONE: number of the last slice that a worker finished; else NULL */
	uint32_t slice;         /* number of this slice */
	const _Atomic uint32_t *abort; /* non-zero: stop now (a peer died); see spin.h */
	struct sm_outcome *outcome;
	struct sm_histogram *histogram; /* for trace(), or for run() where the scenario says so */
	struct sm_series *series;       /* where the scenario says so: one worker of a trial fills it */
	uint64_t time_ns;               /* self_timed: run() adds here; zero at the start of each slice */
	struct sm_error error;          /* set by sm_worker_fail() */
	bool failed;
};

/* Marks the worker as failed with a printf sentence; returns -code. */
int sm_worker_fail(struct sm_worker *worker, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A worker checks this often in a slice whether another worker has ended it.  For a slice of 1 ms that is every 4 us,
 * which is how long a worker can go on after the first has finished.  The check is a load that hits the cache, 0.1 % of
 * that time. */
#define SM_PARTS 256u

/* Number of operations that run() must do next after it has done `done`; 0: the slice is over, for this worker or for
 * all (SM_FIRST_DONE).  Call it in a loop that adds the returned number to `done`. */
static inline uint64_t sm_next_part(struct sm_worker *worker, uint64_t done)
{
	uint64_t left = worker->op_count - done, part = worker->op_count / SM_PARTS + 1;

	if (!worker->over)
		return left;
	/* relaxed: only the end of the slice is communicated, no other data. */
	if (left == 0)
		atomic_store_explicit(worker->over, worker->slice, memory_order_relaxed);
	else if (atomic_load_explicit(worker->over, memory_order_relaxed) == worker->slice)
		return 0;
	return left < part ? left : part;
}

/* Value of a parameter by name; asserts that the scenario has it.  Not for timed loops. */
uint64_t sm_case_param(const struct sm_case *c, const char *name);
/* Sums of the workers' operations, or of one tally, for verify(). */
uint64_t sm_trial_ops(const struct sm_trial *trial);
uint64_t sm_trial_tally(const struct sm_trial *trial, unsigned tally);

#endif
