/* The trial against scenarios that go wrong: right status, one tear-down, nothing left. */
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "harness_fixture.h"

enum behaviour { WELL, CRASH, EXIT_EARLY, HANG, HANG_DEAF, TOO_FEW, TOO_MANY, LIE, UNEQUAL, NONE_DONE, ASLEEP, BUSY };

static unsigned teardowns;
static int setup_result, verify_result;
static uint64_t seed = 1;
static uintptr_t stack_at[2]; /* the frame in which each worker ran, as the last proof found it */

/* Beyond the counter, on its page. */
static uintptr_t *frames(void *region)
{
	return (uintptr_t *)region + 64;
}

static uint64_t a_thousand(const struct sm_case *c)
{
	(void)c;
	return 1000;
}

static size_t one_page(const struct sm_case *c)
{
	(void)c;
	return 4096;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	(void)trial;
	return setup_result ? sm_fail(err, -setup_result, "the set-up was told to fail") : 0;
}

/* Worker 1 takes ten times as long for each operation. */
#define STEP_NS 1000u
static uint64_t run_unequally(struct sm_worker *worker)
{
	uint64_t step_ns = STEP_NS * (worker->index == 1 ? 10 : 1), done = 0, part;

	while ((part = sm_next_part(worker, done)) > 0)
		for (; part > 0; part--, done++) {
			uint64_t until = sm_clock_ns() + step_ns;

			while (sm_clock_ns() < until)
				;
			atomic_fetch_add((_Atomic uint64_t *)worker->region, 1);
		}
	return done;
}

