/* A run in memory: what was measured, loaded from its folder or taken while the run goes on, and what the analysis
 * found in it.  Everything that shows a run works from this; what was found is never loaded. */
#ifndef SHMETER_RESULTS_H
#define SHMETER_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/intern.h"
#include "shmeter/names.h"
#include "shmeter/stats.h"

/* How a trial ended, which is measured, or what the analysis made of one that ended well. */
enum sm_status {
	SM_STATUS_NONE,
	SM_OK,
	SM_SKIPPED,       /* this machine cannot run it: reason and remedy */
	SM_VERIFY_FAILED, /* the work was not done, or done wrongly */
	SM_WORKER_DIED,
	SM_TIMED_OUT,
	SM_DISTURBED, /* measured: a pin or memory was not had as asked; analysed: no pure slice, too */
	/* By the analysis alone. */
	SM_UNSETTLED, /* the slices of this case still went up or down */
	SM_SATURATED, /* an open loop did not get what it offered */
	SM_STATUS_COUNT
};
/* The reason of a trial in which time passed and nobody ran begins so. */
#define SM_STOOD_STILL     "it stood still: "
#define SM_STATUS_MEASURED SM_UNSETTLED /* those below can stand in samples.csv */
const char *sm_status_name(enum sm_status status);

/* Whether a slice counts, or why not. */
enum sm_purity {
	SM_PURE,
	SM_PIN_LOST,           /* a worker ended it on another PU */
	SM_INVOLUNTARY_SWITCH, /* a worker was off its PU for too much of it */
	SM_PROBES_DISAGREE,    /* a pair's two probes are too far apart */
	SM_CLASS_CHANGED,      /* its two probes are of two classes */
	SM_PROBE_MISSING,
	SM_PACE_UNEVEN,       /* a worker alone: a probe between the bands */
	SM_PROBE_INTERRUPTED, /* a probe is no round trip: somebody was not running */
	SM_NO_TIME,           /* the clock did not move */
	SM_STOOD,             /* so much longer than the others of its trial that nobody ran */
	SM_PURITY_COUNT
};
const char *sm_purity_name(enum sm_purity purity); /* "pure", "pin lost"... */

/* What a figure of a unit is; the unit itself is for people. */
enum sm_unit_kind {
	SM_UNIT_OTHER,
	SM_UNIT_NONE,  /* "1": a number of nothing */
	SM_UNIT_NS,    /* "ns", "ns/op" */
	SM_UNIT_BYTES, /* "B" */
	SM_UNIT_RATE,  /* "op/s" */
};
enum sm_unit_kind sm_unit_kind_of(const char *unit);

/* A case as its columns say it.  Its names are handles once it was taken (sm_results_take()) or made ready
 * (sm_results_prepare()), which also set what follows from them: of, of_group, unit_kind, per, control. */
struct sm_case_row {
	sm_name id;    /* "false_sharing/packed?op=store,processes=2@near+anon,4k,lazy,first-touch" */
	sm_name group; /* the same without the variant: what is compared with each other */
	sm_name scenario, variant;
	sm_name params;                         /* "op=store processes=2", in the scenario's order; "-" for none */
	enum sm_placement placement;            /* asked */
	enum sm_placement relation;             /* what the topology says of the seats; SM_PLACE_UNSET: never seated */
	sm_name backing, pages, prefault, numa; /* asked; "none" where the case has no region */
	uint64_t page_bytes;                    /* asked; 0: none, or the kernel's choice */
	sm_name file_system;                    /* of a file-backed region: "ext4"; "-" */
	sm_name unit;                           /* "ns/op" */
	sm_name metric;                         /* "time per round trip" */
	sm_name of, of_group; /* id and group of the measured case that a derived one is of; else its own */
	enum sm_unit_kind unit_kind;
	const char *per;                       /* what one operation of a time is, for people: "per round trip" */
	double transfers_per_op, bytes_per_op; /* 0: none */
	unsigned workers;
	/* Not a case of the plan but one of its further metrics (metrics.csv): id and group end in
	 * "#metric", values are of whole trials; the class of a time or a rate is its trial's, that of a
	 * count or a size is "any". */
	bool derived;
	bool control; /* of the A/A control: the same work under two names */
};

