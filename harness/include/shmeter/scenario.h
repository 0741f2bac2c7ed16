/* The contract of a scenario: the only header (with its subjects) that a scenario includes.
 *
 * A scenario is one `const struct sm_scenario`.  The harness makes the region, forks and pins the
 * workers, meets them at the gate before each slice, stamps, counts, checks and stores; the scenario
 * says what is done (run) and proves that it was done (verify).  sm_scenario_check() refuses mistakes at start-up. */
#ifndef SHMETER_SCENARIO_H
#define SHMETER_SCENARIO_H

#include "shmeter/cache.h"    /* SM_LINE_PAIR: what keeps two counters apart; cold lines */
#include "shmeter/claim.h"    /* SM_RATIO(...) and the other kinds of claims */
#include "shmeter/clock.h"    /* sm_clock_ns(), for what times itself */
#include "shmeter/refusal.h"  /* why a system call was refused, in words */
#include "shmeter/spin.h"     /* waits that end when a peer dies */
#include "shmeter/sweep.h"    /* SM_VALUES(64, 4096): what a parameter is swept over */
#include "shmeter/topology.h" /* PUs and placements */
#include "shmeter/worker.h"   /* what the functions get: sm_case, sm_trial, sm_worker */

#define SM_PLACEMENTS_MAX 8
#define SM_EXPECTED_MAX   4
/* Share of an offered rate below which a trial did not keep up (see `achieved`). */
#define SM_ACHIEVED_MIN 0.98

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

struct sm_metric {
	const char *name; /* "time per round trip" */
	const char *unit; /* of the scenario's own metric always "ns/op"; of the others any */
};
/* The `more` metric of this name stands beside the time wherever a case is shown: what its channel holds before a sender
 * waits. */
#define SM_IN_FLIGHT "messages in flight"

/* The state in which a slice finds the subject. */
enum sm_subject {
	SM_STEADY, /* warmed up, in a region of each trial's own */
	/* Steady, and the region may be kept for the next trial of the case, whose processes are new all the same: run()
	 * leaves in it what it finds, so warm_up() has nothing to fill where worker->kept is set.  For large regions that
	 * take longer to populate than to measure.  What it costs: docs/adr/0017. */
	SM_KEPT,
	SM_COLD, /* first touch, attach: fixed operations, one slice, no warm-up */
};

/* What ends a slice. */
enum sm_slice_end {
	SM_EACH_ALL, /* each worker does op_count operations */
	/* Symmetric workers that want the same line or lock: a slice ends for all when the first, on PUs of their own, has
	 * done op_count.  With a count for each, the slower would do its rest undisturbed.  run() asks sm_next_part() for
	 * its operations; those of a slice are then the mean over its workers. */
	SM_FIRST_DONE,
	/* And where workers share PUs, run() ends a slice by the clock (worker->slice_ns): by a count, one worker would do
	 * its part before the next one runs, and where a lock collapses a slice would never end. */
	SM_FIRST_DONE_OR_CLOCK,
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
	/* The parameter that says on which NUMA node (logical index) the workers sit, instead of a placement; NULL: none. */
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
	const char *events; /* counted besides the default ones, separated by commas; NULL: none */
	size_t state_bytes;
	unsigned slices; /* of a trial; 0: the profile's default */
	enum sm_subject subject;
	enum sm_slice_end ends;
	bool warm_physical; /* make the physical pages host-warm and cache-cold right before (see region.h) */
	bool writes_out;    /* its file has to be on a file system that writes out to a disk or another machine */
	bool own_prefault;  /* run() or warm_up() populates; the harness does not */
	/* A slice's time is the longest worker->time_ns instead of last end - first start: for latencies
	 * that overlap, and waits that are not the subject.  Counters count all of run() all the same. */
	bool self_timed;
	bool histogram; /* run() fills worker->histogram; it starts empty after the warm-up */
	bool series;    /* run() or trace() of one worker fills worker->series */

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

static inline const struct sm_variant *sm_case_variant(const struct sm_case *c)
{
	return &c->scenario->variants[c->variant];
}

#endif