static uint64_t run(struct sm_worker *worker)
{
	_Atomic uint64_t *counter = worker->region;
	enum behaviour behaviour = (enum behaviour)sm_case_variant(worker->c)->arg;
	uint64_t ops = worker->op_count;

	if (ops == 0)
		return 0;
	frames(worker->region)[worker->index] = (uintptr_t)__builtin_frame_address(0);
	if (behaviour == UNEQUAL)
		return run_unequally(worker);
	if (behaviour == NONE_DONE)
		ops--;
	if (behaviour == ASLEEP)
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	for (uint64_t from = sm_clock_cpu_ns(); behaviour == BUSY && sm_clock_cpu_ns() - from < 20000000;)
		;
	if (worker->index == 1) {
		if (behaviour == CRASH) {
			signal(SIGSEGV, SIG_DFL); /* AddressSanitizer has a handler */
			kill(getpid(), SIGSEGV);
		}
		if (behaviour == EXIT_EARLY)
			_exit(7);
		for (unsigned turns = 0; behaviour == HANG;)
			if (!sm_spin(&turns, worker->abort))
				return 0;
		while (behaviour == HANG_DEAF)
			pause();
		if (behaviour == TOO_FEW)
			return ops - 1;
		if (behaviour == TOO_MANY)
			return ops + 1;
		if (behaviour == LIE)
			return ops; /* and does nothing */
	}
	for (uint64_t i = 0; i < ops; i++)
		atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
	return ops;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t count = *(uint64_t *)trial->region;

	memcpy(stack_at, frames(trial->region), sizeof(stack_at));
	if (verify_result)
		return sm_fail(err, EILSEQ, "the proof was told to fail");
	if (count != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu of %lu", count, sm_trial_ops(trial));
	return 0;
}

static void teardown(struct sm_trial *trial)
{
	(void)trial;
	teardowns++;
}

static int unsupported(const struct sm_case *c, struct sm_error *why)
{
	(void)c;
	return sm_fail(why, ENOTSUP, "it needs a flux capacitor; buy one");
}

static const struct sm_variant variants[] = {
	{ .name = "well", .arg = WELL },
	{ .name = "crash", .arg = CRASH },
	{ .name = "exit_early", .arg = EXIT_EARLY },
	{ .name = "hang", .arg = HANG },
	{ .name = "hang_deaf", .arg = HANG_DEAF },
	{ .name = "too_few", .arg = TOO_FEW },
	{ .name = "too_many", .arg = TOO_MANY },
	{ .name = "lie", .arg = LIE },
	{ .name = "unequal", .arg = UNEQUAL },
	{ .name = "none_done", .arg = NONE_DONE },
	{ .name = "asleep", .arg = ASLEEP },
	{ .name = "busy", .arg = BUSY },
	{ 0 },
};

static struct sm_scenario fake = {
	.name = "fake",
	.family = "tests",
	.question = "?",
	.variants = variants,
	.workers = 2,
	.metric = { "time", "ns/op" },
	.region_bytes = one_page,
	.setup = setup,
	.run = run,
	.verify = verify,
	.teardown = teardown,
};

static struct sm_case a_case(unsigned variant)
{
	return (struct sm_case){
		.scenario = &fake,
		.variant = variant,
		.placement = SM_PLACE_NEAR,
		.workers = 2,
		.memory = { SM_MEMFD, { SM_PAGES_BASE, 4096 }, SM_MADVISE, SM_FIRST_TOUCH, 0 },
	};
}

/* Finds what `look_at` wants to know before the result is freed. */
static void (*look_at)(const struct sm_trial_result *result);

static enum sm_status try_case(const struct sm_case *c, struct sm_trial_result *result)
{
	struct sm_trial_context context;
	struct sm_trial_request request = {
		.c = c,
		.op_count = 1000,
		.slices = 4,
		.seed = seed,
		.timeout_ns = 2000000000,
	};
	struct sm_error err = { 0 };
	struct left before;

	context_open(&context);
	before = look();
	teardowns = 0;
	cr_assert_eq(sm_trial_run(&context, &request, result, &err), 0, "%s", err.text);
	cr_expect_eq(teardowns, 1, "%u tear-downs", teardowns);
	if (look_at)
		look_at(result);
	sm_trial_result_free(result);
	assert_nothing_left(&before);
	return result->status;
}

static void expect(unsigned variant, enum sm_status status, const char *words)
{
	struct sm_case c = a_case(variant);
	struct sm_trial_result result;
	enum sm_status got = try_case(&c, &result);

	cr_expect_eq(got, status, "%s: %d: %s", variants[variant].name, got, result.reason);
	cr_expect(strstr(result.reason, words), "\"%s\" is not in \"%s\"", words, result.reason);
}

TestSuite(trial, .timeout = 30);

Test(trial, a_good_one_is_ok)
{
	struct sm_case c = a_case(WELL);
	struct sm_trial_result result;

	cr_assert_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
	cr_expect_eq(result.slice_count, 4);
	cr_expect_eq(result.ops, 4000);
	cr_expect_str_eq(result.pages_got, "4k");
}

/* All trials are forked from one place of the parent's stack. */
Test(trial, the_seed_says_where_a_stack_begins)
{
	struct sm_case c = a_case(WELL);
	struct sm_trial_result result;
	uintptr_t first[2], low = UINTPTR_MAX, high = 0;
	unsigned moved = 0;

	for (seed = 1; seed <= 8; seed++) {
		cr_assert_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
		if (seed == 1)
			memcpy(first, stack_at, sizeof(first));
		moved += stack_at[0] != first[0];
		cr_expect_neq(stack_at[0], stack_at[1], "seed %lu: both workers at %lx", seed, stack_at[0]);
		for (unsigned i = 0; i < 2; i++) {
			cr_expect_eq((stack_at[i] - first[0]) % 16, 0);
			low = stack_at[i] < low ? stack_at[i] : low;
			high = stack_at[i] > high ? stack_at[i] : high;
		}
	}
	cr_expect_eq(moved, 7, "%u of 7 trials have moved", moved);
	cr_expect(high - low > 2048 && high - low < 4096, "16 stacks within %lu bytes", high - low);
	seed = 1;
	cr_assert_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
	cr_expect_arr_eq(stack_at, first, sizeof(first), "the same seed, another place");
}

/* Cycles of a hundred turns of eight additions: from ten a cycle to a share of a core that adds one by one, in an
 * emulator or under a sanitizer too. */
static void expect_pace(const struct sm_trial_result *result)
{
	cr_assert_geq(result->slice_count, 4);
	for (unsigned i = 0; i < result->slice_count; i++) {
		const struct sm_slice_row *slice = &result->slice[i].row;

		cr_expect(slice->probe_before_ns > 50 && slice->probe_before_ns < 1e4, "slice %u: %g", i,
			  slice->probe_before_ns);
		cr_expect(slice->probe_after_ns > 50 && slice->probe_after_ns < 1e4, "slice %u: %g", i,
			  slice->probe_after_ns);
	}
}

static void expect_no_pace(const struct sm_trial_result *result)
{
	cr_assert_geq(result->slice_count, 1);
	cr_expect(isnan(result->slice[0].row.probe_before_ns));
	cr_expect(isnan(result->slice[0].row.probe_after_ns));
}

Test(trial, a_worker_alone_is_probed_for_its_pace)
{
	struct sm_case c = a_case(0);
	struct sm_trial_result result;

	fake.workers = c.workers = 1;
	look_at = expect_pace;
	cr_expect_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
	/* the one long slice of a cold trial is not what was before and after it */
	fake.subject = SM_COLD;
	fake.fixed_ops = a_thousand;
	look_at = expect_no_pace;
	cr_expect_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
}

Test(trial, a_crash_is_told)
{
	expect(CRASH, SM_WORKER_DIED, "worker 1 was killed by signal 11");
}
Test(trial, an_exit_is_told)
{
	expect(EXIT_EARLY, SM_WORKER_DIED, "worker 1");
}
Test(trial, a_hang_times_out)
{
	expect(HANG, SM_TIMED_OUT, "deadline");
}
Test(trial, a_deaf_hang_is_killed)
{
	expect(HANG_DEAF, SM_TIMED_OUT, "deadline");
}
Test(trial, too_few_operations_are_seen)
{
	expect(TOO_FEW, SM_VERIFY_FAILED, "999 of 1000");
}
Test(trial, too_few_operations_are_seen_where_no_clock_ends_the_slice)
{
	struct sm_case c = a_case(TOO_FEW);
	struct sm_trial_result result;

	c.placement = SM_PLACE_SAME_CORE;
	fake.ends = SM_FIRST_DONE_OR_CLOCK;
	cr_expect_eq(try_case(&c, &result), SM_VERIFY_FAILED);
	cr_expect(strstr(result.reason, "999 of 1000"), "%s", result.reason);
}
Test(trial, too_few_operations_are_seen_where_nobody_did_all)
{
	fake.ends = SM_FIRST_DONE;
	expect(NONE_DONE, SM_VERIFY_FAILED, "999 of 1000");
}

/* The slow worker would go on alone for 9 ms of 10. */
static void expect_common_end(const struct sm_trial_result *result)
{
	uint64_t shortest = UINT64_MAX, least = UINT64_MAX;

	if (result->shared_pu) /* one PU: each does all of its part when its turn comes */
		return;
	for (unsigned i = 0; i < result->slice_count; i++) {
		shortest = result->slice[i].row.ns < shortest ? result->slice[i].row.ns : shortest;
		least = result->slice[i].row.ops < least ? result->slice[i].row.ops : least;
	}
	/* 1000 of the one, some 100 of the other, in a slice at least that nobody else disturbs */
	cr_expect(least >= 500 && least < 750, "%lu operations on average", least);
	cr_expect_lt(shortest, 5000 * STEP_NS, "%lu ns", shortest);
}

Test(trial, a_slice_ends_for_all_when_one_is_done)
{
	struct sm_case c = a_case(UNEQUAL);
	struct sm_trial_result result;

	fake.ends = SM_FIRST_DONE;
	look_at = expect_common_end;
	cr_expect_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
}

Test(trial, too_many_operations_are_seen)
{
	expect(TOO_MANY, SM_VERIFY_FAILED, "1001 of 1000");
}
Test(trial, claimed_work_is_proved)
{
	expect(LIE, SM_VERIFY_FAILED, " of ");
}

Test(trial, a_failed_set_up_is_torn_down)
{
	setup_result = -EMFILE;
	expect(WELL, SM_SKIPPED, "told to fail");
}

Test(trial, a_failed_proof_is_wrong_data)
{
	verify_result = 1;
	expect(WELL, SM_VERIFY_FAILED, "told to fail");
}

Test(trial, unsupported_says_why)
{
	struct sm_trial_context context;
	struct sm_case c = a_case(WELL);
	struct sm_error why = { 0 };

	context_open(&context);
	fake.supported = unsupported;
	cr_expect_eq(sm_trial_supported(&context, &c, &why), -ENOTSUP);
	cr_expect(strstr(why.text, "flux"), "%s", why.text);
}

Test(trial, stop_ends_it_at_once)
{
	struct sm_trial_context context;
	struct sm_case c = a_case(HANG_DEAF);
	struct sm_trial_request request = {
		.c = &c,
		.op_count = 10,
		.slices = 4,
		.timeout_ns = 20000000000u,
	};
	struct sm_trial_result result;
	struct sm_error err = { 0 };
	struct left before;
	int stop = SIGINT;

	context_open(&context);
	before = look();
	context.stop = &stop;
	uint64_t start_ns = sm_clock_ns();

	cr_expect_eq(sm_trial_run(&context, &request, &result, &err), -EINTR);
	cr_expect_lt(sm_clock_ns() - start_ns, 2000000000u);
	assert_nothing_left(&before);
}

/* Too few descriptors for all workers: the case is skipped in words, and those that had begun are ended. */
Test(trial, a_limit_that_the_team_meets_skips_the_case)
{
	struct sm_trial_context context;
	struct sm_case c = a_case(HANG_DEAF);
	struct sm_trial_result result;
	struct rlimit limit;

	context_open(&context);
	limit.rlim_cur = limit.rlim_max = entries("/proc/self/fd") + 16;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	c.workers = 64;
	cr_assert_eq(try_case(&c, &result), SM_SKIPPED, "%s", result.reason);
	cr_expect(strstr(result.reason, "of 64") && strstr(result.reason, "ulimit -n"), "%s", result.reason);
}

/* The PUs of a case are those that its workers sit on, not the machine's. */
Test(trial, pus_are_those_of_the_seats)
{
	static const unsigned list[] = { 7, 3, 7 };
	static const struct {
		enum sm_placement placement;
		unsigned workers, pus;
	} known[] = {
		{ SM_PLACE_NEAR, 1, 1 },
		{ SM_PLACE_NEAR, 2, 2 },
		{ SM_PLACE_NEAR, 64, 64 },
		{ SM_PLACE_NEAR, 256, 64 },
		{ SM_PLACE_SAME_CORE, 2, 1 },
		{ SM_PLACE_SAME_CORE, 256, 1 },
		{ SM_PLACE_SMT, 2, 2 },
		{ SM_PLACE_SMT, 256, 0 /* there is room for two */ },
		{ SM_PLACE_LIST, 256, 2 },
		{ SM_PLACE_LIST, 2, 2 },
		{ SM_PLACE_CROSS_NODE, 2, 0 /* there is none */ },
	};
	struct sm_trial_context context;
	struct sm_topology *topology;
	struct sm_error err = { 0 };

	context_open(&context);
	cr_assert_eq(sm_topology_open(&topology, "pack:1 core:32 pu:2", &err), 0, "%s", err.text);
	context.topology = topology;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct sm_case c = a_case(WELL);

		c.placement = known[i].placement;
		c.workers = known[i].workers;
		c.pu_list = list;
		c.pu_list_count = sizeof(list) / sizeof(list[0]);
		cr_expect_eq(sm_trial_pus(&context, &c), known[i].pus, "%u at %s: %u", c.workers,
			     sm_placement_name(c.placement), sm_trial_pus(&context, &c));
	}
	sm_topology_close(topology);
}

