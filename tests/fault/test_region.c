/* Regions: every backing, page size and prefault way is had as asked, or refused with a reason. */
#include "region_fixture.h"
#include "shmeter/ledger.h"

TestSuite(region, .init = setup, .fini = tear_down, .timeout = 60);

static const struct sm_pages base = { SM_PAGES_BASE, 4096 };
static const struct sm_pages thp = { SM_PAGES_THP, 2u << 20 };
static const struct sm_pages two_m = { SM_PAGES_HUGETLB, 2u << 20 };
static const struct sm_pages one_g = { SM_PAGES_HUGETLB, 1u << 30 };

/* What a machine gives that has the pools, and nothing mounted with huge pages. */
static bool expected(struct sm_memory memory, bool thp_at_fault)
{
	if (memory.prefault == SM_POPULATE && (memory.backing == SM_ANON || memory.backing == SM_SYSV))
		return false;
	if (memory.pages.kind == SM_PAGES_HUGETLB)
		return memory.backing != SM_POSIX && memory.backing != SM_FILE;
	if (memory.pages.kind == SM_PAGES_THP) {
		if (memory.backing == SM_FILE)
			return false;
		return memory.prefault != SM_LAZY || (thp_at_fault && memory.backing != SM_POSIX);
	}
	return true;
}

/* All backings and prefault ways of one page size; returns how many were had. */
static unsigned try_all(struct sm_pages pages, bool exact, bool thp_at_fault)
{
	static const enum sm_prefault ways[] = { SM_LAZY, SM_TOUCH, SM_POPULATE, SM_MADVISE, SM_MLOCK };
	struct report *report = shared_report();
	unsigned had = 0, ways_here = 5;
	char name[16];

#ifdef __SANITIZE_ADDRESS__ /* it makes mlock() do nothing */
	ways_here = 4;
#endif
	for (int backing = SM_ANON; backing < SM_BACKING_COUNT; backing++)
		for (size_t w = 0; w < ways_here; w++) {
			struct sm_memory memory = { (enum sm_backing)backing, pages, ways[w], SM_FIRST_TOUCH, 0 };
			bool got = try_memory(memory, report, WORKERS);

			had += got;
			if (exact)
				cr_expect_eq(got, expected(memory, thp_at_fault), "%s %s %s: %d",
					     sm_backing_name(memory.backing), sm_pages_name(pages, name),
					     sm_prefault_name(memory.prefault), got);
		}
	munmap(report, WORKERS * sizeof(*report));
	return had;
}

Test(region, base_pages)
{
	try_all(base, true, false);
}

Test(region, explicit_huge_pages_of_2m)
{
	bool pool = reserve(POOL_2M, 16);

	cr_expect(pool || geteuid() != 0);
	try_all(two_m, pool, false);
}

Test(region, explicit_huge_pages_of_1g)
{
	/* one page in a row may be more than a machine has */
	try_all(one_g, reserve(POOL_1G, 1), false);
}

/* Base pages are not parts of huge ones that happen to be mapped one by one. */
static void expect_small(enum sm_prefault prefault, long faults)
{
	struct report *report = shared_report();

	cr_expect(try_memory((struct sm_memory){ SM_MEMFD, base, prefault, SM_FIRST_TOUCH, 0 }, report, 1));
	cr_expect_eq(report->faults_access, faults, "%ld", report->faults_access);
	cr_expect(report->compound <= 0, "%s: %ld pages are parts of larger ones", sm_prefault_name(prefault),
		  report->compound);
	munmap(report, WORKERS * sizeof(*report));
}

/* Whatever the system's setting, what is asked for is what is had. */
Test(region, transparent_huge_pages_under_each_setting)
{
	static const char *const words[] = { "never", "advise", "within_size", "always" };

	for (size_t i = 0; i < 4; i++) {
		bool set = write_file(SHMEM, words[i]);

		try_all(thp, set, i > 0);
		try_all(base, true, false);
		expect_small(SM_LAZY, BYTES / 4096);
		expect_small(SM_POPULATE, 0);
		if (!set)
			break;
	}
}

static struct sm_memory memory_of(enum sm_backing backing, struct sm_pages pages, enum sm_prefault way)
{
	return (struct sm_memory){ backing, pages, way, SM_FIRST_TOUCH, 0 };
}

