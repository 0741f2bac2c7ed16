/* Processes that pass messages through a rig, and what came of it. */
#include "trial.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "ends.h"
#include "shmeter/clock.h"
#include "shmeter/spin.h"
#include "shmeter/team.h"

#define SPIN_NS  20000u      /* as in shmeter's own scenarios about messages */
#define GRACE_NS 2000000000u /* for an end whose peer is gone */
#define NAP_NS   1000000u
#define LIMIT_NS 60000000000u /* on top of the trial's own time: the watcher ends it long before */

int trial_rig(const struct sm_plugged *plugged, struct rig_findings *findings, const struct trial *trial,
	      struct rig *rig, struct sm_error *err)
{
	*rig = (struct rig){ .plugged = plugged,
			     .findings = findings,
			     .capacity = trial->capacity,
			     .message = trial->message,
			     .flush = trial->flush,
			     .spin_turns = trial->sleeps ? 0 : sm_spin_turns(SPIN_NS) };
	return rig_make(rig, err);
}

static const char *end_name(const struct trial *trial, unsigned end)
{
	return end < ends_senders(trial) ? "sender" : "receiver";
}

/* A process that ended otherwise than by return.  `member` NULL or whole: false. */
static bool judge_death(const struct sm_member *member, const struct rig_end *end, const char *who, char *out,
			size_t size)
{
	if (end->err.code > 0)
		/* the plug-in could write there: perhaps it does not end */
		snprintf(out, size, "the %s: %.*s", who, (int)sizeof(end->err.text), end->err.text);
	else if (WIFSIGNALED(member->wait_status))
		snprintf(out, size, "the %s was killed by signal %d (%s) after %" PRIu64 " messages", who,
			 WTERMSIG(member->wait_status), strsignal(WTERMSIG(member->wait_status)),
			 atomic_load(&end->passed));
	else if (member->wait_status)
		snprintf(out, size, "the %s ended itself after %" PRIu64 " messages", who, atomic_load(&end->passed));
	else
		return false;
	return true;
}

static bool judge_early(const struct rig *rig, const struct trial *trial, char *out, size_t size)
{
	for (unsigned i = 0; i <= ends_senders(trial); i++)
		if (atomic_load(&rig->control->end[i].early)) {
			snprintf(out, size, "%s() returned false after %" PRIu64 " messages, with its peer alive",
				 i < ends_senders(trial) ? "send" : "receive",
				 atomic_load(&rig->control->end[i].passed));
			return true;
		}
	return false;
}

static bool judge_block(const struct rig *rig, const struct trial *trial, char *out, size_t size)
{
	const struct rig_control *control = rig->control;
	unsigned senders = ends_senders(trial);
	bool receives =
		!atomic_load(&control->end[senders].gave_up) && !atomic_load(&control->end[senders].returned_ns);

	if (!atomic_load(&control->stalled))
		return false;
	snprintf(out, size, "blocks for ever: %" PRIu64 " messages sent, %" PRIu64 " received, then none%s%s%s",
		 atomic_load(&control->end[0].passed), atomic_load(&control->end[senders].passed),
		 atomic_load(&control->hung) ? "; the " : "",
		 !atomic_load(&control->hung) ? ""
		 : receives                   ? "receiver"
					      : "sender",
		 atomic_load(&control->hung) ? " waits on after `over` was set" : "");
	return true;
}

/* Messages that are wrong; at the end of a blocked trial those that never came are no news. */
static bool judge_messages(const struct rig *rig, const struct trial *trial, char *out, size_t size)
{
	bool stalled = atomic_load(&rig->control->stalled);
	unsigned tallies = trial->way == TRIAL_TURNS ? 2 : ends_senders(trial);

	for (unsigned i = 0; i < tallies; i++) {
		uint64_t total = atomic_load(&rig->control->total[trial->way == TRIAL_TURNS ? 0 : i]);

		if (tally_words(&rig->control->tally[i], stalled ? UINT64_MAX : total, out, size))
			return true;
	}
	return false;
}

static unsigned more(unsigned most, const struct rig_end *end)
{
	unsigned first = atomic_load(&end->descriptors[0]), last = atomic_load(&end->descriptors[1]);

	return last > first && last - first > most ? last - first : most;
}

