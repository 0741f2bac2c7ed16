/* A team of processes: the only place that forks. */
#ifndef SHMETER_TEAM_H
#define SHMETER_TEAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "shmeter/error.h"

/* The exit status of a member that did not return from its function: something in it, such as a plug-in, called exit(). */
#define SM_MEMBER_LEFT 102

/* What a member does; its return value becomes the exit status.  It never returns to the caller's
 * code: the team ends it with _exit(). */
typedef int (*sm_member_fn)(void *argument, unsigned index);

struct sm_member {
	pid_t pid;       /* 0: not forked */
	int pidfd;       /* -1: reaped */
	int wait_status; /* as waitpid() gives it, once reaped; 0: its function returned 0 */
	bool reaped;
};

struct sm_team {
	unsigned count;
	struct sm_member *member;
	volatile bool *returned; /* by member, in shared memory: its function returned */
	size_t shared_bytes;
	_Atomic uint32_t *abort; /* the flag that members' spins poll; may be NULL */
	uint64_t grace_ns;       /* time that members have to notice it; the caller may give them more */
	/* Seen while waiting: a member was stopped (SIGSTOP, a debugger); for how long no process ran, not even this
	 * one. */
	bool stopped;
	uint64_t stood_ns;
};

/* Forks `count` members.  Each is killed when this process dies (PR_SET_PDEATHSIG, then a check of getppid), is in a
 * process group of its own, has default signal handlers, and runs fn(argument, index). On error those already forked
 * are killed and reaped. */
SM_MUST_USE int sm_team_start(struct sm_team *team, unsigned count, const char *title, sm_member_fn fn, void *argument,
			      _Atomic uint32_t *abort, struct sm_error *err);

/* Why a wait ended. */
enum sm_team_end {
	SM_TEAM_DONE, /* the functions of all returned 0 */
	SM_TEAM_DIED, /* one was killed or ended otherwise: `*first` is its index */
	SM_TEAM_TIMED_OUT,
	SM_TEAM_INTERRUPTED, /* the stop flag was raised (a signal) */
};

/* Sleeps on the pidfds until all members ended or `deadline_ns` (sm_clock_ns) passed or `*stop` is non-zero.  When one
 * dies, or at the deadline, raises the abort flag, waits 200 ms (grace_ns) for the others and kills the rest.  All members are
 * reaped when it returns. */
enum sm_team_end sm_team_wait(struct sm_team *team, uint64_t deadline_ns, const volatile int *stop, unsigned *first);
void sm_team_free(struct sm_team *team);

#endif
