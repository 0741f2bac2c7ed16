/* Whether files of a folder have a disk behind them. */
#ifndef SHMETER_SUBJECT_ON_DISK_H
#define SHMETER_SUBJECT_ON_DISK_H

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "shmeter/error.h"

/* 0, or -errno with the reason. */
static inline int on_disk(const char *folder, struct sm_error *err)
{
	struct statfs fs;

	if (statfs(folder, &fs) < 0)
		return sm_fail(err, errno, "the file system of %s cannot be asked for: %s", folder, strerror(errno));
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		return sm_fail(err, ENOTSUP, "%s is in memory: choose a folder on a disk with --file-folder", folder);
	return 0;
}

#endif
