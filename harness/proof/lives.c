/* What is left where a process is killed, and whether the memory serves again. */
#include "lives.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/mman.h>

#include "shmeter/stats.h"
#include "shmeter/text.h"
#include "steps.h"

#define KILLS       12u     /* of each end */
#define KILL_LEAST  100000u /* ns after both have attached: with the first messages */
#define STEPS       128u    /* of false_sharing, at most */
#define KILL_FACTOR 64u     /* the latest is this many times as late */

/* A kill that stopped the other end of a transport that says SHMETER_FRAGILE: no failure. */
static bool is_expected(const struct check *check, const struct outcome *outcome)
{
	return outcome->hangs && (check->plugged->traits & SHMETER_FRAGILE);
}

/* Kills one end at random moments.  `lives`: after each, runs another life on the same memory.  Returns 1, 0 after a
 * failure, which is told, or a negative errno. */
static int kill_all(struct check *check, const char *name, bool kills_sender, bool lives, struct rig *rig,
		    struct killing *worst)
{
	struct sm_random random;
	struct outcome outcome;
	unsigned kills = lives ? 2 : KILLS;

	sm_random_seed(&random, check->proof->seed + kills_sender);
	*worst = (struct killing){ .kills_sender = kills_sender };
	for (unsigned i = 0; i < kills; i++) {
		const struct trial again = { TRIAL_TURNS, check->small, MESSAGE, .count = 100, .budget_ns = SHORT_NS };
		struct killing killing = { .kills_sender = kills_sender,
					   .delay_ns = KILL_LEAST * (1 + sm_random_below(&random, KILL_FACTOR)) };
		struct sm_error err = { 0 };
		int rc = trial_kill(check->proof, rig, &killing, &outcome, &err);

		if (rc == 0 && !lives && is_expected(check, &outcome)) {
			check_tell(check, name, SM_PROOF_NOTE,
				   "it says SHMETER_FRAGILE; after kill %u the %s waited for ever", i + 1,
				   kills_sender ? "receiver" : "sender");
			return 0;
		}
		if (rc == 0 && lives && (outcome.works || is_expected(check, &outcome)))
			rc = trial_live(check->proof, rig, &again, &outcome, &err);
		if (rc == -EINTR || trial_is_machine(rc))
			return sm_fail(check->err, -rc, "%s", err.text);
		if (rc < 0 || !outcome.works) {
			check_tell(check, name, SM_PROOF_FAIL, "%s killed %.1f ms after it began: %s",
				   kills_sender ? "sender" : "receiver", (double)killing.delay_ns / 1e6,
				   rc < 0 ? err.text : outcome.words);
			return 0;
		}
		if (killing.returned_ns > worst->returned_ns)
			worst->returned_ns = killing.returned_ns;
		worst->undelivered += killing.undelivered;
	}
	return 1;
}

/* Makes the rig of a check that has several lives.  Returns 1; 0 where it cannot be made, which is told; or a negative
 * errno.  Free it in any case. */
static int make_rig(struct check *check, const char *name, const struct trial *trial, struct rig *rig)
{
	struct sm_error err = { 0 };
	int rc = trial_rig(check->plugged, &check->findings, trial, rig, &err);

	if (rc == -EINTR || trial_is_machine(rc))
		return sm_fail(check->err, -rc, "%s", err.text);
	if (rc < 0)
		check_tell(check, name, SM_PROOF_FAIL, "%s", err.text);
	return rc == 0;
}

int check_killed(struct check *check, bool kills_sender)
{
	const char *name = kills_sender ? "killed_sender" : "killed_receiver";
	const struct trial trial = { TRIAL_STREAM, check->small, MESSAGE, .budget_ns = 0 };
	struct killing worst = { 0 };
	char time[SM_TEXT_MAX];
	struct rig rig;
	int rc = make_rig(check, name, &trial, &rig);

	if (rc == 1)
		rc = kill_all(check, name, kills_sender, false, &rig, &worst);
	rig_free(&rig);
	if (rc == 1 && kills_sender)
		check_tell(check, name, SM_PROOF_PASS,
			   "%u kills: the receiver returned within %s; no message was wrong, %" PRIu64
			   " sent were not received",
			   KILLS, sm_format_ns(time, (double)worst.returned_ns), worst.undelivered);
	else if (rc == 1)
		check_tell(check, name, SM_PROOF_PASS, "%u kills: the sender returned within %s", KILLS,
			   sm_format_ns(time, (double)worst.returned_ns));
	return rc;
}

int check_second_life(struct check *check)
{
	const struct trial trial = { TRIAL_TURNS, check->small, MESSAGE, .count = 100, .budget_ns = SHORT_NS };
	struct killing worst = { 0 };
	struct outcome outcome = { 0 };
	struct rig rig;
	int rc = make_rig(check, "second_life", &trial, &rig);

	for (unsigned i = 0; rc == 1 && i < 3; i++) {
		int lived = trial_live(check->proof, &rig, &trial, &outcome, check->err);

		rc = lived < 0 ? lived : outcome.works;
		if (rc == 0)
			check_tell(check, "second_life", SM_PROOF_FAIL, "on the same memory after close(): %s",
				   outcome.words);
	}
	if (rc == 1)
		rc = kill_all(check, "second_life", true, true, &rig, &worst);
	if (rc == 1)
		rc = kill_all(check, "second_life", false, true, &rig, &worst);
	rig_free(&rig);
	if (rc == 1)
		check_tell(check, "second_life", SM_PROOF_PASS,
			   "the memory served again 2 times after close() and 4 times after a killed process");
	return rc;
}

/* A note: what it costs is for `run` to tell. */
int check_false_sharing(struct check *check)
{
	static const char name[] = "false_sharing";
	const size_t slots = check->small / MESSAGE;
	const struct trial trial = { TRIAL_STEPS, check->small, MESSAGE, .count = slots < STEPS ? 2 * slots : STEPS,
				     .budget_ns = SHORT_NS };
	struct outcome outcome = { 0 };
	char lines[SM_ERROR_TEXT_MAX - 120];
	unsigned shared;
	struct rig rig;
	int rc = make_rig(check, name, &trial, &rig);

	if (rc == 1 && rig.bytes == 0) {
		check_tell(check, name, SM_PROOF_SKIPPED, "there was no memory to look at");
		rc = 0;
	}
	if (rc == 1) {
		rig.changed = mmap(NULL, rig.bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		rc = rig.changed == MAP_FAILED ? sm_fail(check->err, ENOMEM, "no memory to note what changes") : 1;
	}
	if (rc == 1) {
		rc = trial_live(check->proof, &rig, &trial, &outcome, check->err);
		rc = rc < 0 ? rc : 1;
		if (rc == 1 && atomic_load(&rig.control->stuck))
			check_tell(check, name, SM_PROOF_SKIPPED,
				   "a send() without a receive(), or one after the other, does not return");
		else if (rc == 1 && !outcome.works)
			check_tell(check, name, SM_PROOF_SKIPPED, "one call at a time: %s", outcome.words);
		else if (rc == 1 && (shared = steps_shared(rig.changed, rig.bytes, lines, sizeof(lines))) > 0)
			check_tell(check, name, SM_PROOF_NOTE,
				   "both ends change %u cache line%s, at different bytes: %s", shared,
				   shared == 1 ? "" : "s", lines);
		else if (rc == 1)
			check_tell(check, name, SM_PROOF_NOTE,
				   "no cache line that both ends change at different bytes");
		munmap(rig.changed, rig.bytes);
	}
	rig_free(&rig);
	return rc;
}
