/* What namespaces hide: each claim turns over where the system does something else. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>

#include "planted_fixture.h"
#include "subject/helper.h"
#include "subject/pass.h"

static enum { NOTHING, TOGETHER, WIDE, HIDDEN, COPIES, LOST, NARROW, REFUSED } planted;

static bool apart(void)
{
	return getpid() != test_pid;
}

static void *attach(int id, void *at, int flags)
{
	return planted == COPIES && apart() ? mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
					    : shmat(id, at, flags);
}

#define unshare(kinds) (planted == TOGETHER ? 0 : planted == REFUSED ? (errno = EPERM, -1) : unshare(kinds))
#define mount(what, where, type, flags, options)                                                                       \
	(planted == TOGETHER ? 0                                                                                       \
			     : mount(what, where, type, flags, planted == WIDE && (options) ? "size=8m" : (options)))
#define shm_open(name, flags, mode)      (planted == HIDDEN && apart() ? -1 : shm_open(name, flags, mode))
#define shmat                            attach
#define receive_descriptor(line)         (planted == LOST ? -1 : receive_descriptor(line))
#define posix_fallocate(fd, from, bytes) (planted == NARROW ? ENOSPC : posix_fallocate(fd, from, bytes))
#define sm_scenario_namespaces           namespaces
#include "correctness/namespaces.c"

TestSuite(namespaces, .timeout = 60);

Test(namespaces, as_it_is)
{
	expect_verdicts(&namespaces, "K30.posix");
}

Test(namespaces, what_is_not_entered_hides_nothing)
{
	planted = TOGETHER;
	expect_claims(&namespaces, "K30 K30.own_shm", false);
	planted = WIDE;
	expect_claims(&namespaces, "K30.room", false);
}

Test(namespaces, other_systems)
{
	planted = HIDDEN;
	expect_claims(&namespaces, "K30.posix", true);
	expect_claims(&namespaces, "K30.seen K30.mount K30.user", false);
	planted = COPIES;
	expect_claims(&namespaces, "K30.together K30.before", false);
	planted = LOST;
	expect_claims(&namespaces, "K30.passed", false);
	planted = NARROW;
	expect_claims(&namespaces, "K30.memfd_room", false);
}

Test(namespaces, a_system_that_refuses_is_no_verdict)
{
	planted = REFUSED;
	expect_reason(&namespaces, "K30", SM_SKIPPED, "namespaces are refused here (Operation not permitted)");
}
