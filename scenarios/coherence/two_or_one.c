/* Question: do two processes that write to one cache line get more done than one alone?
 * Method:   the processes do what they do in false_sharing, one operation after the other: each counts in a counter of its
 *           own.  The counters are in one line, or 128 bytes apart.  In `alone` only worker 0 counts and the others are
 *           idle, so that all three are compared in one pair class.  Each slice ends for all when the first is done, so
 *           its operations are the mean over the processes: N processes get less done than one where an operation takes
 *           N times as long.
 * Not shown: work between the operations, which dilutes it (false_sharing).
 * Cost of the loop: as in false_sharing. */
#include <errno.h>

#include "../subject/count_up.h"
#include "../subject/line_events.h"
#include "../subject/replicas.h"
#include "shmeter/scenario.h"

enum { PARAM_OP, PARAM_PROCESSES };
#define ALONE    0x1000u /* in `arg`: only worker 0 counts */
#define DISTANCE 0xfffu  /* in `arg`: bytes from one counter to the next */

static size_t distance(const struct sm_case *c)
{
	return sm_case_variant(c)->arg & DISTANCE;
}

static bool is_idle(const struct sm_case *c, unsigned worker)
{
	return sm_case_variant(c)->arg & ALONE && worker > 0;
}

static size_t copy_bytes(const struct sm_case *c)
{
	return c->workers * distance(c) + SM_LINE_PAIR;
}

static size_t region_bytes(const struct sm_case *c)
{
	return REPLICAS * replica_stride(copy_bytes(c));
}

static _Atomic uint64_t *counter_of(const struct sm_case *c, void *region, uint64_t copy, unsigned worker)
{
	return (_Atomic uint64_t *)(void *)((char *)replica_of(region, copy_bytes(c), copy) + worker * distance(c));
}

static uint64_t run(struct sm_worker *worker)
{
	struct replica_turn *turn = worker->state;
	_Atomic uint64_t *counter = counter_of(worker->c, worker->region, turn->calls++, worker->index);
	enum op op = (enum op)worker->c->param[PARAM_OP];
	uint64_t done = 0, part;

	if (is_idle(worker->c, worker->index))
		return worker->op_count;
	for (; (part = sm_next_part(worker, done)) > 0; done += part)
		count_up(op, counter, part, 0);
	return done;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	for (unsigned i = 0; i < trial->c->workers; i++) {
		uint64_t count = 0, due = is_idle(trial->c, i) ? 0 : trial->outcome[i]->ops;

		for (unsigned copy = 0; copy < REPLICAS; copy++)
			count += atomic_load(counter_of(trial->c, trial->region, copy, i));
		if (count != due)
			return sm_fail(err, EILSEQ, "counter %u is %lu after %lu operations", i, count, due);
	}
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "alone", .summary = "one process counts, the others are idle", .arg = 8 | ALONE },
	{ .name = "one_line", .summary = "all count, in counters 8 bytes apart", .arg = 8 },
	{ .name = "apart", .summary = "all count, in counters 128 bytes apart", .arg = 128 },
	{ 0 },
};

/* Two processes do twice the work in the time of an operation. */
#define AT(op) op " processes=2 placement=near cores=different"
#define LESS(number, operation, op, note)                                                                              \
	{                                                                                                              \
		.id = number,                                                                                          \
		.text = "Two processes that " operation " counters in one cache line get less done together than one " \
			"alone: an operation takes at least twice as long",                                            \
		.source = "popular belief: false sharing makes two slower than one",                                   \
		SM_RATIO("one_line", "alone", .min = 2), .at = AT(op), .needs = "two cores", .caveat = note            \
	}
static const struct sm_claim claims[] = {
	LESS("C9", "add atomically to", "op=atomic_add", NULL),
	LESS("C9.load_store", "load and store", "op=load_store",
	     "a core that has the line counts on in its store buffer before it gives the line away"),
	LESS("C9.store", "only store to", "op=store", "a core may gather many stores before it fetches the line"),
	{ .id = "C9.apart",
	  .text = "With 128 bytes between them they get more done: an operation takes less than 1.2 times as long",
	  .source = "cache coherence: each line has one writer",
	  SM_RATIO("apart", "alone", .max = 1.2),
	  .at = AT("op=atomic_add"),
	  .needs = "two cores" },
	{ 0 },
};

static const char *const op_labels[] = { OP_LABELS, NULL };

const struct sm_scenario sm_scenario_two_or_one = {
	.name = "two_or_one",
	.family = "coherence",
	.question = "Do two processes that share a line get more done than one?",
	.summary = "The same counting by one process, by all in one line, by all apart.",
	.why = "One process has the line all the time and counts at the speed of its core. Two take it "
	       "from each other: what one transfer costs is as much as many operations, so a second core makes "
	       "the whole slower, not faster. Apart they do twice as much as one.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "op",
		      .unit = "1",
		      .summary = "what is done to the counter",
		      .labels = op_labels,
		      .quick = SM_VALUES(OP_LOAD_STORE, OP_ATOMIC_ADD, OP_STORE) },
		    { .name = "processes",
		      .unit = "1",
		      .summary = "processes; in alone all but one of them are idle",
		      .quick = SM_VALUES(2),
		      .full = SM_SWEEP((2), SM_DOUBLING, SM_TIMES_PUS(1)),
		      .min = 2,
		      .max = 4096 } },
	.ends = SM_FIRST_DONE,
	.workers_param = "processes",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SMT, SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per operation of each process that counts", "ns/op" },
	.events = LINE_EVENTS,
	.state_bytes = sizeof(struct replica_turn),
	.region_bytes = region_bytes,
	.run = run,
	.verify = verify,
};
