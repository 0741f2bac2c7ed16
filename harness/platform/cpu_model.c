/* Names CPUs.  On x86 the kernel prints a name; on other architectures it prints numbers or codes. */
#include "cpu_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shmeter/text.h"

/* The first processor is near the start of the file. */
#define FIRST_MAX (16 * 1024)
/* All processors of a machine with a few thousand Arm cores, a few hundred bytes each. */
#define ALL_MAX (4 * 1024 * 1024)

/* Implementer and part number of Arm's MIDR_EL1.  The numbers are facts from the kernel's
 * arch/arm64/include/asm/cputype.h, from lscpu (util-linux, sys-utils/lscpu-arm.c) and from the makers' manuals. */
static const struct {
	unsigned char implementer;
	unsigned short part;
	const char *name;
} arm_cores[] = {
	{ 0x41, 0xc05, "Cortex-A5" },
	{ 0x41, 0xc07, "Cortex-A7" },
	{ 0x41, 0xc08, "Cortex-A8" },
	{ 0x41, 0xc09, "Cortex-A9" },
	{ 0x41, 0xc0d, "Cortex-A12" },
	{ 0x41, 0xc0e, "Cortex-A17" },
	{ 0x41, 0xc0f, "Cortex-A15" },
	{ 0x41, 0xd01, "Cortex-A32" },
	{ 0x41, 0xd02, "Cortex-A34" },
	{ 0x41, 0xd03, "Cortex-A53" },
	{ 0x41, 0xd04, "Cortex-A35" },
	{ 0x41, 0xd05, "Cortex-A55" },
	{ 0x41, 0xd06, "Cortex-A65" },
	{ 0x41, 0xd07, "Cortex-A57" },
	{ 0x41, 0xd08, "Cortex-A72" },
	{ 0x41, 0xd09, "Cortex-A73" },
	{ 0x41, 0xd0a, "Cortex-A75" },
	{ 0x41, 0xd0b, "Cortex-A76" },
	{ 0x41, 0xd0c, "Neoverse-N1" },
	{ 0x41, 0xd0d, "Cortex-A77" },
	{ 0x41, 0xd0e, "Cortex-A76AE" },
	{ 0x41, 0xd40, "Neoverse-V1" },
	{ 0x41, 0xd41, "Cortex-A78" },
	{ 0x41, 0xd42, "Cortex-A78AE" },
	{ 0x41, 0xd43, "Cortex-A65AE" },
	{ 0x41, 0xd44, "Cortex-X1" },
	{ 0x41, 0xd46, "Cortex-A510" },
	{ 0x41, 0xd47, "Cortex-A710" },
	{ 0x41, 0xd48, "Cortex-X2" },
	{ 0x41, 0xd49, "Neoverse-N2" },
	{ 0x41, 0xd4a, "Neoverse-E1" },
	{ 0x41, 0xd4b, "Cortex-A78C" },
	{ 0x41, 0xd4c, "Cortex-X1C" },
	{ 0x41, 0xd4d, "Cortex-A715" },
	{ 0x41, 0xd4e, "Cortex-X3" },
	{ 0x41, 0xd4f, "Neoverse-V2" }, /* also NVIDIA's Grace */
	{ 0x41, 0xd80, "Cortex-A520" },
	{ 0x41, 0xd81, "Cortex-A720" },
	{ 0x41, 0xd82, "Cortex-X4" },
	{ 0x41, 0xd83, "Neoverse-V3AE" },
	{ 0x41, 0xd84, "Neoverse-V3" },
	{ 0x41, 0xd85, "Cortex-X925" },
	{ 0x41, 0xd87, "Cortex-A725" },
	{ 0x41, 0xd88, "Cortex-A520AE" },
	{ 0x41, 0xd89, "Cortex-A720AE" },
	{ 0x41, 0xd8e, "Neoverse-N3" },
	{ 0x41, 0xd8f, "Cortex-A320" },
	{ 0x42, 0x00f, "Brahma-B15" },
	{ 0x42, 0x100, "Brahma-B53" },
	{ 0x42, 0x516, "ThunderX2" },
	{ 0x43, 0x0a0, "ThunderX" },
	{ 0x43, 0x0a1, "ThunderX-88XX" },
	{ 0x43, 0x0a2, "ThunderX-81XX" },
	{ 0x43, 0x0a3, "ThunderX-83XX" },
	{ 0x43, 0x0af, "ThunderX2" },
	{ 0x43, 0x0b0, "OcteonTX2" },
	{ 0x43, 0x0b1, "OcteonTX2-98XX" },
	{ 0x43, 0x0b2, "OcteonTX2-96XX" },
	{ 0x43, 0x0b3, "OcteonTX2-95XX" },
	{ 0x43, 0x0b8, "ThunderX3" },
	{ 0x46, 0x001, "A64FX" },
	{ 0x48, 0xd01, "Kunpeng-920" }, /* core TSV110 */
	{ 0x48, 0xd02, "HIP09" },
	{ 0x48, 0xd40, "Cortex-A76" },
	{ 0x4e, 0x000, "Denver" },
	{ 0x4e, 0x003, "Denver-2" },
	{ 0x4e, 0x004, "Carmel" },
	{ 0x50, 0x000, "X-Gene" },
	{ 0x51, 0x001, "Oryon" },
	{ 0x51, 0x201, "Kryo" },
	{ 0x51, 0x205, "Kryo" },
	{ 0x51, 0x211, "Kryo" },
	{ 0x51, 0x800, "Kryo-2XX-Gold" },
	{ 0x51, 0x801, "Kryo-2XX-Silver" },
	{ 0x51, 0x802, "Kryo-3XX-Gold" },
	{ 0x51, 0x803, "Kryo-3XX-Silver" },
	{ 0x51, 0x804, "Kryo-4XX-Gold" },
	{ 0x51, 0x805, "Kryo-4XX-Silver" },
	{ 0x51, 0xc00, "Falkor" },
	{ 0x51, 0xc01, "Saphira" },
	{ 0x53, 0x001, "Exynos-M1" },
	{ 0x53, 0x002, "Exynos-M3" },
	{ 0x53, 0x003, "Exynos-M4" },
	{ 0x53, 0x004, "Exynos-M5" },
	{ 0x61, 0x020, "Icestorm-A14" },
	{ 0x61, 0x021, "Firestorm-A14" },
	{ 0x61, 0x022, "Icestorm-M1" },
	{ 0x61, 0x023, "Firestorm-M1" },
	{ 0x61, 0x024, "Icestorm-M1-Pro" },
	{ 0x61, 0x025, "Firestorm-M1-Pro" },
	{ 0x61, 0x028, "Icestorm-M1-Max" },
	{ 0x61, 0x029, "Firestorm-M1-Max" },
	{ 0x61, 0x032, "Blizzard-M2" },
	{ 0x61, 0x033, "Avalanche-M2" },
	{ 0x61, 0x034, "Blizzard-M2-Pro" },
	{ 0x61, 0x035, "Avalanche-M2-Pro" },
	{ 0x61, 0x038, "Blizzard-M2-Max" },
	{ 0x61, 0x039, "Avalanche-M2-Max" },
	{ 0x6d, 0xd49, "Cobalt-100" },
	{ 0x70, 0x660, "FTC660" },
	{ 0x70, 0x661, "FTC661" },
	{ 0x70, 0x662, "FTC662" },
	{ 0x70, 0x663, "FTC663" },
	{ 0xc0, 0xac3, "Ampere-1" },
	{ 0xc0, 0xac4, "Ampere-1A" },
};

