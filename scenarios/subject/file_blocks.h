/* A file of numbered blocks, each with contents of its own, and an order in which to visit them.
 *
 * Word w of the file (8 bytes, counted from its begin) is (w + 1) * FILE_WORD + generation * FILE_GENERATION, so the sum of
 * a block's words has a closed form: who reads a block can check all of it.  The file is new with generation 0.  Whoever
 * writes block b in operation n (counted from 0) writes generation n + 1. */
#ifndef SHMETER_SUBJECT_FILE_BLOCKS_H
#define SHMETER_SUBJECT_FILE_BLOCKS_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "names.h"
#include "shmeter/scenario.h"
#include "walk.h"

#define FILE_WORD       0x9e3779b97f4a7c15u /* odd, so that no two words of a file are equal (2^64 / golden ratio) */
#define FILE_GENERATION 0xd1342543de82ef95u /* odd (a multiplier of Steele and Vigna, 2021) */
/* Bytes that are written or read at once where nothing is timed. */
#define FILE_CHUNK (1u << 20)
/* Tries to drop a file from the page cache, a millisecond apart: pages that are being read ahead stay. */
#define FILE_DROP_TRIES 200

/* The block that operation `at` visits.  Each pass over the file visits each block once: in order, or in one order that
 * no readahead follows (a bijection of walk.h).  `blocks` is a power of two. */
static inline uint64_t file_block(uint64_t at, uint64_t blocks, bool random)
{
	uint64_t mask = blocks - 1;

	return random ? walk_mix(at & mask, mask, walk_half(blocks)) : at & mask;
}

static inline uint64_t file_word(uint64_t word, uint64_t generation)
{
	return (word + 1) * FILE_WORD + generation * FILE_GENERATION;
}

/* The sum of `count` words of the file from `first` on. */
static inline uint64_t file_sum(uint64_t first, uint64_t count, uint64_t generation)
{
	return (count * (first + 1) + count * (count - 1) / 2) * FILE_WORD + count * generation * FILE_GENERATION;
}

static inline uint64_t file_sum_of(const uint64_t *words, uint64_t count)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++)
		sum += words[i];
	return sum;
}

static inline void file_fill(uint64_t *words, uint64_t first, uint64_t count, uint64_t generation)
{
	uint64_t word = file_word(first, generation);

	for (uint64_t i = 0; i < count; i++, word += FILE_WORD)
		words[i] = word;
}

/* Makes the file without a name and reserves its blocks, so that no store into a mapping meets a full file system.  `direct`
 * also opens it with O_DIRECT.  The descriptors are -1 where this fails. */
static inline int file_make(const char *folder, size_t bytes, int *fd, int *direct, struct sm_error *err)
{
	char prefix[4096], name[4200];
	struct statvfs fs;
	int rc, error;

	*fd = -1;
	if (statvfs(folder, &fs) == 0 && (double)fs.f_bavail * (double)fs.f_frsize < (double)bytes)
		return sm_fail(err, ENOSPC, "%.300s has room for %.0f bytes and the file has %zu%s", folder,
			       (double)fs.f_bavail * (double)fs.f_frsize, bytes,
			       "; choose another --file-folder or a smaller --set bytes");
	snprintf(prefix, sizeof(prefix), "%s/", folder);
	rc = name_announce('f', prefix, name, sizeof(name), err);
	if (rc < 0)
		return rc;
	*fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (*fd < 0)
		rc = sm_fail(err, errno, "cannot create %.400s: %s", name, strerror(errno));
	if (rc == 0 && direct && (*direct = open(name, O_RDWR | O_DIRECT | O_CLOEXEC)) < 0)
		rc = sm_fail(err, errno,
			     "the file system of %.300s takes no O_DIRECT: %s; choose another --file-folder", folder,
			     strerror(errno));
	if (*fd >= 0)
		unlink(name);
	sm_guard_forget('f', name);
	error = rc == 0 ? posix_fallocate(*fd, 0, (off_t)bytes) : 0;
	return error ? sm_fail(err, error, "cannot reserve %zu bytes in %.300s: %s; choose another --file-folder",
			       bytes, folder, strerror(error))
		     : rc;
}

