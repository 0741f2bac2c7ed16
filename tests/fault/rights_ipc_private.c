/* Who reaches a segment without a key: each claim turns over where the system does something else. */
#include <sys/ipc.h>
#include <sys/shm.h>

#include "planted_fixture.h"
#include "subject/helper.h"
#include "subject/rights.h"

static enum { NOTHING, DENY, DENY_PRIVATE, DENY_NUMBERS, FOR_ALL, HIDDEN, KEYLESS } planted;
static bool strange; /* in the stranger */
static int by_key;   /* the stranger got this number for a key */

static int get(key_t key, size_t bytes, int mode)
{
	if (strange && planted == KEYLESS) {
		errno = ENOENT;
		return -1;
	}
	by_key = shmget(key, bytes, planted == FOR_ALL ? mode | 0666 : mode);
	return by_key;
}

static bool denied(bool keyed, int id)
{
	return strange &&
	       (planted == DENY || (planted == DENY_PRIVATE && !keyed) || (planted == DENY_NUMBERS && id != by_key));
}

#define become_other(group)      (strange = true, become_other(group))
#define drop_capabilities()      (strange = true, drop_capabilities())
#define shmget(key, bytes, mode) get(key, bytes, mode)
#define shmat(id, at, flags)     (denied(state->keyed, id) ? (errno = EACCES, (void *)-1) : shmat(id, at, flags))
#define fopen(path, mode)        (planted == HIDDEN ? fopen("/dev/null", mode) : fopen(path, mode))
#define sm_scenario_ipc_private  ipc_private
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
	planted = DENY_NUMBERS;
	expect_claims(&ipc_private, "K23.safer", true);
	planted = FOR_ALL;
	expect_claims(&ipc_private, "K23.other", false);
	planted = HIDDEN;
	expect_reason(&ipc_private, "K23", SM_WORKER_DIED, "the segment is not in /proc/sysvipc/shm");
	planted = KEYLESS;
	expect_reason(&ipc_private, "K23.safer", SM_WORKER_DIED, "the segment's key leads to nothing");
}
