/* xoshiro256** by D. Blackman and S. Vigna ("Scrambled linear pseudorandom number generators",
 * 2018), seeded by splitmix64 (Steele, Lea and Flood, 2014) as its authors advise. */
#include <assert.h>
#include <string.h>

#include "shmeter/stats.h"

static uint64_t splitmix64(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15u); /* 2^64 / golden ratio */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

void sm_random_seed(struct sm_random *random, uint64_t seed)
{
	for (unsigned i = 0; i < 4; i++)
		random->s[i] = splitmix64(&seed);
}

static uint64_t rotate_left(uint64_t x, unsigned by)
{
	return (x << by) | (x >> (64 - by));
}

uint64_t sm_random_next(struct sm_random *random)
{
	uint64_t *s = random->s;
	uint64_t result = rotate_left(s[1] * 5, 7) * 9;
	uint64_t shifted = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= shifted;
	s[3] = rotate_left(s[3], 45);
	return result;
}

/* D. Lemire, "Fast random integer generation in an interval", 2019: the high half of a 128-bit
 * product, drawn again in the rare case that the low half falls into the surplus. */
uint64_t sm_random_below(struct sm_random *random, uint64_t bound)
{
	assert(bound > 0);
	unsigned __int128 product = (unsigned __int128)sm_random_next(random) * bound;

	if ((uint64_t)product < bound) {
		uint64_t surplus = -bound % bound; /* 2^64 mod bound */

		while ((uint64_t)product < surplus)
			product = (unsigned __int128)sm_random_next(random) * bound;
	}
	return (uint64_t)(product >> 64);
}

static void swap_bytes(unsigned char *a, unsigned char *b, size_t size)
{
	unsigned char piece[64];

	while (size > 0) {
		size_t step = size < sizeof(piece) ? size : sizeof(piece);

		memcpy(piece, a, step);
		memcpy(a, b, step);
		memcpy(b, piece, step);
		a += step;
		b += step;
		size -= step;
	}
}

void sm_random_shuffle(struct sm_random *random, void *base, size_t count, size_t size)
{
	unsigned char *bytes = base;

	for (size_t i = count; i > 1; i--) {
		size_t j = (size_t)sm_random_below(random, i);

		if (j != i - 1)
			swap_bytes(bytes + (i - 1) * size, bytes + j * size, size);
	}
}
