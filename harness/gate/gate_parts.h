/* What the parts of the gate share. */
#ifndef SM_GATE_PARTS_H
#define SM_GATE_PARTS_H

#include "../analysis/digest.h"
#include "shmeter/gate.h"

/* An absolute time is not held against a baseline where others used more of the PUs than this, in per cent. */
#define SM_OTHERS_MAX 5.0

/* What one gate says of one group, before all gates are taken together. */
struct finding {
	struct sm_interval ratio;
	double p; /* one-sided, "the threshold holds" */
	double mde;
	unsigned used, baseline_used;
	double scatter, baseline_scatter; /* of the blocks' logarithms, as standard deviations; 0: unknown */
	const char *klass, *baseline_klass;
	const char *evidence;
	const char *distrust; /* why nothing can be said whatever the interval; NULL */
};

/* gate/baseline.c */
/* A case of a run against the same case of an earlier one, alone or as ratios to `reference` (-1: none), with ratios
 * from `min` to `max` allowed (0: open).  Strings go to `results`. */
SM_MUST_USE int gate_baseline(const struct sm_digest *run, size_t c, long reference, const struct sm_digest *baseline,
			      double min, double max, struct sm_results *results, struct finding *out,
			      struct sm_error *err);
/* Why the runs cannot be compared at all, or that the threshold is under the machine's noise: NULL: they can. */
const char *gate_not_comparable(const struct sm_gate *gate, const struct sm_digest *run,
				const struct sm_digest *baseline, struct sm_results *results);

/* gate/ends.c */
/* Trials that did not end well count in nothing, so they are looked for here: wrong data fails whatever the gate is
 * about, what does its work wrongly is nothing to compare with, and an exact count of what is left over proves nothing. */
void gate_judge_ends(struct sm_analysis *a, struct sm_gate_row *row);

/* gate/again.c */
/* The command that measures a gate's cases again with the options that the run had, long enough to decide. */
const char *gate_again(const struct sm_gate *gate, struct sm_results *results);

#endif
