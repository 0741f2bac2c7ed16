/* The results of a scenario that measures pairs of PUs, as a matrix in hwloc's order. */
#ifndef SHMETER_MATRIX_H
#define SHMETER_MATRIX_H

#include <stdbool.h>

#include "shmeter/results.h"

/* Location of a PU: logical indices from the manifest; -1: not known. */
struct sm_matrix_pu {
	unsigned os_index;
	int core, l3, package;
};

struct sm_matrix {
	const char *scenario, *variant; /* the first variant that was measured */
	unsigned count;
	struct sm_matrix_pu *pu; /* [count], in hwloc's order */
	/* [from * count + to]: nanoseconds of one transfer (of the whole operation where it has no
	 * transfers); NaN where the pair was not measured, and on the diagonal. */
	double *ns;
};

/* Whether the case belongs to a scenario that measures pairs: its parameters are `from` and `to`. */
bool sm_matrix_is_pair(const struct sm_case_row *c);
/* Makes the matrix of a scenario.  Free with sm_matrix_free(). */
SM_MUST_USE int sm_matrix_of(struct sm_matrix *out, const struct sm_results *results, const char *scenario,
			     struct sm_error *err);
void sm_matrix_free(struct sm_matrix *matrix);

#endif
