/* What the parts of the gate share. */
#ifndef SM_GATE_PARTS_H
#define SM_GATE_PARTS_H

#include "../stats/analysis_parts.h"
#include "shmeter/gate.h"

/* An absolute time is not held against a baseline where others used more of the PUs than this, in per cent. */
#define SM_OTHERS_MAX 5.0

/* What one gate says of one group, before all gates are taken together. */
struct finding {
	struct sm_interval ratio;
	double p; /* one-sided, "the threshold holds" */
	double mde;
	unsigned used, baseline_used;
	const char *klass;
	const char *evidence;
	const char *distrust; /* why nothing can be said whatever the interval; NULL */
};

/* gate/baseline.c */
/* A case of group `g` of the run against the same case of the baseline, alone or as a ratio to `gate->against`. */
SM_MUST_USE int gate_baseline(const struct sm_gate *gate, struct sm_analysis *run, size_t g,
			      struct sm_analysis *baseline, struct finding *out,
			      struct sm_error *err);
/* Why the runs cannot be compared at all, or that the threshold is under the machine's noise: NULL: they can. */
const char *gate_not_comparable(const struct sm_gate *gate, struct sm_analysis *run,
				const struct sm_analysis *baseline);
/* The case of group `g` of `run` with this variant, in the other run; -1: it has none. */
long gate_same_case(const struct sm_analysis *run, size_t g, const char *variant,
		    const struct sm_analysis *other);
/* ln of a case's block values in a class, or of their ratios to a second case's (>= 0): malloc'ed. */
SM_MUST_USE int gate_block_values(const struct sm_analysis *a, size_t c, long against,
				  const char *klass, double **out, size_t *count,
				  struct sm_error *err);
/* The class of `other`'s case that is `klass` there: the same name, or the nearest round trip within a third; NULL:
 * none. */
const char *gate_same_class(const struct sm_analysis *other, size_t c, const char *klass);

#endif
