/* Question: how long does a second process take to attach to memory that exists and is populated?
 * Method:   worker 0 fills the region and flushes it from the caches.  Worker 1 attaches to the object and detaches
 *           again; that is an operation.  After the slices it attaches once more and reads a word of every page:
 *           this records the time of each first read and the number of faults.
 * Not shown: anonymous memory, which no process can attach to: it is inherited.
 * Cost of the loop: two system calls. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>

#include "shmeter/scenario.h"

enum { TALLY_ATTACHED, TALLY_PAGES, TALLY_WRONG, TALLY_PASS_NS, TALLY_FAULTS };

static size_t region_bytes(const struct sm_case *c)
{
	return sm_case_variant(c)->arg;
}

static uint64_t mark(uint64_t page)
{
	return page * 2 + 1;
}

static int warm_up(struct sm_worker *worker)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	uint64_t *words = worker->region, pages = worker->region_bytes / sysconf(_SC_PAGESIZE);
	struct sm_error err = { 0 };

	if (worker->index > 0)
		return 0;
	if (sm_region_populate(worker->mapping, &err) < 0)
		return sm_worker_fail(worker, err.code, "%s", err.text);
	for (uint64_t i = 0; i < pages; i++)
		words[i * step] = mark(i);
	if (sm_region_cool(worker->mapping, &err) < 0)
		return sm_worker_fail(worker, err.code, "%s", err.text);
	return 0;
}

static inline void *attach(const struct sm_region *region)
{
	if (region->shmid >= 0)
		return shmat(region->shmid, NULL, 0);
	return mmap(NULL, region->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd, 0);
}

static inline int detach(const struct sm_region *region, void *address)
{
	return region->shmid >= 0 ? shmdt(address) : munmap(address, region->mapped_bytes);
}

static uint64_t run(struct sm_worker *worker)
{
	const struct sm_region *region = worker->mapping;
	uint64_t n = worker->op_count, i = 0;

	if (worker->index == 0)
		return n;
	for (; i < n; i++) {
		void *address = attach(region);

		if (address == MAP_FAILED || detach(region, address) < 0) {
			sm_worker_fail(worker, errno, "cannot attach: %s", strerror(errno));
			break;
		}
	}
	worker->outcome->tally[TALLY_ATTACHED] += i;
	return i;
}

static uint64_t faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (uint64_t)usage.ru_minflt;
}

/* The first pass through a fresh attachment. */
static uint64_t trace(struct sm_worker *worker)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), step = page / sizeof(uint64_t);
	uint64_t pages = worker->region_bytes / page, *tally = worker->outcome->tally;
	uint64_t before, start, last, now;
	const volatile uint64_t *words;

	if (worker->index == 0)
		return 0;
	words = attach(worker->mapping);
	if ((const void *)words == MAP_FAILED) {
		sm_worker_fail(worker, errno, "cannot attach: %s", strerror(errno));
		return 0;
	}
	before = faults();
	start = last = sm_clock_ns();
	for (uint64_t i = 0; i < pages; i++) {
		tally[TALLY_WRONG] += words[i * step] != mark(i);
		now = sm_clock_ns();
		sm_histogram_add(worker->histogram, now - last);
		last = now;
	}
	tally[TALLY_PASS_NS] = last - start;
	tally[TALLY_FAULTS] = faults() - before;
	tally[TALLY_PAGES] = pages;
	detach(worker->mapping, (void *)words);
	return 0;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *o = trial->outcome[1];

	if (o->tally[TALLY_ATTACHED] != o->ops)
		return sm_fail(err, EILSEQ, "attached %lu times in %lu operations", o->tally[TALLY_ATTACHED], o->ops);
	if (o->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu pages did not have what the other process wrote",
			       o->tally[TALLY_WRONG]);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[1]->tally;
	double pages = tally[TALLY_PAGES] ? (double)tally[TALLY_PAGES] : (double)NAN;

	value[0] = (double)tally[TALLY_PASS_NS] / pages;
	value[1] = (double)tally[TALLY_FAULTS] / pages;
}

#define SIZES(backing_, words)                                                                                         \
	{ .name = #backing_ "_1m",                                                                                     \
	  .summary = words ", 1 MiB",                                                                                  \
	  .memory = { .backing = backing_##_BACKING, .prefault = SM_MADVISE },                                         \
	  .arg = 1 << 20 },                                                                                            \
	{                                                                                                              \
		.name = #backing_ "_64m", .summary = words ", 64 MiB",                                                 \
		.memory = { .backing = backing_##_BACKING, .prefault = SM_MADVISE }, .arg = 64 << 20                   \
	}
#define memfd_BACKING SM_MEMFD
#define posix_BACKING SM_POSIX
#define sysv_BACKING  SM_SYSV
#define file_BACKING  SM_FILE
static const struct sm_variant variants[] = {
	SIZES(memfd, "a memfd"),
	SIZES(posix, "POSIX shared memory"),
	SIZES(sysv, "a System V segment"),
	SIZES(file, "a mapped file"),
	{ 0 },
};

#define NO_COPY(id_, backing, words)                                                                                   \
	{                                                                                                              \
		.id = id_,                                                                                             \
		.text = "Attaching to " words " copies no data: 64 MiB take as long as 1 MiB, within "                 \
			"20 %, until they are touched",                                                                \
		.source = "textbooks: mapping is bookkeeping",                                                         \
		SM_RATIO(#backing "_64m", #backing "_1m", .min = 1 / 1.2, .max = 1.2)                                  \
	}
static const struct sm_claim claims[] = {
	NO_COPY("M2", posix, "POSIX shared memory"),
	NO_COPY("M2.memfd", memfd, "a memfd"),
	NO_COPY("M2.sysv", sysv, "a System V segment"),
	NO_COPY("M2.file", file, "a mapped file"),
	{ .id = "M2.faults",
	  .text = "Reading a populated segment through a fresh attachment faults once in 64 KiB: the kernel maps what "
		  "lies around",
	  .source = "fault-around, mm/memory.c: 64 KiB by default",
	  SM_METRIC("posix_64m", "faults per page", .min = 1.0 / 16, .max = 1.0 / 16 + 0.001),
	  .by_page = true,
	  .caveat = "debugfs' fault_around_bytes changes it" },
	{ 0 },
};

const struct sm_scenario sm_scenario_attach_existing = {
	.name = "attach_existing",
	.family = "mapping",
	.question = "What does it take to attach to shared memory that is full?",
	.summary = "A second process attaches and detaches; then it reads every page once.",
	.why = "Attaching makes a range of addresses, and no page table entry. The entries "
	       "come at the first touch: a read of a page that is there maps its neighbours "
	       "too (fault-around), 64 KiB at once, so there are fewer faults than "
	       "pages.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_CROSS_NODE },
	.metric = { "time per attaching and detaching", "ns/op" },
	.more = { { "first pass per page", "ns" }, { "faults per page", "1" } },
	.own_prefault = true,
	.region_bytes = region_bytes,
	.warm_up = warm_up,
	.run = run,
	.trace = trace,
	.verify = verify,
	.measure = measure,
};
