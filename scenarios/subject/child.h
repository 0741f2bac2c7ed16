/* A child process of a scenario's worker: it runs one function, passes the return value to _exit(), and dies with
 * its parent. */
#ifndef SHMETER_SUBJECT_CHILD_H
#define SHMETER_SUBJECT_CHILD_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Returns the child's process number, or -1 as fork() does. */
static inline pid_t child_start(int (*fn)(void *), void *argument)
{
	pid_t parent = getpid(), child = fork();

	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(255);
	_exit(fn(argument));
}

/* Waits for the child; returns its exit status, -1 if it was killed, or -2 if waiting failed. */
static inline int child_end(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Whether the child has ended.  It remains to be waited for. */
static inline bool child_has_ended(pid_t child)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == child;
}

/* Whether the child sleeps, as the kernel says: a child that is known to be about to wait then waits. */
static inline bool child_is_asleep(pid_t child)
{
	char path[32], text[512];
	const char *name_end;
	ssize_t bytes = 0;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/stat", child);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file >= 0) {
		bytes = read(file, text, sizeof(text) - 1);
		close(file);
	}
	text[bytes > 0 ? bytes : 0] = 0;
	name_end = strrchr(text, ')');
	return name_end && name_end[1] == ' ' && name_end[2] == 'S';
}

/* Between two looks at a child, which may share this PU: so sleep, do not spin. */
static inline void child_nap(void)
{
	struct timespec nap = { .tv_nsec = 10000 };

	nanosleep(&nap, NULL);
}

/* Runs fn() in a child and returns its value; negative: the child was killed, or could not be started. */
static inline int in_child(int (*fn)(void *), void *argument)
{
	pid_t child = child_start(fn, argument);

	return child < 0 ? -1 : child_end(child);
}

#endif
