/* How much memory there is, and how much the cgroups allow. */
#include <errno.h>

#include "region_private.h"
#include "shmeter/cgroup.h"
#include "shmeter/text.h"

/* A hugetlb cgroup counts at the first touch: a mapping beyond the limit succeeds, and a touch raises SIGBUS. */
int region_hugetlb_limit(const struct sm_os *os, struct sm_memory asked, uint64_t bytes, struct sm_error *err)
{
	char has[SM_TEXT_MAX], needs[SM_TEXT_MAX], most[SM_TEXT_MAX], name[16];
	struct sm_room room;

	sm_hugetlb_room(os, asked.pages.bytes, &room);
	if (room.left >= bytes)
		return 0;
	return sm_fail(
		err, ENODEV,
		"the cgroup of this process has %s left of its limit of %s for %s pages, and %s are needed: raise "
		"%.256s, or choose a smaller size with --set",
		sm_format_bytes(has, (double)room.left), sm_format_bytes(most, (double)room.limit),
		sm_pages_name(asked.pages, name), sm_format_bytes(needs, (double)bytes), room.file);
}

/* A memory cgroup also counts at the first touch, and the kernel kills a process that exceeds the limit. */
int sm_memory_supported(const struct sm_os *os, uint64_t bytes, struct sm_error *err)
{
	char has[SM_TEXT_MAX], needs[SM_TEXT_MAX], most[SM_TEXT_MAX];
	struct sm_room room;

	sm_memory_room(os, &room);
	if (room.left >= bytes)
		return 0;
	sm_format_bytes(has, (double)room.left);
	sm_format_bytes(needs, (double)bytes);
	if (!room.file[0])
		return sm_fail(err, ENOMEM,
			       "%s of memory are available and %s are needed: choose a smaller size with --set", has,
			       needs);
	return sm_fail(err, ENOMEM,
		       "the cgroup of this process has %s left of its limit of %s, and %s are needed: raise %.256s, or "
		       "choose a smaller size with --set",
		       has, sm_format_bytes(most, (double)room.limit), needs, room.file);
}
