/* The binomial distribution and Student's through the incomplete beta function, and the normal quantile. */
#include <assert.h>
#include <math.h>

#include "shmeter/stats.h"

/* The continued fraction of the incomplete beta function (NIST DLMF 8.17.22), evaluated from the
 * front by the method of W. J. Lentz (1976).  Converges in O(sqrt(max(a, b))) steps for x <
 * (a+1)/(a+b+2). */
static double beta_fraction(double a, double b, double x)
{
	const double tiny = 1e-300; /* keeps a vanishing denominator out of the division */
	const unsigned steps_max = 100000;
	double c = 1, d = 1 - (a + b) * x / (a + 1);

	d = 1 / (fabs(d) < tiny ? tiny : d);
	double f = d;

	for (unsigned m = 1; m < steps_max; m++) {
		double even = m * (b - m) * x / ((a + 2.0 * m - 1) * (a + 2.0 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1));

		d = 1 + even * d;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = 1 + even / c;
		c = fabs(c) < tiny ? tiny : c;
		f *= d * c;

		d = 1 + odd * d;
		d = 1 / (fabs(d) < tiny ? tiny : d);
		c = 1 + odd / c;
		c = fabs(c) < tiny ? tiny : c;
		f *= d * c;
		if (fabs(d * c - 1) < 1e-16)
			break;
	}
	return f;
}

/* I_x(a, b) for a, b > 0. */
static double beta_regularized(double a, double b, double x)
{
	if (x <= 0)
		return 0;
	if (x >= 1)
		return 1;
	double log_front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x);

	/* The fraction converges fast on one side only; the symmetry I_x(a, b) = 1 - I_{1-x}(b, a)
	 * gives the other (DLMF 8.17.4). */
	if (x < (a + 1) / (a + b + 2))
		return exp(log_front) * beta_fraction(a, b, x) / a;
	return 1 - exp(log_front) * beta_fraction(b, a, 1 - x) / b;
}

double sm_binomial_cdf(uint64_t k, uint64_t n, double p)
{
	if (k >= n)
		return 1;
	/* P(X <= k) = I_{1-p}(n - k, k + 1): DLMF 8.17.5. */
	double cdf = beta_regularized((double)(n - k), (double)k + 1, 1 - p);

	return fmin(1, fmax(0, cdf));
}

/* The CDF falls with p, so bisection finds it. */
double sm_binomial_p(uint64_t k, uint64_t n, double target)
{
	double low = 0, high = 1;

	/* 60 halvings leave 1e-18, under the last bit of most p. */
	for (unsigned i = 0; i < 60; i++) {
		double p = (low + high) / 2;

		if (sm_binomial_cdf(k, n, p) > target)
			low = p;
		else
			high = p;
	}
	return (low + high) / 2;
}

/* C.  Clopper and E.  Pearson, 1934: both tails are exact, so the confidence is never below the one asked for. */
struct sm_interval sm_binomial_interval(uint64_t k, uint64_t n, double confidence)
{
	struct sm_interval interval = { .estimate = NAN, .low = NAN, .high = NAN, .count = n };
	double tail = (1 - confidence) / 2;

	assert(k <= n);
	if (n == 0)
		return interval;
	interval.estimate = (double)k / (double)n;
	interval.confidence = confidence;
	interval.low = k == 0 ? 0 : sm_binomial_p(k - 1, n, 1 - tail);
	interval.high = k == n ? 1 : sm_binomial_p(k, n, tail);
	return interval;
}

double sm_sign_test(uint64_t above, uint64_t n)
{
	assert(above <= n);
	uint64_t fewer = above < n - above ? above : n - above;

	if (n == 0)
		return 1;
	return fmin(1, 2 * sm_binomial_cdf(fewer, n, 0.5));
}

double sm_student_tail(double t, double freedom)
{
	/* P(|T| > t) = I_x(v / 2, 1 / 2) with x = v / (v + t^2): Abramowitz and Stegun 26.7.1. */
	double tail = beta_regularized(freedom / 2, 0.5, freedom / (freedom + t * t)) / 2;

	return t < 0 ? 1 - tail : tail;
}

