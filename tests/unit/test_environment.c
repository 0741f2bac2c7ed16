/* The machine as it is told: what cannot be read is absent, fingerprints are stable, noise is subtracted. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_root.h"
#include "shmeter/cgroup.h"
#include "shmeter/environment.h"
#include "shmeter/file_system.h"
#include "shmeter/region.h"

static struct sm_os os;
static struct sm_topology *topology;

static void setup(void)
{
	root_make();
	os = sm_os_linux;
	os.root = root;
	cr_assert_eq(sm_topology_open(&topology, "pack:2 [numa] l3:1 core:4 pu:1", NULL), 0);
}

static void teardown(void)
{
	root_remove();
	sm_topology_close(topology);
}

TestSuite(environment, .init = setup, .fini = teardown);

Test(environment, what_cannot_be_read_is_absent)
{
	json_t *object = sm_environment_capture(&os, topology);

	cr_assert(object);
	cr_expect_null(json_object_get(object, "cpu_model"));
	cr_expect_null(json_object_get(object, "hugepages_2m"));
	cr_expect_null(json_object_get(object, "perf_event_paranoid"));
	cr_expect_eq(json_integer_value(json_object_get(object, "pus")), 8);
	cr_expect_eq(json_integer_value(json_object_get(object, "nodes")), 2);
	json_decref(object);
}

Test(environment, files_are_read)
{
	json_t *object;

	put("/proc/cpuinfo", "processor\t: 0\nmodel name\t: Made-up 3000\nflags\t\t: fpu hypervisor sse\n");
	put("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "17\n");
	put("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always [advise] never\n");
	object = sm_environment_capture(&os, topology);
	cr_expect_str_eq(json_string_value(json_object_get(object, "cpu_model")), "Made-up 3000");
	cr_expect(json_is_true(json_object_get(object, "virtual_machine")));
	cr_expect_eq(json_integer_value(json_object_get(object, "hugepages_2m")), 17);
	cr_expect_str_eq(json_string_value(json_object_get(object, "thp_shmem")), "advise");
	json_decref(object);
}

/* A hypervisor is seen by any of these; none of them, and nothing is claimed. */
Test(environment, a_hypervisor_is_seen_or_not)
{
	cr_expect_eq(sm_hypervisor_seen(&os), -1);
	put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sse\n");
	cr_expect_eq(sm_hypervisor_seen(&os), 0);
	put("/sys/class/dmi/id/sys_vendor", "Dell Inc.\n");
	put("/sys/class/dmi/id/product_name", "PowerEdge R650\n");
	cr_expect_eq(sm_hypervisor_seen(&os), 0);
	put("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisor sse\n");
	cr_expect_eq(sm_hypervisor_seen(&os), 1);
	put("/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
	cr_expect_eq(sm_hypervisor_seen(&os), 0);
	put("/proc/device-tree/compatible", "linux,dummy-virt");
	cr_expect_eq(sm_hypervisor_seen(&os), 1);
}

Test(environment, firmware_tells_of_virtual_machines)
{
	static const struct {
		const char *vendor, *product;
		int seen;
	} machines[] = {
		{ "QEMU", "Standard PC (Q35 + ICH9, 2009)", 1 },
		{ "VMware, Inc.", "VMware7,1", 1 },
		{ "Microsoft Corporation", "Virtual Machine", 1 },
		{ "Microsoft Corporation", "Surface Pro 7", 0 },
		{ "Google", "Google Compute Engine", 1 },
		{ "Amazon EC2", "c7g.large", 1 },
		{ "Amazon EC2", "c7g.metal", 0 },
		{ "Supermicro", "SYS-1029P", 0 },
	};

	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		put("/sys/class/dmi/id/sys_vendor", machines[i].vendor);
		put("/sys/class/dmi/id/product_name", machines[i].product);
		cr_expect_eq(sm_hypervisor_seen(&os), machines[i].seen, "%s %s", machines[i].vendor,
			     machines[i].product);
	}
}

