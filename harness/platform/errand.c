/* Runs one piece of work in one child. */
#include "shmeter/errand.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "shmeter/clock.h"
#include "shmeter/death.h"
#include "shmeter/team.h"

struct job {
	const struct sm_errand *errand;
	struct sm_error *said; /* in memory shared with the child */
};

static int errand_main(void *argument, unsigned index)
{
	struct job *job = argument;

	(void)index;
	return job->errand->fn(job->errand->argument, job->said) < 0;
}

static int judge_end(const struct sm_os *os, const struct sm_errand *errand, const struct sm_death_watch *before,
		     int status, const struct sm_error *said, struct sm_error *err)
{
	char how[SM_ERROR_TEXT_MAX - 80];
	int code = *(const volatile int *)&said->code; /* the child could write to it again */

	if (code == EINTR && !(errand->stop && *errand->stop))
		code = ECHILD; /* only this process knows whether it was asked to stop */
	if (WIFSIGNALED(status)) {
		bool memory = sm_death_words(os, before, WTERMSIG(status), how, sizeof(how));

		return sm_fail(err, memory ? ENOMEM : ECHILD, "the process that was to do this first (%s) %s",
			       errand->title, how);
	}
	if (WEXITSTATUS(status) == SM_MEMBER_LEFT)
		return sm_fail(err, ECHILD, "the process that was to do this first (%s) ended early", errand->title);
	if (code > 0)
		return sm_fail(err, code, "%.*s", (int)sizeof(said->text), said->text);
	return sm_fail(err, ECHILD, "the process that was to do this first (%s) ended with %d", errand->title,
		       WEXITSTATUS(status));
}

int sm_errand_run(const struct sm_os *os, const struct sm_errand *errand, struct sm_error *err)
{
	struct job job = { .errand = errand };
	struct sm_death_watch before;
	struct sm_team team;
	unsigned first;
	int rc;

	job.said = mmap(NULL, sizeof(*job.said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (job.said == MAP_FAILED)
		return sm_fail(err, errno, "no memory to hear from a child: %s", strerror(errno));
	sm_death_watch(os, errand->huge_page_bytes, &before);
	rc = sm_team_start(&team, 1, errand->title, errand_main, &job, errand->abort, err);
	if (rc < 0)
		goto out_unmap;
	if (errand->abort)
		team.grace_ns = errand->grace_ns;
	switch (sm_team_wait(&team, sm_clock_ns() + errand->timeout_ns, errand->stop, &first)) {
	case SM_TEAM_DONE: break;
	case SM_TEAM_DIED: rc = judge_end(os, errand, &before, team.member[first].wait_status, job.said, err); break;
	case SM_TEAM_TIMED_OUT:
		rc = sm_fail(err, ETIMEDOUT, "the process that was to do this first (%s) did not end in time",
			     errand->title);
		break;
	case SM_TEAM_INTERRUPTED: rc = sm_fail(err, EINTR, "stopped by a signal"); break;
	}
	sm_team_free(&team);
out_unmap:
	munmap(job.said, sizeof(*job.said));
	return rc;
}
