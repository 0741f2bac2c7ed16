/* Makes the matrix of the pairs of PUs that a scenario visited. */
#include "shmeter/matrix.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "shmeter/memory.h"

/* A PU of the matrix. */
struct place {
	unsigned os_index;
	unsigned rank; /* its place in the manifest; after all of these: not there */
};

static int place_of(const json_t *place, const char *key)
{
	const json_t *value = json_object_get(place, key);

	return value ? (int)json_integer_value(value) : -1;
}

static int by_os_index(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->os_index > y->os_index) - (x->os_index < y->os_index);
}

static int by_rank(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->rank != y->rank ? (x->rank < y->rank ? -1 : 1) : by_os_index(a, b);
}

bool sm_matrix_has(const struct sm_results *results, sm_name scenario)
{
	size_t trial_count;
	struct sm_trial_place *trials = sm_results_trials(results, &trial_count);
	bool found = false;

	/* the visits of a trial stand together */
	for (size_t v = 0; v < results->visit_count && !found;
	     v += results->visits[v].visits ? results->visits[v].visits : 1) {
		long sample = sm_results_sample_of(trials, trial_count, results->visits[v].trial);

		found = sample >= 0 && results->samples[sample].ended == SM_OK &&
			results->cases[results->samples[sample].case_index].scenario == scenario;
	}
	free(trials);
	return found;
}

/* The PUs of the pairs without repetitions, by OS index; the caller frees them. */
static struct place *pus_of(const struct sm_pu_pair *pair, size_t pairs, unsigned *count)
{
	struct place *place = sm_zeroed_memory(2 * pairs + 1, sizeof(*place));
	size_t kept = 0;

	for (size_t i = 0; i < pairs; i++) {
		place[2 * i].os_index = pair[i].from;
		place[2 * i + 1].os_index = pair[i].to;
	}
	qsort(place, 2 * pairs, sizeof(*place), by_os_index);
	for (size_t i = 0; i < 2 * pairs; i++)
		if (kept == 0 || place[kept - 1].os_index != place[i].os_index)
			place[kept++] = place[i];
	*count = (unsigned)kept;
	return place;
}

/* Sorts the PUs into the order of the manifest; those that it does not have come last. */
static void place_ends(struct sm_matrix *m, const struct sm_results *r, struct place *place)
{
	const json_t *known = json_object_get(json_object_get(r->manifest, "environment"), "pu_places");

	for (unsigned i = 0; i < m->count; i++)
		place[i].rank = (unsigned)json_array_size(known);
	for (unsigned k = 0; k < json_array_size(known); k++) {
		struct place wanted = { .os_index = (unsigned)place_of(json_array_get(known, k), "pu") };
		struct place *found = bsearch(&wanted, place, m->count, sizeof(*place), by_os_index);

		if (found)
			found->rank = k;
	}
	qsort(place, m->count, sizeof(*place), by_rank);
	for (unsigned i = 0; i < m->count; i++) {
		const json_t *one = json_array_get(known, place[i].rank);
		struct sm_matrix_end *end = &m->end[i];

		*end = (struct sm_matrix_end){ .core = place_of(one, "core"),
					       .l3 = place_of(one, "l3"),
					       .package = place_of(one, "package") };
		snprintf(end->label, sizeof(end->label), "%u", place[i].os_index);
		place[i].rank = i;
	}
	qsort(place, m->count, sizeof(*place), by_os_index);
}

static unsigned index_of(const struct place *place, unsigned count, unsigned os_index)
{
	struct place wanted = { .os_index = os_index };
	const struct place *found = bsearch(&wanted, place, count, sizeof(*place), by_os_index);

	return found->rank;
}

int sm_matrix_of(struct sm_matrix *out, const struct sm_results *results, sm_name scenario, struct sm_error *err)
{
	struct sm_pu_pair *pair;
	size_t pairs = sm_pu_pairs_of(results, scenario, &pair);
	sm_name variant = pairs ? results->cases[pair[0].case_index].variant : NULL;
	struct place *place;

	*out = (struct sm_matrix){ .scenario = scenario,
				   .variant = variant,
				   .row = "from PU",
				   .column = "to PU (OS index, in hwloc order)",
				   .value = "one way (ns, logarithmic)",
				   .unit = "ns" };
	place = pus_of(pair, pairs, &out->count);
	out->end = calloc((size_t)out->count + 1, sizeof(*out->end));
	out->ns = calloc((size_t)out->count * out->count + 1, sizeof(*out->ns));
	if (out->end && out->ns) {
		place_ends(out, results, place);
		for (size_t i = 0; i < (size_t)out->count * out->count; i++)
			out->ns[i] = (double)NAN;
		for (size_t i = 0; i < pairs; i++)
			if (results->cases[pair[i].case_index].variant == variant)
				out->ns[(size_t)index_of(place, out->count, pair[i].from) * out->count +
					index_of(place, out->count, pair[i].to)] = pair[i].ns;
	}
	free(place);
	free(pair);
	if (out->end && out->ns)
		return 0;
	sm_matrix_free(out);
	return sm_fail(err, ENOMEM, "no memory for the matrix of %s", scenario);
}

void sm_matrix_free(struct sm_matrix *matrix)
{
	free(matrix->end);
	free(matrix->ns);
	matrix->end = NULL;
	matrix->ns = NULL;
}
