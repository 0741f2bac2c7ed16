/* Looking at processes: the parsers over texts as kernels write them, also hostile ones, and a whole look over a made-up
 * /proc. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fake_root.h"
#include "shmeter/look.h"

static void expect_line(const char *line, uint64_t low, uint64_t inode, const char *name)
{
	struct sm_map_line map;

	cr_assert(sm_map_parse(line, &map), "%s", line);
	cr_expect_eq(map.low, low, "%s", line);
	cr_expect_eq(map.inode, inode, "%s", line);
	cr_expect_str_eq(map.name, name);
}

Test(look, lines_of_maps)
{
	struct sm_map_line map;

	expect_line("7f393f7dd000-7f393f8dd000 rw-s 00000000 00:01 1796546                    /dev/zero (deleted)",
		    0x7f393f7dd000, 1796546, "/dev/zero (deleted)");
	/* Linux 6.18 wrote these for a memfd "a b\n\033[31m (deleted)": the line end alone is escaped */
	expect_line(
		"7f393fa12000-7f393fa14000 rw-s 00000000 00:01 1796547     /memfd:a b\\012\033[31m (deleted) (deleted)",
		0x7f393fa12000, 1796547, "/memfd:a b\\012\033[31m (deleted) (deleted)");
	expect_line("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
		    0xffffffffff600000, 0, "[vsyscall]");
	expect_line("7ffe10b8e000-7ffe10baf000 rw-p 00000000 00:00 0 ", 0x7ffe10b8e000, 0, "");
	expect_line("1000-2000 r--s 00000000 103:0a 18446744073709551615 /x-y 00000000 r--p", 0x1000, UINT64_MAX,
		    "/x-y 00000000 r--p");
	/* fields of smaps, some of which begin like a number, and lines that are cut off */
	static const char *const others[] = { "Size:                 28 kB",
					      "AnonHugePages:         0 kB",
					      "FilePmdMapped:         0 kB",
					      "VmFlags: rd mr me ms ",
					      "",
					      "7f393f7dd000-7f393f8dd000",
					      "7f393f7dd000-7f393f8dd000 rw-s 00000000 00:01",
					      "2000-1000 rw-s 00000000 00:01 1 /x",
					      "1000-2000 rw 00000000 00:01 1 /x" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		cr_expect_not(sm_map_parse(others[i], &map), "%s", others[i]);
}

static void expect_kind(const char *line, bool huge, enum sm_shared_kind kind, const char *words)
{
	static const struct sm_shm_device shm = { true, 0, 1 };
	struct sm_map_line map;
	char out[256];

	cr_assert(sm_map_parse(line, &map), "%s", line);
	cr_expect_eq(sm_map_kind(&map, &shm, huge), kind, "%s is %s", line,
		     sm_shared_kind_name(sm_map_kind(&map, &shm, huge)));
	cr_expect_str_eq(sm_shared_words(kind, map.name, map.inode, out, sizeof(out)), words);
}

