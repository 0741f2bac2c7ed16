/* Checks what this machine can provide, without taking it, and gives reasons and remedies. */
#include <errno.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "region_private.h"
#include "shmeter/text.h"

#define POOLS "/sys/kernel/mm/hugepages"

/* Looks for a hugetlbfs mount with the option.  The last mount on a mount point is the visible one. */
int region_hugetlbfs(const struct sm_os *os, uint64_t page_bytes, char *out, size_t size)
{
	static const size_t room = 256 * 1024;
	char *text = malloc(room), *rest = text, *line;
	char wanted[40], at[512], kind[64], options[1024];
	int rc = -ENOENT;

	/* as fs/hugetlbfs/inode.c prints it: mebibytes even for 1 GiB */
	if (page_bytes >= 1u << 20)
		snprintf(wanted, sizeof(wanted), ",pagesize=%" PRIu64 "M", page_bytes >> 20);
	else
		snprintf(wanted, sizeof(wanted), ",pagesize=%" PRIu64 "K", page_bytes >> 10);
	if (!text || sm_os_read(os, text, room, "/proc/mounts") < 0)
		goto out_free;
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%*s %511s %63s %1023s", at, kind, options) != 3)
			continue;
		if (rc == 0 && strcmp(at, out) == 0)
			rc = -ENOENT; /* another file system was mounted over it */
		if (strcmp(kind, "hugetlbfs") == 0 && strstr(options, wanted)) {
			snprintf(out, size, "%s", at);
			rc = 0;
		}
	}
out_free:
	free(text);
	return rc;
}

/* Whether a new mapping can reserve the pages: they are free and not promised to others, or available by overcommit. */
static int pool_supported(const struct sm_os *os, struct sm_pages pages, uint64_t need, struct sm_error *err)
{
	uint64_t kib = pages.bytes / 1024, total, reserved, unused, more, surplus;
	char name[16];

	sm_pages_name(pages, name);
	total = region_number(os, UINT64_MAX, POOLS "/hugepages-%" PRIu64 "kB/nr_hugepages", kib);
	if (total == UINT64_MAX && region_sys_known(os, err) < 0)
		return -ENODEV;
	if (total == UINT64_MAX)
		return sm_fail(err, ENODEV, "this machine has no %s pages: choose among those in " POOLS, name);
	unused = region_number(os, 0, POOLS "/hugepages-%" PRIu64 "kB/free_hugepages", kib);
	reserved = region_number(os, 0, POOLS "/hugepages-%" PRIu64 "kB/resv_hugepages", kib);
	more = region_number(os, 0, POOLS "/hugepages-%" PRIu64 "kB/nr_overcommit_hugepages", kib);
	surplus = region_number(os, 0, POOLS "/hugepages-%" PRIu64 "kB/surplus_hugepages", kib);
	unused -= reserved < unused ? reserved : unused;
	if (unused + (more > surplus ? more - surplus : 0) >= need)
		return 0;
	return sm_fail(err, ENODEV,
		       "%" PRIu64 " free %s pages are needed and there are %" PRIu64
		       ": run with --tune as root, or write %" PRIu64 " to " POOLS "/hugepages-%" PRIu64
		       "kB/nr_hugepages",
		       need, name, unused, total + need - unused, kib);
}

/* A mapping is reserved from the whole pool, so with a bound mapping the touch could find its node empty. */
static int node_supported(const struct sm_os *os, struct sm_memory asked, uint64_t need, struct sm_error *err)
{
	uint64_t unused;
	char name[16];

	if (asked.numa != SM_BIND)
		return 0;
	unused = region_number(os, UINT64_MAX,
			       "/sys/devices/system/node/node%u/hugepages/hugepages-%" PRIu64 "kB/free_hugepages",
			       asked.node, asked.pages.bytes / 1024);
	if (unused >= need)
		return 0;
	return sm_fail(err, ENODEV,
		       "%" PRIu64 " free %s pages are needed on node %u and there are %" PRIu64
		       ": write more to /sys/devices/system/node/node%u/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages",
		       need, sm_pages_name(asked.pages, name), asked.node, unused, asked.node,
		       asked.pages.bytes / 1024);
}

