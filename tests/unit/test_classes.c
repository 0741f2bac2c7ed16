/* Pair classes on simulated probes of machines of many kinds. */
#include <criterion/criterion.h>
#include <math.h>

#include "shmeter/stats.h"

#define ROOM 40000

struct probes {
	struct sm_random random;
	double ns[ROOM];
	size_t count;
};

static double uniform(struct probes *p)
{
	return ((double)(sm_random_next(&p->random) >> 11) + 0.5) * 0x1p-53;
}

static void add(struct probes *p, double ns)
{
	cr_assert_lt(p->count, ROOM);
	p->ns[p->count++] = ns;
}

/* Evenly over [low, high]. */
static void add_band(struct probes *p, size_t count, double low, double high)
{
	for (size_t i = 0; i < count; i++)
		add(p, low + (high - low) * uniform(p));
}

/* Log-normal about a center. */
static void add_peak(struct probes *p, size_t count, double center, double spread)
{
	for (size_t i = 0; i < count; i++)
		add(p, center * exp(spread * sm_normal_quantile(uniform(p))));
}

/* Evenly on a logarithmic scale: probes in which one of the two was not running. */
static void add_decades(struct probes *p, size_t count, double low, double high)
{
	for (size_t i = 0; i < count; i++)
		add(p, low * pow(high / low, uniform(p)));
}

static struct probes *new_probes(uint64_t seed)
{
	static struct probes p;

	sm_random_seed(&p.random, seed);
	p.count = 0;
	return &p;
}

static struct sm_classes find(struct probes *p)
{
	struct sm_classes classes;
	uint64_t members = 0;

	sm_classes_find(&classes, p->ns, p->count);
	for (unsigned i = 0; i < classes.count; i++) {
		members += classes.at[i].members;
		cr_expect(i == 0 || classes.at[i].center_ns > classes.at[i - 1].center_ns);
		cr_expect(classes.at[i].upper_ns > classes.at[i].center_ns);
		cr_expect_eq(sm_classes_of(&classes, classes.at[i].center_ns), (int)i);
	}
	if (classes.count > 0)
		cr_expect(isinf(classes.at[classes.count - 1].upper_ns));
	cr_expect_eq(members, p->count);
	return classes;
}

Test(classes, a_quiet_machine_has_one)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct probes *p = new_probes(seed);

		add_peak(p, 4000, 52, 0.015);
		struct sm_classes classes = find(p);

		cr_expect_eq(classes.count, 1, "seed %zu", (size_t)seed);
		cr_expect_float_eq(classes.at[0].center_ns, 52, 0.5);
	}
}

Test(classes, a_long_right_tail_makes_none)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct probes *p = new_probes(seed);

		add_peak(p, 4000, 60, 0.03);
		/* A tail that thins out from the peak, and preempted probes of 10 us to 4 ms. */
		for (unsigned i = 0; i < 600; i++)
			add(p, 60 - 40 * log(uniform(p)));
		add_decades(p, 200, 10e3, 4e6);
		struct sm_classes classes = find(p);

		cr_expect_eq(classes.count, 1, "seed %zu: %u classes", (size_t)seed, classes.count);
		cr_expect_float_eq(classes.at[0].center_ns, 60, 3);
	}
}

/* The machine of a cloud guest: near for 3 ms at a time, far for 17, mixtures while it moves, and
 * stretches in which one of the two was not running. */
Test(classes, a_guest_whose_cores_move_has_two)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct probes *p = new_probes(seed);

		add_band(p, 700, 80, 110);
		add_band(p, 4000, 360, 480);
		add_band(p, 150, 110, 360); /* moved during the probe */
		add_decades(p, 150, 10e3, 4e6);
		struct sm_classes classes = find(p);

		cr_assert_eq(classes.count, 2, "seed %zu: %u classes", (size_t)seed, classes.count);
		cr_expect(classes.at[0].center_ns > 85 && classes.at[0].center_ns < 110, "near %g",
			  classes.at[0].center_ns);
		cr_expect(classes.at[1].center_ns > 390 && classes.at[1].center_ns < 440, "far %g",
			  classes.at[1].center_ns);
		cr_expect_eq(sm_classes_of(&classes, 80), 0);
		cr_expect_eq(sm_classes_of(&classes, 115), 0);
		cr_expect_eq(sm_classes_of(&classes, 350), 1);
		cr_expect_eq(sm_classes_of(&classes, 480), 1);
	}
}