Test(trial, more_processes_than_pus)
{
	struct sm_case c = a_case(WELL);
	struct sm_trial_result result;

	c.workers = 64;
	cr_expect_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
	cr_expect(result.shared_pu);
}

static void expect_nothing_missed(const struct sm_trial_result *result)
{
	float least = 1;

	for (unsigned i = 0; i < result->slice_count; i++)
		least = fminf(least, result->slice[i].row.away_share);
	cr_expect_lt(least, 0.1f, "%g: a sleep of its own took nothing from it", (double)least);
}

static void expect_missed(const struct sm_trial_result *result)
{
	for (unsigned i = 0; i < result->slice_count; i++)
		cr_expect_gt(result->slice[i].row.away_share, 0.2f, "slice %u: %g", i,
			     (double)result->slice[i].row.away_share);
}

Test(trial, a_worker_misses_what_it_waits_for_not_what_it_sleeps)
{
	struct sm_case c = a_case(ASLEEP);
	struct sm_trial_result result;

	look_at = expect_nothing_missed;
	cr_expect_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
	c = a_case(BUSY);
	c.placement = SM_PLACE_SAME_CORE;
	look_at = expect_missed;
	cr_expect_eq(try_case(&c, &result), SM_OK, "%s", result.reason);
}

Test(trial, calibration_finds_a_slice)
{
	struct sm_trial_context context;
	struct sm_case c = a_case(WELL);
	struct sm_trial_request request = { .c = &c, .calibrate = true, .timeout_ns = 5000000000u };
	struct sm_trial_result result;
	struct sm_error err = { 0 };

	context_open(&context);
	cr_assert_eq(sm_trial_run(&context, &request, &result, &err), 0, "%s", err.text);
	cr_assert_eq(result.status, SM_OK, "%s", result.reason);
	cr_expect_gt(result.op_count, 100);
	cr_expect(result.last_slice_ns > context.slice_ns / 3 && result.last_slice_ns < context.slice_ns * 3, "%lu ns",
		  result.last_slice_ns);
}