/* What the name of a class says. */
struct sm_class_words {
	double probe; /* ns of a round trip, or cycles of a pace; NaN: nothing was probed */
	bool pace;    /* of a worker alone, in cycles */
	bool alone;   /* nobody else had the core */
	bool turns;   /* the workers took turns on one PU */
};
struct sm_class_words sm_class_words(sm_name klass);

/* What the analysis makes of a trial. */
struct sm_value {
	sm_name klass; /* class that holds most pure slices: "92ns", "solo", "shared-pu"; "-" */
	unsigned slices_pure;
	enum sm_status status;
	double value;       /* median ns/op over the pure slices of `klass`; NaN: none */
	const char *reason; /* "-" for ok */
};

/* A trial as it was measured, and what was found in it. */
struct sm_sample {
	unsigned trial;               /* the key: number in the plan, from 0; skipped cases have one row too */
	unsigned case_index;          /* into sm_results.cases */
	unsigned block, order;        /* block within the group, position within the block */
	const char *pus;              /* OS indices by worker: "0 1", abbreviated as ranges above 8; "-" unseated */
	const char *nodes;            /* OS numbers of their NUMA nodes, likewise */
	const char *pages_got;        /* "4k", "2m", "mixed", "none" */
	uint64_t page_bytes_got;      /* 0: none, or mixed */
	unsigned slices, warm_slices; /* counted; before them, until they were flat */
	uint64_t warm_ns;
	uint64_t ops;                                       /* of all slices, per worker */
	uint64_t elapsed_ns;                                /* sum over the slices (makespans) */
	uint64_t cpu_ns;                                    /* of all workers inside slices */
	unsigned minflt, majflt, nvcsw, nivcsw, migrations; /* getrusage, all workers, inside slices */
	uint64_t steal_ns;                                  /* of the whole machine during the trial */
	double throttled_ns;   /* by the container's CPU limit during the trial; NaN: not known */
	uint64_t started_ns;   /* after the run's start */
	uint64_t wall_ns;      /* the trial from set-up to tear-down */
	const char *reason;    /* of `ended`; "-" for ok */
	enum sm_status ended;  /* as measured: under SM_STATUS_MEASURED */
	bool shared_pus;       /* workers shared PUs, so that they took turns */
	bool region_kept;      /* it worked on the region of the case's trial before (docs/adr/0017) */
	bool flat;             /* the warm-up ended because its slices were flat; of a cold case no */
	bool derived;          /* as its case */
	bool stood;            /* its reason begins with SM_STOOD_STILL */
	bool behind;           /* by the analysis: an open loop did not get what it offered */
	struct sm_value found; /* likewise */
};

/* CPU time of all workers inside the slices by operation of each, ns; NaN: it did none. */
double sm_sample_cpu_ns_per_op(const struct sm_sample *sample);

/* One further metric of one trial. */
struct sm_metric_row {
	unsigned trial;
	sm_name metric, unit;
	double value; /* NaN: not known */
};

/* One bucket of the distribution of a trial's single operations (shmeter/histogram.h). */
struct sm_bucket_row {
	unsigned trial;
	uint64_t ns;    /* its upper edge, or the longest operation where that is below */
	uint64_t count; /* operations in it; 1 at least */
	uint64_t total; /* operations in all buckets of the trial */
};

/* Pairs of workers that are probed (method.md): (0, 1), (0, 2)... */
#define SM_PROBE_PAIRS_MAX 8
/* The probes of all pairs at one gate, ns of one round trip; of a worker alone its pace, in cycles. */
struct sm_probes {
	unsigned count; /* 0: not probed */
	double ns[SM_PROBE_PAIRS_MAX];
};

