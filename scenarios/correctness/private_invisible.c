/* Question: who sees a write to a private and to a shared mapping?
 * Method:   a process maps the object again, private or shared, and writes a word of every page; one page is an
 *           operation.  Then another process reads the object.
 * Not shown: what the write costs (private_vs_shared).
 * Cost of the loop: one store and an addition per page; everything else is the fault. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/scenario.h"

enum { SHARED, PRIVATE };
enum { PARAM_BYTES };
enum { TALLY_OWN };

struct state {
	volatile uint64_t *words;
};

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static uint64_t pages(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / (uint64_t)sysconf(_SC_PAGESIZE);
}

static int warm_up(struct sm_worker *worker)
{
	int flags = sm_case_variant(worker->c)->arg == PRIVATE ? MAP_PRIVATE : MAP_SHARED;
	struct state *state = worker->state;
	void *address = mmap(NULL, worker->region_bytes, PROT_READ | PROT_WRITE, flags, worker->mapping->fd, 0);

	if (address == MAP_FAILED)
		return sm_worker_fail(worker, errno, "cannot map: %s", strerror(errno));
	state->words = address;
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	const struct state *state = worker->state;
	uint64_t n = worker->op_count, own = 0;

	for (uint64_t i = 0; i < n; i++)
		state->words[i * step] = i * 2 + 1;
	for (uint64_t i = 0; i < n; i++)
		own += state->words[i * step] == i * 2 + 1;
	worker->outcome->tally[TALLY_OWN] += own;
	return n;
}

/* The writer itself sees everything it wrote. */
static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (trial->outcome[0]->tally[TALLY_OWN] != trial->outcome[0]->ops)
		return sm_fail(err, EILSEQ, "%lu of %lu pages were written", trial->outcome[0]->tally[TALLY_OWN],
			       trial->outcome[0]->ops);
	return 0;
}

/* The parent is the other process. */
static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	const volatile uint64_t *words = trial->region;
	uint64_t seen = 0, n = trial->outcome[0]->ops;

	for (uint64_t i = 0; i < n; i++)
		seen += words[i * step] != 0;
	value[0] = (double)seen / (double)n;
}

static const struct sm_variant variants[] = {
	{ .name = "shared", .summary = "MAP_SHARED", .arg = SHARED },
	{ .name = "private", .summary = "MAP_PRIVATE", .arg = PRIVATE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K5",
	  .text = "What is written to a private mapping stays private: neither another process nor the object has it",
	  .source = "mmap(2), MAP_PRIVATE",
	  SM_METRIC("private", "writes seen by another process", .max = 0),
	  .control = "K5.shared" },
	{ .id = "K5.shared",
	  .text = "What is written to a shared mapping, all see",
	  .source = "mmap(2), MAP_SHARED",
	  SM_METRIC("shared", "writes seen by another process", .min = 1, .max = 1) },
	{ 0 },
};

const struct sm_scenario sm_scenario_private_invisible = {
	.name = "private_invisible",
	.family = "correctness",
	.question = "Who sees a write to a private and to a shared mapping?",
	.summary = "A process writes through either mapping; another looks.",
	.why = "A private mapping starts with the object's own frames, read-only. The first "
	       "write to a page faults, and the kernel puts a copy in its place that no "
	       "other process has in its page table.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the object",
		      .quick = SM_VALUES(1 << 20),
		      .min = 4096,
		      .max = 1ull << 36 } },
	.workers = 1,
	.metric = { "time per page", "ns/op" },
	.more = { { "writes seen by another process", "1" } },
	.memory = { .backing = SM_MEMFD, .prefault = SM_LAZY },
	.subject = SM_COLD,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.fixed_ops = pages,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
