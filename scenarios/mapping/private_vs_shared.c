/* Question: what does the first write to a page cost in a private and in a shared mapping of one object?
 * Method:   the object's pages are in memory and in no cache.  One worker maps it afresh, private or shared, and
 *           writes a word of every page; one page is an operation.  A private mapping gets a copy of the page, a
 *           shared one the page itself.
 * Not shown: writes after a read (the page is then already mapped, and becomes writable), huge pages.
 * Cost of the loop: one store and an addition per page; everything else is the fault.  The written words are checked
 *           outside the timed part. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/scenario.h"

enum { PARAM_BYTES };

struct state {
	volatile uint64_t *words; /* the fresh mapping */
};

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

/* Every page of a private mapping is copied. */
static size_t own_bytes(const struct sm_case *c)
{
	return sm_case_variant(c)->arg ? c->param[PARAM_BYTES] : 0;
}

static uint64_t pages(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t before(uint64_t page)
{
	return page * 2 + 1;
}

static uint64_t after(uint64_t page)
{
	return ~page;
}

static int warm_up(struct sm_worker *worker)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	int flags = sm_case_variant(worker->c)->arg ? MAP_PRIVATE : MAP_SHARED;
	struct state *state = worker->state;
	uint64_t *words = worker->region;
	struct sm_error err = { 0 };
	void *address;

	if (sm_region_populate(worker->mapping, &err) < 0)
		return sm_worker_fail(worker, err.code, "%s", err.text);
	for (uint64_t i = 0; i < pages(worker->c); i++)
		words[i * step] = before(i);
	if (sm_region_cool(worker->mapping, &err) < 0)
		return sm_worker_fail(worker, err.code, "%s", err.text);
	address = mmap(NULL, worker->region_bytes, PROT_READ | PROT_WRITE, flags, worker->mapping->fd, 0);
	if (address == MAP_FAILED)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	/* With huge pages there would be one fault for many pages. */
	(void)madvise(address, worker->region_bytes, MADV_NOHUGEPAGE);
	state->words = address;
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	const struct state *state = worker->state;
	volatile uint64_t *words = state->words;
	uint64_t n = worker->op_count, start = sm_clock_ns();

	for (uint64_t i = 0; i < n; i++)
		words[i * step] = after(i);
	worker->time_ns += sm_clock_ns() - start;
	/* The writer checks its own mapping; the parent checks the object's pages. */
	for (uint64_t i = 0; i < n; i++)
		worker->outcome->tally[0] += words[i * step] == after(i);
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	bool is_private = sm_case_variant(trial->c)->arg;
	const uint64_t *words = trial->region;

	if (trial->outcome[0]->tally[0] != trial->outcome[0]->ops)
		return sm_fail(err, EILSEQ, "%lu pages were written in %lu operations", trial->outcome[0]->tally[0],
			       trial->outcome[0]->ops);
	for (uint64_t i = 0; i < trial->outcome[0]->ops; i++)
		if (words[i * step] != (is_private ? before(i) : after(i)))
			return sm_fail(err, EILSEQ, "page %lu of the object %s", i,
				       is_private ? "shows a private write" : "does not show a shared write");
	return 0;
}

#define OF(backing_, kind, words, private_)                                                                            \
	{                                                                                                              \
		.name = #backing_ "_" #kind, .summary = words,                                                         \
		.memory = { .backing = backing_##_BACKING, .pages = { SM_PAGES_BASE, 0 }, .prefault = SM_MADVISE },    \
		.arg = private_                                                                                        \
	}
#define memfd_BACKING SM_MEMFD
#define file_BACKING  SM_FILE
static const struct sm_variant variants[] = {
	OF(memfd, shared, "a memfd, MAP_SHARED", 0),
	OF(memfd, private, "a memfd, MAP_PRIVATE", 1),
	OF(file, shared, "a file, MAP_SHARED", 0),
	OF(file, private, "a file, MAP_PRIVATE", 1),
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "M4",
	  .text = "The first write to a page of a file costs more in a private mapping than in a shared one",
	  .source = "textbooks on copy-on-write: a private write copies the page",
	  SM_RATIO("file_private", "file_shared", .min = 1),
	  .caveat =
		  "on a shared write the file system is asked too, and may take longer than a copy; with large folios "
		  "one fault serves several pages" },
	{ .id = "M4.memfd",
	  .text = "The first write to a page of a memfd costs more in a private mapping than in a shared one",
	  .source = "textbooks on copy-on-write: a private write copies the page",
	  SM_RATIO("memfd_private", "memfd_shared", .min = 1) },
	{ .id = "M4.faults",
	  .text = "A private write takes exactly one minor fault a page",
	  .source = "textbooks on copy-on-write",
	  SM_EXACT_COUNT("memfd_private", "minor-faults", 1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_private_vs_shared = {
	.name = "private_vs_shared",
	.family = "mapping",
	.question = "What does the first write cost in a private and in a shared mapping?",
	.summary = "One write a page to a fresh mapping of an object that is in memory.",
	.why = "A private write takes a fault, a new frame and a copy of the page into it. A shared "
	       "one enters the frame that is there into the page table. Where a file system "
	       "keeps a file in large folios (ext4 since Linux 6.16, XFS), one fault enters all "
	       "pages of a folio: faults an operation are then under 1 for a file, the fewer the "
	       "larger it is, and what a page takes with them.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the object",
		      .quick = SM_VALUES(32 << 20),
		      .full = SM_VALUES(32 << 20, 256 << 20),
		      .min = 4096,
		      .max = 1ull << 40 } },
	.workers = 1,
	.expected = { { .variant = "memfd_shared", .event = "minor-faults", .per_op = 1 },
		      { .variant = "file_private", .event = "minor-faults", .per_op = 1 } },
	.metric = { "time per page", "ns/op" },
	.subject = SM_COLD,
	.self_timed = true,
	.warm_physical = true,
	.own_prefault = true,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.own_bytes = own_bytes,
	.fixed_ops = pages,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
