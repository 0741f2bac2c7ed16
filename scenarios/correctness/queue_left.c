/* Question: what is left of a message when every process has closed its pipe, socket or queue?
 * Method:   a sender opens a named channel of the kernel, leaves a message in it that nobody has read, and ends.  Then
 *           nobody has it open, but in `fifo_kept`, where the worker has it open from before.  The worker opens it by its
 *           name and looks for the message.  One such end is an operation.
 * Not shown: unnamed pipes and socket pairs, which nobody can open again; the next boot, which no queue survives.
 * Cost of the loop: fork, making and removing the channel. */
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>

#include "../subject/child.h"
#include "../subject/names.h"
#include "../subject/tries.h"

enum { LEFT };
enum kind { FIFO, POSIX_MQ, SYSV_MSG };
#define BYTES 8u
#define KEPT  0x10u /* in `arg`, with the kind: the worker has it open all the time */

struct state {
	enum kind kind;
	bool kept;
	char name[4200], key_text[16];
	key_t key;
	uint64_t number;
};

struct typed {
	long type;
	uint64_t number;
};

static const char guard_kind[] = { [FIFO] = 'f', [POSIX_MQ] = 'm' };

static mqd_t open_mq(const struct state *state, int flags)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = BYTES };

	return mq_open(state->name, flags | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
}

/* Makes the channel, without opening it for longer than this call.  0, or an errno. */
static int make(const struct state *state)
{
	mqd_t queue;

	switch (state->kind) {
	case FIFO: return mkfifo(state->name, 0600) < 0 ? errno : 0;
	case SYSV_MSG: return msgget(state->key, IPC_CREAT | IPC_EXCL | 0600) < 0 ? errno : 0;
	case POSIX_MQ:
		queue = open_mq(state, O_RDWR | O_CREAT | O_EXCL);
		if (queue == (mqd_t)-1)
			return errno;
		mq_close(queue);
		return 0;
	}
	return EINVAL;
}

static void remove_channel(const struct state *state)
{
	if (state->kind == FIFO)
		unlink(state->name);
	else if (state->kind == POSIX_MQ)
		mq_unlink(state->name);
	else
		msgctl(msgget(state->key, 0), IPC_RMID, NULL);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	char prefix[4096];
	int rc;

	state->kind = (enum kind)(sm_case_variant(trial->c)->arg & ~KEPT);
	state->kept = sm_case_variant(trial->c)->arg & KEPT;
	state->number = trial->seed;
	snprintf(prefix, sizeof(prefix), "%s/", state->kind == FIFO ? trial->file_folder : "");
	rc = state->kind == SYSV_MSG
		     ? key_announce('q', &state->key, state->key_text, err)
		     : name_announce(guard_kind[state->kind], prefix, state->name, sizeof(state->name), err);
	if (rc < 0)
		return rc;
	rc = make(state);
	remove_channel(state);
	return rc == 0 ? 0
		       : sm_fail(err, rc,
				 "no such channel can be made here: %s; see fs.mqueue, kernel.msgmni and --file-folder",
				 strerror(rc));
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (!state->key_text[0] && !state->name[0])
		return;
	remove_channel(state);
	sm_guard_forget(state->key_text[0] ? 'q' : guard_kind[state->kind],
			state->key_text[0] ? state->key_text : state->name);
}

/* The sender: whatever it opened is closed by its end.  A pipe can only be opened for writing while somebody reads, so it
 * opens it for both. */
static int leave_message(void *argument)
{
	const struct state *state = argument;
	struct typed typed = { 1, state->number };
	const char *bytes = (const char *)&state->number;
	int fd;

	switch (state->kind) {
	case FIFO:
		fd = open(state->name, O_RDWR | O_NONBLOCK | O_CLOEXEC);
		return fd >= 0 && write(fd, bytes, BYTES) == BYTES ? 0 : errno;
	case POSIX_MQ: return mq_send(open_mq(state, O_WRONLY), bytes, BYTES, 0) < 0 ? errno : 0;
	case SYSV_MSG: return msgsnd(msgget(state->key, 0), &typed, BYTES, IPC_NOWAIT) < 0 ? errno : 0;
	}
	return EINVAL;
}