static bool may_lock(const struct sm_os *os)
{
	static const unsigned cap_ipc_lock = 14; /* include/uapi/linux/capability.h */
	char text[8192];
	const char *line;

	if (sm_os_read(os, text, sizeof(text), "/proc/self/status") < 0 || !(line = strstr(text, "\nCapEff:")))
		return false;
	return strtoull(line + strlen("\nCapEff:"), NULL, 16) >> cap_ipc_lock & 1;
}

static bool in_group(gid_t wanted)
{
	gid_t groups[256];
	int count = getgroups(256, groups);

	if (getegid() == wanted)
		return true;
	for (int i = 0; i < count; i++)
		if (groups[i] == wanted)
			return true;
	return false;
}

/* System V needs a privilege that memfd and anonymous memory do not need. */
static int sysv_supported(const struct sm_os *os, size_t bytes, struct sm_error *err)
{
	gid_t group = (gid_t)region_number(os, 0, "/proc/sys/vm/hugetlb_shm_group");
	struct rlimit limit;

	if (may_lock(os) || in_group(group))
		return 0;
	/* an old permission that kernels still accept */
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur >= bytes)
		return 0;
	return sm_fail(err, EPERM,
		       "explicit huge pages in System V segments need CAP_IPC_LOCK or the group in "
		       "/proc/sys/vm/hugetlb_shm_group (%u): choose --backing memfd",
		       (unsigned)group);
}

static int hugetlb_supported(const struct sm_os *os, struct sm_memory asked, size_t bytes, struct sm_error *err)
{
	uint64_t need = (bytes + asked.pages.bytes - 1) / asked.pages.bytes;
	char point[512], name[16];
	int rc;

	sm_pages_name(asked.pages, name);
	if (asked.backing == SM_POSIX)
		return sm_fail(err, ENOTSUP,
			       "POSIX shared memory lives on a tmpfs and has no explicit %s pages: "
			       "choose memfd, anon or sysv",
			       name);
	if (asked.backing == SM_FILE && region_hugetlbfs(os, asked.pages.bytes, point, sizeof(point)) < 0)
		return sm_fail(err, ENODEV,
			       "a file has %s pages only on a hugetlbfs: mount -t hugetlbfs -o pagesize=%s "
			       "none /mnt, or choose memfd",
			       name, name);
	if (asked.backing == SM_FILE && access(point, W_OK) < 0)
		return sm_fail(err, errno,
			       "the hugetlbfs at %s cannot be written: %s; mount one with "
			       "mode=1777, or choose memfd",
			       point, strerror(errno));
	rc = pool_supported(os, asked.pages, need, err);
	if (rc == 0)
		rc = node_supported(os, asked, need, err);
	if (rc == 0)
		rc = region_hugetlb_limit(os, asked, need * asked.pages.bytes, err);
	if (rc == 0 && asked.backing == SM_SYSV)
		rc = sysv_supported(os, need * asked.pages.bytes, err);
	return rc;
}

/* The options of the last mount on a mount point; "" if there is none. */
static void mount_options(const struct sm_os *os, const char *where, char *options, size_t size)
{
	static const size_t room = 256 * 1024;
	char *text = malloc(room), *rest = text, *line;
	char at[512], list[1024];

	options[0] = '\0';
	if (text && sm_os_read(os, text, room, "/proc/mounts") == 0)
		while ((line = strsep(&rest, "\n")))
			if (sscanf(line, "%*s %511s %*s %1023s", at, list) == 2 && strcmp(at, where) == 0)
				snprintf(options, size, "%s", list);
	free(text);
}