Test(look, kinds_of_objects)
{
	expect_kind("1000-2000 rw-s 0 00:01 9 /dev/zero (deleted)", false, SM_SHARED_ANON, "anonymous shared memory");
	expect_kind("1000-2000 rw-s 0 00:10 9 /anon_hugepage (deleted)", true, SM_SHARED_ANON,
		    "anonymous shared memory");
	expect_kind("1000-2000 rw-s 0 00:01 9 [anon_shmem:pool]", false, SM_SHARED_ANON, "anonymous shared memory");
	expect_kind("1000-2000 rw-s 0 00:01 5 /SYSV00000000 (deleted)", false, SM_SHARED_SYSV, "System V segment 5");
	expect_kind("1000-2000 rw-s 0 00:10 7 /SYSV0000002a (deleted)", true, SM_SHARED_SYSV, "System V segment 7");
	expect_kind("1000-2000 rw-s 0 00:01 9 /memfd:ring (deleted)", false, SM_SHARED_MEMFD, "memfd ring");
	expect_kind("1000-2000 rw-s 0 00:01 9 /memfd: (deleted)", false, SM_SHARED_MEMFD, "memfd ");
	expect_kind("1000-2000 rw-s 0 00:19 9 /dev/shm/pool", false, SM_SHARED_POSIX, "POSIX /pool");
	expect_kind("1000-2000 rw-s 0 00:19 9 /dev/shm/pool (deleted)", false, SM_SHARED_POSIX,
		    "POSIX /pool (deleted)");
	expect_kind("1000-2000 rw-s 0 fe:00 9 /x/SYSV (deleted)", false, SM_SHARED_FILE, "file /x/SYSV (deleted)");
	/* files that are called like memory of the kernel, on a disk and on another file system without a disk */
	expect_kind("1000-2000 rw-s 0 fe:00 9 /memfd:x (deleted)", false, SM_SHARED_FILE, "file /memfd:x (deleted)");
	expect_kind("1000-2000 rw-s 0 00:2f 9 /SYSV00000000 (deleted)", false, SM_SHARED_FILE,
		    "file /SYSV00000000 (deleted)");
	expect_kind("1000-2000 rw-s 0 00:10 9 /dev/hugepages/pool", true, SM_SHARED_FILE, "file /dev/hugepages/pool");
	expect_kind("1000-2000 rw-s 0 00:05 9 /dev/dri/card0", false, SM_SHARED_DEVICE, "device /dev/dri/card0");
	expect_kind("1000-2000 rw-s 0 00:0f 9 anon_inode:[io_uring]", false, SM_SHARED_KERNEL,
		    "of the kernel: anon_inode:[io_uring]");
}

Test(look, fields_of_smaps)
{
	struct sm_mapped m = { .bytes = 0 };

	cr_expect(sm_smaps_take(&m, "KernelPageSize:        4 kB"));
	cr_expect(sm_smaps_take(&m, "Rss:                2048 kB"));
	cr_expect(sm_smaps_take(&m, "Pss:                1024 kB"));
	cr_expect(sm_smaps_take(&m, "ShmemPmdMapped:     2048 kB"));
	cr_expect(sm_smaps_take(&m, "Swap:                  8 kB"));
	cr_expect_not(sm_smaps_take(&m, "SwapPss:               8 kB"));
	cr_expect_not(sm_smaps_take(&m, "Pss_Dirty:          1024 kB"));
	cr_expect_not(sm_smaps_take(&m, "MMUPageSize:           4 kB"));
	cr_expect(sm_smaps_take(&m, "KernelPageSize:     2048 kB"));
	cr_expect(sm_smaps_take(&m, "Shared_Hugetlb:     4096 kB"));
	cr_expect_eq(m.page_low, 4096);
	cr_expect_eq(m.page_high, 2u << 20);
	cr_expect_eq(m.resident, 6u << 20, "Rss leaves explicit huge pages out: they are added");
	cr_expect_eq(m.proportional, 1u << 20);
	cr_expect_eq(m.thp, 2u << 20);
	cr_expect_eq(m.hugetlb, 4u << 20);
	cr_expect_eq(m.swapped, 8192);
}

Test(look, lines_of_numa_maps)
{
	uint64_t low, bytes[4] = { 0 };

	cr_expect(sm_numa_maps_parse("7f393f7dd000 default file=/dev/zero\\040(deleted) dirty=3 active=0 N0=1 N2=2 "
				     "kernelpagesize_kB=2048",
				     4096, &low, bytes, 4));
	cr_expect_eq(low, 0x7f393f7dd000);
	cr_expect(bytes[0] == 2u << 20 && bytes[1] == 0 && bytes[2] == 4u << 20);
	/* a name that looks like a count, and a node beyond the array */
	cr_expect(sm_numa_maps_parse("1000 bind:1 file=/x\\040N0=9 N1=1 N77=5", 4096, &low, bytes, 4));
	cr_expect(bytes[0] == 2u << 20 && bytes[1] == 4096);
	cr_expect_not(sm_numa_maps_parse("nothing of it", 4096, &low, bytes, 4));
	cr_expect_not(sm_numa_maps_parse("", 4096, &low, bytes, 4));
}

