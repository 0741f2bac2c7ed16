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

unsigned *sm_node_matrices_of(const struct sm_results *results, sm_name scenario, size_t *count)
{
	unsigned *first = sm_zeroed_memory(results->case_count + 1, sizeof(*first));
	sm_name *points = sm_zeroed_memory(results->case_count + 1, sizeof(*points));

	*count = 0;
	for (size_t i = 0; i < results->case_count; i++) {
		const struct sm_case_row *c = &results->cases[i];
		sm_name point = scenario && c->scenario != scenario ? NULL : sm_node_matrix_point(c);
		size_t k = 0;

		while (point && k < *count && (results->cases[first[k]].scenario != c->scenario || points[k] != point))
			k++;
		if (!point || k < *count)
			continue;
		first[*count] = (unsigned)i;
		points[(*count)++] = point;
	}
	free((void *)points);
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

/* A figure of the matrix; NaN: the case has none. */
struct value {
	unsigned worker, memory; /* the kernel's numbers */
	double value;
};

static int by_cell(const void *a, const void *b)
{
	const struct value *x = a, *y = b;

	if (x->worker != y->worker)
		return x->worker < y->worker ? -1 : 1;
	return (x->memory > y->memory) - (x->memory < y->memory);
}

/* The figures of the matrix by cell, at least one for each case; the caller frees them. */
static struct value *values_of(const struct sm_results *r, const struct sm_case_row *of, size_t *count)
{
	struct value *value = sm_zeroed_memory(r->case_count + r->summary_count + 1, sizeof(*value));
	bool *is_at = sm_zeroed_memory(r->case_count + 1, sizeof(*is_at));
	sm_name point = sm_node_matrix_point(of);

	*count = 0;
	for (size_t i = 0; i < r->case_count; i++) {
		const struct sm_case_row *c = &r->cases[i];
		struct value *one = &value[*count];

		is_at[i] = c->scenario == of->scenario && sm_node_matrix_point(c) == point &&
			   nodes_of(c, &one->worker, &one->memory);
		one->value = (double)NAN;
		*count += is_at[i];
	}
	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_case_row *c = &r->cases[r->summaries[i].case_index];
		double ns = r->summaries[i].value.estimate;
		struct value *one = &value[*count];

		if (!is_at[r->summaries[i].case_index] || !isfinite(ns) || !nodes_of(c, &one->worker, &one->memory))
			continue;
		one->value = of->bytes_per_op > 0 ? of->bytes_per_op / ns : ns;
		++*count;
	}
	free(is_at);
	qsort(value, *count, sizeof(*value), by_cell);
	return value;
}

static int by_number(const void *a, const void *b)
{
	const unsigned *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The nodes of the matrix without repetitions, those of a package together; the caller frees them. */
static struct node *collect(const struct sm_results *r, const struct value *value, size_t values, unsigned *count)
{
	unsigned *number = sm_zeroed_memory(2 * values + 1, sizeof(*number));
	struct node *node = sm_zeroed_memory(2 * values + 1, sizeof(*node));

	*count = 0;
	for (size_t i = 0; i < values; i++) {
		number[2 * i] = value[i].worker;
		number[2 * i + 1] = value[i].memory;
	}
	qsort(number, 2 * values, sizeof(*number), by_number);
	for (size_t i = 0; i < 2 * values; i++)
		if (i == 0 || number[i] != number[i - 1])
			node[(*count)++] = (struct node){ number[i], package_of(r, number[i]) };
	qsort(node, *count, sizeof(*node), in_order);
	free(number);
	return node;
}

static size_t place_of(const struct node *node, unsigned os_index)
{
	size_t i = 0;

	while (node[i].os_index != os_index)
		i++;
	return i;
}

/* Each cell is the median over the groups that measured it: a worker's own node is measured beside each other node. */
static void fill(struct sm_matrix *m, const struct node *node, const struct value *value, size_t values)
{
	double *known = sm_zeroed_memory(values + 1, sizeof(*known));
	unsigned count = 0;

	for (size_t i = 0; i < (size_t)m->count * m->count; i++)
		m->ns[i] = (double)NAN;
	for (size_t i = 0; i < values; i++) {
		if (isfinite(value[i].value))
			known[count++] = value[i].value;
		if (i + 1 < values && by_cell(&value[i], &value[i + 1]) == 0)
			continue;
		if (count > 0)
			m->ns[place_of(node, value[i].worker) * m->count + place_of(node, value[i].memory)] =
				sm_median(known, count);
		count = 0;
	}
	free(known);
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
	size_t values;
	struct value *value = values_of(results, of, &values);
	struct node *node;

	*out = (struct sm_matrix){ .scenario = of->scenario,
				   .row = "worker on NUMA node",
				   .column = "memory on NUMA node",
				   .value = rate ? "GB/s (logarithmic)" : "ns (logarithmic)",
				   .unit = rate ? "GB/s" : "ns",
				   .diagonal = true };
	node = collect(results, value, values, &out->count);
	out->end = calloc((size_t)out->count + 1, sizeof(*out->end));
	out->ns = calloc((size_t)out->count * out->count + 1, sizeof(*out->ns));
	for (unsigned i = 0; out->end && i < out->count; i++)
		name_end(results, &node[i], &out->end[i]);
	if (out->ns)
		fill(out, node, value, values);
	free(node);
	free(value);
	if (out->end && out->ns)
		return 0;
	sm_matrix_free(out);
	return sm_fail(err, ENOMEM, "no memory for the matrix of %s", of->scenario);
}
