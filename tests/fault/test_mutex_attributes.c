/* What the attributes of a mutex do, variant by variant, and what is seen where one did otherwise. */
#include "harness_fixture.h"

#include <pthread.h>

static enum { NOTHING, SHARES_ALL, MENDS } planted;

#define pthread_mutexattr_init(attributes)                                                                             \
	(planted == SHARES_ALL ? share(attributes) : pthread_mutexattr_init(attributes))

static int share(pthread_mutexattr_t *attributes)
{
	int code = (pthread_mutexattr_init)(attributes);

	return code ? code : pthread_mutexattr_setpshared(attributes, PTHREAD_PROCESS_SHARED);
}

/* Before the mutex is given back. */
static int mend(pthread_mutex_t *mutex)
{
	pthread_mutex_consistent(mutex);
	return pthread_mutex_unlock(mutex);
}

#define pthread_mutex_unlock(mutex)  (planted == MENDS ? mend(mutex) : pthread_mutex_unlock(mutex))
#define sm_scenario_mutex_attributes mutex_attributes
#include "sync/mutex_attributes.c"

static void expect(const char *name, double never_came_back, double told)
{
	struct sm_trial_result result;

	try_variant(&mutex_attributes, name, (struct sm_trial_request){ .op_count = 1, .timeout_ns = 10000000000u },
		    &result);
	cr_expect_eq(result.status, SM_OK, "%s: %s", name, result.reason);
	cr_expect_eq(result.more[0], never_came_back, "%s: %g", name, result.more[0]);
	cr_expect_eq(result.more[1], told, "%s: %g", name, result.more[1]);
}

TestSuite(mutex_attributes, .timeout = 30);

Test(mutex_attributes, what_each_does)
{
	expect("shared", 0, 0);
	expect("private", 1, 0);
	expect("unmended", 0, 1);
	expect("robust_twice", 1, 0);
	expect("checked_twice", 0, 1);
	expect("robust_across", 1, 0);
	expect("checked_across", 1, 0);
}

Test(mutex_attributes, a_wake_up_is_seen)
{
	planted = SHARES_ALL;
	expect("private", 0, 0);
}

Test(mutex_attributes, a_mutex_that_is_mended_is_not_lost)
{
	planted = MENDS;
	expect("unmended", 0, 0);
}
