/* The tables that people read: who is first, and who cannot be told from whom. */
#include <stdlib.h>

#include "made_up_run.h"
#include "shmeter/report.h"

static char *table(bool all_points)
{
	const struct sm_report_options options = { .width = 100, .all_points = all_points };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	sm_report_tables(&run, &options, out);
	sm_report_findings(&run, &options, out);
	fclose(out);
	return text;
}

static void expect_lines(const char *const *line, size_t count)
{
	char *text = table(false);

	for (size_t i = 0; i < count; i++)
		expect_text(text, line[i]);
	free(text);
}
#define EXPECT_LINES(...)                                                                                              \
	expect_lines((const char *const[]){ __VA_ARGS__ },                                                             \
		     sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* `padded` and `wide` differ by 5 % in each block, and by more from block to block. */
static void add_drifting_point(const char *params)
{
	unsigned first = add_case("pack", "packed", params, 2);

	add_case("pack", "padded", params, 2);
	add_case("pack", "wide", params, 2);
	for (unsigned b = 0; b < 8; b++) {
		double drift = 1 + 0.1 * b;

		add_trial(first, b, 0, 0, 16 * drift);
		add_trial(first + 1, b, 0, 0, 2 * drift);
		add_trial(first + 2, b, 0, 0, 2.1 * drift);
	}
}

Test(analysis, the_best_is_first_and_ties_are_told)
{
	add_pack_point("op=store processes=2", 16, 2, 2, 8);
	analyse();
	EXPECT_LINES("\n  3   packed   16.0 ns", "\n  1=  ", "op=store processes=2, near; n = 8, class");
}

Test(analysis, a_ratio_block_by_block_is_sharper_than_two_intervals)
{
	add_drifting_point("op=add processes=2");
	analyse();
	cr_assert(pair_of("wide", "padded", NULL), "a claim compares the two");
	EXPECT_LINES("\n  1  padded", "\n  2  wide", "\n  3  packed");
}

Test(analysis, without_a_ratio_intervals_that_overlap_are_a_tie)
{
	add_drifting_point("op=store processes=2");
	analyse();
	cr_assert_null(pair_of("wide", "padded", NULL), "no claim compares the two here");
	EXPECT_LINES("\n  1=  padded", "\n  1=  wide", "\n  3   packed");
}

/* A case whose values lie between two bounds. */
static void add_between(const char *variant, double low, double high)
{
	unsigned c = add_case("pack", variant, "op=store processes=2", 2);

	for (unsigned b = 0; b < 8; b++)
		add_trial(c, b, 0, 0, low + (high - low) * (b * 3 % 8) / 7);
}

/* `wide` cannot be told from either of two that can: it has the rank of the best, and the other one is worse. */
Test(analysis, a_rank_counts_who_is_certainly_better)
{
	add_between("padded", 1, 1.1);
	add_between("packed", 1.5, 1.6);
	add_between("wide", 1.05, 1.9);
	analyse();
	EXPECT_LINES("\n  1=  padded", "\n  1=  wide", "\n  2   packed");
}

Test(analysis, without_an_interval_there_is_no_rank)
{
	add_pack_point("op=store processes=2", 16, 2, 3, SM_BLOCKS_MIN - 1);
	analyse();
	EXPECT_LINES("\n  -  padded", "\n  -  wide", "\n  -  packed", "none, n = 5");
}

Test(analysis, a_ratio_is_over_the_first_variant_of_the_plan)
{
	add_pack_point("op=store processes=2", 16, 2, 4, 8);
	analyse();
	EXPECT_LINES("x packed", "  0.125  ", "  0.25  ", "      1  ");
}

/* Three points stand in one table, unless all are asked for. */
Test(analysis, many_points_stand_in_one_table)
{
	char *text;

	add_pack_point("op=store processes=2", 16, 2, 2, 8);
	add_pack_point("op=store processes=4", 16, 2, 4, 8);
	add_pack_point("op=one processes=4", 1, 2, 4, 8);
	analyse();
	EXPECT_LINES("medians, * for the best of each point and its ties", "\n  op      ", "\n  processes  ", "  one\n",
		     "1.00 ns (1.00 to 1.00 ns)*");
	text = table(true);
	expect_text(text, "op=one processes=4, near; n = 8");
	expect_text(text, "op=store processes=4, near; n = 8");
	free(text);
}

/* What a narrow run did not measure is counted, not told claim by claim. */
Test(analysis, claims_that_were_not_asked_for_are_one_line)
{
	char *text;

	add_pack_point("op=store processes=2", 16, 2, 2, 8);
	analyse();
	cr_expect(claim_of("C2")->unmeasured, "%s", claim_of("C2")->reason);
	cr_expect_not(claim_of("C1")->unmeasured);
	text = table(false);
	expect_text(text, "1 more claim of these scenarios was not measured in this run");
	cr_expect_null(strstr(text, claim_of("C2")->sentence));
	free(text);
}

/* A case that this machine cannot run was asked for: its claim says why. */
Test(analysis, what_cannot_run_here_is_not_counted_with_them)
{
	unsigned packed = add_case("pack", "packed", "op=store", 2);

	add_case("pack", "padded", "op=store", 2);
	for (unsigned c = packed; c < packed + 2; c++) {
		add_sample(c, 0)->ended = SM_SKIPPED;
		run.samples[run.sample_count - 1].reason = "needs two cores";
	}
	analyse();
	cr_expect_eq(claim_of("C1")->verdict, SM_NOT_TESTABLE);
	cr_expect_not(claim_of("C1")->unmeasured);
}

/* A count is one whatever disturbed the trial: where no time is left, the counts are still the answer. */
Test(analysis, counts_of_disturbed_trials_are_in_the_table)
{
	unsigned good = add_case("touch", "lazy", "-", 2), bad = add_case("touch", "ready", "-", 2);

	add_trial(good, 0, 0, 20, 20);
	*sm_results_add_metric(&run) = (struct sm_metric_row){ 0, "lost", "1", 0 };
	for (unsigned b = 0; b < 3; b++) {
		unsigned trial = add_sample(bad, b)->trial;

		add_slice(trial, 0, 20, NEAR, FAR);
		*sm_results_add_metric(&run) = (struct sm_metric_row){ trial, "lost", "1", 1234567 };
	}
	analyse();
	EXPECT_LINES("no figure (see below): ready\n", "variant    lost\n", "\n  lazy          0\n",
		     "\n  ready    1.23 M\n", "lost of ready: 1.23 M in each of 3 trials");
}
