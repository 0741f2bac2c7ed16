/* Parses the texts of /proc about mappings. */
#include "shmeter/maps.h"

#include <inttypes.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define DELETED    " (deleted)"
#define POSIX_PATH "/dev/shm/"

/* Numbers that older headers lack; the same on all machines but Alpha. */
#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define FUTEX_WAIT_NUMBER 455 /* futex_wait(), Linux 6.7 */
#define FUTEX2_OWN        128 /* FUTEX2_PRIVATE */

bool sm_map_parse(const char *line, struct sm_map_line *out)
{
	int used = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64 "%n", &out->low, &out->high,
		   out->access, &out->offset, &out->major, &out->minor, &out->inode, &used) != 7 ||
	    used == 0 || out->low >= out->high || strlen(out->access) != 4)
		return false;
	out->name = line + used + strspn(line + used, " ");
	return true;
}

bool sm_map_is_shared(const struct sm_map_line *line)
{
	return line->access[3] == 's';
}

const char *sm_shared_kind_name(enum sm_shared_kind kind)
{
	static const char *const names[SM_SHARED_KIND_COUNT] = { "file",      "posix",  "memfd", "sysv",
								 "anonymous", "device", "kernel" };

	return names[kind];
}

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

bool sm_map_is_deleted(const char *name)
{
	size_t length = strlen(name), end = strlen(DELETED);

	return length > end && strcmp(name + length - end, DELETED) == 0;
}

enum sm_shared_kind sm_map_kind(const struct sm_map_line *line, const struct sm_shm_device *shm, bool huge)
{
	const char *name = line->name;
	bool internal =
		line->major == 0 && (huge || !shm->known || (line->major == shm->major && line->minor == shm->minor));

	if (begins(name, "[anon_shmem:")) /* prctl(PR_SET_VMA_ANON_NAME) */
		return SM_SHARED_ANON;
	if (name[0] != '/')
		return SM_SHARED_KERNEL;
	if (internal && sm_map_is_deleted(name)) {
		if (begins(name, "/memfd:"))
			return SM_SHARED_MEMFD;
		if (begins(name, "/SYSV"))
			return SM_SHARED_SYSV;
		if (begins(name, "/dev/zero") || begins(name, "/anon_hugepage"))
			return SM_SHARED_ANON;
	}
	if (begins(name, POSIX_PATH))
		return SM_SHARED_POSIX;
	return begins(name, "/dev/") && !huge ? SM_SHARED_DEVICE : SM_SHARED_FILE;
}

const char *sm_shared_words(enum sm_shared_kind kind, const char *name, uint64_t inode, char *out, size_t size)
{
	int length = (int)strlen(name), end = (int)strlen(DELETED);

	if (sm_map_is_deleted(name) && kind != SM_SHARED_POSIX && kind != SM_SHARED_FILE)
		length -= end;
	switch (kind) {
	case SM_SHARED_POSIX:
		snprintf(out, size, "POSIX /%.*s", length - (int)strlen(POSIX_PATH), name + strlen(POSIX_PATH));
		break;
	case SM_SHARED_MEMFD:
		snprintf(out, size, "memfd %.*s", length - (int)strlen("/memfd:"), name + strlen("/memfd:"));
		break;
	case SM_SHARED_SYSV: snprintf(out, size, "System V segment %" PRIu64, inode); break;
	case SM_SHARED_ANON: snprintf(out, size, "anonymous shared memory"); break;
	case SM_SHARED_DEVICE: snprintf(out, size, "device %.*s", length, name); break;
	case SM_SHARED_KERNEL: snprintf(out, size, "of the kernel: %s", *name ? name : "(no name)"); break;
	default: snprintf(out, size, "file %.*s", length, name);
	}
	return out;
}

