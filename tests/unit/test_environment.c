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
#include <sys/utsname.h>
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

/* What tells of a virtual machine where the CPU has no flag for it, and what does not. */
Test(environment, a_hypervisor_is_seen_on_every_architecture)
{
	static const struct {
		const char *path, *text;
		int seen;
	} sources[] = {
		{ "/sys/hypervisor/type", "xen\n", 1 },
		{ "/proc/device-tree/hypervisor/compatible", "linux,kvm", 1 },
		{ "/proc/device-tree/compatible", "raspberrypi,4-model-b", 0 },
		{ "/proc/device-tree/compatible", "linux,dummy-virt", 1 },
		{ "/proc/device-tree/compatible", "qemu,pseries", 1 },
		{ "/proc/device-tree/fw-cfg@9020000/compatible", "qemu,fw-cfg-mmio", 1 },
		{ "/proc/sysinfo", "Manufacturer: IBM\nLPAR Number: 12\n", 0 },
		{ "/proc/sysinfo", "Manufacturer: IBM\nVM00 Name: one\nVM00 Control Program: KVM/Linux\n", 1 },
		{ "/proc/cpuinfo", "vendor_id\t: User Mode Linux\n", 1 },
		{ "/sys/class/dmi/id/bios_vendor", "BHYVE", 1 },
		{ "/sys/class/dmi/id/product_version", "Hyper-V UEFI Release v4.1", 1 },
		{ "/sys/class/dmi/id/sys_vendor", "Oracle Corporation", 0 },
	};

	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		put(sources[i].path, sources[i].text);
		cr_expect_eq(sm_hypervisor_seen(&os), sources[i].seen, "%s: %s", sources[i].path, sources[i].text);
		root_remove();
		root_make();
	}
}

/* A partition of PowerVM has both; QEMU's pseries has a name of a partition, too. */
Test(environment, a_partition_of_powervm_is_virtual)
{
	put("/proc/device-tree/compatible", "IBM,9009-42A");
	put("/proc/device-tree/ibm,partition-name", "lpar1");
	cr_expect_eq(sm_hypervisor_seen(&os), 0);
	put("/proc/device-tree/hmc-managed?", "");
	cr_expect_eq(sm_hypervisor_seen(&os), 1);
}

static void expect_model(const char *cpuinfo, const char *model, const char *vendor)
{
	json_t *object;
	const char *got;

	put("/proc/cpuinfo", cpuinfo);
	object = sm_environment_capture(&os, topology);
	got = json_string_value(json_object_get(object, "cpu_model"));
	cr_expect(model ? got && strcmp(got, model) == 0 : !got, "\"%s\" instead of \"%s\"", got ? got : "-",
		  model ? model : "-");
	got = json_string_value(json_object_get(object, "cpu_vendor"));
	cr_expect(vendor ? got && strcmp(got, vendor) == 0 : !got, "%s", got ? got : "-");
	json_decref(object);
}

#define CORE(implementer, part)                                                                                        \
	"processor\t: 0\nCPU implementer\t: " implementer "\nCPU part\t: " part "\nCPU revision\t: 1\n\n"

