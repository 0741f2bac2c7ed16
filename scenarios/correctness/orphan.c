/* Question: what is left of shared memory when its creator is killed?
 * Method:   a child creates an object and is killed with SIGKILL; then its parent looks for the object.  It looks
 *           for a named object by its name, and removes it.  It finds a System V segment without a name by its
 *           identifier.  For other unnamed objects an inotify watch on the inode reports when the last descriptor
 *           and the last mapping are gone.  One such death is an operation.  Some creators have a handler for SIGTERM
 *           that removes the name; they are sent SIGTERM or SIGKILL.
 * Not shown: who should remove what is left (shmeter clean, ipcrm); when the kernel frees the pages.
 * Cost of the loop: fork, creating the object, kill, wait. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <time.h>

#include "../subject/child.h"
#include "../subject/names.h"
#include "shmeter/scenario.h"

#define EARLY  0x100u /* in `arg`: the name is removed while the object is in use */
#define CLEANS 0x200u /* in `arg`: the creator has a handler for SIGTERM that removes the name */
#define POLITE 0x400u /* in `arg`: the creator is sent SIGTERM instead of SIGKILL */
enum { TALLY_DEATHS, TALLY_LEFT, TALLY_SEEN };
#define BYTES 4096
/* An object normally ends with its process, before wait() returns.  If another process (ps, lsof) reads the dying
 * process's memory at that moment, the end is delayed by a few milliseconds. */
#define PATIENCE_MS 200

struct state {
	enum sm_backing backing;
	bool early, nameless, cleans;
	int kill_by; /* signal */
	char name[4200], key_text[16];
	key_t key;
	int ends; /* inotify descriptor that reports the end of unnamed objects */
};

/* The one message that a child sends about itself. */
enum step { STANDS, MAKE, MAP, REMOVE, WATCH };
struct word {
	enum step step; /* the step that failed */
	int code;       /* errno of the failure */
	int mark;       /* the object's mark, for is_there() */
};

