/* Latency histograms that live in shared memory: log-linear, no pointers, fixed size.
 * 64 powers of two, each split in 32 linear steps: a relative error of at most 1/32 (3.2 %).
 * The bucket layout is that of HdrHistogram (G. Tene) with 5 sub-bucket bits. */
#ifndef SHMETER_HISTOGRAM_H
#define SHMETER_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

#define SM_HISTOGRAM_SUB_BITS 5
#define SM_HISTOGRAM_SUB      (1u << SM_HISTOGRAM_SUB_BITS)
#define SM_HISTOGRAM_BUCKETS  ((64 - SM_HISTOGRAM_SUB_BITS + 1) * SM_HISTOGRAM_SUB)

struct sm_histogram {
	uint64_t count, max_ns, min_ns;
	uint64_t bucket[SM_HISTOGRAM_BUCKETS];
};

static inline unsigned sm_histogram_index(uint64_t ns)
{
	if (ns < SM_HISTOGRAM_SUB)
		return (unsigned)ns;
	unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - SM_HISTOGRAM_SUB_BITS;

	return (shift + 1) * SM_HISTOGRAM_SUB + (unsigned)((ns >> shift) - SM_HISTOGRAM_SUB);
}

/* `count` values of `ns`. */
static inline void sm_histogram_add_many(struct sm_histogram *h, uint64_t ns, uint64_t count)
{
	h->bucket[sm_histogram_index(ns)] += count;
	if (ns > h->max_ns)
		h->max_ns = ns;
	if (h->count == 0 || ns < h->min_ns)
		h->min_ns = ns;
	h->count += count;
}

static inline void sm_histogram_add(struct sm_histogram *h, uint64_t ns)
{
	h->bucket[sm_histogram_index(ns)]++;
	if (ns > h->max_ns)
		h->max_ns = ns;
	if (h->count == 0 || ns < h->min_ns)
		h->min_ns = ns;
	h->count++;
}

/* The upper edge of a bucket, in ns. */
uint64_t sm_histogram_edge(unsigned index);
/* The value that represents a bucket: its upper edge, at most max_ns. */
uint64_t sm_histogram_value(const struct sm_histogram *h, unsigned index);
void sm_histogram_merge(struct sm_histogram *into, const struct sm_histogram *from);
/* The q-quantile (0 < q < 1) in ns: the upper edge of the bucket that holds it, at most max_ns. UINT64_MAX where fewer
 * than 10 values lie above it (n (1 - q) < 10): too few to support it. */
uint64_t sm_histogram_quantile(const struct sm_histogram *h, double q);
/* HdrHistogram percentile text (values in ns).  Returns 0 or -errno of the stream. */
int sm_histogram_write(const struct sm_histogram *h, FILE *out);

#endif
