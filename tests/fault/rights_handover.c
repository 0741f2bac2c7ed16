/* Who is at the other end: each claim turns over where the system does something else. */
#include <fcntl.h>
#include <sys/mman.h>

#include "planted_fixture.h"
#include "subject/helper.h"
#include "subject/pass.h"
#include "subject/rights.h"

static enum { NOTHING, ANOTHER_PEER, THE_SENDER, GULLIBLE, NO_SHRINKING, NO_SEALS } planted;

static int ask_peer(int line, struct ucred *peer, socklen_t *length, pid_t said)
{
	int rc = getsockopt(line, SOL_SOCKET, SO_PEERCRED, peer, length);

	if (planted == ANOTHER_PEER)
		peer->pid = 1;
	if (planted == THE_SENDER)
		peer->pid = said;
	return rc;
}

#define getsockopt(line, level, what, to, length) ask_peer(line, to, length, said)
#define sendmsg(line, message, flags)             (planted == GULLIBLE ? 1 : sendmsg(line, message, flags))
#define ftruncate(fd, bytes)                      (planted == NO_SHRINKING && (bytes) == sysconf(_SC_PAGESIZE) ? 0 : ftruncate(fd, bytes))
#define fcntl(fd, what, seal)                     (planted == NO_SEALS ? 0 : fcntl(fd, what, seal))
#define sm_scenario_handover                      handover
#include "correctness/handover.c"

TestSuite(handover, .timeout = 60);

Test(handover, as_it_is)
{
	expect_verdicts(&handover, "K29.inherited");
}

Test(handover, other_systems)
{
	planted = ANOTHER_PEER;
	expect_claims(&handover, "K29", false);
	planted = THE_SENDER;
	expect_claims(&handover, "K29.inherited", true);
	planted = GULLIBLE;
	expect_claims(&handover, "K29.forging", false);
	planted = NO_SHRINKING;
	expect_claims(&handover, "K29.unsealed", false);
	planted = NO_SEALS;
	expect_claims(&handover, "K29.sealed", false);
}
