/* Tests that may be looked at after every block: false alarms, coverage and power by simulation, beside the tests for a
 * fixed number of blocks, which must not be looked at.
 * usage: test_sequence; with SHMETER_TABLE set it prints the rates */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/stats.h"

#define TRIES 4000
#define FIRST 8
#define MOST  64

static struct sm_random noise;

static double normal(void)
{
	return sm_normal_quantile(((double)(sm_random_next(&noise) >> 11) + 0.5) / 9007199254740992.0);
}

/* The share of simulated runs, with blocks around `middle`, that say at one of the looks that the median is above 0. */
static double alarms(double middle, double level, bool sequence)
{
	unsigned count = 0;

	sm_random_seed(&noise, 20);
	for (unsigned run = 0; run < TRIES; run++) {
		unsigned above = 0;

		for (unsigned n = 1; n <= MOST; n++) {
			double p;

			above += normal() + middle > 0;
			if (n < FIRST || n % 2)
				continue;
			p = sequence ? sm_sign_sequence_p(above, n) : 1 - sm_binomial_cdf(above - 1, n, 0.5);
			if ((sequence || above > 0) && p <= level) {
				count++;
				break;
			}
		}
	}
	if (getenv("SHMETER_TABLE"))
		printf("median at %4.1f sigma, level %g, %s: %.4f of runs\n", middle, level,
		       sequence ? "for any number of looks" : "for one look", (double)count / TRIES);
	return (double)count / TRIES;
}

Test(sequence, looks_give_no_false_alarms)
{
	/* three standard errors of the simulation */
	cr_expect_lt(alarms(0, 0.025, true), 0.025 + 3 * sqrt(0.025 / TRIES));
	cr_expect_lt(alarms(0, 0.001, true), 0.001 + 3 * sqrt(0.001 / TRIES));
	/* the test for one look raises more than twice as many as it says */
	cr_expect_gt(alarms(0, 0.025, false), 2 * 0.025);
}

#define CASES 12
#define ALPHA 0.01 /* over all cases, by Holm's procedure */

/* How one case of a simulated alternation stands: its blocks are the sign of d - ln(threshold). */
struct standing {
	unsigned above, n;
	bool open;
};

/* Simulates the rule for looks, with the p-values of the program but a copy of its decision (gate/open.c); test_alternation
 * tests that one.  Simulates alternations of CASES cases, all around `middle` beyond their threshold.  A case gets two more blocks while it
 * is open: neither the level of Holm's first step is reached, nor is the threshold excluded at 2.5 %.  Returns the share
 * with a FAIL in the end; `*blocks`: blocks of a case, on average. */
static double alternations_that_fail(double middle, double *blocks)
{
	unsigned failed = 0;

	*blocks = 0;
	sm_random_seed(&noise, 22);
	for (unsigned run = 0; run < TRIES; run++) {
		struct standing c[CASES] = { 0 };
		double p[CASES];
		bool any = true, fail = false;

		for (unsigned i = 0; i < CASES; i++)
			c[i].open = true;
		for (unsigned n = 1; n <= MOST && any; n++) {
			any = n < 14;
			for (unsigned i = 0; i < CASES; i++) {
				if (!c[i].open)
					continue;
				c[i].n++;
				c[i].above += normal() + middle > 0;
				if (n >= 14 && n % 2 == 0)
					c[i].open = sm_sign_sequence_p(c[i].above, n) > ALPHA / CASES &&
						    sm_sign_sequence_p(n - c[i].above, n) > 0.025;
				any |= c[i].open;
			}
		}
		for (unsigned i = 0; i < CASES; i++) {
			p[i] = sm_sign_sequence_p(c[i].above, c[i].n);
			*blocks += (double)c[i].n / CASES / TRIES;
		}
		sm_holm(p, CASES);
		for (unsigned i = 0; i < CASES; i++)
			fail |= p[i] <= ALPHA;
		failed += fail;
	}
	if (getenv("SHMETER_TABLE"))
		printf("%u cases at %4.1f sigma: %.4f of alternations fail, %.1f blocks a case\n", CASES, middle,
		       (double)failed / TRIES, *blocks);
	return (double)failed / TRIES;
}

