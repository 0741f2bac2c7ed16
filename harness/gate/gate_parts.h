/* Declarations that the parts of the gate share. */
#ifndef SM_GATE_PARTS_H
#define SM_GATE_PARTS_H

#include "../analysis/digest.h"
#include "shmeter/gate.h"

/* An absolute time is not compared with a baseline where other processes used more than this share of the PUs, in per
 * cent. */
#define SM_OTHERS_MAX 5.0

/* The result of one gate for one group, before the correction over all gates. */
struct finding {
	struct sm_interval ratio;
	double p; /* one-sided p-value that the threshold is kept */
	double mde;
	unsigned used, baseline_used;
	double scatter, baseline_scatter; /* standard deviation of the blocks' logarithms; 0: not known */
	const char *klass;
	const char *evidence;
	const char *distrust; /* why it is inconclusive whatever the interval; NULL: it is not */
};

/* gate/baseline.c */
/* Compares a case of a run with the same case of an earlier one, as times or as ratios to `reference` (-1: none).
 * Ratios from `min` to `max` are allowed (0: open).  Strings go to `results`. */
SM_MUST_USE int gate_baseline(const struct sm_digest *run, size_t c, long reference, const struct sm_digest *baseline,
			      double min, double max, struct sm_results *results, struct finding *out,
			      struct sm_error *err);
/* Why the runs cannot be compared, for example because the threshold is below the machine's noise floor.  NULL: they
 * can.  `same_type`: two hosts of one type may be compared. */
const char *gate_not_comparable(const struct sm_gate *gate, const struct sm_digest *run,
				const struct sm_digest *baseline, bool same_type, struct sm_results *results);

/* gate/ends.c */
/* Judges the trials that failed, which no other part of a gate counts.  Wrong data is a FAIL for every kind of gate.  A
 * reference with wrong data cannot be compared with.  An exact count of only the remaining trials proves nothing. */
void gate_judge_ends(struct sm_analysis *a, struct sm_gate_row *row);

/* gate/again.c */
/* The command that measures a gate's cases again with the options of the run, with enough blocks to decide. */
const char *gate_again(const struct sm_gate *gate, struct sm_results *results);

#endif
