/* A run in memory: the rows of its files.  Everything that analyses or shows a run works from this,
 * loaded from the folder, whether the run was made just now or elsewhere. */
#ifndef SHMETER_RESULTS_H
#define SHMETER_RESULTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/stats.h"

enum sm_status {
	SM_STATUS_NONE,
	SM_OK,
	SM_SKIPPED,       /* this machine cannot run it: reason and remedy */
	SM_VERIFY_FAILED, /* the work was not done, or done wrongly */
	SM_WORKER_DIED,
	SM_TIMED_OUT,
	SM_DISTURBED, /* no pure slice, a pin not honoured */
	SM_STATUS_COUNT
};
const char *sm_status_name(enum sm_status status);
enum sm_status sm_status_parse(const char *name);

/* A case as its columns say it.  Strings live as long as the results. */
struct sm_case_row {
	const char
		*id; /* "false_sharing/packed?op=store,processes=2@near+anon,4k,lazy,first-touch" */
	const char *group; /* the same without the variant: what is compared with each other */
	const char *scenario, *variant;
	const char *params;    /* "op=store processes=2", in the scenario's order; "-" for none */
	const char *placement; /* asked */
	const char *
		relation; /* "pair class reported": the relation the topology gives; "-" unseated */
	const char *backing, *pages, *prefault,
		*numa;                         /* asked; "none" where the case has no region */
	const char *unit;                      /* "ns/op" */
	const char *metric;                    /* "time per round trip" */
	double transfers_per_op, bytes_per_op; /* 0: none */
	unsigned workers;
	/* Not a case of the plan but one of its further metrics (metrics.csv): id and group end in
	 * "#metric", values are of whole trials, and `klass` of its samples is "any". */
	bool derived;
};

struct sm_sample {
	unsigned trial; /* the key: number in the plan, from 0; skipped cases have one row too */
	unsigned case_index;   /* into sm_results.cases */
	unsigned block, order; /* block within the group, position within the block */
	const char
		*pus; /* OS indices by worker: "0 1", abbreviated as ranges above 8; "-" unseated */
	const char *pages_got; /* "4k", "2m", "mixed", "none" */
	const char *klass; /* class that holds most pure slices: "92ns", "solo", "shared-pu"; "-" */
	unsigned slices, slices_pure;
	uint64_t ops;         /* of all slices, per worker */
	uint64_t elapsed_ns;  /* sum over the slices (makespans) */
	double value;         /* median ns/op over the pure slices of `klass`; NaN: none */
	double cpu_ns_per_op; /* CPU time of all workers inside slices / ops; NaN unknown */
	unsigned minflt, majflt, nvcsw, nivcsw,
		migrations; /* getrusage, all workers, inside slices */
	uint64_t steal_ns;  /* of the whole machine during the trial */
	uint64_t wall_ns;   /* the trial from set-up to tear-down */
	const char *reason; /* "-" for ok */
	enum sm_status status;
	bool derived; /* as its case */
};

/* One further metric of one trial. */
struct sm_metric_row {
	unsigned trial;
	const char *metric, *unit;
	double value; /* NaN: not known */
};

struct sm_slice_row {
	unsigned trial, slice;
	uint64_t ops, ns;                       /* per worker; makespan: last end - first start */
	uint64_t skew_ns;                       /* last start - first start */
	double probe_before_ns, probe_after_ns; /* one round trip, slowest pair; NaN: not probed */
	const char *klass; /* "92ns"; "solo", "shared-pu"; "-" before the analysis */
	bool pure;
	const char *
		reason; /* why disturbed: "probes disagree", "involuntary switch", "pin lost"; "-" */
};

struct sm_counter_row {
	unsigned trial;
	const char *event; /* name asked */
	const char *fstr;  /* libpfm4's full string */
	uint64_t raw;
	double value;  /* scaled; NaN where there is none (printed as an empty field) */
	double per_op; /* value / (ops x workers); NaN */
	uint64_t enabled_ns, running_ns;
	const char *scope; /* "user", "user+kernel" */
	const char *state; /* sm_count_state_name() */
};

/* Analysis: one row a case (in its leading class). */
struct sm_summary_row {
	unsigned case_index;
	const char *klass;
	struct sm_interval value; /* ns/op */
	double mad;
	double cpu_ns_per_op;
	double switches_per_op; /* context switches of all workers, voluntary and not; NaN unknown */
	double q50_ns, q99_ns, q999_ns; /* of the histogram, where allowed; NaN */
	unsigned ok, skipped, failed,
		disturbed; /* trials by status (failed: verify, died, timed out) */
	const char *reason;
};

/* Analysis: one comparison in one class. */
struct sm_pair_row {
	const char *group, *scenario, *params, *placement, *relation, *metric;
	const char *left, *right; /* variants */
	const char *klass;
	bool leading;             /* this class speaks for the comparison */
	struct sm_interval ratio; /* left / right */
	struct sm_interval added; /* left - right, in the metric's unit */
	double mde;
	unsigned blocks_used, blocks_dropped;
	const char *claim;                   /* id, or "-" */
	double threshold_min, threshold_max; /* 0 open */
	enum sm_verdict verdict;
	const char *reason;
};

/* Analysis: where one variant overtakes the baseline over a swept size. */
struct sm_crossing_row {
	const char *scenario, *metric, *placement;
	const char *param;        /* what is swept */
	const char *left, *right; /* variant and baseline */
	double at, low, high;     /* in the parameter's unit; NaN: no measured size decides */
	bool overtakes;           /* left is the faster one above it; else below it */
	const char *reason;       /* why an end is open; "-" */
};

struct sm_claim_row {
	const char *claim, *scenario, *sentence, *source;
	const char *question; /* headline question, or "-" */
	enum sm_verdict verdict;
	const char *evidence; /* in words, with ratio and interval */
	const char *reason;
};

struct sm_histogram_row {
	unsigned case_index;
	const char *file; /* below the folder: "histograms/....hgrm" */
};

/* Growable arrays; `x_count` used of `x_room`. */
struct sm_results {
	char *folder;
	json_t *manifest;
	struct sm_case_row *cases;
	struct sm_sample *samples;
	struct sm_slice_row *slices;
	struct sm_counter_row *counters;
	struct sm_metric_row *metrics;
	struct sm_summary_row *summaries;
	struct sm_pair_row *pairs;
	struct sm_crossing_row *crossings;
	struct sm_claim_row *claims;
	size_t case_count, sample_count, slice_count, counter_count, metric_count, summary_count,
		pair_count, crossing_count, claim_count;
	size_t case_room, sample_room, slice_room, counter_room, metric_room, summary_room,
		pair_room, crossing_room, claim_room;
	void *strings; /* arena of sm_results_string() */
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
struct sm_summary_row *sm_results_add_summary(struct sm_results *results);
struct sm_pair_row *sm_results_add_pair(struct sm_results *results);
struct sm_crossing_row *sm_results_add_crossing(struct sm_results *results);
struct sm_claim_row *sm_results_add_claim(struct sm_results *results);
/* Adds the derived cases and samples of the metrics; once, after everything measured is there. */
void sm_results_derive(struct sm_results *results);
/* Index of the case with this id, or -1. */
long sm_results_find_case(const struct sm_results *results, const char *id);

#endif
