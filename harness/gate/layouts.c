/* Layouts as the units of an alternation.
 *
 * Where code lies changes its speed, and all blocks of one build share its layout: they agree on a difference that the
 * source did not cause.  So where each side has several layouts, a pair of layouts (one of each side) is one
 * observation, however many blocks it ran (docs/adr/0026). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"
#include "shmeter/memory.h"

/* Sums for a one-way analysis of variance with groups of unequal sizes: the groups are the pairs of layouts. */
struct sums {
	unsigned groups;
	double n, n_squares, all, between, within;
};

static void add_group(struct sums *sums, const double *d, unsigned n)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += d[i];
	for (unsigned i = 0; i < n; i++)
		sums->within += (d[i] - sum / n) * (d[i] - sum / n);
	sums->groups++;
	sums->n += n;
	sums->n_squares += (double)n * n;
	sums->all += sum;
	sums->between += sum * sum / n;
}

/* The standard deviations of the two components: of layouts, and of blocks within one.  Empty where no pair of layouts
 * has two blocks. */
static const char *scatter_words(const struct sums *sums, struct sm_results *results)
{
	double within, between, size;

	if (sums->groups < 2 || sums->n <= sums->groups)
		return "";
	within = sums->within / (sums->n - sums->groups);
	between = (sums->between - sums->all * sums->all / sums->n) / (sums->groups - 1);
	size = (sums->n - sums->n_squares / sums->n) / (sums->groups - 1);
	return sm_results_string(results,
				 "; the ratio varies by %.2g %% between layouts, by %.2g %% between blocks of one "
				 "(standard deviations)",
				 100 * sqrt(fmax(0, between - within) / size), 100 * sqrt(within));
}

const char *gate_by_layout(const struct sm_gates *gates, double *d, const unsigned *block, struct sm_results *results,
			   struct finding *out)
{
	unsigned used = out->used, pairs = 0;
	double *of_pair = malloc(2 * (used + 1) * sizeof(*of_pair)), *medians = of_pair + used + 1;
	struct sums sums = { 0 };

	if (!of_pair)
		sm_no_memory();
	for (unsigned pair = 0; pair < gates->layouts; pair++) {
		unsigned n = 0;

		for (unsigned i = 0; i < used; i++)
			if (gates->layout_of_block[block[i]] == pair)
				of_pair[n++] = d[i];
		if (n == 0)
			continue;
		add_group(&sums, of_pair, n);
		medians[pairs++] = sm_median(of_pair, n);
	}
	memcpy(d, medians, pairs * sizeof(*d));
	out->used = pairs;
	out->unit = "pairs of layouts";
	out->ratio = sm_median_interval(medians, pairs, SM_CONFIDENCE);
	out->ratio.estimate = exp(out->ratio.estimate);
	out->ratio.low = exp(out->ratio.low);
	out->ratio.high = exp(out->ratio.high);
	free(of_pair);
	return scatter_words(&sums, results);
}
