/* Preloaded: the allocation of number SHMETER_FAIL_ALLOCATION gets no memory, all others do; their count goes to the
 * file SHMETER_COUNT_ALLOCATIONS.  A child goes on counting where its parent was when it was forked. */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* glibc's own names of what is replaced here */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static _Atomic uint64_t made;
static uint64_t failing;
static pid_t first;

__attribute__((constructor)) static void begin(void)
{
	const char *number = getenv("SHMETER_FAIL_ALLOCATION");

	failing = number ? strtoull(number, NULL, 10) : 0;
	first = getpid();
	made = 0;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("SHMETER_COUNT_ALLOCATIONS");
	FILE *out = path && getpid() == first ? fopen(path, "we") : NULL;

	if (!out)
		return;
	fprintf(out, "%llu\n", (unsigned long long)made);
	fclose(out);
}

static bool refused(void)
{
	if (++made != failing)
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return refused() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return refused() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return refused() ? NULL : __libc_realloc(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, total);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return refused() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *made_here = refused() ? NULL : __libc_memalign(alignment, size);

	if (!made_here)
		return ENOMEM;
	*out = made_here;
	return 0;
}
