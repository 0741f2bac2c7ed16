/* Runs gnuplot: it cannot start programs or write outside its folder, and has a time limit. */
#include "shmeter/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "landlock.h"
#include "shmeter/clock.h"

/* How often to check a child that closed its error stream but has not ended. */
#define LOOK_MS 2

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

/* The environment variables that gnuplot and its libraries may see: fonts and their cache, the terminal, library
 * paths. GNUTERM, GNUPLOT_LIB and similar ones would change what a script does. */
static const char *const passed[] = { "HOME",
				      "LANG",
				      "LC_ALL",
				      "TERM",
				      "TMPDIR",
				      "XDG_CACHE_HOME",
				      "XDG_CONFIG_HOME",
				      "XDG_DATA_DIRS",
				      "FONTCONFIG_FILE",
				      "FONTCONFIG_PATH",
				      "LD_LIBRARY_PATH",
				      "PATH" };
#define PASSED (sizeof(passed) / sizeof(passed[0]))

struct launch {
	const char *folder;
	char *argv[4], *environment[PASSED + 1];
	bool filtered;
};

int sm_gnuplot_find(struct sm_gnuplot *gnuplot, struct sm_error *err)
{
	const char *at = getenv("PATH");
	const size_t size = sizeof(gnuplot->path);

	while (at && *at) {
		size_t length = strcspn(at, ":");
		struct stat status;

		/* absolute, because gnuplot starts in another folder, which may contain foreign files */
		if (*at == '/' && length < size &&
		    snprintf(gnuplot->path, size, "%.*s/gnuplot", (int)length, at) < (int)size &&
		    stat(gnuplot->path, &status) == 0 && S_ISREG(status.st_mode) && access(gnuplot->path, X_OK) == 0)
			return 0;
		at += length + (at[length] == ':');
	}
	return sm_fail(err, ENOENT,
		       "no figure was drawn, because gnuplot is missing: apt-get install gnuplot-nox, then "
		       "`shmeter report`");
}

static bool is_script(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char begin[2] = "";
	bool script = fd >= 0 && read(fd, begin, 2) == 2 && memcmp(begin, "#!", 2) == 0;

	if (fd >= 0)
		close(fd);
	return script;
}

#ifdef ARCHITECTURE
/* From here on only threads can be made, no processes: system(), pipes, `!` and backquotes all start with one.  The
 * only execve is gnuplot's own.  A command without a process of its own would have to replace gnuplot, which a
 * script cannot do.  Returns 0 or an errno. */
static int forbid_processes(void)
{
#define LOAD(field)         BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define RETURN(what)        BPF_STMT(BPF_RET | BPF_K, (what))
	const struct sock_filter filter[] = {
		LOAD(arch),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1,
			 0), /* other architectures have other call numbers */
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		LOAD(nr),
#ifdef __x86_64__
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000u /* x32 */, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		UNLESS(__NR_fork, 1),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		UNLESS(__NR_vfork, 1),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
#endif
		/* its flags are in memory, which a filter cannot read; without it libraries use clone() */
		UNLESS(__NR_clone3, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
		UNLESS(__NR_clone, 3),
		LOAD(args[0]), /* the lower half: both architectures are little-endian */
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
		RETURN(SECCOMP_RET_ERRNO | EPERM),
		RETURN(SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]),
					    (struct sock_filter *)(uintptr_t)filter };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		return errno;
	return 0;
}
#else
static int forbid_processes(void)
{
	return ENOSYS;
}
#endif

/* Files can only be made, written and removed in the working folder, even through links.  A kernel without Landlock
 * (before 5.13, or not enabled) refuses these rules, and only this protection is lost: see docs/security.md. */
static void confine_writes(void)
{
	const uint64_t inside = WRITE_FILE | MAKE_REG | REMOVE_FILE;
	const struct ruleset handled = {
		.handled_access_fs =
			inside | REMOVE_DIR | MAKE_DIR | MAKE_SYM | MAKE_FIFO | MAKE_SOCK | MAKE_CHAR | MAKE_BLOCK,
	};
	const struct path_beneath here = {
		.allowed_access = inside,
		.parent_fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	int rules = (int)syscall(CREATE_RULESET, &handled, sizeof(handled), 0);

	/* without this rule nothing could be written, so the rules are then not applied */
	if (rules >= 0 && syscall(ADD_RULE, rules, RULE_PATH_BENEATH, &here, 0) == 0)
		(void)syscall(RESTRICT_SELF, rules, 0);
	if (rules >= 0)
		close(rules);
	if (here.parent_fd >= 0)
		close(here.parent_fd);
}

/* In the child: makes only calls that are safe after fork().  It writes errors to the parent through `to`. */
static _Noreturn void become_gnuplot(const struct launch *launch, int to, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY), why;

	setpgid(0, 0); /* if gnuplot is a wrapper, its children are killed with it */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(to, STDERR_FILENO) < 0 || chdir(launch->folder) < 0)
		goto out_failed;
	why = launch->filtered ? forbid_processes() : 0;
	if (launch->filtered && why == 0)
		confine_writes(); /* needs the no_new_privs of the filter */
	if (why)
		dprintf(STDERR_FILENO, "\1%d\n", why);
	execve(launch->argv[0], launch->argv, launch->environment);
out_failed:
	dprintf(STDERR_FILENO, "it cannot be started: %s\n", strerror(errno));
	_exit(127);
}

/* What a child wrote to its error stream: the beginning is kept, the rest is read and dropped. */
struct said {
	char text[2048];
	size_t used;
	bool ended;
};