static void judge(const struct rig *rig, const struct trial *trial, const struct sm_team *team, struct outcome *outcome)
{
	const size_t size = sizeof(outcome->words);
	unsigned senders = ends_senders(trial);
	bool hung = atomic_load(&rig->control->hung);

	outcome->works = false;
	outcome->passed = atomic_load(&rig->control->end[senders].passed);
	outcome->held = atomic_load(&rig->control->held);
	for (unsigned i = 0; i <= senders; i++)
		outcome->descriptors = more(outcome->descriptors, &rig->control->end[i]);
	for (unsigned i = 0; i <= senders && !hung; i++)
		if (team->member[i].wait_status != W_EXITCODE(0, SIGKILL) &&
		    judge_death(&team->member[i], &rig->control->end[i], end_name(trial, i), outcome->words, size))
			return;
	if (judge_early(rig, trial, outcome->words, size) || judge_messages(rig, trial, outcome->words, size) ||
	    judge_block(rig, trial, outcome->words, size))
		return;
	for (unsigned i = 0; i <= senders; i++) /* killed by us, or for want of memory */
		if (judge_death(&team->member[i], &rig->control->end[i], end_name(trial, i), outcome->words, size))
			return;
	outcome->works = true;
	outcome->words[0] = '\0';
}

int trial_live(const struct sm_proof *proof, struct rig *rig, const struct trial *trial, struct outcome *outcome,
	       struct sm_error *err)
{
	struct work work = { .rig = rig, .trial = trial };
	struct sm_error said = { 0 };
	struct sm_team team;
	unsigned first;
	int rc;

	*outcome = (struct outcome){ .works = true };
	if (rig_open(rig, &said) < 0) {
		outcome->works = false;
		outcome->declined = said.code == ENOTSUP;
	} else {
		rc = sm_team_start(&team, ends_senders(trial) + 2, "plug-in", ends_main, &work, &rig->control->over,
				   err);
		if (rc < 0) {
			(void)!rig_close(rig, NULL); /* the first failure is told */
			return rc;
		}
		if (sm_team_wait(&team, sm_clock_ns() + trial->budget_ns + LIMIT_NS, proof->stop, &first) ==
		    SM_TEAM_INTERRUPTED)
			sm_fail(&said, EINTR, "stopped by a signal");
		judge(rig, trial, &team, outcome);
		sm_team_free(&team);
	}
	if (rig_close(rig, said.code ? NULL : &said) < 0 && outcome->works)
		outcome->works = false;
	if (said.code == EINTR || trial_is_machine(-said.code))
		return sm_fail(err, said.code, "%s", said.text);
	if (!outcome->works && !outcome->words[0])
		snprintf(outcome->words, sizeof(outcome->words), "%s", said.text);
	return 0;
}

int trial_run(const struct sm_proof *proof, const struct sm_plugged *plugged, struct rig_findings *findings,
	      const struct trial *trial, struct outcome *outcome, struct sm_error *err)
{
	struct sm_error said = { 0 };
	struct rig rig;
	int rc = trial_rig(plugged, findings, trial, &rig, &said);

	if (rc == 0)
		rc = trial_live(proof, &rig, trial, outcome, &said);
	rig_free(&rig);
	if (rc == -EINTR || trial_is_machine(rc))
		return sm_fail(err, -rc, "%s", said.text);
	if (rc < 0) { /* bytes() does not answer, or there is no memory for what it asks for */
		*outcome = (struct outcome){ .works = false };
		snprintf(outcome->words, sizeof(outcome->words), "%s", said.text);
	}
	return 0;
}

