/* What tests of regions share: settings that are put back, members that use a region, and fake kernels. */
#ifndef SHMETER_TESTS_REGION_FIXTURE_H
#define SHMETER_TESTS_REGION_FIXTURE_H

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "harness_fixture.h"
#include "shmeter/team.h"

#define BYTES   (8u << 20)
#define WORKERS 2
#define POOL_2M "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define POOL_1G "/sys/kernel/mm/hugepages/hugepages-1048576kB/"
#define SHMEM   "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* What a member found out, in memory that both sides have: one for each. */
struct report {
	int rc;
	struct sm_error err;
	struct sm_region_got got;
	long faults_populate, faults_access;
	long compound; /* pages that are part of a larger one; -1 where it cannot be seen */
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

/* Base pages that the kernel keeps as part of a larger one, which smaps does not tell when they are mapped
 * one by one: /proc/self/pagemap and /proc/kpageflags (Documentation/admin-guide/mm/pagemap.rst). */
static long compound_pages(const char *address, size_t bytes)
{
	static const uint64_t frame_mask = (UINT64_C(1) << 55) - 1, head_or_tail = 3u << 15;
	int map = open("/proc/self/pagemap", O_RDONLY), kinds = open("/proc/kpageflags", O_RDONLY);
	long count = 0;

	for (size_t i = 0; count >= 0 && i < bytes; i += 4096) {
		uint64_t entry, flags;

		if (pread(map, &entry, 8, (off_t)(((uintptr_t)address + i) / 4096 * 8)) != 8 || !(entry & frame_mask) ||
		    pread(kinds, &flags, 8, (off_t)((entry & frame_mask) * 8)) != 8)
			count = -1;
		else
			count += (flags & head_or_tail) != 0;
	}
	close(map);
	close(kinds);
	return count;
}

/* Writes one byte of every page.  Not instrumented: the sanitizer's shadow of the region faults as well. */
__attribute__((noinline, no_sanitize("address"))) static void write_pages(volatile char *memory, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += 4096)
		memory[i] = 1;
}

/* In a member: populate, look, use. */
static int use_region(void *argument, unsigned index)
{
	struct job *job = argument;
	struct report *r = &job->report[index];
	volatile char *memory = job->region->address;
	long before = minor_faults(), between;

	write_pages(memory, 0); /* its code is mapped at the first call */
	before = minor_faults();
	r->rc = sm_region_populate(job->region, &r->err);
	between = minor_faults();
	if (r->rc == 0)
		write_pages(memory, job->region->bytes);
	r->faults_access = minor_faults() - between;
	r->faults_populate = between - before;
	r->compound = r->rc == 0 ? compound_pages((void *)(uintptr_t)memory, job->region->bytes) : -1;
	if (r->rc == 0)
		r->rc = sm_region_inspect(job->region, true, &r->got, &r->err);
	return 0;
}