/* Writes generation 0 to the whole file, `chunk` bytes a call; `out` also has it written to the disk. */
static inline int file_write_all(int fd, size_t bytes, size_t chunk, bool out, struct sm_error *err)
{
	uint64_t *words = malloc(chunk);
	int rc = words ? 0 : sm_fail(err, ENOMEM, "no memory for %zu bytes", chunk);

	for (size_t at = 0; rc == 0 && at < bytes; at += chunk) {
		size_t part = bytes - at < chunk ? bytes - at : chunk;

		file_fill(words, at / 8, part / 8, 0);
		if (pwrite(fd, words, part, (off_t)at) != (ssize_t)part)
			rc = sm_fail(err, errno ? errno : EIO, "cannot write the file: %s", strerror(errno));
	}
	free(words);
	if (rc == 0 && out && fdatasync(fd) < 0)
		rc = sm_fail(err, errno, "cannot write the file out: %s", strerror(errno));
	return rc;
}

/* How many of the pages of a mapped file are in the page cache (mincore(2): of a file that this user may write to, it tells
 * the truth); `pages` are its pages.  A negative errno where the kernel does not say. */
static inline int64_t file_cached(void *map, size_t bytes, size_t *pages)
{
	unsigned char *seen;
	int64_t count = 0;

	*pages = bytes / (size_t)sysconf(_SC_PAGESIZE);
	seen = malloc(*pages);
	if (!seen)
		return -ENOMEM;
	if (mincore(map, bytes, seen) < 0)
		count = -errno;
	for (size_t i = 0; count >= 0 && i < *pages; i++)
		count += seen[i] & 1;
	free(seen);
	return count;
}

/* Drops the file, which was written out, from the page cache, and looks whether it is gone.  A file system in memory has
 * nowhere else to keep it. */
static inline int file_drop(int fd, void *map, size_t bytes, struct sm_error *err)
{
	const struct timespec nap = { .tv_nsec = 1000000 };
	size_t pages = 0;
	int64_t left = 1;

	for (int i = 0; i < FILE_DROP_TRIES; i++) {
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		left = file_cached(map, bytes, &pages);
		if (left <= 0)
			break;
		nanosleep(&nap, NULL);
	}
	if (left < 0)
		return sm_fail(err, (int)-left, "mincore does not tell what is in the page cache: %s",
			       strerror((int)-left));
	return left == 0
		       ? 0
		       : sm_fail(err, ENOTSUP,
				 "%lld of the file's %zu pages stay in the page cache after POSIX_FADV_DONTNEED, as on a "
				 "file system in memory; choose a folder on a disk with --file-folder",
				 (long long)left, pages);
}

/* Whether each block holds what the last of `ops` operations left in it. */
static inline int file_verify(int fd, size_t bytes, size_t block, bool random, uint64_t ops, struct sm_error *err)
{
	uint64_t blocks = bytes / block, words = block / 8, *read = malloc(block), *due = malloc(block);
	int rc = read && due ? 0 : sm_fail(err, ENOMEM, "no memory for two blocks of %zu bytes", block);

	for (uint64_t i = 0; rc == 0 && i < blocks; i++) {
		/* the last operation of each place of a pass */
		uint64_t at = ops > i ? ops - 1 - (ops - 1 - i) % blocks : i, b = file_block(at, blocks, random);

		file_fill(due, b * words, words, ops > i ? at + 1 : 0);
		if (pread(fd, read, block, (off_t)(b * block)) != (ssize_t)block)
			rc = sm_fail(err, EIO, "block %lu cannot be read back: %s", b, strerror(errno));
		else if (memcmp(read, due, block) != 0)
			rc = sm_fail(err, EILSEQ, "block %lu does not hold what operation %lu wrote", b, at);
	}
	free(read);
	free(due);
	return rc;
}

#endif
