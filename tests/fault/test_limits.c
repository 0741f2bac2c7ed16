/* Limits of a container: what does not fit is not tried, who is killed for memory is a child, and it is told as that. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fake_root.h"
#include "harness_fixture.h"
#include "shmeter/errand.h"
#include "subject/child.h"

#define GROUP "/sys/fs/cgroup/box"

static struct sm_os os;

static void setup(void)
{
	root_make();
	os = sm_os_linux;
	os.root = root;
	put("/proc/self/cgroup", "0::/box\n");
	put(GROUP "/memory.max", "268435456\n");
	put(GROUP "/memory.current", "1048576\n");
	put(GROUP "/memory.events", "oom 0\noom_kill 7\n");
}

TestSuite(limits, .init = setup, .fini = root_remove, .timeout = 60);

enum { KILLED_FOR_MEMORY, KILLED, BUS_ERROR, SCORE, STOPPED };

static int let_go_on(void *worker)
{
	usleep(500000);
	return kill(*(pid_t *)worker, SIGCONT);
}

static void stop_for_a_while(void)
{
	pid_t self = getpid(), child = child_start(let_go_on, &self);

	raise(SIGSTOP);
	child_end(child);
}

/* Worker 1 ends as its variant says. */
static uint64_t run(struct sm_worker *worker)
{
	FILE *file;

	if (worker->op_count == 0)
		return 0;
	switch (worker->index == 1 ? sm_case_variant(worker->c)->arg : SCORE) {
	case KILLED_FOR_MEMORY: put(GROUP "/memory.events", "oom 1\noom_kill 8\n"); /* fall through */
	case KILLED: kill(getpid(), SIGKILL); break;
	case STOPPED: stop_for_a_while(); break;
	case BUS_ERROR:
		signal(SIGBUS, SIG_DFL); /* AddressSanitizer has a handler */
		kill(getpid(), SIGBUS);
		break;
	default: break;
	}
	file = fopen("/proc/self/oom_score_adj", "r");
	if (file) {
		(void)!fscanf(file, "%lu", &worker->outcome->tally[0]);
		fclose(file);
	}
	return worker->op_count;
}

/* Shared pages outlive a worker that was killed for them, and the parent is next where they stay. */
static size_t four_mib(const struct sm_case *c)
{
	(void)c;
	return 4u << 20;
}

static size_t resident_at_end;

static void count_resident(struct sm_trial *trial)
{
	unsigned char there[1024];

	resident_at_end = 0;
	cr_assert_eq(mincore(trial->region, trial->region_bytes, there), 0);
	for (size_t i = 0; i < sizeof(there); i++)
		resident_at_end += there[i] & 1;
}

static uint64_t least_score;

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	(void)err;
	least_score = UINT64_MAX;
	for (unsigned i = 0; i < trial->c->workers; i++)
		if (trial->outcome[i]->tally[0] < least_score)
			least_score = trial->outcome[i]->tally[0];
	return 0;
}

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return 4096;
}

static size_t own_bytes(const struct sm_case *c)
{
	(void)c;
	return 200u << 20;
}

static const struct sm_variant variants[] = { { .name = "for_memory", .arg = KILLED_FOR_MEMORY },
					      { .name = "killed", .arg = KILLED },
					      { .name = "bus_error", .arg = BUS_ERROR },
					      { .name = "score", .arg = SCORE },
					      { .name = "stopped", .arg = STOPPED },
					      { 0 } };

static struct sm_scenario fake = {
	.name = "fake",
	.family = "tests",
	.question = "?",
	.variants = variants,
	.workers = 2,
	.metric = { "time", "ns/op" },
	.region_bytes = region_bytes,
	.run = run,
	.verify = verify,
};

static struct sm_case a_case(unsigned variant, uint64_t page_bytes)
{
	return (struct sm_case){ .scenario = &fake,
				 .variant = variant,
				 .placement = SM_PLACE_NEAR,
				 .workers = 2,
				 .memory = { SM_MEMFD,
					     { page_bytes > 4096 ? SM_PAGES_HUGETLB : SM_PAGES_BASE, page_bytes },
					     SM_MADVISE,
					     SM_FIRST_TOUCH,
					     0 } };
}

