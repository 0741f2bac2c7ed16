/* The guard: a process that outlives its parent briefly and restores everything. */
#include "shmeter/guard.h"

#include <dirent.h>
#include <errno.h>
#include <mqueue.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "shmeter/ledger.h"
#include "shmeter/refusal.h"
#include "shmeter/text.h"

#define MESSAGE_MAX 4352
/* The list grows by this many records.  Names exist for microseconds, so there are seldom more than a few. */
#define RECORDS_STEP 16
/* Times 100 ms: how long to retry when the ledger cannot be opened. */
#define LEAVE_TRIES 3
/* The number of segments of earlier processes with the same pid that can be distinguished from the parent's own. */
#define FOREIGN_MAX 64

/* What the parent announced: names by kind as in guard.h, and settings as kind 's' with the text "path\0old value".
 * Until the setting is held the text is "path\0\0", and only the ledger may know the old value. */
struct record {
	char kind;
	char text[MESSAGE_MAX];
};

struct records {
	struct record *list;
	unsigned count, room;
};

/* System V segments that have the parent's pid as creator, but existed before the parent made any: pids are reused. */
struct foreign {
	int id[FOREIGN_MAX];
	unsigned count;
};

/* The parent's end.  One guard per process, because it guards the whole process. */
static struct {
	int socket;
	pid_t pid;
	bool holds; /* holds settings */
} guard = { -1, 0, false };

/* The guarded process by number and start time.  The guard records both, because they cannot be read once it is
 * gone. */
struct parent {
	pid_t pid;
	unsigned long long began;
};

/* Releases a setting of the parent.  If the ledger cannot be opened, restores the old value if it is known.  False:
 * the setting could not be restored. */
static bool leave(const char *path, const char *old, struct parent parent)
{
	const struct timespec nap = { .tv_nsec = 100000000 };
	const char *known = *old ? old : NULL;
	int rc = 0;

	for (int left = LEAVE_TRIES; left > 0; left--) {
		rc = sm_ledger_leave(path, parent.pid, parent.began, known, NULL);
		if (rc == 0 || rc == -EBUSY)
			return rc == 0;
		nanosleep(&nap, NULL);
	}
	return known && sm_setting_write(path, known);
}

static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		unlinkat(dirfd(dir), entry->d_name, 0); /* a folder in it is not removed */
	if (dir)
		closedir(dir);
	rmdir(path);
}

/* False: a setting could not be restored. */
static bool undo(const struct record *record, struct parent parent)
{
	if (record->kind == 'p')
		shm_unlink(record->text);
	else if (record->kind == 'f')
		unlink(record->text);
	else if (record->kind == 'd')
		remove_folder(record->text);
	else if (record->kind == 'm')
		mq_unlink(record->text);
	else if (record->kind == 'q')
		msgctl(msgget((key_t)strtol(record->text, NULL, 10), 0), IPC_RMID, NULL);
	else if (record->kind == 'e')
		semctl(semget((key_t)strtol(record->text, NULL, 10), 0, 0), 0, IPC_RMID);
	else if (record->kind == 'h')
		shmctl(shmget((key_t)strtol(record->text, NULL, 10), 0, 0), IPC_RMID, NULL);
	else if (record->kind == 's')
		return leave(record->text, record->text + strlen(record->text) + 1, parent);
	return true;
}

/* Calls `each` for every System V segment whose creator had this pid. */
static void for_segments_of(pid_t creator, void (*each)(struct foreign *, int), struct foreign *foreign)
{
	struct shm_info info;
	int last = shmctl(0, SHM_INFO, (struct shmid_ds *)(void *)&info);

	for (int i = 0; i <= last; i++) {
		struct shmid_ds segment;
		int id = shmctl(i, SHM_STAT, &segment);

		if (id >= 0 && segment.shm_cpid == creator)
			each(foreign, id);
	}
}

