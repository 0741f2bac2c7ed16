/* Which shared memory is in a core dump: each claim turns over where the system does something else. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "planted_fixture.h"
#include "shmeter/text.h"
#include "subject/rights.h"

static enum { NOTHING, EMPTY_FILTER, FULL_FILTER, NO_ADVICE, NOT_SECRET, PIPE, NO_DUMP, SMALL } planted;

static const char *filter_for(const char *filter)
{
	return planted == EMPTY_FILTER ? "0x00" : planted == FULL_FILTER ? "0x7b" : filter;
}

static int read_pattern(const char *path, char *out, size_t size)
{
	if (planted != PIPE)
		return sm_read_file(path, out, size);
	snprintf(out, size, "|/usr/share/catch %%p");
	return 0;
}

static int limit_core(struct rlimit limit)
{
	if (planted == SMALL)
		limit.rlim_cur = 1u << 16;
	return setrlimit(RLIMIT_CORE, &limit);
}

#define write(fd, text, bytes)   write(fd, filter_for(text), bytes)
#define madvise(at, bytes, hint) (planted == NO_ADVICE ? 0 : madvise(at, bytes, hint))
#define memfd_secret_open()      (planted == NOT_SECRET ? memfd_create("plain", MFD_CLOEXEC) : memfd_secret_open())
#define sm_read_file             read_pattern
#define setrlimit(which, limit)  limit_core(*(limit))
#define raise(number)            (planted == NO_DUMP ? _exit(0) : (void)raise(number))
#define sm_scenario_core_dump    core_dump
#include "correctness/core_dump.c"

TestSuite(core_dump, .timeout = 60);

Test(core_dump, as_it_is)
{
	expect_verdicts(&core_dump, "");
}

Test(core_dump, an_empty_filter_leaves_all_out)
{
	planted = EMPTY_FILTER;
	expect_claims(&core_dump, "K20 K20.anonymous K20.sysv K20.unlinked K20.filter", false);
}

Test(core_dump, a_full_filter_takes_all_in)
{
	planted = FULL_FILTER;
	expect_claims(&core_dump, "K20.posix K20.file", false);
}

Test(core_dump, memory_that_is_not_hidden_is_found)
{
	planted = NO_ADVICE;
	expect_claims(&core_dump, "K20.dontdump", false);
	planted = NOT_SECRET;
	expect_claims(&core_dump, "K20.secret", false);
}

Test(core_dump, no_dump_is_no_verdict)
{
	struct sm_trial_result result;

	try_claim(&core_dump, "K20", &result);
	if (result.status == SM_SKIPPED)
		return;
	planted = PIPE;
	expect_reason(&core_dump, "K20", SM_SKIPPED, "gives core dumps to a program (/usr/share/catch");
	planted = NO_DUMP;
	expect_reason(&core_dump, "K20", SM_WORKER_DIED, "the child ended without a core dump");
	planted = SMALL;
	expect_reason(&core_dump, "K20", SM_WORKER_DIED, "the core dump is not whole");
}
