/* Makes a matrix from the cases that measure pairs. */
#include "shmeter/matrix.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/text.h"

bool sm_matrix_is_pair(const struct sm_case_row *c)
{
	return !c->derived && isfinite(sm_param_value(c->params, "from")) && isfinite(sm_param_value(c->params, "to"));
}

static bool is_of(const struct sm_case_row *c, const char *scenario)
{
	return strcmp(c->scenario, scenario) == 0 && sm_matrix_is_pair(c);
}

static int place_of(const json_t *place, const char *key)
{
	const json_t *value = json_object_get(place, key);

	return value ? (int)json_integer_value(value) : -1;
}

/* The index of a PU, or `count`. */
static unsigned index_of(const struct sm_matrix *matrix, double os_index)
{
	unsigned i = 0;

	while (i < matrix->count && matrix->pu[i].os_index != os_index)
		i++;
	return i;
}

static int by_os_index(const void *a, const void *b)
{
	const struct sm_matrix_pu *x = a, *y = b;

	return (x->os_index > y->os_index) - (x->os_index < y->os_index);
}

static bool is_asked(const struct sm_results *r, const char *scenario, double os_index)
{
	for (size_t i = 0; i < r->case_count; i++)
		if (is_of(&r->cases[i], scenario) && (sm_param_value(r->cases[i].params, "from") == os_index ||
						      sm_param_value(r->cases[i].params, "to") == os_index))
			return true;
	return false;
}

/* Collects the PUs in the manifest, in its order, then those that it does not have. */
static int collect_pus(struct sm_matrix *m, const struct sm_results *r, const char *scenario)
{
	const json_t *environment = json_object_get(r->manifest, "environment");
	const json_t *places = json_object_get(environment, "pu_places");
	size_t known = json_array_size(places);

	m->pu = calloc(known + 2 * r->case_count + 1, sizeof(*m->pu));
	if (!m->pu)
		return -ENOMEM;
	for (size_t i = 0; i < known; i++) {
		const json_t *place = json_array_get(places, i);
		int os_index = place_of(place, "pu");

		if (is_asked(r, scenario, os_index))
			m->pu[m->count++] = (struct sm_matrix_pu){
				.os_index = (unsigned)os_index,
				.core = place_of(place, "core"),
				.l3 = place_of(place, "l3"),
				.package = place_of(place, "package"),
			};
	}
	unsigned placed = m->count;

	for (size_t i = 0; i < r->case_count; i++) {
		const char *const end[] = { "from", "to" };

		for (unsigned e = 0; e < 2 && is_of(&r->cases[i], scenario); e++) {
			double os_index = sm_param_value(r->cases[i].params, end[e]);

			if (index_of(m, os_index) == m->count)
				m->pu[m->count++] = (struct sm_matrix_pu){ (unsigned)os_index, -1, -1, -1 };
		}
	}
	qsort(m->pu + placed, m->count - placed, sizeof(*m->pu), by_os_index);
	return 0;
}

static void fill(struct sm_matrix *m, const struct sm_results *r)
{
	for (size_t i = 0; i < r->summary_count; i++) {
		const struct sm_summary_row *s = &r->summaries[i];
		const struct sm_case_row *c = &r->cases[s->case_index];
		double transfers = c->transfers_per_op > 0 ? c->transfers_per_op : 1;

		if (!is_of(c, m->scenario) || !isfinite(s->value.estimate))
			continue;
		if (!m->variant)
			m->variant = c->variant;
		if (strcmp(c->variant, m->variant) != 0)
			continue;
		m->ns[index_of(m, sm_param_value(c->params, "from")) * m->count +
		      index_of(m, sm_param_value(c->params, "to"))] = s->value.estimate / transfers;
	}
}

int sm_matrix_of(struct sm_matrix *out, const struct sm_results *results, const char *scenario, struct sm_error *err)
{
	*out = (struct sm_matrix){ .scenario = scenario };
	if (collect_pus(out, results, scenario) == 0)
		out->ns = calloc((size_t)out->count * out->count + 1, sizeof(*out->ns));
	if (!out->ns) {
		sm_matrix_free(out);
		return sm_fail(err, ENOMEM, "no memory for the matrix of %s", scenario);
	}
	for (size_t i = 0; i < (size_t)out->count * out->count; i++)
		out->ns[i] = (double)NAN;
	fill(out, results);
	return 0;
}

void sm_matrix_free(struct sm_matrix *matrix)
{
	free(matrix->pu);
	free(matrix->ns);
	matrix->pu = NULL;
	matrix->ns = NULL;
}
