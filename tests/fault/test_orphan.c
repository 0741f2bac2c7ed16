/* The orphans' probe sees a survivor where there is one, and a creator that cannot create says why at once. */
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <unistd.h>

#include "harness_fixture.h"

static enum { NOTHING, HEIR, NO_SEGMENT, DEATH, DEAF } planted;
static int until[2]; /* a pipe: heirs live until its writing end is closed here */

/* A child of the creator's keeps what the creator had. */
static int leave_heir(void)
{
	char token;

	if (fork() != 0)
		return 0;
	close(until[1]);
	_exit(read(until[0], &token, 1) != 0);
}

/* right before the creator says that its object stands */
#define write(fd, from, bytes)            (planted == HEIR ? leave_heir() : 0, write(fd, from, bytes))
#define shmget(key, size, flags)          (planted == NO_SEGMENT ? (errno = ENOSPC, -1) : shmget(key, size, flags))
#define shm_open(name, flags, mode)       (planted == DEATH ? kill(getpid(), SIGKILL) : shm_open(name, flags, mode))
#define inotify_add_watch(fd, path, mask) inotify_add_watch(fd, path, planted == DEAF ? IN_MOVE_SELF : (mask))
#define sm_scenario_orphan                orphan
#include "correctness/orphan.c"

static void try_orphan(const char *name, struct sm_trial_result *result)
{
	struct sm_trial_context context;
	struct sm_case c = { .scenario = &orphan, .workers = 1, .placement = SM_PLACE_NEAR };
	struct sm_trial_request request = {
		.c = &c,
		.op_count = 2,
		.slices = 1,
		.timeout_ns = 20000000000u,
	};
	struct sm_error err = { 0 };
	struct left before;

	while (strcmp(variants[c.variant].name, name) != 0)
		c.variant++;
	context_open(&context);
	before = look();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cr_assert_eq(pipe(until), 0);
	cr_assert_eq(sm_trial_run(&context, &request, result, &err), 0, "%s", err.text);
	close(until[0]);
	close(until[1]);
	while (waitpid(-1, NULL, 0) > 0) /* the heirs */
		;
	sm_trial_result_free(result);
	assert_nothing_left(&before);
}

static void expect_left(double left)
{
	for (const struct sm_claim *claim = claims; claim->id; claim++) {
		struct sm_trial_result result;

		if (claim->metric.max != 0) /* it claims that something is left */
			continue;
		try_orphan(claim->left, &result);
		cr_expect_eq(result.status, SM_OK, "%s: %s", claim->left, result.reason);
		cr_expect_eq(result.more[0], left, "%s: %g", claim->left, result.more[0]);
	}
}

TestSuite(orphan, .timeout = 60);

Test(orphan, what_has_no_name_ends_with_its_creator)
{
	expect_left(0);
}

Test(orphan, an_heir_refutes_every_claim_of_an_end)
{
	planted = HEIR;
	expect_left(1);
}

Test(orphan, a_system_that_does_not_tell_is_no_proof)
{
	struct sm_trial_result result;

	planted = DEAF;
	try_orphan("memfd", &result);
	cr_expect_eq(result.status, SM_SKIPPED, "%s", result.reason);
	cr_expect(strstr(result.reason, "does not tell"), "%s", result.reason);
}

static void expect_reason(const char *variant, const char *words)
{
	struct sm_trial_result result;

	try_orphan(variant, &result);
	cr_expect_eq(result.status, SM_WORKER_DIED, "%d", result.status);
	cr_expect(strstr(result.reason, words), "\"%s\" is not in \"%s\"", words, result.reason);
	cr_expect_lt(result.wall_ns, 5000000000u, "only after %lu ns", result.wall_ns);
}

Test(orphan, a_creator_that_makes_nothing_says_why)
{
	planted = NO_SEGMENT;
	expect_reason("sysv", "could not make its object: No space left on device");
}

Test(orphan, a_creator_that_is_killed_is_missed)
{
	planted = DEATH;
	expect_reason("posix", "killed before it made anything");
}
