/* Question: what does it cost to touch fresh pages while a lock is held?
 * Method:   two processes fill a region together, page by page; one mutex guards the number of the next page.  The
 *           page is written under the lock, or after the lock is released; both also with populated memory.  An
 *           operation is a page of each process.  The faster process fills more pages, so that both work until the
 *           last page.
 * Not shown: spinlocks, with which the other processes burn their PUs during the fault.
 * Cost of the loop: lock, an addition, unlock and one store per page; everything else is the fault. */
#include "../subject/locks.h"

enum { INSIDE, OUTSIDE };
enum { PARAM_BYTES };
enum { TALLY_PAGES };

/* In the region's first page of the size that the case asks for.  The filled memory starts on the page after it,
 * which the lock has not faulted in. */
struct shared {
	struct lock_shared lock;
	uint64_t next; /* number of the next page; guarded by the lock */
};

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static uint64_t pages(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / page_bytes() / c->workers;
}

/* Bytes before the filled memory. */
static size_t lock_bytes(const struct sm_case *c)
{
	uint64_t page = c->memory.pages.bytes;

	return page > page_bytes() ? page : page_bytes();
}

static size_t region_bytes(const struct sm_case *c)
{
	return lock_bytes(c) + c->param[PARAM_BYTES];
}

static void *page_at(const struct sm_case *c, void *region, uint64_t number)
{
	return (char *)region + lock_bytes(c) + number * page_bytes();
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct shared *shared = trial->region;

	return mutex_make(&shared->lock.mutex, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, err);
}

static int warm_up(struct sm_worker *worker)
{
	struct shared *shared = worker->region;

	/* Maps the lock's own page before anything is counted. */
	if (pthread_mutex_lock(&shared->lock.mutex) || pthread_mutex_unlock(&shared->lock.mutex))
		return sm_worker_fail(worker, EINVAL, "the lock cannot be had");
	return 0;
}

static ALWAYS_INLINE uint64_t fill(struct sm_worker *worker, bool inside)
{
	size_t page = page_bytes();
	struct shared *shared = worker->region;
	char *first = page_at(worker->c, worker->region, 0);
	uint64_t all = worker->op_count * worker->c->workers, i = 0;

	for (;; i++) {
		volatile uint64_t *word;
		uint64_t next;

		if (pthread_mutex_lock(&shared->lock.mutex))
			return 0;
		next = shared->next;
		shared->next += next < all;
		if (next >= all) {
			pthread_mutex_unlock(&shared->lock.mutex);
			break;
		}
		word = (volatile uint64_t *)(void *)(first + next * page);
		if (inside)
			*word = next + 1;
		pthread_mutex_unlock(&shared->lock.mutex);
		if (!inside)
			*word = next + 1;
	}
	worker->outcome->tally[TALLY_PAGES] += i;
	return worker->op_count;
}

static uint64_t run(struct sm_worker *worker)
{
	return sm_case_variant(worker->c)->arg == INSIDE ? fill(worker, true) : fill(worker, false);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct shared *shared = trial->region;

	if (shared->next != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu pages were given out in %lu operations", shared->next,
			       sm_trial_ops(trial));
	for (uint64_t i = 0; i < shared->next; i++)
		if (*(const uint64_t *)page_at(trial->c, trial->region, i) != i + 1)
			return sm_fail(err, EILSEQ, "page %lu was not written", i);
	return 0;
}

#define WAY(name_, words, pages_, way, where)                                                                          \
	{                                                                                                              \
		.name = name_, .summary = words, .memory = { .pages = pages_, .prefault = way }, .arg = where          \
	}
#define BASE                                                                                                           \
	{                                                                                                              \
		SM_PAGES_BASE, 0                                                                                       \
	}
#define TWO_M                                                                                                          \
	{                                                                                                              \
		SM_PAGES_HUGETLB, 2u << 20                                                                             \
	}
static const struct sm_variant variants[] = {
	WAY("lazy_outside", "fresh pages, written after the lock is given back", BASE, SM_LAZY, OUTSIDE),
	WAY("lazy_inside", "fresh pages, written under the lock", BASE, SM_LAZY, INSIDE),
	WAY("ready_outside", "populated pages, written after the lock is given back", BASE, SM_MADVISE, OUTSIDE),
	WAY("ready_inside", "populated pages, written under the lock", BASE, SM_MADVISE, INSIDE),
	WAY("huge_inside", "fresh 2 MiB pages, written under the lock", TWO_M, SM_LAZY, INSIDE),
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "S9",
	  .text = "Page faults under a lock that others want cost more than the faults themselves: at least 20 % "
		  "more than the same faults outside",
	  .source = "a fault takes as long as many critical sections, and all wait",
	  SM_RATIO("lazy_inside", "lazy_outside", .min = 1.2),
	  .at = "placement=near cores=different",
	  .needs = "two cores" },
	/* slack: the code that waits for the lock is mapped when it first runs */
	{ .id = "S9.faults",
	  .text = "Every page is faulted in once, by the process that writes it",
	  .source = "textbooks on demand paging",
	  SM_EXACT_COUNT("lazy_inside", "minor-faults", 1, .slack = 4) },
	{ .id = "S9.ready",
	  .text = "In populated memory it hardly matters: less than twice",
	  .source = "a store is shorter than lock and unlock",
	  SM_RATIO("ready_inside", "ready_outside", .max = 2),
	  .at = "placement=near cores=different",
	  .needs = "two cores" },
	{ 0 },
};

const struct sm_scenario sm_scenario_fault_under_lock = {
	.name = "fault_under_lock",
	.family = "sync",
	.question = "What does it cost to touch fresh pages while a lock is held?",
	.summary = "Two processes fill a region under one mutex.",
	.why = "A fault takes its time with the lock held, and everybody else waits for it: "
	       "the cost of one process becomes that of all. Populated memory takes no fault "
	       "there; outside the lock it is taken, but nobody waits.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_VALUES(4 << 20),
		      .min = 1 << 16,
		      .max = 1ull << 36 } },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE },
	.metric = { "time per page of each process", "ns/op" },
	.memory = { .backing = SM_MEMFD },
	.subject = SM_COLD,
	.warm_physical = true,
	.region_bytes = region_bytes,
	.fixed_ops = pages,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
