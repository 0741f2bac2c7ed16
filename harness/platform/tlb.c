/* Number of entries of the last-level data TLB, from CPUID if the vendor reports it. */
#include "tlb.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#include <string.h>

/* AMD64 Architecture Programmer's Manual, volume 3, Fn8000_0006: L2 data TLB entries in EBX[27:16] for 4 KiB pages
 * and EAX[27:16] for 2 MiB. */
static unsigned amd(bool huge)
{
	unsigned a, b, c, d;

	if (!__get_cpuid(0x80000006, &a, &b, &c, &d))
		return 0;
	return (huge ? a : b) >> 16 & 0xfff;
}

/* Intel Software Developer's Manual, volume 2, CPUID leaf 18H: one sub-leaf per structure; type in EDX[4:0] (1 data,
 * 3 unified), page sizes in EBX[3:0] (bit 0: 4 KiB, bit 1: 2 MiB), ways in EBX[31:16], sets in ECX. */
static unsigned intel(bool huge)
{
	unsigned a, b, c, d, last, most = 0;

	if (!__get_cpuid_count(0x18, 0, &last, &b, &c, &d))
		return 0;
	for (unsigned leaf = 0; leaf <= last; leaf++) {
		if (!__get_cpuid_count(0x18, leaf, &a, &b, &c, &d))
			break;
		if (((d & 31) == 1 || (d & 31) == 3) && (b & (huge ? 2u : 1u)) && (b >> 16) * c > most)
			most = (b >> 16) * c;
	}
	return most;
}

unsigned tlb_entries(bool huge)
{
	unsigned a, b = 0, c = 0, d = 0;
	char vendor[13] = "";

	/* CPUID.1:ECX[31] is set under a hypervisor, which can make up the values of CPUID. */
	if (!__get_cpuid(1, &a, &b, &c, &d) || c >> 31 || !__get_cpuid(0, &a, &b, &c, &d))
		return 0;
	memcpy(vendor, &b, 4);
	memcpy(vendor + 4, &d, 4);
	memcpy(vendor + 8, &c, 4);
	return strcmp(vendor, "AuthenticAMD") == 0 ? amd(huge) : strcmp(vendor, "GenuineIntel") == 0 ? intel(huge) : 0;
}
#else
unsigned tlb_entries(bool huge)
{
	(void)huge;
	return 0;
}
#endif
