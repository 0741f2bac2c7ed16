/* Who reads a process' memory: each claim turns over where the system does something else. */
#include <sys/mman.h>

#define HELPER_PATIENCE 5
#include "planted_fixture.h"
#include "shmeter/text.h"
#include "subject/helper.h"
#include "subject/rights.h"

static enum { NOTHING, SHY, OPEN, NOT_SECRET, YAMA, REFUSING, HANGING } planted;

/* The victim of a worker, not the one with which the parent looks whether the way exists. */
static unsigned long dumpable(unsigned long as_it_is)
{
	while (planted == HANGING)
		pause();
	return planted == REFUSING || (planted == SHY && getppid() != test_pid) ? 0 : planted == OPEN ? 1 : as_it_is;
}

static int read_scope(const char *path, char *out, size_t size)
{
	if (planted != YAMA)
		return sm_read_file(path, out, size);
	snprintf(out, size, "1");
	return 0;
}

#define prctl(option, value) prctl(option, (option) == PR_SET_DUMPABLE ? dumpable((unsigned long)(value)) : 0ul)
#define memfd_secret_open()  (planted == NOT_SECRET ? memfd_create("plain", MFD_CLOEXEC) : memfd_secret_open())
#define sm_read_file         read_scope
#define sm_scenario_peek     peek_planted
#include "correctness/peek.c"

TestSuite(peek, .timeout = 60);

Test(peek, as_it_is)
{
	expect_verdicts(&peek_planted, "");
}

Test(peek, a_victim_that_refuses_is_not_read)
{
	planted = SHY;
	expect_claims(&peek_planted, "K21 K21.process_vm K21.ptrace K21.fd", false);
}

Test(peek, a_victim_that_does_not_is_read)
{
	planted = OPEN;
	expect_claims(&peek_planted, "K21.undumpable", false);
	planted = NOT_SECRET;
	expect_claims(&peek_planted, "K21.secret", false);
}

Test(peek, a_system_that_refuses_all_is_no_verdict)
{
	planted = YAMA;
	expect_reason(&peek_planted, "K21", SM_SKIPPED, "kernel.yama.ptrace_scope is 1");
	planted = REFUSING;
	expect_reason(&peek_planted, "K21.fd", SM_SKIPPED, "refused here even for ordinary memory");
	planted = HANGING;
	expect_reason(&peek_planted, "K21.fd", SM_SKIPPED, "the victim gives no answer");
}
