/* Which file system a folder is on.  Dirty pages of a mapped file are written back to it. */
#ifndef SHMETER_FILE_SYSTEM_H
#define SHMETER_FILE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>

#include "shmeter/error.h"
#include "shmeter/os.h"
#include "shmeter/region.h"

/* Size of the longest name with its NUL.  The kernel's own names have under 16 bytes; "fuse." with a subtype may be
 * longer. */
#define SM_FILE_SYSTEM_MAX 48

/* Writes the type of the file system of `path` to `out`, of `size` bytes, as the kernel names it ("ext4", "tmpfs",
 * "overlay", "fuse.sshfs").  Looks the mount id (statx(2), Linux 5.8) up in mountinfo.  Where that fails, uses the
 * magic number of statfs(2): ext2, ext3 and ext4 share one ("ext"), and an unknown one gives "0x...".  '_' replaces
 * anything but letters, digits, '.', '-' and '_', so a name fits into a table.  A negative errno with the reason where
 * `path` cannot be examined. */
SM_MUST_USE int sm_file_system_name(const struct sm_os *os, const char *path, char *out, size_t size,
				    struct sm_error *err);

/* Returns 0 where the kernel writes dirty pages of the backing back to storage: it is a file in `folder` (NULL: the
 * current one), on a file system that is not in memory.  Else -ENOTSUP with the reason and the remedy, or an error of
 * sm_file_system_name(). */
SM_MUST_USE int sm_file_system_writes_out(const struct sm_os *os, enum sm_backing backing, const char *folder,
					  struct sm_error *err);

#endif