bool sm_smaps_take(struct sm_mapped *mapped, const char *line)
{
	static const struct {
		const char *name;
		size_t offset, also; /* members that it is added to */
	} fields[] = {
		{ "Rss:", offsetof(struct sm_mapped, resident), 0 },
		{ "Pss:", offsetof(struct sm_mapped, proportional), 0 },
		{ "AnonHugePages:", offsetof(struct sm_mapped, thp), 0 },
		{ "ShmemPmdMapped:", offsetof(struct sm_mapped, thp), 0 },
		{ "FilePmdMapped:", offsetof(struct sm_mapped, thp), 0 },
		{ "Shared_Hugetlb:", offsetof(struct sm_mapped, hugetlb), offsetof(struct sm_mapped, resident) },
		{ "Private_Hugetlb:", offsetof(struct sm_mapped, hugetlb), offsetof(struct sm_mapped, resident) },
		{ "Swap:", offsetof(struct sm_mapped, swapped), 0 },
	};
	uint64_t kib;

	if (sscanf(line, "KernelPageSize: %" SCNu64, &kib) == 1 && kib > 0) {
		if (mapped->page_low == 0 || kib * 1024 < mapped->page_low)
			mapped->page_low = kib * 1024;
		if (kib * 1024 > mapped->page_high)
			mapped->page_high = kib * 1024;
		return true;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!begins(line, fields[i].name))
			continue;
		kib = strtoull(line + strlen(fields[i].name), NULL, 10);
		*(uint64_t *)(void *)((char *)mapped + fields[i].offset) += kib * 1024;
		if (fields[i].also)
			*(uint64_t *)(void *)((char *)mapped + fields[i].also) += kib * 1024;
		return true;
	}
	return false;
}

bool sm_numa_maps_parse(const char *line, uint64_t page, uint64_t *low, uint64_t *bytes, unsigned nodes)
{
	const char *size = strstr(line, " kernelpagesize_kB=");
	char *rest;

	*low = strtoull(line, &rest, 16);
	if (rest == line || *rest != ' ')
		return false;
	if (size)
		page = strtoull(size + strlen(" kernelpagesize_kB="), NULL, 10) * 1024;
	/* a space in a name is written as \040, so a word is never part of one */
	for (const char *word = strchr(rest, ' '); word; word = strchr(word + 1, ' ')) {
		unsigned node;
		uint64_t pages;

		if (sscanf(word, " N%u=%" SCNu64, &node, &pages) == 2 && node < nodes)
			bytes[node] += pages * page;
	}
	return true;
}

enum sm_waits sm_futex_parse(const char *syscall, const char *wchan, uint64_t *address, bool *own)
{
	long number;
	uint64_t argument[2];

	/* "running", or -1 where it is blocked outside a system call */
	if (sscanf(syscall, "%ld %" SCNx64 " %" SCNx64, &number, &argument[0], &argument[1]) != 3 || number < 0)
		return SM_WAITS_NOT;
	*address = argument[0];
	if (number == SYS_futex_waitv)
		return SM_WAITS_FUTEXES;
	if (number == FUTEX_WAIT_NUMBER) {
		uint64_t flags = 0;

		if (sscanf(syscall, "%*d %*x %*x %*x %" SCNx64, &flags) != 1)
			return SM_WAITS_NOT;
		*own = flags & FUTEX2_OWN;
		return SM_WAITS_FUTEX;
	}
	*own = argument[1] & FUTEX_PRIVATE_FLAG;
	return number == SYS_futex || begins(wchan, "futex_") ? SM_WAITS_FUTEX : SM_WAITS_NOT;
}

bool sm_stat_parse(const char *text, struct sm_stat_line *out)
{
	const char *after = strrchr(text, ')'); /* what follows the name holds none */

	return after && sscanf(after,
			       ") %c %d %*d %*d %*d %*d %*u %" SCNu64 " %*u %" SCNu64
			       " %*u %*u %*u %*d %*d %*d %*d %" SCNu64 " %*d %" SCNu64,
			       &out->state, &out->parent, &out->minor_faults, &out->major_faults, &out->threads,
			       &out->start_ticks) == 6;
}
