/* An engineer's question, answered from made-up runs whose right answer is known. */
#include <stdlib.h>

#include "made_up_run.h"
#include "shmeter/choose.h"

static const struct sm_variant transports[] = {
	{ .name = "pipe" }, { .name = "ring", .spins = true }, { .name = "cond" }, { 0 }
};
static const struct sm_scenario latency = { .name = "transport_latency",
					    .family = "transport",
					    .variants = transports };
static const struct sm_variant locks[] = { { .name = "mutex" }, { .name = "tas", .spins = true }, { 0 } };
static const struct sm_scenario contended = { .name = "lock_throughput", .family = "sync", .variants = locks };
static const struct sm_scenario *const asked[] = { &latency, &contended };

/* Of each case; under six there is no interval. */
static unsigned blocks = 8;

/* A case; CPU time is 7 ns an operation. */
static void add(const char *scenario, const char *variant, const char *params, double ns)
{
	unsigned c = add_case(scenario, variant, params, 2);

	run.cases[c].transfers_per_op = strcmp(scenario, "transport_latency") == 0 ? 2 : 1;
	for (unsigned b = 0; b < blocks; b++)
		add_trial(c, b, 0, 0, ns);
}

static void add_transports(void)
{
	const char *here = "message=64 capacity=65536", *large = "message=4096 capacity=65536";

	add("transport_latency", "pipe", here, 400);
	add("transport_latency", "ring", here, 20);
	add("transport_latency", "cond", here, 300);
	add("transport_throughput", "pipe", here, 50);
	add("transport_throughput", "ring", here, 10);
	add("transport_throughput", "cond", here, 500);
	add("transport_throughput", "two_copies", here, 1);
	add("transport_latency", "pipe", large, 500);
	add("transport_latency", "cond", large, 900);
	analyse();
}

static char *answer_to(const struct sm_question *question, int wanted)
{
	const struct sm_report_options options = { .width = 400, .scenarios = asked, .scenario_count = 2 };
	const struct sm_results *runs[] = { &run };
	struct sm_error err = { 0 };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int rc = sm_choose_check(question, &err);

	if (rc == 0)
		rc = sm_choose_answer(question, runs, 1, &options, out, &err);
	fputs(err.text, out);
	fclose(out);
	cr_expect_eq(rc, wanted, "%d: %s", rc, err.text);
	return text;
}

static void expect_answer(const struct sm_question *question, int rc, const char *has, const char *lacks)
{
	char *text = answer_to(question, rc);

	expect_text(text, has);
	if (lacks)
		cr_expect_null(strstr(text, lacks), "\"%s\" has \"%s\"", text, lacks);
	free(text);
}

static struct sm_question message(void)
{
	return (struct sm_question){ .choice = SM_CHOOSE_TRANSPORT, .message = 64 };
}

Test(analysis, who_may_not_spin_gets_what_sleeps)
{
	struct sm_question q = message();

	add_transports();
	expect_answer(&q, 0, "Take cond. A round trip takes transport_latency/cond: 300 ns (95 % interval",
		      "two_copies");
	expect_answer(&q, 0, "Left out, for they spin while they wait (--may-spin takes them): ring.", NULL);
	expect_answer(&q, 0, "- --may-spin: transport_latency/ring: 20.0 ns", NULL);
	q.may_spin = true;
	expect_answer(&q, 0, "Take ring.", "Left out");
}

/* A run with a plug-in that the answering program does not load: its manifest says who spins. */
Test(analysis, a_ring_of_a_plugin_spins_as_its_run_recorded)
{
	static const char here[] = "message=64 capacity=65536";
	struct sm_question q = message();

	add("transport_latency", "mine", here, 10);
	add("transport_throughput", "mine", here, 5);
	add("transport_latency", "sleeper", here, 200);
	add_transports();
	json_object_set_new(run.manifest, "options", json_pack("{s:[s]}", "plugins", "/x/mine.so"));
	json_object_set_new(run.manifest, "plan",
			    json_pack("{s:[{s:s, s:{s:s, s:b}}, {s:s, s:{s:s, s:b}}]}", "cases", "id",
				      "transport_latency/mine?message=64 capacity=65536@near", "plugin", "file",
				      "/x/mine.so", "spins", 1, "id",
				      "transport_latency/sleeper?message=64 capacity=65536@near", "plugin", "file",
				      "/x/sleeper.so", "spins", 0));
	expect_answer(&q, 0, "Take sleeper (plug-in /x/sleeper.so). A round trip", NULL);
	expect_answer(&q, 0, "Left out, for they spin while they wait (--may-spin takes them): mine, ring.", NULL);
	q.may_spin = true;
	expect_answer(&q, 0, "Take mine (plug-in /x/mine.so). A round trip", "Left out");
}

