/* Runs a command in which one system call fails with EPERM, as under a container's seccomp filter.
 * usage: deny CALL COMMAND [ARGUMENT...], where CALL is one of the table below */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned number;
} calls[] = {
	{ "perf_event_open", SYS_perf_event_open },
	{ "sched_getaffinity", SYS_sched_getaffinity },
	{ "sched_setaffinity", SYS_sched_setaffinity },
	{ "mbind", SYS_mbind },
	{ "pidfd_open", SYS_pidfd_open },
	{ "process_vm_readv", SYS_process_vm_readv },
	{ "io_uring_setup", SYS_io_uring_setup },
#ifdef SYS_futex_waitv
	{ "futex_waitv", SYS_futex_waitv },
#else
	{ "futex_waitv", 449 }, /* on all architectures */
#endif
#ifdef SYS_rmdir
	{ "rmdir", SYS_rmdir },
#else
	{ "rmdir", SYS_unlinkat },
#endif
};

int main(int argc, char **argv)
{
	size_t call = 0;

	if (argc < 3)
		return 64;
	while (strcmp(calls[call].name, argv[1]) != 0)
		if (++call == sizeof(calls) / sizeof(calls[0]))
			return 64;

	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[call].number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
		perror("deny");
		return 77;
	}
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
