/* Who reaches a segment without a key: each claim turns over where the system does something else. */
#include <sys/ipc.h>
#include <sys/shm.h>

#include "planted_fixture.h"
#include "subject/helper.h"
#include "subject/rights.h"

static enum { NOTHING, DENY, DENY_PRIVATE, FOR_ALL, HIDDEN } planted;
static bool strange; /* in the stranger */

#define become_other(group)      (strange = true, become_other(group))
#define drop_capabilities()      (strange = true, drop_capabilities())
#define shmget(key, bytes, mode) shmget(key, bytes, planted == FOR_ALL ? (mode) | 0666 : (mode))
#define shmat(id, at, flags)                                                                                           \
	(strange && (planted == DENY || (planted == DENY_PRIVATE && !state->keyed)) ? (errno = EACCES, (void *)-1)     \
										    : shmat(id, at, flags))
#define fopen(path, mode)       (planted == HIDDEN ? fopen("/dev/null", mode) : fopen(path, mode))
#define sm_scenario_ipc_private ipc_private
#include "correctness/ipc_private.c"

TestSuite(ipc_private, .timeout = 60);

Test(ipc_private, as_it_is)
{
	expect_verdicts(&ipc_private, "K23 K23.safer");
}

Test(ipc_private, other_systems)
{
	planted = DENY;
	expect_claims(&ipc_private, "K23", true);
	expect_claims(&ipc_private, "K23.open", false);
	planted = DENY_PRIVATE;
	expect_claims(&ipc_private, "K23.safer", true);
	planted = FOR_ALL;
	expect_claims(&ipc_private, "K23.other", false);
	planted = HIDDEN;
	expect_reason(&ipc_private, "K23", SM_WORKER_DIED, "the segment is not in /proc/sysvipc/shm");
}
