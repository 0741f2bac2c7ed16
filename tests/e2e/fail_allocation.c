/* A preloaded library: allocation number SHMETER_FAIL_ALLOCATION gets no memory, all others do.  The file
 * SHMETER_COUNT_ALLOCATIONS gets their number, and the file SHMETER_REFUSED the name of the library or program that
 * got no memory.  A child continues the count of its parent at the fork. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* glibc's own names of the functions that this file replaces */
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

/* Makes no allocation itself. */
static void name_caller(const void *caller)
{
	const char *path = getenv("SHMETER_REFUSED");
	int fd = path ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
	Dl_info info;

	if (fd < 0)
		return;
	if (dladdr(caller, &info) != 0)
		(void)!write(fd, info.dli_fname, strlen(info.dli_fname));
	close(fd);
}

static bool refused(const void *caller)
{
	if (++made != failing)
		return false;
	name_caller(caller);
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return refused(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return refused(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	return refused(__builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
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
	return refused(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
	void *made_here = refused(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);

	if (!made_here)
		return ENOMEM;
	*out = made_here;
	return 0;
}
