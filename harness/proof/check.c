/* What the checks of one transport share. */
#include "check.h"

#include <stdarg.h>
#include <stdio.h>

#include "shmeter/encode.h"

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