static const struct {
	unsigned implementer;
	const char *name;
} arm_makers[] = {
	{ 0x41, "Arm" },    { 0x42, "Broadcom" },  { 0x43, "Cavium" },   { 0x46, "Fujitsu" }, { 0x48, "HiSilicon" },
	{ 0x4e, "NVIDIA" }, { 0x50, "APM" },       { 0x51, "Qualcomm" }, { 0x53, "Samsung" }, { 0x56, "Marvell" },
	{ 0x61, "Apple" },  { 0x6d, "Microsoft" }, { 0x70, "Phytium" },  { 0xc0, "Ampere" },
};

/* The machine's type, from arch/s390/kernel/processor.c and arch/s390/Kconfig of the kernel. */
static const struct {
	unsigned type;
	const char *name;
} s390_machines[] = {
	{ 0x2817, "IBM z196" }, { 0x2818, "IBM z114" },    { 0x2827, "IBM zEC12" }, { 0x2828, "IBM zBC12" },
	{ 0x2964, "IBM z13" },  { 0x2965, "IBM z13s" },    { 0x3906, "IBM z14" },   { 0x3907, "IBM z14 ZR1" },
	{ 0x8561, "IBM z15" },  { 0x8562, "IBM z15 T02" }, { 0x3931, "IBM z16" },   { 0x3932, "IBM z16 A02" },
	{ 0x9175, "IBM z17" },  { 0x9176, "IBM z17" },
};

