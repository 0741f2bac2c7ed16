/* A run in memory: the measured data, loaded from its folder or collected during the run, and the results of the
 * analysis.  All reports work from this.  The results of the analysis are always computed, never loaded. */
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

/* How a trial ended (measured), or why the analysis rejects one that ended well. */
enum sm_status {
	SM_STATUS_NONE,
	SM_OK,
	SM_SKIPPED,       /* this machine cannot run it; has reason and remedy */
	SM_VERIFY_FAILED, /* the work was not done, or done wrongly */
	SM_WORKER_DIED,
	SM_TIMED_OUT,
	SM_DISTURBED, /* measured: pinning or memory was not as asked; analysed: also no pure slice */
	/* Set only by the analysis. */
	SM_UNSETTLED, /* the slices of this case still drifted */
	SM_SATURATED, /* an open loop did not reach the offered rate */
	SM_STATUS_COUNT
};
/* Start of the reason of a trial during which no process ran for a while. */
#define SM_STOOD_STILL     "it stood still: "
#define SM_STATUS_MEASURED SM_UNSETTLED /* smaller values can occur in samples.csv */
const char *sm_status_name(enum sm_status status);

/* Whether a slice counts (pure), or why not. */
enum sm_purity {
	SM_PURE,
	SM_PIN_LOST,           /* a worker ended the slice on another PU */
	SM_INVOLUNTARY_SWITCH, /* a worker was off its PU for too long */
	SM_PROBES_DISAGREE,    /* a pair's two probes are too far apart */
	SM_CLASS_CHANGED,      /* its two probes belong to different classes */
	SM_PROBE_MISSING,
	SM_PACE_UNEVEN,       /* a worker alone: a probe lies between the bands */
	SM_PROBE_INTERRUPTED, /* a probe is too long for a round trip: a worker was not running */
	SM_NO_TIME,           /* the clock did not move */
	SM_STOOD,             /* so much longer than the trial's other slices that no process can have run */
	SM_PURITY_COUNT
};
const char *sm_purity_name(enum sm_purity purity); /* "pure", "pin lost"... */

/* The kind of quantity that a unit measures; the text of a unit is only for printing. */
enum sm_unit_kind {
	SM_UNIT_OTHER,
	SM_UNIT_NONE,  /* "1": a number without unit */
	SM_UNIT_NS,    /* "ns", "ns/op" */
	SM_UNIT_BYTES, /* "B" */
	SM_UNIT_RATE,  /* "op/s" */
};
enum sm_unit_kind sm_unit_kind_of(const char *unit);

/* A case, as in the columns of samples.csv. sm_results_take() and sm_results_prepare() make handles of its names and
 * set the fields that follow from them: of, of_group, unit_kind, per, control. */
struct sm_case_row {
	sm_name id;    /* "false_sharing/packed?op=store,processes=2@near+anon,4k,lazy,first-touch" */
	sm_name group; /* the id without the variant: the cases that are compared with each other */
	sm_name scenario, variant;
	sm_name params;                         /* "op=store processes=2", in the scenario's order; "-" for none */
	enum sm_placement placement;            /* asked */
	enum sm_placement relation;             /* of the workers' PUs, by the topology; SM_PLACE_UNSET: never seated */
	sm_name backing, pages, prefault, numa; /* asked; "none" where the case has no region */
	uint64_t page_bytes;                    /* asked; 0: no region, or the kernel's choice */
	sm_name file_system;                    /* of a file-backed region: "ext4"; else "-" */
	sm_name unit;                           /* "ns/op" */
	sm_name metric;                         /* "time per round trip" */
	sm_name of, of_group; /* for a derived case, id and group of its measured case; else its own */
	enum sm_unit_kind unit_kind;
	const char *per;                       /* what a time is per, in words: "per round trip" */
	double transfers_per_op, bytes_per_op; /* 0: none */
	unsigned workers;
	/* Not a case of the plan but a further metric of one (metrics.csv).  Id and group end in "#metric", and a value
	 * covers a whole trial.  The class of a time or a rate is its trial's, that of a count or a size is "any". */
	bool derived;
	bool control; /* part of the A/A control: the same work under two names */
};