Test(look, what_a_thread_waits_for)
{
	uint64_t address = 0;
	char text[128];
	bool own = true;

	snprintf(text, sizeof(text), "%d 0x7f0000001040 0x0 0x1 0x0 0x0 0x0 0x7ffd0 0x7f12", SYS_futex);
	cr_expect_eq(sm_futex_parse(text, "futex_do_wait", &address, &own), SM_WAITS_FUTEX);
	cr_expect_eq(address, 0x7f0000001040);
	cr_expect_not(own);
	snprintf(text, sizeof(text), "%d 0x1040 0x189 0x1 0x0 0x0 0x0 0x7ffd0 0x7f12", SYS_futex);
	cr_expect_eq(sm_futex_parse(text, "", &address, &own), SM_WAITS_FUTEX, "without wchan");
	cr_expect(own);
	cr_expect_eq(
		sm_futex_parse("240 0x1040 0x0 0x1 0x0 0x0 0x0 0x7ffd0 0x7f12", "futex_wait_queue", &address, &own),
		SM_WAITS_FUTEX, "of a 32-bit process");
	cr_expect_eq(sm_futex_parse("449 0x1040 0x2 0x0 0x0 0x1 0x0 0x7ffd0 0x7f12", "", &address, &own),
		     SM_WAITS_FUTEXES);
	cr_expect_eq(sm_futex_parse("455 0x2040 0x1 0xffffffff 0x2 0x0 0x0 0x7ffd0 0x7f12", "", &address, &own),
		     SM_WAITS_FUTEX);
	cr_expect(address == 0x2040 && !own);
	cr_expect_eq(
		sm_futex_parse("230 0x0 0x0 0x7ffe 0x7ffe 0x0 0x0 0x7ffe 0x7f10", "hrtimer_nanosleep", &address, &own),
		SM_WAITS_NOT);
	cr_expect_eq(sm_futex_parse("running", "0", &address, &own), SM_WAITS_NOT);
	cr_expect_eq(sm_futex_parse("-1 0x7ffd0 0x7f12", "", &address, &own), SM_WAITS_NOT);
	cr_expect_eq(sm_futex_parse("", "", &address, &own), SM_WAITS_NOT);
}

Test(look, a_stat_whose_name_lies)
{
	struct sm_stat_line stat;

	cr_expect(sm_stat_parse("42 (x) R 1 1\n) S 7 42 42 0 -1 4194304 1234 0 56 0 7 8 0 0 20 0 3 0 999 0 0", &stat));
	cr_expect(stat.state == 'S' && stat.parent == 7 && stat.minor_faults == 1234 && stat.major_faults == 56 &&
		  stat.threads == 3 && stat.start_ticks == 999);
	cr_expect_not(sm_stat_parse("42 (x) S 7 42", &stat));
	cr_expect_not(sm_stat_parse("42 (x", &stat));
}

static void expect_gap(const struct sm_look *look, const char *words)
{
	char text[1024], all[4096] = "";

	for (size_t i = 0; i < look->gap_count; i++) {
		sm_look_gap_words(&look->gap[i], text, sizeof(text));
		if (strstr(text, words))
			return;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s\n", text);
	}
	cr_expect_fail("no gap says \"%s\" but: %s", words, all);
}

/* The samples of lines, with an event that every machine has: page faults, whose addresses are known. */
Test(look, samples_find_their_line)
{
	enum { PAGES = 2000 }; /* more than a ring has room for */
	const struct perf_event_attr faults = { .type = PERF_TYPE_SOFTWARE,
						.config = PERF_COUNT_SW_PAGE_FAULTS,
						.sample_period = 1 };
	const pid_t self = getpid();
	size_t page = (size_t)sysconf(_SC_PAGESIZE), found = 0;
	struct sm_error err;
	struct sm_look look;
	char *memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(memory, MAP_FAILED);
	madvise(memory, PAGES * page, MADV_NOHUGEPAGE);
	cr_assert_eq(sm_look_begin(&look, &sm_os_linux, &self, NULL, 1, false, &err), 0, "%s", err.text);
	if (sm_look_sample(&look, &faults) < 0) {
		sm_look_free(&look);
		cr_skip_test("perf events are not permitted here");
	}
	for (size_t i = 0; i < PAGES; i++)
		memory[i * page + 130] = 1;
	sm_look_end(&look);
	for (size_t i = 0; i < look.line_count; i++)
		if (look.object[look.line[i].object].bytes == PAGES * page) {
			cr_expect_eq(look.line[i].offset % page, 128, "the line of byte 130");
			found += look.line[i].samples;
		}
	cr_expect(found > 1000 && found < PAGES, "%zu samples", found);
	cr_expect(look.samples >= found);
	expect_gap(&look, " samples were lost: a ring was full");
	expect_gap(&look, "(HITM) is known in part: ");
	sm_look_free(&look);
	munmap(memory, PAGES * page);
}

