/* What a dead owner's lock may answer besides what is expected: it comes back after all, or says something else. */
#include <pthread.h>
#include <semaphore.h>

#include "harness_fixture.h"

static enum { NOTHING, COMES_BACK, SAYS_ANOTHER } planted;

static int wait_planted(sem_t *semaphore, const struct timespec *until)
{
	if (planted == SAYS_ANOTHER) {
		errno = EOVERFLOW;
		return -1;
	}
	if (planted == COMES_BACK)
		sem_post(semaphore);
	return sem_timedwait(semaphore, until);
}

#define sem_timedwait wait_planted
#define pthread_mutex_timedlock(mutex, until)                                                                          \
	(planted == SAYS_ANOTHER ? ENOTRECOVERABLE : pthread_mutex_timedlock(mutex, until))
#define sm_scenario_owner_death owner_death
#include "sync/owner_death.c"

#define REQUEST ((struct sm_trial_request){ .op_count = 3, .timeout_ns = 5000000000u })

static void expect_come_back(const char *variant, double never_came_back)
{
	struct sm_trial_result result;

	try_variant(&owner_death, variant, REQUEST, &result);
	cr_assert_eq(result.status, SM_OK, "%s: %s", variant, result.reason);
	cr_expect_eq(result.more[1], never_came_back, "%s: %g", variant, result.more[1]);
}

TestSuite(owner_death, .timeout = 60);

Test(owner_death, a_lock_that_nobody_owns_does_not_come_back)
{
	expect_come_back("normal", 1);
	expect_come_back("semaphore", 1);
}

Test(owner_death, a_semaphore_that_comes_back_is_given_back)
{
	planted = COMES_BACK;
	expect_come_back("semaphore", 0);
}

Test(owner_death, another_answer_is_a_mistake)
{
	static const char *const variant[] = { "robust", "normal", "semaphore" };
	struct sm_trial_result result;

	planted = SAYS_ANOTHER;
	for (size_t i = 0; i < sizeof(variant) / sizeof(variant[0]); i++) {
		try_variant(&owner_death, variant[i], REQUEST, &result);
		cr_expect_eq(result.status, SM_WORKER_DIED, "%s: %d", variant[i], result.status);
		cr_expect(strstr(result.reason, "neither came nor timed out"), "%s: %s", variant[i], result.reason);
	}
}

static int end_at_once(void *argument)
{
	(void)argument;
	return 7;
}

Test(child, one_that_nobody_can_wait_for_was_not_killed, .timeout = 10)
{
	cr_expect_eq(in_child(end_at_once, NULL), 7);
	signal(SIGCHLD, SIG_IGN);
	cr_expect_eq(in_child(end_at_once, NULL), -2);
}