/* The name of a pair class, parsed. */
struct sm_class_words {
	double probe; /* ns of a round trip, or cycles of a pace; NaN: not probed */
	bool pace;    /* a worker alone: `probe` is in cycles */
	bool alone;   /* no other process used the core */
	bool turns;   /* the workers took turns on one PU */
};
struct sm_class_words sm_class_words(sm_name klass);

/* The result of the analysis for a trial. */
struct sm_value {
	sm_name klass; /* class with the most pure slices: "92ns", "solo", "shared-pu"; "-": none */
	unsigned slices_pure;
	enum sm_status status;
	double value;       /* median ns/op over the pure slices of `klass`; NaN: none */
	const char *reason; /* "-" for ok */
};

/* A trial as measured, and the result of its analysis. */
struct sm_sample {
	unsigned trial;               /* the key: number in the plan, from 0; a skipped case has one row too */
	unsigned case_index;          /* into sm_results.cases */
	unsigned block, order;        /* block within the group, position within the block */
	const char *pus;              /* OS indices by worker: "0 1", as ranges for more than 8; "-": not seated */
	const char *nodes;            /* OS numbers of the PUs' NUMA nodes, likewise */
	const char *pages_got;        /* "4k", "2m", "mixed", "none" */
	uint64_t page_bytes_got;      /* 0: none, or mixed */
	unsigned slices, warm_slices; /* slices that count; slices of the warm-up before them */
	uint64_t warm_ns;
	uint64_t ops;                                       /* of all slices, per worker */
	uint64_t elapsed_ns;                                /* sum over the slices (makespans) */
	uint64_t cpu_ns;                                    /* of all workers inside slices */
	unsigned minflt, majflt, nvcsw, nivcsw, migrations; /* getrusage, all workers, inside slices */
	uint64_t steal_ns;                                  /* steal of the whole machine during the trial */
	double throttled_ns;   /* throttled by the CPU limit during the trial; NaN: not known */
	uint64_t started_ns;   /* since the run's start */
	uint64_t wall_ns;      /* the trial from set-up to tear-down */
	const char *reason;    /* of `ended`; "-" for ok */
	enum sm_status ended;  /* as measured: below SM_STATUS_MEASURED */
	bool shared_pus;       /* workers shared PUs, so they took turns */
	bool region_kept;      /* it used the region of the case's previous trial (docs/adr/0017) */
	bool flat;             /* the warm-up reached a steady state; false for a cold case */
	bool derived;          /* its case is derived */
	bool stood;            /* its reason begins with SM_STOOD_STILL */
	bool behind;           /* set by the analysis: an open loop did not reach the offered rate */
	struct sm_value found; /* set by the analysis */
};

/* CPU time of all workers inside the slices, divided by the operations of one worker, in ns.  NaN: no operations. */
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
	uint64_t ns;    /* upper edge, or the longest operation if that is shorter */
	uint64_t count; /* operations in it, at least 1 */
	uint64_t total; /* operations in all buckets of the trial */
};

/* One visit of a pair of PUs in the tour of a trial (docs/adr/0023). */
struct sm_visit_row {
	unsigned trial;
	unsigned visit, visits; /* number within the trial, from 0; how many the trial has */
	unsigned from, to;      /* PUs (OS indices) */
	unsigned company;       /* pairs that played at the same time, with this one */
	double ns, low, high;   /* one operation: median of the samples, the shortest, the longest */
};

/* Most pairs of workers that are probed (method.md): (0, 1), (0, 2)... */
#define SM_PROBE_PAIRS_MAX 8
/* The probes at one gate: ns of one round trip for each pair, or the pace in cycles for a worker alone. */
struct sm_probes {
	unsigned count; /* 0: not probed */
	double ns[SM_PROBE_PAIRS_MAX];
};

