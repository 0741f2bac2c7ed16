/* Regions: every backing, page size and prefault way is had as asked, or refused with a reason. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness_fixture.h"
#include "shmeter/team.h"

#define BYTES   (8u << 20)
#define POOL_2M "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"

/* What a member found out, in memory that both sides have. */
struct report {
	int rc;
	struct sm_error err;
	struct sm_region_got got;
	long faults_populate, faults_access;
};

struct job {
	struct sm_region *region;
	struct report *report;
};

static struct sm_topology *topology;

static long minor_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt;
}

/* In a member: populate, look, use. */
static int use_region(void *argument, unsigned index)
{
	struct job *job = argument;
	struct report *r = job->report;
	volatile char *memory = job->region->address;
	long before = minor_faults(), between;

	(void)index;
	before = minor_faults();
	r->rc = sm_region_populate(job->region, &r->err);
	between = minor_faults();
	for (size_t i = 0; r->rc == 0 && i < job->region->bytes; i += 4096)
		memory[i] = 1;
	r->faults_access = minor_faults() - between;
	r->faults_populate = between - before;
	if (r->rc == 0)
		r->rc = sm_region_inspect(job->region, true, &r->got, &r->err);
	return 0;
}

static struct report *shared_report(void)
{
	struct report *r =
		mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(r, MAP_FAILED);
	return r;
}

static void in_a_member(sm_member_fn fn, void *argument)
{
	struct sm_team team;
	struct sm_error err = { 0 };
	unsigned first;

	cr_assert_eq(sm_team_start(&team, 1, "test", fn, argument, NULL, &err), 0, "%s", err.text);
	cr_assert_eq(sm_team_wait(&team, UINT64_MAX, NULL, &first), SM_TEAM_DONE, "status %d",
		     team.member[0].wait_status);
	sm_team_free(&team);
}

static void setup(void)
{
	struct sm_error err = { 0 };

	cr_assert_eq(sm_topology_open(&topology, NULL, &err), 0, "%s", err.text);
}

/* One combination; returns whether it was had. */
static bool try_memory(struct sm_memory memory, struct report *report)
{
	struct left before = look();
	struct sm_region region;
	struct sm_error why = { 0 };
	char pages[16];
	int supported = sm_region_supported(&sm_os_linux, topology, memory, BYTES, "/tmp", &why);
	int rc = sm_region_create(&region, &sm_os_linux, topology, memory, BYTES, "/tmp", &why);

	memset(report, 0, sizeof(*report));
	cr_expect_eq(supported == 0, rc == 0, "%s: what is supported can be made", why.text);
	if (rc == 0) {
		in_a_member(use_region, &(struct job){ &region, report });
		cr_expect_eq(report->rc, 0, "%s %s %s: %s", sm_backing_name(memory.backing),
			     sm_pages_name(memory.pages, pages), sm_prefault_name(memory.prefault),
			     report->err.text);
		sm_region_destroy(&region);
	} else {
		cr_expect_gt(strlen(why.text), 30, "a reason is missing");
	}
	assert_nothing_left(&before);
	return rc == 0;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	cr_expect(fd >= 0 && write(fd, text, strlen(text)) > 0, "%s", path);
	close(fd);
}

TestSuite(region, .init = setup, .timeout = 60);

static const struct sm_pages base = { SM_PAGES_BASE, 4096 };
static const struct sm_pages thp = { SM_PAGES_THP, 2u << 20 };
static const struct sm_pages two_m = { SM_PAGES_HUGETLB, 2u << 20 };

Test(region, the_matrix)
{
	static const enum sm_prefault ways[] = { SM_LAZY, SM_TOUCH, SM_POPULATE, SM_MADVISE,
						 SM_MLOCK };
	const struct sm_pages sizes[] = { base, thp, two_m };
	struct report *report = shared_report();
	bool pool = geteuid() == 0;
	unsigned had = 0, all = 0, without_lock = 0;
#ifdef __SANITIZE_ADDRESS__ /* it makes mlock() do nothing */
	without_lock = 1;
#endif
	char old[32] = "0";

	if (pool) {
		cr_assert_eq(sm_os_read(&sm_os_linux, old, sizeof(old), POOL_2M), 0);
		write_file(POOL_2M, "16");
	}
	for (int backing = SM_ANON; backing < SM_BACKING_COUNT; backing++)
		for (size_t p = 0; p < 3; p++)
			for (size_t w = 0; w < 5 - without_lock; w++) {
				struct sm_memory memory = { (enum sm_backing)backing, sizes[p],
							    ways[w], SM_FIRST_TOUCH, 0 };

				had += try_memory(memory, report);
				all++;
			}
	if (pool)
		write_file(POOL_2M, old);
	munmap(report, sizeof(*report));
	/* base pages: all but anon and sysv with populate; the rest depends on the machine */
	cr_expect(had >= 5 * (5 - without_lock) - 2, "%u of %u", had, all);
}

static struct sm_memory memory_of(enum sm_backing backing, struct sm_pages pages,
				  enum sm_prefault way)
{
	return (struct sm_memory){ backing, pages, way, SM_FIRST_TOUCH, 0 };
}

