/* A bare loop of first writes to the pages of a mapping, timed by itself: a reference without the harness, in each
 * cache state that other tools measure.
 * usage: faults anon|file BYTES [FOLDER]     prints nanoseconds per page, each the median of 7 passes:
 *   cold         the pages are in no cache; mapping and unmapping are not timed
 *   warm         right after the same pages were written and unmapped
 *   with-unmap   the same, with mapping and unmapping, like tools that count iterations per second */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PASSES 7

enum mode { COLD, WARM, WITH_UNMAP, MODES };

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Passes over more memory than the last-level cache holds: this evicts the pages' lines and the kernel's page
 * structures. */
static void evict(void)
{
	static char *other;
	static size_t bytes = 256u << 20;

	if (!other) {
		long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);

		while (cache > 0 && bytes < 2 * (size_t)cache)
			bytes *= 2;
		other = malloc(bytes);
		if (!other)
			exit(1);
	}
	memset(other, 1, bytes);
	__asm__ volatile("" ::"r"(other) : "memory");
}

static char *map(int fd, size_t bytes)
{
	char *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);

	if (at == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	(void)madvise(at, bytes, MADV_NOHUGEPAGE);
	return at;
}

/* One pass over a fresh mapping; returns ns per page. */
static double pass(int fd, size_t bytes, enum mode mode)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	double start, end;
	volatile char *at;

	if (mode == COLD)
		evict();
	start = now_ns();
	at = map(fd, bytes);

	if (mode != WITH_UNMAP)
		start = now_ns();
	for (size_t i = 0; i < bytes; i += page)
		at[i] = 1;
	end = now_ns();
	munmap((char *)at, bytes);
	if (mode == WITH_UNMAP)
		end = now_ns();
	return (end - start) / (double)(bytes / page);
}

int main(int argc, char **argv)
{
	static const char *const name[MODES] = { "cold", "warm", "with-unmap" };
	size_t bytes = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
	double took[PASSES];
	char path[4096];
	int fd = -1;

	if (bytes == 0)
		return 2;
	if (strcmp(argv[1], "file") == 0) {
		snprintf(path, sizeof(path), "%s/faults.XXXXXX", argc > 3 ? argv[3] : "/tmp");
		fd = mkstemp(path);
		if (fd < 0 || unlink(path) < 0 || ftruncate(fd, (off_t)bytes) < 0) {
			perror(path);
			return 1;
		}
	}
	for (int mode = 0; mode < MODES; mode++) {
		(void)pass(fd, bytes, (enum mode)mode);
		(void)pass(fd, bytes, (enum mode)mode);
		for (unsigned i = 0; i < PASSES; i++)
			took[i] = pass(fd, bytes, (enum mode)mode);
		qsort(took, PASSES, sizeof(*took), by_size);
		printf("%s %.2f\n", name[mode], took[PASSES / 2]);
	}
	return 0;
}
