/* What a child inherits of a segment: each claim turns over where the system does something else. */
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include "planted_fixture.h"

static enum { NOTHING, COPIES, CLOSED, A_DESCRIPTOR } planted;

static void *map_and_close(size_t bytes, int rights, int kind, int fd)
{
	void *memory = mmap(NULL, bytes, rights, planted == COPIES ? (kind & ~MAP_SHARED) | MAP_PRIVATE : kind, fd, 0);

	if (planted == CLOSED && fd >= 0)
		close(fd);
	return memory;
}

#define shmat(id, at, flags)                                                                                           \
	(planted == COPIES ? map_and_close(4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1)              \
			   : shmat(id, at, flags))
#define mmap(at, bytes, rights, kind, fd, offset) map_and_close(bytes, rights, kind, fd)
#define fstat(fd, status)                         (planted == A_DESCRIPTOR ? (*(status) = *object, 0) : fstat(fd, status))
#define sm_scenario_fork_shares                   fork_shares
#include "correctness/fork_shares.c"

TestSuite(fork_shares, .timeout = 60);

Test(fork_shares, as_it_is)
{
	expect_verdicts(&fork_shares, "K7.descriptor");
}

Test(fork_shares, other_systems)
{
	planted = COPIES;
	expect_claims(&fork_shares, "K7 K7.sysv", false);
	planted = CLOSED;
	expect_claims(&fork_shares, "K7.memfd", false);
	planted = A_DESCRIPTOR;
	expect_claims(&fork_shares, "K7.descriptor", true);
}
