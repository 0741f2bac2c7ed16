/* Explains who killed a process.  A signal alone does not tell: the kernel sends SIGKILL when memory runs out, and
 * people send it, too. */
#include "shmeter/death.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "shmeter/cgroup.h"
#include "shmeter/text.h"

/* Below this limit a fault is blamed on the stack: an eighth of the usual 8 MiB. */
#define STACK_SMALL (1u << 20)

void sm_death_watch(const struct sm_os *os, uint64_t huge_page_bytes, struct sm_death_watch *watch)
{
	watch->memory_kills = sm_memory_kills(os);
	watch->huge_page_bytes = huge_page_bytes;
}

static void say_killed_for_memory(const struct sm_os *os, char *out, size_t size)
{
	char most[SM_TEXT_MAX];
	struct sm_room room;

	sm_memory_room(os, &room);
	if (room.file[0])
		snprintf(
			out, size,
			"was killed by the kernel for memory: its cgroup allows %s; raise %.256s, or choose a smaller size "
			"with --set",
			sm_format_bytes(most, (double)room.limit), room.file);
	else
		snprintf(
			out, size,
			"was killed by the kernel for memory: there was none left; end other programs, or choose a smaller "
			"size with --set");
}

/* A page of a mapping could not be provided: a cgroup may limit huge pages at the first touch, the file system may
 * be full, or the file may have been truncated. */
static void say_bus_error(const struct sm_os *os, uint64_t huge_page_bytes, char *out, size_t size)
{
	char most[SM_TEXT_MAX];
	struct sm_room room = { .limit = UINT64_MAX };

	if (huge_page_bytes)
		sm_hugetlb_room(os, huge_page_bytes, &room);
	if (room.file[0])
		snprintf(
			out, size,
			"touched a huge page that its cgroup does not allow (SIGBUS): the limit is %s; raise %.256s, or choose "
			"a smaller size with --set",
			sm_format_bytes(most, (double)room.limit), room.file);
	else if (huge_page_bytes)
		snprintf(
			out, size,
			"touched a huge page that could not be had (SIGBUS): look at a hugetlb cgroup and at the pool, or "
			"choose a smaller size with --set");
	else
		snprintf(
			out, size,
			"touched a page that could not be had (SIGBUS): the file system of its memory may be full (/dev/shm, in "
			"a container --shm-size)");
}

bool sm_death_words(const struct sm_os *os, const struct sm_death_watch *before, int number, char *out, size_t size)
{
	double kills = sm_memory_kills(os);
	struct rlimit stack;
	char text[SM_TEXT_MAX];

	if (number == SIGKILL && kills > before->memory_kills) {
		say_killed_for_memory(os, out, size);
		return true;
	}
	if (number == SIGBUS) {
		say_bus_error(os, before->huge_page_bytes, out, size);
		return true;
	}
	if (number == SIGSEGV && getrlimit(RLIMIT_STACK, &stack) == 0 && stack.rlim_cur < STACK_SMALL)
		snprintf(out, size, "was killed by signal %d (%s): its stack may have %s; raise ulimit -s", number,
			 strsignal(number), sm_format_bytes(text, (double)stack.rlim_cur));
	else
		snprintf(out, size, "was killed by signal %d (%s)%s", number, strsignal(number),
			 number == SIGKILL && isnan(kills) ? "; whether for memory cannot be read here" : "");
	return false;
}