static void try(unsigned variant, enum sm_status status, bool lacked, const char *words)
{
	struct sm_case c = a_case(variant, 4096);
	struct sm_trial_context context;
	struct sm_trial_request request = { .c = &c, .op_count = 10, .slices = 1, .timeout_ns = 5000000000 };
	struct sm_trial_result result;
	struct sm_error err = { 0 };
	struct left before;

	context_open(&context);
	context.os = &os;
	before = look();
	cr_assert_eq(sm_trial_run(&context, &request, &result, &err), 0, "%s", err.text);
	cr_expect_eq(result.status, status, "%s", result.reason);
	cr_expect(strstr(result.reason, words), "\"%s\" is not in \"%s\"", words, result.reason);
	cr_expect_eq(result.memory_lacked, lacked);
	sm_trial_result_free(&result);
	assert_nothing_left(&before);
}

Test(limits, a_worker_killed_for_memory_is_told_with_the_limit)
{
	try(KILLED_FOR_MEMORY, SM_WORKER_DIED, true,
	    "for memory: its cgroup allows 256 MiB; raise " GROUP "/memory.max");
}

Test(limits, what_a_killed_worker_had_touched_is_given_back_at_once)
{
	fake.region_bytes = four_mib;
	fake.teardown = count_resident;
	try(SCORE, SM_OK, false, "-");
	cr_expect_eq(resident_at_end, 1024, "%zu pages", resident_at_end);
	try(KILLED, SM_WORKER_DIED, false, "worker 1 was killed");
	cr_expect_eq(resident_at_end, 0, "%zu pages", resident_at_end);
}

/* The count did not rise: somebody else sent it. */
Test(limits, a_worker_killed_otherwise_is_told_as_that)
{
	try(KILLED, SM_WORKER_DIED, false, "worker 1 was killed by signal 9");
}

Test(limits, a_bus_error_is_told_with_what_it_means)
{
	try(BUS_ERROR, SM_WORKER_DIED, true, "worker 1 touched a page that could not be had (SIGBUS)");
}

Test(limits, the_kernel_takes_workers_before_the_parent)
{
	char before[16], after[16];

	cr_assert_eq(sm_os_read(&sm_os_linux, before, sizeof(before), "/proc/self/oom_score_adj"), 0);
	try(SCORE, SM_OK, false, "-");
	cr_expect_eq(least_score, 1000, "%lu", least_score);
	cr_assert_eq(sm_os_read(&sm_os_linux, after, sizeof(after), "/proc/self/oom_score_adj"), 0);
	cr_expect_str_eq(after, before);
}

/* Whatever its slices say: they say nothing where a cold trial has one. */
Test(limits, a_worker_that_was_stopped_is_told)
{
	try(STOPPED, SM_DISTURBED, false, SM_STOOD_STILL "a worker was stopped");
}

static int supported(const struct sm_case *c, struct sm_error *err)
{
	struct sm_trial_context context;

	memset(err, 0, sizeof(*err));
	context_open(&context);
	context.os = &os;
	return sm_trial_supported(&context, c, err);
}

Test(limits, what_workers_take_beside_the_region_counts)
{
	struct sm_case c = a_case(SCORE, 4096);
	struct sm_error err;

	cr_expect_eq(supported(&c, &err), 0, "%s", err.text);
	fake.own_bytes = own_bytes;
	cr_expect_eq(supported(&c, &err), 0, "%s", err.text);
	put(GROUP "/memory.current", "67108864\n");
	cr_expect_eq(supported(&c, &err), -ENOMEM);
	cr_expect(strstr(err.text, GROUP "/memory.max"), "%s", err.text);
	fake.own_bytes = NULL;
	cr_expect_eq(supported(&c, &err), 0, "%s", err.text);
	/* what two workers and their parent take for themselves */
	put(GROUP "/memory.current", "266338304\n");
	cr_expect_eq(supported(&c, &err), -ENOMEM, "2 MiB are left");
}

