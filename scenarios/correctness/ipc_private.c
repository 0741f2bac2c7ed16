/* Question: who can reach a System V segment that was made with IPC_PRIVATE?
 * Method:   a creator makes a segment with IPC_PRIVATE, or with a key, and tells nobody its number.  A stranger, which is
 *           neither its parent nor its child and has no capabilities, knows the creator's process number, and the key where
 *           there is one.  It attaches what the key leads to; where that lets it not in, and where there is no key, it looks
 *           for the segment in /proc/sysvipc/shm and attaches it by its number.  One such attempt is an operation.  A segment
 *           without a key is marked for removal as soon as its creator is attached, so that nothing is left behind; Linux
 *           lets others in until the last one detaches (removed).  One with a key is removed after the attempt: the mark
 *           would take its key away.
 * Not shown: guessing a key; a key that somebody else has taken before.
 * Cost of the loop: starting two processes, reading the list of segments. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "../subject/helper.h"
#include "../subject/names.h"
#include "../subject/rights.h"
#include "../subject/tries.h"

enum { ATTACHED, SAFER };
/* In `arg`. */
#define PRIVATE     1u
#define KEYED       2u
#define OTHER       4u /* the stranger is another user */
#define OPEN_TO_ALL 8u /* mode 0666 */
#define LIST        "/proc/sysvipc/shm"

struct state {
	uint64_t arg;
	key_t key;
	char key_text[16];
	bool keyed; /* which of the two this attempt is about */
	pid_t creator;
	uint64_t number;
};

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if ((sm_case_variant(c)->arg & OTHER) && geteuid() != 0)
		return sm_fail(why, EPERM, "becoming another user needs root: run as root");
	return access(LIST, R_OK) < 0
		       ? sm_fail(why, errno,
				 "the list of System V segments (" LIST ") cannot be read (%s): mount /proc "
				 "without restrictions",
				 strerror(errno))
		       : 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;

	state->arg = sm_case_variant(trial->c)->arg;
	state->number = trial->seed;
	return state->arg & KEYED ? key_announce('h', &state->key, state->key_text, err) : 0;
}

static void remove_keyed(const struct state *state)
{
	int id = shmget(state->key, 0, 0);

	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (!state->key_text[0])
		return;
	remove_keyed(state);
	sm_guard_forget('h', state->key_text);
}

/* In the creator. */
static void create(void *argument, unsigned request, struct answer *answer)
{
	const struct state *state = argument;
	int mode = state->arg & OPEN_TO_ALL ? 0666 : 0600;
	int id = shmget(state->keyed ? state->key : IPC_PRIVATE, 4096, IPC_CREAT | IPC_EXCL | mode);
	volatile uint64_t *memory = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

	int code = errno;

	(void)request;
	if (id >= 0 && !state->keyed)
		shmctl(id, IPC_RMID, NULL);
	if (memory == (void *)-1)
		answer->code = code;
	else
		*memory = state->number;
}

/* The number of the segment that `creator` made; -1: the list has none.  proc(5) has the columns. */
static int find(pid_t creator)
{
	FILE *list = fopen(LIST, "re");
	char line[512];
	int found = -1;

	while (list && found < 0 && fgets(line, sizeof(line), list)) {
		int id, made_by;

		if (sscanf(line, "%*d %d %*o %*u %d", &id, &made_by) == 2 && made_by == (int)creator)
			found = id;
	}
	if (list)
		fclose(list);
	return found;
}

enum { LET_IN, KEPT_OUT, NOT_FOUND, NO_SUCH_KEY, ANOTHER, CANNOT_TRY };

static int attach(const struct state *state, int id)
{
	const volatile uint64_t *memory = shmat(id, NULL, 0);

	if (memory == (void *)-1)
		return errno == EACCES ? KEPT_OUT : CANNOT_TRY;
	return *memory == state->number ? LET_IN : ANOTHER;
}

/* In the stranger. */
static int intrude(void *argument)
{
	const struct state *state = argument;
	int id, end;

	if ((state->arg & OTHER ? become_other(OTHER_USER) : drop_capabilities()) != 0)
		return CANNOT_TRY;
	if (state->keyed) {
		id = shmget(state->key, 0, 0);
		end = id < 0 ? NO_SUCH_KEY : attach(state, id);
		if (end != KEPT_OUT)
			return end;
	}
	id = find(state->creator);
	return id < 0 ? NOT_FOUND : attach(state, id);
}

