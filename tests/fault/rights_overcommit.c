/* What can be mapped: the claim of addresses turns over where they are not limited. */
#include <sys/mman.h>

#include "planted_fixture.h"

static enum { NOTHING, ALL_ADDRESSES } planted;
#ifdef MAP_32BIT
#define WINDOW MAP_32BIT
#else
#define WINDOW 0
#endif

#define mmap(at, bytes, rights, kind, fd, from)                                                                        \
	mmap(at, bytes, rights, planted == ALL_ADDRESSES ? (kind) & ~WINDOW : (kind), fd, from)
#define sm_scenario_overcommit overcommit
#include "correctness/overcommit.c"

TestSuite(overcommit, .timeout = 60);

Test(overcommit, a_window_of_addresses_is_the_limit)
{
	expect_claims(&overcommit, "K32.addresses", true);
	planted = ALL_ADDRESSES;
	expect_claims(&overcommit, "K32.addresses", false);
}