Test(region, faults_are_where_they_should_be)
{
	struct report *report = shared_report();

	cr_assert(try_memory(memory_of(SM_MEMFD, base, SM_LAZY), report, 1));
	cr_expect_eq(report->faults_access, BYTES / 4096, "lazy: %ld", report->faults_access);
	cr_assert(try_memory(memory_of(SM_MEMFD, base, SM_MADVISE), report, 1));
	cr_expect_eq(report->faults_access, 0, "populated: %ld", report->faults_access);
	cr_expect_geq(report->faults_populate, BYTES / 4096); /* in getrusage, not in perf's events */
	cr_assert(try_memory(memory_of(SM_MEMFD, base, SM_POPULATE), report, 1));
	cr_expect_eq(report->faults_access, 0);
	munmap(report, WORKERS * sizeof(*report));
}

Test(region, a_huge_page_is_one_fault)
{
	struct report *report = shared_report();
	const enum sm_backing backings[] = { SM_ANON, SM_MEMFD, SM_SYSV };

	if (!reserve(POOL_2M, 16) || !write_file(SHMEM, "advise"))
		cr_skip("reserving huge pages needs root");
	for (size_t i = 0; i < 3; i++) {
		cr_expect(try_memory(memory_of(backings[i], two_m, SM_LAZY), report, 1));
		cr_expect_eq(report->faults_access, BYTES >> 21, "2m: %ld", report->faults_access);
		cr_expect(try_memory(memory_of(backings[i], two_m, SM_MADVISE), report, 1));
		cr_expect_eq(report->faults_access, 0, "2m: %ld", report->faults_access);
		cr_expect(try_memory(memory_of(backings[i], thp, SM_LAZY), report, 1));
		cr_expect_eq(report->faults_access, BYTES >> 21, "thp: %ld", report->faults_access);
	}
	munmap(report, WORKERS * sizeof(*report));
}

static void expect_refused(const struct sm_os *os, struct sm_memory memory, size_t bytes, const char *words)
{
	struct sm_region region;
	struct sm_error err = { 0 };

	cr_expect_lt(sm_region_create(&region, os, topology, memory, bytes, "/tmp", &err), 0);
	cr_expect(strstr(err.text, words), "\"%s\" is not in \"%s\"", words, err.text);
}

Test(region, refusals_say_what_to_do)
{
	expect_refused(&sm_os_linux, memory_of(SM_ANON, base, SM_POPULATE), BYTES, "--backing memfd");
	expect_refused(&sm_os_linux, memory_of(SM_SYSV, base, SM_POPULATE), BYTES, "--prefault madvise");
	expect_refused(&sm_os_linux, memory_of(SM_POSIX, two_m, SM_LAZY), BYTES, "choose memfd");
	expect_refused(&sm_os_linux, memory_of(SM_FILE, two_m, SM_LAZY), BYTES, "hugetlbfs");
	expect_refused(&sm_os_linux, memory_of(SM_FILE, thp, SM_MADVISE), BYTES, "memfd");
	expect_refused(&sm_os_linux, memory_of(SM_ANON, (struct sm_pages){ SM_PAGES_HUGETLB, 4u << 20 }, SM_LAZY),
		       BYTES, "4m pages");
	expect_refused(&sm_os_linux, memory_of(SM_MEMFD, two_m, SM_LAZY), 1ull << 45, "nr_hugepages");
	expect_refused(&sm_os_linux, memory_of(SM_POSIX, base, SM_LAZY), 1ull << 45, "/dev/shm");
	expect_refused(&sm_os_linux, (struct sm_memory){ SM_ANON, base, SM_LAZY, SM_BIND, 77 }, BYTES, "NUMA node 77");
}