Test(analysis, another_point_of_the_run_can_have_another_answer)
{
	struct sm_question q = message();

	add_transports();
	expect_answer(&q, 0,
		      "- At message=4096 capacity=65536, near it would be another: transport_latency/pipe: 500 ns",
		      NULL);
	q.message = 4096;
	expect_answer(&q, 0, "Take pipe.", NULL);
}

/* 3 million a second: `cond` moves 2, `pipe` 20. */
Test(analysis, who_cannot_sustain_the_rate_is_not_taken)
{
	struct sm_question q = message();

	add_transports();
	q.rate = 3e6;
	expect_answer(&q, 0, "1 of 2 sustain 3.00 M/s", "Take cond");
	expect_answer(&q, 0, "Take pipe.", NULL);
	q.rate = 1e9;
	expect_answer(&q, 0, "None of the transports measured is known to do that", "Take");
}

Test(analysis, who_has_no_interval_is_not_said_to_be_too_slow)
{
	struct sm_question q = message();

	blocks = 4;
	add_transports();
	q.rate = 3e6;
	expect_answer(&q, 0, "0 of 2 sustain 3.00 M/s", "Take");
	expect_answer(&q, 0, "Without an interval in this run, so not known: cond, pipe.", NULL);
}

Test(analysis, without_an_interval_there_is_no_order)
{
	struct sm_question q = { .choice = SM_CHOOSE_LOCK };

	blocks = 1;
	add("lock_throughput", "mutex", "processes=2 inside=0 outside=0", 9000);
	add("lock_throughput", "tas", "processes=2 inside=0 outside=0", 40);
	analyse();
	expect_answer(&q, 0, "Which one to take is not known: without intervals there is no order", "Take ");
	expect_answer(&q, 0, "The lowest figure is lock_throughput/tas: 40.0 ns", "ied with");
	expect_answer(&q, 0,
		      "Of those that sleep the lowest median is lock_throughput/mutex: 9.00 us (no interval, n = 1).",
		      "1=");
}

Test(analysis, what_was_asked_and_has_no_figure_is_named)
{
	struct sm_question q = { .choice = SM_CHOOSE_LOCK };

	add("lock_throughput", "tas", "processes=2 inside=0 outside=0", 50);
	blocks = 1;
	add("lock_throughput", "ttas", "processes=2 inside=0 outside=0", 40);
	blocks = 0;
	add("lock_throughput", "mutex", "processes=2 inside=0 outside=0", 90);
	analyse();
	expect_answer(&q, 0, "Take tas.", "There is no other one");
	expect_answer(&q, 0, "Without an interval, so not compared: ttas.", NULL);
	expect_answer(&q, 0, "ttas: the figure is lower, so more blocks may change the answer.", NULL);
	expect_answer(&q, 0, "Without a figure: mutex (", NULL);
}

/* 7 ns of CPU time a round trip are 3.5 ns a message: 0.35 % of a PU for a million a second. */
Test(analysis, cpu_time_by_rate_is_a_share_of_a_pu)
{
	struct sm_question q = message();

	add_transports();
	q.rate = 1e6;
	q.cpu_budget = 0.004;
	expect_answer(&q, 0,
		      "At 1.00 M/s it takes 0.35 % of a PU (95 % interval 0.35 to 0.35): 3.50 ns of CPU time a message",
		      "--may-spin: ");
	q.cpu_budget = 0.003;
	expect_answer(&q, 0, "None of the transports measured is known to do that", "Take");
	q.may_spin = true;
	q.cpu_budget = 1.9; /* the ring takes two */
	expect_answer(&q, 0, "Take cond.", NULL);
	q.cpu_budget = 2;
	expect_answer(&q, 0, "It spins: its 2 processes use 2 PUs whatever the rate.", NULL);
}

/* Half of the trials took twice the CPU time: what might exceed the budget is not accepted. */
Test(analysis, a_budget_holds_for_the_upper_end_of_the_cpu_time)
{
	struct sm_question q = message();

	add_transports();
	for (size_t s = 0; s < run.sample_count; s += 2)
		run.samples[s].cpu_ns *= 2;
	q.rate = 1e6;
	q.cpu_budget = 0.006;
	expect_answer(&q, 0, "Over the CPU budget, or not shown to be within it: cond, pipe.", "Take");
	q.cpu_budget = 0.0071;
	expect_answer(&q, 0, "Take cond.", "not shown to be within it");
}