static void note_foreign(struct foreign *foreign, int id)
{
	if (foreign->count < FOREIGN_MAX)
		foreign->id[foreign->count] = id;
	foreign->count++;
}

/* Removes a segment that the parent made but had no time to mark for removal. */
static void remove_own(struct foreign *foreign, int id)
{
	if (foreign->count > FOREIGN_MAX)
		return; /* the list is incomplete: leave a segment behind rather than remove another process's */
	for (unsigned i = 0; i < foreign->count; i++)
		if (foreign->id[i] == id)
			return;
	shmctl(id, IPC_RMID, NULL);
}

static void withdraw(struct records *records, char kind, const char *text)
{
	for (unsigned i = records->count; i-- > 0;)
		if (records->list[i].kind == kind && strcmp(records->list[i].text, text) == 0) {
			/* keep the order: settings are restored newest first */
			memmove(&records->list[i], &records->list[i + 1],
				(--records->count - i) * sizeof(records->list[0]));
			return;
		}
}

static bool make_room(struct records *records)
{
	struct record *more;

	if (records->count < records->room)
		return true;
	more = realloc(records->list, (records->room + RECORDS_STEP) * sizeof(*more));
	if (!more)
		return false;
	records->list = more;
	records->room += RECORDS_STEP;
	return true;
}

/* Adds one message to the records; an upper-case kind removes its record.  False: the parent says that it is done. */
static bool take(struct records *records, const char *message)
{
	if (message[0] == '.')
		return false;
	if (message[0] == 's') /* a setting is announced again once it is held */
		withdraw(records, 's', message + 1);
	if (message[0] >= 'A' && message[0] <= 'Z') {
		withdraw(records, (char)(message[0] - 'A' + 'a'), message + 1);
	} else if (make_room(records)) {
		records->list[records->count].kind = message[0];
		memcpy(records->list[records->count].text, message + 1, MESSAGE_MAX - 1);
		records->count++;
	}
	return true;
}

enum drained { DRAINED, DRAINED_LAST, DRAINED_CLOSED };

/* Takes all waiting messages. */
static enum drained drain(int socket, struct records *records)
{
	char message[MESSAGE_MAX + 1];

	for (;;) {
		ssize_t got;

		memset(message, 0, sizeof(message));
		got = recv(socket, message, MESSAGE_MAX, MSG_DONTWAIT);
		if (got == 0)
			return DRAINED_CLOSED;
		if (got < 0)
			return DRAINED;
		if (!take(records, message))
			return DRAINED_LAST;
	}
}

/* Sleeps until the parent says that it is done, or ends. */
static void watch(pid_t parent, int parent_fd, int socket, struct records *records, struct foreign *foreign)
{
	struct pollfd fds[2] = { { .fd = socket, .events = POLLIN }, { .fd = parent_fd, .events = POLLIN } };

	for (;;) {
		enum drained drained;

		if (poll(fds, 2, -1) < 0)
			continue; /* EINTR: other errors cannot happen, and returning early would undo too soon */
		/* Read messages even if only the parent's end was reported: it may have sent some just before. */
		drained = drain(socket, records);
		if (drained == DRAINED_LAST)
			return;
		if (drained == DRAINED_CLOSED)
			fds[0].fd = -1; /* no more messages; only the parent's end matters now */
		if (fds[1].revents) {
			for_segments_of(parent, remove_own, foreign);
			return;
		}
	}
}

/* Closes a range of descriptors.  glibc has a wrapper from 2.34 on, Linux the call from 5.9 on. */
static void close_all(unsigned first, unsigned last)
{
	if (syscall(__NR_close_range, first, last, 0) == 0)
		return;
	for (unsigned fd = first; fd <= last && fd < (unsigned)sysconf(_SC_OPEN_MAX); fd++)
		close((int)fd);
}

