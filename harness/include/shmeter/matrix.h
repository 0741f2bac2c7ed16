/* The pairs of PUs that a run visited, and matrices of times in hwloc's order. */
#ifndef SHMETER_MATRIX_H
#define SHMETER_MATRIX_H

#include <stdbool.h>

#include "shmeter/results.h"

/* All visits of a pair of PUs in the trials of one case. */
struct sm_pu_pair {
	unsigned case_index;
	unsigned from, to; /* PUs (OS indices) */
	unsigned visits;
	unsigned company; /* most pairs that played at the same time; 1: it was always alone */
	/* One transfer, ns (the whole operation where it has no transfers): the median over the visits.  Its interval
	 * is that of the visits at 95 %; with fewer than six visits it goes from the shortest of their samples to the
	 * longest. */
	double ns, low, high;
};

/* The pairs of a scenario (NULL: of all), sorted by case, then `from` and `to`; malloc'ed, the caller frees `*out`.
 * Returns how many.  Only successful trials count. */
size_t sm_pu_pairs_of(const struct sm_results *results, sm_name scenario, struct sm_pu_pair **out);

/* What a row and a column of a matrix stand for.  Logical indices from the manifest; -1: not known. */
struct sm_matrix_end {
	char label[24]; /* "12": the number of a PU or a node */
	int core, l3, package;
};

struct sm_matrix {
	const char *scenario, *variant; /* the first variant that was measured */
	const char *row, *column;       /* titles: "from PU", "to PU" */
	const char *value;              /* what the numbers are: "one way (ns, logarithmic)" */
	unsigned count;
	struct sm_matrix_end *end; /* [count] */
	/* [row * count + column]; NaN where it was not measured, and on the diagonal of pairs */
	double *ns;
	bool diagonal; /* a row and a column with the same label have a value */
};

/* Whether a run visited pairs of PUs in a scenario. */
bool sm_matrix_has(const struct sm_results *results, sm_name scenario);
/* Makes the matrix of the pairs of PUs that a scenario visited: nanoseconds of one transfer.  Free with
 * sm_matrix_free(). */
SM_MUST_USE int sm_matrix_of(struct sm_matrix *out, const struct sm_results *results, sm_name scenario,
			     struct sm_error *err);
void sm_matrix_free(struct sm_matrix *matrix);

#endif