static void identify(const char *model, const char *memory, struct sm_identity *out)
{
	char text[128];
	json_t *object;

	snprintf(text, sizeof(text), "model name\t: %s\n", model);
	put("/proc/cpuinfo", text);
	put("/proc/meminfo", memory);
	object = sm_environment_capture(&os, topology);
	sm_environment_identify(object, out);
	json_decref(object);
}

Test(environment, the_type_tells_kinds_of_machines_apart_and_the_host_machines)
{
	struct sm_identity a, same, other, larger, elsewhere;

	put("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	identify("One", "MemTotal:       24000000 kB\n", &a);
	identify("One", "MemTotal:       24001000 kB\nMemAvailable: 5 kB\n", &same);
	identify("Two", "MemTotal:       24000000 kB\n", &other);
	identify("One", "MemTotal:       64000000 kB\n", &larger);
	put("/etc/machine-id", "1123456789abcdef0123456789abcdef\n");
	identify("One", "MemTotal:       24000000 kB\n", &elsewhere);
	cr_expect_eq(strlen(a.type), 16);
	cr_expect_str_eq(a.type, same.type);
	cr_expect_str_neq(a.type, other.type);
	cr_expect_str_neq(a.type, larger.type);
	cr_expect_str_eq(a.host, same.host);
	cr_expect_str_eq(a.host, other.host, "a host keeps its name with a new CPU");
	cr_expect_str_eq(a.type, elsewhere.type);
	cr_expect_str_neq(a.host, elsewhere.host);
	cr_expect(!strstr(a.host, "0123456789abcdef"), "the id itself is not told");
}

Test(environment, steal_is_a_share_of_all_time)
{
	struct sm_noise_mark before, after;
	struct sm_noise noise;

	put("/proc/stat", "cpu  100 0 100 800 0 0 0 0 0 0\nintr 1000 1\nctxt 500\n");
	sm_noise_mark(&os, &before);
	usleep(1000);
	put("/proc/stat", "cpu  150 0 110 1000 0 0 0 40 0 0\nintr 3000 1\nctxt 900\n");
	sm_noise_mark(&os, &after);
	sm_noise_between(&before, &after, &noise);
	cr_expect_float_eq(noise.steal_percent, 100.0 * 40 / 300, 1e-9);
	cr_expect_float_eq(noise.busy_percent, 100.0 * 100 / 300, 1e-9);
	cr_expect(noise.interrupts_per_s > 0 && noise.switches_per_s > 0);
}

Test(environment, without_proc_there_is_no_steal)
{
	struct sm_noise_mark mark;
	struct sm_noise noise;

	sm_noise_mark(&os, &mark);
	sm_noise_between(&mark, &mark, &noise);
	cr_expect(isnan(noise.steal_percent));
}

Test(environment, the_clock_goes_forward)
{
	struct sm_clock_report report;
	struct sm_error err = { 0 };

	cr_expect_eq(sm_clock_check(NULL, &report, &err), 0, "%s", err.text);
	cr_expect(report.cost_ns > 0 && report.cost_ns < 1e5, "%f ns", report.cost_ns);
	cr_expect(report.quantum_ns > 0 && report.backwards == 0);
}

Test(environment, a_checkup_has_a_remedy_for_every_gap)
{
	static struct sm_event_set events;
	struct sm_checkup checkups[64];
	struct sm_topology *here;
	unsigned count;

	cr_assert_eq(sm_topology_open(&here, NULL, NULL), 0);
	cr_assert_eq(sm_events_prepare(&events, &sm_os_linux, sm_events_default, NULL), 0);
	count = sm_environment_checkup(&sm_os_linux, here, &events, checkups, 64);
	cr_expect_gt(count, 8);
	for (unsigned i = 0; i < count; i++)
		cr_expect(checkups[i].level != SM_GAP || strlen(checkups[i].remedy) > 10, "%s: %s", checkups[i].topic,
			  checkups[i].finding);
	sm_topology_close(here);
}

static void expect_file_system(const struct sm_os *kernel, const char *path, const char *due)
{
	char name[SM_FILE_SYSTEM_MAX] = "-";
	struct sm_error err = { 0 };

	cr_expect_eq(sm_file_system_name(kernel, path, name, sizeof(name), &err), 0, "%s", err.text);
	cr_expect_str_eq(name, due, "%s is on \"%s\"", path, name);
}

/* A line of mountinfo for the mount that the folder is on, between two of others. */
static void put_mounts(const char *path, const char *type)
{
	char line[512];
	struct statx stat;

	cr_assert_eq(statx(AT_FDCWD, path, 0, STATX_MNT_ID, &stat), 0);
	snprintf(line, sizeof(line),
		 "1 0 8:1 / / rw - first /dev/a rw\n%llu 1 8:2 / / rw shared:3 master:1 - %s /dev/b rw\n"
		 "2 1 8:3 / / rw - last /dev/c rw\n",
		 (unsigned long long)stat.stx_mnt_id, type);
	put("/proc/self/mountinfo", line);
}

Test(environment, a_file_system_is_named_by_its_mount)
{
	char name[SM_FILE_SYSTEM_MAX];
	struct sm_error err = { 0 };

	put_mounts(root, "ext3");
	expect_file_system(&os, root, "ext3");
	put_mounts(root, "fuse.a,\"b");
	expect_file_system(&os, root, "fuse.a__b");
	expect_file_system(&sm_os_linux, "/proc", "proc");
	cr_expect_eq(sm_file_system_name(&os, "/nowhere/at/all", name, sizeof(name), &err), -ENOENT);
	cr_expect(strstr(err.text, "/nowhere/at/all"), "%s", err.text);
}

/* As root with a mount of its own; what the kernel says of the rest of the machine is not known. */
Test(environment, a_file_system_in_memory_writes_out_to_nothing)
{
	struct sm_error err = { 0 };

	put_mounts(root, "ext4");
	cr_expect_eq(sm_file_system_writes_out(&os, SM_FILE, root, &err), 0, "%s", err.text);
	cr_expect_eq(sm_file_system_writes_out(&os, SM_MEMFD, root, &err), -ENOTSUP);
	cr_expect(strstr(err.text, "--backing file"), "%s", err.text);
	put_mounts(root, "tmpfs");
	cr_expect_eq(sm_file_system_writes_out(&os, SM_FILE, root, &err), -ENOTSUP);
	cr_expect(strstr(err.text, "tmpfs") && strstr(err.text, "--file-folder"), "%s", err.text);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return;
	put("/point/there", "");
	snprintf(err.text, sizeof(err.text), "%s/point", root);
	cr_assert_eq(mount("none", err.text, "tmpfs", 0, NULL), 0);
	expect_file_system(&sm_os_linux, err.text, "tmpfs");
	expect_file_system(&os, err.text, "tmpfs"); /* no such mount in the list: by its number */
	cr_expect_eq(umount(err.text), 0);
}

static int supported(struct sm_error *err)
{
	struct sm_memory memory = { SM_MEMFD, { SM_PAGES_BASE, 4096 }, SM_MADVISE, SM_FIRST_TOUCH, 0 };

	return sm_region_supported(&os, topology, memory, 8u << 20, "/tmp", err);
}

/* What is more than there is, or than a cgroup above allows, is not touched: the kernel kills who does. */
Test(environment, memory_and_its_limits_are_looked_at)
{
	struct sm_error err = { 0 };

	cr_expect_eq(supported(&err), 0, "nothing can be read: %s", err.text);
	put("/proc/meminfo", "MemTotal: 999999 kB\nMemFree: 1 kB\nMemAvailable: 8191 kB\n");
	cr_expect_eq(supported(&err), -ENOMEM);
	cr_expect(strstr(err.text, "8 MiB are needed") && strstr(err.text, "--set"), "%s", err.text);
	put("/proc/meminfo", "MemTotal: 999999 kB\nMemFree: 1 kB\nMemAvailable: 8192 kB\n");
	cr_expect_eq(supported(&err), 0, "%s", err.text);
	put("/proc/self/cgroup", "1:cpu:/x\n0::/a/b\n");
	put("/sys/fs/cgroup/a/b/memory.max", "max");
	put("/sys/fs/cgroup/a/memory.max", "10485760");
	put("/sys/fs/cgroup/a/memory.current", "2097152");
	cr_expect_eq(supported(&err), 0, "%s", err.text);
	put("/sys/fs/cgroup/a/memory.current", "2097153");
	cr_expect_eq(supported(&err), -ENOMEM);
	cr_expect(strstr(err.text, "/sys/fs/cgroup/a/memory.max"), "%s", err.text);
	put("/sys/fs/cgroup/a/memory.stat", "anon 5\ninactive_anon 7\nactive_file 9\ninactive_file 1\nx 1\n");
	cr_expect_eq(supported(&err), 0, "a page cache is taken back: %s", err.text);
}

/* Version 1 has a folder for each controller and files of its own names; the tightest level counts. */
Test(environment, room_below_version_1)
{
	struct sm_room room;

	put("/proc/meminfo", "MemAvailable: 16384 kB\n");
	put("/proc/self/cgroup", "5:hugetlb:/h\n4:memory:/a/b\n0::/\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes", "9223372036854771712\n");
	sm_memory_room(&os, &room);
	cr_expect(room.left == 16u << 20 && !room.file[0], "no limit: %s", room.file);
	put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "8388608\n");
	put("/sys/fs/cgroup/memory/a/memory.usage_in_bytes", "4194304\n");
	put("/sys/fs/cgroup/memory/a/memory.stat", "inactive_file 9\ntotal_inactive_file 1048576\n");
	sm_memory_room(&os, &room);
	cr_expect(room.left == 5u << 20 && room.limit == 8u << 20);
	cr_expect_str_eq(room.file, "/sys/fs/cgroup/memory/a/memory.limit_in_bytes");
	sm_hugetlb_room(&os, 2u << 20, &room);
	cr_expect_eq(room.left, UINT64_MAX, "no file, no limit");
	put("/sys/fs/cgroup/hugetlb/h/hugetlb.2MB.limit_in_bytes", "8388608\n");
	put("/sys/fs/cgroup/hugetlb/h/hugetlb.2MB.usage_in_bytes", "10485760\n");
	sm_hugetlb_room(&os, 2u << 20, &room);
	cr_expect(room.left == 0 && room.limit == 8u << 20, "more is used than allowed");
}

/* Where both versions are mounted, version 2 lies in a folder of its own and has what version 1 does not. */
Test(environment, room_below_both_versions)
{
	struct sm_room room;

	put("/proc/self/cgroup", "1:cpu:/x\n0::/a\n");
	put("/sys/fs/cgroup/unified/cgroup.controllers", "memory hugetlb\n");
	put("/sys/fs/cgroup/unified/a/memory.max", "1048576\n");
	sm_memory_room(&os, &room);
	cr_expect_eq(room.left, 1u << 20, "without meminfo the group still counts");
	cr_expect_str_eq(room.file, "/sys/fs/cgroup/unified/a/memory.max");
	put("/sys/fs/cgroup/unified/a/hugetlb.2MB.max", "8388608\n");
	put("/sys/fs/cgroup/unified/a/hugetlb.2MB.rsvd.max", "4194304\n");
	sm_hugetlb_room(&os, 2u << 20, &room);
	cr_expect_eq(room.left, 4u << 20);
	cr_expect_str_eq(room.file, "/sys/fs/cgroup/unified/a/hugetlb.2MB.rsvd.max");
}
