/* Question: how much longer does a load take while other processes use the memory's bandwidth?
 * Method:   worker 0 walks a cycle of dependent loads through a region larger than the last-level cache (walk.h).  The
 *           other processes pass over memory of their own meanwhile, in bursts that are due at fixed times: reading,
 *           writing, or each block once read and once written (mixed).  The load is the share of what each of them
 *           reaches without pauses, which it finds out in its warm-up, while all others do the same.  A burst that is
 *           late is followed at once by the next one, so at saturation there are no pauses.  In `alone` the same
 *           processes spin, so that their cores are as busy.
 * Not shown: loads that do not depend on each other; non-temporal stores; which cache or link is the narrow one.
 * Cost of the loop: as page_size_random: one dependent load and a shift.  Its time is that of worker 0 alone. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "../subject/meet.h"
#include "../subject/stream.h"
#include "../subject/walk.h"

enum way { ALONE, READ, WRITE, MIXED };
enum { PARAM_PROCESSES, PARAM_LOAD, PARAM_BYTES };
/* WALK_POSITION and WALK_STEPS are the first two. */
enum { TALLY_BLOCKS = WALK_STEPS + 1, TALLY_WRONG, TALLY_NS, TALLY_OFFERED };

#define BURST      16u /* blocks of 4096 bytes between two looks at the clock: some microseconds */
#define OWN_LEAST  (4u << 20)
#define STRETCHES  10u
#define STRETCH_NS 1000000u
#define STREAMERS  1024u
#define ACHIEVED   "achieved over asked"

/* Apart from the region, which the walk fills. */
struct shared {
	struct meet done;                             /* the last slice that the walk has finished */
	alignas(SM_LINE_PAIR) _Atomic uint32_t found; /* streamers that know their rate */
	_Atomic uint32_t filled;                      /* the walk's region is there: its worker is quiet */
};

struct state {
	struct walk walk; /* first: walk.h finds it here */
	struct shared *shared;
	uint64_t slice;
	uint64_t *own; /* a streamer's memory */
	uint64_t blocks, next, pass;
	double block_ns; /* of a block without pauses */
};

static enum way way_of(const struct sm_case *c)
{
	return (enum way)sm_case_variant(c)->arg;
}

/* The map of the PUs that share a cache of a PU; NULL: there is no such cache. */
static FILE *open_cache(int cpu, unsigned index)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cache/index%u/shared_cpu_map", cpu, index);
	return fopen(path, "re");
}

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

/* PUs that share a last-level cache, the fewest of any, as the kernel says; 0: it does not. */
static unsigned llc_pus(void)
{
	static unsigned fewest;
	static bool looked;

	for (int cpu = 0, end = looked ? 0 : get_nprocs_conf(); cpu < end; cpu++) {
		unsigned pus = 0;
		FILE *file;

		for (unsigned index = 0; (file = open_cache(cpu, index)); index++) {
			pus = 0;
			for (int digit; (digit = fgetc(file)) != EOF;)
				if (isxdigit(digit))
					pus += (unsigned)__builtin_popcount(
						(unsigned)(isdigit(digit) ? digit - '0' : tolower(digit) - 'a' + 10));
			fclose(file);
		}
		fewest = pus && (!fewest || pus < fewest) ? pus : fewest;
	}
	looked = true;
	return fewest;
}

/* The streamers of one last-level cache together pass over half as much as the walk does, which is larger than it, so that
 * no cache keeps it.  Those of all caches together: over no more than a quarter of the memory. */
static size_t streamer_bytes(const struct sm_case *c)
{
	uint64_t most = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4;
	unsigned all = c->workers > 1 ? c->workers - 1 : 1, pus = llc_pus(), sharers = pus && pus < all ? pus : all;
	uint64_t together = c->param[PARAM_BYTES] / 2, share = together / sharers;

	if (share > most / all) /* but never less than without a look at the caches */
		share = together / all > most / all ? together / all : most / all;
	return (size_t)(share < OWN_LEAST ? OWN_LEAST : share / STREAM_BLOCK * STREAM_BLOCK);
}

static size_t own_bytes(const struct sm_case *c)
{
	return way_of(c) == ALONE ? 0 : (c->workers - 1) * streamer_bytes(c);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t bytes = c->param[PARAM_BYTES];

	if (bytes & (bytes - 1))
		return sm_fail(why, ENOTSUP, "the cycle needs a power of two of bytes, not %lu", bytes);
	if (c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "%u processes that must not wait for each other need %u PUs: ask for fewer "
			       "(--set processes=...), or take another --placement",
			       c->workers, c->workers);
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct state *state = trial->state;
	void *shared = mmap(NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return sm_fail(err, errno, "no memory for the end of a slice: %s", strerror(errno));
	state->shared = shared;
	return 0;
}

static void teardown(struct sm_trial *trial)
{
	struct state *state = trial->state;

	if (state->shared)
		munmap(state->shared, sizeof(struct shared));
}

/* One block; returns whether it is not what it should be.  A block holds its mark plus the number of writes. */
static inline bool pass_block(struct state *state, enum way way)
{
	uint64_t *at = state->own + state->next * STREAM_WORDS;
	uint64_t due = stream_mark(state->next) + (way == READ ? 0 : state->pass);
	bool wrong = false;

	if (way != WRITE)
		wrong = stream_sum(at) != due * STREAM_WORDS;
	if (way != READ)
		stream_store(at, due + 1);
	if (++state->next == state->blocks) {
		state->next = 0;
		state->pass++;
	}
	return wrong;
}

static __attribute__((noinline)) uint64_t read_burst(struct state *state)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < BURST; i++)
		wrong += pass_block(state, READ);
	return wrong;
}