bool region_thp_at_fault(const struct sm_os *os, enum sm_backing backing)
{
	char options[1024], text[128];

	if (backing == SM_FILE)
		return false;
	if (backing == SM_POSIX) {
		/* huge=advise does not help: the blocks are reserved before there is a mapping to advise, and the
		 * kernel uses small pages for them. */
		mount_options(os, "/dev/shm", options, sizeof(options));
		return strstr(options, "huge=always") || strstr(options, "huge=within_size");
	}
	return sm_os_read(os, text, sizeof(text), THP_FOLDER "/shmem_enabled") == 0 &&
	       (strstr(text, "[always]") || strstr(text, "[advise]") || strstr(text, "[within_size]") ||
		strstr(text, "[force]"));
}

static int thp_supported(const struct sm_os *os, const struct sm_topology *topology, struct sm_memory asked,
			 const char *folder, struct sm_error *err)
{
	char text[128];
	struct statfs fs;

	if (region_thp_bytes(os) == 0 && region_sys_known(os, err) < 0)
		return -ENODEV;
	if (region_thp_bytes(os) == 0)
		return sm_fail(err, ENODEV, "this kernel has no transparent huge pages: choose another --pages");
	if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1)
		return sm_fail(
			err, ENODEV,
			"transparent huge pages are disabled for this process (prctl, PR_SET_THP_DISABLE), by what started "
			"it: start it otherwise, or choose another --pages");
	if (asked.backing == SM_FILE && (statfs(folder, &fs) < 0 || fs.f_type != TMPFS_MAGIC))
		return sm_fail(err, ENOTSUP,
			       "writable files have no transparent huge pages on the file system of %s: "
			       "choose memfd, anon or sysv",
			       folder);
	if (sm_os_read(os, text, sizeof(text), THP_FOLDER "/shmem_enabled") == 0 && strstr(text, "[deny]"))
		return sm_fail(err, ENODEV,
			       "transparent huge pages of shared memory are denied: write advise to " THP_FOLDER
			       "/shmem_enabled");
	if (region_thp_at_fault(os, asked.backing))
		return 0;
	if (region_is_interleaved(asked) && sm_topology_memory_node_count(topology) > 1)
		return sm_fail(err, ENOTSUP,
			       "collapsing interleaved small pages puts the huge ones on one node: choose "
			       "--backing memfd or anon, with advise in " THP_FOLDER "/shmem_enabled");
	if (asked.prefault != SM_LAZY)
		return 0;
	if (asked.backing == SM_FILE)
		return sm_fail(err, ENOTSUP,
			       "a file gets its transparent huge pages when it is populated: choose "
			       "another --prefault than lazy, or --backing memfd");
	if (asked.backing == SM_POSIX)
		return sm_fail(err, ENODEV,
			       "/dev/shm gives no huge pages at the fault: mount -o "
			       "remount,huge=within_size /dev/shm, or choose another --prefault than lazy");
	return sm_fail(err, ENODEV,
		       "shared memory gets no transparent huge pages at the fault here: run with --tune as "
		       "root, write advise to " THP_FOLDER "/shmem_enabled, or choose another --prefault than "
		       "lazy");
}

/* For multi-size pages of shared memory there is a setting per size, which may refer to the common one. */
static int multi_supported(const struct sm_os *os, struct sm_memory asked, struct sm_error *err)
{
	uint64_t kib = asked.pages.bytes / 1024;
	char text[128], name[16];

	sm_pages_name(asked.pages, name);
	if (asked.backing == SM_FILE || asked.backing == SM_POSIX)
		return sm_fail(err, ENOTSUP,
			       "%s pages are made at the fault, and the blocks of this backing are "
			       "reserved before: choose memfd, anon or sysv",
			       name);
	if (region_sys_known(os, err) < 0)
		return -ENODEV;
	if (sm_os_read(os, text, sizeof(text), THP_FOLDER "/hugepages-%" PRIu64 "kB/shmem_enabled", kib) < 0)
		return sm_fail(err, ENODEV,
			       "this kernel has no %s pages of shared memory: choose among those that "
			       "`shmeter doctor` lists",
			       name);
	if (strstr(text, "[inherit]") && region_thp_at_fault(os, asked.backing))
		return 0;
	if (strstr(text, "[always]") || strstr(text, "[advise]") || strstr(text, "[within_size]"))
		return 0;
	return sm_fail(err, ENODEV,
		       "%s pages of shared memory are off: run with --tune as root, or write advise "
		       "to " THP_FOLDER "/hugepages-%" PRIu64 "kB/shmem_enabled",
		       name, kib);
}

