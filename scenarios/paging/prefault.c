/* Question: should shared memory be populated before it is used, and how?
 * Method:   one worker writes one word of every page of a fresh region.  `phase=access` populates before the timed
 *           part and times the writes alone; `phase=total` times populating and writing; `phase=each` times
 *           populating once and then each write separately, in order.  An operation is a base page.  The same
 *           amount of memory is touched, flushed from the caches and freed right before.  What `phase=access`
 *           populated is flushed once more, to represent memory that is used some time later.
 * Not shown: populating in the parent for the benefit of a child.  It has no effect: fork does not copy the page
 *           tables of shared mappings.
 * Cost of the loop: one store and an addition per page, besides the faults; with `phase=each` also a reading of the
 *           clock (about 25 ns) and recording it. */
#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "shmeter/scenario.h"

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1 /* include/uapi/asm-generic/mman.h */
#endif

enum phase { PHASE_ACCESS, PHASE_TOTAL, PHASE_EACH };
enum { PARAM_PHASE, PARAM_BYTES };
enum { TALLY_SETUP_NS, TALLY_ACCESS_NS, TALLY_WORST_NS };
/* In a variant's `arg`: mlock2() with MLOCK_ONFAULT, which is no prefault mode of a region. */
#define ONFAULT 1

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static uint64_t base_pages(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool populate(struct sm_worker *worker)
{
	struct sm_error err = { 0 };

	if (sm_case_variant(worker->c)->arg == ONFAULT) {
		if (mlock2(worker->region, worker->region_bytes, MLOCK_ONFAULT) == 0)
			return true;
		sm_worker_fail(worker, errno, "mlock2(MLOCK_ONFAULT) failed: %s; raise RLIMIT_MEMLOCK",
			       strerror(errno));
		return false;
	}
	if (sm_region_populate(worker->mapping, &err) == 0)
		return true;
	sm_worker_fail(worker, err.code, "%s", err.text);
	return false;
}

static int warm_up(struct sm_worker *worker)
{
	struct sm_error err = { 0 };

	if (worker->c->param[PARAM_PHASE] != PHASE_ACCESS)
		return 0;
	if (!populate(worker))
		return -worker->error.code;
	/* A lazy region is not mapped yet. */
	if (worker->c->memory.prefault != SM_LAZY && sm_region_cool(worker->mapping, &err) < 0)
		return sm_worker_fail(worker, err.code, "%s", err.text);
	return 0;
}

static inline uint64_t mark(uint64_t i)
{
	return i * 2 + 1;
}

/* Populates, then takes the time of every write. */
static uint64_t run_each(struct sm_worker *worker)
{
	uint64_t step = (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t), n = worker->op_count;
	uint64_t *tally = worker->outcome->tally, start = sm_clock_ns(), last, now;
	volatile uint64_t *words = worker->region;

	if (n > 0 && !populate(worker))
		return 0;
	last = sm_clock_ns();
	tally[TALLY_SETUP_NS] = last - start;
	if (n > 0)
		sm_series_start(worker->series, last - start, n);
	start = last;
	for (uint64_t i = 0; i < n; i++) {
		words[i * step] = mark(i);
		now = sm_clock_ns();
		sm_series_add(worker->series, now - last);
		sm_histogram_add(worker->histogram, now - last);
		if (now - last > tally[TALLY_WORST_NS])
			tally[TALLY_WORST_NS] = now - last;
		last = now;
	}
	tally[TALLY_ACCESS_NS] = last - start;
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t step = (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t), n = worker->op_count;
	volatile uint64_t *words = worker->region;

	if (worker->c->param[PARAM_PHASE] == PHASE_EACH)
		return run_each(worker);
	if (n > 0 && worker->c->param[PARAM_PHASE] == PHASE_TOTAL && !populate(worker))
		return 0;
	for (uint64_t i = 0; i < n; i++)
		words[i * step] = mark(i);
	return n;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t step = (uint64_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	const uint64_t *words = trial->region;

	for (uint64_t i = 0; i < trial->outcome[0]->ops; i++)
		if (words[i * step] != mark(i))
			return sm_fail(err, EILSEQ, "page %lu was not written", i);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[0]->tally;
	bool each = trial->c->param[PARAM_PHASE] == PHASE_EACH;

	for (unsigned i = 0; i < 3; i++)
		value[i] = each ? (double)tally[i] : (double)NAN;
}

static const struct sm_variant variants[] = {
	{ .name = "lazy", .summary = "nothing: each first write faults", .memory = { .prefault = SM_LAZY } },
	{ .name = "touch", .summary = "one write a page beforehand", .memory = { .prefault = SM_TOUCH } },
	{ .name = "populate", .summary = "MAP_POPULATE", .memory = { .prefault = SM_POPULATE } },
	{ .name = "madvise", .summary = "MADV_POPULATE_WRITE", .memory = { .prefault = SM_MADVISE } },
	{ .name = "mlock", .summary = "mlock()", .memory = { .prefault = SM_MLOCK } },
	{ .name = "onfault",
	  .summary = "mlock2(MLOCK_ONFAULT): locked when touched",
	  .memory = { .prefault = SM_LAZY },
	  .arg = ONFAULT },
	{ 0 },
};

#define NO_FAULTS(number, variant)                                                                                     \
	{                                                                                                              \
		.id = number, .text = "Populated by " variant ", memory takes no fault when it is used",               \
		.source = "textbooks on prefaulting", SM_EXACT_COUNT(variant, "minor-faults", 0), .at = "phase=access" \
	}
static const struct sm_claim claims[] = {
	NO_FAULTS("P4a", "touch"),
	NO_FAULTS("P4b", "populate"),
	NO_FAULTS("P4c", "madvise"),
	NO_FAULTS("P4d", "mlock"),
	{ .id = "P4e",
	  .text = "The first use of lazy memory takes at least twice as long as that of populated memory",
	  .source = "textbooks on prefaulting",
	  .question = "Prefault or lazy?",
	  SM_RATIO("lazy", "madvise", .min = 2),
	  .at = "phase=access" },
	{ .id = "P4f",
	  .text = "Prefaulting takes the spikes out of the first pass: the worst write takes less than a tenth",
	  .source = "real-time programmers' rule: fault before the loop",
	  SM_RATIO("lazy", "madvise", .metric = "worst write", .min = 10),
	  .at = "phase=each",
	  .caveat = "an interrupt or a stolen time slice is a spike, too" },
	{ .id = "P4g",
	  .text = "mlock2(MLOCK_ONFAULT) prefaults nothing: one fault a page is left",
	  .source = "mlock2(2)",
	  SM_EXACT_COUNT("onfault", "minor-faults", 1),
	  .at = "phase=access" },
	{ .id = "P5",
	  .text = "Prefaulting moves the cost: its total is not cheaper than lazy by more than 25 %",
	  .source = "zeroing and page tables are the same work, whoever asks",
	  .question = "Prefault or lazy?",
	  SM_RATIO("madvise", "lazy", .min = 0.75),
	  .at = "phase=total" },
	{ 0 },
};

static const char *const phase_labels[] = { "access", "total", "each", NULL };

const struct sm_scenario sm_scenario_prefault = {
	.name = "prefault",
	.family = "paging",
	.question = "Should shared memory be populated before it is used?",
	.summary = "Lazy against four ways of prefaulting: the access alone, and the total.",
	.why = "Somebody has to take the faults: the set-up or the first use. Prefaulting moves "
	       "them; it does not make them fewer. Faults an operation in the access phase must be "
	       "0 where memory was populated and 1 where it was not.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "phase",
		      .unit = "1",
		      .summary = "what is timed: the access alone, populating too, or each write",
		      .labels = phase_labels,
		      .quick = SM_VALUES(PHASE_ACCESS, PHASE_TOTAL, PHASE_EACH) },
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_VALUES(32 << 20),
		      .full = SM_VALUES(32 << 20, 256 << 20),
		      .min = 4096,
		      .max = 1ull << 40 } },
	.workers = 1,
	.metric = { "time per 4 KiB page", "ns/op" },
	.more = { { "set-up", "ns" }, { "all writes", "ns" }, { "worst write", "ns" } },
	.histogram = true,
	.series = true,
	.memory = { .backing = SM_MEMFD },
	.subject = SM_COLD,
	.warm_physical = true,
	.own_prefault = true,
	.region_bytes = region_bytes,
	.fixed_ops = base_pages,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