static _Noreturn void guard_main(struct parent parent, int parent_fd, int socket, struct foreign *foreign)
{
	struct records records = { 0 };
	bool back = true;
	int low = socket < parent_fd ? socket : parent_fd, high = socket + parent_fd - low;

	setsid();
	prctl(PR_SET_NAME, "shmeter-guard");
	/* Keep none of the parent's files open, such as its output and its results. */
	if (low > 0)
		close_all(0, (unsigned)low - 1);
	if (high - low > 1)
		close_all((unsigned)low + 1, (unsigned)high - 1);
	close_all((unsigned)high + 1, ~0u);
	watch(parent.pid, parent_fd, socket, &records, foreign);
	while (records.count > 0) /* newest first */
		back &= undo(&records.list[--records.count], parent);
	_exit(back ? 0 : 1);
}

/* Forks the guard with every signal blocked.  They stay blocked, so that a signal to the process group cannot end
 * the guard before it has a session of its own. */
static pid_t fork_guard(int parent_fd, int socket, struct foreign *foreign)
{
	struct parent parent = { getpid(), sm_process_begun(getpid()) };
	sigset_t all, before;
	pid_t pid;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = fork();
	if (pid == 0)
		guard_main(parent, parent_fd, socket, foreign);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}

int sm_guard_start(struct sm_error *err)
{
	struct foreign foreign = { .count = 0 };
	int pair[2] = { -1, -1 }, parent_fd, rc = 0;

	/* Opened before the fork, so that the guard notices even a parent that is killed before the guard runs. */
	parent_fd = (int)syscall(SYS_pidfd_open, getpid(), 0); /* glibc has it from 2.36 on */
	if (parent_fd < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		rc = sm_fail(err, errno, "cannot start the guard: %s%s", strerror(errno),
			     sm_refusal("pidfd_open", errno));
		goto out_close;
	}
	for_segments_of(getpid(), note_foreign, &foreign);
	guard.pid = fork_guard(parent_fd, pair[1], &foreign);
	if (guard.pid < 0) {
		rc = sm_fail(err, errno, "cannot start the guard: %s%s", strerror(errno), sm_refusal("fork", errno));
		guard.pid = 0;
		goto out_close;
	}
	guard.socket = pair[0];
	pair[0] = -1;
out_close:
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
	if (parent_fd >= 0)
		close(parent_fd);
	return rc;
}

int sm_guard_stop(struct sm_error *err)
{
	int status = 0, rc = 0;
	ssize_t sent;

	if (guard.socket < 0)
		return 0;
	while ((sent = send(guard.socket, ".", 2, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	/* a guard that was not reached works only after this process ends, so waiting for it would never end */
	while (waitpid(guard.pid, &status, sent < 0 ? WNOHANG : 0) < 0 && errno == EINTR)
		;
	close(guard.socket);
	/* the guard was killed, was not reached, or failed */
	if (guard.holds && (sent < 0 || !(WIFEXITED(status) && WEXITSTATUS(status) == 0)))
		rc = sm_ledger_leave(NULL, getpid(), sm_process_begun(getpid()), NULL, err);
	guard.socket = -1;
	guard.pid = 0;
	guard.holds = false;
	return rc;
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
		return sm_fail(err, errno == EPIPE ? EAGAIN : errno, "the guard is gone (%s): start the run again",
			       strerror(errno));
	return 0;
}

/* An absolute name, because the parent may change its current folder. */
static const char *absolute(char kind, const char *name, char *full, size_t size)
{
	size_t used;

	if ((kind != 'f' && kind != 'd') || name[0] == '/' || !getcwd(full, size))
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

int sm_guard_setting(const struct sm_wish *wish, struct sm_error *err)
{
	char old[SM_SETTING_MAX];
	/* announced before it is held: if the parent is killed in between, the guard still checks this setting */
	int rc = tell('s', wish->path, "", err);

	if (rc < 0)
		return rc;
	guard.holds = true;
	rc = sm_ledger_hold(wish, getpid(), guard.pid, old, err);
	return rc > 0 ? tell('s', wish->path, old, err) : rc;
}