Test(classes, the_rarer_class_survives_at_two_per_cent_and_not_at_a_half)
{
	struct probes *p = new_probes(3);

	add_peak(p, 80, 92, 0.06);
	add_peak(p, 3920, 410, 0.06);
	cr_expect_eq(find(p).count, 2);

	p = new_probes(3);
	add_peak(p, 20, 92, 0.06);
	add_peak(p, 3980, 410, 0.06);
	struct sm_classes classes = find(p);

	cr_expect_eq(classes.count, 1);
	cr_expect_float_eq(classes.at[0].center_ns, 410, 5);
}

Test(classes, three_levels_are_told_apart)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct probes *p = new_probes(seed);

		add_peak(p, 900, 30, 0.05);  /* threads of one core */
		add_peak(p, 1500, 95, 0.06); /* one L3 */
		add_peak(p, 600, 210, 0.05); /* another socket */
		struct sm_classes classes = find(p);

		cr_assert_eq(classes.count, 3, "seed %zu: %u", (size_t)seed, classes.count);
		cr_expect_float_eq(classes.at[0].center_ns, 30, 1);
		cr_expect_float_eq(classes.at[1].center_ns, 95, 3);
		cr_expect_float_eq(classes.at[2].center_ns, 210, 5);
	}
}

Test(classes, centers_closer_than_a_ratio_of_1_3_are_one)
{
	struct probes *p = new_probes(4);

	add_peak(p, 2000, 100, 0.005);
	add_peak(p, 2000, 122, 0.005);
	cr_expect_eq(find(p).count, 1);

	p = new_probes(4); /* with a deep valley between them */
	add_peak(p, 2000, 100, 0.005);
	add_peak(p, 2000, 127, 0.005);
	cr_expect_eq(find(p).count, 1);

	p = new_probes(4);
	add_peak(p, 2000, 100, 0.02);
	add_peak(p, 2000, 145, 0.02);
	cr_expect_eq(find(p).count, 2);
}

Test(classes, at_most_four_and_the_biggest_stay)
{
	struct probes *p = new_probes(5);

	add_peak(p, 2000, 20, 0.03);
	add_peak(p, 100, 50, 0.03);
	add_peak(p, 2000, 120, 0.03);
	add_peak(p, 1000, 300, 0.03);
	add_peak(p, 90, 700, 0.03);
	add_peak(p, 1500, 1500, 0.03);
	struct sm_classes classes = find(p);

	cr_assert_eq(classes.count, SM_CLASSES_MAX);
	cr_expect_float_eq(classes.at[0].center_ns, 20, 1);
	cr_expect_float_eq(classes.at[1].center_ns, 120, 10);
	cr_expect_float_eq(classes.at[2].center_ns, 300, 20);
	cr_expect_float_eq(classes.at[3].center_ns, 1500, 60);
}

Test(classes, few_probes_do_not_fall_apart)
{
	unsigned wrong_one = 0, wrong_two = 0;

	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct probes *p = new_probes(seed);

		add_band(p, 24, 360, 480);
		wrong_one += find(p).count != 1;

		p = new_probes(seed);
		add_band(p, 16, 80, 110);
		add_band(p, 16, 360, 480);
		wrong_two += find(p).count != 2;
	}
	cr_expect_eq(wrong_one, 0, "%u of 200 single classes split", wrong_one);
	cr_expect_eq(wrong_two, 0, "%u of 200 double classes merged", wrong_two);
}