static void listen(int from, struct said *said, int wait_ms)
{
	struct pollfd fd = { .fd = from, .events = POLLIN };
	char rest[1024];
	size_t room = sizeof(said->text) - 1 - said->used;
	ssize_t got;

	if (said->ended) {
		(void)poll(NULL, 0, wait_ms < LOOK_MS ? wait_ms : LOOK_MS);
		return;
	}
	if (poll(&fd, 1, wait_ms) <= 0)
		return;
	got = read(from, room ? said->text + said->used : rest, room ? room : sizeof(rest));
	if (got > 0 && room)
		said->used += (size_t)got;
	said->ended = got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
	said->text[said->used] = '\0';
}

/* Waits until the child has ended, and reaps it.  Returns 0 with its status, or the reason why it was killed. */
static int wait_for(const struct sm_gnuplot *gnuplot, pid_t pid, int from, struct said *said, int *status)
{
	unsigned limit_ms = gnuplot->limit_ms ? gnuplot->limit_ms : SM_GNUPLOT_LIMIT_MS;
	uint64_t end = sm_clock_ns() + (uint64_t)limit_ms * 1000000, now;
	pid_t got;

	while ((got = waitpid(pid, status, WNOHANG)) == 0 || (got < 0 && errno == EINTR)) {
		now = sm_clock_ns();
		if (now >= end || (gnuplot->stop && *gnuplot->stop)) {
			if (kill(-pid, SIGKILL) < 0)
				kill(pid, SIGKILL); /* for a child that has no group of its own yet */
			while (waitpid(pid, status, 0) < 0 && errno == EINTR)
				;
			return now >= end ? -ETIMEDOUT : -EINTR;
		}
		/* a signal ends the wait, but may have come before it, so check again soon */
		listen(from, said, 100);
	}
	while (got == pid && !said->ended && said->used < sizeof(said->text) - 1) {
		size_t before = said->used;

		listen(from, said, 0);
		if (said->used == before)
			break;
	}
	if (got < 0) /* reaped by somebody else: how it ended is unknown */
		*status = 0xff00;
	return 0;
}

/* The first line that looks like an error message. */
static const char *complaint(struct said *said, char out[256])
{
	char *rest = said->text, *line;

	snprintf(out, 256, "it gave no reason");
	while ((line = strsep(&rest, "\n")))
		if (*line != '\1' && strchr(line, ':')) {
			snprintf(out, 256, "%s", line + strspn(line, " \t"));
			break;
		}
	return out;
}

static int judge(struct sm_gnuplot *gnuplot, const char *folder, const char *script, struct said *said, int rc,
		 int status, struct sm_error *err)
{
	unsigned limit_ms = gnuplot->limit_ms ? gnuplot->limit_ms : SM_GNUPLOT_LIMIT_MS;
	char why[256];

	if (said->text[0] == '\1')
		snprintf(gnuplot->note, sizeof(gnuplot->note),
			 "gnuplot ran without the filter that keeps it from starting programs: %s",
			 strerror(atoi(said->text + 1)));
	if (rc == -ETIMEDOUT)
		return sm_fail(err, ETIMEDOUT,
			       "gnuplot did not end within %u s over %s/%s and was stopped: no further figure is "
			       "drawn; see what `gnuplot %s` does in that folder",
			       (limit_ms + 999) / 1000, folder, script, script);
	if (rc < 0)
		return sm_fail(err, EINTR, "stopped while gnuplot drew %s/%s; `shmeter report` draws what is missing",
			       folder, script);
	if (WIFSIGNALED(status))
		return sm_fail(err, EIO, "gnuplot crashed over %s/%s: %s", folder, script, strsignal(WTERMSIG(status)));
	if (status != 0)
		return sm_fail(err, EIO, "gnuplot cannot draw %s/%s (exit code %d): %s", folder, script,
			       WEXITSTATUS(status), complaint(said, why));
	return 0;
}

static int prepare(struct launch *launch, struct sm_gnuplot *gnuplot, const char *script, struct sm_error *err)
{
	size_t count = 0;

	launch->filtered = !is_script(gnuplot->path);
	if (!launch->filtered)
		snprintf(gnuplot->note, sizeof(gnuplot->note),
			 "%.160s is a script, which starts programs: it runs without the filter against that",
			 gnuplot->path);
	launch->argv[0] = gnuplot->path;
	launch->argv[1] = (char *)(uintptr_t) "-d"; /* no gnuplotrc, no ~/.gnuplot */
	launch->argv[2] = (char *)(uintptr_t)script;
	for (size_t i = 0; i < PASSED; i++) {
		const char *value = getenv(passed[i]);

		if (value && asprintf(&launch->environment[count], "%s=%s", passed[i], value) < 0)
			return sm_fail(err, ENOMEM, "no memory to start gnuplot");
		count += value != NULL;
	}
	return 0;
}

int sm_gnuplot_run(struct sm_gnuplot *gnuplot, const char *folder, const char *script, struct sm_error *err)
{
	struct launch launch = { .folder = folder };
	struct said said = { .text = "" };
	int status = 0, ends[2], rc = prepare(&launch, gnuplot, script, err);
	pid_t self = getpid(), pid;

	if (rc == 0 && pipe2(ends, O_CLOEXEC) < 0)
		rc = sm_fail(err, errno, "no pipe for gnuplot: %s", strerror(errno));
	if (rc < 0)
		goto out_environment;
	pid = fork();
	if (pid == 0)
		become_gnuplot(&launch, ends[1], self);
	rc = pid < 0 ? sm_fail(err, errno, "no process for gnuplot: %s", strerror(errno)) : 0;
	close(ends[1]);
	if (rc == 0) {
		rc = wait_for(gnuplot, pid, ends[0], &said, &status);
		rc = judge(gnuplot, folder, script, &said, rc, status, err);
	}
	close(ends[0]);
out_environment:
	for (size_t i = 0; i < PASSED; i++)
		free(launch.environment[i]);
	return rc;
}
