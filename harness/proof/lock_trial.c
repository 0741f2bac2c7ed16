/* Processes that take a lock, and what came of it. */
#include "lock_trial.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "lock_ends.h"
#include "shmeter/clock.h"
#include "shmeter/team.h"

#define GRACE_NS  2000000000u  /* plugin.h: recover() and lock() have it after a death */
#define ATTACH_NS 5000000000u  /* for loading the plug-in */
#define LIMIT_NS  60000000000u /* on top of the trial's own time: the watcher ends it long before */

static uint64_t sum_taken(const struct lock_control *control)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LOCK_OWNERS; i++)
		sum += atomic_load(&control->end[i].taken);
	return sum;
}

static uint64_t sum_added(const struct lock_control *control)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < LOCK_OWNERS; i++)
		sum += atomic_load(&control->end[i].added);
	return sum;
}

/* A process that ended otherwise than by return; false: it did not. */
static bool judge_death(const struct sm_member *member, const struct lock_end *end, unsigned index,
			struct lock_outcome *outcome)
{
	const size_t size = sizeof(outcome->words);

	if (end->err.code > 0)
		/* the plug-in could write there: perhaps it does not end */
		snprintf(outcome->words, size, "process %u: %.*s", index, (int)sizeof(end->err.text) - 1,
			 end->err.text);
	else if (WIFSIGNALED(member->wait_status))
		snprintf(outcome->words, size,
			 "process %u was killed by signal %d (%s) after it had the lock %" PRIu64 " times", index,
			 WTERMSIG(member->wait_status), strsignal(WTERMSIG(member->wait_status)),
			 atomic_load(&end->taken));
	else if (member->wait_status)
		snprintf(outcome->words, size, "process %u ended itself after it had the lock %" PRIu64 " times", index,
			 atomic_load(&end->taken));
	else
		return false;
	return true;
}

/* `lost`: additions that may be missing in what the processes tell, as one was killed before it told. */
static bool judge_exclusion(const struct lock_control *control, unsigned lost, struct lock_outcome *outcome)
{
	uint64_t overlaps = atomic_load(&control->overlaps), added = sum_added(control), count = control->count;

	if (overlaps)
		snprintf(outcome->words, sizeof(outcome->words),
			 "two processes had it at once: %" PRIu64 " of %" PRIu64 " times", overlaps, added);
	else if (count < added || count > added + lost)
		snprintf(outcome->words, sizeof(outcome->words),
			 "%" PRIu64 " additions under the lock, and their sum is %" PRIu64, added, count);
	else
		return false;
	return true;
}

static bool judge_stall(const struct lock_control *control, struct lock_outcome *outcome)
{
	uint32_t holder = atomic_load(&control->holder);
	char who[48] = "nobody was inside";

	if (!atomic_load(&control->stalled))
		return false;
	if (holder)
		snprintf(who, sizeof(who), "process %u was inside", holder - 1);
	snprintf(outcome->words, sizeof(outcome->words),
		 "blocks for ever: taken %" PRIu64 " times, then not for %u s; %s", sum_taken(control),
		 LOCK_STALL_NS / 1000000000u, who);
	return true;
}

static void judge(const struct lock_rig *rig, const struct lock_trial *trial, const struct sm_team *team,
		  struct lock_outcome *outcome)
{
	const struct lock_control *control = rig->control;

	outcome->works = false;
	outcome->taken = sum_taken(control);
	for (unsigned i = 0; i < trial->takers; i++)
		if (team->member[i].wait_status != W_EXITCODE(0, SIGKILL) &&
		    judge_death(&team->member[i], &control->end[i], i, outcome))
			return;
	/* who was killed may have added and not told */
	if (judge_exclusion(control, atomic_load(&control->stalled) ? trial->takers : 0, outcome) ||
	    judge_stall(control, outcome))
		return;
	for (unsigned i = 0; i < trial->takers; i++) /* killed by us, or for want of memory */
		if (judge_death(&team->member[i], &control->end[i], i, outcome))
			return;
	outcome->works = true;
}

/* The last of a life: closes it and says what failed.  `said` is what failed before; it may be empty. */
static int end_life(struct lock_rig *rig, struct lock_outcome *outcome, struct sm_error *said, struct sm_error *err)
{
	if (lock_rig_close(rig, said->code ? NULL : said) < 0)
		outcome->works = false;
	if (said->code == EINTR || said->code == EAGAIN || said->code == EMFILE || said->code == ENFILE)
		return sm_fail(err, said->code, "%s", said->text);
	if (!outcome->works && !outcome->words[0])
		snprintf(outcome->words, sizeof(outcome->words), "%s", said->text);
	return 0;
}

int lock_trial_live(const struct sm_proof *proof, struct lock_rig *rig, const struct lock_trial *trial,
		    struct lock_outcome *outcome, struct sm_error *err)
{
	struct lock_work work = { .rig = rig, .trial = trial, .seed = proof->seed };
	struct sm_error said = { 0 };
	struct sm_team team;
	unsigned first;

	*outcome = (struct lock_outcome){ .works = false };
	if (lock_rig_open(rig, &said) == 0 && sm_team_start(&team, trial->takers + 1, "plug-in", lock_ends_main, &work,
							    &rig->control->enough, &said) == 0) {
		if (sm_team_wait(&team, sm_clock_ns() + trial->budget_ns + LIMIT_NS, proof->stop, &first) ==
		    SM_TEAM_INTERRUPTED)
			sm_fail(&said, EINTR, "stopped by a signal");
		judge(rig, trial, &team, outcome);
		sm_team_free(&team);
	}
	return end_life(rig, outcome, &said, err);
}

