/* Log-linear histograms: edges, quantiles, percentile text. */
#include "shmeter/histogram.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>

/* A quantile is printed only if at least this many values lie above it (method.md). */
#define DEFENSIBLE_ABOVE 10

uint64_t sm_histogram_edge(unsigned index)
{
	unsigned shift, sub;

	if (index < SM_HISTOGRAM_SUB)
		return index;
	shift = index / SM_HISTOGRAM_SUB - 1;
	sub = index % SM_HISTOGRAM_SUB;
	return (((uint64_t)SM_HISTOGRAM_SUB + sub + 1) << shift) - 1;
}

void sm_histogram_merge(struct sm_histogram *into, const struct sm_histogram *from)
{
	if (from->count == 0)
		return;
	if (into->count == 0 || from->min_ns < into->min_ns)
		into->min_ns = from->min_ns;
	if (from->max_ns > into->max_ns)
		into->max_ns = from->max_ns;
	into->count += from->count;
	for (unsigned i = 0; i < SM_HISTOGRAM_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
}

uint64_t sm_histogram_value(const struct sm_histogram *h, unsigned index)
{
	uint64_t edge = sm_histogram_edge(index);

	return edge < h->max_ns ? edge : h->max_ns;
}

uint64_t sm_histogram_quantile(const struct sm_histogram *h, double q)
{
	uint64_t rank, below = 0;

	/* The small number compensates the rounding of 1 - q: 100 values do have 10 above their 0.9 quantile. */
	if ((double)h->count * (1.0 - q) + 1e-6 < DEFENSIBLE_ABOVE)
		return UINT64_MAX;
	rank = (uint64_t)ceil(q * (double)h->count - 1e-9);
	rank = rank ? rank : 1;
	for (unsigned i = 0; i < SM_HISTOGRAM_BUCKETS; i++) {
		below += h->bucket[i];
		if (below >= rank)
			return sm_histogram_value(h, i);
	}
	return h->max_ns;
}

static void moments(const struct sm_histogram *h, double *mean, double *deviation)
{
	double sum = 0, squares = 0;

	for (unsigned i = 0; i < SM_HISTOGRAM_BUCKETS; i++) {
		double value = (double)sm_histogram_value(h, i);

		sum += value * (double)h->bucket[i];
		squares += value * value * (double)h->bucket[i];
	}
	*mean = h->count ? sum / (double)h->count : 0;
	*deviation = h->count ? sqrt(fmax(0, squares / (double)h->count - *mean * *mean)) : 0;
}

int sm_histogram_write(const struct sm_histogram *h, FILE *out)
{
	uint64_t below = 0;
	double mean, deviation;

	fprintf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
	for (unsigned i = 0; i < SM_HISTOGRAM_BUCKETS; i++) {
		if (h->bucket[i] == 0)
			continue;
		below += h->bucket[i];
		double share = (double)below / (double)h->count;

		if (below < h->count)
			fprintf(out, "%12.3f %2.12f %10" PRIu64 " %14.2f\n", (double)sm_histogram_value(h, i), share,
				below, 1.0 / (1.0 - share));
		else
			fprintf(out, "%12.3f %2.12f %10" PRIu64 "\n", (double)sm_histogram_value(h, i), share, below);
	}
	moments(h, &mean, &deviation);
	fprintf(out, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", mean, deviation);
	fprintf(out, "#[Max     = %12.3f, Total count    = %12" PRIu64 "]\n", (double)h->max_ns, h->count);
	fprintf(out, "#[Buckets = %12d, SubBuckets     = %12u]\n", 64 - SM_HISTOGRAM_SUB_BITS, SM_HISTOGRAM_SUB);
	return ferror(out) ? -EIO : 0;
}
