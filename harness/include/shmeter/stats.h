/* Statistics of a run: order statistics, which assume no distribution.  Pure functions; method.md has the sources.  NaN
 * means that there are too few values to support a number; callers print the reason, never NaN. */
#ifndef SHMETER_STATS_H
#define SHMETER_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64: the only source of random numbers in plans and
 * simulations. */
struct sm_random {
	uint64_t s[4];
};
void sm_random_seed(struct sm_random *random, uint64_t seed);
uint64_t sm_random_next(struct sm_random *random);
/* Uniform in [0, bound), without modulo bias (Lemire 2019).  bound > 0. */
uint64_t sm_random_below(struct sm_random *random, uint64_t bound);
/* Fisher-Yates over `count` elements of `size` bytes. */
void sm_random_shuffle(struct sm_random *random, void *base, size_t count, size_t size);

/* The median; reorders `values`.  NaN for none. */
double sm_median(double *values, size_t count);
/* Median absolute deviation from the median, unscaled; reorders. */
double sm_mad(double *values, size_t count);
/* Quantile by linear interpolation (type 7); values sorted ascending. */
double sm_quantile_sorted(const double *values, size_t count, double q);

struct sm_interval {
	double estimate, low, high;
	double confidence; /* achieved, at least the one asked for; 0 where there is no interval */
	size_t count;
};

/* Median with its exact order-statistic (sign-test) confidence interval: [x(k), x(n+1-k)] with the largest k whose
 * coverage 1 - 2 BinomCDF(k-1; n, 1/2) is at least `confidence`.  Where even k = 1 does not reach it (under 6 values at
 * 95 %) low and high are NaN.  Reorders `values`. */
struct sm_interval sm_median_interval(double *values, size_t count, double confidence);

/* How often that interval of `used` values contains the median of all, where more values were lost: `lowest` of them
 * below all others, and `highest` above.  0 where there is no interval. */
double sm_median_coverage(size_t used, size_t lowest, size_t highest, double confidence);

/* The same for data that are looked at after any block and then get more or do not: the intervals of all looks together
 * contain the median with probability `confidence`.  A value is excluded where sm_sign_sequence_p() is at most half of 1 -
 * confidence, so low and high are NaN under 8 values at 95 %.  Reorders `values`. */
struct sm_interval sm_median_sequence(double *values, size_t count, double confidence);
/* ln of the evidence against "of all values at most half lie above", where `above` of n do (values that are equal are
 * left out): the mixture of likelihood ratios (H. Robbins, "Statistical methods related to the law of the iterated
 * logarithm", 1970) over the uniform distribution of the share from 1/2 to 1.  If at most half do, the evidence exceeds
 * 1 / p at any number of values with a probability of at most p (J. Ville, 1939). */
double sm_sign_evidence(uint64_t above, uint64_t n);
/* The p-value of that, for any number of looks: 1 over the evidence, at most 1. */
double sm_sign_sequence_p(uint64_t above, uint64_t n);
/* How many of `count` must be above for this p-value to be at most `level`; 0: not even all are enough. */
size_t sm_sign_sequence_need(size_t count, double level);

/* P(X <= k) for X ~ Binomial(n, p). */
double sm_binomial_cdf(uint64_t k, uint64_t n, double p);
/* The p at which P(X <= k) is `target`. */
double sm_binomial_p(uint64_t k, uint64_t n, double target);
/* Clopper-Pearson interval of k successes in n. */
struct sm_interval sm_binomial_interval(uint64_t k, uint64_t n, double confidence);
/* Two-sided sign-test p-value for `above` of n (ties left out by the caller). */
double sm_sign_test(uint64_t above, uint64_t n);
/* One-sided p-value of "x is shifted against y by at most `shift`", by Mann and Whitney's U (1947): exact for up
 * to 100 values a side, normal with continuity correction beyond.  NaN for an empty side. */
double sm_shift_test(const double *x, size_t nx, const double *y, size_t ny, double shift);
/* The shift of x against y: median of all differences (Hodges and Lehmann, 1963) with its confidence interval from U
 * (Lehmann, Nonparametrics, 1975, ch. 2).  low and high are NaN where there are too few values. */
struct sm_interval sm_shift_interval(const double *x, size_t nx, const double *y, size_t ny, double confidence);
/* Smallest detectable ratio (> 1) of two samples of logarithms for sm_shift_test() at this one-sided level, as
 * sm_minimum_detectable_ratio() means it.  The probability that a value of x exceeds one of y, at which the test has
 * this power, follows from the standard error of Hanley and McNeil (Radiology 143, 1982); the shift is half the
 * distance between the two quantiles of the differences x - y that belong to it.  Differences of samples scatter less
 * than those of what they are drawn from; n / (n - 1.5) makes up for it (Brugger, The American Statistician 23,
 * 1969).  In simulation seven shapes have a power of 0.77 to 0.83 at 8 to 32 values a side.  NaN where no sample of
 * this size reaches the level. */
