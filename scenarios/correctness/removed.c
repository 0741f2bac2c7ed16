/* Question: what can still be done with shared memory that was removed while processes use it?
 * Method:   a user maps an object, and then the worker, which has it mapped too, removes its name.  The user writes and the
 *           worker reads.  A newcomer tries to open the object by its name and, where it has a number, by that; and a new
 *           object is made under the old name.  When all have left a System V segment, somebody attaches it once more.  One
 *           such removal is an operation.
 * Not shown: when the memory is freed (orphan).
 * Cost of the loop: starting two processes, the calls. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "../subject/helper.h"
#include "../subject/names.h"
#include "../subject/tries.h"

enum { GOES_ON, BY_NAME, BY_NUMBER, NAME_FREE, MINUS_ONE };
#define BYTES 4096u

struct state {
	enum sm_backing backing;
	char name[4200], key_text[16];
	key_t key;
	int id;                    /* number of a System V segment */
	volatile uint64_t *memory; /* MAP_FAILED, which is what shmat() returns: none */
	uint64_t number;
};

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	bool file;
	char prefix[4096];

	state->backing = (enum sm_backing)sm_case_variant(trial->c)->arg;
	file = state->backing == SM_FILE;
	state->number = trial->seed;
	if (state->backing == SM_SYSV)
		return key_announce('h', &state->key, state->key_text, err);
	snprintf(prefix, sizeof(prefix), "%s/", file ? trial->file_folder : "");
	return name_announce(file ? 'f' : 'p', prefix, state->name, sizeof(state->name), err);
}

/* Opens the object by its name, or makes it: a number or descriptor, or -1. */
static int open_named(const struct state *state, bool make)
{
	int flags = O_RDWR | (make ? O_CREAT | O_EXCL : 0);

	switch (state->backing) {
	case SM_SYSV: return shmget(state->key, make ? BYTES : 0, make ? IPC_CREAT | IPC_EXCL | 0600 : 0);
	case SM_FILE: return open(state->name, flags | O_CLOEXEC, 0600);
	default: return shm_open(state->name, flags, 0600);
	}
}

/* Maps what open_named() returned, and closes a descriptor.  False with errno: it cannot. */
static bool map(struct state *state, int object, bool make)
{
	state->memory = MAP_FAILED;
	if (object < 0)
		return false;
	if (state->backing == SM_SYSV) {
		state->id = object;
		state->memory = shmat(object, NULL, 0);
	} else {
		if (!make || ftruncate(object, BYTES) == 0)
			state->memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
		close(object);
	}
	return state->memory != MAP_FAILED;
}

static void unmap(struct state *state)
{
	if (state->memory == MAP_FAILED)
		return;
	if (state->backing == SM_SYSV)
		shmdt((const void *)state->memory);
	else
		munmap((void *)(uintptr_t)state->memory, BYTES);
	state->memory = MAP_FAILED;
}

static bool remove_named(const struct state *state)
{
	if (state->backing == SM_SYSV) {
		int id = shmget(state->key, 0, 0);

		return id >= 0 && shmctl(id, IPC_RMID, NULL) == 0;
	}
	return (state->backing == SM_FILE ? unlink(state->name) : shm_unlink(state->name)) == 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->key_text[0] || state->name[0])
		remove_named(state);
	if (state->key_text[0])
		sm_guard_forget('h', state->key_text);
	if (state->name[0])
		sm_guard_forget(state->backing == SM_FILE ? 'f' : 'p', state->name);
}

enum { MAP_IT, WRITE_IT, TRY_NAME, TRY_NUMBER };

/* In the user, and in the newcomer. */
static void use(void *argument, unsigned request, struct answer *answer)
{
	struct state *state = argument;

	switch (request) {
	case MAP_IT: answer->code = map(state, open_named(state, false), false) ? 0 : errno; break;
	case WRITE_IT: *state->memory = state->number; break;
	case TRY_NAME: answer->number[0] = open_named(state, false) >= 0; break;
	case TRY_NUMBER:
		answer->number[0] = shmat(state->id, NULL, 0) != (void *)-1;
		answer->code = answer->number[0] || errno == EINVAL || errno == EIDRM ? 0 : errno;
		break;
	}
}

/* What shmat() returns for a segment that is gone, an address in the middle of a page, and a number that is none: whether
 * it is (void *)-1 each time.  The other segment has the key that the guard removes. */
static bool fails_with_minus_one(const struct state *state)
{
	void *const minus_one = (void *)-1;
	int other = open_named(state, true);
	bool all = shmat(state->id, NULL, 0) == minus_one && shmat(-1, NULL, 0) == minus_one;

	if (other >= 0) {
		all &= shmat(other, (void *)1, 0) == minus_one;
		shmctl(other, IPC_RMID, NULL);
	}
	return all && other >= 0;
}

