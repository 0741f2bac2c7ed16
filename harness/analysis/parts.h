/* Declarations that the parts of the analysis share.  Each part is one step of sm_analyse(), in this order: slices
 * (classes, purity, values), summaries, pairs, crossings, claims, manifest. */
#ifndef SM_ANALYSIS_PARTS_H
#define SM_ANALYSIS_PARTS_H

#include "shmeter/analysis.h"
#include "shmeter/trend.h"

/* Run-level limits of method.md. */
#define SM_DROPPED_MAX   0.25 /* share of a pair's blocks without a class in which both variants are pure */
#define SM_DROPPED_APART 0.10 /* report sides whose shares of impure slices differ by more than this */
#define SM_CONTROL_ALPHA 0.01 /* share of runs whose control moves by chance (docs/adr/0015) */
#define SM_STEAL_MAX     5.0  /* per cent of all PU time */
#define SM_COVERAGE_MIN  0.9  /* of a 95 % interval, if the blocks that one side alone lost were its slowest */
#define SM_REFUTED_ALPHA 0.02 /* share of runs that refute a claim by chance, over all of the run's comparisons */
#define SM_TIES_MAX      0.20 /* share of the blocks used that tie: more means a clock too coarse */

/* Classes of the pairs of one relation, or of workers that ran alone. */
struct sm_relation {
	bool alone; /* its probes are a worker's pace, not round trips */
	struct sm_classes classes;
	sm_name klass[SM_CLASSES_MAX]; /* names: "92ns", "252cyc-solo" */
};

/* The slices of one sample in one class. */
struct sm_cell {
	sm_name klass;
	unsigned pure; /* slices */
	double value;  /* their median, ns per operation */
};

struct sm_sample_view {
	uint32_t first, count; /* its slices, in slice_order */
	uint32_t cell;         /* index of its first cell in sm_analysis.cell */
	uint8_t cells;         /* number of cells, one per class */
	bool ended_ok;         /* the trial was successful, even if its time is not used */
};

/* Samples of one case, in sample_order, by block. */
struct sm_case_view {
	size_t first, count;
	size_t group;
	struct sm_trend trend; /* drift of the slices of its trials */
	double dropped;        /* share of these slices that are not pure; NaN: no slices */
};

/* A class of a group, with the pure slices of all variants. */
struct sm_group_class {
	sm_name klass;
	uint64_t pure;
};

#define SM_GROUP_CLASSES_MAX 8

struct sm_group_view {
	sm_name name;
	const struct sm_scenario *scenario; /* NULL: unknown scenario */
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
	double level; /* level of its sign test: at most how often it moves by chance */
	double mde;   /* the smallest drift, as a ratio above 1, that it detects at this level; NaN: not known */
	struct sm_interval ratio;
};

struct sm_analysis {
	struct sm_results *results;
	const struct sm_scenario *const *scenarios;
	size_t scenario_count;
	uint32_t *slice_order;       /* slices by trial, then slice */
	uint32_t *sample_order;      /* samples by case, then block */
	uint32_t *trial_order;       /* samples by trial */
	struct sm_sample_view *view; /* one per sample */
	struct sm_cell *cell;        /* of all samples */
	size_t cell_count, cell_room;
	struct sm_case_view *case_view; /* one per case */
	struct sm_group_view *group;
	size_t group_count;
	struct sm_relation relation[SM_PLACE_COUNT]; /* by enum sm_placement */
	const struct sm_claim **pair_claim;          /* one per pair row; NULL entries: no claim */
	size_t pair_claim_room;
	unsigned pus; /* of the machine, for the share of steal; 0: not known */
	bool looked;  /* blocks were added where a gate was open: only tests that allow looks are valid */
	struct sm_control control;
};

/* analysis.c */
/* Runs all steps and keeps their results in `a`.  Call sm_analysis_close() afterwards, also after an error. */
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
/* Why a case was never tried; NULL if it was. */
const char *sm_analysis_untried(const struct sm_analysis *a, long case_index);
/* Steal in per cent of the PU time of all trials. */
double sm_analysis_steal(const struct sm_analysis *a);
/* Share of all PU time in which a CPU limit throttled the run, in per cent; NaN: not known. */
double sm_analysis_throttled(const struct sm_analysis *a);

