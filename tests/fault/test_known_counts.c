/* Counters on work whose counts are known, with a PMU that a test tells what to count. */
#include <sys/mman.h>
#include <unistd.h>

#include "fake_root.h"
#include "harness_fixture.h"
#include "shmeter/known_counts.h"

/* The kinds of work come one after the other, each in processes of its own that open one event each: the walkers, then
 * two writers on one line, then two on their own. */
enum { WALKERS = 2, OPENED = 6 };

static struct {
	_Atomic unsigned opened; /* by processes that are counted */
	double count[OPENED];    /* what the n-th of them counts */
} * pmu;                         /* in memory that all have */
static pid_t parent;
static int refuse;
static unsigned me;
static struct sm_known_count counts[SM_KNOWN_COUNTS];
static struct sm_topology *topology;

static int fake_open(struct perf_event_attr *attr, pid_t pid, int pu, int group, unsigned long flags)
{
	(void)attr;
	(void)pid;
	(void)pu;
	(void)group;
	(void)flags;
	if (refuse) {
		errno = refuse;
		return -1;
	}
	if (getpid() != parent)
		me = pmu->opened++;
	return dup(0);
}

static int fake_ioctl(int fd, unsigned long request, unsigned long argument)
{
	(void)fd;
	(void)request;
	(void)argument;
	return 0;
}

static ssize_t fake_read(int fd, void *buffer, size_t size)
{
	uint64_t values[3] = { 0, 100, 100 };

	(void)fd;
	if (getpid() != parent && me < OPENED)
		values[0] = (uint64_t)pmu->count[me];
	memcpy(buffer, values, size < sizeof(values) ? size : sizeof(values));
	return sizeof(values);
}

static struct sm_os os = { .root = "", .perf_open = fake_open, .perf_ioctl = fake_ioctl, .perf_read = fake_read };

static void setup(void)
{
	root_make();
	os.root = root;
	parent = getpid();
	pmu = mmap(NULL, sizeof(*pmu), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert_neq(pmu, MAP_FAILED);
	cr_assert_eq(sm_topology_open(&topology, NULL, NULL), 0);
}
static void teardown(void)
{
	root_remove();
	sm_topology_close(topology);
}
TestSuite(known_counts, .init = setup, .fini = teardown, .timeout = 120);

/* Each kind of work counts this share of what it has to; the pages and lines are told by a first round. */
static void count_shares(double lines, double pages, double shared, double padded)
{
	struct sm_error err = { 0 };

	pmu->opened = 0;
	pmu->count[0] = lines * counts[SM_KNOWN_LINES].expected;
	pmu->count[1] = pages * counts[SM_KNOWN_PAGES].expected;
	for (unsigned i = 0; i < 2; i++) {
		pmu->count[WALKERS + i] = shared * counts[SM_KNOWN_SHARED].expected / 2;
		pmu->count[WALKERS + 2 + i] = padded * counts[SM_KNOWN_PADDED].expected / 2;
	}
	cr_assert_eq(sm_known_counts(&os, topology, counts, &err), 0, "%s", err.text);
}

static void expect(enum sm_known what, enum sm_verdict verdict)
{
	cr_expect_eq(counts[what].verdict, verdict, "%s: %s, %.0f of %.0f, %s", counts[what].what,
		     sm_verdict_name(counts[what].verdict), counts[what].counted, counts[what].expected,
		     counts[what].reason);
}

static bool writers_are_seated(void)
{
	return counts[SM_KNOWN_SHARED].verdict != SM_NOT_TESTABLE;
}

Test(known_counts, what_is_right_is_supported_and_what_is_off_refuted)
{
	count_shares(0, 0, 0, 0);
	expect(SM_KNOWN_LINES, SM_REFUTED);
	expect(SM_KNOWN_PAGES, SM_REFUTED);
	cr_expect_geq(counts[SM_KNOWN_LINES].expected, 1000);
	cr_expect_eq(counts[SM_KNOWN_PAGES].expected, 65536);
	count_shares(1, 1, 1, 0);
	expect(SM_KNOWN_LINES, SM_SUPPORTED);
	expect(SM_KNOWN_PAGES, SM_SUPPORTED);
	count_shares(0.96, 0.91, 0.6, 0.009);
	expect(SM_KNOWN_LINES, SM_SUPPORTED);
	expect(SM_KNOWN_PAGES, SM_SUPPORTED);
	count_shares(0.94, 0.89, 0.4, 0.02);
	expect(SM_KNOWN_LINES, SM_REFUTED);
	expect(SM_KNOWN_PAGES, SM_REFUTED);
	count_shares(1.06, 1.11, 1.6, 0);
	expect(SM_KNOWN_LINES, SM_REFUTED);
	expect(SM_KNOWN_PAGES, SM_REFUTED);
}

Test(known_counts, shared_lines_travel_and_padded_ones_do_not)
{
	count_shares(1, 1, 0, 0);
	if (!writers_are_seated())
		cr_skip("%s", counts[SM_KNOWN_SHARED].reason);
	expect(SM_KNOWN_SHARED, SM_REFUTED);
	expect(SM_KNOWN_PADDED, SM_SUPPORTED);
	cr_expect_eq(counts[SM_KNOWN_SHARED].expected, 200000);
	count_shares(1, 1, 1, 0.009);
	expect(SM_KNOWN_SHARED, SM_SUPPORTED);
	expect(SM_KNOWN_PADDED, SM_SUPPORTED);
	count_shares(1, 1, 0.4, 0.02);
	expect(SM_KNOWN_SHARED, SM_REFUTED);
	expect(SM_KNOWN_PADDED, SM_REFUTED);
}

Test(known_counts, without_a_pmu_all_is_skipped_with_the_reason)
{
	put("/proc/cpuinfo", "flags\t: fpu hypervisor sse\n");
	put("/sys/bus/event_source/devices/software/type", "1\n");
	refuse = ENOENT;
	count_shares(1, 1, 1, 1);
	for (int i = 0; i < SM_KNOWN_COUNTS; i++) {
		expect((enum sm_known)i, SM_NOT_TESTABLE);
		cr_expect_gt(strlen(counts[i].reason), 20);
	}
	cr_expect(strstr(counts[SM_KNOWN_PAGES].reason, "this virtual machine has no PMU"), "%s",
		  counts[SM_KNOWN_PAGES].reason);
	cr_expect_eq(pmu->opened, 0, "processes were counted all the same");
}
