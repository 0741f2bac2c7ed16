/* Groups, and what a child inherits of a segment: each claim turns over where the system does something else. */
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "planted_fixture.h"

static enum { NOTHING, NO_GROUP, FOR_ALL } planted;

#define fchown(fd, user, group)  (planted == NO_GROUP ? 0 : fchown(fd, user, group))
#define shmctl(id, what, to)     (planted == NO_GROUP && (what) == IPC_SET ? 0 : shmctl(id, what, to))
#define fchmod(fd, mode)         fchmod(fd, planted == FOR_ALL ? 0666 : (mode))
#define shmget(key, bytes, mode) shmget(key, bytes, planted == FOR_ALL ? (mode) | 0666 : (mode))
#define sm_scenario_permission   permission
#include "correctness/permission.c"

TestSuite(permission, .timeout = 60);

Test(permission, as_it_is)
{
	expect_verdicts(&permission, "");
}

Test(permission, other_systems)
{
	planted = NO_GROUP;
	expect_claims(&permission, "K8.group K8.group_sysv", false);
	planted = FOR_ALL;
	expect_claims(&permission, "K8 K8.sysv K8.file K8.stranger K8.stranger_sysv", false);
}