/* slices.c */
/* Classes of the relation of a sample's workers; NULL: not probed. */
const struct sm_relation *sm_analysis_relation(const struct sm_analysis *a, size_t sample);
SM_MUST_USE int sm_analysis_slices(struct sm_analysis *a, struct sm_error *err);
/* A sample's cells, a->view[sample].cells of them. */
const struct sm_cell *sm_analysis_cells(const struct sm_analysis *a, size_t sample);
/* The sample's cell of a class if it holds enough pure slices to count, else NULL. */
const struct sm_cell *sm_analysis_cell(const struct sm_analysis *a, size_t sample, sm_name klass);

/* settled.c */
/* Sets aside the trials of cases that drift, and those that did not reach the offered rate. */
SM_MUST_USE int sm_analysis_settle(struct sm_analysis *a, struct sm_error *err);
/* Sets a trial aside: its cells no longer count. */
void sm_analysis_put_aside(struct sm_analysis *a, size_t sample, enum sm_status status, const char *reason);
/* Whether a metric is a time or a rate, which is only valid where its trial's slices are; counts and sizes always
 * are. */
bool sm_analysis_is_timed(const struct sm_case_row *row);
/* Why the times of one of two cases were set aside; NULL: they were not. */
const char *sm_analysis_set_aside(const struct sm_analysis *a, size_t left, size_t right);

/* summary.c */
SM_MUST_USE int sm_analysis_summaries(struct sm_analysis *a, struct sm_error *err);

/* compare.c */
/* The result of comparing two cases of one group within a class. */
struct sm_comparison {
	struct sm_interval ratio;
	struct sm_interval added; /* left - right, in the metric's unit */
	double mde;
	unsigned blocks, used, ties; /* blocks tried in both; blocks that count in this class; of these, ties */
	double sign_p;               /* p-value of the two-sided sign test */
};
/* Blocks of two cases over all classes. */
struct sm_blocks {
	size_t left, right; /* the cases */
	unsigned tried;     /* both variants ran */
	unsigned homeless;  /* without a class in which both have enough pure slices */
	unsigned pins_lost; /* trials of either in which a worker left its PU */
	/* Blocks in which one side alone has no value in any class. */
	unsigned left_lost, right_lost;
};
/* Writes ln(left) - ln(right) of each block that counts in this class to `d`, and its number to `block` (both have room
 * for the blocks of the left case; `block` may be NULL).  Returns how many; `*blocks` is the number of blocks in which
 * both were tried. */
unsigned sm_analysis_differences(const struct sm_analysis *a, size_t left, size_t right, sm_name klass, double *d,
				 unsigned *block, unsigned *blocks);
/* The values of both sides in the blocks that count in this class (room for the blocks of the left case each).  Returns
 * how many. */
unsigned sm_analysis_values(const struct sm_analysis *a, size_t left, size_t right, sm_name klass, double *left_values,
			    double *right_values);
SM_MUST_USE int sm_analysis_compare(const struct sm_analysis *a, size_t left, size_t right, sm_name klass,
				    struct sm_comparison *out, struct sm_error *err);
void sm_analysis_count_blocks(const struct sm_analysis *a, size_t left, size_t right, struct sm_blocks *out);
/* The leading class of two cases: the first of the group's classes in which a block counts; NULL: none. */
sm_name sm_analysis_leading(const struct sm_analysis *a, size_t group, size_t left, size_t right);
/* Judges the A/A control.  Call it before sm_analysis_pairs(). */
SM_MUST_USE int sm_analysis_control(struct sm_analysis *a, struct sm_error *err);

/* verdict.c */
/* The median with an interval that is valid for this run, and the fewest values that give one.  Reorders `values`. */
struct sm_interval sm_analysis_interval(const struct sm_analysis *a, double *values, size_t count);
unsigned sm_analysis_blocks_min(const struct sm_analysis *a);
/* Two-sided p-value of "half of the n lie above" for this run. */
double sm_analysis_sign_p(const struct sm_analysis *a, uint64_t above, uint64_t n);
/* How many of `count` blocks must agree for a decision of this run at a one-sided level; 0: not even all are enough. */
size_t sm_analysis_need(const struct sm_analysis *a, size_t count, double level);

