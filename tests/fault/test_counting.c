/* What the counters of a trial count: run() alone, however long the workers wait for each other; and what they leave
 * open. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness_fixture.h"
#include "shmeter/clock.h"

/* How late worker 1 is at each gate: much more than what the scheduler does to a run() of microseconds. */
#define LATE_NS 10000000u
#define SLICES  20
#define EVENTS  "minor-faults,major-faults,context-switches,task-clock"

/* What each worker notes in memory that the parent has, too. */
struct seen {
	uint64_t counted_ns;  /* between switching the first counter on and off */
	unsigned descriptors; /* perf events that are open in run() */
};
static struct seen *seen; /* [2] */

static enum lateness { NOBODY, AT_THE_GATE, AT_THE_COUNTERS } late;
static struct sm_event_set set;
static unsigned me; /* this worker's index */
static uint64_t on_ns;

static void be_late(enum lateness where)
{
	struct timespec nap = { .tv_nsec = LATE_NS };

	if (late == where && me == 1)
		nanosleep(&nap, NULL);
}

/* The gate of workers that share a PU sleeps in this call of the C library: here the test can hold a worker up between
 * one gate and the next. */
long syscall(long number, ...)
{
	static long (*real)(long number, ...);
	long argument[6];
	va_list arguments;
	long result;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "syscall");
	va_start(arguments, number);
	for (unsigned i = 0; i < 6; i++)
		argument[i] = va_arg(arguments, long);
	va_end(arguments);
	result = real(number, argument[0], argument[1], argument[2], argument[3], argument[4], argument[5]);
	if (number == SYS_futex)
		be_late(AT_THE_GATE);
	return result;
}

static int fake_open(struct perf_event_attr *attr, pid_t pid, int pu, int group, unsigned long flags)
{
	(void)attr;
	(void)pid;
	(void)pu;
	(void)group;
	cr_expect_eq(flags, PERF_FLAG_FD_CLOEXEC);
	return memfd_create("perf", MFD_CLOEXEC);
}

static int fake_ioctl(int fd, unsigned long request, unsigned long argument)
{
	(void)fd;
	(void)argument;
	if (request == PERF_EVENT_IOC_ENABLE && !on_ns) {
		be_late(AT_THE_COUNTERS);
		on_ns = sm_clock_ns();
	} else if (request == PERF_EVENT_IOC_DISABLE && on_ns) {
		seen[me].counted_ns += sm_clock_ns() - on_ns;
		on_ns = 0;
	}
	return 0;
}

static ssize_t fake_read(int fd, void *buffer, size_t size)
{
	uint64_t values[3] = { 1, 1, 1 };

	(void)fd;
	memcpy(buffer, values, size < sizeof(values) ? size : sizeof(values));
	return sizeof(values);
}

static const struct sm_os fake_os = {
	.root = "", .perf_open = fake_open, .perf_ioctl = fake_ioctl, .perf_read = fake_read
};

static unsigned open_events(void)
{
	DIR *folder = opendir("/proc/self/fd");
	struct dirent *entry;
	unsigned count = 0;

	while (folder && (entry = readdir(folder))) {
		char target[64] = "";

		if (readlinkat(dirfd(folder), entry->d_name, target, sizeof(target) - 1) > 0)
			count += strstr(target, "memfd:perf") != NULL;
	}
	if (folder)
		closedir(folder);
	return count;
}

static int warm_up(struct sm_worker *worker)
{
	me = worker->index;
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	if (worker->op_count == 0) /* the rehearsal: counters are open by now */
		seen[me].descriptors = open_events();
	return worker->op_count;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	(void)trial;
	(void)err;
	return 0;
}

static const struct sm_variant variants[] = { { .name = "only" }, { 0 } };
static const struct sm_scenario counted = {
	.name = "counted",
	.family = "tests",
	.question = "?",
	.variants = variants,
	.workers = 2,
	.metric = { "time", "ns/op" },
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};

static void measure(enum sm_placement placement, struct sm_trial_result *result)
{
	struct sm_case c = {
		.scenario = &counted,
		.placement = placement,
		.workers = 2,
		.memory = { SM_MEMFD, { SM_PAGES_BASE, 4096 }, SM_MADVISE, SM_FIRST_TOUCH, 0 },
	};
	struct sm_trial_request request = {
		.c = &c,
		.op_count = 1000,
		.slices = SLICES,
		.seed = 1,
		.timeout_ns = 20000000000,
	};
	struct sm_trial_context context;
	struct sm_error err = { 0 };

	seen = mmap(NULL, 2 * sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(seen, MAP_FAILED);
	context_open(&context);
	cr_assert_eq(sm_events_prepare(&set, &fake_os, EVENTS, &err), 0, "%s", err.text);
	context.os = &fake_os;
	context.events = &set;
	cr_assert_eq(sm_trial_run(&context, &request, result, &err), 0, "%s", err.text);
	cr_assert_eq(result->status, SM_OK, "%s", result->reason);
}

TestSuite(counting, .timeout = 60);

/* Worker 0 is at the gate long before worker 1, and counts nothing there. */
Test(counting, the_wait_at_the_gate_is_not_counted)
{
	struct sm_trial_result result;

	late = AT_THE_GATE;
	measure(SM_PLACE_SAME_CORE, &result);
	for (unsigned i = 0; i < 2; i++)
		cr_expect_lt(seen[i].counted_ns, SLICES * (uint64_t)LATE_NS / 2, "worker %u counted %.1f ms", i,
			     (double)seen[i].counted_ns / 1e6);
	sm_trial_result_free(&result);
}

/* Switching counters on takes one worker longer than the other: they start together all the same. */
Test(counting, counters_do_not_hold_up_one_worker_alone)
{
	struct sm_trial_context context;
	struct sm_trial_result result;
	unsigned pus, together = 0;

	context_open(&context);
	sm_topology_pus(context.topology, &pus);
	if (pus < 2)
		cr_skip("one PU: workers that share it start one after the other");
	late = AT_THE_COUNTERS;
	measure(SM_PLACE_NEAR, &result);
	cr_assert_geq(result.slice_count, SLICES - 1);
	for (unsigned i = 0; i < result.slice_count; i++)
		together += result.slice[i].skew_ns < LATE_NS / 2;
	/* On a busy machine the scheduler holds one of them up, too, but not always. */
	cr_expect_geq(together, 1, "%u of %u slices", together, result.slice_count);
	sm_trial_result_free(&result);
}

/* A worker has its own events open, and none that the parent opened to try them; the parent has none left. */
Test(counting, no_event_is_open_that_is_not_counted)
{
	struct sm_trial_result result;

	measure(SM_PLACE_SAME_CORE, &result);
	cr_expect_eq(open_events(), 0, "%u are open in the parent", open_events());
	for (unsigned i = 0; i < 2; i++)
		cr_expect_eq(seen[i].descriptors, set.count, "worker %u: %u of %u", i, seen[i].descriptors, set.count);
	sm_trial_result_free(&result);
}
