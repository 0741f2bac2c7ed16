/* Question: how can System V segments that nobody needs any more be told from those in use?
 * Method:   there are four segments: one that its living creator has attached, one that its living creator has detached for
 *           the moment, one that another process uses after its creator died, and an orphan, whose creator died and which
 *           nobody has attached.  A rule reads what shmctl(IPC_STAT) tells of each, and removes those that it takes for
 *           orphans.  One such search is an operation.
 * Not shown: data that is kept for a process still to come, which no rule can know; creators in another PID namespace, whose
 *           number reads as 0; process numbers that are used again; POSIX objects, whose users are only in /proc/PID/maps.
 * Cost of the loop: starting three processes, making and removing four segments. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "../subject/helper.h"
#include "../subject/names.h"
#include "../subject/tries.h"

enum { FOUND, WRONGLY };
enum rule { NATTCH, CREATOR, BOTH };
enum { ATTACHED, DETACHED, ADOPTED, ORPHAN, SEGMENTS };

struct state {
	enum rule rule;
	key_t key[SEGMENTS];
	char key_text[SEGMENTS][16];
};

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	int rc = 0;

	state->rule = (enum rule)sm_case_variant(trial->c)->arg;
	for (unsigned i = 0; i < SEGMENTS && rc == 0; i++)
		rc = key_announce('h', &state->key[i], state->key_text[i], err);
	return rc;
}

static bool remove_segment(key_t key)
{
	int id = shmget(key, 0, 0);

	return id >= 0 && shmctl(id, IPC_RMID, NULL) == 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	for (unsigned i = 0; i < SEGMENTS; i++) {
		if (!state->key_text[i][0])
			continue;
		remove_segment(state->key[i]);
		sm_guard_forget('h', state->key_text[i]);
	}
}

/* In a helper: makes the segment of the request and attaches it, or attaches one that is there. */
#define ADOPT SEGMENTS
static void hold(void *argument, unsigned request, struct answer *answer)
{
	const struct state *state = argument;
	unsigned which = request == ADOPT ? ADOPTED : request;
	int id = shmget(state->key[which], 4096, request == ADOPT ? 0 : IPC_CREAT | IPC_EXCL | 0600);
	void *memory = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

	if (memory == (void *)-1 || (request == DETACHED && shmdt(memory) < 0))
		answer->code = errno;
}

static bool is_gone(pid_t pid)
{
	return kill(pid, 0) < 0 && errno == ESRCH;
}

static bool takes_for_orphan(enum rule rule, const struct shmid_ds *segment)
{
	switch (rule) {
	case NATTCH: return segment->shm_nattch == 0;
	case CREATOR: return is_gone(segment->shm_cpid);
	case BOTH: return segment->shm_nattch == 0 && is_gone(segment->shm_cpid);
	}
	return false;
}

/* Makes the four.  0, or the errno of what failed. */
static int make_all(struct state *state, struct helper *alive, struct helper *user)
{
	struct helper dying = { 0 };
	struct answer answer = helper_start_ask(alive, hold, state, ATTACHED);

	if (answer.code == 0)
		answer = helper_ask(alive, DETACHED);
	if (answer.code == 0)
		answer = helper_start_ask(&dying, hold, state, ADOPTED);
	if (answer.code == 0)
		answer = helper_ask(&dying, ORPHAN);
	if (answer.code == 0)
		answer = helper_start_ask(user, hold, state, ADOPT);
	helper_end(&dying);
	return answer.code;
}

/* Looks at the four and removes what the rule takes for orphans.  0, or an errno. */
static int search(const struct state *state, uint64_t *tally)
{
	for (unsigned i = 0; i < SEGMENTS; i++) {
		struct shmid_ds segment;
		int id = shmget(state->key[i], 0, 0);

		if (id < 0 || shmctl(id, IPC_STAT, &segment) < 0)
			return errno;
		if (!takes_for_orphan(state->rule, &segment))
			continue;
		if (i == ORPHAN)
			tally[TALLY_YES(FOUND)] += remove_segment(state->key[i]) && shmctl(id, IPC_STAT, &segment) < 0;
		else
			tally[TALLY_YES(WRONGLY)]++;
	}
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		struct helper alive = { 0 }, user = { 0 };
		int code = make_all(state, &alive, &user);

		if (code == 0)
			code = search(state, tally);
		helper_end(&alive);
		helper_end(&user);
		for (unsigned which = 0; which < SEGMENTS; which++)
			remove_segment(state->key[which]);
		if (code) {
			sm_worker_fail(worker, code,
				       "the segments could not be made: %s; compare ipcs -lm with ipcs -um",
				       strerror(code));
			return i;
		}
		tally[TALLY_TRIES]++;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "both", .summary = "nobody has it attached, and its creator is gone", .arg = BOTH },
	{ .name = "nattch", .summary = "nobody has it attached (ipcs: nattch 0)", .arg = NATTCH },
	{ .name = "creator", .summary = "its creator is gone (ipcs -p: cpid)", .arg = CREATOR },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K25",
	  .text = "Orphans are found by nattch 0 and a creator that is gone",
	  .source = "shmctl(2), ipcs(1)",
	  SM_METRIC("both", "orphan found", .min = 1, .max = 1) },
	{ .id = "K25.only",
	  .text = "And nothing else is taken for one",
	  .source = "shmctl(2), ipcs(1)",
	  SM_METRIC("both", "others taken for one", .max = 0),
	  .control = "K25" },
	{ .id = "K25.nattch",
	  .text = "A segment that no process has attached is an orphan",
	  .source = "textbooks: orphans have no attached process and are found by that",
	  SM_METRIC("nattch", "others taken for one", .max = 0),
	  .control = "K25.found",
	  .caveat = "a process may detach, and attach again later" },
	{ .id = "K25.found",
	  .text = "Every orphan has no attached process",
	  .source = "textbooks: orphans have no attached process and are found by that",
	  SM_METRIC("nattch", "orphan found", .min = 1, .max = 1) },
	{ .id = "K25.creator",
	  .text = "A segment whose creator is gone is an orphan",
	  .source = "ipcs(1), -p",
	  SM_METRIC("creator", "others taken for one", .max = 0),
	  .control = "K25",
	  .caveat = "others may use it after its creator's end" },
	{ 0 },
};

const struct sm_scenario sm_scenario_find_orphans = {
	.name = "find_orphans",
	.family = "correctness",
	.question = "How can System V segments that nobody needs any more be told from those in use?",
	.summary = "A rule picks the orphan out of four segments.",
	.why = "The kernel keeps with each segment how many have attached it and which process "
	       "made it. Neither alone tells: a living process may be detached for the moment, and "
	       "others may use a segment whose creator is gone. Together they leave out both. Only "
	       "whoever made it knows whether somebody is still to come for the data.",
	.claims = claims,
	.variants = variants,
	.workers = 1,
	.metric = { "time per search", "ns/op" },
	.more = { { "orphan found", "1" }, { "others taken for one", "1" } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.fixed_ops = tries_few,
	.setup = setup,
	.run = run,
	.verify = tries_verify,
	.measure = tries_measure,
	.teardown = teardown,
};
