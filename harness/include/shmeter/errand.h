/* Work in a process of its own, for what may end whoever does it: touching memory that a limit, or a file system that is
 * full, does not give.  The parent of a run holds its results and has to live. */
#ifndef SHMETER_ERRAND_H
#define SHMETER_ERRAND_H

#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/os.h"

/* Runs in the child, which ends when it returns: 0, or a negative errno with the sentence. */
typedef int (*sm_errand_fn)(void *argument, struct sm_error *err);

struct sm_errand {
	const char *title; /* of the process */
	sm_errand_fn fn;
	void *argument;
	uint64_t timeout_ns;
	uint64_t huge_page_bytes; /* that it touches; 0: none */
	const volatile int *stop; /* non-zero: end it; may be NULL */
};
/* Runs it and waits: what fn() returned.  -ENOMEM where the child was killed for what it touched, with the limit; -EINTR
 * stopped; -ETIMEDOUT; -ECHILD it was killed otherwise; or why there is no child. */
SM_MUST_USE int sm_errand_run(const struct sm_os *os, const struct sm_errand *errand, struct sm_error *err);

#endif
