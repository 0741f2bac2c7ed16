/* Only one process at a time writes a run folder.
 *
 * The lock is a POSIX record lock (fcntl(2)) on a separate file.  The kernel releases it when its process dies, a child
 * does not inherit it, and a process that asks for it learns who holds it.  It is also released when its process closes
 * any descriptor of the file, so no other code may open the file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shmeter/store.h"
#include "table.h"

static int open_lock(const char *folder, int flags)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/lock", folder);
	return open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
}

int store_lock(const char *folder, int *out, struct sm_error *err)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open_lock(folder, O_RDWR | O_CREAT), rc;

	*out = -1;
	if (fd < 0)
		return sm_fail(err, errno, "cannot write %s/lock: %s", folder, strerror(errno));
	if (fcntl(fd, F_SETLK, &lock) == 0 || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL) {
		*out = fd; /* a file system without locks: go on without one */
		return 0;
	}
	if (errno != EAGAIN && errno != EACCES) {
		rc = sm_fail(err, errno, "cannot lock %s/lock: %s; choose another --out", folder, strerror(errno));
		close(fd);
		return rc;
	}
	if (fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK)
		rc = sm_fail(err, EBUSY, "process %d is writing %s: wait until it ends", (int)lock.l_pid, folder);
	else
		rc = sm_fail(err, EBUSY, "another process was writing %s: try again", folder);
	close(fd);
	return rc;
}

bool sm_store_is_locked(const char *folder)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	int fd = open_lock(folder, O_RDONLY);
	bool locked;

	if (fd < 0)
		return false;
	locked = fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	close(fd);
	return locked;
}
