/* Memory that the kernel takes back: asked to do so, or because a control group has no more. */
#ifndef SHMETER_SUBJECT_PRESSURE_H
#define SHMETER_SUBJECT_PRESSURE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* Where swap is slow, the process that makes memory short takes its time. */
#define HELPER_PATIENCE 100
#include "helper.h"
#include "shmeter/scenario.h"
#include "shmeter/text.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21 /* include/uapi/asm-generic/mman-common.h, since Linux 5.4 */
#endif

/* PRESSURE_PAGEOUT: MADV_PAGEOUT.  PRESSURE_LIMIT: another process needs all memory that the control group may have. */
enum pressure { PRESSURE_PAGEOUT, PRESSURE_LIMIT };
/* More than this is not taken from a machine, whatever its control group allows. */
#define PRESSURE_BYTES_MAX (256u << 20)

/* A number in a file of a control group; UINT64_MAX: "max", or there is none. */
static inline uint64_t pressure_number(const char *group, const char *file)
{
	char path[600], text[32] = "";

	snprintf(path, sizeof(path), "/sys/fs/cgroup%s/%s", group, file);
	if (sm_read_file(path, text, sizeof(text)) < 0 || strncmp(text, "max", 3) == 0)
		return UINT64_MAX;
	return strtoull(text, NULL, 10);
}

/* What this process's control group (version 2) and those above it leave: bytes of memory that it may have in all, and bytes
 * of swap that it may take more; UINT64_MAX: no limit is known. */
struct pressure_limits {
	uint64_t memory, swap;
};
static inline struct pressure_limits pressure_limits(void)
{
	struct pressure_limits limits = { UINT64_MAX, UINT64_MAX };
	char line[512] = "", *group = line + strlen("0::");

	if (sm_read_file("/proc/self/cgroup", line, sizeof(line)) < 0 || strncmp(line, "0::/", 4) != 0)
		return limits;
	group[strcspn(group, "\n")] = '\0';
	for (char *end; group[0]; *end = '\0') {
		uint64_t memory = pressure_number(group, "memory.max"),
			 swap = pressure_number(group, "memory.swap.max"),
			 used = pressure_number(group, "memory.swap.current");

		if (swap != UINT64_MAX)
			swap = used < swap ? swap - used : 0;
		limits.memory = memory < limits.memory ? memory : limits.memory;
		limits.swap = swap < limits.swap ? swap : limits.swap;
		end = strrchr(group, '/');
	}
	return limits;
}

/* Whether `bytes` can be taken from this process so, to swap or elsewhere: 0, or -errno with the reason. */
static inline int pressure_supported(enum pressure pressure, bool to_swap, uint64_t bytes, struct sm_error *why)
{
	struct pressure_limits limits = pressure_limits();
	uint64_t needed = to_swap ? bytes : 0, left;
	struct sysinfo info;

	if (pressure == PRESSURE_LIMIT && limits.memory > PRESSURE_BYTES_MAX)
		return sm_fail(
			why, ENOTSUP,
			"no control group of version 2 limits this run to 256 MiB or less, and a whole machine's "
			"memory is not taken: run it in one, as with systemd-run --scope -p MemoryMax=64M");
	if (pressure == PRESSURE_LIMIT)
		needed += 2 * limits.memory;
	left = needed == 0 || sysinfo(&info) < 0 ? UINT64_MAX : (uint64_t)info.freeswap * info.mem_unit;
	if (left == 0)
		return sm_fail(why, ENOTSUP, "no swap: add some with swapon(8), or try in the guest machine swap");
	if (needed > 0 && limits.swap == 0)
		return sm_fail(why, ENOTSUP, "the control group of this run may have no swap (memory.swap.max)");
	if (needed > 0 && limits.swap < left)
		left = limits.swap;
	if (left < needed)
		return sm_fail(why, ENOSPC, "%lu MiB of swap are free, and %lu are needed: add some with swapon(8)",
			       left >> 20, needed >> 20);
	return 0;
}

/* How many base pages of the mapping are in memory, whoever has them mapped (mincore(2)); -1: not known. */
static inline long pages_in_memory(void *memory, size_t bytes)
{
	size_t count = bytes / (size_t)sysconf(_SC_PAGESIZE);
	unsigned char *in = malloc(count);
	long found = in && mincore(memory, bytes, in) == 0 ? 0 : -1;

	for (size_t i = 0; found >= 0 && i < count; i++)
		found += in[i] & 1;
	free(in);
	return found;
}

struct hungry {
	void *memory; /* what is to go */
	size_t bytes;
	size_t eats; /* what its limit allows */
};
#define HUNGRY_PASSES 2u

/* In a process of its own: writes to as much memory as the group may have, again and again, until the mapping is gone, and
 * at most HUNGRY_PASSES times. */
static inline void eat(void *argument, unsigned request, struct answer *answer)
{
	const struct hungry *hungry = argument;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	volatile uint64_t *own = mmap(NULL, hungry->eats, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)request;
	/* whoever else is in the group is not to be killed for this process */
	if (own == MAP_FAILED || score < 0 || write(score, "1000", 4) != 4) {
		answer->code = errno;
		return;
	}
	for (unsigned pass = 0; pass < HUNGRY_PASSES && pages_in_memory(hungry->memory, hungry->bytes) != 0; pass++)
		for (size_t at = 0; at < hungry->eats; at += page)
			own[at / sizeof(*own)] = at + pass + 1;
}

/* Has the kernel take what it can of a mapping.  What it leaves is for the caller to see.  `locked`: MADV_PAGEOUT may refuse
 * it with EINVAL, which is what a lock is for.  0, or an errno. */
static inline int press(enum pressure pressure, void *memory, size_t bytes, bool locked)
{
	struct hungry hungry = { .memory = memory, .bytes = bytes };
	struct helper helper = { 0 };
	struct answer answer;

	if (pressure == PRESSURE_LIMIT) {
		hungry.eats = (size_t)pressure_limits().memory;
		answer = helper_start_ask(&helper, eat, &hungry, 0);
		helper_end(&helper);
		return answer.code;
	}
	/* Pages that were just written may still be in the lists of another PU, and writing out takes time. */
	for (unsigned tries = 0; tries < 20 && pages_in_memory(memory, bytes) != 0; tries++) {
		if (madvise(memory, bytes, MADV_PAGEOUT) < 0)
			return errno == EINVAL && locked ? 0 : errno;
		usleep(10000);
	}
	return 0;
}

#endif
