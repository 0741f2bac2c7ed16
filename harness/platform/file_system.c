/* Finds the type of a file system. */
#include "shmeter/file_system.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Enough for all mounts of a host with hundreds of containers. */
#define MOUNTS_BYTES (256u * 1024)

#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x00001000U /* include/uapi/linux/stat.h */
#endif

/* The number of the mount that a path is on; -1: unknown. */
static int64_t mount_of(const char *path)
{
	struct statx stat;

	if (statx(AT_FDCWD, path, 0, STATX_MNT_ID, &stat) < 0 || !(stat.stx_mask & STATX_MNT_ID))
		return -1;
	return (int64_t)stat.stx_mnt_id;
}

/* proc_pid_mountinfo(5): "36 35 98:0 /root /point options optional... - type source options". */
static bool find_type(char *mounts, int64_t mount, char *out, size_t size)
{
	char *line;

	while ((line = strsep(&mounts, "\n"))) {
		const char *type = strstr(line, " - ");

		if (!type || strtoll(line, NULL, 10) != mount)
			continue;
		type += strlen(" - ");
		snprintf(out, size, "%.*s", (int)strcspn(type, " "), type);
		return out[0] != '\0';
	}
	return false;
}

/* Numbers from linux/magic.h; the last two are from fs/xfs/libxfs/xfs_format.h and fs/fuse/inode.c. */
static void name_by_number(uint32_t number, char *out, size_t size)
{
	static const struct {
		uint32_t number;
		const char *name;
	} known[] = {
		{ TMPFS_MAGIC, "tmpfs" },
		{ RAMFS_MAGIC, "ramfs" },
		{ HUGETLBFS_MAGIC, "hugetlbfs" },
		{ EXT4_SUPER_MAGIC, "ext" },
		{ OVERLAYFS_SUPER_MAGIC, "overlay" },
		{ BTRFS_SUPER_MAGIC, "btrfs" },
		{ F2FS_SUPER_MAGIC, "f2fs" },
		{ NFS_SUPER_MAGIC, "nfs" },
		{ V9FS_MAGIC, "9p" },
		{ MSDOS_SUPER_MAGIC, "vfat" },
		{ 0x58465342, "xfs" },
		{ 0x65735546, "fuse" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].number == number) {
			snprintf(out, size, "%s", known[i].name);
			return;
		}
	snprintf(out, size, "0x%" PRIx32, number);
}

int sm_file_system_name(const struct sm_os *os, const char *path, char *out, size_t size, struct sm_error *err)
{
	char *mounts = malloc(MOUNTS_BYTES);
	int64_t mount = mount_of(path);
	struct statfs fs;
	bool found;

	found = mounts && mount >= 0 && sm_os_read(os, mounts, MOUNTS_BYTES, "/proc/self/mountinfo") >= 0 &&
		find_type(mounts, mount, out, size);
	free(mounts);
	if (!found && statfs(path, &fs) < 0)
		return sm_fail(err, errno, "the file system of %s cannot be asked for: %s", path, strerror(errno));
	if (!found)
		name_by_number((uint32_t)fs.f_type, out, size);
	for (char *c = out; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(".-_", *c))
			*c = '_';
	return 0;
}

/* Whether a file system of this name lives in memory, with no storage behind the page cache: tmpfs, ramfs,
 * hugetlbfs, and what the kernel unpacks at boot. */
static bool is_in_memory(const char *name)
{
	return strcmp(name, "tmpfs") == 0 || strcmp(name, "ramfs") == 0 || strcmp(name, "hugetlbfs") == 0 ||
	       strcmp(name, "rootfs") == 0;
}

int sm_file_system_writes_out(const struct sm_os *os, enum sm_backing backing, const char *folder, struct sm_error *err)
{
	char name[SM_FILE_SYSTEM_MAX];
	int rc;

	if (backing != SM_FILE)
		return sm_fail(err, ENOTSUP, "%s memory is written out to nothing: choose --backing file",
			       sm_backing_name(backing));
	folder = folder ? folder : ".";
	rc = sm_file_system_name(os, folder, name, sizeof(name), err);
	if (rc == 0 && is_in_memory(name))
		return sm_fail(err, ENOTSUP,
			       "%s is on a %s, which is in memory and written out to nothing: choose a folder on a "
			       "disk with --file-folder",
			       folder, name);
	return rc;
}
