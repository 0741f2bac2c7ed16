/* Question: what does fork() cost a process that has much memory mapped, and does a child share it?
 * Method:   one worker has `bytes` of memory mapped and touched, shared or private, and forks a child that ends at
 *           once.  An operation is fork() in the parent.  One child per trial writes to every page first, and the
 *           parent checks whether it sees these writes.
 * Not shown: what the child's own faults cost later (fork copies no page tables of shared mappings), vfork().
 * Cost of the loop: two readings of the clock; the child's end is not timed. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmeter/scenario.h"

enum kind { KIND_NONE, KIND_SHARED, KIND_PRIVATE };
enum { PARAM_BYTES };
enum { TALLY_FORKS, TALLY_LOOKED, TALLY_SEEN, TALLY_LIFE_NS };

struct state {
	uint64_t *words; /* NULL: none */
};

static enum kind kind_of(const struct sm_case *c)
{
	return (enum kind)sm_case_variant(c)->arg;
}

/* The region is the shared memory; private memory belongs to the worker. */
static size_t region_bytes(const struct sm_case *c)
{
	return kind_of(c) == KIND_SHARED ? c->param[PARAM_BYTES] : 0;
}

/* The child writes to all of its parent's private pages, and gets a copy of each. */
static size_t own_bytes(const struct sm_case *c)
{
	return kind_of(c) == KIND_PRIVATE ? 2 * c->param[PARAM_BYTES] : 0;
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (c->param[PARAM_BYTES] % (uint64_t)sysconf(_SC_PAGESIZE))
		return sm_fail(why, ENOTSUP, "%lu bytes are no whole number of pages: --set bytes=64m",
			       c->param[PARAM_BYTES]);
	return 0;
}

/* Forks a child and waits for its end; the child writes to every page if `words` is given.  Returns the nanoseconds
 * of fork() in the parent; 0: it failed. */