/* multiple.c */
/* The p-value of a row being on this side of a threshold of its ratio (or, `added`, of its difference) by chance. */
double sm_analysis_chance(const struct sm_analysis *a, const struct sm_pair_row *row, double threshold, bool added,
			  bool above);
/* Makes refuted comparisons inconclusive where one of so many would be refuted by chance. */
SM_MUST_USE int sm_analysis_confirm_refuted(struct sm_analysis *a, struct sm_error *err);

/* pairs.c */
/* Why a comparison in group `g` is inconclusive whatever its interval; NULL: it is not.  `by_control`: the A/A control
 * can be the reason. */
const char *sm_analysis_distrust(struct sm_analysis *a, size_t g, const struct sm_comparison *c,
				 const struct sm_blocks *blocks, bool by_control);
SM_MUST_USE int sm_analysis_pairs(struct sm_analysis *a, struct sm_error *err);

/* crossings.c */
SM_MUST_USE int sm_analysis_crossings(struct sm_analysis *a, struct sm_error *err);

/* match.c */
/* Whether a group belongs to a metric (NULL: the time) and meets `at`, for these variants. */
bool sm_analysis_matches(const struct sm_analysis *a, size_t group, const char *metric, const char *at,
			 const char *left, const char *right);
/* What a group's name includes: its parameters; also its placement; also its memory. */
enum sm_point_detail { SM_POINT_PARAMS, SM_POINT_PLACEMENT, SM_POINT_MEMORY };
/* Writes the name of a group: "op=store processes=2, near". */
void sm_analysis_point(const struct sm_analysis *a, size_t group, enum sm_point_detail detail, char *out, size_t size);
/* Number of PUs that the run was allowed to use; 0: its manifest does not say. */
unsigned sm_analysis_pus(const struct sm_results *results);
/* Number of cores of these PUs; 0: its manifest does not say. */
unsigned sm_analysis_cores(const struct sm_results *results);
/* A growing sentence; what does not fit is cut off. */
struct sm_words {
	char text[2048];
	size_t used;
};
void sm_words_add(struct sm_words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds "95 % interval 1.2 to 1.3", or says that there is none: too few blocks give no bounds. */
void sm_words_add_interval(struct sm_words *words, const struct sm_interval *interval);

/* terms.c */
/* A difference in words, three digits at least and no exponent: "12.3", "1234".  Returns `out`. */
const char *sm_analysis_ns(char out[32], double ns);
/* Why a claim is not testable on the run's machine; NULL: it is testable. */
const char *sm_analysis_elsewhere(struct sm_analysis *a, const struct sm_claim *claim);
/* Why the two sides of a claim cannot be compared in a group (its `holds`); NULL: they can. */
const char *sm_analysis_unequal(struct sm_analysis *a, size_t group, const struct sm_claim *claim);
/* Whether a claim compares its two sides in a group: its `at` selects the group, the machine is right, and both sides
 * meet `holds`. */
bool sm_analysis_compares(struct sm_analysis *a, size_t group, const struct sm_claim *claim);
/* Makes each claim inconclusive whose control is not supported.  Call it after all claims of the scenario were
 * judged. */
void sm_analysis_controls(struct sm_analysis *a, const struct sm_scenario *scenario);

/* claim_rows.c */
/* Adds the row of a claim; the caller sets verdict, evidence and reason. */
struct sm_claim_row *sm_analysis_add_claim(struct sm_analysis *a, const struct sm_scenario *scenario,
					   const struct sm_claim *claim);
/* Why no run on this machine can have a case that a claim is about; NULL: one can. */
const char *sm_analysis_lacks_pus(const struct sm_analysis *a, const struct sm_claim *claim);
/* Why `at` selects no group: "no case of this run has message=64". */
const char *sm_analysis_nowhere(struct sm_analysis *a, const struct sm_claim *claim);
/* Why no trial that a claim is about was successful, or that there is no such case. */
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