static struct report *shared_report(void)
{
	struct report *r = mmap(NULL, WORKERS * sizeof(*r), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(r, MAP_FAILED);
	return r;
}

/* Failures are counted and not fatal here: settings have to be put back after them. */
static void in_members(sm_member_fn fn, void *argument, unsigned count)
{
	struct sm_team team;
	struct sm_error err = { 0 };
	unsigned first;

	cr_expect_eq(sm_team_start(&team, count, "test", fn, argument, NULL, &err), 0, "%s", err.text);
	if (err.code)
		return;
	cr_expect_eq(sm_team_wait(&team, UINT64_MAX, NULL, &first), SM_TEAM_DONE, "status %d",
		     team.member[0].wait_status);
	sm_team_free(&team);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	bool done = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return done;
}

static struct {
	const char *path;
	char old[128];
} settings[] = { { POOL_2M "nr_hugepages", "" }, { POOL_1G "nr_hugepages", "" }, { SHMEM, "" } };

static void setup(void)
{
	struct sm_error err = { 0 };

	cr_assert_eq(sm_topology_open(&topology, NULL, &err), 0, "%s", err.text);
	for (size_t i = 0; i < 3; i++) {
		char *old = settings[i].old, *chosen;

		if (sm_os_read(&sm_os_linux, old, sizeof(settings[i].old), "%s", settings[i].path) < 0)
			continue;
		chosen = strchr(old, '[');
		if (chosen) { /* one of several words */
			memmove(old, chosen + 1, strlen(chosen));
			old[strcspn(old, "]")] = '\0';
		}
	}
}

static void tear_down(void)
{
	const struct timespec nap = { .tv_nsec = 10000000 };
	char now[128];

	/* Again until it reads back: the kernel frees huge pages a moment after their last user. */
	for (size_t i = 0; geteuid() == 0 && i < 3; i++)
		for (int left = 100; settings[i].old[0] && left > 0; left--) {
			(void)write_file(settings[i].path, settings[i].old);
			if (sm_os_read(&sm_os_linux, now, sizeof(now), "%s", settings[i].path) < 0 ||
			    strstr(now, settings[i].old))
				break;
			nanosleep(&nap, NULL);
		}
	sm_topology_close(topology);
}

static unsigned long number(const char *folder, const char *name)
{
	char text[32];

	return sm_os_read(&sm_os_linux, text, sizeof(text), "%s%s", folder, name) < 0 ? 0 : strtoul(text, NULL, 10);
}

/* Whether a pool has that many pages to give, after trying to make it so.  It is only ever raised: what
 * is there may be somebody else's. */
static bool reserve(const char *pool, unsigned long pages)
{
	unsigned long total = number(pool, "nr_hugepages"), unused = number(pool, "free_hugepages");
	char path[128], text[32];

	if (unused >= pages)
		return true;
	snprintf(path, sizeof(path), "%snr_hugepages", pool);
	snprintf(text, sizeof(text), "%lu", total - unused + pages);
	return write_file(path, text) && number(pool, "free_hugepages") >= pages;
}

/* One combination; returns whether it was had. */
static bool try_memory(struct sm_memory memory, struct report *report, unsigned workers)
{
	struct left before = look();
	struct sm_region region;
	struct sm_error why = { 0 };
	char pages[16];
	int supported = sm_region_supported(&sm_os_linux, topology, memory, BYTES, "/tmp", &why);
	int rc = sm_region_create(&region, &sm_os_linux, topology, memory, BYTES, "/tmp", &why);

	memset(report, 0, WORKERS * sizeof(*report));
	cr_expect_eq(supported == 0, rc == 0, "%s: what is supported can be made", why.text);
	if (rc == 0) {
		in_members(use_region, &(struct job){ &region, report }, workers);
		for (unsigned i = 0; i < workers; i++)
			cr_expect_eq(report[i].rc, 0, "%s %s %s: %s", sm_backing_name(memory.backing),
				     sm_pages_name(memory.pages, pages), sm_prefault_name(memory.prefault),
				     report[i].err.text);
		sm_region_destroy(&region);
	} else {
		/* each refusal names another way */
		cr_expect(strstr(why.text, "choose") || strstr(why.text, "write ") || strstr(why.text, "mount "),
			  "no remedy in \"%s\"", why.text);
	}
	assert_nothing_left(&before);
	return rc == 0;
}

/* A folder with the files of another machine's kernel. */
static void fake(const char *root, const char *path, const char *text)
{
	char command[1200], full[512];

	snprintf(full, sizeof(full), "%s%s", root, path);
	snprintf(command, sizeof(command), "mkdir -p $(dirname %s) && : > %s", full, full);
	cr_assert_eq(system(command), 0);
	cr_assert(write_file(full, text), "%s", full);
}

static void remove_fake(const char *root)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -rf %s", root);
	cr_expect_eq(system(command), 0);
}

/* Root in a container has its limits too (index 0); else nobody. */
static bool drop_rights(unsigned index)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_MEMLOCK, &none) < 0)
		return false;
	if (geteuid() != 0)
		return true;
	if (index == 0)
		return syscall(SYS_capset, &header, data) == 0;
	return setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0;
}

#endif