/* What the analysis needs of a slice; there may be millions. */
struct sm_slice_row {
	unsigned trial, slice;
	uint64_t ops, ns; /* per worker; makespan: last end - first start, or what the scenario timed */
	double probe_before_ns, probe_after_ns; /* of the slowest pair; NaN: not probed */
	float probe_step;   /* the largest factor between the two probes of one pair; NaN: not probed */
	float away_share;   /* of the slice that the worker missed that was longest kept off its PU */
	unsigned nivcsw;    /* involuntary context switches of all workers */
	bool pin_lost;      /* a worker ended the slice on another PU than its own */
	uint8_t cpu_tenths; /* CPU time of all workers over ns, in tenths, at least 1; 0: not known; 255: that or more */
	/* By the analysis. */
	uint8_t purity; /* enum sm_purity */
	sm_name klass;  /* "92ns"; "solo", "shared-pu"; "-" */
};
/* A slice as slices.csv has it, with all its probes. */
struct sm_slice_facts {
	struct sm_slice_row row;
	uint64_t cpu_ns;  /* of all workers */
	uint64_t skew_ns; /* last start - first start */
	unsigned nvcsw;   /* voluntary context switches of all workers */
	struct sm_probes before, after;
};
/* Sets what `row` keeps of the probes and of the CPU time. */
void sm_slice_take_probes(struct sm_slice_facts *slice);

struct sm_counter_row {
	unsigned trial;
	sm_name event; /* name asked */
	sm_name key;   /* by sm_results_prepare(): that of the event, whichever way it was asked for (sm_event_key()) */
	const char *fstr; /* libpfm4's full string */
	uint64_t raw;     /* all workers */
	uint64_t enabled_ns, running_ns;
	enum sm_count_scope scope;
	enum sm_count_state state;
	/* By the analysis. */
	double value;  /* raw, extrapolated where multiplexed; NaN where there is none */
	double per_op; /* value / (ops x workers); NaN */
};

/* Analysis: one row a case (in its leading class). */
struct sm_summary_row {
	unsigned case_index;
	sm_name klass;
	struct sm_interval value; /* ns/op */
	double mad;
	double cpu_ns_per_op;
	double switches_per_op; /* context switches of all workers, voluntary and not; NaN unknown */
	unsigned ok, skipped, failed, disturbed, unsettled,
		saturated; /* trials by status (failed: verify, died, timed out) */
	const char *reason;
};

/* Analysis: one comparison in one class. */
struct sm_pair_row {
	sm_name group, scenario, params, placement, relation, metric;
	sm_name left, right; /* variants */
	sm_name klass;
	bool leading;             /* this class speaks for the comparison */
	bool control;             /* of the A/A control */
	bool set_aside;           /* a side is unsettled or saturated: no block counts, and more would not either */
	struct sm_interval ratio; /* left / right */
	struct sm_interval added; /* left - right, in the metric's unit */
	double mde;
	unsigned blocks_used, blocks_dropped;
	double left_dropped, right_dropped;  /* shares of the slices of each side that are not pure; NaN */
	sm_name claim;                       /* id, or "-" */
	double threshold_min, threshold_max; /* 0 open */
	enum sm_verdict verdict;
	const char *reason;
};

/* Analysis: where one variant overtakes the baseline over a swept size. */
struct sm_crossing_row {
	sm_name scenario, metric, placement;
	sm_name param;        /* what is swept */
	sm_name left, right;  /* variant and baseline */
	double at, low, high; /* in the parameter's unit; NaN: no measured size decides */
	bool overtakes;       /* left is the faster one above it; else below it */
	const char *reason;   /* why an end is open; "-" */
};

