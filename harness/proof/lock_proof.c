/* The checks of a lock, in order. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "check.h"
#include "leaks.h"
#include "lock_trial.h"
#include "shmeter/stats.h"
#include "shmeter/text.h"

#define TURNS       2000u
#define ALONE       100000u /* times that one process takes it */
#define KILLS       12u
#define KILL_FACTOR 64u     /* the latest kill at a random moment is this many times as late as the first */
#define KILL_LEAST  100000u /* ns after all have had the lock */

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Whether the plug-in lists the lock again, with the same memory, in another process. */
static int check_description(struct check *check)
{
	const struct sm_plugged *plugged = check->plugged, *list, *again = NULL;
	struct sm_error err = { 0 };
	int count = sm_plugin_describe(check->proof->os, plugged->file, check->proof->stop, &list, &err);

	if (count == -EINTR || trial_is_machine(count))
		return sm_fail(check->err, -count, "%s", err.text);
	for (int i = 0; i < count; i++)
		if (list[i].kind == SM_PLUGGED_LOCK && list[i].index == plugged->index)
			again = &list[i];
	if (count < 0)
		check_tell(check, "description", SM_PROOF_FAIL, "%s", err.text);
	else if (!again || again->lock_bytes != plugged->lock_bytes || again->owner_bytes != plugged->owner_bytes)
		check_tell(check, "description", SM_PROOF_FAIL,
			   "it lists another lock, or one of other size, than when it was described before");
	else
		check_tell(check, "description", SM_PROOF_PASS, "%s; %zu bytes, and %zu for each owner",
			   plugged->summary, plugged->lock_bytes, plugged->owner_bytes);
	return again && !check->failed;
}

/* A life of a lock in new memory.  Returns 1 where it works, 0, which is told, or a negative errno. */
static int run(struct check *check, const char *name, const struct lock_trial *trial, bool flush,
	       struct lock_outcome *outcome)
{
	struct sm_error said = { 0 };
	struct lock_rig rig;
	int rc = lock_rig_make(&rig, check->plugged, &check->findings, flush, &said);

	*outcome = (struct lock_outcome){ .works = false };
	if (rc == 0)
		rc = lock_trial_live(check->proof, &rig, trial, outcome, &said);
	lock_rig_free(&rig);
	if (rc == -EINTR || trial_is_machine(rc))
		return sm_fail(check->err, -rc, "%s", said.text);
	if (rc < 0 || !outcome->works)
		check_tell(check, name, SM_PROOF_FAIL, "%s", rc < 0 ? said.text : outcome->words);
	return rc == 0 && outcome->works;
}

static int check_two_processes(struct check *check)
{
	const struct lock_trial trial = { 2, .count = least(check->proof->messages, TURNS), .budget_ns = SHORT_NS };
	struct lock_outcome outcome;
	int rc = run(check, "two_processes", &trial, false, &outcome);

	if (rc == 1)
		check_tell(check, "two_processes", SM_PROOF_PASS,
			   "taken %" PRIu64 " times, each process with the memory at another address", outcome.taken);
	return rc;
}

static int check_given_back(struct check *check)
{
	const struct lock_trial trial = { 2, true, least(check->proof->messages, ALONE), SHORT_NS };
	struct lock_outcome outcome;
	int rc = run(check, "given_back", &trial, true, &outcome);

	if (rc == 1)
		check_tell(check, "given_back", SM_PROOF_PASS,
			   "one process took it %" PRIu64 " times alone, and after its end another did",
			   outcome.taken / 2);
	return rc;
}

static int check_exclusion(struct check *check)
{
	const struct lock_trial trial = { LOCK_TAKERS, false, check->proof->messages, check->proof->budget_ns };
	struct lock_outcome outcome;
	int rc = run(check, "exclusion", &trial, true, &outcome);

	if (rc == 1)
		check_tell(check, "exclusion", SM_PROOF_PASS,
			   "%u processes took it %" PRIu64 " times: never two at once, and no addition is lost",
			   LOCK_TAKERS, outcome.taken);
	return rc;
}

/* Makes the rig of a check that has several lives.  Returns 1, 0, which is told, or a negative errno.  Free it in any
 * case. */
static int make_rig(struct check *check, const char *name, struct lock_rig *rig)
{
	struct sm_error said = { 0 };
	int rc = lock_rig_make(rig, check->plugged, &check->findings, false, &said);

	if (rc == -EINTR || trial_is_machine(rc))
		return sm_fail(check->err, -rc, "%s", said.text);
	if (rc < 0)
		check_tell(check, name, SM_PROOF_FAIL, "%s", said.text);
	return rc == 0;
}