Test(limits, processes_are_counted_before_they_are_forked)
{
	struct sm_case c = a_case(SCORE, 4096);
	struct sm_error err;

	put(GROUP "/pids.max", "8\n");
	put(GROUP "/pids.current", "4\n");
	cr_expect_eq(supported(&c, &err), 0, "%s", err.text);
	put(GROUP "/pids.current", "5\n");
	cr_expect_eq(supported(&c, &err), -EAGAIN);
	cr_expect(strstr(err.text, GROUP "/pids.max") && strstr(err.text, "3 more"), "%s", err.text);
}

static int errand(void *argument, struct sm_error *err)
{
	int number = *(int *)argument;

	if (number == 0)
		return 0;
	if (number < 0)
		return sm_fail(err, -number, "it was told to fail");
	if (number == SIGKILL)
		put(GROUP "/memory.events", "oom 1\noom_kill 8\n");
	signal(number, number == SIGKILL ? SIG_IGN : SIG_DFL);
	kill(getpid(), number);
	for (;;)
		pause();
}

Test(limits, an_errand_ends_as_its_function_or_tells_who_killed_it)
{
	static const struct {
		int number, rc;
		const char *words;
	} known[] = { { 0, 0, "" },
		      { -EACCES, -EACCES, "it was told to fail" },
		      { SIGKILL, -ENOMEM, "(test) was killed by the kernel for memory: its cgroup allows 256 MiB" },
		      { SIGBUS, -ENOMEM, "could not be had" },
		      { SIGTERM, -ECHILD, "was killed by signal 15" },
		      { SIGALRM, -ETIMEDOUT, "did not end in time" } };
	struct left before = look();

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		int number = known[i].rc == -ETIMEDOUT ? SIGURG : known[i].number; /* SIGURG is ignored */
		struct sm_errand job = { .title = "test", .fn = errand, .argument = &number, .timeout_ns = 500000000 };
		struct sm_error err = { 0 };

		cr_expect_eq(sm_errand_run(&os, &job, &err), known[i].rc, "%s: %s", known[i].words, err.text);
		cr_expect(strstr(err.text, known[i].words), "\"%s\" is not in \"%s\"", known[i].words, err.text);
	}
	assert_nothing_left(&before);
}

Test(limits, a_stop_ends_an_errand)
{
	int number = SIGURG, stop = SIGINT;
	struct sm_errand job = {
		.title = "test", .fn = errand, .argument = &number, .timeout_ns = 30000000000u, .stop = &stop
	};
	struct sm_error err = { 0 };

	cr_expect_eq(sm_errand_run(&os, &job, &err), -EINTR, "%s", err.text);
}

/* Its pages are touched by a child: the parent takes no fault for them. */
Test(limits, memory_is_warmed_in_a_child)
{
	static const size_t bytes = 16u << 20;
	static const enum sm_backing backings[] = { SM_MEMFD, SM_POSIX, SM_FILE };
	struct sm_trial_context context;
	struct rusage before, after;
	struct sm_error err = { 0 };

	context_open(&context);
	for (size_t i = 0; i < sizeof(backings) / sizeof(backings[0]); i++) {
		struct sm_memory asked = { backings[i], { SM_PAGES_BASE, 4096 }, SM_TOUCH, SM_FIRST_TOUCH, 0 };

		getrusage(RUSAGE_SELF, &before);
		cr_assert_eq(sm_region_warm_physical(&sm_os_linux, context.topology, asked, bytes, "/tmp", NULL, &err),
			     0, "%s", err.text);
		getrusage(RUSAGE_SELF, &after);
		cr_expect_lt(after.ru_minflt - before.ru_minflt, (long)(bytes / 4096 / 2), "%ld faults",
			     after.ru_minflt - before.ru_minflt);
	}
}
