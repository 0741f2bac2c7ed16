/* Whether this machine is a virtual one.  The sources are those of systemd-detect-virt, because they also exist on
 * architectures where the CPU does not tell. */
#include "shmeter/environment.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/text.h"

#define CPUINFO_MAX (16 * 1024)

/* 1, 0: the CPU says so; -1: it does not tell. */
static int cpu_says(const struct sm_os *os)
{
	char *text = malloc(CPUINFO_MAX), value[CPUINFO_MAX / 4];
	int seen = -1;

	/* The flags of the first processor are near the start of the file, however long it is. */
	if (text && sm_os_read(os, text, CPUINFO_MAX, "/proc/cpuinfo") != -2) {
		if (sm_find_field(text, "flags", value, sizeof(value)))
			seen = strstr(value, " hypervisor") != NULL;
		if (sm_find_field(text, "vendor_id", value, sizeof(value)) && strcmp(value, "User Mode Linux") == 0)
			seen = 1;
	}
	free(text);
	return seen;
}

/* QEMU gives the firmware its settings through this device. */
static bool has_fw_cfg(const struct sm_os *os)
{
	char path[512];
	struct dirent *entry;
	bool found = false;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/proc/device-tree", os->root);
	folder = opendir(path);
	while (folder && !found && (entry = readdir(folder)))
		found = strstr(entry->d_name, "fw-cfg") != NULL;
	if (folder)
		closedir(folder);
	return found;
}

/* Arm, POWER and RISC-V.  -1: there is no device tree. */
static int device_tree_says(const struct sm_os *os)
{
	char text[256];

	if (!sm_os_has(os, "/proc/device-tree"))
		return -1;
	if (sm_os_has(os, "/proc/device-tree/hypervisor/compatible"))
		return 1;
	/* a partition of PowerVM, managed by its console */
	if (sm_os_has(os, "/proc/device-tree/ibm,partition-name") && sm_os_has(os, "/proc/device-tree/hmc-managed?"))
		return 1;
	if (has_fw_cfg(os))
		return 1;
	/* The file has several names, each ended by a zero byte; the first one is the board's own.  Both are boards for
	 * virtual machines without a hardware model. */
	return sm_os_read(os, text, sizeof(text), "/proc/device-tree/compatible") >= 0 &&
	       (strcmp(text, "linux,dummy-virt") == 0 || strcmp(text, "qemu,pseries") == 0);
}

/* IBM Z: a guest of z/VM or KVM has a control program above it.  -1: there is no such file. */
static int sysinfo_says(const struct sm_os *os)
{
	char *text = malloc(CPUINFO_MAX), value[64];
	int seen = -1;

	if (text && sm_os_read(os, text, CPUINFO_MAX, "/proc/sysinfo") >= 0)
		seen = sm_find_field(text, "VM00 Control Program", value, sizeof(value)) != NULL;
	free(text);
	return seen;
}

/* Whether the firmware names a virtual machine, by what the vendors' products write into DMI.  Amazon's bare-metal
 * machines have Amazon's name, too.  Oracle's name is left out: its real machines have it as well. */
static bool is_virtual_name(const char *text)
{
	static const char *const names[] = { "KVM",
					     "OpenStack",
					     "KubeVirt",
					     "QEMU",
					     "VMware",
					     "VMW",
					     "innotek",
					     "VirtualBox",
					     "Xen",
					     "Bochs",
					     "Parallels",
					     "BHYVE",
					     "Hyper-V",
					     "Apple Virtualization",
					     "Google Compute Engine" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(text, names[i], strlen(names[i])) == 0)
			return true;
	return strstr(text, "Virtual Machine") != NULL;
}

/* -1: there is no DMI. */
static int firmware_says(const struct sm_os *os)
{
	static const char *const files[] = { "product_name", "sys_vendor", "board_vendor", "bios_vendor",
					     "product_version" };
	char text[128], product[128] = "";
	int seen = -1;

	(void)!sm_os_read(os, product, sizeof(product), "/sys/class/dmi/id/product_name");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (sm_os_read(os, text, sizeof(text), "/sys/class/dmi/id/%s", files[i]) < 0)
			continue;
		if (is_virtual_name(text) || (i == 0 && strstr(text, "KVM")) ||
		    (strncmp(text, "Amazon EC2", strlen("Amazon EC2")) == 0 && !strstr(product, ".metal")))
			return 1;
		seen = 0;
	}
	return seen;
}

int sm_hypervisor_seen(const struct sm_os *os)
{
	int (*const sources[])(const struct sm_os *) = { cpu_says, device_tree_says, sysinfo_says, firmware_says };
	int seen = sm_os_has(os, "/sys/hypervisor/type") ? 1 : -1;

	for (size_t i = 0; seen < 1 && i < sizeof(sources) / sizeof(sources[0]); i++) {
		int says = sources[i](os);

		seen = says > seen ? says : seen;
	}
	return seen;
}