Test(classes, what_is_not_a_time_has_no_class)
{
	struct probes *p = new_probes(6);
	struct sm_classes classes;

	sm_classes_find(&classes, p->ns, 0);
	cr_expect_eq(classes.count, 0);
	cr_expect_eq(sm_classes_of(&classes, 50), -1);

	double strange[6] = { NAN, 50, -1, INFINITY, 0, 51 };

	sm_classes_find(&classes, strange, 6);
	cr_expect_eq(classes.count, 1);
	cr_expect_eq(classes.at[0].members, 2);
	cr_expect_float_eq(classes.at[0].center_ns, 50.5, 1e-9);
	cr_expect_eq(sm_classes_of(&classes, NAN), -1);
	cr_expect_eq(sm_classes_of(&classes, 0), -1);
	cr_expect_eq(sm_classes_of(&classes, -5), -1);
	cr_expect_eq(sm_classes_of(&classes, INFINITY), -1);
	cr_expect_eq(sm_classes_of(&classes, 4e6), 0);

	/* Far beyond the grid on both sides. */
	double extreme[4] = { 1e-6, 1e-6, 1e15, 1e15 };

	sm_classes_find(&classes, extreme, 4);
	cr_expect_eq(classes.count, 1);
}

Test(classes, the_scale_does_not_matter)
{
	for (double scale = 0.2; scale < 100; scale *= 3) {
		struct probes *p = new_probes(7);

		add_band(p, 500, 80 * scale, 110 * scale);
		add_band(p, 1500, 360 * scale, 480 * scale);
		cr_expect_eq(find(p).count, 2, "scale %g", scale);
	}
}

/* A neighbour on the core who is steady makes a band of his own; one who comes and goes makes none. */
Test(classes, paces_lie_in_bands)
{
	for (unsigned share = 10; share <= 70; share += 15) {
		struct probes *p = new_probes(share);
		struct sm_classes found;

		for (unsigned i = 0; i < 2000; i++)
			add(p, i % 100 < share        ? 252 * (1 + 0.01 * uniform(p))
			       : i % 100 < share + 20 ? 301 * (1 + 0.01 * uniform(p))
						      : 330 + 170 * uniform(p));
		add(p, 100); /* a clock that jumped */
		sm_paces_find(&found, p->ns, p->count);
		cr_assert_geq(found.count, 2, "%u %%", share);
		cr_expect_float_eq(found.at[0].center_ns, 253, 3, "%u %%: %g", share, found.at[0].center_ns);
		cr_expect_float_eq(found.at[1].center_ns, 302, 3, "%u %%: %g", share, found.at[1].center_ns);
		cr_expect_float_eq((double)found.at[0].members, 20.0 * share, 1);
		cr_expect_eq(sm_classes_of(&found, 250), 0);
		cr_expect_eq(sm_classes_of(&found, 305), 1);
		cr_expect_eq(sm_classes_of(&found, 275), -1, "between the bands");
		cr_expect_eq(sm_classes_of(&found, 100), -1);
	}
}

Test(classes, one_pace_is_one_class)
{
	struct probes *p = new_probes(1);
	struct sm_classes found;

	for (unsigned i = 0; i < 40; i++)
		add(p, 700 * (1 + 0.01 * uniform(p)));
	sm_paces_find(&found, p->ns, p->count);
	cr_expect_eq(found.count, 1);
	cr_expect_eq(sm_classes_of(&found, 705), 0);
	cr_expect_eq(sm_classes_of(&found, 5000), -1);
	/* a probe that was interrupted, twice, is no neighbour */
	add(p, 2000);
	sm_paces_find(&found, p->ns, p->count);
	cr_expect_eq(found.count, 1);
	sm_paces_find(&found, p->ns, 0);
	cr_expect_eq(found.count, 0);
	sm_paces_find(&found, p->ns, 3);
	cr_expect_eq(found.count, 1, "a few are no reason for two");
}

Test(classes, equal_probes_are_one_class)
{
	struct probes *p = new_probes(8);

	for (unsigned i = 0; i < 100; i++)
		add(p, 64);
	struct sm_classes classes = find(p);

	cr_expect_eq(classes.count, 1);
	cr_expect_float_eq(classes.at[0].center_ns, 64, 0);
}