/* The three teams of a killing. */
struct killing {
	struct sm_team others, victim, healer;
	bool others_hang, healer_hangs;
	uint64_t died_ns;
};

static void judge_killing(const struct lock_rig *rig, const struct killing *killing, struct lock_outcome *outcome)
{
	const struct lock_control *control = rig->control;
	const struct sm_member *victim = &killing->victim.member[0];
	const size_t size = sizeof(outcome->words);
	const char *held = outcome->held ? "with the lock" : "without the lock";

	outcome->taken = sum_taken(control);
	if (WIFSIGNALED(victim->wait_status) && WTERMSIG(victim->wait_status) == SIGKILL)
		snprintf(outcome->words, size, "blocks for ever: taken %" PRIu64 " times, and nobody was killed yet",
			 outcome->taken);
	else if (!(WIFSIGNALED(victim->wait_status) && WTERMSIG(victim->wait_status) == SIGALRM)) {
		if (!judge_death(victim, &control->end[LOCK_VICTIM], LOCK_VICTIM, outcome))
			snprintf(outcome->words, size, "the process that was to be killed ended itself");
	} else if (control->end[LOCK_HEALER].err.code > 0)
		judge_death(&killing->healer.member[0], &control->end[LOCK_HEALER], LOCK_HEALER, outcome);
	else if (killing->healer_hangs && !atomic_load(&control->end[LOCK_HEALER].recovered))
		snprintf(outcome->words, size, "recover() did not return within %u s after a process was killed %s",
			 GRACE_NS / 1000000000u, held);
	else if (killing->healer_hangs || killing->others_hang)
		snprintf(outcome->words, size,
			 "not released at death: lock() still waits %u s after a process was killed %s and "
			 "recover() returned",
			 GRACE_NS / 1000000000u, held);
	else if (!judge_exclusion(control, 1, outcome) &&
		 !judge_death(&killing->others.member[0], &control->end[0], 0, outcome) &&
		 !judge_death(&killing->others.member[1], &control->end[1], 1, outcome) &&
		 !judge_death(&killing->healer.member[0], &control->end[LOCK_HEALER], LOCK_HEALER, outcome))
		outcome->works = true;
}

/* Waits for a team that has `limit_ns`.  Returns whether its time was over.  After a signal nobody waits. */
static bool is_late(struct sm_team *team, uint64_t limit_ns, const volatile int *stop)
{
	unsigned first;

	return team->member &&
	       sm_team_wait(team, sm_clock_ns() + (stop && *stop ? 0 : limit_ns), stop, &first) == SM_TEAM_TIMED_OUT;
}

/* Starts the teams one after the other.  A negative errno where one cannot be started: those that run are ended. */
static int kill_one(const struct sm_proof *proof, struct lock_work *work, struct killing *killing, struct sm_error *err)
{
	struct lock_control *control = work->rig->control;
	int rc = sm_team_start(&killing->others, LOCK_VICTIM, "plug-in", lock_ends_main, work, &control->enough, err);

	if (rc == 0)
		rc = sm_team_start(&killing->victim, 1, "plug-in", lock_ends_victim, work, NULL, err);
	if (rc == 0) {
		(void)is_late(&killing->victim, work->delay_ns + ATTACH_NS + GRACE_NS, proof->stop);
		killing->died_ns = sm_clock_ns();
		rc = sm_team_start(&killing->healer, 1, "plug-in", lock_ends_healer, work, NULL, err);
	}
	if (rc == 0)
		killing->healer_hangs = is_late(&killing->healer, GRACE_NS, proof->stop);
	atomic_store(&control->enough, 1);
	killing->others_hang = is_late(&killing->others, rc == 0 ? GRACE_NS : 0, proof->stop);
	if (rc == 0 && proof->stop && *proof->stop)
		rc = sm_fail(err, EINTR, "stopped by a signal");
	return rc;
}

int lock_trial_kill(const struct sm_proof *proof, struct lock_rig *rig, enum lock_death death, uint64_t delay_ns,
		    struct lock_outcome *outcome, struct sm_error *err)
{
	static const struct lock_trial endless = { .takers = LOCK_VICTIM, .count = UINT64_MAX };
	struct lock_work work = { rig, &endless, death, delay_ns, proof->seed + delay_ns };
	struct killing killing = { 0 };
	struct sm_error said = { 0 };

	*outcome = (struct lock_outcome){ .works = false };
	if (lock_rig_open(rig, &said) == 0) {
		atomic_store(&rig->control->dies, LOCK_VICTIM + 1);
		if (kill_one(proof, &work, &killing, &said) == 0) {
			uint64_t healed = atomic_load(&rig->control->end[LOCK_HEALER].returned_ns);

			outcome->held = death == LOCK_DEATH_INSIDE;
			outcome->returned_ns = healed > killing.died_ns ? healed - killing.died_ns : 0;
			judge_killing(rig, &killing, outcome);
		}
		sm_team_free(&killing.victim);
		sm_team_free(&killing.healer);
		sm_team_free(&killing.others);
	}
	return end_life(rig, outcome, &said, err);
}
