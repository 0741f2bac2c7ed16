/* What the parts of the analysis share.  Each part is one step of sm_analyse(), in this order:
 * slices (classes, purity, values), summaries, pairs, crossings, claims, manifest. */
#ifndef SM_ANALYSIS_PARTS_H
#define SM_ANALYSIS_PARTS_H

#include "shmeter/analysis.h"
#include "shmeter/trend.h"

/* The power with which the smallest detectable difference is meant: 1 - SM_BETA. */
#define SM_BETA 0.2
/* Run-level limits of method.md. */
#define SM_DROPPED_MAX   0.25 /* of the blocks of a pair: no class with both variants pure */
#define SM_DROPPED_APART 0.10 /* of the slices, between the sides of a pair: told with its ratio */
#define SM_CONTROL_ALPHA 0.01 /* runs whose control moves by chance (docs/adr/0015) */
#define SM_STEAL_MAX     5.0  /* per cent of all PU time */
#define SM_TIES_MAX      0.20 /* of the blocks used: the clock is too coarse */

/* Classes of the pairs that the topology relates in one way, or of workers that were alone. */
struct sm_relation {
	bool alone; /* its probes are the worker's own pace, not round trips */
	struct sm_classes classes;
	sm_name klass[SM_CLASSES_MAX]; /* names: "92ns", "252cyc-solo" */
};

/* One sample in one class. */
struct sm_cell {
	sm_name klass;
	unsigned pure; /* slices */
	double value;  /* their median, ns per operation */
};

struct sm_sample_view {
	uint32_t first, count; /* its slices, in slice_order */
	uint32_t cell;         /* its first, in sm_analysis.cell */
	uint8_t cells;         /* one a class */
	bool ended_ok;         /* the trial ended well, whatever became of its timing */
};

/* Samples of one case, in sample_order, by block. */
struct sm_case_view {
	size_t first, count;
	size_t group;
	struct sm_trend trend; /* of its trials' slices */
	double dropped;        /* share of their slices that are not pure; NaN: none */
};

/* A class of a group, by pure slices of all its variants. */
struct sm_group_class {
	sm_name klass;
	uint64_t pure;
};

#define SM_GROUP_CLASSES_MAX 8

struct sm_group_view {
	sm_name name;
	const struct sm_scenario *scenario; /* NULL: not one of those known */
	sm_name scenario_name;
	size_t first_case;                                 /* the rest through sm_case_view.group */
	struct sm_group_class klass[SM_GROUP_CLASSES_MAX]; /* most pure slices first */
	unsigned classes;
	double steal_ns, throttled_ns, wall_ns; /* of its trials */
	double steal_percent, throttled_percent;
};

/* The A/A control. */
struct sm_control {
	bool known, moved;
	double level; /* of its sign test: how often it moves by chance, at most */
	struct sm_interval ratio;
};

struct sm_analysis {
	struct sm_results *results;
	const struct sm_scenario *const *scenarios;
	size_t scenario_count;
	uint32_t *slice_order;       /* slices by trial, then slice */
	uint32_t *sample_order;      /* samples by case, then block */
	uint32_t *trial_order;       /* samples by trial */
	struct sm_sample_view *view; /* one a sample */
	struct sm_cell *cell;        /* of all samples */
	size_t cell_count, cell_room;
	struct sm_case_view *case_view; /* one a case */
	struct sm_group_view *group;
	size_t group_count;
	struct sm_relation relation[SM_PLACE_COUNT]; /* by enum sm_placement */
	const struct sm_claim **pair_claim;          /* one a pair row; NULL entries: no claim */
	size_t pair_claim_room;
	unsigned pus; /* of the machine, for the share of steal; 0 unknown */
	struct sm_control control;
};

/* analysis.c */
/* All the steps, keeping what they found for whoever asks more; sm_analysis_close() it, also after an error. */
SM_MUST_USE int sm_analysis_run(struct sm_analysis *a, struct sm_results *results,
				const struct sm_scenario *const *scenarios, size_t scenario_count,
				struct sm_error *err);

