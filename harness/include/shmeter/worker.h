/* What the functions of a scenario are given: the case, the parent's view of a trial, a worker's view. */
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

/* One case: what is run. */
struct sm_case {
	const struct sm_scenario *scenario;
	unsigned variant;              /* index into scenario->variants */
	uint64_t param[SM_PARAMS_MAX]; /* in the order of scenario->params */
	enum sm_placement placement;   /* as asked */
	const unsigned *pu_list;       /* for SM_PLACE_LIST */
	unsigned pu_list_count;
	struct sm_memory memory; /* fully resolved */
	unsigned workers;
	bool shared_pu; /* set by the harness: workers share PUs, so none may spin for another */
	unsigned pus;   /* set by the harness: that the workers sit on */
};

/* What a worker leaves for verify(). */
struct sm_outcome {
	uint64_t ops;               /* operations done in all slices, warm-up and calibration */
	uint64_t tally[SM_TALLIES]; /* the scenario's own sums and error counts */
};

/* The parent's view of a trial. */
struct sm_trial {
	const struct sm_case *c;
	void *region; /* the subject, zeroed unless `kept`; NULL where the case has none */
	size_t region_bytes;
	bool kept;                               /* the region is as the last trial of this case left it */
	void *state;                             /* scenario->state_bytes, zeroed, private: workers inherit a copy */
	uint64_t seed;                           /* of this trial */
	const char *file_folder;                 /* where a scenario makes files of its own */
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
	struct sm_region *mapping; /* for scenarios that populate by themselves (own_prefault) */
	void *state;               /* this worker's copy of the parent's state */
	uint64_t seed;             /* differs between workers */
	uint64_t op_count;         /* operations that the next run() has to do */
	uint64_t slice_ns;      /* SM_FIRST_DONE_OR_CLOCK: run() ends by itself after this long; 0: it does op_count */
	_Atomic uint32_t *over; /* SM_FIRST_DONE: number of the slice that one has done; else NULL */
	uint32_t slice;         /* the number of this one */
	const _Atomic uint32_t *abort; /* non-zero: stop now (a peer died); see spin.h */
	struct sm_outcome *outcome;
	struct sm_histogram *histogram; /* for trace(), or for run() where the scenario says so */
	struct sm_series *series;       /* where the scenario says so: for one worker of a trial to fill */
	uint64_t time_ns;               /* self_timed: run() adds here; zero at the start of each slice */
	struct sm_error error;          /* set by sm_worker_fail() */
	bool failed;
};

/* Marks the worker as failed with a printf sentence; returns -code. */
int sm_worker_fail(struct sm_worker *worker, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Parts of a slice's operations between two looks at whether it is over: of a millisecond 4 us each, which is how
 * long a worker can go on after the first is done.  The look is a load that hits, 0.1 % of that. */
#define SM_PARTS 256u

/* Operations that run() has to do next, having done so many; 0: the slice is over, for this worker or for all
 * (SM_FIRST_DONE).  For loops within which `done` grows by what was returned. */
static inline uint64_t sm_next_part(struct sm_worker *worker, uint64_t done)
{
	uint64_t left = worker->op_count - done, part = worker->op_count / SM_PARTS + 1;

	if (!worker->over)
		return left;
	/* relaxed: nothing but the end is told. */
	if (left == 0)
		atomic_store_explicit(worker->over, worker->slice, memory_order_relaxed);
	else if (atomic_load_explicit(worker->over, memory_order_relaxed) == worker->slice)
		return 0;
	return left < part ? left : part;
}

/* Value of a parameter by name; asserts that the scenario has it.  Not for timed loops. */
uint64_t sm_case_param(const struct sm_case *c, const char *name);
/* Sum over the workers of their operations, or of one tally: for verify(). */
uint64_t sm_trial_ops(const struct sm_trial *trial);
uint64_t sm_trial_tally(const struct sm_trial *trial, unsigned tally);

#endif
