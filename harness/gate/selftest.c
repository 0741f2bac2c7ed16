/* The parts of an A/A run. */
#include "shmeter/selftest.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gate_parts.h"

static void cut(struct sm_parts *out, const struct digest_class *one, const struct digest_class *other,
		unsigned part_blocks, double *d, double *x)
{
	size_t used = digest_values(other, one, d);

	for (size_t first = 0; first + part_blocks <= used; first += part_blocks) {
		struct sm_interval ratio;

		memcpy(x, d + first, part_blocks * sizeof(*x));
		ratio = sm_median_interval(x, part_blocks, SM_CONFIDENCE);
		out->slower += ratio.low > 0;
		out->faster += ratio.high < 0;
		out->ratio_ln[out->count] = ratio.estimate;
		/* times may have lost other blocks than ratios, but have at least as many */
		memcpy(x, one->ln + first, part_blocks * sizeof(*x));
		out->time_ln[out->count++] = sm_median(x, part_blocks);
	}
}

static const struct digest_case *control_case(const struct sm_digest *digest, sm_name name)
{
	for (size_t c = 0; c < digest->count; c++)
		if (digest->cases[c].name == name)
			return &digest->cases[c];
	return NULL;
}

int sm_parts_of(struct sm_parts *out, struct sm_results *run, unsigned part_blocks, struct sm_error *err)
{
	size_t room = run->sample_count + part_blocks + 1;
	double *d = malloc(room * sizeof(*d)), *x = malloc(room * sizeof(*x));
	struct sm_digest *digest = NULL;
	int rc = sm_digest_make(&digest, run, NULL, 0, err);

	*out = (struct sm_parts){ .time_ln = malloc(room * sizeof(*d)), .ratio_ln = malloc(room * sizeof(*d)) };
	if (rc == 0 && (!d || !x || !out->time_ln || !out->ratio_ln))
		rc = sm_fail(err, ENOMEM, "no memory for %zu blocks", room);
	if (rc == 0) {
		const struct digest_case *one = control_case(digest, sm_name_of("aa/a"));
		const struct digest_case *other = control_case(digest, sm_name_of("aa/b"));
		const struct digest_class *klass = other && one && one->classes ? &one->klass[0] : NULL;
		const struct digest_class *of_other = klass ? digest_class_like(other, klass->name) : NULL;

		if (of_other)
			cut(out, klass, of_other, part_blocks, d, x);
	}
	sm_digest_free(digest);
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

/* A number of false alarms less likely than this, at 5 % for each part, refutes the 95 % intervals. */
#define SURPRISE 0.05

enum sm_verdict sm_parts_judge(const struct sm_parts *parts, unsigned percent)
{
	unsigned alarms = parts->slower + parts->faster, n = parts->count;

	if (n == 0)
		return SM_NOT_TESTABLE;
	if (percent == 0)
		return 1 - (alarms ? sm_binomial_cdf(alarms - 1, n, 1 - SM_CONFIDENCE) : 0) < SURPRISE ? SM_REFUTED
												       : SM_SUPPORTED;
	if (sm_binomial_interval(parts->slower, n, SM_CONFIDENCE).high < 0.5)
		return SM_REFUTED;
	return 2 * parts->slower > n ? SM_SUPPORTED : SM_INCONCLUSIVE;
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
