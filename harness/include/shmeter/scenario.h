/* The contract of a scenario: the only header (with its subjects) that a scenario includes.
 *
 * A scenario is one `const struct sm_scenario`.  The harness makes the region, forks and pins the
 * workers, meets them at the gate before each slice, stamps, counts, checks and stores; the scenario
 * says what is done (run) and proves that it was done (verify). */
#ifndef SHMETER_SCENARIO_H
#define SHMETER_SCENARIO_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/cache.h"
#include "shmeter/clock.h"
#include "shmeter/error.h"
#include "shmeter/histogram.h"
#include "shmeter/refusal.h"
#include "shmeter/region.h"
#include "shmeter/series.h"
#include "shmeter/spin.h"
#include "shmeter/topology.h"

#define SM_PARAMS_MAX     4
#define SM_VALUES_MAX     24
#define SM_PLACEMENTS_MAX 8
#define SM_EXPECTED_MAX   4
#define SM_TALLIES        8
#define SM_MORE_MAX       8
/* Share of an offered rate below which a trial did not keep up (see `achieved`). */
#define SM_ACHIEVED_MIN 0.98

/* A list of values, written SM_VALUES(64, 4096). */
struct sm_values {
	unsigned count;
	uint64_t value[SM_VALUES_MAX];
};
#define SM_VALUES(...)                                                                                                 \
	{                                                                                                              \
		sizeof((uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t),                                                \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}

/* Values that depend on the machine, for SM_VALUES(): a multiple of the PUs that the run may use (with a list of PUs: of
 * those), the doubles of the value before up to such a multiple after it, and a value (not 0) that is left out where
 * there are fewer PUs.  Multiples and doubles come last, and are taken at `near` and on a list alone: elsewhere workers
 * sit on some of the PUs.  No plain value is so large. */
#define SM_TIMES_PUS(times)     (UINT64_C(1) << 63 | (times))
#define SM_DOUBLING             (UINT64_C(1) << 62)
#define SM_FROM_PUS(pus, value) (UINT64_C(1) << 62 | (uint64_t)(pus) << 32 | (value))
/* For SM_VALUES(), too: the power of two that is so many times the last-level cache or the next above, for working sets that
 * mean "beyond the caches".  Where no cache is known, of 32 MiB.  May stand among the plain values. */
#define SM_TIMES_LLC(times)  (UINT64_C(3) << 62 | (times))
#define SM_VALUE_PLAIN_BELOW (UINT64_C(1) << 62)

/* A swept dimension. */
struct sm_param {
	const char *name; /* "message", "processes": NULL ends the list */
	const char *unit; /* "B", "1"... */
	const char *summary;
	const char *const *labels;              /* NULL, or the NULL-terminated names of the values 0, 1, 2... */
	struct sm_values quick, standard, full; /* empty: as the shorter profile */
	uint64_t min, max;                      /* what `--set` accepts; 0, 0: any (or the labels) */
	/* The values are the allowed PUs (OS indices, in hwloc order) instead: quick takes at most 8 of
	 * them, spread evenly, standard 32, full all; --placement with a list takes those. */
	bool every_pu;
};

/* One of the things compared. */
struct sm_variant {
	const char *name; /* NULL ends the list; the first variant is the group's baseline */
	const char *summary;
	struct sm_memory memory; /* what this variant is about: overrides the command line */
	uint64_t arg;            /* the scenario's own */
	unsigned workers;        /* 0: as the scenario says */
	bool extra;              /* only in the full profile, or where a pattern names the variant */
	bool spins;              /* its workers wait by spinning alone: each burns a PU while it waits */
};

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

/* What kind of sentence a claim is, and so what it is held against. */
enum sm_claim_kind {
	SM_CLAIM_UNSET,
	SM_CLAIM_RATIO,      /* time of `left` / time of `right` */
	SM_CLAIM_DIFFERENCE, /* time of `left` - time of `right`, in ns an operation */
	SM_CLAIM_COUNT,      /* an event is counted so many times an operation */
	SM_CLAIM_METRIC,     /* one of the `more` metrics lies within bounds; no clock decides */
	SM_CLAIM_ORDER,      /* of two pairs of PUs the one that is closer by the topology is faster */
};

/* A sentence that can be wrong.  Its kind is written SM_RATIO(...) and so on, below. */
struct sm_claim {
	const char *id;       /* "C1"; NULL ends the list */
	const char *text;     /* one sentence, without its full stop */
	const char *source;   /* where the belief comes from */
	const char *question; /* one of the suite's headline questions that it answers, or NULL */
	/* "message=64 placement=same-core": space-separated conditions that a group must meet; NULL: every
	 * group of the scenario.  Values as printed in samples.csv; of numbers also "processes>=2", "<=", and
	 * "processes=4xPU" for four times the PUs that the run may use.  "workers<=1xPU" and "cores=different" (each
	 * process on a core of its own) have to be met by both sides, the rest by one of them. */
	const char *at;
	/* Id of another claim of this scenario, which has none itself: unless that one is supported, this one is
	 * inconclusive (a metric that refutes it stands).  For a sentence that something never happens it is the one
	 * that it can be seen to happen; for a difference the one that something else makes none.  NULL: none. */
	const char *control;
	enum sm_machine machine; /* the kind of machine that it speaks of: not testable elsewhere */
	const char *needs;       /* what a machine must have, in words; NULL: nothing special */
	const char *caveat;      /* printed after the evidence, as the rest of its sentence; or NULL */
	enum sm_claim_kind kind;
	const char *left; /* the variant that it is about */
	union {
		/* RATIO and DIFFERENCE: supported where the whole interval lies within the bounds; 0 means unbounded. */
		struct {
			const char *right;
			double min, max;
			const char *metric; /* RATIO: one of `more` instead of the time */
			/* The metric of this name, as the median of a case's trials, is at least holds_min on both
			 * sides.  A group in which it is not is left out, with both figures.  NULL: nothing is asked. */
			const char *holds;
			double holds_min;
		} versus;
		struct {
			const char *event; /* of counters.csv */
			double per_op;     /* in every ok trial */
			unsigned slack;    /* events a trial that it may be off */
		} count;
		struct {
			const char *name; /* of one of `more` */
			double min, max;  /* in every ok trial that knows it */
			bool once;        /* in one trial at least; undecided where none shows it: others may */
		} metric;
		/* Of all couples of cases whose PUs relate differently, at least this share. */
		double closer_is_faster;
	};
};

/* The kinds, as they stand in a claim: SM_RATIO("pipe", "ring", .min = 2), SM_METRIC("mutex", "updates lost", .max = 0),
 * SM_EXACT_COUNT("lazy", "minor-faults", 1).  A ratio suits variants on one base; a difference what is compared over
 * different bases, such as what a pause adds to a pipe's round trip and to a ring's. */
#define SM_RATIO(left_, right_, ...)                                                                                   \
	.kind = SM_CLAIM_RATIO, .left = (left_), .versus = { .right = (right_), __VA_ARGS__ }
#define SM_DIFFERENCE(left_, right_, ...)                                                                              \
	.kind = SM_CLAIM_DIFFERENCE, .left = (left_), .versus = { .right = (right_), __VA_ARGS__ }
#define SM_EXACT_COUNT(variant_, event_, ...)                                                                          \
	.kind = SM_CLAIM_COUNT, .left = (variant_), .count = { .event = (event_), .per_op = __VA_ARGS__ }
#define SM_METRIC(variant_, name_, ...)                                                                                \
	.kind = SM_CLAIM_METRIC, .left = (variant_), .metric = { .name = (name_), __VA_ARGS__ }
#define SM_CLOSER_IS_FASTER(variant_, share) .kind = SM_CLAIM_ORDER, .left = (variant_), .closer_is_faster = (share)

/* Four variants that differ in two things at most: what the rows and what the columns tell apart.  Findings and
 * page show them as one small table, with what a step down and a step to the right costs. */
struct sm_corners {
	const char *row[2], *column[2]; /* "spin", "sleep"; "shared memory", "kernel" */
	const char *variant[2][2];      /* [row][column] */
};

/* An exact count per operation, checked in every trial whatever the machine's noise. */
struct sm_expected {
	const char *variant; /* NULL: all */
	const char *event;   /* "minor-faults" */
	double per_op;
};

/* The `more` metric of this name stands beside the time wherever a case is shown: what its channel holds before a sender
 * waits. */
#define SM_IN_FLIGHT "messages in flight"

struct sm_metric {
	const char *name; /* "time per round trip" */
	const char *unit; /* of the scenario's own metric always "ns/op"; of the others any */
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
	bool kept;                     /* the region is as the last trial of this case left it (keeps_region) */
	struct sm_region *mapping;     /* for scenarios that populate by themselves (own_prefault) */
	void *state;                   /* this worker's copy of the parent's state */
	uint64_t seed;                 /* differs between workers */
	uint64_t op_count;             /* operations that the next run() has to do */
	uint64_t slice_ns;             /* cuts_short: run() ends by itself after this long; 0: it does op_count */
	_Atomic uint32_t *over;        /* ends_together: number of the slice that one has done; else NULL */
	uint32_t slice;                /* the number of this one */
	const _Atomic uint32_t *abort; /* non-zero: stop now (a peer died); see spin.h */
	struct sm_outcome *outcome;
	struct sm_histogram *histogram; /* for trace(), or for run() where the scenario says so */
	struct sm_series *series;       /* where the scenario says so: for one worker of a trial to fill */
	uint64_t time_ns;               /* self_timed: run() adds here; zero at the start of each slice */
	struct sm_error error;          /* set by sm_worker_fail() */
	bool failed;
};

struct sm_scenario {
	const char *name; /* = file stem */
	const char *family;
	const char *question;
	const char *summary;
	const char *why;                   /* what makes the difference, and how this run can tell, for the report */
	const struct sm_claim *claims;     /* ends with an empty entry; NULL: none */
	const struct sm_corners *corners;  /* NULL: none */
	const struct sm_variant *variants; /* ends with an empty entry */
	struct sm_param params[SM_PARAMS_MAX];
	/* The parameter that says how many workers, or those whose sum does, "producers+consumers"; NULL: `workers`. */
	const char *workers_param;
	unsigned workers; /* fixed number of workers, where workers_param is NULL */
	/* The parameter that says on which NUMA node (logical index) the workers sit, instead of a
	 * placement; NULL: none. */
	const char *node_param;
	/* The two parameters that say on which PUs (OS indices) workers 0 and 1 sit, instead of a
	 * placement; points at which they are equal are left out.  NULL: none. */
	const char *pair_params[2];
	/* Placements, ended by SM_PLACE_UNSET.  `quick` takes the first, `standard` the first and every
	 * one a claim names in `at`, `full` all. */
	enum sm_placement placements[SM_PLACEMENTS_MAX];
	struct sm_metric metric;
	struct sm_metric more[SM_MORE_MAX]; /* what measure() tells besides; ends with name NULL */
	/* Where messages are offered at a rate: the one of `more` that holds achieved over offered rate.  A trial under
	 * SM_ACHIEVED_MIN is `saturated` and its times are not used.  NULL: nothing is offered. */
	const char *achieved;
	double transfers_per_op; /* one-way transfers in one operation: a round trip has 2; 0: none */
	struct sm_memory memory; /* defaults of this scenario */
	struct sm_expected expected[SM_EXPECTED_MAX]; /* ends with event NULL */
	/* Events, separated by commas, that are counted besides the default ones in a run that has this
	 * scenario; NULL: none. */
	const char *events;
	size_t state_bytes;
	/* Cold subjects (first touch, attach): fixed operations, one slice, no warm-up. */
	bool cold;
	bool warm_physical; /* make the physical pages host-warm and cache-cold right before (see region.h) */
	/* Its file has to be on a file system that writes out to something, a disk or another machine. */
	bool writes_out;
	bool own_prefault; /* run() or warm_up() populates; the harness does not */
	/* The region may be kept for the next trial of the case, whose processes are new all the same: run() leaves in it
	 * what it finds, so warm_up() has nothing to fill where worker->kept is set.  For large regions that take longer
	 * to populate than to measure; not for a cold subject.  What it costs: docs/adr/0017. */
	bool keeps_region;
	/* A slice's time is the longest worker->time_ns instead of last end - first start: for latencies
	 * that overlap, and waits that are not the subject.  Counters count all of run() all the same. */
	bool self_timed;
	bool histogram; /* run() fills worker->histogram; it starts empty after the warm-up */
	/* Where workers share PUs, run() ends a slice by the clock (worker->slice_ns): by a count, one worker would do
	 * its part before the next one runs, and where a lock collapses a slice would never end.  The operations of
	 * a slice are then the mean over its workers. */
	bool cuts_short;
	/* Symmetric workers that want the same line or lock, on PUs of their own: a slice ends for all when the first has
	 * done op_count operations.  With a count for each, the slower would do its rest alone, and the slice's time would
	 * be partly that of a worker whom nobody disturbs.  run() asks sm_next_part() for its operations; those of a slice
	 * are then the mean over its workers, as above. */
	bool ends_together;
	bool series;     /* run() or trace() of one worker fills worker->series */
	unsigned slices; /* of a trial; 0: the profile's default */

	/* Size of the subject; NULL or 0: no region. */
	size_t (*region_bytes)(const struct sm_case *c);
	/* Memory that the workers take for themselves beside the region, all together; NULL: next to none. */
	size_t (*own_bytes)(const struct sm_case *c);
	/* Payload bytes that one operation moves, for rates; NULL: none. */
	uint64_t (*bytes_per_op)(const struct sm_case *c);
	/* Operations of a slice, instead of a calibrated count; every cold case has it. */
	uint64_t (*fixed_ops)(const struct sm_case *c);
	/* 0, or a negative errno with the reason and the remedy.  NULL: always supported.  What the
	 * harness can see itself (placement, memory, worker count) it has already checked. */
	int (*supported)(const struct sm_case *c, struct sm_error *why);
	/* In the parent, before the fork: puts the subject into the region, opens pipes into state. */
	int (*setup)(struct sm_trial *trial, struct sm_error *err);
	/* In each worker, untimed, after its mapping is populated.  0 or sm_worker_fail(). */
	int (*warm_up)(struct sm_worker *worker);
	/* In each worker, timed: exactly worker->op_count operations (which may be 0); returns how many
	 * it did.  Called once a slice; state that goes on from slice to slice lives in `state`. */
	uint64_t (*run)(struct sm_worker *worker);
	/* Optional: like run(), but stamps each operation into worker->histogram.  Called after the timed
	 * slices; never counted in the trial's value. */
	uint64_t (*trace)(struct sm_worker *worker);
	/* In the parent, after the workers ended: proves that the work was done.  0, or sm_fail(). */
	int (*verify)(const struct sm_trial *trial, struct sm_error *err);
	/* Optional, in the parent after verify() held: the value of each of `more`; NaN: not known. */
	void (*measure)(const struct sm_trial *trial, double value[SM_MORE_MAX]);
	/* In the parent: closes what setup opened.  Called once if setup was called, even if it failed. */
	void (*teardown)(struct sm_trial *trial);
};

/* Marks the worker as failed with a printf sentence; returns -code. */
int sm_worker_fail(struct sm_worker *worker, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Parts of a slice's operations between two looks at whether it is over: of a millisecond 4 us each, which is how
 * long a worker can go on after the first is done.  The look is a load that hits, 0.1 % of that. */
#define SM_PARTS 256u

/* Operations that run() has to do next, having done so many; 0: the slice is over, for this worker or for all
 * (ends_together).  For loops within which `done` grows by what was returned. */
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
/* The variant itself. */
static inline const struct sm_variant *sm_case_variant(const struct sm_case *c)
{
	return &c->scenario->variants[c->variant];
}

/* Sum over the workers of their operations, or of one tally: for verify(). */
uint64_t sm_trial_ops(const struct sm_trial *trial);
uint64_t sm_trial_tally(const struct sm_trial *trial, unsigned tally);

#endif
