/* Question: what do huge pages gain a database's buffer pool?
 * Method:   processes read records of a shared pool as a database does: look the block up in a hash table, pin its buffer by
 *           an atomic addition, find one record by the block's directory and read it, unpin.  Table, descriptors and blocks
 *           of 8 KiB lie in the region, whose pages differ between the variants.  Which block comes next is drawn before the
 *           slices: uniformly, or by Zipf's law as YCSB does (Cooper et al., Benchmarking cloud serving systems with YCSB,
 *           SoCC 2010: theta 0.99; the method is that of Gray et al., Quickly generating billion-record synthetic databases,
 *           SIGMOD 1994).  Independent look-ups overlap in the processor; dependent ones do not: as in the descent of an
 *           index, which block comes next is known when the one before was read.  Each record says of which block it is, and the descriptors count their pins.
 * Not shown: parsing, planning, locks of the table, network: a query does far more than one such read, so a database gains
 *           less than this.  All blocks are in the pool: nothing is replaced or read from a disk.
 * Cost of the loop: the next number of an array that is read in order, a multiplication for the hash, a sum of 15 words. */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../subject/pages.h"

#define BLOCK       8192u /* PostgreSQL's BLCKSZ */
#define RECORDS     64u   /* in a block */
#define RECORD      120u  /* bytes of a record */
#define DIRECTORY   12u   /* word of the block where its directory begins: behind PostgreSQL's 24 bytes of header */
#define DRAWS       (1u << 19)
#define ZIPF_THETA  0.99
#define PIN         ((1ull << 32) + 1) /* one pin held, one more counted */
#define HASH        0x9e3779b97f4a7c15u
#define FRAME_PRIME 4294967291u /* 2^32 - 5, prime: scatters fewer blocks than that over as many frames */
#define RANK_PRIME  2654435761u /* prime (Knuth): scatters popular blocks over the pool */

enum { PARAM_SKEW, PARAM_PROCESSES, PARAM_BYTES, PARAM_LOOKUPS };
enum { UNIFORM, ZIPF };
enum { INDEPENDENT, DEPENDENT };
enum { TALLY_READS, TALLY_WRONG };

/* A buffer's descriptor, on a line of its own as in a database. */
struct descriptor {
	_Alignas(64) _Atomic uint64_t state; /* pins held, and above them pins ever taken */
	uint32_t block;
	uint32_t next; /* in its chain: number of the descriptor plus 1 */
};

/* Where things are in the region. */
struct pool {
	struct descriptor *descriptor;
	uint32_t *bucket; /* number of the first descriptor plus 1; 0: none */
	char *frame;
	uint64_t blocks;
	unsigned shift; /* of the hash */
};

struct state {
	uint32_t *draw; /* block numbers, this worker's */
	uint64_t at;
};

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static size_t own_bytes(const struct sm_case *c)
{
	return c->workers * DRAWS * sizeof(uint32_t);
}

/* A block takes 8192 bytes, a descriptor, and up to two buckets. */
static struct pool pool_in(void *region, size_t bytes)
{
	struct pool p = { .blocks = (bytes - BLOCK) / (BLOCK + sizeof(struct descriptor) + 8), .shift = 63 };
	size_t before;

	while (1ull << (64 - p.shift) < p.blocks)
		p.shift--;
	p.descriptor = region;
	p.bucket = (uint32_t *)(p.descriptor + p.blocks);
	before = p.blocks * sizeof(struct descriptor) + ((size_t)4 << (64 - p.shift));
	p.frame = (char *)region + (before + BLOCK - 1) / BLOCK * BLOCK;
	return p;
}

/* Puts each block into a frame, and its descriptor into the table. */
static void fill(const struct pool *p)
{
	for (uint64_t f = 0; f < p->blocks; f++) {
		uint64_t block = f * FRAME_PRIME % p->blocks, *words = (uint64_t *)(p->frame + f * BLOCK);
		uint32_t *first = &p->bucket[block * HASH >> p->shift];
		uint16_t *directory = (uint16_t *)words + DIRECTORY;

		p->descriptor[f].block = (uint32_t)block;
		p->descriptor[f].next = *first;
		*first = (uint32_t)f + 1;
		for (unsigned r = 0; r < RECORDS; r++) {
			uint64_t *record = words + (BLOCK - (r + 1) * RECORD) / 8;

			directory[r] = (uint16_t)(BLOCK - (r + 1) * RECORD);
			for (unsigned i = 0; i < RECORD / 8; i++)
				record[i] = block * RECORDS + r + i;
		}
	}
}