static uint64_t fork_once(volatile uint64_t *words, uint64_t bytes, uint64_t *life_ns)
{
	uint64_t start = sm_clock_ns(), took;
	pid_t child = fork();
	int status;

	if (child == 0) {
		for (uint64_t i = 0; words && i < bytes / sizeof(*words);
		     i += (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(*words))
			words[i] = ~i;
		_exit(0);
	}
	took = sm_clock_ns() - start;
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		return 0;
	*life_ns += sm_clock_ns() - start;
	return took;
}

/* Checks once, before anything is timed, whether the parent sees a child's writes. */
static int look_at_child(struct sm_worker *worker, volatile uint64_t *words)
{
	uint64_t bytes = worker->c->param[PARAM_BYTES], life_ns = 0;
	uint64_t step = (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(*words);

	if (!fork_once(words, bytes, &life_ns))
		return sm_worker_fail(worker, errno, "cannot fork: %s", strerror(errno));
	for (uint64_t i = 0; i < bytes / sizeof(*words); i += step) {
		worker->outcome->tally[TALLY_LOOKED]++;
		worker->outcome->tally[TALLY_SEEN] += words[i] == ~i;
	}
	return 0;
}

static int warm_up(struct sm_worker *worker)
{
	struct state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_BYTES];

	if (kind_of(worker->c) == KIND_NONE)
		return 0;
	state->words = worker->region;
	if (kind_of(worker->c) == KIND_PRIVATE) {
		state->words = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (state->words == MAP_FAILED)
			return sm_worker_fail(worker, errno, "no memory: %s", strerror(errno));
		/* Base pages: fork() copies the tables of these. */
		(void)madvise(state->words, bytes, MADV_NOHUGEPAGE);
		for (size_t i = 0; i < bytes; i += (size_t)sysconf(_SC_PAGESIZE))
			((volatile char *)state->words)[i] = 1;
	}
	return look_at_child(worker, state->words);
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, took, life_ns = 0;

	for (uint64_t i = 0; i < n; i++) {
		took = fork_once(NULL, 0, &life_ns);
		if (took == 0) {
			sm_worker_fail(worker, errno, "cannot fork: %s", strerror(errno));
			return i;
		}
		worker->time_ns += took;
		worker->outcome->tally[TALLY_FORKS]++;
	}
	worker->outcome->tally[TALLY_LIFE_NS] += life_ns;
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *o = trial->outcome[0];

	if (o->tally[TALLY_FORKS] != o->ops)
		return sm_fail(err, EILSEQ, "%lu forks in %lu operations", o->tally[TALLY_FORKS], o->ops);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[0]->tally;

	value[0] = tally[TALLY_FORKS] ? (double)tally[TALLY_LIFE_NS] / (double)tally[TALLY_FORKS] : (double)NAN;
	value[1] = tally[TALLY_LOOKED] ? (double)tally[TALLY_SEEN] / (double)tally[TALLY_LOOKED] : (double)NAN;
}

#define SHARED(name_, words, ...)                                                                                      \
	{                                                                                                              \
		.name = name_, .summary = words, .arg = KIND_SHARED, .memory = {                                       \
			.backing = SM_MEMFD,                                                                           \
			.pages = { __VA_ARGS__ },                                                                      \
			.prefault = SM_MADVISE                                                                         \
		}                                                                                                      \
	}
static const struct sm_variant variants[] = {
	{ .name = "none", .summary = "nothing beside the program itself", .arg = KIND_NONE },
	SHARED("shared_4k", "a shared mapping of base pages", SM_PAGES_BASE, 4096),
	SHARED("shared_2m", "a shared mapping of explicit 2 MiB pages", SM_PAGES_HUGETLB, 2u << 20),
	SHARED("shared_1g", "a shared mapping of explicit 1 GiB pages", SM_PAGES_HUGETLB, 1u << 30),
	{ .name = "private_4k", .summary = "private memory in base pages", .arg = KIND_PRIVATE },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "M7",
	  .text = "fork() copies no shared data: with it mapped, it takes no more than half as long again as "
		  "without",
	  .source = "fork(2); page tables of shared mappings are filled by faults",
	  SM_RATIO("shared_4k", "none", .max = 1.5) },
	{ .id = "M7.private",
	  .text = "fork() takes at least twice as long with private memory as with shared memory of the same "
		  "size",
	  .source = "copy-on-write copies page tables, not pages",
	  SM_RATIO("private_4k", "shared_4k", .min = 2) },
	{ .id = "M7.seen",
	  .text = "No private copy appears: the parent sees every write of its child to a shared mapping",
	  .source = "mmap(2), MAP_SHARED",
	  SM_METRIC("shared_4k", "child's writes seen", .min = 1, .max = 1) },
	{ .id = "M7.unseen",
	  .text = "And none of those to private memory",
	  .source = "mmap(2), MAP_PRIVATE",
	  SM_METRIC("private_4k", "child's writes seen", .max = 0),
	  .control = "M7.seen" },
	{ 0 },
};

const struct sm_scenario sm_scenario_fork_inherit = {
	.name = "fork_inherit",
	.family = "mapping",
	.question = "What does fork() cost with memory mapped, and is it shared?",
	.summary = "fork() with shared and with private memory, and a child that writes to it.",
	.why = "fork() copies the page tables of private memory, so that both sides can be "
	       "made read-only, and leaves those of shared memory to be filled by faults. "
	       "The cost grows with the entries: with larger pages there are fewer.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "memory mapped",
		      .quick = SM_VALUES(64 << 20),
		      .standard = SM_VALUES(16 << 20, 256 << 20, 1 << 30),
		      .full = SM_VALUES(16 << 20, 256 << 20, 1 << 30, 4ull << 30),
		      .min = 4096,
		      .max = 1ull << 40 } },
	.workers = 1,
	.metric = { "time of fork() in the parent", "ns/op" },
	.more = { { "until the child is reaped", "ns" }, { "child's writes seen", "1" } },
	.self_timed = true,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.own_bytes = own_bytes,
	.supported = supported,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
