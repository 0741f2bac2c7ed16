/* The machine as it is told: what cannot be read is absent, noise is subtracted. */
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
#include <sys/utsname.h>
#include <unistd.h>

#include "environment_fixture.h"
#include "shmeter/cgroup.h"
#include "shmeter/file_system.h"
#include "shmeter/region.h"

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

Test(environment, a_checkup_names_the_pmus_of_the_kinds_of_cores)
{
	struct sm_event_set *set = &known_events;

	cr_expect_str_eq(checkup_of("counters"), "");
	set->pmu_count = 2;
	set->pmu[0] = (struct sm_pmu){ .name = "cpu_core", .cpus = "0-15" };
	set->pmu[1] = (struct sm_pmu){ .name = "cpu_atom", .cpus = "16-23" };
	cr_expect(strstr(checkup_of("counters"), "cpu_core (PUs 0-15), cpu_atom (PUs 16-23)"), "%s",
		  checkup_of("counters"));
}

Test(environment, a_checkup_notes_only_settings_that_change_times, .timeout = 60)
{
	static const struct {
		const char *topic, *path, *dull, *notable, *words;
	} settings[] = {
		{ "isolation", "/sys/devices/system/cpu/isolated", "\n", "2-3\n", "PUs 2-3 are isolated" },
		{ "isolation", "/sys/devices/system/cpu/nohz_full", "(null)\n", "1\n", "PUs 1 have no timer tick" },
		{ "mitigations", "/sys/devices/system/cpu/vulnerabilities/mds", "Mitigation: Clear; BHI: Vulnerable\n",
		  "KVM: Vulnerable\n", "none for mds" },
		{ "memory", "/proc/cmdline", "init_on_free=0\n", "init_on_free=1\n", "when it frees it" },
		{ "frequency", "/sys/devices/system/cpu/cpufreq/boost", "0\n", "1\n", "boost is on" },
		{ "frequency", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "3600000\n", "1200000\n",
		  "limited to 1.20 GHz" },
	};

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		put("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3600000\n");
		put(settings[i].path, settings[i].dull);
		cr_expect_str_eq(checkup_of(settings[i].topic), "", "%s", settings[i].path);
		put(settings[i].path, settings[i].notable);
		cr_expect(strstr(checkup_of(settings[i].topic), settings[i].words), "%s: %s", settings[i].path,
			  checkup_of(settings[i].topic));
		root_remove();
		root_make();
	}
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
	put_mounts(root, "rootfs");
	cr_expect_eq(sm_file_system_writes_out(&os, SM_FILE, root, &err), -ENOTSUP);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return;
	put("/point/there", "");
	snprintf(err.text, sizeof(err.text), "%s/point", root);
	cr_assert_eq(mount("none", err.text, "tmpfs", 0, NULL), 0);
	expect_file_system(&sm_os_linux, err.text, "tmpfs");
	expect_file_system(&os, err.text, "tmpfs"); /* no such mount in the list: by its number */
	cr_expect_eq(umount(err.text), 0);
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(absent)";
}

