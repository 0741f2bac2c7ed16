/* Question: do two addresses in two processes refer to the same memory?
 * Method:   both processes map every page of the object; worker 1 uses another mapping at another address.  Both ask
 *           the kernel for the page frame behind each page (/proc/self/pagemap).  With a private mapping worker 1
 *           writes to the page first.  One page is an operation.
 * Not shown: machines that hide the page frame numbers.
 * Cost of the loop: one read() per page. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/scenario.h"

enum { SHARED, PRIVATE };
enum { TALLY_ASKED };
#define PAGES 256u

struct state {
	volatile char *base; /* the mapping that this worker looks up */
	int pagemap;
};

/* The table behind the pages: the frames that each worker found. */
static size_t table_at(void)
{
	return PAGES * (size_t)sysconf(_SC_PAGESIZE);
}

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return table_at() + 4 * PAGES * sizeof(uint64_t);
}

/* Documentation/admin-guide/mm/pagemap.rst: bits 0-54, zero without CAP_SYS_ADMIN. */
static uint64_t frame_of(int pagemap, const volatile char *address)
{
	uint64_t entry = 0;
	uintptr_t page = (uintptr_t)address / (uintptr_t)sysconf(_SC_PAGESIZE);

	if (pread(pagemap, &entry, sizeof(entry), (off_t)(page * sizeof(entry))) != sizeof(entry))
		return 0;
	return entry & ((1ull << 55) - 1);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char here = 1;
	uint64_t frame = pagemap < 0 ? 0 : frame_of(pagemap, &here);

	(void)c;
	if (pagemap >= 0)
		close(pagemap);
	return frame ? 0
		     : sm_fail(why, EPERM,
			       "the kernel hides page frame numbers from this user: run as root "
			       "(CAP_SYS_ADMIN)");
}

static int warm_up(struct sm_worker *worker)
{
	int flags = sm_case_variant(worker->c)->arg == PRIVATE ? MAP_PRIVATE : MAP_SHARED;
	struct state *state = worker->state;

	state->base = worker->region;
	state->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (state->pagemap < 0)
		return sm_worker_fail(worker, errno, "no pagemap: %s", strerror(errno));
	if (worker->index == 0)
		return 0;
	state->base = mmap(NULL, table_at(), PROT_READ | PROT_WRITE, flags, worker->mapping->fd, 0);
	if (state->base == MAP_FAILED)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	for (size_t i = 0; i < table_at(); i += (size_t)sysconf(_SC_PAGESIZE))
		state->base[i] = 1;
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t *table = (uint64_t *)(void *)((char *)worker->region + table_at());
	const struct state *state = worker->state;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t n = worker->op_count;

	for (uint64_t i = 0; i < n; i++) {
		table[worker->index * PAGES + i] = frame_of(state->pagemap, state->base + i * page);
		table[(2 + worker->index) * PAGES + i] = (uintptr_t)state->base + i * page;
		worker->outcome->tally[TALLY_ASKED]++;
	}
	return n;
}

static uint64_t fixed_ops(const struct sm_case *c)
{
	(void)c;
	return PAGES;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const uint64_t *table = (const uint64_t *)(const void *)((char *)trial->region + table_at());

	if (sm_trial_tally(trial, TALLY_ASKED) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu pages were asked for in %lu operations",
			       sm_trial_tally(trial, TALLY_ASKED), sm_trial_ops(trial));
	for (unsigned i = 0; i < PAGES; i++)
		if (table[2 * PAGES + i] == table[3 * PAGES + i])
			return sm_fail(err, EILSEQ, "page %u has one address in both processes", i);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *table = (const uint64_t *)(const void *)((char *)trial->region + table_at());
	unsigned same = 0;

	for (unsigned i = 0; i < PAGES; i++)
		same += table[i] != 0 && table[i] == table[PAGES + i];
	value[0] = (double)same / PAGES;
}

static const struct sm_variant variants[] = {
	{ .name = "shared", .summary = "a shared mapping at another address", .arg = SHARED },
	{ .name = "private_written", .summary = "a private mapping, written to", .arg = PRIVATE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K6",
	  .text = "Two addresses in two processes, one page frame",
	  .source = "textbooks: what sharing memory means",
	  SM_METRIC("shared", "pages in one frame", .min = 1, .max = 1),
	  .needs = "CAP_SYS_ADMIN" },
	{ .id = "K6.private",
	  .text = "A private page that was written has a frame of its own",
	  .source = "textbooks on copy-on-write",
	  SM_METRIC("private_written", "pages in one frame", .max = 0),
	  .control = "K6",
	  .needs = "CAP_SYS_ADMIN" },
	{ 0 },
};

const struct sm_scenario sm_scenario_same_frame = {
	.name = "same_frame",
	.family = "correctness",
	.question = "Do two addresses in two processes mean the same memory?",
	.summary = "The page frames behind two mappings of one object.",
	.why = "A virtual address is a place in one process' page table. Shared memory is "
	       "two tables whose entries name one frame. A private mapping's entry names it "
	       "too, until it is written.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE },
	.metric = { "time per question", "ns/op" },
	.more = { { "pages in one frame", "1" } },
	.memory = { .backing = SM_MEMFD, .pages = { SM_PAGES_BASE, 0 } },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.fixed_ops = fixed_ops,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
