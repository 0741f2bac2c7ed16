/* What the kernel counts for several processes: each claim turns over where it counts something else. */
#include <sys/mman.h>

#include "planted_fixture.h"

static enum { NOTHING, COPIES, A_QUARTER } planted;

#define mmap(at, bytes, rights, kind, fd, o)                                                                           \
	mmap(at, bytes, rights, planted == COPIES && (kind)&MAP_SHARED ? MAP_PRIVATE | MAP_FIXED : (kind), fd, o)
#define strtoull(text, end, base) (strtoull(text, end, base) / (planted == A_QUARTER ? 4 : 1))
#define sm_scenario_resident      resident
#include "correctness/resident.c"

TestSuite(resident, .timeout = 60);

Test(resident, as_it_is)
{
	expect_verdicts(&resident, "K26");
}

Test(resident, other_systems)
{
	planted = COPIES;
	expect_claims(&resident, "K26.pss", false);
	planted = A_QUARTER;
	expect_claims(&resident, "K26", true);
	expect_claims(&resident, "K26.private", false);
}
