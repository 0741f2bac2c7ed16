/* Errors with a sentence for people.
 *
 * A fallible function returns 0 or a negative errno and takes a `struct sm_error *` as its last
 * argument.  The sentence is written where the error is found: what happened, where, and what to
 * do about it.  Only the program in bench/ prints it. */
#ifndef SHMETER_ERROR_H
#define SHMETER_ERROR_H

#include <stddef.h>

#define SM_ERROR_TEXT_MAX 512

#define SM_MUST_USE __attribute__((warn_unused_result))

struct sm_error {
	int code;                     /* positive errno; 0: no error */
	char text[SM_ERROR_TEXT_MAX]; /* one sentence, no newline at the end */
};

/* Fills `err` (which may be NULL) with `code` (a positive errno) and a printf-formatted sentence, cut at
 * SM_ERROR_TEXT_MAX and encoded for a terminal (encode.h).  Returns -code, so that a caller can `return
 * sm_fail(...)`. */
int sm_fail(struct sm_error *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
