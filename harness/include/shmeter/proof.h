/* Does a transport or a lock of a plug-in work between processes?  Checks, each with a verdict and its evidence. */
#ifndef SHMETER_PROOF_H
#define SHMETER_PROOF_H

#include <stdbool.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/plugins.h"

/* NOTE: something to know, which is no verdict. */
enum sm_proof_result { SM_PROOF_PASS, SM_PROOF_FAIL, SM_PROOF_SKIPPED, SM_PROOF_NOTE };

struct sm_proof_verdict {
	const char *check; /* its name: lower-case letters and "_" */
	enum sm_proof_result result;
	char evidence[SM_ERROR_TEXT_MAX];
};

struct sm_proof {
	const struct sm_os *os;
	const volatile int *stop; /* non-zero: end early; may be NULL */
	uint64_t messages;        /* that one trial passes, at most */
	uint64_t budget_ns;       /* time of the longest trial, at most */
	uint64_t seed;            /* of the moments at which processes are killed */
	const char *scratch;      /* an empty folder that is TMPDIR: what is left in it is a leak; NULL: none */
	void (*tell)(void *context, const struct sm_proof_verdict *verdict); /* called for each check, in order */
	void *context;
};

/* Runs all checks.  Returns 1 where none failed, 0 where one did, or a negative errno with a sentence where they could
 * not be done: -EINTR after `*stop`. */
SM_MUST_USE int sm_prove_transport(const struct sm_proof *proof, const struct sm_plugged *plugged,
				   struct sm_error *err);
/* The same for a lock; `messages` bounds how often it is taken. */
SM_MUST_USE int sm_prove_lock(const struct sm_proof *proof, const struct sm_plugged *plugged, struct sm_error *err);

#endif
