/* A helper: a child of a scenario's worker that does what it is asked, one request after the other, and remembers what it
 * did before.  It dies when it is let go, and with its parent. */
#ifndef SHMETER_SUBJECT_HELPER_H
#define SHMETER_SUBJECT_HELPER_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "child.h"

/* What a helper answers. */
struct answer {
	int code; /* 0, or the errno of what failed */
	uint64_t number[4];
};

/* Fills in the answer, which is zeroed, to a request.  `argument` is the helper's own copy. */
typedef void helper_does(void *argument, unsigned request, struct answer *answer);

/* A helper has little to do: one that gives no answer in so many seconds hangs, and whoever asked would, too. */
#ifndef HELPER_PATIENCE
#define HELPER_PATIENCE 20
#endif

struct helper {
	pid_t pid; /* 0: there is none */
	int line;  /* socket to it */
	helper_does *does;
	void *argument;
};

static inline int helper_main(void *argument)
{
	const struct helper *helper = argument;
	unsigned request;

	while (recv(helper->line, &request, sizeof(request), 0) == sizeof(request)) {
		struct answer answer = { 0 };

		helper->does(helper->argument, request, &answer);
		if (send(helper->line, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
			break;
	}
	return 0;
}

/* 0, or the errno of what failed. */
static inline int helper_start(struct helper *helper, helper_does *does, void *argument)
{
	struct timeval patience = { .tv_sec = HELPER_PATIENCE };
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return errno;
	*helper = (struct helper){ .line = pair[1], .does = does, .argument = argument };
	helper->pid = child_start(helper_main, helper);
	close(pair[1]);
	helper->line = pair[0];
	if (helper->pid > 0) {
		setsockopt(helper->line, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		return 0;
	}
	close(pair[0]);
	helper->pid = 0;
	return errno;
}

/* Asks and waits for the answer; a helper that died answers with ECHILD, one that hangs with ETIMEDOUT. */
static inline struct answer helper_ask(const struct helper *helper, unsigned request)
{
	struct answer answer;
	ssize_t got = -1;

	errno = 0;
	if (send(helper->line, &request, sizeof(request), MSG_NOSIGNAL) == sizeof(request) &&
	    (got = recv(helper->line, &answer, sizeof(answer), 0)) == sizeof(answer))
		return answer;
	return (struct answer){ .code = got < 0 && errno == EAGAIN ? ETIMEDOUT : ECHILD };
}

/* Starts a helper and asks it one thing. */
static inline struct answer helper_start_ask(struct helper *helper, helper_does *does, void *argument, unsigned request)
{
	int code = helper_start(helper, does, argument);

	return code ? (struct answer){ .code = code } : helper_ask(helper, request);
}

/* Kills the helper and waits for its end.  Does nothing where there is none. */
static inline void helper_end(struct helper *helper)
{
	if (helper->pid == 0)
		return;
	close(helper->line);
	kill(helper->pid, SIGKILL);
	child_end(helper->pid);
	helper->pid = 0;
}

#endif
