/* From samples to words: classes, values, summaries, pairs, claims. */
#ifndef SHMETER_ANALYSIS_H
#define SHMETER_ANALYSIS_H

#include "shmeter/results.h"
#include "shmeter/scenario.h"

#define SM_CONFIDENCE 0.95
/* Pure slices that a variant needs in a class for its block to count there. */
#define SM_PURE_SLICES_MIN 3
/* Blocks below which there is no interval (exact sign-test interval at 95 %). */
#define SM_BLOCKS_MIN 6
/* Two probes of one pair further apart than this are two classes, whatever the clusters say. */
#define SM_PROBE_AGREE 1.6
/* Share of a slice that a worker may be off its PU by an involuntary switch before the slice is disturbed.  A kernel
 * thread's few microseconds do not spoil tens of milliseconds; of a millisecond they are more. */
#define SM_AWAY_MAX 0.01

/* Analyses what was measured: finds the classes (per relation, from the probes of the whole run), judges each slice and
 * trial (`found`, `purity`, `klass`), fills summaries, pairs, crossings and claims, and results->analysis: classes with
 * their members, share of slices that changed class, A/A verdict, steal.  What was measured stays as it is, and an
 * earlier analysis of the same results is forgotten.  `scenarios` says what is claimed; scenarios without samples give
 * not_testable claims only if they are in the results as skipped. */
SM_MUST_USE int sm_analyse(struct sm_results *results, const struct sm_scenario *const *scenarios,
			   size_t scenario_count, struct sm_error *err);

/* Where an interval lies relative to [min, max]; 0 bounds are open.  Inconclusive without interval. */
enum sm_verdict sm_verdict_of(const struct sm_interval *ratio, double min, double max);

/* A ratio of times in words, both directions: "packed takes 8.12 times as long per operation as
 * padded", "ring takes 0.120 times as long per operation as pipe, that is 8.33 times faster".  `per` is
 * what the time is of: "per operation".  Returns `out`. */
const char *sm_ratio_words(char *out, size_t size, const char *left, const char *right, const char *per, double ratio);

#endif
