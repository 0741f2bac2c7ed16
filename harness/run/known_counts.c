/* Tests the counters on work whose counts are known.
 *
 * Lines      flushed from every cache, then loaded once each: each load is a last-level miss.
 * Pages      many more than a TLB holds, one load in each: each load is a data TLB miss.
 * Transfers  two processes write in turn.  To one line: each turn transfers it once.  To lines of their own: never.
 * All loads of a walk form one chain in random order.  Each waits for the one before, so none is speculative and no
 * prefetcher can guess the next one. */
#include <errno.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/cache.h"
#include "shmeter/clock.h"
#include "shmeter/known_counts.h"
#include "shmeter/spin.h"
#include "shmeter/stats.h"
#include "shmeter/team.h"
#include "shmeter/topology.h"

/* The walked memory is at least this and twice the last-level cache, but at most a quarter of the free memory. */
#define WALK_BYTES_MIN (64u << 20)
/* Distance of the lines: no two are adjacent, so a prefetcher of line pairs loads none of them. */
#define LINE_STEP 256u
#define LINES_MAX (1u << 20)
/* Pages: 32 times the largest second-level TLB in use (2048 to 3072 entries in 2025), so that a random replacement
 * keeps 1 in 20 at most; 16 pages apart, as one entry may cover neighbours (8 on Arm, 4 on AMD). */
#define PAGES     (1u << 16)
#define PAGE_STEP 16u
#define TURNS     100000u
#define LIMIT_NS  60000000000u

static const struct known {
	const char *what, *event;
	unsigned workers;
	double low, high; /* bounds of the count, as a share of the known count */
} known[SM_KNOWN_COUNTS] = {
	[SM_KNOWN_LINES] = { "last-level misses of lines walked beyond the caches", "LLC-load-misses", 1, 0.95, 1.05 },
	[SM_KNOWN_PAGES] = { "data TLB misses of pages walked beyond the TLB", "dTLB-load-misses", 1, 0.9, 1.1 },
	[SM_KNOWN_SHARED] = { "line transfers of two writers on one line", "loads-from-other-core", 2, 0.5, 1.5 },
	/* as a share of the count with sharing */
	[SM_KNOWN_PADDED] = { "line transfers of two writers on lines of their own", "loads-from-other-core", 2, 0,
			      0.01 },
};

/* Memory that the members of the team share. */
struct bench {
	alignas(SM_LINE_PAIR) _Atomic uint64_t turn[2];
	alignas(SM_LINE_PAIR) _Atomic uint64_t own[2][SM_LINE_PAIR / sizeof(uint64_t)];
	alignas(SM_LINE_PAIR) _Atomic uint32_t abort, ready;
	struct sm_count count[2];
	uint64_t expected[2];
};

struct job {
	const struct sm_os *os;
	const struct sm_topology *topology;
	const struct sm_event_set *set;
	unsigned seat[2];
	enum sm_known what;
	uint64_t lines, bytes;
	struct bench *bench;
};

