/* What many comparisons of one run say by chance.
 *
 * One interval in twenty to fifty lies wholly on the wrong side of a threshold, so a run of a hundred comparisons always
 * has some.  What refutes a claim, or tells two sides of a crossing apart, is therefore judged by Holm's procedure over
 * all such comparisons of the run.  It needs p-values far below 5 %.  The sign test assumes nothing, but with 8 blocks
 * its smallest is 1 in 256.  Mann and Whitney's U of the two sides' values goes down to 1 in 12870 there; it assumes that
 * both sides scatter alike, and ignores that blocks are paired.  A comparison takes the smaller one, doubled. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "parts.h"
#include "shmeter/memory.h"

double sm_analysis_chance(const struct sm_analysis *a, const struct sm_pair_row *row, double threshold, bool added,
			  bool above)
{
	size_t room = a->case_view[row->left_case].count + 1;
	double *left = sm_memory(2 * room * sizeof(*left)), *right = left + room;
	unsigned used = sm_analysis_values(a, row->left_case, row->right_case, row->klass, left, right), beyond = 0;
	double shift = added ? threshold : log(threshold), sign, rank;

	for (unsigned i = 0; i < used; i++) {
		left[i] = added ? left[i] : log(left[i]);
		right[i] = added ? right[i] : log(right[i]);
		beyond += above ? left[i] - right[i] > shift : left[i] - right[i] < shift;
	}
	if (a->looked) {
		free(left);
		return fmin(1, 2 * sm_sign_sequence_p(beyond, used));
	}
	sign = beyond == 0 ? 1 : sm_binomial_cdf(used - beyond, used, 0.5);
	rank = above ? sm_shift_test(left, used, right, used, shift) : sm_shift_test(right, used, left, used, -shift);
	free(left);
	return fmin(1, 2 * fmin(sign, rank));
}

/* The p-value of a row that is refuted. */
static double chance_of_refuted(const struct sm_analysis *a, const struct sm_pair_row *row,
				const struct sm_claim *claim)
{
	bool added = claim->kind == SM_CLAIM_DIFFERENCE;
	const struct sm_interval *interval = added ? &row->added : &row->ratio;
	bool above = claim->versus.max > 0 && interval->low > claim->versus.max;

	return sm_analysis_chance(a, row, above ? claim->versus.max : claim->versus.min, added, above);
}

static bool is_judged(const struct sm_analysis *a, size_t i)
{
	return a->pair_claim[i] && isfinite(a->results->pairs[i].ratio.low) &&
	       a->results->pairs[i].verdict != SM_VERDICT_NONE;
}

int sm_analysis_confirm_refuted(struct sm_analysis *a, struct sm_error *err)
{
	struct sm_results *results = a->results;
	double *p = calloc(results->pair_count + 1, sizeof(*p));
	size_t judged = 0, next = 0;

	if (!p)
		return sm_fail(err, ENOMEM, "no memory for %zu comparisons", results->pair_count);
	for (size_t i = 0; i < results->pair_count; i++)
		if (is_judged(a, i))
			p[judged++] = results->pairs[i].verdict == SM_REFUTED
					      ? chance_of_refuted(a, &results->pairs[i], a->pair_claim[i])
					      : 1;
	if (judged > 0)
		sm_holm(p, judged);
	for (size_t i = 0; i < results->pair_count; i++) {
		struct sm_pair_row *row = &results->pairs[i];

		if (!is_judged(a, i))
			continue;
		if (row->verdict == SM_REFUTED && p[next] > SM_REFUTED_ALPHA) {
			row->verdict = SM_INCONCLUSIVE;
			row->reason = sm_results_string(
				results,
				"the interval lies beyond the threshold, but by chance one of the %zu comparisons that "
				"this run judges does so in %.2g %% of runs (at most %.0f %% are accepted): more blocks "
				"can settle it",
				judged, 100 * p[next], 100 * SM_REFUTED_ALPHA);
		}
		next++;
	}
	free(p);
	return 0;
}