/* After both teams have ended. */
static void judge_killing(const struct rig *rig, struct killing *killing, const struct sm_member *victim,
			  const struct sm_member *other, bool hangs, struct outcome *outcome)
{
	const struct rig_end *sender = &rig->control->end[0], *receiver = &rig->control->end[1];
	const struct tally *tally = &rig->control->tally[0];
	const char *who = killing->kills_sender ? "receiver" : "sender";
	uint64_t sent = atomic_load(&sender->passed);

	outcome->works = false;
	outcome->hangs = hangs;
	outcome->passed = atomic_load(&receiver->passed);
	killing->undelivered = sent > tally->distinct ? sent - tally->distinct : 0;
	if (hangs)
		snprintf(outcome->words, sizeof(outcome->words),
			 "the %s still waits after its peer was killed and `over` was set (%" PRIu64
			 " messages sent, %" PRIu64 " received)",
			 who, sent, outcome->passed);
	else if (!(WIFSIGNALED(victim->wait_status) && WTERMSIG(victim->wait_status) == SIGALRM)) {
		if (!judge_death(victim, killing->kills_sender ? sender : receiver,
				 killing->kills_sender ? "sender" : "receiver", outcome->words, sizeof(outcome->words)))
			snprintf(outcome->words, sizeof(outcome->words), "%s() returned false before the kill",
				 killing->kills_sender ? "send" : "receive");
	} else if (!judge_death(other, killing->kills_sender ? receiver : sender, who, outcome->words,
				sizeof(outcome->words)) &&
		   !tally_words(tally, UINT64_MAX, outcome->words, sizeof(outcome->words)))
		outcome->works = true;
}

/* Waits until the end returns, or spins on, for GRACE_NS at most.  Returns the deadline for the process to end. */
static uint64_t await_return(const struct rig_end *end, pid_t pid, uint64_t since_ns, const volatile int *stop)
{
	uint64_t cpu_ns = ends_cpu_ns(end);

	while (!atomic_load(&end->returned_ns) && !(stop && *stop) && sm_clock_ns() - since_ns < GRACE_NS) {
		siginfo_t info = { 0 };

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
			break; /* it has ended */
		if (ends_cpu_ns(end) > cpu_ns + SPUN_NS)
			return sm_clock_ns();
		nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
	}
	return since_ns + GRACE_NS;
}

int trial_kill(const struct sm_proof *proof, struct rig *rig, struct killing *killing, struct outcome *outcome,
	       struct sm_error *err)
{
	static const struct trial endless = { .way = TRIAL_STREAM, .count = UINT64_MAX };
	struct work survives = { .rig = rig, .trial = &endless, .receives = killing->kills_sender };
	struct work dies = { rig, &endless, !killing->kills_sender, killing->delay_ns };
	struct sm_team other = { 0 }, victim = { 0 };
	const struct rig_end *end = &rig->control->end[killing->kills_sender ? 1 : 0];
	enum sm_team_end how;
	unsigned first;
	uint64_t died_ns;
	int rc = rig_open(rig, err);

	*outcome = (struct outcome){ .works = false };
	if (rc == 0)
		rc = sm_team_start(&other, 1, "plug-in", ends_alone, &survives, &rig->control->over, err);
	if (rc == 0) {
		rc = sm_team_start(&victim, 1, "plug-in", ends_alone, &dies, NULL, err);
		if (rc < 0)
			(void)sm_team_wait(&other, sm_clock_ns(), NULL, &first); /* its time is over: it is killed */
	}
	if (rc < 0) {
		sm_team_free(&other);
		(void)!rig_close(rig, NULL); /* the first failure is told */
		return rc;
	}
	how = sm_team_wait(&victim, sm_clock_ns() + killing->delay_ns + ATTACH_NS + GRACE_NS, proof->stop, &first);
	died_ns = sm_clock_ns();
	atomic_store(&rig->control->over, 1);
	if (how != SM_TEAM_INTERRUPTED)
		how = sm_team_wait(&other, await_return(end, other.member[0].pid, died_ns, proof->stop), proof->stop,
				   &first);
	else
		(void)sm_team_wait(&other, died_ns, NULL, &first);
	judge_killing(rig, killing, &victim.member[0], &other.member[0], how == SM_TEAM_TIMED_OUT, outcome);
	killing->returned_ns = atomic_load(&end->returned_ns) > died_ns ? atomic_load(&end->returned_ns) - died_ns : 0;
	sm_team_free(&victim);
	sm_team_free(&other);
	rc = rig_close(rig, err);
	return how == SM_TEAM_INTERRUPTED ? sm_fail(err, EINTR, "stopped by a signal") : rc;
}