/* What the analysis needs of a slice; there may be millions. */
struct sm_slice_row {
	unsigned trial, slice;
	uint64_t ops, ns; /* per worker; makespan: last end - first start, or what the scenario timed */
	double probe_before_ns, probe_after_ns; /* of the slowest pair; NaN: not probed */
	float probe_step;                       /* largest factor between the two probes of a pair; NaN: not probed */
	float away_share;                       /* largest share of the slice that a worker was kept off its PU */
	unsigned nivcsw;                        /* involuntary context switches of all workers */
	bool pin_lost;                          /* a worker ended the slice on another PU */
	uint8_t cpu_tenths; /* 10 times the CPU time of all workers over ns, from 1; 255: that or more; 0: not known */
	/* Set by the analysis. */
	uint8_t purity; /* enum sm_purity */
	sm_name klass;  /* "92ns"; "solo", "shared-pu"; "-" */
};
/* A row of slices.csv, with all its probes. */
struct sm_slice_facts {
	struct sm_slice_row row;
	uint64_t cpu_ns;  /* of all workers */
	uint64_t skew_ns; /* last start - first start */
	unsigned nvcsw;   /* voluntary context switches of all workers */
	struct sm_probes before, after;
};
/* Sets the fields of `row` that follow from the probes and the CPU time. */
void sm_slice_take_probes(struct sm_slice_facts *slice);

struct sm_counter_row {
	unsigned trial;
	sm_name event;    /* name as asked for */
	sm_name key;      /* set by sm_results_prepare(): the same for all spellings of an event (sm_event_key()) */
	const char *fstr; /* libpfm4's full string */
	uint64_t raw;     /* all workers */
	uint64_t enabled_ns, running_ns;
	enum sm_count_scope scope;
	enum sm_count_state state;
	/* Set by the analysis. */
	double value;  /* raw, extrapolated where multiplexed; NaN where there is none */
	double per_op; /* value / (ops x workers); NaN: none */
};

/* Analysis: one row per case, in its leading class. */
struct sm_summary_row {
	unsigned case_index;
	sm_name klass;
	struct sm_interval value; /* ns/op */
	double mad;
	double cpu_ns_per_op;
	double switches_per_op; /* voluntary and involuntary context switches of all workers; NaN: not known */
	unsigned ok, skipped, failed, disturbed, unsettled,
		saturated; /* trials by status; failed: verify failed, worker died or timed out */
	const char *reason;
};

/* Analysis: one comparison of two variants in one pair class. */
struct sm_pair_row {
	sm_name group, scenario, params, placement, relation, metric;
	sm_name left, right;          /* variants */
	size_t left_case, right_case; /* their cases */
	sm_name klass;
	bool leading; /* the comparison is judged by this class */
	bool control; /* of the A/A control */
	/* a side is unsettled or saturated, or only one has workers that share PUs: no block counts, and more blocks would
	 * not help */
	bool set_aside;
	bool distrusted;          /* its reason stands whatever the interval says */
	struct sm_interval ratio; /* left / right */
	struct sm_interval added; /* left - right, in the metric's unit */
	double mde;
	unsigned blocks_used, blocks_dropped;
	double left_dropped, right_dropped;  /* share of each side's slices that are not pure; NaN: not known */
	unsigned left_lost, right_lost;      /* blocks that one side alone lost: its trial has no value in any class */
	sm_name claim;                       /* id, or "-" */
	double threshold_min, threshold_max; /* 0: open */
	enum sm_verdict verdict;
	const char *reason;
};

/* Analysis: the size at which a variant overtakes the baseline.  There is a row only where a smaller and a larger size
 * tell the two apart. */