/* On a machine that is not here: the guests' tests ask a real one (tests/guests). */
Test(region, a_policy_that_cannot_be_kept_is_refused)
{
	struct sm_topology *two_nodes = NULL, *one_node = NULL;
	struct sm_memory interleaved = memory_of(SM_MEMFD, two_m, SM_POPULATE);
	struct sm_error err = { 0 };

	cr_assert_eq(sm_topology_open(&two_nodes, "numa:2 pu:2", &err), 0, "%s", err.text);
	cr_assert_eq(sm_topology_open(&one_node, "numa:1 pu:2", &err), 0, "%s", err.text);
	cr_expect_eq(
		sm_region_supported(&sm_os_linux, two_nodes, memory_of(SM_POSIX, base, SM_LAZY), BYTES, "/tmp", &err),
		-ENOTSUP);
	cr_expect(strstr(err.text, "--backing memfd"), "%s", err.text);
	cr_expect_eq(
		sm_region_supported(&sm_os_linux, one_node, memory_of(SM_POSIX, base, SM_LAZY), BYTES, "/tmp", &err),
		0);
	cr_expect_eq(
		sm_region_supported(&sm_os_linux, two_nodes, memory_of(SM_POSIX, base, SM_TOUCH), BYTES, "/tmp", &err),
		0);
	interleaved.numa = SM_INTERLEAVE;
	cr_expect_eq(sm_region_supported(&sm_os_linux, two_nodes, interleaved, BYTES, "/tmp", &err), -ENOTSUP);
	cr_expect(strstr(err.text, "--prefault madvise"), "%s", err.text);
	sm_topology_close(one_node);
	sm_topology_close(two_nodes);
}

/* Every multi-size page that the kernel offers is made where a region asks for it, and read back. */
Test(region, multi_size_pages)
{
	struct sm_pages list[SM_PAGES_LIST_MAX];
	unsigned count = sm_pages_list(&sm_os_linux, list);
	struct report *report = shared_report();

	for (unsigned i = 0; i < count; i++) {
		char path[128], before[128];

		if (list[i].kind != SM_PAGES_MULTI || geteuid() != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/mm/transparent_hugepage/hugepages-%lukB/shmem_enabled",
			 list[i].bytes / 1024);
		cr_assert_eq(sm_setting_read(path, before, sizeof(before)), 0);
		cr_assert(write_file(path, "advise"));
		cr_expect(try_memory(memory_of(SM_MEMFD, list[i], SM_LAZY), report, 1), "%lu", list[i].bytes);
		cr_expect_eq(report->faults_access, (long)(BYTES / list[i].bytes), "%lu: %ld", list[i].bytes,
			     report->faults_access);
		write_file(path, "never");
		expect_refused(&sm_os_linux, memory_of(SM_MEMFD, list[i], SM_LAZY), BYTES, "--tune");
		write_file(path, before);
	}
	munmap(report, WORKERS * sizeof(*report));
}

Test(region, denied_thp_is_refused)
{
	char root[] = "/tmp/shmeter-test-XXXXXX";
	struct sm_os os = sm_os_linux;

	cr_assert(mkdtemp(root));
	os.root = root;
	fake(root, "/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", "2097152");
	fake(root, SHMEM, "always within_size advise never [deny] force");
	expect_refused(&os, memory_of(SM_MEMFD, thp, SM_MADVISE), BYTES, "denied");
	remove_fake(root);
}

#define FAKE_NODE "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/"

static int supported(const struct sm_os *os, struct sm_memory memory, struct sm_error *err)
{
	return sm_region_supported(os, topology, memory, BYTES, "/tmp", err);
}

/* Pages that are free and promised to others, limits that a mapping passes and a touch does not. */
Test(region, pools_and_their_limits_are_looked_at)
{
	struct sm_memory memory = memory_of(SM_MEMFD, two_m, SM_LAZY), bound = memory;
	char root[] = "/tmp/shmeter-test-XXXXXX";
	struct sm_os os = sm_os_linux;
	struct sm_error err = { 0 };

	cr_assert(mkdtemp(root));
	os.root = root;
	bound.numa = SM_BIND;
	fake(root, POOL_2M "nr_hugepages", "10");
	fake(root, POOL_2M "free_hugepages", "5");
	fake(root, POOL_2M "resv_hugepages", "1");
	cr_expect_eq(supported(&os, memory, &err), 0, "%s", err.text);
	fake(root, POOL_2M "resv_hugepages", "2");
	cr_expect_eq(supported(&os, memory, &err), -ENODEV);
	cr_expect(strstr(err.text, "4 free 2m pages are needed and there are 3") && strstr(err.text, "write 11 to"),
		  "%s", err.text);
	fake(root, POOL_2M "nr_overcommit_hugepages", "1");
	cr_expect_eq(supported(&os, memory, &err), 0, "%s", err.text);
	fake(root, FAKE_NODE "free_hugepages", "3");
	cr_expect_eq(supported(&os, memory, &err), 0, "%s", err.text);
	cr_expect_eq(supported(&os, bound, &err), -ENODEV);
	cr_expect(strstr(err.text, "on node 0"), "%s", err.text);
	fake(root, "/proc/self/cgroup", "1:cpu:/x\n0::/a/b\n");
	fake(root, "/sys/fs/cgroup/a/b/hugetlb.2MB.max", "max");
	fake(root, "/sys/fs/cgroup/a/hugetlb.2MB.max", "10485760");
	fake(root, "/sys/fs/cgroup/a/hugetlb.2MB.current", "2097152");
	cr_expect_eq(supported(&os, memory, &err), 0, "%s", err.text);
	fake(root, "/sys/fs/cgroup/a/hugetlb.2MB.current", "4194304");
	cr_expect_eq(supported(&os, memory, &err), -ENODEV);
	cr_expect(strstr(err.text, "/sys/fs/cgroup/a/hugetlb.2MB.max"), "%s", err.text);
	remove_fake(root);
}