static const char *arm_maker(unsigned implementer)
{
	for (size_t i = 0; i < sizeof(arm_makers) / sizeof(arm_makers[0]); i++)
		if (arm_makers[i].implementer == implementer)
			return arm_makers[i].name;
	return NULL;
}

static void arm_core(unsigned implementer, unsigned part, char *out, size_t size)
{
	const char *maker = arm_maker(implementer);

	for (size_t i = 0; i < sizeof(arm_cores) / sizeof(arm_cores[0]); i++)
		if (arm_cores[i].implementer == implementer && arm_cores[i].part == part) {
			snprintf(out, size, "%s", arm_cores[i].name);
			return;
		}
	if (maker)
		snprintf(out, size, "%s part 0x%03x", maker, part);
	else
		snprintf(out, size, "implementer 0x%02x part 0x%03x", implementer, part);
}

/* Whether a list joined by " + " has the name. */
static bool has_name(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += length)
		if ((at == list || at[-1] == ' ') && (at[length] == '\0' || at[length] == ' '))
			return true;
	return false;
}

/* Every kind of core once, in the order of the processors. */
static bool arm_model(const struct sm_os *os, char *out, size_t size, const char **vendor)
{
	char *text = malloc(ALL_MAX), value[64], name[64];
	const char *at = text;
	size_t used = 0;

	if (!text)
		return false;
	(void)!sm_os_read(os, text, ALL_MAX, "/proc/cpuinfo"); /* what fits is enough */
	while ((at = sm_find_field(at, "CPU implementer", value, sizeof(value)))) {
		unsigned implementer = (unsigned)strtoul(value, NULL, 0);

		at = sm_find_field(at, "CPU part", value, sizeof(value));
		if (!at)
			break;
		arm_core(implementer, (unsigned)strtoul(value, NULL, 0), name, sizeof(name));
		if (!*vendor)
			*vendor = arm_maker(implementer);
		if (used < size && !has_name(out, name))
			used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " + " : "", name);
	}
	free(text);
	return used > 0;
}

/* "version = FF,  identification = 1D2A78,  machine = 3906" */
static bool s390_model(const char *processor, char *out, size_t size)
{
	const char *machine = strstr(processor, "machine = ");
	unsigned type = machine ? (unsigned)strtoul(machine + strlen("machine = "), NULL, 16) : 0;

	for (size_t i = 0; i < sizeof(s390_machines) / sizeof(s390_machines[0]); i++)
		if (s390_machines[i].type == type) {
			snprintf(out, size, "%s", s390_machines[i].name);
			return true;
		}
	if (type)
		snprintf(out, size, "IBM machine %x", type);
	return type > 0;
}

bool cpu_model(const struct sm_os *os, char *out, size_t size, const char **vendor)
{
	/* x86 and many others; LoongArch; MIPS; RISC-V; POWER ("POWER9 (architected), altivec supported") */
	static const char *const names[] = { "model name", "Model Name", "cpu model", "uarch", "cpu", "isa" };
	char *text = malloc(FIRST_MAX), value[256];
	bool found = false;

	out[0] = '\0';
	*vendor = NULL;
	if (!text)
		return false;
	(void)!sm_os_read(os, text, FIRST_MAX, "/proc/cpuinfo"); /* what fits is enough */
	/* 32-bit Arm has a "model name" too, which is the architecture's */
	if (sm_find_field(text, "CPU part", value, sizeof(value)))
		found = arm_model(os, out, size, vendor);
	for (size_t i = 0; !found && i < sizeof(names) / sizeof(names[0]); i++)
		if (sm_find_field(text, names[i], value, sizeof(value)) && *value) {
			snprintf(out, size, "%.*s", strcmp(names[i], "cpu") == 0 ? (int)strcspn(value, ",") : (int)size,
				 value);
			found = true;
		}
	if (!found && sm_find_field(text, "processor 0", value, sizeof(value)))
		found = s390_model(value, out, size);
	free(text);
	return found;
}
