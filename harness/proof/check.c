/* What the checks of one transport or lock share. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#include "leaks.h"
#include "shmeter/encode.h"

#define SETTLE_NS 300000000u /* what others make for a moment is gone then */

void check_tell(struct check *check, const char *name, enum sm_proof_result result, const char *format, ...)
{
	struct sm_proof_verdict verdict = { .check = name, .result = result };
	va_list list;

	va_start(list, format);
	vsnprintf(verdict.evidence, sizeof(verdict.evidence), format, list);
	va_end(list);
	sm_clean(verdict.evidence); /* names of files are a stranger's */
	check->failed |= result == SM_PROOF_FAIL;
	check->proof->tell(check->proof->context, &verdict);
}

void check_begin(struct check *check)
{
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what a plug-in leaves behind becomes a child of this process */
	check->before = leaks_list(check->proof->scratch, false);
}

/* Names what is left that no process has: another program has what it made. */
static unsigned find_left(struct check *check, char *left, size_t size)
{
	char *after = leaks_list(check->proof->scratch, false);
	unsigned count = leaks_compare(check->before, after, left, size);

	free(after);
	if (count == 0)
		return 0;
	nanosleep(&(struct timespec){ .tv_nsec = SETTLE_NS }, NULL);
	after = leaks_list(check->proof->scratch, true);
	count = leaks_compare(check->before, after, left, size);
	free(after);
	return count;
}

int check_tell_leaks(struct check *check)
{
	char left[SM_ERROR_TEXT_MAX - 80];

	if (leaks_processes(left, sizeof(left)) || find_left(check, left, sizeof(left))) {
		check_tell(check, "leaks", SM_PROOF_FAIL, "left after close(): %s", left);
		return 0;
	}
	check_tell(check, "leaks", SM_PROOF_PASS, "no named object, file or process is left after close()");
	return 1;
}

void check_tell_memory(struct check *check)
{
	const struct rig_findings *findings = &check->findings;

	if (findings->rigs == 0) {
		check_tell(check, "pointers", SM_PROOF_SKIPPED, "there was no memory to look at");
		check_tell(check, "stays_inside", SM_PROOF_SKIPPED, "there was no memory to look at");
		return;
	}
	if (findings->pointer[0])
		check_tell(check, "pointers", SM_PROOF_FAIL, "%s", findings->pointer);
	else
		check_tell(check, "pointers", SM_PROOF_PASS, "the memory never held an address of itself");
	if (findings->outside[0])
		check_tell(check, "stays_inside", SM_PROOF_FAIL, "%s", findings->outside);
	else
		check_tell(check, "stays_inside", SM_PROOF_PASS, "no byte before or behind the memory was written");
}