static int room_supported(const char *folder, size_t bytes, struct sm_error *err)
{
	char has[SM_TEXT_MAX], needs[SM_TEXT_MAX];
	struct statfs fs;
	uint64_t unused;

	if (statfs(folder, &fs) < 0 || access(folder, W_OK | X_OK) < 0)
		return sm_fail(err, errno,
			       "%s cannot be used for shared memory: %s; choose another folder, or "
			       "--backing memfd",
			       folder, strerror(errno));
	unused = (uint64_t)fs.f_bavail * (uint64_t)fs.f_frsize;
	/* a tmpfs with size=0 has no limit, and reports 0 blocks */
	if ((fs.f_type == TMPFS_MAGIC && fs.f_blocks == 0) || unused >= bytes)
		return 0;
	return sm_fail(err, ENOSPC,
		       "%s has %s free and %s are needed: enlarge it (mount -o remount,size=..., in a "
		       "container --shm-size), or choose --backing memfd",
		       folder, sm_format_bytes(has, (double)unused), sm_format_bytes(needs, (double)bytes));
}

/* CAP_IPC_LOCK lifts the limit; root in a container often lacks it. */
static int lock_supported(const struct sm_os *os, size_t bytes, struct sm_error *err)
{
	char has[SM_TEXT_MAX], needs[SM_TEXT_MAX];
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur >= bytes || may_lock(os))
		return 0;
	return sm_fail(err, EPERM,
		       "RLIMIT_MEMLOCK (memlock) allows %s and %s are to be locked: raise it (ulimit -l, "
		       "/etc/security/limits.conf), or choose another --prefault than mlock",
		       sm_format_bytes(has, (double)limit.rlim_cur), sm_format_bytes(needs, (double)bytes));
}

static int populate_supported(struct sm_memory asked, struct sm_error *err)
{
	if (asked.prefault != SM_POPULATE)
		return 0;
	if (asked.backing == SM_ANON)
		return sm_fail(err, ENOTSUP,
			       "MAP_POPULATE fills the page tables of the process that maps, and an "
			       "anonymous mapping made before the fork cannot be mapped again: choose "
			       "--backing memfd or --prefault madvise");
	if (asked.backing == SM_SYSV)
		return sm_fail(err, ENOTSUP,
			       "shmat() has no MAP_POPULATE: choose --backing memfd or --prefault madvise");
	if (asked.pages.kind == SM_PAGES_HUGETLB && (asked.numa == SM_BIND || region_is_interleaved(asked)))
		return sm_fail(err, ENOTSUP,
			       "MAP_POPULATE takes explicit huge pages before their mapping can have a NUMA "
			       "policy: choose --prefault madvise");
	return 0;
}

/* Reserved blocks of a tmpfs are pages already, and lie on the node of the process that reserves them. */
static int first_touch_supported(const struct sm_topology *topology, struct sm_memory asked, const char *folder,
				 struct sm_error *err)
{
	struct statfs fs;

	if (asked.prefault != SM_LAZY || asked.numa == SM_BIND || region_is_interleaved(asked) ||
	    sm_topology_memory_node_count(topology) < 2)
		return 0;
	if (asked.backing != SM_POSIX &&
	    (asked.backing != SM_FILE || statfs(folder, &fs) < 0 || fs.f_type != TMPFS_MAGIC))
		return 0;
	return sm_fail(err, ENOTSUP,
		       "on a tmpfs the space is reserved before the first touch, which decides the "
		       "NUMA node: choose --backing memfd, --numa bind:0 or another --prefault than "
		       "lazy");
}