/* Kills one of three `kills` times: with the lock, without it, and at a random moment in turn.  Sets `*longest` to the time
 * until the lock came again.  Returns 1, 0 after a failure, which is told, or a negative errno. */
static int kill_all(struct check *check, const char *name, struct lock_rig *rig, unsigned kills, uint64_t *longest)
{
	static const enum lock_death deaths[] = { LOCK_DEATH_INSIDE, LOCK_DEATH_OUTSIDE, LOCK_DEATH_ANYWHERE };
	struct sm_random random;
	int rc = 1;

	sm_random_seed(&random, check->proof->seed);
	*longest = 0;
	for (unsigned i = 0; i < kills && rc == 1; i++) {
		uint64_t delay_ns = KILL_LEAST * (1 + sm_random_below(&random, KILL_FACTOR));
		struct lock_outcome outcome;
		int killed = lock_trial_kill(check->proof, rig, deaths[i % 3], delay_ns, &outcome, check->err);

		rc = killed < 0 ? killed : outcome.works;
		if (rc == 0)
			check_tell(check, name, SM_PROOF_FAIL, "kill %u: %s", i + 1, outcome.words);
		if (rc == 1 && outcome.returned_ns > *longest)
			*longest = outcome.returned_ns;
	}
	return rc;
}

static int check_killed_owner(struct check *check)
{
	const char *name = "killed_owner";
	char time[SM_TEXT_MAX];
	struct lock_rig rig;
	uint64_t longest;
	int rc;

	if (!(check->plugged->traits & SM_PLUGGED_RECOVERS)) {
		check_tell(check, name, SM_PROOF_SKIPPED, "it has no recover()");
		return 1;
	}
	rc = make_rig(check, name, &rig);
	if (rc == 1)
		rc = kill_all(check, name, &rig, KILLS, &longest);
	lock_rig_free(&rig);
	if (rc == 1)
		check_tell(check, name, SM_PROOF_PASS,
			   "%u kills, a third with the lock: after recover() it came within %s, and to one at a time",
			   KILLS, sm_format_ns(time, (double)longest));
	return rc;
}

/* `lives` lives of a rig.  Returns as kill_all(). */
static int live_again(struct check *check, struct lock_rig *rig, unsigned lives)
{
	const struct lock_trial trial = { 2, .count = 100, .budget_ns = SHORT_NS };
	struct lock_outcome outcome;
	int rc = 1;

	for (unsigned i = 0; rc == 1 && i < lives; i++) {
		int lived = lock_trial_live(check->proof, rig, &trial, &outcome, check->err);

		rc = lived < 0 ? lived : outcome.works;
		if (rc == 0)
			check_tell(check, "second_life", SM_PROOF_FAIL, "on the same memory after close(): %s",
				   outcome.words);
	}
	return rc;
}

static int check_second_life(struct check *check)
{
	bool recovers = (check->plugged->traits & SM_PLUGGED_RECOVERS) != 0;
	struct lock_rig rig;
	uint64_t longest;
	int rc = make_rig(check, "second_life", &rig);

	if (rc == 1)
		rc = live_again(check, &rig, 3);
	if (rc == 1 && recovers)
		rc = kill_all(check, "second_life", &rig, 3, &longest);
	if (rc == 1 && recovers)
		rc = live_again(check, &rig, 1);
	lock_rig_free(&rig);
	if (rc == 1)
		check_tell(check, "second_life", SM_PROOF_PASS, "the memory served again 2 times after close()%s",
			   recovers ? ", and 3 times after a killed process" : "");
	return rc;
}

int sm_prove_lock(const struct sm_proof *proof, const struct sm_plugged *plugged, struct sm_error *err)
{
	static int (*const checks[])(struct check *) = { check_given_back, check_exclusion, check_killed_owner,
							 check_second_life };
	struct check check = { .proof = proof, .plugged = plugged, .err = err };
	int rc;

	check_begin(&check);
	rc = check_description(&check);
	if (rc == 1)
		rc = check_two_processes(&check);
	for (size_t i = 0; rc == 1 && i < sizeof(checks) / sizeof(checks[0]); i++) {
		rc = checks[i](&check);
		rc = rc < 0 ? rc : 1;
	}
	if (rc >= 0) {
		check_tell_leaks(&check);
		check_tell_memory(&check);
	}
	free(check.before);
	return rc < 0 ? rc : !check.failed;
}