/* What is offered has to do what was asked, too. */
Test(analysis, what_would_change_the_answer_meets_the_question)
{
	struct sm_question q = message();

	add_transports();
	q.rate = 3e6;
	expect_answer(&q, 0, "- --may-spin: transport_latency/ring", "At message=4096");
	q.rate = 50e6;
	expect_answer(&q, 0, "None of the transports measured is known to do that without spinning.", "Take");
	expect_answer(&q, 0, "- --may-spin: transport_latency/ring: 20.0 ns", NULL);
	q.rate = 200e6;
	expect_answer(&q, 0, "No measured point does; others may.", "--may-spin: t");
}

Test(analysis, where_all_spin_that_is_said)
{
	struct sm_question q = message();

	add("transport_latency", "ring", "message=64 capacity=65536", 20);
	analyse();
	expect_answer(&q, -EINVAL, "only transports that spin while they wait have a figure at message=64, near",
		      "Take");
	q.may_spin = true;
	expect_answer(&q, 0, "Take ring.", NULL);
	q.tail = true;
	expect_answer(&q, -EINVAL, "needs 1000 round trips a trial", "Take");
}

/* The median of `pipe` is the better one, its tail is not. */
Test(analysis, the_tail_can_have_another_answer)
{
	struct sm_question q = message();

	add("transport_latency", "pipe", "message=64 capacity=65536", 200);
	add("transport_latency", "cond", "message=64 capacity=65536", 300);
	for (size_t s = 0; s < run.sample_count; s++) {
		bool pipe = run.samples[s].case_index == 0;

		*sm_results_add_bucket(&run) =
			(struct sm_bucket_row){ run.samples[s].trial, pipe ? 200 : 300, 9000, 10000 };
		*sm_results_add_bucket(&run) =
			(struct sm_bucket_row){ run.samples[s].trial, pipe ? 90000 : 310, 1000, 10000 };
	}
	analyse();
	expect_answer(&q, 0, "Take pipe.", NULL);
	q.tail = true;
	expect_answer(&q, 0, "Take cond.", NULL);
}

Test(analysis, a_run_without_the_point_says_what_it_has)
{
	struct sm_question q = message();

	add_transports();
	q.message = 128;
	expect_answer(&q, -EINVAL,
		      "the run has no figure of transport_latency at message=128, near; it has message=64 "
		      "capacity=65536, near; message=4096 capacity=65536, near",
		      "Take");
	q.message = 4096;
	q.rate = 1;
	expect_answer(&q, -EINVAL, "the run has no figure of transport_throughput at message=4096, near", "Take");
}

/* One multiplication takes 0.5 ns: 300 ns are 600, and 500 is the nearest that was measured. */
Test(analysis, a_lock_is_chosen_for_its_critical_section)
{
	struct sm_question q = { .choice = SM_CHOOSE_LOCK, .section_ns = 300 };

	add("lock_throughput", "mutex", "processes=1 inside=0 outside=0", 10);
	add("lock_throughput", "mutex", "processes=1 inside=1000 outside=0", 510);
	add("lock_throughput", "mutex", "processes=2 inside=0 outside=0", 90);
	add("lock_throughput", "tas", "processes=2 inside=0 outside=0", 40);
	add("lock_throughput", "mutex", "processes=2 inside=500 outside=0", 540);
	add("lock_throughput", "tas", "processes=2 inside=500 outside=0", 800);
	analyse();
	q.step_ns = sm_choose_step(&run);
	cr_expect_float_eq(q.step_ns, 0.5, 0.01, "%g", q.step_ns);
	expect_answer(&q, 0, "Take mutex.", NULL);
	expect_answer(&q, 0, "A critical section of 300 ns is 500 multiplications, 2", NULL);
	expect_answer(&q, 0, "- At processes=2 inside=0 outside=0, near it would be another: lock_throughput/tas",
		      NULL);
	q.section_ns = 0;
	expect_answer(&q, 0, "Take tas.", NULL);
	expect_answer(&q, 0, "Of those that sleep the best is lock_throughput/mutex: 90.0 ns", NULL);
	q.section_ns = 300;
	q.step_ns = 0;
	expect_answer(&q, -EINVAL, "the run does not say how long the work under a lock takes", "Take");
}