static int perf_opened;

/* Lets all threads but the second be sampled. */
static int perf_sometimes(struct perf_event_attr *attr, pid_t pid, int pu, int group, unsigned long flags)
{
	if (perf_opened++ == 1) {
		errno = EMFILE;
		return -1;
	}
	return sm_os_linux.perf_open(attr, pid, pu, group, flags);
}

static void *sleeper(void *unused)
{
	(void)unused;
	pause();
	return NULL;
}

Test(look, threads_that_cannot_be_sampled_are_told)
{
	const struct perf_event_attr faults = { .type = PERF_TYPE_SOFTWARE,
						.config = PERF_COUNT_SW_PAGE_FAULTS,
						.sample_period = 1 };
	const pid_t self = getpid();
	struct sm_os some = sm_os_linux;
	struct sm_error err;
	struct sm_look look;
	pthread_t thread;

	some.perf_open = perf_sometimes;
	cr_assert_eq(pthread_create(&thread, NULL, sleeper, NULL), 0);
	cr_assert_eq(sm_look_begin(&look, &some, &self, NULL, 1, false, &err), 0, "%s", err.text);
	if (sm_look_sample(&look, &faults) < 0) {
		sm_look_free(&look);
		cr_skip_test("perf events are not permitted here");
	}
	expect_gap(&look, "(HITM) is known in part: 1 of ");
	expect_gap(&look, " threads could not be sampled (Too many open files).");
	sm_look_free(&look);
}

/* A /proc of its own. */
static struct sm_os os;
static struct sm_shm_device shm;

static void put_process(int pid, int parent, const char *name, const char *smaps, const char *wait)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S %d 1 1 0 -1 4194304 10 0 2 0 7 8 0 0 20 0 1 0 999 0 0", pid, name,
		 parent);
	put(path, text);
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	put(path, name);
	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	put(path, smaps);
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	put(path, smaps);
	snprintf(path, sizeof(path), "/proc/%d/numa_maps", pid);
	put(path, "10000 default file=/x dirty=2 N0=1 N3=1 kernelpagesize_kB=4\n");
	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, pid);
	put(path, wait);
}

/* A mapping of smaps: 8 KiB at an address, of an inode. */
static const char *mapping(char out[1024], unsigned address, const char *access, unsigned inode, const char *name)
{
	snprintf(out, 1024,
		 "%x-%x %s 00001000 %02x:%02x %u                    %s\n"
		 "Size:                  8 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"
		 "Rss:                   8 kB\nPss:                   4 kB\nShmemPmdMapped:        0 kB\n"
		 "VmFlags: rd wr sh mr mw me ms sd \n",
		 address, address + 0x2000, access, shm.major, shm.minor, inode, name);
	return out;
}

static void set_up(void)
{
	struct sm_error err;
	struct sm_look look;
	pid_t self = getpid();

	cr_assert_eq(sm_look_begin(&look, &sm_os_linux, &self, NULL, 1, false, &err), 0, "%s", err.text);
	shm = look.shm;
	sm_look_free(&look);
	root_make();
	os = sm_os_linux;
	os.root = root;
	os.page_bytes = 4096;
	put("/proc/self/mounts", "proc /proc proc rw 0 0\n");
}

TestSuite(proc, .init = set_up, .fini = root_remove);

