/* Memory without which nothing sensible is left to do. */
#ifndef SHMETER_MEMORY_H
#define SHMETER_MEMORY_H

#include <stddef.h>

/* The end of the program where a few bytes are refused and nothing sensible is left to do: one sentence on standard
 * error, and the exit code of a machine that cannot run it (5).  Nothing that is buffered is written. */
_Noreturn void sm_no_memory(void);

/* Names the file that sm_no_memory() removes, because nobody would finish it; NULL: none.  Returns the one before.  The
 * caller keeps the text until it names another. */
const char *sm_no_memory_removes(const char *path);

/* malloc() that never returns NULL: sm_no_memory() instead.  The caller frees.  For libraries that do not look. */
void *sm_memory(size_t size);
/* calloc(), likewise. */
void *sm_zeroed_memory(size_t count, size_t size);

#endif