/* Makes one ring of pointers through `count` places `step` bytes apart, in random order. */
static void **make_ring(char *memory, uint64_t count, size_t step)
{
	uint32_t *order = malloc(count * sizeof(*order));
	struct sm_random random;

	if (!order)
		return NULL;
	for (uint64_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	sm_random_seed(&random, 1);
	sm_random_shuffle(&random, order, count, sizeof(*order));
	for (uint64_t i = 0; i < count; i++)
		*(void **)(void *)(memory + order[i] * step) = memory + order[(i + 1) % count] * step;
	free(order);
	return (void **)(void *)memory;
}

static int walk(struct job *job)
{
	bool lines = job->what == SM_KNOWN_LINES;
	uint64_t count = lines ? job->lines : PAGES;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t step = lines ? job->bytes / job->lines / LINE_STEP * LINE_STEP : PAGE_STEP * page;
	char *memory =
		mmap(NULL, count * step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct sm_count all[SM_EVENTS_MAX] = { { 0 } };
	struct sm_counters counters;
	void **at;

	if (memory == MAP_FAILED)
		return 1;
	(void)!madvise(memory, count * step, MADV_NOHUGEPAGE);
	at = make_ring(memory, count, step);
	if (!at)
		return 1;
	for (uint64_t i = 0; lines && i < count; i++)
		sm_cache_flush_line(memory + i * step);
	sm_cache_flushed();
	sm_counters_open(&counters, job->set, job->os);
	sm_counters_enable(&counters);
	for (uint64_t i = 0; i < count; i++)
		at = *(void *volatile *)at;
	sm_counters_disable(&counters);
	sm_counters_read(&counters, all);
	sm_counters_close(&counters);
	job->bench->count[0] = all[0];
	job->bench->expected[0] = count;
	return at == (void **)(void *)memory ? 0 : 1;
}

static int take_turns(struct job *job, unsigned index)
{
	struct bench *bench = job->bench;
	struct sm_count all[SM_EVENTS_MAX] = { { 0 } };
	struct sm_counters counters;
	unsigned spins = 0;

	sm_counters_open(&counters, job->set, job->os);
	/* relaxed, as all below: these words publish no other data */
	atomic_fetch_add_explicit(&bench->ready, 1, memory_order_relaxed);
	while (atomic_load_explicit(&bench->ready, memory_order_relaxed) < 2)
		if (!sm_spin(&spins, &bench->abort))
			return 1;
	sm_counters_enable(&counters);
	for (uint64_t n = 0; n < TURNS; n++) {
		_Atomic uint64_t *word = &bench->turn[0];
		uint64_t awaited = 2 * n + index;

		if (job->what == SM_KNOWN_PADDED) {
			word = &bench->own[index][0];
			awaited = n;
		}
		while (atomic_load_explicit(word, memory_order_relaxed) != awaited)
			if (!sm_spin(&spins, &bench->abort))
				return 1;
		atomic_store_explicit(word, awaited + 1, memory_order_relaxed);
	}
	sm_counters_disable(&counters);
	sm_counters_read(&counters, all);
	sm_counters_close(&counters);
	bench->count[index] = all[0];
	bench->expected[index] = TURNS;
	return 0;
}

static int member(void *argument, unsigned index)
{
	struct job *job = argument;

	if (sm_topology_pin(job->topology, job->seat[index], NULL) < 0)
		return 1;
	return known[job->what].workers == 1 ? walk(job) : take_turns(job, index);
}

/* Sizes the walk by the last-level cache and the memory that is free. */
static void size_walk(struct job *job)
{
	struct sm_cache cache[8];
	unsigned levels = sm_topology_caches(job->topology, cache, 8);
	uint64_t room = (uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 4;

	job->bytes = levels ? 2 * cache[levels - 1].bytes : 0;
	if (job->bytes < WALK_BYTES_MIN)
		job->bytes = WALK_BYTES_MIN;
	if (job->bytes > room)
		job->bytes = room;
	job->lines = job->bytes / LINE_STEP;
	if (job->lines > LINES_MAX)
		job->lines = LINES_MAX;
}

/* Seats the processes on PUs whose transfers the event counts, or says why there are none. */
static int seat(struct job *job, const struct sm_event *event, struct sm_error *err)
{
	struct sm_seats seats;
	int rc = sm_topology_seat(job->topology, SM_PLACE_NEAR, NULL, 0, known[job->what].workers, &seats, err);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < known[job->what].workers; i++)
		job->seat[i] = seats.seat[i];
	if (known[job->what].workers == 2 &&
	    (seats.shared_pu || (seats.relation != SM_PLACE_SHARED_L2 && seats.relation != SM_PLACE_SHARED_L3)))
		rc = sm_fail(err, ENODEV, "it needs two cores under one cache, and there are none");
	else if (known[job->what].workers == 2 && strcmp(event->name, known[job->what].event) != 0 &&
		 strncmp(event->name, "fills-from-own", strlen("fills-from-own")) != 0)
		rc = sm_fail(err, ENOTSUP,
			     "no event of this CPU counts lines from a core under the same cache (%s "
			     "counts others)",
			     event->name);
	sm_seats_free(&seats);
	return rc;
}

static int count_it(struct job *job, struct sm_known_count *out, struct sm_error *err)
{
	struct bench *bench = mmap(NULL, sizeof(*bench), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	unsigned workers = known[job->what].workers, first = 0;
	struct sm_team team;
	int rc;

	if (bench == MAP_FAILED)
		return sm_fail(err, errno, "no memory for the counts");
	job->bench = bench;
	rc = sm_team_start(&team, workers, "counting", member, job, &bench->abort, err);
	if (rc == 0) {
		if (sm_team_wait(&team, sm_clock_ns() + LIMIT_NS, NULL, &first) != SM_TEAM_DONE)
			rc = sm_fail(err, EIO, "a process that was to be counted ended early");
		sm_team_free(&team);
	}
	out->state = SM_COUNTED;
	for (unsigned i = 0; rc == 0 && i < workers; i++) {
		if (bench->count[i].state > out->state)
			out->state = bench->count[i].state;
		out->counted += bench->count[i].value;
		out->expected += (double)bench->expected[i];
	}
	munmap(bench, sizeof(*bench));
	return rc;
}

static void judge(enum sm_known what, struct sm_known_count *out)
{
	double low = known[what].low * out->expected, high = known[what].high * out->expected;

	if (out->state > SM_SCALED) {
		out->verdict = SM_NOT_TESTABLE;
		snprintf(out->reason, sizeof(out->reason), "the event was %s", sm_count_state_name(out->state));
		return;
	}
	out->verdict = out->counted >= low && out->counted <= high ? SM_SUPPORTED : SM_REFUTED;
}

static int check(struct job *job, enum sm_known what, struct sm_known_count *out, struct sm_error *err)
{
	struct sm_event_set *set = calloc(1, sizeof(*set));
	struct sm_error why = { 0 };
	int rc;

	if (!set)
		return sm_fail(err, ENOMEM, "no memory for the events");
	memset(out, 0, sizeof(*out));
	out->what = known[what].what;
	job->what = what;
	job->set = set;
	rc = sm_events_prepare(set, job->os, known[what].event, err);
	if (rc < 0)
		goto out_free;
	snprintf(out->event, sizeof(out->event), "%s", set->event[0].name);
	out->verdict = SM_NOT_TESTABLE;
	if (what == SM_KNOWN_LINES && !SM_HAS_CACHE_FLUSH) {
		snprintf(out->reason, sizeof(out->reason), "user code of this architecture cannot flush a line");
	} else if (!sm_event_available(&set->event[0])) {
		snprintf(out->reason, sizeof(out->reason), "%s", set->event[0].reason);
	} else if (seat(job, &set->event[0], &why) < 0) {
		snprintf(out->reason, sizeof(out->reason), "%s", why.text);
	} else {
		rc = count_it(job, out, err);
		if (rc == 0)
			judge(what, out);
	}
out_free:
	free(set);
	return rc;
}

int sm_known_counts(const struct sm_os *os, const struct sm_topology *topology,
		    struct sm_known_count out[SM_KNOWN_COUNTS], struct sm_error *err)
{
	struct job job = { .os = os, .topology = topology };
	int rc = 0;

	size_walk(&job);
	for (int what = 0; rc == 0 && what < SM_KNOWN_COUNTS; what++)
		rc = check(&job, (enum sm_known)what, &out[what], err);
	return rc;
}
