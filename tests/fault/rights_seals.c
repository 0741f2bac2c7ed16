/* What seals refuse: each claim turns over where the system does something else. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "planted_fixture.h"

static enum { NOTHING, UNSEALED_ALL, ALL_ALLOWED, OLD_STOPPED, READ_ONLY } planted;

#define fcntl(fd, what, seal)       (planted == UNSEALED_ALL ? 0 : fcntl(fd, what, seal))
#define memfd_create(name, flags)   memfd_create(name, planted == ALL_ALLOWED ? MFD_CLOEXEC | MFD_ALLOW_SEALING : (flags))
#define pread(fd, to, bytes, at)    (planted == OLD_STOPPED ? 0 : pread(fd, to, bytes, at))
#define pwrite(fd, from, bytes, at) (planted == READ_ONLY ? -1 : pwrite(fd, from, bytes, at))
#define sm_scenario_seals           seals
#include "correctness/seals.c"

TestSuite(seals, .timeout = 60);

Test(seals, as_it_is)
{
	expect_verdicts(&seals, "K22.old");
}

Test(seals, a_seal_that_is_not_set_refuses_nothing)
{
	planted = UNSEALED_ALL;
	expect_claims(&seals, "K22 K22.write K22.busy K22.shrink K22.grow K22.future K22.seal K22.forbidden", false);
}

Test(seals, other_systems)
{
	planted = ALL_ALLOWED;
	expect_claims(&seals, "K22.forbidden", false);
	planted = OLD_STOPPED;
	expect_claims(&seals, "K22.old", true);
	planted = READ_ONLY;
	expect_claims(&seals, "K22.unsealed", false);
}