/* splitmix64 (Steele, Lea and Flood, 2014), as a number of [0, 1). */
static double draw(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

/* Draws the blocks that this worker will read. */
static void draw_blocks(uint32_t *out, uint64_t blocks, bool zipf, uint64_t seed)
{
	double n = (double)blocks, zeta = 0, alpha = 1 / (1 - ZIPF_THETA), eta, two = 1 + pow(0.5, ZIPF_THETA);

	for (uint64_t i = 1; zipf && i <= blocks; i++)
		zeta += pow((double)i, -ZIPF_THETA);
	eta = (1 - pow(2 / n, 1 - ZIPF_THETA)) / (1 - two / zeta);
	for (unsigned i = 0; i < DRAWS; i++) {
		double u = draw(&seed), rank = n * u;

		if (zipf)
			rank = u * zeta < 1 ? 0 : u * zeta < two ? 1 : n * pow(eta * u - eta + 1, alpha);
		out[i] = (uint32_t)((rank < n ? (uint64_t)rank : blocks - 1) * RANK_PRIME % blocks);
	}
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t bytes = c->param[PARAM_BYTES], page = sm_case_variant(c)->memory.pages.bytes;

	if (bytes % page)
		return sm_fail(why, ENOTSUP, "%lu bytes are no whole number of pages of this size: --set bytes=1g",
			       bytes);
	return 0;
}

static int warm_up(struct sm_worker *worker)
{
	struct pool p = pool_in(worker->region, worker->region_bytes);
	struct state *state = worker->state;

	if (worker->index == 0 && !worker->kept)
		fill(&p);
	state->draw = malloc(DRAWS * sizeof(uint32_t));
	if (!state->draw)
		return sm_worker_fail(worker, ENOMEM, "no memory for %u block numbers", DRAWS);
	draw_blocks(state->draw, p.blocks, worker->c->param[PARAM_SKEW] == ZIPF, worker->seed);
	return 0;
}

/* Stamped for each kind of look-up, so that nothing in the loop branches on it. */
static inline __attribute__((always_inline)) uint64_t look_up(struct sm_worker *worker, bool dependent)
{
	const struct pool p = pool_in(worker->region, worker->region_bytes);
	struct state *state = worker->state;
	uint64_t at = state->at, end = at + worker->op_count, wrong = 0, sum = 0, none = 0;

	__asm__("" : "+r"(none)); /* 0, but the compiler does not know */
	for (; at < end; at++) {
		uint64_t block = state->draw[at % DRAWS] + (dependent ? sum & none : 0), record = at * HASH >> 58;
		uint32_t f = p.bucket[block * HASH >> p.shift] - 1;
		const uint64_t *words;

		while (p.descriptor[f].block != block)
			f = p.descriptor[f].next - 1;
		/* acquire: the block is read after the pin, as whoever replaces it relies on */
		atomic_fetch_add_explicit(&p.descriptor[f].state, PIN, memory_order_acquire);
		words = (const uint64_t *)(p.frame + (uint64_t)f * BLOCK);
		words += ((const uint16_t *)words)[DIRECTORY + record] / 8;
		sum = 0;
		for (unsigned i = 0; i < RECORD / 8; i++)
			sum += words[i];
		/* release: and before the unpin */
		atomic_fetch_sub_explicit(&p.descriptor[f].state, 1, memory_order_release);
		wrong += sum != RECORD / 8 * (block * RECORDS + record) + (RECORD / 8 - 1) * (RECORD / 8) / 2;
	}
	worker->outcome->tally[TALLY_READS] += at - state->at;
	worker->outcome->tally[TALLY_WRONG] += wrong;
	state->at = at;
	return worker->op_count;
}

static uint64_t run(struct sm_worker *worker)
{
	return worker->c->param[PARAM_LOOKUPS] == DEPENDENT ? look_up(worker, true) : look_up(worker, false);
}

/* Counts the pins and takes the counts back, so that the region is as it was. */
static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	struct pool p = pool_in(trial->region, trial->region_bytes);
	uint64_t taken = 0, held = 0;

	for (uint64_t f = 0; f < p.blocks; f++) {
		uint64_t state = atomic_exchange_explicit(&p.descriptor[f].state, 0, memory_order_relaxed);

		taken += state >> 32;
		held += state & UINT32_MAX;
	}
	if (sm_trial_tally(trial, TALLY_WRONG) || held || taken != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu records of other blocks, %lu pins still held, %lu taken in %lu reads",
			       sm_trial_tally(trial, TALLY_WRONG), held, taken, sm_trial_ops(trial));
	return 0;
}