/* In a member: populates, writes, cools; what was written is there, and the second mapping is gone. */
static int cool_region(void *argument, unsigned index)
{
	struct job *job = argument;
	struct report *r = &job->report[index];
	unsigned mappings;

	r->rc = sm_region_populate(job->region, &r->err);
	write_pages(job->region->address, job->region->bytes);
	mappings = lines("/proc/self/maps", NULL);
	if (r->rc == 0)
		r->rc = sm_region_cool(job->region, &r->err);
	if (r->rc == 0 && lines("/proc/self/maps", NULL) != mappings)
		r->rc = sm_fail(&r->err, EBUSY, "a mapping is left");
	for (size_t i = 0; r->rc == 0 && i < job->region->bytes; i += 4096)
		if (((char *)job->region->address)[i] != 1)
			r->rc = sm_fail(&r->err, EILSEQ, "byte %zu was changed", i);
	return 0;
}

Test(region, every_backing_can_be_cooled)
{
	struct report *report = shared_report();
	struct sm_error err = { 0 };

	for (int backing = SM_ANON; backing < SM_BACKING_COUNT; backing++)
		for (unsigned huge = 0; huge < 2; huge++) {
			struct sm_memory memory = memory_of((enum sm_backing)backing, huge ? two_m : base, SM_MADVISE);
			struct sm_region region;

			if (huge && (backing == SM_POSIX || backing == SM_FILE || !reserve(POOL_2M, BYTES >> 21)))
				continue;
			cr_assert_eq(sm_region_create(&region, &sm_os_linux, topology, memory, BYTES, "/tmp", &err), 0,
				     "%s", err.text);
			in_members(cool_region, &(struct job){ &region, report }, 1);
			cr_expect_eq(report[0].rc, 0, "%s: %s", sm_backing_name(memory.backing), report[0].err.text);
			sm_region_destroy(&region);
		}
	munmap(report, WORKERS * sizeof(*report));
}

Test(region, page_sizes_are_those_of_the_machine)
{
	struct sm_error err = { 0 };
	struct sm_pages pages;

	cr_expect_eq(sm_pages_parse(&sm_os_linux, "2m", &pages, &err), 0, "%s", err.text);
	cr_expect(pages.kind == SM_PAGES_HUGETLB && pages.bytes == 2u << 20);
	cr_expect_eq(sm_pages_parse(&sm_os_linux, "8k", &pages, &err), -EINVAL);
	cr_expect(strstr(err.text, "choose"), "%s", err.text);
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
	job->report->rc = sm_region_create(&region, &sm_os_linux, topology, memory_of(SM_POSIX, base, SM_LAZY), BYTES,
					   NULL, &job->report->err);
	return 0;
}

Test(region, a_small_dev_shm_is_an_error_not_a_bus_error)
{
	struct report *report = shared_report();

	if (geteuid() != 0)
		cr_skip("mounting a small /dev/shm needs root");
	in_members(in_a_small_shm, &(struct job){ NULL, report }, 1);
	cr_expect_eq(report->rc, -ENOSPC, "%d", report->rc);
	cr_expect(strstr(report->err.text, "--shm-size"), "%s", report->err.text);
}

