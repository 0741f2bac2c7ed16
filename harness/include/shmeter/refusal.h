/* What a failed system call means for its errno, and what to do about it.  One table has all of these, so that no
 * message names a cause that does not fit the error. */
#ifndef SHMETER_REFUSAL_H
#define SHMETER_REFUSAL_H

/* The end of an error message that already names the call and strerror(error): "; raise the limit on open files (ulimit
 * -n)".  "" where the cause is not known.  Static text. */
const char *sm_refusal(const char *call, int error);

#endif
