/* What is left of a removed object: each claim turns over where the system does something else. */
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "planted_fixture.h"

static enum { NOTHING, COPIES, KEPT, POSIX_RULE, NULL_ERROR } planted;

static void *attach(int id, void *at, int flags)
{
	struct shmid_ds segment;
	void *memory;

	if (planted == COPIES)
		return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (planted == POSIX_RULE && shmctl(id, IPC_STAT, &segment) == 0 && segment.shm_perm.mode & SHM_DEST) {
		errno = EIDRM;
		return (void *)-1;
	}
	memory = shmat(id, at, flags);
	return planted == NULL_ERROR && memory == (void *)-1 ? NULL : memory;
}

/* The first removal of a worker does nothing. */
static bool keeps(void)
{
	static bool kept;
	bool first = planted == KEPT && getpid() != test_pid && !kept;

	kept |= first;
	return first;
}

#define shmat                                attach
#define mmap(at, bytes, rights, kind, fd, o) mmap(at, bytes, rights, planted == COPIES ? MAP_PRIVATE : (kind), fd, o)
#define shm_unlink(name)                     (keeps() ? 0 : shm_unlink(name))
#define unlink(name)                         (keeps() ? 0 : unlink(name))
#define shmctl(id, what, to)                 (keeps() ? 0 : shmctl(id, what, to))
#define sm_scenario_removed                  removed
#include "correctness/removed.c"

TestSuite(removed, .timeout = 60);

Test(removed, as_it_is)
{
	expect_verdicts(&removed, "K24.number");
}

Test(removed, memory_that_is_not_shared_does_not_go_on)
{
	planted = COPIES;
	expect_claims(&removed, "K24 K24.sysv K24.file", false);
}

Test(removed, other_systems)
{
	planted = KEPT;
	expect_claims(&removed, "K24.name K24.key K24.free", false);
	planted = POSIX_RULE;
	expect_claims(&removed, "K24.number", true);
	planted = NULL_ERROR;
	expect_claims(&removed, "K24.error", false);
}
