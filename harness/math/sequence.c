/* Tests and intervals of a median that may be looked at after every block. */
#include <math.h>
#include <stdlib.h>

#include "shmeter/stats.h"

double sm_sign_evidence(uint64_t above, uint64_t n)
{
	double x = (double)above + 1, y = (double)(n - above) + 1;

	/* The mixture over p, uniform on (1/2, 1), of (2 p)^above (2 (1 - p))^(n - above): an incomplete beta function,
	 * whose upper half is a binomial tail. */
	return ((double)n + 1) * log(2) + lgamma(x) + lgamma(y) - lgamma(x + y) +
	       log(sm_binomial_cdf(above, n + 1, 0.5));
}

double sm_sign_sequence_p(uint64_t above, uint64_t n)
{
	return n == 0 ? 1 : fmin(1, exp(-sm_sign_evidence(above, n)));
}

size_t sm_sign_sequence_need(size_t count, double level)
{
	size_t need = count + 1;

	while (need > 0 && sm_sign_sequence_p(need - 1, count) <= level)
		need--;
	return need <= count ? need : 0;
}

struct sm_interval sm_median_sequence(double *values, size_t count, double confidence)
{
	struct sm_interval interval = { .estimate = sm_median(values, count), .low = NAN, .high = NAN, .count = count };
	size_t need = sm_sign_sequence_need(count, (1 - confidence) / 2);

	/* a need of half of the values or less does not occur: the evidence of a tie is below 1 */
	if (need > 0) {
		interval.low = values[count - need];
		interval.high = values[need - 1];
		interval.confidence = confidence;
	}
	return interval;
}
