/* Question: who else can open shared memory by its name?
 * Method:   an object is created with mode 0600 or 0666.  A child becomes another user and tries to open it for
 *           reading and writing.  One attempt is an operation.
 * Not shown: memfd and anonymous memory, which have no name; access control lists, security modules.
 * Cost of the loop: fork, setresuid, open, wait. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "../subject/child.h"
#include "../subject/names.h"
#include "shmeter/scenario.h"

#define OPEN_TO_ALL 0x100u /* in a variant's `arg`, with the backing */
/* The user ID that owns nothing; systemd and Debian call it "nobody". */
#define OTHER_USER 65534
enum { TALLY_TRIES, TALLY_LET_IN };
enum { LET_IN = 0, KEPT_OUT = 1 };

struct state {
	enum sm_backing backing;
	char name[4200], key_text[16];
	key_t key;
	int id; /* descriptor or identifier */
};

static int supported(const struct sm_case *c, struct sm_error *why)
{
	(void)c;
	if (geteuid() != 0)
		return sm_fail(why, EPERM, "becoming another user needs root: run as root");
	return 0;
}

static int make(struct state *state, const char *folder, mode_t mode, struct sm_error *err)
{
	char prefix[4096];
	int rc;

	if (state->backing == SM_SYSV) {
		rc = key_announce('h', &state->key, state->key_text, err);
		if (rc < 0)
			return rc;
		state->id = shmget(state->key, 4096, IPC_CREAT | IPC_EXCL | (int)mode);
	} else {
		bool file = state->backing == SM_FILE;

		snprintf(prefix, sizeof(prefix), "%s/", file ? folder : "");
		rc = name_announce(file ? 'f' : 'p', prefix, state->name, sizeof(state->name), err);
		if (rc < 0)
			return rc;
		state->id = file ? open(state->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
				 : shm_open(state->name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (state->id >= 0 && fchmod(state->id, mode) < 0) /* sets the mode whatever the umask is */
			return sm_fail(err, errno, "fchmod failed: %s", strerror(errno));
	}
	return state->id < 0 ? sm_fail(err, errno, "the object cannot be made: %s", strerror(errno)) : 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	uint64_t arg = sm_case_variant(trial->c)->arg;

	state->id = -1;
	state->backing = (enum sm_backing)(arg & 0xff);
	/* A file in /tmp, because other users may have no access to the run's folder. */
	return make(state, "/tmp", arg & OPEN_TO_ALL ? 0666 : 0600, err);
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->backing == SM_SYSV) {
		if (state->id >= 0)
			shmctl(state->id, IPC_RMID, NULL);
		if (state->key_text[0])
			sm_guard_forget('h', state->key_text);
		return;
	}
	if (state->id >= 0)
		close(state->id);
	if (!state->name[0])
		return;
	if (state->backing == SM_FILE)
		unlink(state->name);
	else
		shm_unlink(state->name);
	sm_guard_forget(state->backing == SM_FILE ? 'f' : 'p', state->name);
}

static int try_as_other(void *argument)
{
	const struct state *state = argument;
	int got;

	if (setresgid(OTHER_USER, OTHER_USER, OTHER_USER) < 0 || setresuid(OTHER_USER, OTHER_USER, OTHER_USER) < 0)
		return 3;
	if (state->backing == SM_SYSV)
		got = shmat(state->id, NULL, 0) == (void *)-1 ? -1 : 0;
	else if (state->backing == SM_FILE)
		got = open(state->name, O_RDWR | O_CLOEXEC);
	else
		got = shm_open(state->name, O_RDWR, 0);
	return got >= 0 ? LET_IN : errno == EACCES ? KEPT_OUT : 4;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count;

	for (uint64_t i = 0; i < n; i++) {
		int end = in_child(try_as_other, state);

		if (end != LET_IN && end != KEPT_OUT) {
			sm_worker_fail(worker, EPERM,
				       "the child could not try (%d): becoming another user is denied "
				       "here",
				       end);
			return i;
		}
		worker->outcome->tally[TALLY_TRIES]++;
		worker->outcome->tally[TALLY_LET_IN] += end == LET_IN;
	}
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_TRIES) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu tries in %lu operations", sm_trial_tally(trial, TALLY_TRIES),
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_LET_IN] / (double)o->ops;
}

static const struct sm_variant variants[] = {
	{ .name = "posix_0600", .summary = "shm_open(), mode 0600", .arg = SM_POSIX },
	{ .name = "posix_0666", .summary = "shm_open(), mode 0666", .arg = SM_POSIX | OPEN_TO_ALL },
	{ .name = "sysv_0600", .summary = "shmget(), mode 0600", .arg = SM_SYSV },
	{ .name = "sysv_0666", .summary = "shmget(), mode 0666", .arg = SM_SYSV | OPEN_TO_ALL },
	{ .name = "file_0600", .summary = "a file, mode 0600", .arg = SM_FILE },
	{ .name = "file_0666", .summary = "a file, mode 0666", .arg = SM_FILE | OPEN_TO_ALL },
	{ 0 },
};

#define KEPT(id_, variant, words)                                                                                      \
	{                                                                                                              \
		.id = id_, .text = "Mode 0600 keeps another user out of " words,                                       \
		.source = "shm_overview(7), shmget(2)", SM_METRIC(variant, "let in", .max = 0), .control = "K8.open",  \
		.needs = "root"                                                                                        \
	}
static const struct sm_claim claims[] = {
	KEPT("K8", "posix_0600", "POSIX shared memory"),
	KEPT("K8.sysv", "sysv_0600", "a System V segment"),
	KEPT("K8.file", "file_0600", "a file"),
	{ .id = "K8.open",
	  .text = "Mode 0666 lets every user of the machine in",
	  .source = "shm_overview(7)",
	  SM_METRIC("posix_0666", "let in", .min = 1, .max = 1),
	  .needs = "root" },
	{ 0 },
};

const struct sm_scenario sm_scenario_permission = {
	.name = "permission",
	.family = "correctness",
	.question = "Who else can open shared memory by its name?",
	.summary = "Another user tries to open an object.",
	.why = "A name is checked like a file's, owner, group and others, when it is opened "
	       "(a System V segment at every attach). Who has the descriptor or the mapping "
	       "already is not asked again.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per try", "ns/op" },
	.more = { { "let in", "1" } },
	.state_bytes = sizeof(struct state),
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
