/* Telling orphans from others: each claim turns over where the system tells something else. */
#include <signal.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#include "planted_fixture.h"
#include "subject/helper.h"

static enum { NOTHING, ALL_ATTACHED, NONE_ATTACHED, ALL_ALIVE } planted;

static int segment_status(int id, int what, struct shmid_ds *segment)
{
	int rc = shmctl(id, what, segment);

	if (rc == 0 && what == IPC_STAT && planted == ALL_ATTACHED)
		segment->shm_nattch = 1;
	if (rc == 0 && what == IPC_STAT && planted == NONE_ATTACHED)
		segment->shm_nattch = 0;
	return rc;
}

#define shmctl                   segment_status
#define kill(pid, number)        (planted == ALL_ALIVE && (number) == 0 ? 0 : kill(pid, number))
#define sm_scenario_find_orphans find_orphans
#include "correctness/find_orphans.c"

TestSuite(find_orphans, .timeout = 60);

Test(find_orphans, as_it_is)
{
	expect_verdicts(&find_orphans, "K25.nattch K25.creator");
}

Test(find_orphans, other_systems)
{
	planted = ALL_ATTACHED;
	expect_claims(&find_orphans, "K25 K25.found", false);
	expect_claims(&find_orphans, "K25.nattch", true);
	planted = NONE_ATTACHED;
	expect_claims(&find_orphans, "K25.only", false);
	planted = ALL_ALIVE;
	expect_claims(&find_orphans, "K25", false);
	expect_claims(&find_orphans, "K25.creator", true);
}