Test(proc, a_tree_with_an_object_in_common)
{
	const pid_t pids[] = { 10, 998, 999 };
	char one[1024], two[1024], three[1024], text[2048], wait[128];
	struct sm_error err = { 0 };
	struct sm_look look;

	snprintf(text, sizeof(text), "%s%s", mapping(one, 0x10000, "rw-s", 5, "/SYSV00000000 (deleted)"),
		 mapping(two, 0x20000, "rw-p", 6, "/memfd:private (deleted)"));
	put_process(10, 1, "parent", text, "running");
	snprintf(wait, sizeof(wait), "%d 0x11040 0x0 0x1 0x0 0x0 0x0 0x7ffd0 0x7f12", SYS_futex);
	put_process(11, 10, "child\n\033[31m", mapping(one, 0x10000, "r--s", 5, "/SYSV00000000 (deleted)"), wait);
	put_process(12, 1, "stranger", mapping(three, 0x30000, "rw-s", 5, "/SYSV00000000 (deleted)"), "running");
	cr_assert_eq(sm_look_begin(&look, &os, pids, NULL, 3, true, &err), 0, "%s", err.text);
	sm_look_end(&look);
	cr_assert_eq(look.process_count, 2);
	cr_expect(look.process[0].minor_per_s == 0 && look.process[1].parent == 10);
	cr_expect_str_eq(look.process[1].name, "child??[31m");
	cr_assert_eq(look.object_count, 1, "a private mapping is not shared memory");
	cr_expect(look.object[0].kind == SM_SHARED_SYSV && look.object[0].inode == 5 && look.object[0].bytes == 0x2000);
	cr_assert(look.object[0].uses == 2 && look.object[0].others == 1);
	cr_expect(look.use[0].writes && !look.use[1].writes);
	cr_expect(look.use[0].mapped.resident == 8192 && look.use[0].mapped.proportional == 4096);
	cr_expect(look.use[0].placed && look.use[0].node[0] == 4096 && look.use[0].node[3] == 4096);
	cr_expect_str_eq(look.other[0].name, "stranger");
	cr_assert_eq(look.wait_count, 1);
	cr_expect(look.wait[0].object == 0 && look.wait[0].offset == 0x2040,
		  "the offset in the object, not in the mapping");
	expect_gap(&look,
		   "The mappings of processes 998, 999 cannot be read: there is no such process, or /proc hides it");
	sm_look_free(&look);
}

Test(proc, one_node_has_all_pages)
{
	const pid_t pid = 10;
	char one[1024], path[128];
	struct sm_error err = { 0 };
	struct sm_look look;

	put_process(10, 1, "x", mapping(one, 0x10000, "rw-s", 5, "/memfd:m (deleted)"), "running");
	snprintf(path, sizeof(path), "%s/proc/10/numa_maps", root);
	unlink(path);
	for (unsigned several = 0; several < 2; several++) {
		put("/sys/devices/system/node/has_memory", several ? "0-1\n" : "1\n");
		cr_assert_eq(sm_look_begin(&look, &os, &pid, NULL, 1, false, &err), 0, "%s", err.text);
		sm_look_end(&look);
		cr_expect_eq(look.use[0].placed, !several);
		cr_expect_eq(look.use[0].node[1], several ? 0 : 8192);
		if (several)
			expect_gap(
				&look,
				"The nodes of the pages of process 10 cannot be read (ENOENT): this kernel does not have");
		sm_look_free(&look);
	}
}

Test(proc, mappings_without_detail_and_processes_that_end)
{
	const pid_t pids[] = { 10, 11, 12 };
	char one[1024], path[128];
	struct sm_error err = { 0 };
	struct sm_look look;

	for (int pid = 10; pid <= 12; pid++)
		put_process(pid, 1, "x", mapping(one, 0x10000, "rw-s", 5, "/memfd:m (deleted)"), "running");
	snprintf(path, sizeof(path), "%s/proc/10/smaps", root);
	unlink(path);
	*strstr(one, "Size:") = '\0'; /* the head alone */
	put("/proc/10/maps", one);
	put("/proc/12/smaps", "");
	cr_assert_eq(sm_look_begin(&look, &os, pids, NULL, 3, false, &err), 0, "%s", err.text);
	put("/proc/11/stat",
	    "11 (y) S 1 1 1 0 -1 4194304 10 0 2 0 7 8 0 0 20 0 1 0 1000 0 0"); /* its number is used again */
	sm_look_end(&look);
	cr_expect(look.process[1].gone && isnan(look.process[1].minor_per_s));
	cr_assert(look.object_count == 1 && look.object[0].uses == 1);
	cr_expect_not(look.use[0].detailed, "maps alone tells no Rss");
	expect_gap(&look, "The mappings of process 11 cannot be read: ended meanwhile.");
	expect_gap(&look, "The mappings of process 12 cannot be read: it has no memory of its own");
	sm_look_free(&look);
}

