/* The causes are those that the man pages and the kernel give for each error; the container options are those of
 * docker and podman. */
#include "shmeter/refusal.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* A system call filter returns one of these two errors. */
#define FILTERED(call, remedy)                                                                                         \
	{ call, EPERM, remedy },                                                                                       \
	{                                                                                                              \
		call, ENOSYS, remedy                                                                                   \
	}
#define ANY_FILTER                                                                                                     \
	"; a system call filter forbids it (a container's, a service's): allow it there, in a container with "         \
	"--security-opt seccomp=FILE"

#define FILES     "; raise the limit on open files (ulimit -n) or run fewer"
#define ALL_FILES "; the system has too many open files: raise fs.file-max"
#define MEMORY                                                                                                         \
	"; there is no memory for it: look at ulimit -v, ulimit -d and memory.max, or choose a smaller size with --set"

static const struct {
	const char *call;
	int error;
	const char *remedy;
} table[] = {
	FILTERED("sched_setaffinity", ANY_FILTER),
	{ "sched_setaffinity", EACCES, ANY_FILTER },
	{ "sched_setaffinity", EINVAL,
	  "; it is offline, or was taken out of the cpuset of this process: choose others with --placement" },

	FILTERED("mbind", "; a container's default filter forbids mbind: run it with --cap-add SYS_NICE"),
	{ "mbind", EINVAL, "; the node is not among those that this process may use (cpuset.mems)" },
	{ "mbind", ENOMEM, MEMORY },
	{ "mbind", EIO, "; pages lie elsewhere already and cannot be moved" },
	FILTERED("move_pages", "; a container's default filter forbids move_pages: run it with --cap-add SYS_NICE"),

	FILTERED("process_vm_readv",
		 "; a container's default filter forbids process_vm_readv: run it with --cap-add SYS_PTRACE"),

	{ "fork", EAGAIN,
	  "; raise the limit on processes (ulimit -u, pids.max, in a container --pids-limit) or run fewer" },
	{ "fork", ENOMEM, MEMORY },
	FILTERED("fork", ANY_FILTER),
	{ "pidfd_open", EMFILE, FILES },
	{ "pidfd_open", ENFILE, ALL_FILES },
	{ "pidfd_open", ENOMEM, MEMORY },
	{ "pidfd_open", EPERM,
	  "; an old container's default filter forbids pidfd_open: use a newer runtime, or --security-opt seccomp=FILE" },
	{ "pidfd_open", ENOSYS,
	  "; it needs Linux 5.3, or a container whose filter allows pidfd_open (--security-opt seccomp=FILE)" },

	{ "memfd_create", EMFILE, FILES },
	{ "memfd_create", ENFILE, ALL_FILES },
	{ "memfd_create", ENOMEM, MEMORY },
	{ "memfd_create", ENODEV, "; this kernel has no huge pages of this size: choose another --pages" },
	{ "memfd_create", EINVAL, "; this kernel has no huge pages of this size: choose another --pages" },
	FILTERED("memfd_create", ANY_FILTER),

	{ "shmget", EINVAL, "; raise kernel.shmmax, or choose a smaller size with --set" },
	{ "shmget", ENOSPC,
	  "; raise kernel.shmmni or kernel.shmall, or remove segments that nobody uses (ipcs, ipcrm)" },
	{ "shmget", ENOMEM, MEMORY },
	{ "shmget", EPERM,
	  "; huge pages need CAP_IPC_LOCK or the group in vm.hugetlb_shm_group, and a system call filter may forbid shmget" },
	{ "shmget", ENOSYS,
	  "; this kernel has no System V memory, or a filter forbids shmget: choose --backing memfd" },
	{ "shmat", ENOMEM, MEMORY },
	{ "shmat", EINVAL, "; the address is not aligned for it" },
	{ "shmat", EACCES, "; a security module of the kernel forbids it" },
	FILTERED("shmat", ANY_FILTER),

	{ "mmap", ENOMEM,
	  "; look at ulimit -v, vm.overcommit_memory and vm.max_map_count, or choose a smaller size with --set" },
	{ "mmap", EAGAIN, "; raise RLIMIT_MEMLOCK (ulimit -l)" },
	{ "mmap", ENODEV, "; its file system cannot be mapped: choose another --file-folder, or --backing memfd" },
	FILTERED("mmap", ANY_FILTER),
	{ "mmap of huge pages", ENOMEM, "; the huge-page pool is too small (nr_hugepages), or ulimit -v allows less" },
	FILTERED("mmap of huge pages",
		 "; huge pages are not allowed to this user: choose --backing memfd, or run as root"),

	{ "fallocate", ENOSPC, "; free some room, or choose --backing memfd" },
	{ "fallocate", EDQUOT, "; your quota is used up: free some room, or choose --backing memfd" },
	{ "fallocate", EFBIG, "; raise the limit on files' sizes (ulimit -f), or choose --backing memfd" },
	{ "fallocate", ENOMEM, MEMORY },
	{ "fallocate", EOPNOTSUPP, "; this file system cannot reserve blocks: choose another --file-folder" },
	{ "fallocate", EINVAL, "; this file system cannot reserve blocks: choose another --file-folder" },
	FILTERED("fallocate", ANY_FILTER),

	{ "io_uring_setup", EPERM,
	  "; look at sysctl kernel.io_uring_disabled; a container's default filter forbids io_uring: allow it there with "
	  "--security-opt seccomp=FILE" },
	{ "io_uring_setup", ENOSYS, "; it needs Linux 5.1, or a container whose filter allows io_uring" },
	{ "io_uring_setup", ENOMEM, "; raise RLIMIT_MEMLOCK (ulimit -l)" },
	{ "io_uring_setup", EMFILE, FILES },
	{ "io_uring_setup", ENFILE, ALL_FILES },
	{ "io_uring_register", ENOMEM, "; raise RLIMIT_MEMLOCK (ulimit -l), or choose smaller blocks with --set" },
	FILTERED("io_uring_register", ANY_FILTER),

	{ "MADV_COLLAPSE", EINVAL,
	  "; it needs Linux 6.1, and memory that may have transparent huge pages: not where they are disabled for this "
	  "process (prctl), or shmem_enabled says deny" },
	{ "MADV_COLLAPSE", ENOMEM,
	  "; no huge page could be had: free memory is fragmented (echo 1 >/proc/sys/vm/compact_memory), or memory.max is "
	  "reached" },
	{ "MADV_COLLAPSE", EAGAIN, "; pages were in use all the time: run it again" },
	{ "MADV_COLLAPSE", EBUSY, "; pages were in use all the time: run it again" },
	FILTERED("MADV_COLLAPSE", ANY_FILTER),

	{ "MADV_POPULATE_WRITE", EINVAL, "; it needs Linux 5.14: choose --prefault touch" },
	{ "MADV_POPULATE_WRITE", EFAULT,
	  "; a touch would have raised SIGBUS: a hugetlb cgroup allows less (hugetlb.*.max), or the file system is full" },
	{ "MADV_POPULATE_WRITE", ENOMEM, MEMORY },
	{ "MADV_POPULATE_WRITE", EHWPOISON, "; the machine has broken memory: look at its log (dmesg)" },
	FILTERED("MADV_POPULATE_WRITE", ANY_FILTER),

	{ "mlock", ENOMEM, "; raise RLIMIT_MEMLOCK (ulimit -l), or choose another --prefault than mlock" },
	{ "mlock", EPERM, "; raise RLIMIT_MEMLOCK (ulimit -l), or choose another --prefault than mlock" },
	{ "mlock", EAGAIN, "; some pages could not be had: a memory or hugetlb limit (memory.max, hugetlb.*.max)" },
	{ "mlock", ENOSYS, ANY_FILTER },
};

const char *sm_refusal(const char *call, int error)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].error == error && strcmp(table[i].call, call) == 0)
			return table[i].remedy;
	return "";
}
