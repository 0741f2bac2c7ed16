/* Sequential passes over memory in blocks of 4096 bytes, whatever the size of its pages, for scenarios about bandwidth:
 * reading adds up, writing stores a number, copying goes from one half to the other.  There are no non-temporal stores,
 * so a write fetches its line first.
 *
 * Vectors have 16 bytes: beyond the L1 cache, which is the subject here, wider ones are no faster.  On a Zen 4 they
 * are equal in L2 and L3, and up to 30 % slower in memory over base pages. */
#ifndef SHMETER_SUBJECT_STREAM_H
#define SHMETER_SUBJECT_STREAM_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/scenario.h"

enum stream_op { STREAM_READ, STREAM_WRITE, STREAM_COPY };

#define STREAM_BLOCK 4096u /* bytes per operation */
#define STREAM_WORDS (STREAM_BLOCK / sizeof(uint64_t))

/* A copy's target is half a block off its source, modulo the block.  With equal offsets both would cross into a
 * new page at once, where prefetchers stop, and each store would share the low address bits with loads under way.
 * On a Zen 4 that takes 1.2 to 1.3 times as long. */
#define STREAM_SHIFT (STREAM_WORDS / 2)

/* What a worker keeps from slice to slice. */
struct stream_state {
	uint64_t block; /* number of the next block */
	uint64_t pass;  /* number of the pass over the whole memory, from 0 */
};

enum { STREAM_TALLY_BLOCKS, STREAM_TALLY_WRONG };

/* The value of each word of block `block` before the first write: never 0. */
static inline uint64_t stream_mark(uint64_t block)
{
	return block * 2 + 1;
}

static inline void stream_fill(uint64_t *words, size_t bytes)
{
	for (uint64_t i = 0; i < bytes / sizeof(*words); i++)
		words[i] = stream_mark(i / STREAM_WORDS);
}

/* 16 bytes: what every 64-bit machine can load at once. */
typedef uint64_t stream_vector __attribute__((vector_size(16), may_alias));
#define STREAM_VECTORS (STREAM_BLOCK / sizeof(stream_vector))

static inline uint64_t stream_sum(const uint64_t *words)
{
	const stream_vector *at = (const stream_vector *)(const void *)words;
	stream_vector sum[4] = { { 0 } };

	for (unsigned i = 0; i < STREAM_VECTORS; i += 4) {
		sum[0] += at[i];
		sum[1] += at[i + 1];
		sum[2] += at[i + 2];
		sum[3] += at[i + 3];
	}
	sum[0] += sum[1] + sum[2] + sum[3];
	return sum[0][0] + sum[0][1];
}

/* `from` and `to` do not overlap.  Not memcpy(), which bypasses the caches above some size; the barrier keeps the
 * compiler from calling it. */
static inline void stream_copy(uint64_t *restrict to, const uint64_t *restrict from)
{
	const stream_vector *in = (const stream_vector *)(const void *)from;
	stream_vector *out = (stream_vector *)(void *)to;

	for (unsigned i = 0; i < STREAM_VECTORS; i += 4) {
		stream_vector a = in[i], b = in[i + 1], c = in[i + 2], d = in[i + 3];

		out[i] = a;
		out[i + 1] = b;
		out[i + 2] = c;
		out[i + 3] = d;
		__asm__ volatile("" ::: "memory");
	}
}

static inline void stream_store(uint64_t *words, uint64_t value)
{
	stream_vector *out = (stream_vector *)(void *)words, both = { value, value };

	for (unsigned i = 0; i < STREAM_VECTORS; i++)
		out[i] = both;
}

/* Number of blocks in one pass. */
static inline uint64_t stream_blocks(size_t bytes, enum stream_op op)
{
	uint64_t blocks = bytes / STREAM_BLOCK;

	return op == STREAM_COPY ? (blocks - 1) / 2 : blocks;
}

/* Processes n blocks from the worker's position on; returns n. */
static inline uint64_t stream_run(struct sm_worker *worker, enum stream_op op)
{
	struct stream_state *state = worker->state;
	uint64_t *words = worker->region, n = worker->op_count, wrong = 0, block = state->block;
	uint64_t blocks = stream_blocks(worker->region_bytes, op);

	for (uint64_t i = 0; i < n; i++) {
		uint64_t *at = words + block * STREAM_WORDS;

		if (op == STREAM_READ)
			wrong |= stream_sum(at) ^ stream_mark(block) * STREAM_WORDS;
		else if (op == STREAM_WRITE)
			stream_store(at, stream_mark(block) + state->pass + 1);
		else
			stream_copy(at + blocks * STREAM_WORDS + STREAM_SHIFT, at);
		if (++block == blocks) {
			block = 0;
			state->pass++;
		}
	}
	state->block = block;
	worker->outcome->tally[STREAM_TALLY_BLOCKS] = state->pass * blocks + block;
	worker->outcome->tally[STREAM_TALLY_WRONG] += wrong != 0;
	return n;
}

/* Checks that the memory holds what the worker's number of blocks must have made of it. */
static inline int stream_verify(const struct sm_trial *trial, enum stream_op op, struct sm_error *err)
{
	const uint64_t *words = trial->region;
	uint64_t ops = trial->outcome[0]->ops;
	uint64_t blocks = stream_blocks(trial->region_bytes, op);

	if (trial->outcome[0]->tally[STREAM_TALLY_BLOCKS] != ops)
		return sm_fail(err, EILSEQ, "%lu blocks were passed in %lu operations",
			       trial->outcome[0]->tally[STREAM_TALLY_BLOCKS], ops);
	if (trial->outcome[0]->tally[STREAM_TALLY_WRONG])
		return sm_fail(err, EILSEQ, "a block read differs from what was written");
	for (uint64_t i = 0; i < blocks && op != STREAM_READ; i++) {
		uint64_t passes = ops / blocks + (i < ops % blocks), due = stream_mark(i);
		const uint64_t *at = words + i * STREAM_WORDS;

		if (op == STREAM_WRITE)
			due += passes;
		else if (passes > 0)
			at += blocks * STREAM_WORDS + STREAM_SHIFT;
		for (unsigned w = 0; w < STREAM_WORDS; w += STREAM_WORDS - 1)
			if (at[w] != due)
				return sm_fail(err, EILSEQ, "block %lu was not %s", i,
					       op == STREAM_WRITE ? "written" : "copied");
	}
	return 0;
}

#define STREAM_OP_PARAM                                                                                                \
	{                                                                                                              \
		.name = "op", .unit = "1", .summary = "what is done to the memory", .labels = stream_labels,           \
		.quick = SM_VALUES(STREAM_READ, STREAM_COPY),                                                          \
		.standard = SM_VALUES(STREAM_READ, STREAM_WRITE, STREAM_COPY)                                          \
	}
static const char *const stream_labels[] __attribute__((unused)) = { "read", "write", "copy", NULL };

#endif
