/* Memory that the program cannot go on without. */
#ifndef SHMETER_MEMORY_H
#define SHMETER_MEMORY_H

#include <stddef.h>
#include <stdio.h>

/* Ends the program where even a small allocation is refused: prints one sentence on standard error and exits with 5,
 * the code of a machine that cannot run it.  Buffered output is not written. */
_Noreturn void sm_no_memory(void);

/* Sets the unfinished file that sm_no_memory() removes; NULL: none.  Returns the previous one.  The text must live
 * until the caller sets another. */
const char *sm_no_memory_removes(const char *path);

/* malloc() that calls sm_no_memory() instead of returning NULL.  The caller frees.  Also for libraries that do not
 * check. */
void *sm_memory(size_t size);
/* calloc(), likewise. */
void *sm_zeroed_memory(size_t count, size_t size);

/* A text that is written like a file. */
struct sm_written {
	FILE *out;
	char *text; /* after sm_written_close(): whole, ended by '\0'.  The caller frees */
	size_t size;
};

/* open_memstream() that calls sm_no_memory(), then or when a part of the text did not find room: the C library only
 * notes that in the stream, and leaves a text that is cut off or NULL.  Returns written->out. */
FILE *sm_written_open(struct sm_written *written);
void sm_written_close(struct sm_written *written);

#endif