static int make(const struct state *state)
{
	switch (state->backing) {
	case SM_SYSV: return shmget(state->key, BYTES, IPC_CREAT | IPC_EXCL | 0600);
	case SM_POSIX: return shm_open(state->name, O_RDWR | O_CREAT | O_EXCL, 0600);
	case SM_MEMFD: return memfd_create(state->name + 1, MFD_CLOEXEC);
	default: return open(state->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
}

/* Removes the object by its name; returns whether there was one. */
static bool remove_named(const struct state *state)
{
	switch (state->backing) {
	case SM_SYSV: {
		int id = shmget(state->key, 0, 0);

		return id >= 0 && shmctl(id, IPC_RMID, NULL) == 0;
	}
	case SM_FILE: return unlink(state->name) == 0;
	default: return shm_unlink(state->name) == 0; /* the name of a memfd only helps debugging */
	}
}

/* Watches the inode behind a descriptor without keeping it in use; returns -1 if no watch is possible. */
static int watch(const struct state *state, int object)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", object);
	return inotify_add_watch(state->ends, path, IN_DELETE_SELF);
}

/* Whether the watch reports the end of the object within `ms`. */
static bool watched_ends(const struct state *state, int mark, int ms)
{
	struct pollfd fd = { .fd = state->ends, .events = POLLIN };
	alignas(struct inotify_event) char told[1024];

	while (poll(&fd, 1, ms) == 1) {
		ssize_t bytes = read(state->ends, told, sizeof(told));
		const struct inotify_event *event = (const void *)told;

		if (bytes <= 0)
			break;
		/* these events have no names: each has the size of the struct */
		for (; (const char *)(event + 1) <= told + bytes; event++)
			if (event->wd == mark && (event->mask & IN_DELETE_SELF))
				return true;
	}
	return false;
}

/* Whether an unnamed object still exists after `ms`. */
static bool is_there(const struct state *state, int mark, int ms)
{
	struct timespec nap = { .tv_nsec = 1000000 };
	struct shmid_ds segment;

	if (state->backing != SM_SYSV)
		return !watched_ends(state, mark, ms);
	while (shmctl(mark, IPC_STAT, &segment) == 0) {
		if (ms-- == 0)
			return true;
		nanosleep(&nap, NULL);
	}
	return false;
}

/* Creates an object with two descriptors and closes them.  The watch must report the end after the second close, and
 * not before.  A system without such reports (an emulated one, for example) cannot answer the question. */
static int try_watch(struct state *state, struct sm_error *err)
{
	int object = make(state), second = object < 0 ? -1 : dup(object), mark = -1, rc = 0;
	bool early;

	if (second < 0 || (state->ends = inotify_init1(IN_CLOEXEC)) < 0 || (mark = watch(state, object)) < 0)
		rc = sm_fail(err, errno,
			     "no object without a name can be watched: %s; see df /dev/shm, ulimit -n "
			     "and fs.inotify.max_user_instances",
			     strerror(errno));
	if (object >= 0) {
		remove_named(state);
		close(object);
	}
	early = rc == 0 && !is_there(state, mark, 0);
	if (second >= 0)
		close(second);
	if (rc == 0 && (early || is_there(state, mark, PATIENCE_MS)))
		rc = sm_fail(err, ENOTSUP,
			     "this system does not tell when an object without a name ends (inotify, "
			     "IN_DELETE_SELF), so what is left of it cannot be seen; ask on a Linux kernel");
	return rc;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	uint64_t arg = sm_case_variant(trial->c)->arg;
	char prefix[4096];
	int rc;

	state->ends = -1;
	state->backing = (enum sm_backing)(arg & 0xff);
	state->early = arg & EARLY;
	state->cleans = arg & CLEANS;
	state->kill_by = arg & POLITE ? SIGTERM : SIGKILL;
	state->nameless = state->early || state->backing == SM_MEMFD;
	if (state->backing == SM_SYSV)
		return key_announce('h', &state->key, state->key_text, err);
	snprintf(prefix, sizeof(prefix), "%s/", state->backing == SM_FILE ? trial->file_folder : "");
	rc = name_announce(state->backing == SM_FILE ? 'f' : 'p', prefix, state->name, sizeof(state->name), err);
	return rc == 0 && state->nameless ? try_watch(state, err) : rc;
}

/* In the child: creates the object and uses it. */
static struct word create(const struct state *state)
{
	int object = make(state);
	volatile char *memory;

	if (object < 0 || (state->backing != SM_SYSV && ftruncate(object, BYTES) < 0))
		return (struct word){ .step = MAKE, .code = errno };
	memory = state->backing == SM_SYSV ? shmat(object, NULL, 0)
					   : mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
	if (memory == MAP_FAILED)
		return (struct word){ .step = MAP, .code = errno };
	if (state->early && !remove_named(state))
		return (struct word){ .step = REMOVE, .code = errno };
	memory[0] = 1;
	if (state->nameless && state->backing != SM_SYSV && (object = watch(state, object)) < 0)
		return (struct word){ .step = WATCH, .code = errno };
	return (struct word){ .mark = object };
}

struct creator {
	const struct state *state;
	int say[2]; /* pipe for the child's message */
};

static const struct state *to_clean; /* in the child */

/* Removes the name and ends by the same signal.  The child only waits when the signal comes, so that any call is safe. */
static void clean_up(int number)
{
	remove_named(to_clean);
	signal(number, SIG_DFL);
	raise(number);
}

/* The child: reports its result and waits to be killed. */
static int live(void *argument)
{
	const struct creator *creator = argument;
	struct word word = create(creator->state);

	to_clean = creator->state;
	if (word.step == STANDS && creator->state->cleans && signal(SIGTERM, clean_up) == SIG_ERR)
		return 1;
	if (write(creator->say[1], &word, sizeof(word)) != sizeof(word) || word.step != STANDS)
		return 1;
	for (;;)
		pause();
}

static const char *where_to_look(enum sm_backing backing)
{
	switch (backing) {
	case SM_SYSV: return "compare ipcs -lm with ipcs -um";
	case SM_POSIX: return "see df /dev/shm and how it is mounted";
	case SM_FILE: return "choose another --file-folder";
	default: return "see ulimit -n and sysctl vm.memfd_noexec";
	}
}

static bool refuse(struct sm_worker *worker, const struct word *word)
{
	static const char *const steps[] = {
		[STANDS] = "be started",      [MAKE] = "make its object",
		[MAP] = "map its object",     [REMOVE] = "remove its object's name",
		[WATCH] = "watch its object",
	};
	const struct state *state = worker->state;

	sm_worker_fail(worker, word->code, "the creator could not %s: %s; %s", steps[word->step], strerror(word->code),
		       where_to_look(state->backing));
	return false;
}

/* Starts a creator and reads its message.  Each creator has its own pipe, so that the read also ends if the creator
 * dies without a message. */
static bool hear(struct sm_worker *worker, pid_t *child, struct word *word)
{
	struct creator creator = { .state = worker->state };
	ssize_t heard;

	*word = (struct word){ 0 };
	if (pipe(creator.say) < 0 || (*child = child_start(live, &creator)) < 0) {
		word->code = errno; /* if a pipe is open, the worker's exit closes it */
		return refuse(worker, word);
	}
	close(creator.say[1]);
	heard = read(creator.say[0], word, sizeof(*word));
	close(creator.say[0]);
	if (heard == (ssize_t)sizeof(*word) && word->step == STANDS)
		return true;
	child_end(*child);
	if (heard == (ssize_t)sizeof(*word))
		return refuse(worker, word);
	sm_worker_fail(worker, ECHILD, "the creator was killed before it made anything; see dmesg for by whom");
	return false;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		struct word word;
		pid_t child = -1;

		if (!hear(worker, &child, &word))
			return i;
		/* a probe that cannot see the object alive could not see its end either */
		tally[TALLY_SEEN] += !state->nameless || is_there(state, word.mark, 0);
		kill(child, state->kill_by);
		tally[TALLY_DEATHS] += child_end(child) == -1;
		tally[TALLY_LEFT] += state->nameless ? is_there(state, word.mark, PATIENCE_MS) : remove_named(state);
	}
	return n;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->ends >= 0)
		close(state->ends);
	if (state->key_text[0] || state->name[0])
		remove_named(state);
	if (state->key_text[0])
		sm_guard_forget('h', state->key_text);
	if (state->name[0])
		sm_guard_forget(state->backing == SM_FILE ? 'f' : 'p', state->name);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t deaths = sm_trial_tally(trial, TALLY_DEATHS), seen = sm_trial_tally(trial, TALLY_SEEN);

	if (deaths != sm_trial_ops(trial) || seen != deaths)
		return sm_fail(err, EILSEQ, "%lu creators were killed, and %lu objects seen before, in %lu operations",
			       deaths, seen, sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_LEFT] / (double)o->ops;
	value[1] = sm_case_variant(trial->c)->arg & CLEANS ? 1 - value[0] : (double)NAN;
}