struct sm_claim_row {
	sm_name claim, scenario;
	const char *sentence, *source;
	sm_name question; /* headline question, or "-" */
	enum sm_verdict verdict;
	const char *evidence; /* in words, with ratio and interval */
	const char *reason;
	bool expected;   /* of the exact counts that a scenario expects of itself, not of a belief */
	bool unmeasured; /* not testable because the run was asked for less: it has no such case */
};

/* Growable arrays; `x_count` used of `x_room`. */
struct sm_results {
	char *folder;      /* where they were loaded from */
	char *out;         /* where what follows from them is written; NULL: nowhere */
	json_t *manifest;  /* as measured */
	json_t *analysis;  /* what the analysis found of the run as a whole; NULL before it */
	unsigned left_out; /* lines that a run in progress, or one that was interrupted, did not end */
	bool live;         /* another process was writing them when they were loaded */
	struct sm_case_row *cases;
	struct sm_sample *samples;
	struct sm_slice_row *slices;
	struct sm_counter_row *counters;
	struct sm_metric_row *metrics;
	struct sm_bucket_row *buckets;
	struct sm_summary_row *summaries;
	struct sm_pair_row *pairs;
	struct sm_crossing_row *crossings;
	struct sm_claim_row *claims;
	size_t case_count, sample_count, slice_count, counter_count, metric_count, bucket_count, summary_count,
		pair_count, crossing_count, claim_count;
	size_t case_room, sample_room, slice_room, counter_room, metric_room, bucket_room, summary_room, pair_room,
		crossing_room, claim_room;
	struct sm_strings *strings; /* of sm_results_string() */
};

void sm_results_init(struct sm_results *results);
void sm_results_free(struct sm_results *results);
/* A copy of a string (printf) that lives as long as the results; equal strings are one pointer.
 * Aborts without memory, like every growth here: a run is small. */
const char *sm_results_string(struct sm_results *results, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same of a text as it is. */
const char *sm_results_copy(struct sm_results *results, const char *text);
/* Append a zeroed row and return it; the pointer is valid until the next call. */
struct sm_case_row *sm_results_add_case(struct sm_results *results);
struct sm_sample *sm_results_add_sample(struct sm_results *results);
struct sm_slice_row *sm_results_add_slice(struct sm_results *results);
struct sm_counter_row *sm_results_add_counter(struct sm_results *results);
struct sm_metric_row *sm_results_add_metric(struct sm_results *results);
struct sm_bucket_row *sm_results_add_bucket(struct sm_results *results);
struct sm_summary_row *sm_results_add_summary(struct sm_results *results);
struct sm_pair_row *sm_results_add_pair(struct sm_results *results);
struct sm_crossing_row *sm_results_add_crossing(struct sm_results *results);
struct sm_claim_row *sm_results_add_claim(struct sm_results *results);
/* Takes a measured trial: finds or adds its case.  The trial's strings are those of sm_results_copy(). */
struct sm_sample *sm_results_take(struct sm_results *results, const struct sm_case_row *c,
				  const struct sm_sample *sample);
/* Makes handles of the names in all rows, whoever added them, and sets what follows from them. */
void sm_results_name(struct sm_results *results);
/* Makes ready for the analysis, again where there was one before: cases in the order of the plan, the derived cases and
 * samples of the metrics, counters with their values, nothing found yet.  -EBADMSG for a sample without a case. */
SM_MUST_USE int sm_results_prepare(struct sm_results *results, struct sm_error *err);
/* The measured samples by the numbers of their trials, ascending; `*count` of them.  The caller frees them. */
struct sm_trial_place {
	unsigned trial;
	unsigned sample; /* index into sm_results.samples */
};
struct sm_trial_place *sm_results_trials(const struct sm_results *results, size_t *count);
/* Index of the sample of a trial, or -1. */
long sm_results_sample_of(const struct sm_trial_place *trials, size_t count, unsigned trial);
/* Index of the case with this id, or -1. */
long sm_results_find_case(const struct sm_results *results, const char *id);

#endif
