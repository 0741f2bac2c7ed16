/* Which file system a folder is on: what a mapped file is written out to. */
#ifndef SHMETER_FILE_SYSTEM_H
#define SHMETER_FILE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#include "shmeter/error.h"
#include "shmeter/os.h"
#include "shmeter/region.h"

/* The longest name, with its end: the kernel's own have under 16 bytes, "fuse." and a subtype more. */
#define SM_FILE_SYSTEM_MAX 48

/* The type of the file system of `path` as the kernel names it ("ext4", "tmpfs", "overlay", "fuse.sshfs"), in `out` of
 * `size` bytes.  Asked of mountinfo by the number of the mount (statx(2), Linux 5.8); where that cannot be read, told by
 * the number in statfs(2), which ext2, ext3 and ext4 share ("ext"), and "0x..." where no name is known.  What is no
 * letter, digit, '.', '-' or '_' becomes '_', so a name fits into a table.  A negative errno with the reason where
 * `path` cannot be asked for. */
SM_MUST_USE int sm_file_system_name(const struct sm_os *os, const char *path, char *out, size_t size,
				    struct sm_error *err);

/* 0 where what is written to the backing is written out to something: a file in `folder` (NULL: the current one) whose file
 * system is not in memory.  -ENOTSUP with the reason and the remedy; else as sm_file_system_name(). */
SM_MUST_USE int sm_file_system_writes_out(const struct sm_os *os, enum sm_backing backing, const char *folder,
					  struct sm_error *err);

/* Whether a file there has nothing behind the page cache that it could be written out to: tmpfs, ramfs, hugetlbfs. */
bool sm_file_system_in_memory(const char *name);

#endif