double sm_student_quantile(double tail, double freedom)
{
	double low = 0, high = 1;

	if (!(tail > 0 && tail < 1 && freedom > 0))
		return NAN;
	if (tail > 0.5)
		return -sm_student_quantile(1 - tail, freedom);
	while (sm_student_tail(high, freedom) > tail && high < 1e100)
		high *= 2;
	/* 60 halvings reach the last bits of a quantile, which lies in the upper half or in [0, 1] */
	for (unsigned i = 0; i < 60; i++) {
		double middle = (low + high) / 2;

		if (sm_student_tail(middle, freedom) > tail)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

static double ratio_of_polynomials(const double top[8], const double bottom[8], double x)
{
	double numerator = top[7], denominator = bottom[7];

	for (int i = 6; i >= 0; i--) {
		numerator = numerator * x + top[i];
		denominator = denominator * x + bottom[i];
	}
	return numerator / denominator;
}

/* M. J. Wichura, "Algorithm AS 241: The percentage points of the normal distribution", Applied
 * Statistics 37 (1988), routine PPND16: about 1 part in 10^16.  The three pairs of polynomials,
 * lowest power first, are the paper's: for the middle, the tails, and the far tails. */
double sm_normal_quantile(double p)
{
	static const double middle_top[8] = { 3.3871328727963666080e0,  1.3314166789178437745e+2,
					      1.9715909503065514427e+3, 1.3731693765509461125e+4,
					      4.5921953931549871457e+4, 6.7265770927008700853e+4,
					      3.3430575583588128105e+4, 2.5090809287301226727e+3 };
	static const double middle_bottom[8] = { 1.0,
						 4.2313330701600911252e+1,
						 6.8718700749205790830e+2,
						 5.3941960214247511077e+3,
						 2.1213794301586595867e+4,
						 3.9307895800092710610e+4,
						 2.8729085735721942674e+4,
						 5.2264952788528545610e+3 };
	static const double tail_top[8] = { 1.42343711074968357734e0,  4.63033784615654529590e0,
					    5.76949722146069140550e0,  3.64784832476320460504e0,
					    1.27045825245236838258e0,  2.41780725177450611770e-1,
					    2.27238449892691845833e-2, 7.74545014278341407640e-4 };
	static const double tail_bottom[8] = { 1.0,
					       2.05319162663775882187e0,
					       1.67638483018380384940e0,
					       6.89767334985100004550e-1,
					       1.48103976427480074590e-1,
					       1.51986665636164571966e-2,
					       5.47593808499534494600e-4,
					       1.05075007164441684324e-9 };
	static const double far_top[8] = { 6.65790464350110377720e0,  5.46378491116411436990e0,
					   1.78482653991729133580e0,  2.96560571828504891230e-1,
					   2.65321895265761230930e-2, 1.24266094738807843860e-3,
					   2.71155556874348757815e-5, 2.01033439929228813265e-7 };
	static const double far_bottom[8] = { 1.0,
					      5.99832206555887937690e-1,
					      1.36929880922735805310e-1,
					      1.48753612908506148525e-2,
					      7.86869131145613259100e-4,
					      1.84631831751005468180e-5,
					      1.42151175831644588870e-7,
					      2.04426310338993978564e-15 };
	double q = p - 0.5;

	if (!(p >= 0 && p <= 1))
		return NAN;
	if (p == 0 || p == 1)
		return p == 0 ? -INFINITY : INFINITY;
	if (fabs(q) <= 0.425)
		return q * ratio_of_polynomials(middle_top, middle_bottom, 0.180625 - q * q);
	double r = sqrt(-log(q < 0 ? p : 1 - p));
	double x = r <= 5 ? ratio_of_polynomials(tail_top, tail_bottom, r - 1.6)
			  : ratio_of_polynomials(far_top, far_bottom, r - 5);

	return q < 0 ? -x : x;
}