struct sm_crossing_row {
	sm_name scenario, metric, placement;
	sm_name param;        /* the parameter that is swept */
	sm_name left, right;  /* variant and baseline */
	double at, low, high; /* in the parameter's unit */
	bool overtakes;       /* left is faster above it; else below it */
};

struct sm_claim_row {
	sm_name claim, scenario;
	const char *sentence, *source;
	sm_name question; /* headline question, or "-" */
	enum sm_verdict verdict;
	const char *evidence; /* in words, with ratio and confidence interval */
	const char *reason;
	bool expected;   /* an exact count from the scenario's `expected`, not a claim */
	bool unmeasured; /* not testable because the run did not include such a case */
};

/* Growable arrays; `x_count` used of `x_room`. */
struct sm_results {
	char *folder;      /* from which the run was loaded */
	char *out;         /* to which the results of the analysis are written; NULL: nowhere */
	json_t *manifest;  /* as measured */
	json_t *analysis;  /* results for the whole run; NULL before the analysis */
	unsigned left_out; /* lines ignored because a run in progress or interrupted did not finish them */
	bool live;         /* another process was writing the run when it was loaded */
	struct sm_case_row *cases;
	struct sm_sample *samples;
	struct sm_slice_row *slices;
	struct sm_counter_row *counters;
	struct sm_metric_row *metrics;
	struct sm_bucket_row *buckets;
	struct sm_visit_row *visits;
	struct sm_summary_row *summaries;
	struct sm_pair_row *pairs;
	struct sm_crossing_row *crossings;
	struct sm_claim_row *claims;
	size_t case_count, sample_count, slice_count, counter_count, metric_count, bucket_count, visit_count,
		summary_count, pair_count, crossing_count, claim_count;
	size_t case_room, sample_room, slice_room, counter_room, metric_room, bucket_room, visit_room, summary_room,
		pair_room, crossing_room, claim_room;
	struct sm_strings *strings; /* the strings of sm_results_string() */
};

void sm_results_init(struct sm_results *results);
void sm_results_free(struct sm_results *results);
/* A copy of a string (printf) that lives as long as the results; equal strings share one pointer.  Like all functions
 * here that allocate, it ends the program where memory is refused. */
const char *sm_results_string(struct sm_results *results, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same for a text without format. */
const char *sm_results_copy(struct sm_results *results, const char *text);
/* Append a zeroed row and return it; the pointer is valid until the next call. */
struct sm_case_row *sm_results_add_case(struct sm_results *results);
struct sm_sample *sm_results_add_sample(struct sm_results *results);
struct sm_slice_row *sm_results_add_slice(struct sm_results *results);
struct sm_counter_row *sm_results_add_counter(struct sm_results *results);
struct sm_metric_row *sm_results_add_metric(struct sm_results *results);
struct sm_bucket_row *sm_results_add_bucket(struct sm_results *results);
struct sm_visit_row *sm_results_add_visit(struct sm_results *results);
struct sm_summary_row *sm_results_add_summary(struct sm_results *results);
struct sm_pair_row *sm_results_add_pair(struct sm_results *results);
struct sm_crossing_row *sm_results_add_crossing(struct sm_results *results);
struct sm_claim_row *sm_results_add_claim(struct sm_results *results);
/* Adds a measured trial and finds or adds its case.  The trial's strings must come from sm_results_copy(). */
struct sm_sample *sm_results_take(struct sm_results *results, const struct sm_case_row *c,
				  const struct sm_sample *sample);
/* Makes handles of the names in all rows and sets the fields that follow from them. */
void sm_results_name(struct sm_results *results);
/* Prepares the results for an analysis: sorts the cases into the order of the plan, adds derived cases and samples for
 * the metrics, computes the values of counters, and discards an earlier analysis.  -EBADMSG for a sample without a
 * case. */
SM_MUST_USE int sm_results_prepare(struct sm_results *results, struct sm_error *err);
/* sm_results_trials() returns the measured samples sorted by trial number, `*count` of them.  The caller frees the
 * array. */
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