/* In a member: a region in a mount namespace of its own, made and used. */
static void use_here(struct report *r, struct sm_memory memory, const char *folder)
{
	struct sm_region region;

	/* what is not supported is said before anything is made */
	r->rc = sm_region_supported(&sm_os_linux, topology, memory, BYTES, folder, &r->err);
	if (r->rc < 0)
		return;
	r->rc = sm_region_create(&region, &sm_os_linux, topology, memory, BYTES, folder, &r->err);
	if (r->rc < 0) {
		r->rc = -EDOM;
		return;
	}
	use_region(&(struct job){ &region, r }, 0);
	sm_region_destroy(&region);
}

/* The first finds no huge page at the fault, the second does. */
static int in_a_huge_shm(void *argument, unsigned index)
{
	struct job *job = argument;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/dev/shm", "tmpfs", 0, index ? "huge=within_size" : "huge=advise") < 0)
		return 1;
	use_here(&job->report[index], memory_of(SM_POSIX, thp, SM_LAZY), NULL);
	return 0;
}

Test(region, posix_memory_follows_the_mount)
{
	struct report *report = shared_report();

	if (geteuid() != 0)
		cr_skip("mounting needs root");
	in_members(in_a_huge_shm, &(struct job){ NULL, report }, 2);
	cr_expect_eq(report[0].rc, -ENODEV);
	cr_expect(strstr(report[0].err.text, "huge=within_size"), "%s", report[0].err.text);
	cr_expect_eq(report[1].rc, 0, "%s", report[1].err.text);
	cr_expect_eq(report[1].faults_access, BYTES >> 21, "%ld", report[1].faults_access);
}

/* Two mounts: each page size finds its own. */
static int with_hugetlbfs(void *argument, unsigned index)
{
	struct job *job = argument;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/mnt", "hugetlbfs", 0, "pagesize=1G") < 0 ||
	    mount("none", "/media", "hugetlbfs", 0, "pagesize=2M") < 0)
		return 1;
	use_here(&job->report[index], memory_of(SM_FILE, index ? one_g : two_m, SM_MADVISE), "/tmp");
	return 0;
}

Test(region, files_have_explicit_huge_pages_on_a_hugetlbfs)
{
	struct report *report = shared_report();

	if (geteuid() != 0 || !reserve(POOL_2M, 16) || !reserve(POOL_1G, 1))
		cr_skip("it needs root and a gibibyte in a row");
	in_members(with_hugetlbfs, &(struct job){ NULL, report }, 2);
	for (int i = 0; i < 2; i++)
		cr_expect_eq(report[i].rc, 0, "%s", report[i].err.text);
}

static int without_memlock(void *argument, unsigned index)
{
	struct job *job = argument;

	if (!drop_rights(index))
		return 1;
	use_here(&job->report[index], memory_of(SM_MEMFD, base, SM_MLOCK), "/tmp");
	return 0;
}

Test(region, no_memlock_is_said)
{
	struct report *report = shared_report();

	in_members(without_memlock, &(struct job){ NULL, report }, 2);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(report[i].rc, -EPERM, "%d: %d, %s", i, report[i].rc, report[i].err.text);
		cr_expect_eq(report[i].faults_populate, 0, "%d: it was tried", i);
		cr_expect(strstr(report[i].err.text, "RLIMIT_MEMLOCK"), "%s", report[i].err.text);
	}
}

/* nobody: System V huge pages and a folder of root's. */
static int as_nobody(void *argument, unsigned index)
{
	struct job *job = argument;

	if (!drop_rights(1))
		return 1;
	use_here(&job->report[index], index ? memory_of(SM_FILE, base, SM_LAZY) : memory_of(SM_SYSV, two_m, SM_LAZY),
		 "/root");
	return 0;
}

Test(region, nobody_is_told_what_is_not_permitted)
{
	struct report *report = shared_report();

	if (geteuid() != 0 || !reserve(POOL_2M, 16))
		cr_skip("becoming nobody needs root");
	in_members(as_nobody, &(struct job){ NULL, report }, 2);
	cr_expect_eq(report[0].rc, -EPERM, "%d", report[0].rc);
	cr_expect(strstr(report[0].err.text, "hugetlb_shm_group"), "%s", report[0].err.text);
	cr_expect_eq(report[1].rc, -EACCES, "%d", report[1].rc);
	cr_expect(strstr(report[1].err.text, "/root"), "%s", report[1].err.text);
}