/* Cases that are settled get no more blocks, and one more FAIL makes the level of the others less strict: neither costs
 * false FAILs. */
Test(sequence, an_alternation_keeps_its_level)
{
	double blocks;

	cr_expect_lt(alternations_that_fail(0, &blocks), ALPHA + 3 * sqrt(ALPHA / TRIES));
	cr_expect_lt(alternations_that_fail(-2, &blocks), 0.001);
	cr_expect_lt(blocks, 16, "what is clear needs few blocks: %g", blocks);
	cr_expect_gt(alternations_that_fail(2, &blocks), 0.999);
	cr_expect_lt(blocks, 24, "%g", blocks);
}

Test(sequence, a_clear_difference_is_found)
{
	cr_expect_gt(alarms(1, 0.001, true), 0.95);
	cr_expect_gt(alarms(0.5, 0.025, true), 0.50);
}

/* The share of runs in which an interval of one of the looks misses the median. */
static double misses(bool sequence)
{
	unsigned count = 0;
	double value[MOST], room[MOST];

	sm_random_seed(&noise, 21);
	for (unsigned run = 0; run < TRIES; run++) {
		bool missed = false;

		for (unsigned n = 0; n < MOST; n++) {
			value[n] = exp(normal()) - 1; /* skewed */
			if (n + 1 < FIRST || (n + 1) % 2)
				continue;
			memcpy(room, value, (n + 1) * sizeof(*room));
			struct sm_interval interval = sequence ? sm_median_sequence(room, n + 1, 0.95)
							       : sm_median_interval(room, n + 1, 0.95);

			missed |= interval.low > 0 || interval.high < 0;
		}
		count += missed;
	}
	if (getenv("SHMETER_TABLE"))
		printf("95 %% intervals %s: %.4f of runs have one that misses\n",
		       sequence ? "for any number of looks" : "for one look", (double)count / TRIES);
	return (double)count / TRIES;
}

Test(sequence, all_intervals_together_contain_the_median)
{
	cr_expect_lt(misses(true), 0.05 + 3 * sqrt(0.05 / TRIES));
	cr_expect_gt(misses(false), 0.10);
}

Test(sequence, the_evidence_is_the_integral)
{
	/* the mixture by the trapezoidal rule */
	for (unsigned n = 1; n <= 40; n += 3)
		for (unsigned above = 0; above <= n; above++) {
			const unsigned steps = 20000;
			double sum = 0;

			for (unsigned i = 0; i <= steps; i++) {
				double p = 0.5 + 0.5 * i / steps;
				double ratio = pow(2 * p, above) * pow(2 * (1 - p), n - above);

				sum += ratio * (i == 0 || i == steps ? 0.5 : 1);
			}
			cr_expect_float_eq(sm_sign_evidence(above, n), log(sum / steps), 1e-3, "%u of %u", above, n);
		}
	cr_expect_eq(sm_sign_sequence_p(0, 0), 1);
	cr_expect_eq(sm_sign_sequence_p(4, 8), 1);
}

Test(sequence, intervals_begin_with_eight_values)
{
	double value[] = { 8, 1, 7, 2, 6, 3, 5, 4 };
	struct sm_interval interval = sm_median_sequence(value, 7, 0.95);

	cr_expect(isnan(interval.low) && isnan(interval.high));
	cr_expect_eq(interval.estimate, 5);
	interval = sm_median_sequence(value, 8, 0.95);
	cr_expect_eq(interval.low, 1);
	cr_expect_eq(interval.high, 8);
	cr_expect_eq(sm_sign_sequence_need(8, 0.025), 8);
	cr_expect_eq(sm_sign_sequence_need(7, 0.025), 0);
	cr_expect_eq(sm_sign_sequence_need(16, 0.025), 14);
}
