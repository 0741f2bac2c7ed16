/* Parts of an A/A run. */
#include "shmeter/selftest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"

static int cut(struct sm_parts *out, const struct sm_analysis *a, size_t c[2], const char *klass,
	       unsigned part_blocks, double *d, double *x, struct sm_error *err)
{
	unsigned tried, used = sm_analysis_differences(a, c[1], c[0], klass, d, &tried);
	double *times = NULL;
	size_t count = 0;
	int rc = gate_block_values(a, c[0], -1, klass, &times, &count, err);

	if (rc < 0)
		return rc;
	/* ratios and times may have lost different blocks: parts are of what there is of each */
	used = used < count ? used : (unsigned)count;
	for (unsigned first = 0; first + part_blocks <= used; first += part_blocks) {
		struct sm_interval ratio;

		memcpy(x, d + first, part_blocks * sizeof(*x));
		ratio = sm_median_interval(x, part_blocks, SM_CONFIDENCE);
		out->slower += ratio.low > 0;
		out->faster += ratio.high < 0;
		out->ratio_ln[out->count] = ratio.estimate;
		memcpy(x, times + first, part_blocks * sizeof(*x));
		out->time_ln[out->count++] = sm_median(x, part_blocks);
	}
	free(times);
	return 0;
}

int sm_parts_of(struct sm_parts *out, struct sm_results *run, unsigned part_blocks,
		struct sm_error *err)
{
	size_t room = run->sample_count + part_blocks + 1;
	double *d = malloc(room * sizeof(*d)), *x = malloc(room * sizeof(*x));
	struct sm_analysis a;
	int rc = sm_analysis_run(&a, run, NULL, 0, err);

	*out = (struct sm_parts){ .time_ln = malloc(room * sizeof(*d)),
				  .ratio_ln = malloc(room * sizeof(*d)) };
	if (rc == 0 && (!d || !x || !out->time_ln || !out->ratio_ln))
		rc = sm_fail(err, ENOMEM, "no memory for %zu blocks", room);
	for (size_t g = 0; rc == 0 && g < a.group_count; g++) {
		long one = sm_analysis_case_of(&a, g, "a"), other = sm_analysis_case_of(&a, g, "b");
		const char *klass;

		if (strcmp(a.group[g].scenario_name, "aa") != 0 || one < 0 || other < 0)
			continue;
		klass = sm_analysis_leading(&a, g, (size_t)one, (size_t)other);
		if (klass)
			rc = cut(out, &a, (size_t[]){ (size_t)one, (size_t)other }, klass,
				 part_blocks, d, x, err);
	}
	sm_analysis_close(&a);
	free(d);
	free(x);
	return rc;
}

void sm_parts_free(struct sm_parts *parts)
{
	free(parts->time_ln);
	free(parts->ratio_ln);
	*parts = (struct sm_parts){ 0 };
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double sm_couples_within(double *ln, size_t count, double share)
{
	size_t couples = count * (count - 1) / 2, n = 0;
	double *distance, within;

	if (count < 2 || !(distance = malloc(couples * sizeof(*distance))))
		return NAN;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			distance[n++] = fabs(ln[i] - ln[j]);
	qsort(distance, n, sizeof(*distance), ascending);
	within = sm_quantile_sorted(distance, n, share);
	free(distance);
	return within;
}