/* What is tried once the object has been removed.  0, or the errno of what failed. */
static int after_removal(struct state *state, const struct helper *user, bool yes[MINUS_ONE + 1])
{
	struct helper newcomer = { 0 };
	struct answer answer = helper_ask(user, WRITE_IT);
	int again;

	if (answer.code)
		return answer.code;
	yes[GOES_ON] = *state->memory == state->number;
	answer = helper_start_ask(&newcomer, use, state, TRY_NAME);
	yes[BY_NAME] = answer.number[0];
	if (answer.code == 0 && state->backing == SM_SYSV) {
		answer = helper_ask(&newcomer, TRY_NUMBER);
		yes[BY_NUMBER] = answer.number[0];
	}
	helper_end(&newcomer);
	if (answer.code)
		return answer.code;
	again = open_named(state, true);
	yes[NAME_FREE] = again >= 0;
	if (again >= 0) {
		remove_named(state);
		if (state->backing != SM_SYSV)
			close(again);
	}
	return 0;
}

/* One removal.  0, or the errno of what failed. */
static int remove_once(struct state *state, bool yes[MINUS_ONE + 1])
{
	struct helper user = { 0 };
	struct answer answer;
	int code = map(state, open_named(state, true), true) ? 0 : errno;

	if (code)
		return code;
	*state->memory = 0;
	answer = helper_start_ask(&user, use, state, MAP_IT);
	code = answer.code;
	if (code == 0 && !remove_named(state))
		code = errno;
	if (code == 0)
		code = after_removal(state, &user, yes);
	helper_end(&user);
	unmap(state);
	if (state->backing == SM_SYSV)
		yes[MINUS_ONE] = fails_with_minus_one(state);
	return code;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		bool yes[MINUS_ONE + 1] = { false };
		int code = remove_once(state, yes);

		if (code) {
			sm_worker_fail(worker, code, "an object could not be made, used or removed: %s",
				       strerror(code));
			return i;
		}
		state->number++;
		tally[TALLY_TRIES]++;
		for (unsigned which = 0; which <= MINUS_ONE; which++)
			tally[TALLY_YES(which)] += yes[which];
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "posix", .summary = "shm_unlink()", .arg = SM_POSIX },
	{ .name = "sysv", .summary = "shmctl(IPC_RMID)", .arg = SM_SYSV },
	{ .name = "file", .summary = "unlink()", .arg = SM_FILE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K24",
	  .text = "After shm_unlink() whoever has the memory mapped goes on using it",
	  .source = "shm_unlink(3)",
	  SM_METRIC("posix", "goes on", .min = 1, .max = 1) },
	{ .id = "K24.sysv",
	  .text = "After IPC_RMID whoever is attached goes on",
	  .source = "shmctl(2)",
	  SM_METRIC("sysv", "goes on", .min = 1, .max = 1) },
	{ .id = "K24.file",
	  .text = "After unlink() whoever has the file mapped goes on",
	  .source = "unlink(2)",
	  SM_METRIC("file", "goes on", .min = 1, .max = 1) },
	{ .id = "K24.name",
	  .text = "After shm_unlink() nobody opens it any more",
	  .source = "shm_unlink(3)",
	  SM_METRIC("posix", "opened by name", .max = 0),
	  .control = "K24" },
	{ .id = "K24.key",
	  .text = "After IPC_RMID no key leads to it any more",
	  .source = "shmctl(2)",
	  SM_METRIC("sysv", "opened by name", .max = 0),
	  .control = "K24.sysv" },
	{ .id = "K24.number",
	  .text = "After IPC_RMID no further process attaches it",
	  .source = "POSIX: the identifier is removed from the system",
	  SM_METRIC("sysv", "attached by number", .max = 0),
	  .control = "K24.sysv",
	  .caveat = "Linux lets processes that know the number attach it until the last one detaches" },
	{ .id = "K24.free",
	  .text = "The name of removed POSIX shared memory is free at once",
	  .source = "shm_unlink(3)",
	  SM_METRIC("posix", "name free", .min = 1, .max = 1) },
	{ .id = "K24.error",
	  .text = "Where shmat() fails it returns (void *)-1, which is not NULL",
	  .source = "shmat(2)",
	  SM_METRIC("sysv", "error is -1", .min = 1, .max = 1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_removed = {
	.name = "removed",
	.family = "correctness",
	.question = "What can still be done with shared memory that was removed while processes use it?",
	.summary = "The name is taken away, and everything tried with what it named.",
	.why = "A name only leads to the object. Taking it away stops nobody who has the object "
	       "already, and makes room for another one of the same name: then two processes may "
	       "use two objects and take them for one. A System V segment keeps its number until "
	       "the last process detaches, and on Linux that number still lets others in; ipcs "
	       "shows such a segment as \"dest\", with the key 0.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per removal", "ns/op" },
	.more = { { "goes on", "1" },
		  { "opened by name", "1" },
		  { "attached by number", "1" },
		  { "name free", "1" },
		  { "error is -1", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.fixed_ops = tries_few,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
