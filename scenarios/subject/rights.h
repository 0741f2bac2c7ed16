/* Children that have fewer rights than the program, and memory that the kernel hides from others. */
#ifndef SHMETER_SUBJECT_RIGHTS_H
#define SHMETER_SUBJECT_RIGHTS_H

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include "shmeter/error.h"

/* The user ID that owns nothing; systemd and Debian call it "nobody". */
#define OTHER_USER 65534

/* In a child that will not come back: becomes another user, in no group but `group`.  Needs root.  0, or an errno. */
static inline int become_other(gid_t group)
{
	if (setgroups(0, NULL) < 0 || setresgid(group, group, group) < 0 ||
	    setresuid(OTHER_USER, OTHER_USER, OTHER_USER) < 0)
		return errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* the change has cleared it */
	return 0;
}

/* In a child: gives up what root may do, and stays the same user.  0, or an errno. */
static inline int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	return syscall(SYS_capset, &header, none) < 0 ? errno : 0;
}

/* linux/unistd.h has the number only where a macro asks for it. */
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* A descriptor of memory that nobody else reads, not even the kernel for others, or -1. */
static inline int memfd_secret_open(void)
{
	return (int)syscall(SYS_memfd_secret, 0u);
}

/* 0, or -errno with the reason why there is no such memory of `bytes` here. */
static inline int memfd_secret_supported(size_t bytes, struct sm_error *why)
{
	int fd = memfd_secret_open(), rc = 0;
	void *memory = MAP_FAILED;

	if (fd < 0 && errno == ENOSYS)
		return sm_fail(why, ENOTSUP,
			       "no memfd_secret() here: Linux has it since 5.14, and before 6.5 only with "
			       "secretmem.enable=1 on the kernel's command line");
	if (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0)
		memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		rc = sm_fail(why, errno,
			     "memfd_secret() is refused: %s; it counts as locked memory (ulimit -l), and "
			     "seccomp may forbid it",
			     strerror(errno));
	else
		munmap(memory, bytes);
	if (fd >= 0)
		close(fd);
	return rc;
}

#endif
