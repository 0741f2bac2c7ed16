/* What this machine can give, without taking it: reasons and remedies. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "region_private.h"
#include "shmeter/text.h"

#define THP "/sys/kernel/mm/transparent_hugepage"

uint64_t region_thp_bytes(const struct sm_os *os)
{
	char text[32];

	return sm_os_read(os, text, sizeof(text), THP "/hpage_pmd_size") < 0
		       ? 0
		       : strtoull(text, NULL, 10);
}

/* The mount options of a mount point, or of the first file system of a type; "" where there is none. */
static void mount_options(const struct sm_os *os, const char *where, const char *type, char *point,
			  size_t point_size, char *options, size_t size)
{
	static const size_t room = 256 * 1024;
	char *text = malloc(room), *rest = text, *line;
	char at[512], kind[64], list[1024];

	options[0] = point[0] = '\0';
	if (text && sm_os_read(os, text, room, "/proc/mounts") == 0)
		while ((line = strsep(&rest, "\n"))) {
			if (sscanf(line, "%*s %511s %63s %1023s", at, kind, list) != 3)
				continue;
			if ((where && strcmp(at, where) != 0) || (type && strcmp(kind, type) != 0))
				continue;
			/* the last mount on a point is the one that is seen */
			snprintf(point, point_size, "%s", at);
			snprintf(options, size, "%s", list);
			if (!where)
				break;
		}
	free(text);
}

bool region_thp_at_fault(const struct sm_os *os, enum sm_backing backing)
{
	char options[1024], point[512], text[128];

	if (backing == SM_POSIX) {
		mount_options(os, "/dev/shm", NULL, point, sizeof(point), options, sizeof(options));
		return strstr(options, "huge=always") || strstr(options, "huge=advise") ||
		       strstr(options, "huge=within_size");
	}
	return sm_os_read(os, text, sizeof(text), THP "/shmem_enabled") == 0 &&
	       (strstr(text, "[always]") || strstr(text, "[advise]") ||
		strstr(text, "[within_size]") || strstr(text, "[force]"));
}

int region_hugetlbfs(const struct sm_os *os, uint64_t page_bytes, char *out, size_t size)
{
	char options[1024], wanted[32];

	mount_options(os, NULL, "hugetlbfs", out, size, options, sizeof(options));
	if (page_bytes >= 1u << 30)
		snprintf(wanted, sizeof(wanted), "pagesize=%" PRIu64 "G", page_bytes >> 30);
	else
		snprintf(wanted, sizeof(wanted), "pagesize=%" PRIu64 "M", page_bytes >> 20);
	return strstr(options, wanted) ? 0 : -ENOENT;
}

static int pool_supported(const struct sm_os *os, struct sm_pages pages, size_t bytes,
			  struct sm_error *err)
{
	uint64_t kib = pages.bytes / 1024, need = (bytes + pages.bytes - 1) / pages.bytes, unused;
	char text[32], name[16];

	sm_pages_name(pages, name);
	if (sm_os_read(os, text, sizeof(text),
		       "/sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/free_hugepages", kib) < 0)
		return sm_fail(
			err, ENODEV,
			"this machine has no %s pages; /sys/kernel/mm/hugepages lists those it has",
			name);
	unused = strtoull(text, NULL, 10);
	if (unused >= need)
		return 0;
	return sm_fail(err, ENODEV,
		       "%" PRIu64 " free %s pages are needed and there are %" PRIu64
		       ": run with --tune as root, or write %" PRIu64
		       " to /sys/kernel/mm/hugepages/hugepages-%" PRIu64 "kB/nr_hugepages",
		       need, name, unused, need, kib);
}

static int hugetlb_supported(const struct sm_os *os, struct sm_memory asked, size_t bytes,
			     struct sm_error *err)
{
	char point[512], name[16];

	sm_pages_name(asked.pages, name);
	if (asked.backing == SM_POSIX)
		return sm_fail(err, ENOTSUP,
			       "POSIX shared memory lives on a tmpfs and has no explicit %s pages: "
			       "choose memfd, anon or sysv",
			       name);
	if (asked.backing == SM_FILE &&
	    region_hugetlbfs(os, asked.pages.bytes, point, sizeof(point)) < 0)
		return sm_fail(
			err, ENODEV,
			"a file has %s pages only on a hugetlbfs: mount -t hugetlbfs -o pagesize=%s "
			"none /mnt, or choose memfd",
			name, name);
	return pool_supported(os, asked.pages, bytes, err);
}