Test(region, faults_are_where_they_should_be)
{
	struct report *report = shared_report();

#ifdef __SANITIZE_ADDRESS__
	cr_skip("AddressSanitizer's shadow memory takes faults of its own");
#endif

	cr_assert(try_memory(memory_of(SM_MEMFD, base, SM_LAZY), report));
	cr_expect_eq(report->faults_access, BYTES / 4096, "lazy: %ld", report->faults_access);
	cr_assert(try_memory(memory_of(SM_MEMFD, base, SM_MADVISE), report));
	cr_expect_eq(report->faults_access, 0, "populated: %ld", report->faults_access);
	cr_expect_geq(report->faults_populate,
		      BYTES / 4096); /* in getrusage, not in perf's events */
	cr_assert(try_memory(memory_of(SM_MEMFD, base, SM_POPULATE), report));
	cr_expect_eq(report->faults_access, 0);
	munmap(report, sizeof(*report));
}

static void expect_refused(const struct sm_os *os, struct sm_memory memory, size_t bytes,
			   const char *words)
{
	struct sm_region region;
	struct sm_error err = { 0 };

	cr_expect_lt(sm_region_create(&region, os, topology, memory, bytes, "/tmp", &err), 0);
	cr_expect(strstr(err.text, words), "\"%s\" is not in \"%s\"", words, err.text);
}

Test(region, refusals_say_what_to_do)
{
	expect_refused(&sm_os_linux, memory_of(SM_ANON, base, SM_POPULATE), BYTES,
		       "--backing memfd");
	expect_refused(&sm_os_linux, memory_of(SM_SYSV, base, SM_POPULATE), BYTES,
		       "--prefault madvise");
	expect_refused(&sm_os_linux, memory_of(SM_POSIX, two_m, SM_LAZY), BYTES, "choose memfd");
	expect_refused(&sm_os_linux, memory_of(SM_FILE, two_m, SM_LAZY), BYTES, "hugetlbfs");
	expect_refused(&sm_os_linux, memory_of(SM_FILE, thp, SM_MADVISE), BYTES, "memfd");
	expect_refused(&sm_os_linux,
		       memory_of(SM_ANON, (struct sm_pages){ SM_PAGES_HUGETLB, 4u << 20 }, SM_LAZY),
		       BYTES, "4m pages");
	expect_refused(&sm_os_linux, memory_of(SM_MEMFD, two_m, SM_LAZY), 1ull << 45,
		       "nr_hugepages");
	expect_refused(&sm_os_linux, memory_of(SM_POSIX, base, SM_LAZY), 1ull << 45, "/dev/shm");
	expect_refused(&sm_os_linux, (struct sm_memory){ SM_ANON, base, SM_LAZY, SM_BIND, 77 },
		       BYTES, "NUMA node 77");
}

/* A machine whose kernel denies transparent huge pages: its files are faked. */
Test(region, denied_thp_is_refused)
{
	char root[] = "/tmp/shmeter-test-XXXXXX", path[256], command[300];
	struct sm_os os = sm_os_linux;

	cr_assert(mkdtemp(root));
	snprintf(command, sizeof(command), "mkdir -p %s/sys/kernel/mm/transparent_hugepage", root);
	cr_assert_eq(system(command), 0);
	snprintf(path, sizeof(path), "%s/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", root);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	write_file(path, "2097152");
	snprintf(path, sizeof(path), "%s/sys/kernel/mm/transparent_hugepage/shmem_enabled", root);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	write_file(path, "always within_size advise never [deny] force");
	os.root = root;
	expect_refused(&os, memory_of(SM_MEMFD, thp, SM_MADVISE), BYTES, "denied");
	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_expect_eq(system(command), 0);
}

static int in_a_small_shm(void *argument, unsigned index)
{
	struct job *job = argument;
	struct sm_region region;

	(void)index;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=1m") < 0) {
		job->report->rc = 1;
		return 0;
	}
	job->report->rc = sm_region_create(&region, &sm_os_linux, topology,
					   memory_of(SM_POSIX, base, SM_LAZY), BYTES, NULL,
					   &job->report->err);
	return 0;
}

Test(region, a_small_dev_shm_is_an_error_not_a_bus_error)
{
	struct report *report = shared_report();

	if (geteuid() != 0)
		cr_skip("mounting a small /dev/shm needs root");
	in_a_member(in_a_small_shm, &(struct job){ NULL, report });
	cr_expect_eq(report->rc, -ENOSPC, "%d", report->rc);
	cr_expect(strstr(report->err.text, "--shm-size"), "%s", report->err.text);
}

static int without_memlock(void *argument, unsigned index)
{
	struct job *job = argument;
	struct rlimit none = { 0, 0 };
	struct sm_region region;

	(void)index;
	setrlimit(RLIMIT_MEMLOCK, &none);
	if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
		return 1;
	job->report->rc = sm_region_create(&region, &sm_os_linux, topology,
					   memory_of(SM_MEMFD, base, SM_MLOCK), BYTES, NULL,
					   &job->report->err);
	return 0;
}

Test(region, no_memlock_is_said)
{
	struct report *report = shared_report();

	in_a_member(without_memlock, &(struct job){ NULL, report });
	cr_expect_eq(report->rc, -EPERM, "%d", report->rc);
	cr_expect(strstr(report->err.text, "RLIMIT_MEMLOCK"), "%s", report->err.text);
}