/* What a process that comes afterwards finds in the channel; 0: nothing. */
static uint64_t find_message(const struct state *state)
{
	struct typed typed = { 0 };
	uint64_t number = 0;
	int fd;

	switch (state->kind) {
	case FIFO:
		fd = open(state->name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0 || read(fd, &number, BYTES) != BYTES)
			number = 0;
		if (fd >= 0)
			close(fd);
		return number;
	case POSIX_MQ:
		fd = (int)open_mq(state, O_RDONLY);
		if (fd < 0 || mq_receive((mqd_t)fd, (char *)&number, BYTES, NULL) != BYTES)
			number = 0;
		if (fd >= 0)
			mq_close((mqd_t)fd);
		return number;
	case SYSV_MSG: return msgrcv(msgget(state->key, 0), &typed, BYTES, 0, IPC_NOWAIT) == BYTES ? typed.number : 0;
	}
	return 0;
}

/* One end, and a look.  0, or the errno of what failed. */
static int leave_and_find(struct state *state, bool *found)
{
	int keeper = state->kept ? open(state->name, O_RDWR | O_NONBLOCK | O_CLOEXEC) : -1, end;

	if (state->kept && keeper < 0)
		return errno;
	end = in_child(leave_message, state);
	*found = end == 0 && find_message(state) == state->number;
	if (keeper >= 0)
		close(keeper);
	return end;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		bool found = false;
		int code = make(state), end = code ? code : leave_and_find(state, &found);

		tally[TALLY_YES(LEFT)] += found;
		remove_channel(state);
		if (end != 0) {
			sm_worker_fail(worker, end > 0 ? end : ECHILD, "no message could be left behind: %s",
				       end > 0 ? strerror(end) : "the sender was killed");
			return i;
		}
		tally[TALLY_TRIES]++;
		state->number++;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "fifo", .summary = "a pipe with a name", .arg = FIFO },
	{ .name = "fifo_kept", .summary = "the same, which somebody keeps open", .arg = FIFO | KEPT },
	{ .name = "posix_mq", .summary = "a POSIX message queue", .arg = POSIX_MQ },
	{ .name = "sysv_msg", .summary = "a System V message queue", .arg = SYSV_MSG },
	{ 0 },
};

#define SOURCE "textbooks: pipes and queues of the kernel vanish when all have closed them"
static const struct sm_claim claims[] = {
	{ .id = "K28",
	  .text = "A message in a pipe is gone when all have closed it",
	  .source = SOURCE,
	  SM_METRIC("fifo", "messages left", .max = 0),
	  .control = "K28.kept" },
	{ .id = "K28.kept",
	  .text = "While somebody keeps the pipe open, the message of a sender that has ended is in it",
	  .source = "pipe(7), fifo(7)",
	  SM_METRIC("fifo_kept", "messages left", .min = 1, .max = 1) },
	{ .id = "K28.posix",
	  .text = "A message in a POSIX queue is gone when all have closed it",
	  .source = SOURCE,
	  SM_METRIC("posix_mq", "messages left", .max = 0),
	  .control = "K28.kept",
	  .caveat = "the queue has a name, and lives until mq_unlink()" },
	{ .id = "K28.sysv",
	  .text = "A message in a System V queue is gone when no process uses it",
	  .source = SOURCE,
	  SM_METRIC("sysv_msg", "messages left", .max = 0),
	  .control = "K28.kept",
	  .caveat = "nothing counts who uses it: it lives until IPC_RMID" },
	{ 0 },
};

const struct sm_scenario sm_scenario_queue_left = {
	.name = "queue_left",
	.family = "correctness",
	.question = "What is left of a message when every process has closed its pipe or queue?",
	.summary = "A sender leaves a message and ends; somebody looks for it later.",
	.why = "A pipe's buffer belongs to those who have it open: with the last of them it is "
	       "freed, and of a named pipe only the name remains. Queues are objects of their own, "
	       "as shared memory is: their name refers to them, and keeps the messages until "
	       "somebody removes it.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per end", "ns/op" },
	.more = { { "messages left", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.fixed_ops = tries_few,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
