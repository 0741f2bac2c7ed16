/* A team of processes: forks them, makes them die with the parent, waits on pidfds, and reaps them. */
#include "shmeter/team.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmeter/clock.h"
#include "shmeter/refusal.h"

/* Time that members have to notice the abort flag before they are killed. */
#define GRACE_NS 200000000u
/* Longest sleep between checks of the stop flag: a signal that arrives just before poll() is noticed at most this
 * much later. */
#define NAP_MS 200
/* A sleep that is longer than requested by this is not caused by a busy scheduler: the container was frozen, or the
 * host stood still. */
#define STOOD_NS 1000000000u

/* One pidfd per member: raises the soft limit (often 1024) to the hard limit. */
static void allow_descriptors(unsigned count)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= (rlim_t)count + 256)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* When memory runs out the kernel kills the process with the highest score.  This makes it a member, whose trial is
 * then lost, and not the parent, which has the run.  Raising one's own score needs no privilege; without /proc it
 * stays unchanged. */
static void offer_oneself(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, "1000", 4); /* OOM_SCORE_ADJ_MAX, include/uapi/linux/oom.h */
	close(fd);
}

static _Noreturn void member_main(pid_t parent, const char *title, sm_member_fn fn, void *argument, unsigned index,
				  volatile bool *returned)
{
	static const int reset[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action;
	sigset_t none;
	int code;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* the parent died between the fork and the line above */
		_exit(1);
	offer_oneself();
	setpgid(0, 0); /* the terminal's ^C goes only to the parent */
	for (size_t i = 0; i < sizeof(reset) / sizeof(reset[0]); i++)
		/* the parent's handler is useless here; ignored signals stay ignored */
		if (sigaction(reset[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			signal(reset[i], SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_NAME, title);
	code = fn(argument, index);
	returned[index] = true;
	_exit(code);
}

/* What a member forked goes with it: members are leaders of their groups. */
static void reap(struct sm_team *team, struct sm_member *member)
{
	kill(-member->pid, SIGKILL);
	while (waitpid(member->pid, &member->wait_status, 0) < 0)
		if (errno != EINTR) {
			member->wait_status = W_EXITCODE(255, 0); /* how it ended is unknown */
			break;
		}
	if (WIFEXITED(member->wait_status) && !team->returned[member - team->member])
		member->wait_status = W_EXITCODE(SM_MEMBER_LEFT, 0);
	member->reaped = true;
	if (member->pidfd >= 0)
		close(member->pidfd);
	member->pidfd = -1;
}

static void kill_all(struct sm_team *team)
{
	for (unsigned i = 0; i < team->count; i++)
		if (team->member[i].pid > 0 && !team->member[i].reaped)
			kill(team->member[i].pid, SIGKILL);
	for (unsigned i = 0; i < team->count; i++)
		if (team->member[i].pid > 0 && !team->member[i].reaped)
			reap(team, &team->member[i]);
}

int sm_team_start(struct sm_team *team, unsigned count, const char *title, sm_member_fn fn, void *argument,
		  _Atomic uint32_t *abort_flag, struct sm_error *err)
{
	pid_t parent = getpid();
	int rc;

	memset(team, 0, sizeof(*team));
	team->abort = abort_flag;
	team->grace_ns = GRACE_NS;
	team->member = calloc(count ? count : 1, sizeof(*team->member));
	team->shared_bytes = (count ? count : 1) * sizeof(*team->returned);
	team->returned = mmap(NULL, team->shared_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (!team->member || team->returned == MAP_FAILED) {
		sm_team_free(team);
		return sm_fail(err, ENOMEM, "no memory for a team of %u processes", count);
	}
	allow_descriptors(count);
	for (unsigned i = 0; i < count; i++) {
		struct sm_member *member = &team->member[i];

		member->pidfd = -1;
		team->count = i + 1;
		member->pid = fork();
		if (member->pid == 0)
			member_main(parent, title, fn, argument, i, team->returned);
		if (member->pid < 0) {
			rc = sm_fail(err, errno, "cannot fork worker %u of %u: %s%s", i, count, strerror(errno),
				     sm_refusal("fork", errno));
			goto out_kill;
		}
		member->pidfd = (int)syscall(SYS_pidfd_open, member->pid, 0); /* glibc has it from 2.36 on */
		if (member->pidfd < 0) {
			rc = sm_fail(err, errno, "cannot watch worker %u of %u (pidfd_open): %s%s", i, count,
				     strerror(errno), sm_refusal("pidfd_open", errno));
			goto out_kill;
		}
	}
	return 0;

out_kill:
	kill_all(team);
	sm_team_free(team);
	return rc;
}

/* Notes members that were stopped or continued.  waitid() reports each change only once, and an exit would hide it,
 * so this runs before members are reaped. */
static void note_standstill(struct sm_team *team, uint64_t slept_ns)
{
	siginfo_t info;

	if (slept_ns > NAP_MS * 1000000u + STOOD_NS && slept_ns > team->stood_ns)
		team->stood_ns = slept_ns;
	for (unsigned i = 0; i < team->count; i++) {
		info.si_pid = 0;
		if (!team->member[i].reaped &&
		    waitid(P_PID, (id_t)team->member[i].pid, &info, WSTOPPED | WCONTINUED | WNOHANG) == 0 &&
		    info.si_pid)
			team->stopped = true;
	}
}

/* Sleeps until a member ends or `until_ns`; reaps those that ended.  Returns the number still alive. */
static unsigned sleep_and_reap(struct sm_team *team, struct pollfd *fds, uint64_t until_ns)
{
	uint64_t now = sm_clock_ns();
	uint64_t left_ms = until_ns > now ? (until_ns - now) / 1000000u + 1 : 0;
	unsigned alive = 0;

	for (unsigned i = 0; i < team->count; i++)
		fds[i] = (struct pollfd){ .fd = team->member[i].pidfd, .events = POLLIN };
	if (poll(fds, team->count, left_ms < NAP_MS ? (int)left_ms : NAP_MS) < 0)
		memset(fds, 0, team->count * sizeof(*fds));
	note_standstill(team, sm_clock_ns() - now);
	for (unsigned i = 0; i < team->count; i++) {
		if (!team->member[i].reaped && (fds[i].revents & POLLIN))
			reap(team, &team->member[i]);
		alive += !team->member[i].reaped;
	}
	return alive;
}

/* The first member that did not end with exit status 0; `count` if there is none.  Signals count before exits,
 * because a killed member makes its peers exit. */
static unsigned first_casualty(const struct sm_team *team)
{
	unsigned exited = team->count;

	for (unsigned i = 0; i < team->count; i++) {
		const struct sm_member *member = &team->member[i];

		if (!member->reaped || member->wait_status == 0)
			continue;
		if (WIFSIGNALED(member->wait_status))
			return i;
		if (exited == team->count)
			exited = i;
	}
	return exited;
}

static void end_early(struct sm_team *team, struct pollfd *fds)
{
	uint64_t until_ns = sm_clock_ns() + team->grace_ns;

	if (team->abort)
		atomic_store(team->abort, 1);
	while (sleep_and_reap(team, fds, until_ns) > 0 && sm_clock_ns() < until_ns)
		;
	kill_all(team);
}

enum sm_team_end sm_team_wait(struct sm_team *team, uint64_t deadline_ns, const volatile int *stop, unsigned *first)
{
	struct pollfd *fds = calloc(team->count, sizeof(*fds));
	enum sm_team_end end = SM_TEAM_DONE;

	*first = team->count;
	if (!fds) { /* without memory poll() is impossible, too */
		kill_all(team);
		return SM_TEAM_DIED;
	}
	while (sleep_and_reap(team, fds, deadline_ns) > 0) {
		*first = first_casualty(team);
		if (*first < team->count)
			end = SM_TEAM_DIED;
		else if (stop && *stop)
			end = SM_TEAM_INTERRUPTED;
		else if (sm_clock_ns() >= deadline_ns)
			end = SM_TEAM_TIMED_OUT;
		else
			continue;
		end_early(team, fds);
		break;
	}
	if (end == SM_TEAM_DONE) {
		*first = first_casualty(team);
		if (*first < team->count)
			end = SM_TEAM_DIED;
	}
	free(fds);
	return end;
}

void sm_team_free(struct sm_team *team)
{
	free(team->member);
	if (team->returned && team->returned != MAP_FAILED)
		munmap((void *)team->returned, team->shared_bytes);
	memset(team, 0, sizeof(*team));
}
