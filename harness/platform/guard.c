/* The guard: outlives the parent by a moment and puts everything back. */
#include "shmeter/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmeter/text.h"

#define MESSAGE_MAX 4352
#define RECORDS_MAX 64

/* What the parent announced: 'p' and 'f' names, 's' a setting as "path\0old value". */
struct record {
	char kind;
	char text[MESSAGE_MAX];
};

/* The parent's end.  One guard a process: it is the process that is guarded. */
static struct {
	int socket;
	pid_t pid;
} guard = { -1, 0 };

static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	(void)!write(fd, value, strlen(value));
	close(fd);
}

static void undo(const struct record *record)
{
	if (record->kind == 'p')
		shm_unlink(record->text);
	else if (record->kind == 'f')
		unlink(record->text);
	else if (record->kind == 's')
		write_setting(record->text, record->text + strlen(record->text) + 1);
}

/* System V segments that the parent made and had no time to mark for removal. */
static void remove_segments(pid_t parent)
{
	struct shm_info info;
	int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);

	for (int i = 0; i <= last; i++) {
		struct shmid_ds segment;
		int id = shmctl(i, SHM_STAT, &segment);

		if (id >= 0 && segment.shm_cpid == parent)
			shmctl(id, IPC_RMID, NULL);
	}
}

/* Takes one message into the records; upper case withdraws.  False: the parent says it is done. */
static bool take(struct record *records, unsigned *count, const char *message)
{
	if (message[0] == 'Q')
		return false;
	if (message[0] == 'P' || message[0] == 'F') {
		for (unsigned i = *count; i-- > 0;)
			if (records[i].kind == message[0] - 'A' + 'a' &&
			    strcmp(records[i].text, message + 1) == 0) {
				records[i] = records[--*count];
				break;
			}
		return true;
	}
	if (*count < RECORDS_MAX) {
		records[*count].kind = message[0];
		memcpy(records[*count].text, message + 1, MESSAGE_MAX - 1);
		++*count;
	}
	return true;
}

static bool drain(int socket, struct record *records, unsigned *count, int flags)
{
	char message[MESSAGE_MAX + 1];

	for (;;) {
		memset(message, 0, sizeof(message));
		if (recv(socket, message, MESSAGE_MAX, flags) <= 0)
			return true;
		if (!take(records, count, message))
			return false;
	}
}

static _Noreturn void guard_main(pid_t parent, int socket)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	static struct record records[RECORDS_MAX];
	struct pollfd fds[2] = { { .fd = socket, .events = POLLIN }, { .events = POLLIN } };
	unsigned count = 0;

	setsid();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	prctl(PR_SET_NAME, "shmeter-guard");
	/* Nothing of the parent's is held open: not its output, not its results. */
	if (dup2(socket, 3) == 3)
		fds[0].fd = 3;
	close(0);
	close(1);
	close(2);
	close_range(4, ~0u, 0);
	fds[1].fd = pidfd_open(parent, 0);
	if (fds[1].fd < 0 || getppid() != parent)
		_exit(1); /* the parent cannot have announced anything yet */
	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			break;
		if ((fds[0].revents & POLLIN) && !drain(fds[0].fd, records, &count, MSG_DONTWAIT))
			break;
		if (fds[1].revents) {
			drain(fds[0].fd, records, &count, MSG_DONTWAIT);
			remove_segments(parent);
			break;
		}
	}
	while (count > 0) /* the newest first */
		undo(&records[--count]);
	_exit(0);
}

int sm_guard_start(struct sm_error *err)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return sm_fail(err, errno, "cannot start the guard: %s", strerror(errno));
	guard.pid = fork();
	if (guard.pid == 0)
		guard_main(parent, pair[1]);
	close(pair[1]);
	if (guard.pid < 0) {
		close(pair[0]);
		guard.pid = 0;
		return sm_fail(err, errno, "cannot start the guard: %s", strerror(errno));
	}
	guard.socket = pair[0];
	return 0;
}

void sm_guard_stop(void)
{
	if (guard.socket < 0)
		return;
	(void)!send(guard.socket, "Q", 2, MSG_NOSIGNAL);
	while (waitpid(guard.pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(guard.socket);
	guard.socket = -1;
	guard.pid = 0;
}

static int tell(char kind, const char *first, const char *second, struct sm_error *err)
{
	char message[MESSAGE_MAX];
	size_t one = strlen(first) + 1, two = second ? strlen(second) + 1 : 0;

	if (guard.socket < 0)
		return 0;
	if (1 + one + two > sizeof(message))
		return sm_fail(err, ENAMETOOLONG, "\"%.60s...\" is too long a name", first);
	message[0] = kind;
	memcpy(message + 1, first, one);
	if (second)
		memcpy(message + 1 + one, second, two);
	if (send(guard.socket, message, 1 + one + two, MSG_NOSIGNAL) < 0)
		return sm_fail(err, errno, "the guard is gone (%s): start the run again",
			       strerror(errno));
	return 0;
}

/* The name as the guard can use it wherever the parent's current folder is by then. */
static const char *absolute(char kind, const char *name, char *full, size_t size)
{
	size_t used;

	if (kind != 'f' || name[0] == '/' || !getcwd(full, size))
		return name;
	used = strlen(full);
	return (size_t)snprintf(full + used, size - used, "/%s", name) < size - used ? full : name;
}

int sm_guard_name(char kind, const char *name, struct sm_error *err)
{
	char full[MESSAGE_MAX];

	return tell(kind, absolute(kind, name, full, sizeof(full)), NULL, err);
}

void sm_guard_forget(char kind, const char *name)
{
	char full[MESSAGE_MAX];

	(void)!tell((char)(kind - 'a' + 'A'), absolute(kind, name, full, sizeof(full)), NULL, NULL);
}

/* The setting as it can be written back: settings with choices show theirs in brackets. */
static void current_value(char *text)
{
	char *open = strchr(text, '['), *close = open ? strchr(open, ']') : NULL;

	if (!close)
		return;
	*close = '\0';
	memmove(text, open + 1, strlen(open + 1) + 1);
}

int sm_guard_setting(const char *path, const char *value, struct sm_error *err)
{
	char old[256];
	int rc = sm_read_file(path, old, sizeof(old)), fd;

	if (rc < 0)
		return sm_fail(err, -rc, "%s cannot be read: %s", path, strerror(-rc));
	current_value(old);
	if (strcmp(old, value) == 0)
		return 0;
	rc = tell('s', path, old, err);
	if (rc < 0)
		return rc;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		rc = sm_fail(err, errno, "cannot write %s to %s: %s; changing it needs root", value,
			     path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}
