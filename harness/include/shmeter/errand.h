/* Work in a child process, for work that may kill the process doing it, such as touching memory beyond a limit or on a
 * full file system.  The parent holds the results of the run and must survive. */
#ifndef SHMETER_ERRAND_H
#define SHMETER_ERRAND_H

#include <stdatomic.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/os.h"

/* Runs in the child, which exits when it returns.  Returns 0, or a negative errno with the sentence. */
typedef int (*sm_errand_fn)(void *argument, struct sm_error *err);

struct sm_errand {
	const char *title; /* of the process */
	sm_errand_fn fn;
	void *argument;
	uint64_t timeout_ns;
	uint64_t huge_page_bytes; /* size of the explicit huge pages that it touches; 0: none */
	const volatile int *stop; /* non-zero: kill the child; may be NULL */
	/* Where not NULL: raised before the child is killed, which then has `grace_ns` to end by itself. */
	_Atomic uint32_t *abort;
	uint64_t grace_ns;
};
/* Runs the errand in a child and waits.  Returns what fn() returned; -ENOMEM, naming the limit, where the kernel killed
 * the child for lack of memory; -EINTR where `*stop` was raised; -ETIMEDOUT; -ECHILD where the child was killed
 * otherwise; or the error of creating the child. */
SM_MUST_USE int sm_errand_run(const struct sm_os *os, const struct sm_errand *errand, struct sm_error *err);

#endif
