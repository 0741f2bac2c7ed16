/* Makes a matrix of NUMA nodes: where a worker runs, and where its memory lies. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shmeter/matrix.h"
#include "shmeter/memory.h"
#include "shmeter/stats.h"
#include "shmeter/text.h"

#define CPU_NODE    "cpu_node"
#define MEMORY_NODE "memory_node"

/* A node of the matrix. */
struct node {
	unsigned os_index;
	int package;
};

/* The nodes of a case; false: it measures no node's memory. */
static bool nodes_of(const struct sm_case_row *c, unsigned *worker, unsigned *memory)
{
	double node = sm_param_value(c->params, CPU_NODE);

	*worker = node >= 0 ? (unsigned)node : 0;
	return !c->derived && node >= 0 && sscanf(c->numa, "bind:%u", memory) == 1;
}

sm_name sm_node_matrix_point(const struct sm_case_row *c)
{
	unsigned worker, memory;

	return nodes_of(c, &worker, &memory) ? sm_params_but(sm_params_but(c->params, CPU_NODE), MEMORY_NODE) : NULL;
}

bool sm_node_matrix_begins(const struct sm_results *results, size_t case_index)
{
	const struct sm_case_row *c = &results->cases[case_index];
	bool first = sm_node_matrix_point(c) != NULL;

	for (size_t k = 0; first && k < case_index; k++)
		first = results->cases[k].scenario != c->scenario ||
			sm_node_matrix_point(&results->cases[k]) != sm_node_matrix_point(c);
	return first;
}

void sm_node_matrix_name(const struct sm_case_row *c, char *out, size_t size)
{
	sm_name point = sm_node_matrix_point(c);

	snprintf(out, size, "%s_nodes%s%s", c->scenario, point == sm_none ? "" : "_", point == sm_none ? "" : point);
	for (char *at = out; *at; at++)
		if (!isalnum((unsigned char)*at))
			*at = '_';
}

static bool is_at(const struct sm_case_row *c, const struct sm_case_row *of)
{
	return c->scenario == of->scenario && sm_node_matrix_point(c) == sm_node_matrix_point(of);
}

/* What the manifest tells of a node; NULL: nothing. */
static const json_t *told_of(const struct sm_results *r, unsigned os_index)
{
	const json_t *nodes = json_object_get(json_object_get(r->manifest, "environment"), "node_places"), *node;
	size_t i;

	json_array_foreach (nodes, i, node)
		if (json_integer_value(json_object_get(node, "node")) == (json_int_t)os_index)
			return node;
	return NULL;
}

static int package_of(const struct sm_results *r, unsigned os_index)
{
	const json_t *package = json_object_get(told_of(r, os_index), "package");

	return package ? (int)json_integer_value(package) : -1;
}

static int in_order(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	if (x->package != y->package)
		return x->package < y->package ? -1 : 1;
	return (x->os_index > y->os_index) - (x->os_index < y->os_index);
}

/* The nodes of the matrix without repetitions, those of a package together; the caller frees them. */
static struct node *collect(const struct sm_results *r, const struct sm_case_row *of, unsigned *count)
{
	struct node *node = sm_zeroed_memory(2 * r->case_count + 1, sizeof(*node));
	size_t used = 0, kept = 0;
	unsigned end[2];

	for (size_t i = 0; i < r->case_count; i++)
		for (unsigned k = 0; is_at(&r->cases[i], of) && nodes_of(&r->cases[i], &end[0], &end[1]) && k < 2; k++)
			node[used++] = (struct node){ end[k], package_of(r, end[k]) };
	qsort(node, used, sizeof(*node), in_order);
	for (size_t i = 0; i < used; i++)
		if (kept == 0 || node[kept - 1].os_index != node[i].os_index)
			node[kept++] = node[i];
	*count = (unsigned)kept;
	return node;
}

/* The median over the groups that measured it: a worker's own node is measured beside each other node. */
static double median_of(const struct sm_results *r, const struct sm_case_row *of, unsigned worker, unsigned memory)
{
	double *value = sm_zeroed_memory(r->summary_count + 1, sizeof(*value)), median;
	unsigned count = 0, end[2];

	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_case_row *c = &r->cases[r->summaries[i].case_index];
		double ns = r->summaries[i].value.estimate;

		if (isfinite(ns) && is_at(c, of) && nodes_of(c, &end[0], &end[1]) && end[0] == worker &&
		    end[1] == memory)
			value[count++] = of->bytes_per_op > 0 ? of->bytes_per_op / ns : ns;
	}
	median = count > 0 ? sm_median(value, count) : (double)NAN;
	free(value);
	return median;
}

/* "2 HBM": the number, and for a node of memory only what kind it is. */
static void name_end(const struct sm_results *r, const struct node *node, struct sm_matrix_end *end)
{
	const json_t *told = told_of(r, node->os_index);
	const char *tier = json_string_value(json_object_get(told, "tier"));
	bool memory_only = json_is_false(json_object_get(told, "has_pus"));

	*end = (struct sm_matrix_end){ .core = -1, .l3 = -1, .package = node->package };
	snprintf(end->label, sizeof(end->label), "%u%s%.12s", node->os_index, memory_only ? " " : "",
		 memory_only ? tier ? tier : "memory" : "");
}

int sm_node_matrix_of(struct sm_matrix *out, const struct sm_results *results, const struct sm_case_row *of,
		      struct sm_error *err)
{
	bool rate = of->bytes_per_op > 0;
	struct node *node;

	*out = (struct sm_matrix){ .scenario = of->scenario,
				   .row = "worker on NUMA node",
				   .column = "memory on NUMA node",
				   .value = rate ? "GB/s (logarithmic)" : "ns (logarithmic)",
				   .unit = rate ? "GB/s" : "ns",
				   .diagonal = true };
	node = collect(results, of, &out->count);
	out->end = calloc((size_t)out->count + 1, sizeof(*out->end));
	out->ns = calloc((size_t)out->count * out->count + 1, sizeof(*out->ns));
	for (unsigned i = 0; out->end && out->ns && i < out->count; i++) {
		name_end(results, &node[i], &out->end[i]);
		for (unsigned k = 0; k < out->count; k++)
			out->ns[(size_t)i * out->count + k] =
				median_of(results, of, node[i].os_index, node[k].os_index);
	}
	free(node);
	if (out->end && out->ns)
		return 0;
	sm_matrix_free(out);
	return sm_fail(err, ENOMEM, "no memory for the matrix of %s", of->scenario);
}