static int sysv_limits_supported(const struct sm_os *os, size_t bytes, struct sm_error *err)
{
	uint64_t most = region_number(os, UINT64_MAX, "/proc/sys/kernel/shmmax");

	if (bytes <= most)
		return 0;
	return sm_fail(err, ENOSPC,
		       "System V segments may have %" PRIu64 " bytes here and %zu are needed: write more to "
		       "/proc/sys/kernel/shmmax, or choose --backing memfd",
		       most, bytes);
}

/* A field of a node's meminfo, in bytes; 0 where it cannot be read. */
static uint64_t node_field(const char *meminfo, const char *field)
{
	const char *at = strstr(meminfo, field);

	return at ? strtoull(at + strlen(field), NULL, 10) * 1024 : 0;
}

/* Bound memory is taken from its node alone; where that is full, the kernel kills a process. */
static int node_memory_supported(const struct sm_os *os, const struct sm_topology *topology, unsigned number,
				 uint64_t bytes, struct sm_error *err)
{
	const struct sm_node *node = sm_topology_node(topology, number);
	char text[4096], has[SM_TEXT_MAX], needs[SM_TEXT_MAX];
	uint64_t room = node->bytes ? node->bytes : UINT64_MAX;

	if (sm_topology_is_here(topology) &&
	    sm_os_read(os, text, sizeof(text), "/sys/devices/system/node/node%u/meminfo", number) == 0) {
		uint64_t unused = node_field(text, " MemFree:") + node_field(text, " Inactive(file):");

		room = unused < room ? unused : room;
	}
	if (bytes <= room)
		return 0;
	return sm_fail(err, ENOMEM,
		       "NUMA node %u has %s of memory left and %s are needed: choose another node or a smaller size "
		       "with --set",
		       number, sm_format_bytes(has, (double)room), sm_format_bytes(needs, (double)bytes));
}

int sm_region_supported(const struct sm_os *os, const struct sm_topology *topology, struct sm_memory asked,
			size_t bytes, const char *file_folder, struct sm_error *err)
{
	const char *folder = file_folder ? file_folder : ".";
	uint64_t page = asked.pages.kind == SM_PAGES_THP ? region_thp_bytes(os) : asked.pages.bytes;
	uint64_t mapped = page ? (bytes + page - 1) / page * page : bytes;
	int rc = asked.numa == SM_BIND ? sm_topology_gives_memory(topology, asked.node, err) : 0;

	if (rc == 0)
		rc = populate_supported(asked, err);
	if (rc == 0 && asked.pages.kind == SM_PAGES_HUGETLB)
		rc = hugetlb_supported(os, asked, bytes, err);
	if (rc == 0 && asked.pages.kind == SM_PAGES_MULTI)
		rc = multi_supported(os, asked, err);
	if (rc == 0 && asked.pages.kind == SM_PAGES_THP)
		rc = thp_supported(os, topology, asked, folder, err);
	if (rc == 0 && asked.backing == SM_POSIX)
		rc = room_supported("/dev/shm", mapped, err);
	if (rc == 0 && asked.backing == SM_FILE && asked.pages.kind != SM_PAGES_HUGETLB)
		rc = room_supported(folder, mapped, err);
	if (rc == 0)
		rc = first_touch_supported(topology, asked, folder, err);
	if (rc == 0 && asked.backing == SM_SYSV)
		rc = sysv_limits_supported(os, mapped, err);
	if (rc == 0 && asked.prefault == SM_MLOCK)
		rc = lock_supported(os, mapped, err);
	if (rc == 0 && asked.pages.kind != SM_PAGES_HUGETLB)
		rc = sm_memory_supported(os, mapped, err);
	if (rc == 0 && asked.pages.kind != SM_PAGES_HUGETLB && asked.numa == SM_BIND)
		rc = node_memory_supported(os, topology, asked.node, mapped, err);
	return rc;
}