static int thp_supported(const struct sm_os *os, struct sm_memory asked, struct sm_error *err)
{
	char text[128];

	if (region_thp_bytes(os) == 0)
		return sm_fail(err, ENODEV, "this kernel has no transparent huge pages");
	if (asked.backing == SM_FILE)
		return sm_fail(
			err, ENOTSUP,
			"writable files have no transparent huge pages on this file system: choose "
			"memfd, anon or sysv");
	if (sm_os_read(os, text, sizeof(text), THP "/shmem_enabled") == 0 && strstr(text, "[deny]"))
		return sm_fail(
			err, ENODEV,
			"transparent huge pages of shared memory are denied: write advise to " THP
			"/shmem_enabled");
	if (asked.prefault != SM_LAZY || region_thp_at_fault(os, asked.backing))
		return 0;
	if (asked.backing == SM_POSIX)
		return sm_fail(
			err, ENODEV,
			"/dev/shm gives no huge pages at the fault: mount -o remount,huge=advise "
			"/dev/shm, or choose another --prefault than lazy");
	return sm_fail(
		err, ENODEV,
		"shared memory gets no transparent huge pages at the fault here: run with --tune as "
		"root, write advise to " THP "/shmem_enabled, or choose another --prefault than "
		"lazy");
}

static int room_supported(const char *folder, size_t bytes, struct sm_error *err)
{
	char has[SM_TEXT_MAX], needs[SM_TEXT_MAX];
	struct statvfs fs;

	if (statvfs(folder, &fs) < 0)
		return sm_fail(err, errno, "%s cannot be used: %s", folder, strerror(errno));
	if ((uint64_t)fs.f_bavail * fs.f_frsize >= bytes)
		return 0;
	return sm_fail(
		err, ENOSPC,
		"%s has %s free and %s are needed: enlarge it (mount -o remount,size=..., in a "
		"container --shm-size), or choose --backing memfd",
		folder, sm_format_bytes(has, (double)((uint64_t)fs.f_bavail * fs.f_frsize)),
		sm_format_bytes(needs, (double)bytes));
}

/* CAP_IPC_LOCK lifts the limit; root has it unless it was dropped. */
static int lock_supported(size_t bytes, struct sm_error *err)
{
	char has[SM_TEXT_MAX], needs[SM_TEXT_MAX];
	struct rlimit limit;

	if (geteuid() == 0 || getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur >= bytes)
		return 0;
	return sm_fail(
		err, EPERM,
		"RLIMIT_MEMLOCK (memlock) allows %s and %s are to be locked: raise it (ulimit -l, "
		"/etc/security/limits.conf), or choose another --prefault than mlock",
		sm_format_bytes(has, (double)limit.rlim_cur),
		sm_format_bytes(needs, (double)bytes));
}

static int populate_supported(struct sm_memory asked, struct sm_error *err)
{
	if (asked.prefault != SM_POPULATE)
		return 0;
	if (asked.backing == SM_ANON)
		return sm_fail(
			err, ENOTSUP,
			"MAP_POPULATE fills the page tables of the process that maps, and an "
			"anonymous mapping made before the fork cannot be mapped again: choose "
			"--backing memfd or --prefault madvise");
	if (asked.backing == SM_SYSV)
		return sm_fail(
			err, ENOTSUP,
			"shmat() has no MAP_POPULATE: choose --backing memfd or --prefault madvise");
	return 0;
}

int sm_region_supported(const struct sm_os *os, const struct sm_topology *topology,
			struct sm_memory asked, size_t bytes, const char *file_folder,
			struct sm_error *err)
{
	int rc = populate_supported(asked, err);

	if (rc == 0 && asked.pages.kind == SM_PAGES_HUGETLB)
		rc = hugetlb_supported(os, asked, bytes, err);
	if (rc == 0 && asked.pages.kind == SM_PAGES_THP)
		rc = thp_supported(os, asked, err);
	if (rc == 0 && asked.backing == SM_POSIX)
		rc = room_supported("/dev/shm", bytes, err);
	if (rc == 0 && asked.backing == SM_FILE && asked.pages.kind != SM_PAGES_HUGETLB)
		rc = room_supported(file_folder ? file_folder : ".", bytes, err);
	if (rc == 0 && asked.prefault == SM_MLOCK)
		rc = lock_supported(bytes, err);
	if (rc == 0 && asked.numa == SM_BIND && asked.node >= sm_topology_nodes(topology))
		rc = sm_fail(err, ENODEV, "this machine has no NUMA node %u: it has %u", asked.node,
			     sm_topology_nodes(topology));
	return rc;
}
