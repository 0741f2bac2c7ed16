/* What a look says by the figures of a run: from made-up runs whose right answer is known. */
#include "made_up_run.h"
#include "shmeter/look_figures.h"

#define GIB (1ull << 30)

static struct sm_look look;
static struct sm_look_object object;
static struct sm_look_use use;
static struct sm_look_process process;
static struct sm_look_figure figure[SM_LOOK_FIGURES_MAX];

/* A case of page_size_random. */
static void add_pages(const char *pages, uint64_t page_bytes, const char *params, double ns, unsigned blocks)
{
	unsigned c = add_case("page_size_random", pages, params, 1);

	run.cases[c].pages = pages;
	run.cases[c].page_bytes = page_bytes;
	for (unsigned b = 0; b < blocks; b++)
		add_trial(c, b, 0, 0, ns);
}

static void add_run(unsigned blocks)
{
	add_pages("4k", 4096, "bytes=1073741824", 127, blocks);
	add_pages("thp", 2u << 20, "bytes=1073741824", 127, blocks);
	add_pages("2m", 2u << 20, "bytes=1073741824", 100, blocks);
	add_pages("1g", GIB, "bytes=1073741824", 90, blocks);
	analyse();
}

/* Anonymous memory of `bytes`, all of it resident. */
static unsigned ask(uint64_t bytes, uint64_t page, uint64_t thp)
{
	object = (struct sm_look_object){
		.kind = SM_SHARED_ANON, .name = (char *)(uintptr_t) "", .bytes = bytes, .uses = 1
	};
	use = (struct sm_look_use){ .detailed = true,
				    .mapped = { .bytes = bytes,
						.resident = bytes,
						.thp = thp,
						.hugetlb = page > 4096 ? bytes : 0,
						.page_low = page,
						.page_high = page } };
	look = (struct sm_look){ .process = &process,
				 .object = &object,
				 .use = &use,
				 .process_count = 1,
				 .object_count = 1,
				 .use_count = 1 };
	return sm_look_figures(&look, 0, 4096, &run, "runs/one", figure);
}

static const char *said(const char *about)
{
	for (unsigned i = 0; i < SM_LOOK_FIGURES_MAX; i++)
		if (strstr(figure[i].sentence, about))
			return figure[i].sentence;
	cr_expect_fail("nothing about %s", about);
	return "";
}

Test(analysis, base_pages_cost_what_the_run_measured)
{
	add_run(8);
	cr_assert_eq(ask(3 * GIB, 4096, 0), 3, "thp, 2m and 1g");
	expect_text(
		said("2 MiB pages"),
		"Its 3 GiB are mapped by 4 KiB pages: random loads over 1 GiB take 1.27 times as long as with 2 MiB pages "
		"here (95 % CI 1.2");
	expect_text(said("2 MiB pages"), ", n = 8; run runs/one).");
	expect_text(
		said("transparent"),
		"the run cannot tell whether 4 KiB pages or transparent huge pages are faster (ratio 1.00, 95 % CI ");
	expect_text(said("1 GiB pages"), "1.41 times");
	/* 512 MiB cannot have pages of 1 GiB */
	cr_expect_eq(ask(GIB / 2, 4096, 0), 2);
}

Test(analysis, huge_pages_save_what_the_run_measured)
{
	add_run(8);
	cr_assert_eq(ask(GIB, 2u << 20, 0), 1);
	expect_text(
		figure[0].sentence,
		"Its 1 GiB are mapped by 2 MiB pages: with 4 KiB pages, random loads over 1 GiB would take 1.27 times as long");
	cr_assert_eq(ask(GIB, 4096, GIB), 1);
	expect_text(figure[0].sentence, "Its 1 GiB are mapped by transparent huge pages: for random loads");
	cr_assert_eq(ask(GIB, 4096, GIB / 2), 1);
	cr_expect_str_eq(figure[0].sentence, "No figure: pages of several sizes map it.");
}

Test(analysis, no_figure_without_a_measurement)
{
	add_run(8);
	/* five times smaller than what was measured; tiny; a file, whose pages cannot be chosen; nothing resident is known */
	cr_assert_eq(ask(GIB / 5, 4096, 0), 1);
	cr_expect(figure[0].scenario == sm_none && isnan(figure[0].value.estimate));
	expect_text(figure[0].sentence, "does not compare these pages with others near 204.8 MiB (page_size_random)");
	cr_expect_eq(ask(64 << 10, 4096, 0), 0);
	ask(GIB, 4096, 0);
	object.kind = SM_SHARED_FILE;
	cr_expect_eq(sm_look_figures(&look, 0, 4096, &run, "runs/one", figure), 0);
	object.kind = SM_SHARED_ANON;
	use.detailed = false;
	cr_expect_eq(sm_look_figures(&look, 0, 4096, &run, "runs/one", figure), 0);
}

