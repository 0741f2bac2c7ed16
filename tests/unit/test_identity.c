/* Who the machine is: hypervisors, CPUs, and fingerprints of hosts and their types, which are stable. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "environment_fixture.h"

TestSuite(identity, .init = setup, .fini = teardown);

/* A hypervisor is seen by any of these; none of them, and nothing is claimed. */
Test(identity, a_hypervisor_is_seen_or_not)
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

Test(identity, firmware_tells_of_virtual_machines)
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
Test(identity, a_hypervisor_is_seen_on_every_architecture)
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
Test(identity, a_partition_of_powervm_is_virtual)
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
Test(identity, a_cpu_has_a_name_on_every_architecture)
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

Test(identity, the_type_tells_kinds_of_machines_apart_and_the_host_machines)
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
Test(identity, containers_are_told_by_their_host)
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
Test(identity, a_container_in_a_guest_has_the_guests_number)
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
Test(identity, clones_are_told_by_the_number_of_the_guest)
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
Test(identity, clones_are_told_by_their_network_card)
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
Test(identity, an_empty_machine_id_is_none)
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

Test(identity, a_checkup_says_what_the_host_is_known_by)
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
