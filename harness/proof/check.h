/* The checks of one transport or lock, and what they share. */
#ifndef SHMETER_PROOF_CHECK_H
#define SHMETER_PROOF_CHECK_H

#include "trial.h"

#define CAPACITY 65536u /* as scenarios ask for */
#define SMALL    4096u  /* the least */
#define MESSAGE  64u
#define SHORT_NS 1000000000u /* of a trial that is not the long one */

struct check {
	const struct sm_proof *proof;
	const struct sm_plugged *plugged;
	struct rig_findings findings;
	char *before; /* what had a name when the checks began: a name may be the same in each life */
	size_t small; /* the least capacity that it offers for MESSAGE: SMALL, or CAPACITY */
	bool failed;
	struct sm_error *err;
};

/* Tells a verdict. */
void check_tell(struct check *check, const char *name, enum sm_proof_result result, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Notes what has a name; free check->before. */
void check_begin(struct check *check);
/* Ends the processes that are left, and tells whether there were any, or something with a name that was not there before and
 * that no process has.  Returns whether not. */
int check_tell_leaks(struct check *check);
/* Tells what all rigs saw in the memory. */
void check_tell_memory(struct check *check);

#endif