/* index.c */
SM_MUST_USE int sm_analysis_open(struct sm_analysis *a, struct sm_error *err);
void sm_analysis_close(struct sm_analysis *a);
/* Index of the sample of a trial, or -1. */
long sm_analysis_sample_of(const struct sm_analysis *a, unsigned trial);
/* The case of a variant in a group, or -1. */
long sm_analysis_case_of(const struct sm_analysis *a, size_t group, const char *variant);
/* Why a case has nothing to compare: NULL if it was tried at all. */
const char *sm_analysis_untried(const struct sm_analysis *a, long case_index);
/* Steal in per cent of the PU time of all trials. */
double sm_analysis_steal(const struct sm_analysis *a);
/* Per cent of all PUs' time in which a CPU limit kept the run off them; NaN: not known. */
double sm_analysis_throttled(const struct sm_analysis *a);

/* slices.c */
/* Classes of the relation that a sample's workers sit in; NULL: none was probed. */
const struct sm_relation *sm_analysis_relation(const struct sm_analysis *a, size_t sample);
SM_MUST_USE int sm_analysis_slices(struct sm_analysis *a, struct sm_error *err);
/* Ranks the classes of every group. */
void sm_analysis_rank_classes(struct sm_analysis *a);
/* A sample's cells, a->view[sample].cells of them. */
const struct sm_cell *sm_analysis_cells(const struct sm_analysis *a, size_t sample);
/* The sample's cell of a class if it holds enough pure slices to count, else NULL. */
const struct sm_cell *sm_analysis_cell(const struct sm_analysis *a, size_t sample, sm_name klass);

/* settled.c */
/* Sets aside the trials of cases that drift, and those that did not reach the rate that they offered. */
SM_MUST_USE int sm_analysis_settle(struct sm_analysis *a, struct sm_error *err);
/* The last third of a case's trials against the first.  `times` and `work` have room for the slices of a trial,
 * `log_ratios` for the trials. */
struct sm_trend sm_analysis_trend(const struct sm_analysis *a, size_t c, double *times, double *work,
				  double *log_ratios);
/* Sets a trial aside: no cell speaks for it any more. */
void sm_analysis_put_aside(struct sm_analysis *a, size_t sample, enum sm_status status, const char *reason);
/* Whether a metric is a time or a rate, and so as good as its trial's slices; counts and sizes are not. */
bool sm_analysis_is_timed(const struct sm_case_row *row);
/* Why the times of one of two cases are not used; NULL: they are, or have another reason not to be. */
const char *sm_analysis_set_aside(const struct sm_analysis *a, size_t left, size_t right);

/* summary.c */
SM_MUST_USE int sm_analysis_summaries(struct sm_analysis *a, struct sm_error *err);

/* compare.c */
/* Two cases of one group compared within a class. */
struct sm_comparison {
	struct sm_interval ratio;
	struct sm_interval added; /* left - right, in the metric's unit */
	double mde;
	unsigned blocks, used, ties; /* tried in both; counted in this class; of them, equal times */
	double sign_p;               /* two-sided sign test of "no difference" */
};
/* Blocks of two cases over all classes. */
struct sm_blocks {
	unsigned tried;     /* both variants ran */
	unsigned homeless;  /* no class in which both have enough pure slices */
	unsigned pins_lost; /* trials of either in which a worker left its PU */
};
/* ln(left) - ln(right) of each block that counts in this class, into `d` (room for the blocks of the left case).
 * Returns how many; `*blocks`: in which both were tried. */
unsigned sm_analysis_differences(const struct sm_analysis *a, size_t left, size_t right, sm_name klass, double *d,
				 unsigned *blocks);
SM_MUST_USE int sm_analysis_compare(const struct sm_analysis *a, size_t left, size_t right, sm_name klass,
				    struct sm_comparison *out, struct sm_error *err);
void sm_analysis_count_blocks(const struct sm_analysis *a, size_t left, size_t right, struct sm_blocks *out);
/* The class that speaks for two cases: the group's first in which a block counts; NULL: none. */
sm_name sm_analysis_leading(const struct sm_analysis *a, size_t group, size_t left, size_t right);
/* Judges the A/A control; before the pairs. */
SM_MUST_USE int sm_analysis_control(struct sm_analysis *a, struct sm_error *err);

/* pairs.c */
/* Why nothing can be concluded from a comparison in group `g` whatever its interval; NULL: nothing is wrong. */
const char *sm_analysis_distrust(struct sm_analysis *a, size_t g, const struct sm_comparison *c,
				 const struct sm_blocks *blocks);
