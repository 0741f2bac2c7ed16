/* Question: do page faults of several processes slow each other down?
 * Method:   every worker writes a word of every page of its share of fresh memory: of one common region (page i
 *           belongs to worker i modulo the number of workers), of a memfd of its own, or of private memory.  An
 *           operation is a page of each worker.  The same amount of memory is touched, flushed from the caches and
 *           freed right before.
 * Not shown: threads of one process, which also share its page tables and their locks.
 * Cost of the loop: one store and an addition per page; everything else is the fault.  The time of the slowest
 *           worker counts. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/scenario.h"

enum { PARAM_PROCESSES, PARAM_BYTES };
enum { SHARED, SEPARATE, PRIVATE };
enum { TALLY_WRITTEN };

struct state {
	volatile uint64_t *words;
	size_t step; /* words from one of this worker's pages to the next */
};

static uint64_t pages(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The region is made even if it is not used, so that the same amount of memory is host-warm. */
static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] * c->workers;
}

static int warm_up(struct sm_worker *worker)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = worker->c->param[PARAM_BYTES];
	struct state *state = worker->state;
	bool own = sm_case_variant(worker->c)->arg == PRIVATE;
	int fd = -1;

	if (sm_case_variant(worker->c)->arg == SHARED) {
		state->words = (uint64_t *)worker->region + worker->index * (page / sizeof(uint64_t));
		state->step = worker->c->workers * (page / sizeof(uint64_t));
		return 0;
	}
	if (!own && ((fd = memfd_create("shmeter", MFD_CLOEXEC)) < 0 || ftruncate(fd, (off_t)bytes) < 0))
		return sm_worker_fail(worker, errno, "no memfd: %s", strerror(errno));
	state->words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, own ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
	state->step = page / sizeof(uint64_t);
	if (fd >= 0)
		close(fd);
	if ((void *)state->words == MAP_FAILED)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	(void)madvise((void *)state->words, bytes, MADV_NOHUGEPAGE);
	return 0;
}

/* Checks the written words after the timed part, because only this process can see separate memory. */
static uint64_t run(struct sm_worker *worker)
{
	const struct state *state = worker->state;
	volatile uint64_t *words = state->words;
	uint64_t n = worker->op_count, step = state->step, start = sm_clock_ns();

	for (uint64_t i = 0; i < n; i++)
		words[i * step] = i * 2 + 1;
	worker->time_ns += sm_clock_ns() - start;
	for (uint64_t i = 0; i < n; i++)
		worker->outcome->tally[TALLY_WRITTEN] += words[i * step] == i * 2 + 1;
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	for (unsigned i = 0; i < trial->c->workers; i++)
		if (trial->outcome[i]->tally[TALLY_WRITTEN] != trial->outcome[i]->ops)
			return sm_fail(err, EILSEQ, "worker %u wrote %lu pages in %lu operations", i,
				       trial->outcome[i]->tally[TALLY_WRITTEN], trial->outcome[i]->ops);
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "separate", .summary = "a memfd for each process", .arg = SEPARATE },
	{ .name = "shared", .summary = "one region for all", .arg = SHARED },
	{ .name = "private", .summary = "private anonymous memory: the price without any sharing", .arg = PRIVATE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "P6",
	  .text = "Two processes that fault in one region get in each other's way: a fault takes at least 5 % "
		  "longer than in regions of their own",
	  .source = "one page cache, one lock: will-it-scale's page_fault tests",
	  SM_RATIO("shared", "separate", .min = 1.05),
	  .at = "processes=2 processes<=1xPU",
	  .needs = "two PUs",
	  .caveat = "more processes show more: --set processes=1,2,4,8" },
	{ .id = "P6.private",
	  .text = "A fault in shared memory costs more than in private memory",
	  .source = "a page cache to look into, and a lock",
	  SM_RATIO("separate", "private", .min = 1) },
	{ .id = "P6.faults",
	  .text = "Each page is faulted in once by each process that writes to it, shared or not",
	  .source = "page tables are a process' own",
	  SM_EXACT_COUNT("shared", "minor-faults", 1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_fault_scaling = {
	.name = "fault_scaling",
	.family = "paging",
	.question = "Do page faults of several processes get in each other's way?",
	.summary = "All write fresh pages at once: of one region, or each of its own.",
	.why = "Faults of one object meet in its page cache and its locks; every page of it "
	       "has to be looked up, put in and counted there. Objects of their own share "
	       "the allocator and the counters of their memory cgroup only. The faults an "
	       "operation are the same, so what differs is waiting.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "processes",
		      .unit = "1",
		      .summary = "that fault",
		      .quick = SM_VALUES(2),
		      .standard = SM_SWEEP((1, 2), SM_TIMES_PUS(1)),
		      .full = SM_SWEEP((1, 2, 4, 8, 16), SM_DOUBLING, SM_TIMES_PUS(1)),
		      .min = 1,
		      .max = 4096 },
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "of each process",
		      .quick = SM_VALUES(16 << 20),
		      .full = SM_VALUES(64 << 20),
		      .min = 4096,
		      .max = 1ull << 36 } },
	.workers_param = "processes",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	.expected = { { .event = "minor-faults", .per_op = 1 } },
	.metric = { "time per page of each process", "ns/op" },
	.memory = { .backing = SM_MEMFD, .pages = { SM_PAGES_BASE, 0 }, .prefault = SM_LAZY },
	.subject = SM_COLD,
	.self_timed = true,
	.warm_physical = true,
	.own_prefault = true,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.fixed_ops = pages,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
