/* Fragments the memory of a guest: takes nearly all of it, pins one page of each 2 MiB, frees the rest, and waits to be
 * killed.  A pinned page cannot be moved, so that no 2 MiB in a row can be had though nearly all is free.  It is pinned as a
 * buffer of io_uring, as programs that do much I/O have them.
 * Prints "pinned N", and what failed to standard error. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE      4096u
#define HUGE      (2u << 20)
#define BLOCKS    16384u      /* the most buffers that io_uring has; more than any guest has blocks */
#define LEFT      (24u << 20) /* not taken, so that nobody is killed */
#define FRAME(it) ((it) & ((UINT64_C(1) << 55) - 1)) /* of an entry of pagemap (proc_pid_pagemap(5)) */

static void fail(const char *what)
{
	fprintf(stderr, "fragment: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* One page for each block of 2 MiB of physical memory in which there is one. */
static unsigned choose(const char *memory, size_t pages, struct iovec chosen[BLOCKS])
{
	static unsigned char taken[BLOCKS];
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	unsigned count = 0;

	if (pagemap < 0)
		fail("pagemap");
	for (size_t i = 0; i < pages; i++) {
		uint64_t entry, block;

		if (pread(pagemap, &entry, sizeof(entry), (off_t)(((uintptr_t)memory / PAGE + i) * sizeof(entry))) !=
		    sizeof(entry))
			fail("an entry of pagemap");
		block = FRAME(entry) / (HUGE / PAGE);
		if (FRAME(entry) == 0 || block >= BLOCKS || taken[block])
			continue;
		taken[block] = 1;
		chosen[count++] = (struct iovec){ (void *)(uintptr_t)(memory + i * PAGE), PAGE };
	}
	close(pagemap);
	return count;
}

int main(void)
{
	static struct iovec chosen[BLOCKS];
	struct io_uring_params params = { 0 };
	struct sysinfo info;
	size_t bytes, next = 0;
	unsigned count;
	char *memory;
	int ring;

	if (sysinfo(&info) < 0)
		fail("sysinfo");
	bytes = (info.freeram * info.mem_unit - LEFT) / PAGE * PAGE;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || madvise(memory, bytes, MADV_NOHUGEPAGE) < 0)
		fail("memory");
	for (size_t at = 0; at < bytes; at += PAGE)
		memory[at] = 1;
	count = choose(memory, bytes / PAGE, chosen);
	ring = (int)syscall(SYS_io_uring_setup, 1u, &params);
	if (ring < 0 || syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, chosen, count) < 0)
		fail("io_uring");
	/* what lies between the pinned pages, which are in the order of their addresses */
	for (unsigned i = 0; i <= count; i++) {
		size_t end = i < count ? (size_t)((char *)chosen[i].iov_base - memory) : bytes;

		if (end > next && madvise(memory + next, end - next, MADV_DONTNEED) < 0)
			fail("freeing");
		next = end + PAGE;
	}
	printf("pinned %u\n", count);
	fflush(stdout);
	pause();
	return 0;
}
