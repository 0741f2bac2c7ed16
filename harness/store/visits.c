/* Puts the visits of each pair of PUs together. */
#include <math.h>
#include <stdlib.h>

#include "shmeter/matrix.h"
#include "shmeter/memory.h"

#define CONFIDENCE 0.95

/* A visit of a successful trial. */
struct counted {
	unsigned case_index;
	const struct sm_visit_row *row;
};

static int in_order(const void *a, const void *b)
{
	const struct counted *x = a, *y = b;

	if (x->case_index != y->case_index)
		return x->case_index < y->case_index ? -1 : 1;
	if (x->row->from != y->row->from)
		return x->row->from < y->row->from ? -1 : 1;
	if (x->row->to != y->row->to)
		return x->row->to < y->row->to ? -1 : 1;
	return (x->row > y->row) - (x->row < y->row);
}

static bool same_pair(const struct counted *a, const struct counted *b)
{
	return a->case_index == b->case_index && a->row->from == b->row->from && a->row->to == b->row->to;
}

/* The visits that count, sorted; the caller frees them. */
static struct counted *sort_visits(const struct sm_results *r, sm_name scenario, size_t *count)
{
	struct counted *list = sm_zeroed_memory(r->visit_count + 1, sizeof(*list));
	size_t trial_count;
	struct sm_trial_place *trials = sm_results_trials(r, &trial_count);
	long sample = -1;

	*count = 0;
	for (size_t i = 0; i < r->visit_count; i++) {
		if (i == 0 || r->visits[i].trial != r->visits[i - 1].trial)
			sample = sm_results_sample_of(trials, trial_count, r->visits[i].trial);
		if (sample < 0 || r->samples[sample].ended != SM_OK ||
		    (scenario && r->cases[r->samples[sample].case_index].scenario != scenario))
			continue;
		list[(*count)++] = (struct counted){ r->samples[sample].case_index, &r->visits[i] };
	}
	free(trials);
	qsort(list, *count, sizeof(*list), in_order);
	return list;
}

/* `room` holds a number for each visit. */
static struct sm_pu_pair pair_of(const struct sm_results *r, const struct counted *visit, size_t count, double *room)
{
	const struct sm_case_row *c = &r->cases[visit->case_index];
	double transfers = c->transfers_per_op > 0 ? c->transfers_per_op : 1, low = INFINITY, high = 0;
	struct sm_pu_pair pair = { .case_index = visit->case_index,
				   .from = visit->row->from,
				   .to = visit->row->to,
				   .visits = (unsigned)count };
	struct sm_interval interval;

	for (size_t i = 0; i < count; i++) {
		const struct sm_visit_row *row = visit[i].row;

		room[i] = row->ns;
		low = fmin(low, row->low);
		high = fmax(high, row->high);
		pair.company = row->company > pair.company ? row->company : pair.company;
	}
	interval = sm_median_interval(room, count, CONFIDENCE);
	pair.ns = interval.estimate / transfers;
	pair.low = (isfinite(interval.low) ? interval.low : low) / transfers;
	pair.high = (isfinite(interval.high) ? interval.high : high) / transfers;
	return pair;
}

size_t sm_pu_pairs_of(const struct sm_results *results, sm_name scenario, struct sm_pu_pair **out)
{
	size_t visits, pairs = 0, next;
	struct counted *visit = sort_visits(results, scenario, &visits);
	double *room = sm_zeroed_memory(visits + 1, sizeof(*room));

	*out = sm_zeroed_memory(visits + 1, sizeof(**out));
	for (size_t first = 0; first < visits; first = next) {
		for (next = first + 1; next < visits && same_pair(&visit[first], &visit[next]);)
			next++;
		(*out)[pairs++] = pair_of(results, &visit[first], next - first, room);
	}
	free(room);
	free(visit);
	return pairs;
}