/* Two processes have one number after the other. */
Test(proc, a_number_that_is_used_again)
{
	const pid_t pids[] = { 10, 11 };
	uint64_t begun[] = { 0, 0 };
	char one[1024];
	struct sm_error err = { 0 };
	struct sm_look look;

	put_process(10, 1, "x", mapping(one, 0x10000, "rw-s", 5, "/memfd:m (deleted)"), "running");
	put_process(11, 1, "y", mapping(one, 0x10000, "rw-s", 6, "/memfd:n (deleted)"), "running");
	cr_assert_eq(sm_look_begin(&look, &os, pids, begun, 2, false, &err), 0, "%s", err.text);
	cr_expect(begun[0] == 999 && begun[1] == 999);
	sm_look_free(&look);
	put("/proc/11/stat", "11 (y) S 1 1 1 0 -1 4194304 10 0 2 0 7 8 0 0 20 0 1 0 1000 0 0");
	cr_assert_eq(sm_look_begin(&look, &os, pids, begun, 2, false, &err), 0, "%s", err.text);
	cr_expect_eq(look.process_count, 1);
	expect_gap(&look, "The mappings of process 11 cannot be read: it has ended.");
	sm_look_free(&look);
	put("/proc/10/stat", "10 (x) Z 1 1 1 0 -1 4194304 10 0 2 0 7 8 0 0 20 0 1 0 999 0 0");
	cr_expect_eq(sm_look_begin(&look, &os, pids, begun, 2, false, &err), -ENOENT);
	sm_look_free(&look);
}

/* What was read of the second process, which ends then, is forgotten; also what it added to the object of the first. */
static void *change_the_stat(void *fifo)
{
	FILE *file = fopen(fifo, "we"); /* until it is read */
	char one[1024], two[1024];

	put("/proc/11/stat", "11 (y) S 1 1 1 0 -1 4194304 10 0 2 0 7 8 0 0 20 0 1 0 1000 0 0");
	mapping(one, 0x10000, "rw-s", 5, "/memfd:m (deleted)");
	memcpy(strstr(one, "00001000"), "00009000", 8);
	fprintf(file, "%s%s", one, mapping(two, 0x20000, "rw-s", 6, "/memfd:n (deleted)"));
	fclose(file);
	return NULL;
}

Test(proc, a_process_that_ends_while_it_is_read)
{
	const pid_t pids[] = { 10, 11, 12 };
	char one[1024], path[128];
	struct sm_error err = { 0 };
	struct sm_look look;
	pthread_t thread;

	for (int pid = 10; pid <= 12; pid++)
		put_process(pid, 1, "x", mapping(one, 0x10000, "rw-s", 5, "/memfd:m (deleted)"), "running");
	snprintf(path, sizeof(path), "%s/proc/11/smaps", root);
	unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_eq(sm_look_begin(&look, &os, pids, NULL, 3, false, &err), 0, "%s", err.text);
	cr_assert_eq(pthread_create(&thread, NULL, change_the_stat, path), 0);
	sm_look_end(&look);
	pthread_join(thread, NULL);
	cr_expect(look.process[1].gone && !sm_look_all_ended(&look));
	cr_assert_eq(look.object_count, 1);
	cr_expect(look.object[0].inode == 5 && look.object[0].uses == 2 && look.object[0].bytes == 0x2000);
	cr_expect(look.readable == 2 && look.range_count == 2);
	expect_gap(&look, "The mappings of process 11 cannot be read: ended meanwhile.");
	sm_look_free(&look);
}

