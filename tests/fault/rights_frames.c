/* What smaps tells of frames: each claim turns over where the system tells something else. */
#include <unistd.h>

#include "planted_fixture.h"
#include "subject/helper.h"

static enum { NOTHING, ALONE, ONE_FRAME } planted;

#define child_start(does, argument) (planted == ALONE ? 1 : child_start(does, argument))
#define pread(fd, to, bytes, at)                                                                                       \
	(planted == ONE_FRAME ? (memset(to, 1, bytes), (ssize_t)(bytes)) : pread(fd, to, bytes, at))
#define sm_scenario_smaps_frames smaps_frames
#include "correctness/smaps_frames.c"

TestSuite(smaps_frames, .timeout = 60);

Test(smaps_frames, as_it_is)
{
	expect_verdicts(&smaps_frames, "K27");
}

Test(smaps_frames, other_systems)
{
	planted = ALONE;
	expect_claims(&smaps_frames, "K27", true);
	planted = ONE_FRAME;
	expect_claims(&smaps_frames, "K27.pagemap", false);
}