double sm_minimum_detectable_shift_ratio(const double *x, size_t nx, const double *y, size_t ny, double level);
/* Standard normal quantile. */
double sm_normal_quantile(double p);

/* How many of `count` values must be on one side for a sign test at this one-sided level; 0: not even all are enough.
 * The interval of a median excludes a value exactly where the test at level (1 - confidence) / 2 does. */
size_t sm_sign_test_need(size_t count, double level);

/* Smallest detectable ratio (> 1) of paired log-ratios for a test that needs so many of them on one side:
 * sm_sign_test_need() or sm_sign_sequence_need(), at a one-sided level of 0.025 for a 95 % interval.  Run as many blocks again, of the same shape and shifted by ln of this ratio, up as often as down:
 * the test tells the side of the shift with probability SM_DETECTABLE_POWER, on average over the runs that the ratio
 * comes from. It is half the distance between two of the values.  What lies farther out than that is a share with a
 * beta distribution, exactly so for uniform values, so it follows from the ranks how often the test has enough values
 * on one side: neither a normal shape nor an estimated deviation is needed.  A test that needs all values on one side
 * asks for more than the values span: the last gap is added twice, which is right for exponential tails.  In
 * simulation (tests/unit/test_detectable.c) seven shapes have a power of 0.77 to 0.89 at 8 to 30 values.  A skewed
 * shape has more on one side (0.95 to 0.99) than on the other (0.57 to 0.70).  NaN for a need of 0, where even
 * all values on one side are too few.  Reorders `logs`. */
#define SM_DETECTABLE_POWER 0.8
double sm_minimum_detectable_ratio(double *logs, size_t count, size_t need);

/* P(T > t) for Student's t with `freedom` degrees of freedom. */
double sm_student_tail(double t, double freedom);
/* The t that is exceeded with probability `tail` (0 < tail < 1). */
double sm_student_quantile(double tail, double freedom);

/* Earlier runs of one build as units: one value per run, its level, as ln.  Blocks of a run say how well its level is
 * known, never how much runs differ. */
struct sm_run_levels {
	size_t count;
	double mean;
	double scatter; /* standard deviation between runs; NaN under two */
};
struct sm_run_levels sm_run_levels(const double *level, size_t count);
/* One-sided p-value of a further run's level that lies more than `bound` above the mean; 1 where it does not, or under
 * two runs.  It is the probability that a run of the earlier runs' population lies at least as far above the mean, where
 * levels are normal: t = (level - mean) / (scatter sqrt(1 + 1 / count)) with count - 1 degrees of freedom (the
 * prediction interval of one further value; Hahn and Meeker, Statistical Intervals, 1991, ch. 4).  A bound below 0 asks
 * for a run that is lower: then of the population with its mean at the bound. */
double sm_run_levels_beyond(const struct sm_run_levels *runs, double level, double bound);
/* How far above the mean a further run of the same population lies with probability `tail`.  NaN under two runs. */
double sm_run_levels_margin(const struct sm_run_levels *runs, double tail);
/* Fewest runs of this scatter, of at least two and at most `most`, with which a run that differs by `difference` is
 * beyond the margin with probability `power` (about); 0: none. */
size_t sm_run_levels_needed(double scatter, double difference, double tail, double power, size_t most);
/* The noise floor as ln: 95 % of all pairs of runs of this scatter differ by less, where levels are normal. */
double sm_run_levels_floor(double scatter);

/* Holm's step-down adjustment of `count` p-values in place (order kept). */
void sm_holm(double *p, size_t count);

/* Pair classes: one-dimensional clusters of probe times. */
#define SM_CLASSES_MAX 4
struct sm_classes {
	unsigned count; /* 0: no probes */
	struct sm_class {
		double center_ns; /* ascending: the median probe of the class */
		double lower_ns;  /* the valley below it; 0 for the first */
		double upper_ns;  /* the valley above it; INFINITY for the last */
		uint64_t members;
	} at[SM_CLASSES_MAX];
};
/* Finds at most SM_CLASSES_MAX clusters of the probe times (> 0 ns) on a logarithmic scale: peaks of a
 * Gaussian kernel density that are separated by a valley.  Reorders `probes_ns`. */
void sm_classes_find(struct sm_classes *classes, double *probes_ns, size_t count);
/* Classes of the paces (in cycles) of workers that ran alone: narrow bands, SM_PACE_WIDTH from end to end, that hold
 * most of the paces.  The lowest band is the core's own pace; others come from a steady neighbour on the core.  A pace
 * between the bands (a neighbour that comes and goes) has no class.  At most SM_CLASSES_MAX; reorders `paces`. */
#define SM_PACE_WIDTH 1.05
void sm_paces_find(struct sm_classes *classes, double *paces, size_t count);
/* Index of the class of one probe; -1 where it is not a time or in no class. */
int sm_classes_of(const struct sm_classes *classes, double probe_ns);

#endif