Test(analysis, a_first_pass_through_a_new_mapping)
{
	unsigned c = add_case("attach_existing", "memfd_64m", "-", 2);

	for (unsigned b = 0; b < 8; b++) {
		struct sm_metric_row *row;

		add_trial(c, b, 0, 0, 900);
		row = sm_results_add_metric(&run);
		row->trial = run.samples[run.sample_count - 1].trial;
		row->metric = "first pass per page";
		row->unit = "ns";
		row->value = 250 + b * 0.001;
	}
	add_run(8);
	cr_assert_eq(ask(GIB, 4096, 0), 4);
	expect_text(
		said("child"),
		"A forked child that reads a word of every page of its 1 GiB once takes 250 ns (250 to 250 ns) a page, as "
		"measured over 64 MiB");
	expect_text(said("child"), "n = 8; attach_existing/memfd_64m, run runs/one).");
	cr_expect_str_eq(figure[3].per, "page");
	/* within a factor of four, the whole too, with its interval; not beyond */
	cr_assert_eq(ask(256u << 20, 4096, 0), 3);
	expect_text(said("child"), "once takes 16.4 ms (16.4 to 16.4 ms) in all, 250 ns (250 to 250 ns) a page");
	ask(257u << 20, 4096, 0);
	expect_text(said("child"), "once takes 250 ns");
	ask(64u << 20, 4096, 0);
	object.kind = SM_SHARED_MEMFD;
	sm_look_figures(&look, 0, 4096, &run, "runs/one", figure);
	expect_text(
		said("anew"),
		"A process that maps its 64 MiB anew and reads a word of every page once takes 4.10 ms (4.10 to 4.10 ms) in "
		"all, ");
	/* two classes of pairs: the one with more blocks */
	struct sm_summary_row few = { .case_index = run.summary_count, .value = { .estimate = 1 } };

	for (size_t i = 0; i < run.summary_count; i++)
		if (run.cases[run.summaries[i].case_index].metric == sm_name_of("first pass per page"))
			few = run.summaries[i];
	cr_assert_eq(few.value.count, 8);
	few.value = (struct sm_interval){ .estimate = 900, .low = 890, .high = 910, .count = 6 };
	*sm_results_add_summary(&run) = run.summaries[0];
	for (size_t i = run.summary_count; --i > 0;)
		run.summaries[i] = run.summaries[i - 1];
	run.summaries[0] = few;
	ask(GIB, 4096, 0);
	expect_text(said("child"), "once takes 250 ns");
	/* huge pages have other faults, and System V segments another variant */
	cr_expect_eq(ask(GIB, 2u << 20, 0), 1);
	ask(GIB, 4096, 0);
	object.kind = SM_SHARED_SYSV;
	cr_expect_eq(sm_look_figures(&look, 0, 4096, &run, "runs/one", figure), 3);
}

/* A hole between two windows is not memory, the same window twice is not more, and what is not resident has no pages. */
Test(analysis, what_is_mapped_has_the_figure)
{
	add_run(8);
	ask(64 << 10, 4096, 0);
	object.bytes = GIB;
	use.mapped.bytes = 128 << 10;
	cr_expect_eq(sm_look_figures(&look, 0, 4096, &run, "runs/one", figure), 0);
	ask(GIB, 4096, 0);
	use.mapped.bytes = 1000 * GIB;
	cr_expect_eq(sm_look_figures(&look, 0, 4096, &run, "runs/one", figure), 3);
	expect_text(figure[0].sentence, "Its 1 GiB are mapped");
	ask(GIB, 4096, 0);
	use.mapped.resident = 0;
	cr_expect_eq(sm_look_figures(&look, 0, 4096, &run, "runs/one", figure), 0);
}

/* Under six blocks there is no interval, so no figure. */
Test(analysis, no_figure_without_an_interval)
{
	add_run(5);
	cr_assert_eq(ask(GIB, 4096, 0), 1);
	expect_text(figure[0].sentence, "No figure: ");
}

Test(analysis, no_figure_of_a_distrusted_comparison)
{
	add_run(8);
	for (size_t i = 0; i < run.pair_count; i++)
		run.pairs[i].distrusted = true;
	cr_assert_eq(ask(GIB, 4096, 0), 1);
	expect_text(figure[0].sentence, "No figure: ");
}

Test(analysis, locks_that_are_waited_for)
{
	unsigned c = add_case("lock_handoff", "mutex", "-", 2);

	for (unsigned b = 0; b < 8; b++)
		add_trial(c, b, 0, 0, 5000);
	add_run(8);
	cr_expect_eq(ask(64 << 10, 4096, 0), 0);
	object.waits = 1;
	cr_assert_eq(sm_look_figures(&look, 0, 4096, &run, "runs/one", figure), 1);
	expect_text(figure[0].sentence,
		    "1 thread waits at a futex in it: if it is a mutex, to hand it to another process and back takes "
		    "lock_handoff/mutex: 5.0");
	cr_expect(figure[0].against == sm_none);
}

Test(analysis, a_run_whose_control_moved_does_not_serve)
{
	char why[256];

	add_run(8);
	cr_expect(sm_look_run_serves(&run, why));
	json_object_set_new(run.analysis, "aa", json_pack("{s:b}", "moved", 1));
	cr_expect_not(sm_look_run_serves(&run, why));
}