/* As the files look on machines of each architecture. */
Test(environment, a_cpu_has_a_name_on_every_architecture)
{
	expect_model("processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\nmodel name\t: Xeon 1\nflags\t: fpu\n",
		     "Xeon 1", "GenuineIntel");
	expect_model(CORE("0x41", "0xd0c") CORE("0x41", "0xd0c"), "Neoverse-N1", "Arm");
	expect_model(CORE("0x41", "0xd87") CORE("0x41", "0xd85") CORE("0x41", "0xd87"), "Cortex-A725 + Cortex-X925",
		     "Arm");
	/* one name may be the beginning of another */
	expect_model(CORE("0x41", "0xd0e") CORE("0x41", "0xd0b"), "Cortex-A76AE + Cortex-A76", "Arm");
	expect_model(CORE("0x61", "0x022") CORE("0x61", "0x023"), "Icestorm-M1 + Firestorm-M1", "Apple");
	expect_model(CORE("0x43", "0x0af"), "ThunderX2", "Cavium");
	expect_model(CORE("0x46", "0x001"), "A64FX", "Fujitsu");
	expect_model(CORE("0x48", "0xd01"), "Kunpeng-920", "HiSilicon");
	expect_model(CORE("0x4e", "0x004"), "Carmel", "NVIDIA");
	expect_model(CORE("0xc0", "0xac4"), "Ampere-1A", "Ampere");
	expect_model(CORE("0x41", "0xfff"), "Arm part 0xfff", "Arm");
	expect_model(CORE("0x99", "0x123"), "implementer 0x99 part 0x123", NULL);
	expect_model("processor\t: 0\nmodel name\t: ARMv7 Processor rev 3 (v7l)\nCPU implementer\t: 0x41\nCPU part\t: "
		     "0xd08\n",
		     "Cortex-A72", "Arm");
	expect_model("processor\t: 0\ncpu\t\t: POWER9 (architected), altivec supported\nclock\t\t: 2900MHz\n",
		     "POWER9 (architected)", NULL);
	expect_model(
		"vendor_id       : IBM/S390\nprocessor 0: version = FF,  identification = 1D2A78,  machine = 3906\n",
		"IBM z14", "IBM/S390");
	expect_model("processor 0: version = FF,  identification = 1,  machine = 9999\n", "IBM machine 9999", NULL);
	expect_model("processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\nmmu\t\t: sv39\nuarch\t\t: sifive,u74-mc\n",
		     "sifive,u74-mc", NULL);
	expect_model("processor\t: 0\nisa\t\t: rv64imafdc\n", "rv64imafdc", NULL);
	expect_model("processor\t: 0\n", NULL, NULL);
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

/* What the check-up says of a topic below the fake root; "" if nothing. */
static struct sm_event_set known_events;
static const char *checkup_of(const char *topic)
{
	static struct sm_checkup checkups[64];
	unsigned count = sm_environment_checkup(&os, topology, &known_events, checkups, 64);

	for (unsigned i = 0; i < count; i++)
		if (strcmp(checkups[i].topic, topic) == 0)
			return checkups[i].finding;
	return "";
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
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return;
	put("/point/there", "");
	snprintf(err.text, sizeof(err.text), "%s/point", root);
	cr_assert_eq(mount("none", err.text, "tmpfs", 0, NULL), 0);
	expect_file_system(&sm_os_linux, err.text, "tmpfs");
	expect_file_system(&os, err.text, "tmpfs"); /* no such mount in the list: by its number */
	cr_expect_eq(umount(err.text), 0);
}

static void identify_here(struct sm_identity *out)
{
	json_t *object = sm_environment_capture(&os, topology);

	sm_environment_identify(object, out);
	json_decref(object);
}

static void expect_host(const struct sm_identity *before, bool same, const char *what)
{
	struct sm_identity now;

	identify_here(&now);
	cr_expect_eq(strcmp(before->host, now.host) == 0, same, "%s", what);
	cr_expect_str_eq(before->type, now.type, "%s", what);
}

#define ID "0123456789abcdef0123456789abcdef\n"

/* Containers of one host are one host, whatever their image is; those of an image on two hosts are two. */
Test(environment, containers_are_told_by_their_host)
{
	struct sm_identity machine, container;

	put("/etc/machine-id", ID);
	put("/proc/sys/kernel/random/boot_id", "b1\n");
	identify_here(&machine);
	put("/proc/sys/kernel/random/boot_id", "b2\n");
	expect_host(&machine, true, "a reboot");
	put("/.dockerenv", "");
	expect_host(&machine, false, "a container on it");
	identify_here(&container);
	put("/etc/machine-id", "1" ID);
	expect_host(&container, true, "a container of another image");
	put("/proc/sys/kernel/random/boot_id", "b3\n");
	expect_host(&container, false, "another kernel");
}

/* Only a hypervisor's number survives a reboot of the host below a container. */
Test(environment, a_container_in_a_guest_has_the_guests_number)
{
	struct sm_identity before;
	char command[256];

	put("/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
	put("/sys/class/dmi/id/board_asset_tag", "i-0123\n");
	put("/proc/sys/kernel/random/boot_id", "b1\n");
	put("/proc/self/ns/x", "");
	snprintf(command, sizeof(command), "ln -s 'pid:[4026532000]' %s/proc/self/ns/pid", root);
	cr_assert_eq(system(command), 0);
	identify_here(&before);
	put("/proc/sys/kernel/random/boot_id", "b2\n");
	expect_host(&before, true, "a reboot");
	put("/sys/class/dmi/id/board_asset_tag", "i-4567\n");
	expect_host(&before, false, "another instance");
}

/* Two guests that are clones of one image have one machine-id. */
Test(environment, clones_are_told_by_the_number_of_the_guest)
{
	static const struct {
		const char *path, *one, *other;
	} numbers[] = {
		{ "/sys/hypervisor/uuid", "u1\n", "u2\n" },
		{ "/proc/device-tree/vm,uuid", "u1", "u2" },
		{ "/sys/class/dmi/id/board_asset_tag", "i-1\n", "i-2\n" },
		{ "/var/lib/cloud/data/instance-id", "one\n", "two\n" },
		{ "/proc/sysinfo", "VM00 Control Program: KVM/Linux\nVM00 UUID: 1\n",
		  "VM00 Control Program: KVM/Linux\nVM00 UUID: 2\n" },
	};
	struct sm_identity one;

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		put("/sys/class/dmi/id/sys_vendor", "QEMU\n");
		put("/etc/machine-id", ID);
		put(numbers[i].path, numbers[i].one);
		identify_here(&one);
		expect_host(&one, true, numbers[i].path);
		put(numbers[i].path, numbers[i].other);
		expect_host(&one, false, numbers[i].path);
		root_remove();
		root_make();
	}
}

/* A card's own address counts, not one that the kernel made up, and only in a guest. */
Test(environment, clones_are_told_by_their_network_card)
{
	struct sm_identity one;

	put("/sys/class/dmi/id/sys_vendor", "QEMU\n");
	put("/etc/machine-id", ID);
	put("/sys/class/net/br0/address", "02:00:00:00:00:01\n");
	put("/sys/class/net/br0/addr_assign_type", "1\n");
	put("/sys/class/net/br0/device/uevent", "");
	put("/sys/class/net/eth0/device/uevent", "");
	put("/sys/class/net/eth0/address", "52:54:00:00:00:01\n");
	put("/sys/class/net/eth0/addr_assign_type", "0\n");
	identify_here(&one);
	put("/sys/class/net/br0/address", "02:00:00:00:00:02\n");
	expect_host(&one, true, "a bridge");
	put("/sys/class/net/eth0/address", "52:54:00:00:00:02\n");
	expect_host(&one, false, "another card");
	put("/sys/class/dmi/id/sys_vendor", "Dell Inc.\n");
	identify_here(&one);
	put("/sys/class/net/eth0/address", "52:54:00:00:00:03\n");
	expect_host(&one, true, "another card in a real machine");
}

/* An image that was never started has no id yet: all of them would be one host. */
Test(environment, an_empty_machine_id_is_none)
{
	struct sm_identity none, now;

	identify_here(&none);
	put("/etc/machine-id", "\n");
	expect_host(&none, true, "an empty one");
	put("/etc/machine-id", "uninitialized\n");
	expect_host(&none, true, "before the first boot");
	put("/etc/machine-id", ID);
	identify_here(&now);
	cr_expect_str_neq(none.host, now.host);
}

Test(environment, a_checkup_says_what_the_host_is_known_by)
{
	struct sm_identity here;

	put("/etc/machine-id", ID);
	identify_here(&here);
	cr_expect(strstr(checkup_of("identity"), here.host) && strstr(checkup_of("identity"), here.type) &&
			  strstr(checkup_of("identity"), "by its machine-id"),
		  "%s", checkup_of("identity"));
	put("/proc/sys/kernel/random/boot_id", "b1\n");
	put("/run/.containerenv", "");
	cr_expect(strstr(checkup_of("identity"), "by the running kernel"), "%s", checkup_of("identity"));
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
	cr_expect_str_eq(text_in(object, "thp"), "madvise");
	cr_expect_str_eq(text_in(object, "thp_defrag"), "defer+madvise");
	part = json_object_get(json_object_get(object, "thp_sizes"), "64kB");
	cr_expect_str_eq(text_in(part, "enabled"), "inherit");
	cr_expect_str_eq(text_in(part, "shmem_enabled"), "never");
	cr_expect_eq(json_integer_value(json_object_get(object, "numa_balancing")), 0);
	cr_expect_not_null(json_object_get(object, "numa_balancing"));
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
		"init_on_alloc", "init_on_free",      "isolated_pus",     "nohz_full_pus",
		"mitigations",   "frequency_max_khz", "frequency_driver", "boost",
		"thp_defrag",    "thp_sizes",         "numa_balancing",   "container",
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