static __attribute__((noinline)) uint64_t write_burst(struct state *state)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < BURST; i++)
		wrong += pass_block(state, WRITE);
	return wrong;
}

static __attribute__((noinline)) uint64_t mixed_burst(struct state *state)
{
	uint64_t wrong = 0;

	for (unsigned i = 0; i < BURST; i++)
		wrong += pass_block(state, MIXED);
	return wrong;
}

static uint64_t burst(struct state *state, enum way way)
{
	return way == READ ? read_burst(state) : way == WRITE ? write_burst(state) : mixed_burst(state);
}

/* Finds the rate without pauses, while the other streamers do the same; goes on until the last one knows its own.  It is
 * that of the best of several stretches: other work on the machine may interrupt some of them. */
static void find_rate(struct sm_worker *worker)
{
	struct state *state = worker->state;
	_Atomic uint32_t *found = &state->shared->found;
	uint64_t *wrong = &worker->outcome->tally[TALLY_WRONG];

	state->block_ns = INFINITY;
	for (unsigned i = 0; i < STRETCHES; i++) {
		uint64_t start = sm_clock_ns(), took, blocks = 0;

		do {
			*wrong += burst(state, way_of(worker->c));
			blocks += BURST;
			took = sm_clock_ns() - start;
		} while (took < STRETCH_NS);
		state->block_ns = fmin(state->block_ns, (double)took / (double)blocks);
	}
	atomic_fetch_add(found, 1);
	while (atomic_load(found) < worker->c->workers - 1 &&
	       !atomic_load_explicit(worker->abort, memory_order_relaxed))
		*wrong += burst(state, way_of(worker->c));
}

static int warm_up(struct sm_worker *worker)
{
	struct state *state = worker->state;
	size_t bytes = streamer_bytes(worker->c);

	if (worker->index == 0) {
		int rc = walk_warm_up(worker);

		atomic_store(&state->shared->filled, 1);
		return rc;
	}
	if (way_of(worker->c) == ALONE)
		return 0;
	state->own = aligned_alloc(STREAM_BLOCK, bytes);
	if (!state->own)
		return sm_worker_fail(worker, ENOMEM, "no memory for %zu bytes to pass over", bytes);
	state->blocks = bytes / STREAM_BLOCK;
	stream_fill(state->own, bytes);
	while (!atomic_load(&state->shared->filled) && !atomic_load_explicit(worker->abort, memory_order_relaxed))
		sm_relax();
	find_rate(worker);
	return 0;
}

/* Bursts at fixed times, until the walk has finished this slice. */
static void stream(struct sm_worker *worker, struct state *state, uint64_t slice)
{
	double burst_ns = BURST * state->block_ns * 100 / (double)worker->c->param[PARAM_LOAD];
	const _Atomic uint64_t *done = &state->shared->done.word;
	uint64_t *tally = worker->outcome->tally, start = sm_clock_ns(), now = start, bursts = 0;

	while (atomic_load_explicit(done, memory_order_acquire) < slice &&
	       !atomic_load_explicit(worker->abort, memory_order_relaxed)) {
		if (now - start < (uint64_t)((double)bursts * burst_ns)) {
			sm_relax();
		} else {
			tally[TALLY_WRONG] += burst(state, way_of(worker->c));
			bursts++;
		}
		now = sm_clock_ns();
	}
	tally[TALLY_BLOCKS] += bursts * BURST;
	tally[TALLY_NS] += now - start;
	tally[TALLY_OFFERED] += (uint64_t)((double)(now - start) / burst_ns * BURST);
}

static uint64_t run(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t slice = ++state->slice, start, done;

	if (worker->index > 0) {
		if (way_of(worker->c) == ALONE)
			meet_await(&state->shared->done, slice, worker->abort);
		else
			stream(worker, state, slice);
		return worker->op_count;
	}
	start = sm_clock_ns();
	done = walk_run(worker);
	worker->time_ns += sm_clock_ns() - start;
	meet_tell(&state->shared->done, slice);
	return done;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	bool alone = way_of(trial->c) == ALONE;

	if (sm_trial_tally(trial, TALLY_WRONG))
		return sm_fail(err, EILSEQ, "%lu blocks read differ from what was written",
			       sm_trial_tally(trial, TALLY_WRONG));
	for (unsigned i = 1; i < trial->c->workers && !alone; i++)
		if (trial->outcome[i]->tally[TALLY_BLOCKS] == 0)
			return sm_fail(err, EILSEQ, "process %u passed over no memory", i);
	return walk_verify(trial, err);
}

