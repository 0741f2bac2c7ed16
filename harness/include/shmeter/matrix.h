/* The pairs of PUs that a run visited, and matrices of PUs in hwloc's order and of NUMA nodes. */
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
	const char *unit;               /* of the numbers in a file: "ns" */
	unsigned count;
	struct sm_matrix_end *end; /* [count] */
	/* [row * count + column], in `unit`; NaN where it was not measured, and on the diagonal of pairs */
	double *ns;
	bool diagonal; /* a row and a column with the same label have a value */
};

/* Whether a run visited pairs of PUs in a scenario. */
bool sm_matrix_has(const struct sm_results *results, sm_name scenario);
/* Makes the matrix of the pairs of PUs that a scenario visited: nanoseconds of one transfer.  Free with
 * sm_matrix_free(). */
SM_MUST_USE int sm_matrix_of(struct sm_matrix *out, const struct sm_results *results, sm_name scenario,
			     struct sm_error *err);
/* The point at which a case measures the memory of a NUMA node from a node: its other parameters ("-": none).  NULL: it
 * does not. */
sm_name sm_node_matrix_point(const struct sm_case_row *c);
/* The first case of each such matrix of a scenario (NULL: of all), in the order of the cases; malloc'ed, the caller frees
 * it.  `*count`: how many. */
unsigned *sm_node_matrices_of(const struct sm_results *results, sm_name scenario, size_t *count);
/* The stem of its file: "numa_latency_nodes_bytes_67108864". */
void sm_node_matrix_name(const struct sm_case_row *c, char *out, size_t size);
/* Makes the matrix of NUMA nodes of the scenario and point of a case: where the worker runs, and where its memory lies.
 * ns an operation, or GB/s where an operation has bytes; from the summaries of the analysis.  Free with
 * sm_matrix_free(). */
SM_MUST_USE int sm_node_matrix_of(struct sm_matrix *out, const struct sm_results *results, const struct sm_case_row *of,
				  struct sm_error *err);
void sm_matrix_free(struct sm_matrix *matrix);

#endif
