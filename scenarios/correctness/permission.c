/* Question: who else can open shared memory by its name?
 * Method:   an object is created with mode 0600, 0666, or 0660 and a group.  A child becomes another user, in that group or
 *           not, and tries to open it for reading and writing.  One attempt is an operation.
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
#include "../subject/rights.h"
#include "../subject/tries.h"

enum { WAS_LET_IN };

/* In a variant's `arg`, with the backing. */
#define OPEN_TO_ALL   0x100u
#define OPEN_TO_GROUP 0x200u /* mode 0660, of GROUP */
#define MEMBER        0x400u /* the other user is in GROUP */
/* Any number but the creator's and the other user's group will do: no name is looked up. */
#define GROUP 61234
enum { LET_IN = 0, KEPT_OUT = 1 };

struct state {
	enum sm_backing backing;
	uint64_t arg;
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

/* Gives a System V segment to the group. */
static int segment_to_group(int id)
{
	struct shmid_ds segment;

	if (shmctl(id, IPC_STAT, &segment) < 0)
		return -1;
	segment.shm_perm.gid = GROUP;
	return shmctl(id, IPC_SET, &segment);
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
		if (state->id >= 0 && state->arg & OPEN_TO_GROUP && segment_to_group(state->id) < 0)
			return sm_fail(err, errno, "shmctl(IPC_SET) failed: %s", strerror(errno));
	} else {
		bool file = state->backing == SM_FILE;

		snprintf(prefix, sizeof(prefix), "%s/", file ? folder : "");
		rc = name_announce(file ? 'f' : 'p', prefix, state->name, sizeof(state->name), err);
		if (rc < 0)
			return rc;
		state->id = file ? open(state->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
				 : shm_open(state->name, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (state->id >= 0 && state->arg & OPEN_TO_GROUP && fchown(state->id, (uid_t)-1, GROUP) < 0)
			return sm_fail(err, errno, "fchown failed: %s", strerror(errno));
		if (state->id >= 0 && fchmod(state->id, mode) < 0) /* sets the mode whatever the umask is */
			return sm_fail(err, errno, "fchmod failed: %s", strerror(errno));
	}
	return state->id < 0 ? sm_fail(err, errno, "the object cannot be made: %s", strerror(errno)) : 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	uint64_t arg = sm_case_variant(trial->c)->arg;
	mode_t mode = arg & OPEN_TO_ALL ? 0666 : arg & OPEN_TO_GROUP ? 0660 : 0600;

	state->id = -1;
	state->arg = arg;
	state->backing = (enum sm_backing)(arg & 0xff);
	/* A file in /tmp, because other users may have no access to the run's folder. */
	return make(state, "/tmp", mode, err);
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

	if (become_other(state->arg & MEMBER ? GROUP : OTHER_USER) != 0)
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
		worker->outcome->tally[TALLY_YES(WAS_LET_IN)] += end == LET_IN;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "posix_0600", .summary = "shm_open(), mode 0600", .arg = SM_POSIX },
	{ .name = "posix_0666", .summary = "shm_open(), mode 0666", .arg = SM_POSIX | OPEN_TO_ALL },
	{ .name = "sysv_0600", .summary = "shmget(), mode 0600", .arg = SM_SYSV },
	{ .name = "sysv_0666", .summary = "shmget(), mode 0666", .arg = SM_SYSV | OPEN_TO_ALL },
	{ .name = "file_0600", .summary = "a file, mode 0600", .arg = SM_FILE },
	{ .name = "file_0666", .summary = "a file, mode 0666", .arg = SM_FILE | OPEN_TO_ALL },
	{ .name = "posix_0660_member",
	  .summary = "shm_open(), mode 0660, a member of its group",
	  .arg = SM_POSIX | OPEN_TO_GROUP | MEMBER },
	{ .name = "posix_0660_stranger", .summary = "somebody else", .arg = SM_POSIX | OPEN_TO_GROUP },
	{ .name = "sysv_0660_member",
	  .summary = "shmget(), mode 0660, a member of its group",
	  .arg = SM_SYSV | OPEN_TO_GROUP | MEMBER },
	{ .name = "sysv_0660_stranger", .summary = "somebody else", .arg = SM_SYSV | OPEN_TO_GROUP },
	{ 0 },
};

#define KEPT(id_, variant, words, control_)                                                                            \
	{                                                                                                              \
		.id = id_, .text = words, .source = "shm_overview(7), shmget(2)",                                      \
		SM_METRIC(variant, "let in", .max = 0), .control = control_, .needs = "root"                           \
	}
#define LET(id_, variant, words)                                                                                       \
	{                                                                                                              \
		.id = id_, .text = words, .source = "shm_overview(7), shmget(2)",                                      \
		SM_METRIC(variant, "let in", .min = 1, .max = 1), .needs = "root"                                      \
	}
static const struct sm_claim claims[] = {
	KEPT("K8", "posix_0600", "Mode 0600 keeps another user out of POSIX shared memory", "K8.open"),
	KEPT("K8.sysv", "sysv_0600", "Mode 0600 keeps another user out of a System V segment", "K8.open"),
	KEPT("K8.file", "file_0600", "Mode 0600 keeps another user out of a file", "K8.open"),
	LET("K8.group", "posix_0660_member", "Mode 0660 lets a member of its group into POSIX shared memory"),
	LET("K8.group_sysv", "sysv_0660_member", "Mode 0660 lets a member of its group into a System V segment"),
	KEPT("K8.stranger", "posix_0660_stranger", "Mode 0660 keeps others out of POSIX shared memory", "K8.group"),
	KEPT("K8.stranger_sysv", "sysv_0660_stranger", "Mode 0660 keeps others out of a System V segment",
	     "K8.group_sysv"),
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
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
