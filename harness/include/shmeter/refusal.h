/* What a refused system call means, by its errno, and what to do about it: one table, so that no sentence ties a fixed cause to
 * whatever error comes. */
#ifndef SHMETER_REFUSAL_H
#define SHMETER_REFUSAL_H

/* The end of a sentence that has told the call and strerror(error): "; raise the limit on open files (ulimit -n)".  "" where
 * the cause is not known: the call and its error are then all that can be said.  Lives for ever. */
const char *sm_refusal(const char *call, int error);

#endif
