/* Writes numbered records into a mapped file, in a guest whose power is cut.
 * usage: durable WAY FILE TAG     WAY: none, async (MS_ASYNC), sync (MS_SYNC), fdatasync, or flush (MAP_SYNC, cache lines)
 * Makes the file anew, so that the file system has to allocate each page and write it into its journal, prints "ready", waits
 * for the file /go, stores record after record through a shared mapping, and prints the number of each when the call for it
 * has returned.  TAG begins each line, because several disks are written to at once. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "subject/pmem_log.h"

#ifndef MAP_SYNC /* linux/mman.h, which contradicts sys/mman.h */
#define MAP_SYNC 0x80000
#endif

#define RECORDS 8192
#define WORDS   64 /* of a record: eight records fill a page of 4 KiB */

struct record {
	uint64_t word[WORDS];
};

static _Noreturn void fail(const char *what, const char *of)
{
	fprintf(stderr, "durable: cannot %s %s: %s\n", what, of, strerror(errno));
	exit(1);
}

static struct record *make(const char *path, int sharing, int *fd)
{
	const size_t bytes = RECORDS * sizeof(struct record);
	struct record *records;

	*fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (*fd < 0 || ftruncate(*fd, (off_t)bytes) < 0)
		fail("open", path);
	records = mmap(NULL, bytes, PROT_READ | PROT_WRITE, sharing, *fd, 0);
	if (records == MAP_FAILED)
		fail("map", path);
	return records;
}

/* The file, its size and its name are on the disk before the first record is. */
static void settle(const char *path, int fd)
{
	char folder[256];
	char *slash;
	int of;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash || slash == folder)
		fail("find the folder of", path);
	*slash = '\0';
	of = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fsync(fd) < 0 || of < 0 || fsync(of) < 0)
		fail("write out", path);
	close(of);
}

static bool make_durable(const char *way, void *record, int fd)
{
	const uintptr_t page = (uintptr_t)record & ~(uintptr_t)(sysconf(_SC_PAGESIZE) - 1);
	const size_t bytes = (uintptr_t)record + sizeof(struct record) - page;

	if (strcmp(way, "async") == 0)
		return msync((void *)page, bytes, MS_ASYNC) == 0;
	if (strcmp(way, "sync") == 0)
		return msync((void *)page, bytes, MS_SYNC) == 0;
	if (strcmp(way, "fdatasync") == 0)
		return fdatasync(fd) == 0;
	if (strcmp(way, "flush") == 0) {
		for (unsigned word = 0; word < WORDS; word += PMEM_WORDS)
			pmem_flush(pmem_how(), (uint64_t *)record + word);
		pmem_fence();
	}
	return strcmp(way, "flush") == 0 || strcmp(way, "none") == 0;
}

static void write_records(const char *way, const char *path, const char *tag)
{
	const struct timespec between = { .tv_nsec = 1000000 };
	const int sharing = strcmp(way, "flush") == 0 ? MAP_SHARED_VALIDATE | MAP_SYNC : MAP_SHARED;
	struct record *records;
	int fd;

	records = make(path, sharing, &fd);
	settle(path, fd);
	printf("%s ready\n", tag);
	while (access("/go", F_OK) < 0)
		nanosleep(&between, NULL);
	for (uint64_t number = 0; number < RECORDS; number++) {
		pmem_store(records[number].word, WORDS, number);
		if (!make_durable(way, &records[number], fd))
			fail("write out", path);
		printf("%s %lu\n", tag, number);
		nanosleep(&between, NULL);
	}
	pause();
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 4) {
		fprintf(stderr, "usage: durable none|async|sync|fdatasync|flush FILE TAG\n");
		return 1;
	}
	write_records(argv[1], argv[2], argv[3]);
	return 0;
}