Test(proc, thousands_of_mappings)
{
	enum { MANY = 3000 };
	const pid_t pid = 10;
	struct sm_error err = { 0 };
	struct sm_look look;
	char *text = malloc((size_t)MANY * 400), one[1024];
	size_t used = 0;

	cr_assert(text);
	for (unsigned i = 0; i < MANY; i++) /* half of them objects of their own, half of one */
		used += (size_t)sprintf(
			text + used, "%s",
			mapping(one, 0x10000 + i * 0x10000, "rw-s", i % 2 ? 7 : 100 + i, "/memfd:m (deleted)"));
	put_process(10, 1, "x", text, "running");
	free(text);
	cr_assert_eq(sm_look_begin(&look, &os, &pid, NULL, 1, false, &err), 0, "%s", err.text);
	sm_look_end(&look);
	cr_expect_eq(look.object_count, MANY / 2 + 1);
	cr_expect_eq(look.range_count, MANY);
	for (size_t i = 0; i < look.object_count; i++)
		if (look.object[i].inode == 7)
			cr_expect_eq(look.use[look.object[i].use].mappings, MANY / 2);
	sm_look_free(&look);
}

Test(proc, rings_of_the_kernel_are_not_shared_by_their_inode)
{
	const pid_t pids[] = { 10, 11 };
	char one[1024];
	struct sm_error err = { 0 };
	struct sm_look look;

	put_process(10, 1, "x", mapping(one, 0x10000, "rw-s", 5, "anon_inode:[io_uring]"), "running");
	put_process(11, 1, "y", mapping(one, 0x10000, "rw-s", 5, "anon_inode:[io_uring]"), "running");
	put_process(12, 1, "z", mapping(one, 0x10000, "rw-s", 5, "anon_inode:[io_uring]"), "running");
	cr_assert_eq(sm_look_begin(&look, &os, pids, NULL, 2, false, &err), 0, "%s", err.text);
	sm_look_end(&look);
	cr_expect_eq(look.object_count, 2);
	cr_expect_eq(look.other_count, 0);
	sm_look_free(&look);
}

Test(proc, a_name_that_ends_in_deleted)
{
	const pid_t pid = 10;
	char one[1024], path[128];
	struct sm_error err = { 0 };
	struct sm_look look;
	struct stat status;

	put_process(10, 1, "x", mapping(one, 0x10000, "rw-s", 5, "/dev/shm/pool (deleted)"), "running");
	cr_assert_eq(sm_look_begin(&look, &os, &pid, NULL, 1, false, &err), 0, "%s", err.text);
	sm_look_end(&look);
	cr_expect(look.object[0].kind == SM_SHARED_POSIX && look.object[0].deleted);
	sm_look_free(&look);
	/* the file is called so: it is there, and has the inode of the mapping */
	put("/dev/shm/x", "");
	snprintf(path, sizeof(path), "%s/dev/shm/pool (deleted)", root);
	cr_assert_eq(mkdir(path, 0700), 0);
	cr_assert_eq(lstat(path, &status), 0);
	shm = (struct sm_shm_device){ true, (unsigned)(status.st_dev >> 8 & 0xfff), (unsigned)(status.st_dev & 0xff) };
	put_process(10, 1, "x", mapping(one, 0x10000, "rw-s", (unsigned)status.st_ino, "/dev/shm/pool (deleted)"),
		    "running");
	cr_assert_eq(sm_look_begin(&look, &os, &pid, NULL, 1, false, &err), 0, "%s", err.text);
	sm_look_end(&look);
	cr_expect_not(look.object[0].deleted);
	sm_look_free(&look);
}

Test(proc, nobody_is_there)
{
	const pid_t pid = 10;
	struct sm_error err = { 0 };
	struct sm_look look;

	cr_expect_eq(sm_look_begin(&look, &os, &pid, NULL, 1, true, &err), -ENOENT);
	sm_look_free(&look);
	os.root = "/nowhere";
	cr_expect_eq(sm_look_begin(&look, &os, &pid, NULL, 1, true, &err), -EACCES);
	cr_expect_str_eq(err.text, "/proc is not there: mount it");
	sm_look_free(&look);
}
