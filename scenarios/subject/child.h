/* A child that a scenario's worker needs: it runs one function, ends in _exit() with what that returns, and dies with
 * its parent. */
#ifndef SHMETER_SUBJECT_CHILD_H
#define SHMETER_SUBJECT_CHILD_H

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child's process number, or -1 as fork() says it. */
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

/* Waits; what the child ended with, -1 where it was killed, or -2 where it cannot be waited for. */
static inline int child_end(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -2;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What fn() returns, in a child of its own; negative: it was killed, or could not be had. */
static inline int in_child(int (*fn)(void *), void *argument)
{
	pid_t child = child_start(fn, argument);

	return child < 0 ? -1 : child_end(child);
}

#endif