Test(environment, settings_that_change_times_are_recorded)
{
	json_t *object, *part;

	put("/sys/devices/system/cpu/isolated", "2-3\n");
	put("/sys/devices/system/cpu/nohz_full", "  (null)\n");
	put("/sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n");
	put("/sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Retpolines\n");
	put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq", "2000000\n");
	put("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq", "3600000\n");
	put("/sys/devices/system/cpu/cpu0/cpufreq/scaling_driver", "acpi-cpufreq\n");
	put("/sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
	put("/sys/devices/system/cpu/cpuidle/current_driver", "haltpoll\n");
	put("/sys/devices/system/cpu/cpuidle/current_governor_ro", "haltpoll\n");
	put("/sys/module/haltpoll/parameters/guest_halt_poll_ns", "200000\n");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
	put("/sys/kernel/mm/transparent_hugepage/defrag", "always defer [defer+madvise] madvise never\n");
	put("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled", "always [inherit] madvise never\n");
	put("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/shmem_enabled", "always inherit [never]\n");
	put("/proc/sys/kernel/numa_balancing", "0\n");
	object = sm_environment_capture(&os, topology);
	cr_expect_str_eq(text_in(object, "isolated_pus"), "2-3");
	cr_expect_str_eq(text_in(object, "nohz_full_pus"), "");
	part = json_object_get(object, "mitigations");
	cr_expect_str_eq(text_in(part, "meltdown"), "Not affected");
	cr_expect_str_eq(text_in(part, "spectre_v2"), "Mitigation: Retpolines");
	cr_expect_eq(json_integer_value(json_object_get(object, "frequency_max_khz")), 2000000);
	cr_expect_eq(json_integer_value(json_object_get(object, "frequency_highest_khz")), 3600000);
	cr_expect_null(json_object_get(object, "frequency_min_khz"));
	cr_expect_str_eq(text_in(object, "frequency_driver"), "acpi-cpufreq");
	cr_expect(json_is_false(json_object_get(object, "boost")));
	cr_expect_str_eq(text_in(object, "idle_driver"), "haltpoll");
	cr_expect_str_eq(text_in(object, "idle_governor"), "haltpoll");
	cr_expect_eq(json_integer_value(json_object_get(object, "guest_halt_poll_ns")), 200000);
	cr_expect_str_eq(text_in(object, "thp"), "madvise");
	cr_expect_str_eq(text_in(object, "thp_defrag"), "defer+madvise");
	part = json_object_get(json_object_get(object, "thp_sizes"), "64kB");
	cr_expect_str_eq(text_in(part, "enabled"), "inherit");
	cr_expect_str_eq(text_in(part, "shmem_enabled"), "never");
	cr_expect_eq(json_integer_value(json_object_get(object, "numa_balancing")), 0);
	cr_expect_not_null(json_object_get(object, "numa_balancing"));
	json_decref(object);
	put("/sys/devices/system/cpu/cpuidle/current_governor_ro", "menu\n");
	object = sm_environment_capture(&os, topology);
	cr_expect_null(json_object_get(object, "guest_halt_poll_ns"), "a governor that does not poll");
	json_decref(object);
}

static void expect_init(const char *setting, int on, const char *from)
{
	json_t *object = sm_environment_capture(&os, topology), *found = json_object_get(object, setting);

	cr_expect_eq(found ? json_is_true(json_object_get(found, "on")) : -1, on, "%s", setting);
	cr_expect(on < 0 || strncmp(text_in(found, "from"), from, strlen(from)) == 0, "%s: %s", setting,
		  text_in(found, "from"));
	json_decref(object);
}

/* The command line decides; else the configuration that the kernel was built with; else nothing is claimed. */
Test(environment, clearing_of_memory_is_known_by_its_source)
{
	char path[256];
	struct utsname name;

	expect_init("init_on_alloc", -1, "");
	put("/proc/cmdline", "quiet init_on_free=1 xinit_on_alloc=1\n");
	expect_init("init_on_alloc", -1, "");
	expect_init("init_on_free", 1, "/proc/cmdline");
	cr_assert_eq(uname(&name), 0);
	snprintf(path, sizeof(path), "/boot/config-%s", name.release);
	put(path, "CONFIG_X=y\nCONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n# CONFIG_INIT_ON_FREE_DEFAULT_ON is not set\n");
	expect_init("init_on_alloc", 1, "/boot/config-");
	expect_init("init_on_free", 1, "/proc/cmdline");
	put("/proc/cmdline", "init_on_alloc=1 init_on_alloc=off\n");
	expect_init("init_on_alloc", 0, "/proc/cmdline");
	expect_init("init_on_free", 0, "/boot/config-");
}

Test(environment, settings_that_cannot_be_read_are_absent)
{
	static const char *const keys[] = {
		"init_on_alloc",     "init_on_free",     "isolated_pus", "nohz_full_pus", "mitigations",
		"frequency_max_khz", "frequency_driver", "boost",        "thp_defrag",    "thp_sizes",
		"numa_balancing",    "container",        "idle_driver",  "idle_governor", "guest_halt_poll_ns",
	};
	json_t *object = sm_environment_capture(&os, topology);

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		cr_expect_null(json_object_get(object, keys[i]), "%s", keys[i]);
	json_decref(object);
}

Test(environment, the_file_systems_of_shared_memory_and_of_temporary_files_are_recorded)
{
	char point[128];
	json_t *object;

	put_mounts(root, "ext3");
	setenv("TMPDIR", root, 1);
	object = sm_environment_capture(&os, topology);
	cr_expect_str_eq(text_in(json_object_get(object, "file_systems"), "temporary"), "ext3");
	json_decref(object);
	snprintf(point, sizeof(point), "%s/nowhere", root);
	setenv("TMPDIR", point, 1);
	object = sm_environment_capture(&os, topology);
	cr_expect_null(json_object_get(json_object_get(object, "file_systems"), "temporary"));
	json_decref(object);
}

/* The description of a recorded machine (tests/CMakeLists.txt). */
static json_t *record_of(const char *name)
{
	char path[256];
	struct sm_topology *recorded;
	json_t *object;

	snprintf(path, sizeof(path), "%s/%s.xml", TEST_MACHINES, name);
	cr_assert_eq(sm_topology_open(&recorded, path, NULL), 0, "%s", path);
	object = sm_environment_capture(&os, recorded);
	sm_topology_close(recorded);
	return object;
}

/* Entry `i` of a list of the record, as text. */
static char *entry_of(const json_t *object, const char *list, size_t i)
{
	char *text = json_dumps(json_array_get(json_object_get(object, list), i), JSON_COMPACT | JSON_SORT_KEYS);

	return text ? text : strdup("(absent)");
}

static void expect_entry(const char *machine, const char *list, size_t i, const char *due)
{
	json_t *object = record_of(machine);
	char *got = entry_of(object, list, i);

	cr_expect(strcmp(got, due) == 0, "%s: %s", machine, got);
	free(got);
	json_decref(object);
}

Test(environment, nodes_are_recorded)
{
	expect_entry(
		"memory-side-caches", "node_places", 2,
		"{\"allowed\":true,\"bytes\":399527772160,\"distances\":[11,21,10,21],\"has_memory\":true,\"has_pus\":true,\"node\":2,\"package\":0,\"pus\":20}");
	expect_entry(
		"knl-heteromem", "node_places", 4,
		"{\"allowed\":true,\"bytes\":2147483648,\"distances\":[0,0,0,0,0,0,0,0],\"has_memory\":true,\"has_pus\":false,\"node\":4,\"package\":0,\"promised_bandwidth_mib\":90000,\"pus\":0,\"tier\":\"HBM\"}");
	expect_entry(
		"cgroup-restricted-8-nodes", "node_places", 7,
		"{\"allowed\":false,\"bytes\":17179869184,\"distances\":[22,16,22,16,22,16,16,10],\"has_memory\":true,\"has_pus\":true,\"node\":7,\"package\":3,\"pus\":0}");
}

Test(environment, kinds_of_cores_are_recorded)
{
	json_t *object = record_of("raptor-lake-hybrid");

	cr_expect_eq(json_integer_value(json_object_get(object, "home_kind")), 1);
	cr_expect_eq(json_array_size(json_object_get(object, "kinds")), 2);
	json_decref(object);
	expect_entry("raptor-lake-hybrid", "kinds", 0,
		     "{\"kind\":0,\"list\":\"12-19\",\"name\":\"IntelAtom\",\"pus\":8}");
	expect_entry("raptor-lake-hybrid", "kinds", 1,
		     "{\"kind\":1,\"list\":\"0-11\",\"name\":\"IntelCore\",\"pus\":12}");
	expect_entry(
		"raptor-lake-hybrid", "pu_places", 13,
		"{\"core\":7,\"core_number\":25,\"kind\":0,\"l3\":0,\"node\":0,\"package\":0,\"package_number\":0,\"pu\":13}");
	/* of one kind, and none is named */
	object = record_of("zen4-2x96");
	cr_expect_null(json_object_get(object, "home_kind"));
	cr_expect_eq(json_array_size(json_object_get(object, "kinds")), 0);
	json_decref(object);
	expect_entry(
		"zen4-2x96", "pu_places", 0,
		"{\"core\":0,\"core_number\":0,\"kind\":-1,\"l3\":0,\"node\":0,\"package\":0,\"package_number\":0,\"pu\":0}");
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
