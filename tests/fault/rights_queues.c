/* What is left of a message: each claim turns over where the system does something else. */
#include <mqueue.h>
#include <sys/msg.h>

#include "planted_fixture.h"
#include "subject/child.h"

static enum { NOTHING, HEIR, FORGETFUL } planted;
static int until[2]; /* a pipe: heirs live until its writing end is closed here */

/* A child of the sender's keeps what the sender has open. */
static int leave_heir(void)
{
	char token;

	if (fork() != 0)
		return 0;
	close(until[1]);
	_exit(read(until[0], &token, 1) != 0);
}

#define write(fd, from, bytes)                                                                                         \
	(planted == HEIR ? leave_heir() : 0, planted == FORGETFUL ? (ssize_t)(bytes) : write(fd, from, bytes))
#define mq_send(queue, from, bytes, at) (planted == FORGETFUL ? 0 : mq_send(queue, from, bytes, at))
#define msgsnd(queue, from, bytes, how) (planted == FORGETFUL ? 0 : msgsnd(queue, from, bytes, how))
#define sm_scenario_queue_left          queue_left
#include "correctness/queue_left.c"

TestSuite(queue_left, .timeout = 60);

Test(queue_left, as_it_is)
{
	expect_verdicts(&queue_left, "K28.posix K28.sysv");
}

Test(queue_left, a_queue_that_forgets_keeps_nothing)
{
	planted = FORGETFUL;
	expect_claims(&queue_left, "K28.posix K28.sysv", true);
}

Test(queue_left, a_pipe_that_forgets_keeps_nothing)
{
	planted = FORGETFUL;
	expect_claims(&queue_left, "K28.kept", false);
}

Test(queue_left, an_heir_keeps_the_message_of_a_pipe)
{
	cr_assert_eq(pipe(until), 0);
	planted = HEIR;
	expect_claims(&queue_left, "K28", false);
}
