/* Question: what is left of shared memory when its creator is killed?
 * Method:   a child makes an object and is killed with SIGKILL; then its parent looks for the object by its name, and
 *           removes what it finds.  An operation is one such death.
 * Not shown: who should remove what is left (shmeter clean, ipcrm).
 * Cost of the loop: fork, making the object, kill, wait. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "../subject/child.h"
#include "../subject/names.h"
#include "shmeter/scenario.h"

#define EARLY 0x100u /* in `arg`: the name is removed while the object is in use */
enum { TALLY_DEATHS, TALLY_LEFT };
#define BYTES 4096

struct state {
	enum sm_backing backing;
	bool early;
	char name[4200], key_text[16];
	key_t key;
	int ready[2];
};

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	uint64_t arg = sm_case_variant(trial->c)->arg;
	char prefix[4096];

	state->ready[0] = state->ready[1] = -1;
	state->backing = (enum sm_backing)(arg & 0xff);
	state->early = arg & EARLY;
	if (pipe(state->ready) < 0)
		return sm_fail(err, errno, "no pipe: %s", strerror(errno));
	if (state->backing == SM_SYSV)
		return key_announce('h', &state->key, state->key_text, err);
	snprintf(prefix, sizeof(prefix), "%s/",
		 state->backing == SM_FILE ? trial->file_folder : "");
	return name_announce(state->backing == SM_FILE ? 'f' : 'p', prefix, state->name,
			     sizeof(state->name), err);
}

static int make(const struct state *state)
{
	switch (state->backing) {
	case SM_SYSV: return shmget(state->key, BYTES, IPC_CREAT | IPC_EXCL | 0600);
	case SM_POSIX: return shm_open(state->name, O_RDWR | O_CREAT | O_EXCL, 0600);
	case SM_MEMFD: return memfd_create(state->name + 1, MFD_CLOEXEC);
	default: return open(state->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
}

/* Removes the object by its name; whether there was one. */
static bool remove_named(const struct state *state)
{
	switch (state->backing) {
	case SM_SYSV: {
		int id = shmget(state->key, 0, 0);

		return id >= 0 && shmctl(id, IPC_RMID, NULL) == 0;
	}
	case SM_FILE: return unlink(state->name) == 0;
	default: return shm_unlink(state->name) == 0; /* a memfd's name is for people alone */
	}
}

/* In the child: makes it, uses it, says so, and waits for its death. */
static int create(void *argument)
{
	const struct state *state = argument;
	int object = make(state);
	volatile char *memory;

	if (object < 0 || (state->backing != SM_SYSV && ftruncate(object, BYTES) < 0))
		return 1;
	memory = state->backing == SM_SYSV
			 ? shmat(object, NULL, 0)
			 : mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
	if (memory == MAP_FAILED)
		return 2;
	if (state->early && !remove_named(state))
		return 3;
	memory[0] = 1;
	if (write(state->ready[1], "", 1) != 1)
		return 4;
	for (;;)
		pause();
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count;

	/* Ours alone, so that a child that fails to make anything ends the read below. */
	for (uint64_t i = 0; i < n; i++) {
		pid_t child = child_start(create, state);
		char token;

		if (child < 0 || read(state->ready[0], &token, 1) != 1) {
			sm_worker_fail(worker, errno, "the child made nothing: %s", strerror(errno));
			return i;
		}
		kill(child, SIGKILL);
		worker->outcome->tally[TALLY_DEATHS] += child_end(child) == -1;
		worker->outcome->tally[TALLY_LEFT] += remove_named(state);
	}
	return n;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	for (unsigned i = 0; i < 2; i++)
		if (state->ready[i] >= 0)
			close(state->ready[i]);
	if (state->key_text[0] || state->name[0])
		remove_named(state);
	if (state->key_text[0])
		sm_guard_forget('h', state->key_text);
	if (state->name[0])
		sm_guard_forget(state->backing == SM_FILE ? 'f' : 'p', state->name);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_DEATHS) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu creators were killed in %lu operations",
			       sm_trial_tally(trial, TALLY_DEATHS), sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const struct sm_outcome *o = trial->outcome[0];

	value[0] = (double)o->tally[TALLY_LEFT] / (double)o->ops;
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
	{ 0 },
};

#define LEFT(id_, variant, words)                                                                  \
	{ .id = id_, .text = words " outlives its killed creator",                                 \
	  .source = "shm_overview(7), sysvipc(7): kernel persistence", .left = variant,            \
	  .value = "left behind", .value_min = 1, .value_max = 1 }
#define GONE(id_, variant, words)                                                                  \
	{ .id = id_, .text = words " is gone with its killed creator",                             \
	  .source = "shm_unlink(3), shmctl(2), memfd_create(2)", .left = variant,                  \
	  .value = "left behind" }
static const struct sm_claim claims[] = {
	LEFT("K9", "posix", "POSIX shared memory"),
	LEFT("K9.sysv", "sysv", "A System V segment"),
	LEFT("K9.file", "file", "A file"),
	GONE("K9.unlinked", "posix_unlinked", "POSIX shared memory that was unlinked early"),
	GONE("K9.removed", "sysv_removed", "A System V segment that was marked for removal"),
	GONE("K9.memfd", "memfd", "A memfd"),
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
	       "give one.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per death", "ns/op" },
	.more = { { "left behind", "1" } },
	.state_bytes = sizeof(struct state),
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
