/* Runs a command in which one system call of one process fails, is delayed, or is interrupted by a signal, by
 * seccomp's user notification.  It is used because strace's --inject stops at every call, and counts each process
 * alike.
 * usage: fail_call FILE NUMBER PROCESS POSITION error=E|delay=US|signal=S COMMAND [ARGUMENT...]
 *   NUMBER    number of the system call
 *   PROCESS   0 for the command itself, 1 for the first process that it forked, 2 for the second...
 *   POSITION  which of the process's calls with that number
 *   FILE      is created when the fault was made */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX 4096

struct wanted {
	const char *file, *fault;
	int number;
	unsigned process, position;
};

struct seen {
	unsigned processes, calls[PROCESSES_MAX];
	pid_t pid[PROCESSES_MAX];
};

/* Notifies of every call with the number, and of the first call that a forked process makes, which shows the order
 * of the processes. */
static int take_filter(int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_set_robust_list, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			    SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
}

/* The index of a process in the order of their first calls; 0 is the command itself. */
static unsigned process_of(struct seen *seen, pid_t pid)
{
	unsigned i = 0;

	while (i < seen->processes && seen->pid[i] != pid)
		i++;
	if (i == seen->processes && i < PROCESSES_MAX - 1)
		seen->pid[seen->processes++] = pid;
	return i;
}

static void answer(int listener, const struct wanted *wanted, struct seen *seen)
{
	struct seccomp_notif call = { .id = 0 };
	struct seccomp_notif_resp reply = { .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE };
	unsigned process;

	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
		return;
	reply.id = call.id;
	process = process_of(seen, (pid_t)call.pid);
	if (call.data.nr == wanted->number && ++seen->calls[process] == wanted->position &&
	    process == wanted->process) {
		int made = open(wanted->file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		const char *value = strchr(wanted->fault, '=') + 1;

		if (made >= 0)
			close(made);
		if (wanted->fault[0] == 'd')
			usleep((useconds_t)atoi(value));
		else if (wanted->fault[0] == 's')
			kill((pid_t)call.pid, atoi(value));
		else
			reply = (struct seccomp_notif_resp){ .id = call.id, .error = -atoi(value) };
	}
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
}

/* The listener is a descriptor of the child.  It is duplicated from its number there, the lowest free one. */
static int take_listener(pid_t child, int theirs)
{
	int pidfd = (int)syscall(SYS_pidfd_open, child, 0), listener = -1;
	siginfo_t ended = { .si_pid = 0 };

	while (listener < 0 && waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && !ended.si_pid)
		listener = (int)syscall(SYS_pidfd_getfd, pidfd, theirs, 0);
	close(pidfd);
	return listener;
}

/* Waits without system calls, since any of them may be the intercepted one. */
static _Noreturn void become(char **argv, int number, const _Atomic bool *ready)
{
	if (take_filter(number) < 0)
		_exit(77);
	while (!*ready)
		;
	execv(argv[0], argv);
	_exit(127);
}

static struct seen seen;

int main(int argc, char **argv)
{
	_Atomic bool *ready = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct pollfd fd = { .events = POLLIN };
	int lowest = dup(STDIN_FILENO), status = 0;
	struct wanted wanted;
	pid_t child;

	if (argc < 7 || ready == MAP_FAILED || lowest < 0)
		return 64;
	close(lowest);
	wanted = (struct wanted){ argv[1], argv[5], atoi(argv[2]), (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]) };
	child = fork();
	if (child == 0)
		become(argv + 6, wanted.number, ready);
	fd.fd = take_listener(child, lowest);
	seen.pid[seen.processes++] = child;
	*ready = true;
	while (waitpid(child, &status, WNOHANG) == 0)
		if (fd.fd >= 0 && poll(&fd, 1, 20) > 0)
			answer(fd.fd, &wanted, &seen);
	/* processes that it left running continue without interception */
	while (fd.fd >= 0 && poll(&fd, 1, 0) > 0 && (fd.revents & POLLIN))
		answer(fd.fd, &wanted, &seen);
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	return WEXITSTATUS(status);
}
