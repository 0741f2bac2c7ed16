/* The analysis of a run: pair classes, values of trials, summaries, comparisons, claims. */
#ifndef SHMETER_ANALYSIS_H
#define SHMETER_ANALYSIS_H

#include "shmeter/results.h"
#include "shmeter/scenario.h"

#define SM_CONFIDENCE 0.95
/* A block counts in a pair class only if each variant has at least this many pure slices there. */
#define SM_PURE_SLICES_MIN 3
/* Fewer blocks than this give no 95 % confidence interval (exact sign test). */
#define SM_BLOCKS_MIN 6
/* The same where the run looked at its gates while it measured (sm_median_sequence()). */
#define SM_LOOKED_BLOCKS_MIN 8
/* Two probes of one pair that differ by more than this factor belong to two classes, whatever the clusters say. */
#define SM_PROBE_AGREE 1.6
/* Largest share of a slice that involuntary context switches may keep a worker off its PU; beyond it the slice is
 * disturbed.  A kernel thread that runs for a few microseconds does not spoil a slice of tens of milliseconds, but may
 * spoil one of a millisecond. */
#define SM_AWAY_MAX 0.01

/* Analyses what was measured.  Finds the pair classes (for each relation, from the probes of the whole run), judges
 * each slice and trial (`found`, `purity`, `klass`), and fills summaries, pairs, crossings and claims.  Sets
 * results->analysis: the classes with their members, the share of slices that changed class, the A/A verdict, steal.
 * The measured data does not change; the result of an earlier analysis is discarded.  The claims come from `scenarios`.
 * A scenario without samples gives not_testable claims only if the results hold it as skipped. */
SM_MUST_USE int sm_analyse(struct sm_results *results, const struct sm_scenario *const *scenarios,
			   size_t scenario_count, struct sm_error *err);

/* Compares an interval with [min, max]; a bound of 0 is open.  Inconclusive where there is no interval. */
enum sm_verdict sm_verdict_of(const struct sm_interval *ratio, double min, double max);

/* A ratio of times in words: "packed takes 8.12 times as long per operation as padded", "ring takes 0.120 times as long
 * per operation as pipe, that is 8.33 times faster".  `per` names the operation: "per operation".  Returns `out`. */
const char *sm_ratio_words(char *out, size_t size, const char *left, const char *right, const char *per, double ratio);

#endif