/* Bytes that all others moved in a second: a block that is written was fetched before, and is written back later. */
static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	enum way way = way_of(trial->c);
	double rate = 0, offered = 0;

	for (unsigned i = 1; i < trial->c->workers; i++) {
		const uint64_t *tally = trial->outcome[i]->tally;

		if (tally[TALLY_NS] == 0)
			continue;
		rate += (double)tally[TALLY_BLOCKS] * STREAM_BLOCK / (double)tally[TALLY_NS];
		offered += (double)tally[TALLY_OFFERED] * STREAM_BLOCK / (double)tally[TALLY_NS];
	}
	value[0] = 1e9 * rate * (way == READ || way == ALONE ? 1 : 2);
	value[1] = way == ALONE ? 1 : offered > 0 ? rate / offered : (double)NAN; /* alone: they did all of nothing */
}

static const struct sm_variant variants[] = {
	{ .name = "alone", .summary = "the others spin, and use no memory", .arg = ALONE },
	{ .name = "read", .summary = "the others read", .arg = READ },
	{ .name = "write", .summary = "the others write", .arg = WRITE },
	{ .name = "mixed", .summary = "the others read each block and write it", .arg = MIXED },
	{ 0 },
};

#define LATENCY "Is memory as fast while others use it?"
#define LONGER(id_, variant, words, at_, needs_, ...)                                                                  \
	{                                                                                                              \
		.id = id_, .text = words, .source = "loaded-latency curves of memory testers", .question = LATENCY,    \
		SM_RATIO(variant, "alone", __VA_ARGS__), .at = at_, .needs = needs_                                    \
	}
#define FULL_LOAD "load=100 processes=2 placement=near cores=different"
#define ALL_PUS   "load=100 processes=1xPU workers>=4 placement=near cores=different"
static const struct sm_claim claims[] = {
	LONGER("P11", "read",
	       "One process that reads as fast as it can makes a load of another one take at least 10 % longer",
	       FULL_LOAD, "two cores", .min = 1.1),
	LONGER("P11.write", "write",
	       "One process that writes as fast as it can makes a load of another one take at least 10 % longer",
	       FULL_LOAD, "two cores", .min = 1.1),
	LONGER("P11.saturated", "read",
	       "When all other cores read as fast as they can, a load takes at least twice as long", ALL_PUS,
	       "four cores of one hardware thread each", .min = 2),
	LONGER("P11.little", "read",
	       "At a tenth of its rate a process that reads slows the loads of another one by no more than 10 %",
	       "load=10 processes=2 placement=near cores=different", "two cores", .max = 1.1, .holds = ACHIEVED,
	       .holds_min = 0.9),
	{ 0 },
};

const struct sm_scenario sm_scenario_loaded_latency = {
	.name = "loaded_latency",
	.family = "paging",
	.question = "How much longer does a load take while others use the memory?",
	.summary = "A walk of dependent loads, while other processes pass over memory at some rate.",
	.why = "Loads of all cores wait in the same queues before the memory. While these are short a load takes "
	       "what it takes alone; towards the highest bandwidth they fill, and the time of each load rises "
	       "steeply while the bandwidth hardly grows. One core may not be able to fill them.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "processes",
		      .unit = "1",
		      .summary = "the one that walks and those that pass over memory",
		      .quick = SM_VALUES(2),
		      .standard = SM_SWEEP((2), SM_TIMES_PUS(1)),
		      .full = SM_SWEEP((2), SM_DOUBLING, SM_TIMES_PUS(1)),
		      .min = 2,
		      .max = STREAMERS },
		    { .name = "load",
		      .unit = "%",
		      .summary = "of the rate that each of the others reaches without pauses",
		      .quick = SM_VALUES(100),
		      .standard = SM_VALUES(10, 25, 50, 75, 90, 100),
		      .min = 1,
		      .max = 100 },
		    { .name = "bytes",
		      .unit = "B",
		      .summary =
			      "size of the walk's region, a power of two; the others of one cache have half of it together",
		      .quick = SM_SCALED(SM_TIMES_LLC(4)),
		      .min = 1 << 16,
		      .max = 1ull << 40 } },
	.workers_param = "processes",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per dependent load", "ns/op" },
	.more = { { SM_BANDWIDTH, "B/s" }, { ACHIEVED, "1" } },
	.memory = { .backing = SM_ANON, .prefault = SM_MADVISE },
	.state_bytes = sizeof(struct state),
	.self_timed = true,
	.subject = SM_KEPT,
	.warm_ns = SM_WARM_MEMORY_NS,
	.region_bytes = region_bytes,
	.own_bytes = own_bytes,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = teardown,
};