Test(analysis, pages_are_never_silently_of_another_size)
{
	struct sm_question q = { .choice = SM_CHOOSE_PAGES, .memory = 8ull << 30 };

	add("page_size_random", "4k", "bytes=1073741824", 300);
	add("page_size_random", "thp", "bytes=1073741824", 200);
	add("page_size_random", "4k", "bytes=1048576", 8);
	add("first_touch", "4k", "bytes=67108864", 1000);
	add("prefault", "lazy", "phase=total bytes=33554432", 900);
	add("prefault", "madvise", "phase=total bytes=33554432", 800);
	add("prefault", "lazy", "phase=access bytes=33554432", 850);
	add("prefault", "madvise", "phase=access bytes=33554432", 10);
	analyse();
	expect_answer(&q, 0, "8 GiB of memory, at random: NOT measured. The figures are of 1 GiB", NULL);
	expect_answer(&q, 0, "Take thp. An access takes page_size_random/thp: 200 ns", NULL);
	expect_answer(&q, 0, "First touch takes 262 ms per GiB: first_touch/4k: 1.00 us", NULL);
	expect_answer(&q, 0, "Take madvise. Populating by it and writing takes prefault/madvise: ", NULL);
	q.memory = 1ull << 30;
	expect_answer(&q, 0, "1 GiB of memory, at random:\n", "NOT measured");
	q.access = SM_ACCESS_STREAM;
	expect_answer(&q, -EINVAL, "the run has no figure of page_size_stream at any size", "Take");
}

Test(analysis, a_question_is_whole_or_refused)
{
	static const struct {
		struct sm_question question;
		const char *words;
	} bad[] = {
		{ { .choice = SM_CHOOSE_NOTHING }, "say what to choose" },
		{ { .choice = SM_CHOOSE_TRANSPORT }, "--message needs a size" },
		{ { .choice = SM_CHOOSE_TRANSPORT, .message = 1, .cpu_budget = 1 }, "--cpu-budget needs --rate" },
		{ { .choice = SM_CHOOSE_LOCK, .rate = 1 }, "go with --message" },
		{ { .choice = SM_CHOOSE_PAGES, .memory = 1, .processes = 2 }, "go with --lock" },
		{ { .choice = SM_CHOOSE_LOCK, .access = SM_ACCESS_RANDOM }, "--access goes with --memory" },
		{ { .choice = SM_CHOOSE_PAGES }, "--memory needs a size" },
		{ { .choice = SM_CHOOSE_PAGES, .memory = 1, .placement = SM_PLACE_SMT }, "--smt goes with" },
		{ { .choice = SM_CHOOSE_LOCK, .processes = 1, .section_ns = 1 }, "--critical-section needs two" },
		{ { .choice = SM_CHOOSE_LOCK, .processes = 1, .placement = SM_PLACE_NEAR }, "--near needs two" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		expect_answer(&bad[i].question, -EINVAL, bad[i].words, NULL);
}

/* What is measured is what was asked, and no more than fits. */
Test(analysis, a_question_plans_its_own_run)
{
	struct sm_question q = { .choice = SM_CHOOSE_PAGES, .memory = 8ull << 30, .available = 6ull << 30 };
	struct sm_choose_plan needs;
	struct sm_plan_options plan = { 0 };

	cr_assert(sm_choose_plan(&q, 0, &needs, &plan));
	cr_expect_str_eq(plan.patterns[0], "page_size_random");
	cr_expect_str_eq(plan.set[0].text, "2147483648", "half of 6 GiB, and a power of two: %s", plan.set[0].text);
	cr_expect(sm_choose_plan(&q, 1, &needs, &plan));
	cr_expect_eq(plan.set_count, 0);
	cr_expect_not(sm_choose_plan(&q, 2, &needs, &plan));
	q = (struct sm_question){ .choice = SM_CHOOSE_LOCK, .processes = 3, .section_ns = 200 };
	cr_expect(sm_choose_plan(&q, 0, &needs, &plan));
	cr_expect_str_eq(plan.set[1].text, "0,1000");
	q.step_ns = 0.5;
	cr_expect(sm_choose_plan(&q, 1, &needs, &plan));
	cr_expect_str_eq(plan.set[0].text, "3");
	cr_expect_str_eq(plan.set[1].text, "400");
	q.section_ns = 0;
	cr_expect_not(sm_choose_plan(&q, 1, &needs, &plan));
}
