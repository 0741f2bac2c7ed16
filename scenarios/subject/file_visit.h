/* The ways in which a block gets from a file to a program and back, each with a timed loop of its own. */
#ifndef SHMETER_SUBJECT_FILE_VISIT_H
#define SHMETER_SUBJECT_FILE_VISIT_H

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "file_blocks.h"
#include "uring.h"

enum file_way { FILE_PREAD, FILE_LSEEK, FILE_DIRECT, FILE_URING, FILE_MMAP, FILE_MMAP_FRESH, FILE_MMAP_COPY };

struct file_visit {
	int fd;
	char *map, *buffer; /* the whole file; `depth` blocks */
	size_t block;
	uint64_t blocks, words; /* of the file; of a block */
	bool random, writes;
	bool bare; /* look at one word of each block that is read */
	struct io_uring *ring;
	unsigned depth;
	uint64_t at;    /* number of the next operation */
	uint64_t wrong; /* blocks with other contents */
};

/* Whether a block is wrong: adds up its words, or looks at one. */
static inline uint64_t file_is_wrong(const struct file_visit *v, const char *block, uint64_t number, uint64_t at,
				     bool bare)
{
	const uint64_t *words = (const uint64_t *)block;
	uint64_t first = number * v->words, one = at & (v->words - 1);

	if (bare)
		return words[one] != file_word(first + one, 0);
	return file_sum_of(words, v->words) != file_sum(first, v->words, 0);
}

/* Visits `n` blocks one by one.  Stamped for each way, so that nothing in it branches on the way. */
static inline __attribute__((always_inline)) uint64_t file_loop(struct file_visit *visit, uint64_t n, enum file_way way,
								bool writes, bool bare)
{
	const struct file_visit v = *visit;
	uint64_t at = v.at, end = at + n, wrong = 0;

	for (; at < end; at++) {
		uint64_t number = file_block(at, v.blocks, v.random);
		off_t offset = (off_t)(number * v.block);
		char *block = way == FILE_MMAP ? v.map + offset : v.buffer;
		ssize_t moved = (ssize_t)v.block;

		if (writes)
			file_fill((uint64_t *)block, number * v.words, v.words, at + 1);
		if (way == FILE_LSEEK && lseek(v.fd, offset, SEEK_SET) < 0)
			break;
		if (way == FILE_PREAD)
			moved = writes ? pwrite(v.fd, block, v.block, offset) : pread(v.fd, block, v.block, offset);
		else if (way == FILE_LSEEK)
			moved = writes ? write(v.fd, block, v.block) : read(v.fd, block, v.block);
		else if (way == FILE_MMAP_COPY)
			memcpy(writes ? v.map + offset : block, writes ? block : v.map + offset, v.block);
		if (moved != (ssize_t)v.block)
			break;
		if (!writes)
			wrong += file_is_wrong(&v, block, number, at, bare);
	}
	n -= end - at;
	visit->at = at;
	visit->wrong += wrong;
	return n;
}

#define FILE_STAMP(name, way)                                                                                          \
	static inline uint64_t name(struct file_visit *v, uint64_t n)                                                  \
	{                                                                                                              \
		if (v->writes)                                                                                         \
			return file_loop(v, n, way, true, false);                                                      \
		return v->bare ? file_loop(v, n, way, false, true) : file_loop(v, n, way, false, false);               \
	}
FILE_STAMP(file_by_pread, FILE_PREAD)
FILE_STAMP(file_by_lseek, FILE_LSEEK)
FILE_STAMP(file_by_mmap, FILE_MMAP)
FILE_STAMP(file_by_copy, FILE_MMAP_COPY)

/* Each pass over the file in a mapping of its own: made, used once, removed. */
static inline uint64_t file_by_fresh(struct file_visit *v, uint64_t n)
{
	size_t bytes = v->blocks * v->block;
	char *stays = v->map;
	uint64_t done = 0;

	while (done < n) {
		uint64_t part = n - done < v->blocks ? n - done : v->blocks;

		v->map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
		if (v->map == MAP_FAILED)
			break;
		done += file_by_mmap(v, part);
		munmap(v->map, bytes);
	}
	v->map = stays;
	return done;
}

/* `depth` blocks at a time: all are asked for at once, and used when the last one is there. */
static inline uint64_t file_by_uring(struct file_visit *v, uint64_t n)
{
	uint64_t done = 0;

	while (done < n) {
		unsigned part = n - done < v->depth ? (unsigned)(n - done) : v->depth;
		int rc;

		for (unsigned i = 0; i < part; i++) {
			uint64_t number = file_block(v->at + i, v->blocks, v->random);
			char *block = v->buffer + i * v->block;

			if (v->writes)
				file_fill((uint64_t *)block, number * v->words, v->words, v->at + i + 1);
			uring_ask(v->ring, v->fd, v->writes, i, block, v->block, number * v->block);
		}
		rc = uring_wait(v->ring, part, v->block);
		if (rc < 0) {
			errno = -rc;
			break;
		}
		for (unsigned i = 0; i < part && !v->writes; i++)
			v->wrong += file_is_wrong(v, v->buffer + i * v->block,
						  file_block(v->at + i, v->blocks, v->random), v->at + i, v->bare);
		done += part;
		v->at += part;
	}
	return done;
}

/* Visits the next `n` blocks; returns how many it did.  Fewer: errno, or 0 where a block was cut. */
static inline uint64_t file_visit(enum file_way way, struct file_visit *v, uint64_t n)
{
	switch (way) {
	case FILE_PREAD:
	case FILE_DIRECT: return file_by_pread(v, n);
	case FILE_LSEEK: return file_by_lseek(v, n);
	case FILE_URING: return file_by_uring(v, n);
	case FILE_MMAP: return file_by_mmap(v, n);
	case FILE_MMAP_FRESH: return file_by_fresh(v, n);
	case FILE_MMAP_COPY: return file_by_copy(v, n);
	}
	return 0;
}

#endif