SM_MUST_USE int sm_analysis_pairs(struct sm_analysis *a, struct sm_error *err);

/* crossings.c */
SM_MUST_USE int sm_analysis_crossings(struct sm_analysis *a, struct sm_error *err);

/* match.c */
/* Whether a group is of a metric (NULL: the time) and one of those that `at` names, for these variants. */
bool sm_analysis_matches(const struct sm_analysis *a, size_t group, const char *metric, const char *at,
			 const char *left, const char *right);
/* How much of a group's name is said: its parameters; also its placement; also its memory. */
enum sm_point_detail { SM_POINT_PARAMS, SM_POINT_PLACEMENT, SM_POINT_MEMORY };
/* Where a group is: "op=store processes=2, near". */
void sm_analysis_point(const struct sm_analysis *a, size_t group, enum sm_point_detail detail, char *out, size_t size);
/* The PUs that the run was allowed to use; 0: its manifest does not say. */
unsigned sm_analysis_pus(const struct sm_results *results);
/* The cores that they are of; 0: its manifest does not say. */
unsigned sm_analysis_cores(const struct sm_results *results);
/* A growing sentence; what does not fit is cut off. */
struct sm_words {
	char text[2048];
	size_t used;
};
void sm_words_add(struct sm_words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "95 % interval 1.2 to 1.3", or that there is none: too few blocks give no bounds. */
void sm_words_add_interval(struct sm_words *words, const struct sm_interval *interval);

/* terms.c */
/* A difference in words, three digits at least and no exponent: "12.3", "1234".  Returns `out`. */
const char *sm_analysis_ns(char out[32], double ns);
/* Why a claim is not judged on the run's machine; NULL: it is. */
const char *sm_analysis_elsewhere(struct sm_analysis *a, const struct sm_claim *claim);
/* Why the two sides of a claim do not compare in a group that it names (its `holds`); NULL: they do. */
const char *sm_analysis_unequal(struct sm_analysis *a, size_t group, const struct sm_claim *claim);
/* Whether a claim compares its two sides in a group: it names it, on this machine, and both hold enough. */
bool sm_analysis_compares(struct sm_analysis *a, size_t group, const struct sm_claim *claim);
/* Takes back what the claims of a scenario say whose control is not supported; after all of them were judged. */
void sm_analysis_controls(struct sm_analysis *a, const struct sm_scenario *scenario);

/* claim_rows.c */
/* Adds the row of a claim; the caller sets verdict, evidence and reason. */
struct sm_claim_row *sm_analysis_add_claim(struct sm_analysis *a, const struct sm_scenario *scenario,
					   const struct sm_claim *claim);
/* Why this machine has no case that a claim is about, whatever is asked of a run; NULL: it may have one. */
const char *sm_analysis_lacks_pus(const struct sm_analysis *a, const struct sm_claim *claim);
/* "no case of this run has message=64": why `at` names no group. */
const char *sm_analysis_nowhere(struct sm_analysis *a, const struct sm_claim *claim);
/* Why no trial that a claim is about ended well, or that there is no such case. */
const char *sm_analysis_why_no_trial(struct sm_analysis *a, const struct sm_scenario *scenario,
				     const struct sm_claim *claim);

/* counts.c */
void sm_analysis_count_claim(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim);
void sm_analysis_expected(struct sm_analysis *a, const struct sm_scenario *scenario);

/* values.c */
void sm_analysis_value_claim(struct sm_analysis *a, const struct sm_scenario *scenario, const struct sm_claim *claim);

/* order.c */
SM_MUST_USE int sm_analysis_order_claim(struct sm_analysis *a, const struct sm_scenario *scenario,
					const struct sm_claim *claim, struct sm_error *err);

/* ratios.c */
SM_MUST_USE int sm_analysis_ratio_claim(struct sm_analysis *a, const struct sm_scenario *scenario,
					const struct sm_claim *claim, struct sm_error *err);

/* claims.c */
SM_MUST_USE int sm_analysis_claims(struct sm_analysis *a, struct sm_error *err);

/* manifest.c */
SM_MUST_USE int sm_analysis_manifest(struct sm_analysis *a, struct sm_error *err);

#endif
