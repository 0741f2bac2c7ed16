/* What seals refuse: each claim turns over where the system does something else. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "planted_fixture.h"

static enum { NOTHING, UNSEALED_ALL, ALL_ALLOWED, OLD_STOPPED, READ_ONLY, NOEXEC, NOEXEC_2, OLD_KERNEL } planted;

/* As vm.memfd_noexec has it, or Linux before 6.3. */
static int make_memfd(const char *name, unsigned flags)
{
	bool executable = flags & 0x10u;

	if (planted == ALL_ALLOWED || ((planted == NOEXEC || planted == NOEXEC_2) && !executable))
		return memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (executable && (planted == NOEXEC_2 || planted == OLD_KERNEL)) {
		errno = planted == NOEXEC_2 ? EACCES : EINVAL;
		return -1;
	}
	return memfd_create(name, flags);
}

#define fcntl(fd, what, seal)       (planted == UNSEALED_ALL ? 0 : fcntl(fd, what, seal))
#define memfd_create                make_memfd
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

Test(seals, a_system_whose_memfds_are_not_executable)
{
	planted = NOEXEC;
	expect_claims(&seals, "K22 K22.forbidden", true);
	planted = OLD_KERNEL;
	expect_claims(&seals, "K22 K22.forbidden", true);
	planted = NOEXEC_2;
	expect_claims(&seals, "K22", true);
	expect_reason(&seals, "K22.forbidden", SM_SKIPPED, "with vm.memfd_noexec of 2 each takes them");
}
