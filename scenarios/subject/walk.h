/* A walk of dependent loads through every cache line of a region, in an order that no prefetcher follows.
 *
 * The cycle is a full-period linear congruential sequence (a = 5 mod 8, c odd, modulo 2^k: Hull and Dobell, 1962).
 * An invertible mixing of the line numbers makes the low bits as irregular as the high ones.  So the cycle is
 * written in one sequential pass, and verify() can compute the position after n steps.  The size of the region in
 * bytes is a power of two. */
#ifndef SHMETER_SUBJECT_WALK_H
#define SHMETER_SUBJECT_WALK_H

#include <errno.h>

#include "shmeter/scenario.h"

/* Size of a node: the line size of x86-64.  A machine with longer lines has several nodes per line. */
#define WALK_LINE 64

enum { WALK_POSITION, WALK_STEPS };

struct walk {
	uint64_t position; /* the line where the next step starts */
};

/* Invertible on [0, lines): xor-shift, odd multiplication, xor-shift. */
static inline uint64_t walk_mix(uint64_t i, uint64_t mask, unsigned half)
{
	i ^= i >> half;
	i = i * 0x9e3779b97f4a7c15u & mask;
	return i ^ i >> half;
}

/* Inverse of 0x9e3779b97f4a7c15 modulo 2^64 (Newton's iteration gives it; verify() depends on it). */
#define WALK_MIX_INVERSE 0xf1de83e19937733du

static inline uint64_t walk_unmix(uint64_t i, uint64_t mask, unsigned half)
{
	/* half is at least half the bits of i, so one xor-shift undoes itself */
	i ^= i >> half;
	i = i * WALK_MIX_INVERSE & mask;
	return i ^ i >> half;
}

#define WALK_A 6364136223846793005u /* Knuth, MMIX; 5 modulo 8 */
#define WALK_C 1442695040888963407u /* odd */

static inline unsigned walk_half(uint64_t lines)
{
	return ((unsigned)__builtin_ctzll(lines) + 1) / 2;
}

static inline int walk_warm_up(struct sm_worker *worker)
{
	uint64_t lines = worker->region_bytes / WALK_LINE, mask = lines - 1;
	uint64_t *words = worker->region;
	unsigned half = walk_half(lines);

	if (worker->kept) /* the cycle is there already: run() only reads it, and verify() checks the end of the walk */
		return 0;
	for (uint64_t i = 0; i < lines; i++)
		words[i * (WALK_LINE / 8)] = walk_mix((walk_unmix(i, mask, half) * WALK_A + WALK_C) & mask, mask, half);
	return 0;
}

static inline uint64_t walk_run(struct sm_worker *worker)
{
	const uint64_t *words = worker->region;
	struct walk *walk = worker->state;
	uint64_t position = walk->position, steps = 0;

	for (uint64_t n = worker->op_count; steps < n; steps++)
		position = words[position * (WALK_LINE / 8)];
	walk->position = position;
	worker->outcome->tally[WALK_POSITION] = position;
	worker->outcome->tally[WALK_STEPS] += steps;
	return steps;
}

/* x after n steps of x -> a x + c, in O(log n): F. Brown, Random number generation with arbitrary
 * strides, 1994. */
static inline uint64_t walk_jump(uint64_t x, uint64_t n, uint64_t mask)
{
	uint64_t a = WALK_A, c = WALK_C, total_a = 1, total_c = 0;

	for (; n; n >>= 1) {
		if (n & 1) {
			total_a *= a;
			total_c = total_c * a + c;
		}
		c *= a + 1;
		a *= a;
	}
	return (total_a * x + total_c) & mask;
}

static inline int walk_verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t lines = trial->region_bytes / WALK_LINE, mask = lines - 1;
	unsigned half = walk_half(lines);
	uint64_t due = walk_mix(walk_jump(walk_unmix(0, mask, half), trial->outcome[0]->ops, mask), mask, half);

	if (trial->outcome[0]->tally[WALK_POSITION] != due)
		return sm_fail(err, EILSEQ, "the walk is at line %lu after %lu steps and should be at %lu",
			       trial->outcome[0]->tally[WALK_POSITION], trial->outcome[0]->ops, due);
	return 0;
}

#endif
