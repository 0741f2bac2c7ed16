/* The random source: published vectors, and what plans rely on. */
#include <criterion/criterion.h>
#include <gsl/gsl_cdf.h>
#include <string.h>

#include "shmeter/stats.h"

Test(random, matches_the_authors_vectors)
{
	/* xoshiro256** from state 1, 2, 3, 4. */
	const uint64_t expected[] = { 11520u,
				      0u,
				      1509978240u,
				      1215971899390074240u,
				      1216172134540287360u,
				      607988272756665600u,
				      16172922978634559625u,
				      8476171486693032832u,
				      10595114339597558777u,
				      2904607092377533576u };
	struct sm_random random = { { 1, 2, 3, 4 } };

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		cr_expect_eq(sm_random_next(&random), expected[i], "output %zu", i);
}

Test(random, is_seeded_by_splitmix64)
{
	const uint64_t expected[4] = { 6457827717110365317u, 3203168211198807973u, 9817491932198370423u,
				       4593380528125082431u };
	struct sm_random random;

	sm_random_seed(&random, 1234567);
	for (unsigned i = 0; i < 4; i++)
		cr_expect_eq(random.s[i], expected[i], "word %u", i);
	sm_random_seed(&random, 0);
	cr_expect_neq(random.s[0] | random.s[1] | random.s[2] | random.s[3], 0);
}

Test(random, below_stays_below_and_is_uniform)
{
	enum { CELLS = 7, DRAWS = 70000 };
	unsigned seen[CELLS] = { 0 };
	struct sm_random random;
	double chi = 0;

	sm_random_seed(&random, 5);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t drawn = sm_random_below(&random, CELLS);

		cr_assert_lt(drawn, CELLS);
		seen[drawn]++;
	}
	for (unsigned i = 0; i < CELLS; i++) {
		double off = seen[i] - (double)DRAWS / CELLS;

		chi += off * off / ((double)DRAWS / CELLS);
	}
	cr_expect_gt(gsl_cdf_chisq_Q(chi, CELLS - 1), 0.001, "chi square %g", chi);
	cr_expect_eq(sm_random_below(&random, 1), 0);
}

/* 2^64 holds a bound of 3/4 of it one time and a third.  A modulo would give the lower third of the
 * range half of the draws; a product without a second draw, every third number of it. */
Test(random, below_has_no_bias)
{
	enum { DRAWS = 30000 };
	const uint64_t bound = 3ull << 62;
	unsigned low = 0, third = 0;
	struct sm_random random;

	sm_random_seed(&random, 6);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t drawn = sm_random_below(&random, bound);

		cr_assert_lt(drawn, bound);
		low += drawn < bound / 3;
		third += drawn % 3 == 0;
	}
	struct sm_interval range = sm_binomial_interval(low, DRAWS, 0.999);
	struct sm_interval step = sm_binomial_interval(third, DRAWS, 0.999);

	cr_expect(range.low < 1.0 / 3 && range.high > 1.0 / 3, "%u of %u", low, DRAWS);
	cr_expect(step.low < 1.0 / 3 && step.high > 1.0 / 3, "%u of %u", third, DRAWS);
}

Test(random, shuffle_gives_every_order_alike)
{
	enum { DRAWS = 60000 };
	unsigned seen[27] = { 0 };
	struct sm_random random;
	double chi = 0;

	sm_random_seed(&random, 7);
	for (unsigned i = 0; i < DRAWS; i++) {
		unsigned char order[3] = { 0, 1, 2 };

		sm_random_shuffle(&random, order, 3, 1);
		seen[order[0] * 9 + order[1] * 3 + order[2]]++;
	}
	unsigned orders = 0;

	for (unsigned i = 0; i < 27; i++) {
		if (seen[i] == 0)
			continue;
		double off = seen[i] - DRAWS / 6.0;

		chi += off * off / (DRAWS / 6.0);
		orders++;
	}
	cr_expect_eq(orders, 6);
	cr_expect_gt(gsl_cdf_chisq_Q(chi, 5), 0.001, "chi square %g", chi);
}

Test(random, shuffle_keeps_the_elements_whole)
{
	struct wide {
		unsigned number;
		unsigned char filling[150]; /* wider than one step of the swap */
	} many[40];
	struct sm_random random, twin;
	unsigned sum = 0, moved = 0;

	for (unsigned i = 0; i < 40; i++) {
		many[i].number = i;
		memset(many[i].filling, (int)i, sizeof(many[i].filling));
	}
	sm_random_seed(&random, 8);
	sm_random_shuffle(&random, many, 40, sizeof(many[0]));
	for (unsigned i = 0; i < 40; i++) {
		sum += many[i].number;
		moved += many[i].number != i;
		for (size_t j = 0; j < sizeof(many[i].filling); j++)
			cr_assert_eq(many[i].filling[j], many[i].number);
	}
	cr_expect_eq(sum, 40 * 39 / 2);
	cr_expect_gt(moved, 20);
	sm_random_shuffle(&random, many, 0, sizeof(many[0]));

	/* One seed, one order. */
	unsigned one[20], other[20];

	for (unsigned i = 0; i < 20; i++)
		one[i] = other[i] = i;
	sm_random_seed(&random, 9);
	sm_random_seed(&twin, 9);
	sm_random_shuffle(&random, one, 20, sizeof(one[0]));
	sm_random_shuffle(&twin, other, 20, sizeof(other[0]));
	cr_expect_eq(memcmp(one, other, sizeof(one)), 0);
}