/* Whether the stranger gets in; false with the worker failed where nobody could try. */
static bool attempt(struct sm_worker *worker, bool keyed, bool *let_in)
{
	struct state *state = worker->state;
	struct helper creator = { 0 };
	struct answer answer;
	int end = CANNOT_TRY;

	state->keyed = keyed;
	answer = helper_start_ask(&creator, create, state, 0);
	if (answer.code == 0) {
		state->creator = creator.pid;
		end = in_child(intrude, state);
	}
	helper_end(&creator);
	if (keyed)
		remove_keyed(state);
	*let_in = end == LET_IN;
	if (end == LET_IN || end == KEPT_OUT)
		return true;
	sm_worker_fail(worker, answer.code ? answer.code : EIO, "%s%s",
		       answer.code          ? "the creator has no segment: "
		       : end == NOT_FOUND   ? "the segment is not in " LIST
		       : end == NO_SUCH_KEY ? "the segment's key leads to nothing"
					    : "the stranger could not try",
		       answer.code ? strerror(answer.code) : "");
	return false;
}

static uint64_t run(struct sm_worker *worker)
{
	const struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		bool keyed = false, private = false;

		if ((state->arg & KEYED && !attempt(worker, true, &keyed)) ||
		    (state->arg & PRIVATE && !attempt(worker, false, &private)))
			return i;
		tally[TALLY_TRIES]++;
		tally[TALLY_YES(ATTACHED)] += state->arg & PRIVATE ? private : keyed;
		tally[TALLY_YES(SAFER)] += keyed && !private && state->arg & PRIVATE;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "private", .summary = "IPC_PRIVATE, mode 0600, a stranger of the same user", .arg = PRIVATE },
	{ .name = "compared",
	  .summary = "IPC_PRIVATE and a key, mode 0600, a stranger of the same user",
	  .arg = PRIVATE | KEYED },
	{ .name = "other_user",
	  .summary = "both, mode 0600, a stranger of another user",
	  .arg = PRIVATE | KEYED | OTHER },
	{ .name = "open",
	  .summary = "IPC_PRIVATE, mode 0666, a stranger of another user",
	  .arg = PRIVATE | OTHER | OPEN_TO_ALL },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K23",
	  .text = "A segment made with IPC_PRIVATE cannot be reached by a process that was not given it",
	  .source = "textbooks: a private segment is not accessible to others",
	  SM_METRIC("private", "attached", .max = 0),
	  .control = "K23.open",
	  .caveat = "its number is in " LIST " and in ipcs, for everybody; \"private\" only means that it has no key" },
	{ .id = "K23.safer",
	  .text = "Of two segments of mode 0600 a stranger of the same user reaches the one with a key, which it knows, and not the "
		  "one made with IPC_PRIVATE",
	  .source = "textbooks: IPC_PRIVATE is safer than a key",
	  SM_METRIC("compared", "private one is safer", .min = 1, .max = 1),
	  .caveat = "what a key lacks is another thing: somebody may have taken it before" },
	{ .id = "K23.other",
	  .text = "Mode 0600 keeps other users out of a segment made with IPC_PRIVATE",
	  .source = "shmget(2)",
	  SM_METRIC("other_user", "attached", .max = 0),
	  .control = "K23.open",
	  .needs = "root" },
	{ .id = "K23.open",
	  .text = "With mode 0666 every user of the machine reaches it",
	  .source = "shmget(2)",
	  SM_METRIC("open", "attached", .min = 1, .max = 1),
	  .needs = "root" },
	{ 0 },
};

const struct sm_scenario sm_scenario_ipc_private = {
	.name = "ipc_private",
	.family = "correctness",
	.question = "Who can reach a System V segment that was made with IPC_PRIVATE?",
	.summary = "A stranger looks for a segment that nobody told it of.",
	.why = "A segment is attached by its number, whoever calls, and the kernel lists the "
	       "numbers of all. IPC_PRIVATE asks for a segment that no key leads to. Who gets in "
	       "is decided by the mode alone, as with a file, at each attach.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per attempt", "ns/op" },
	.more = { { "attached", "1" }, { "private one is safer", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.fixed_ops = tries_few,
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