static const struct sm_variant variants[] = {
	{ .name = "posix", .summary = "POSIX shared memory with its name", .arg = SM_POSIX },
	{ .name = "sysv", .summary = "a System V segment", .arg = SM_SYSV },
	{ .name = "file", .summary = "a file", .arg = SM_FILE },
	{ .name = "posix_unlinked",
	  .summary = "POSIX shared memory, unlinked once it is mapped",
	  .arg = SM_POSIX | EARLY },
	{ .name = "sysv_removed",
	  .summary = "a System V segment, IPC_RMID once it is attached",
	  .arg = SM_SYSV | EARLY },
	{ .name = "memfd", .summary = "a memfd", .arg = SM_MEMFD },
	{ .name = "handler_term",
	  .summary = "POSIX shared memory whose creator removes the name in a handler, sent SIGTERM",
	  .arg = SM_POSIX | CLEANS | POLITE },
	{ .name = "handler_kill", .summary = "the same, sent SIGKILL", .arg = SM_POSIX | CLEANS },
	{ 0 },
};

#define LEFT(id_, variant, words)                                                                                      \
	{                                                                                                              \
		.id = id_, .text = words " outlives its killed creator",                                               \
		.source = "shm_overview(7), sysvipc(7): kernel persistence",                                           \
		SM_METRIC(variant, "left behind", .min = 1, .max = 1)                                                  \
	}
#define GONE(id_, variant, words)                                                                                      \
	{                                                                                                              \
		.id = id_, .text = words " is gone with its killed creator",                                           \
		.source = "shm_unlink(3), shmctl(2), memfd_create(2)", SM_METRIC(variant, "left behind", .max = 0),    \
		.control = "K9"                                                                                        \
	}
static const struct sm_claim claims[] = {
	LEFT("K9", "posix", "POSIX shared memory"),
	LEFT("K9.sysv", "sysv", "A System V segment"),
	LEFT("K9.file", "file", "A file"),
	GONE("K9.unlinked", "posix_unlinked", "POSIX shared memory that was unlinked early"),
	GONE("K9.removed", "sysv_removed", "A System V segment that was marked for removal"),
	GONE("K9.memfd", "memfd", "A memfd"),
	LEFT("K9.handler", "handler_kill",
	     "A signal handler that removes the name is not enough: after SIGKILL POSIX shared memory"),
	{ .id = "K9.handler_term",
	  .text = "After SIGTERM the handler has removed it",
	  .source = "popular belief: a signal handler that cleans up is enough",
	  SM_METRIC("handler_term", "removed by the handler", .min = 1, .max = 1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_orphan = {
	.name = "orphan",
	.family = "correctness",
	.question = "What is left of shared memory when its creator is killed?",
	.summary = "A creator is killed, and its object looked for.",
	.why = "The kernel frees memory when nothing refers to it. A name refers to it: an "
	       "entry in /dev/shm, a System V identifier. Processes that die give back "
	       "descriptors and mappings, never names. So take the name away early, or never "
	       "give one. A handler that removes it helps only against "
	       "signals that can be caught; SIGKILL, which the kernel also sends when memory runs out, "
	       "cannot. What has no name any more cannot be looked up: its identifier is "
	       "asked for (System V), or the kernel tells when it ends (inotify), and each trial "
	       "first sees it alive.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per death", "ns/op" },
	.more = { { "left behind", "1" }, { "removed by the handler", "1" } },
	.state_bytes = sizeof(struct state),
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