/* The belief, by pages and by skew. */
#define GAIN(id_, pages, skew, words, needs_)                                                                          \
	{                                                                                                              \
		.id = id_, .text = words, .source = "databases' handbooks", .at = "skew=" skew " lookups=independent", \
		SM_RATIO("4k", pages, .min = 1.1, .max = 1.2), .needs = needs_                                         \
	}
static const struct sm_claim claims[] = {
	GAIN("P10", "2m", "uniform", "2 MiB pages gain a database's buffer pool 10 to 20 %: all blocks are read alike",
	     "a pool of 2 MiB pages (--tune)"),
	GAIN("P10.skewed", "2m", "zipf",
	     "2 MiB pages gain a database's buffer pool 10 to 20 %: some blocks are popular",
	     "a pool of 2 MiB pages (--tune)"),
	GAIN("P10.thp", "thp", "uniform",
	     "transparent huge pages gain a database's buffer pool 10 to 20 %: all blocks are read alike", NULL),
	GAIN("P10.thp_skewed", "thp", "zipf",
	     "transparent huge pages gain a database's buffer pool 10 to 20 %: some blocks are popular", NULL),
	{ 0 },
};

static const char *const skews[] = { "uniform", "zipf", NULL };
static const char *const lookups[] = { "independent", "dependent", NULL };

const struct sm_scenario sm_scenario_buffer_pool = {
	.name = "buffer_pool",
	.family = "paging",
	.question = "What do huge pages gain a database's buffer pool?",
	.summary = "Blocks of 8 KiB are looked up, pinned, read and unpinned.",
	.why = "A read touches four places: the hash table, the buffer's descriptor, the block's directory and the "
	       "record. In a pool larger than what the TLB reaches each needs a page walk, and the walk's own "
	       "entries miss the caches. Popular blocks stay in caches and TLB, so a skewed load gains less. "
	       "The misses of independent look-ups overlap; those of dependent ones, as in the descent of an index, "
	       "add up, so huge pages save more time there. "
	       "This is the pool alone: a query does more, and gains a smaller share.",
	.claims = claims,
	.variants = pages_variants,
	.params = { { .name = "skew",
		      .unit = "1",
		      .summary = "which blocks are read: all alike, or by Zipf's law",
		      .labels = skews,
		      .quick = SM_VALUES(UNIFORM, ZIPF) },
		    { .name = "processes",
		      .unit = "1",
		      .summary = "that read the pool",
		      .quick = SM_VALUES(2),
		      .full = SM_SWEEP((1, 2), SM_DOUBLING, SM_TIMES_PUS(1)),
		      .min = 1,
		      .max = 1024 },
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the pool with its table",
		      .quick = SM_VALUES(256 << 20),
		      .standard = SM_VALUES(1 << 30),
		      .full = SM_VALUES(64 << 20, 1 << 30, 4ull << 30),
		      .min = 1 << 20,
		      .max = 1ull << 40 },
		    { .name = "lookups",
		      .unit = "1",
		      .summary = "whether the next block is known before this one was read",
		      .labels = lookups,
		      .quick = SM_VALUES(INDEPENDENT),
		      .full = SM_VALUES(INDEPENDENT, DEPENDENT) } },
	.workers_param = "processes",
	.placements = { SM_PLACE_NEAR },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per record read", "ns/op" },
	.memory = { .backing = SM_ANON, .prefault = SM_MADVISE },
	.state_bytes = sizeof(struct state),
	.subject = SM_KEPT,
	.warm_ns = SM_WARM_MEMORY_NS,
	.region_bytes = region_bytes,
	.own_bytes = own_bytes,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
