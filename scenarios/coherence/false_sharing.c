/* Question: what does it cost when processes write to different words of one cache line?
 * Method:   each worker has a counter of its own; the variants put the counters next to each other or 64 or 128
 *           bytes apart.  Three operations: a store of a running number, a load with a dependent store, and an
 *           atomic addition.  All are relaxed, because the transfer of the line is compared, not the ordering.
 *           Operations follow each other directly, or with some work in between.  Each slice works on another copy
 *           of the counters (replicas.h), and ends for all workers when the first is done.
 * Not shown: true sharing of one counter (contended_counter), and reads of a line that others write.
 * Cost of the loop: store: a store, an addition, a branch.  load_store: a load, an addition, a store, and the loop
 *           counter.  Its value goes through memory in each turn, which costs 4 to 5 cycles of store forwarding on
 *           some cores and one cycle on cores that rename memory.  atomic_add: one lock add and the loop counter.
 *           work: a multiplication, an addition and a branch per turn; from some tens of turns on, the end of the
 *           chain is mispredicted each time.  The operation does not depend on the chain, so a core may start it
 *           while the multiplications are still under way. */
#include <errno.h>

#include "../subject/count_up.h"
#include "../subject/line_events.h"
#include "../subject/replicas.h"
#include "shmeter/scenario.h"

enum { PARAM_OP, PARAM_PROCESSES, PARAM_WORK };

static size_t copy_bytes(const struct sm_case *c)
{
	return (size_t)c->workers * sm_case_variant(c)->arg + SM_LINE_PAIR;
}

static size_t region_bytes(const struct sm_case *c)
{
	return REPLICAS * replica_stride(copy_bytes(c));
}

static _Atomic uint64_t *counter_of(const struct sm_case *c, void *region, uint64_t copy, unsigned worker)
{
	return (_Atomic uint64_t *)(void *)((char *)replica_of(region, copy_bytes(c), copy) +
					    worker * sm_case_variant(c)->arg);
}

static uint64_t run(struct sm_worker *worker)
{
	struct replica_turn *turn = worker->state;
	_Atomic uint64_t *counter = counter_of(worker->c, worker->region, turn->calls++, worker->index);
	enum op op = (enum op)worker->c->param[PARAM_OP];
	uint64_t between = worker->c->param[PARAM_WORK], done = 0, part;

	for (; (part = sm_next_part(worker, done)) > 0; done += part)
		if (between > 0)
			count_up(op, counter, part, between);
		else /* a loop without an inner loop */
			count_up(op, counter, part, 0);
	return done;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	for (unsigned i = 0; i < trial->c->workers; i++) {
		uint64_t count = 0;

		for (unsigned copy = 0; copy < REPLICAS; copy++)
			count += atomic_load(counter_of(trial->c, trial->region, copy, i));

		if (count != trial->outcome[i]->ops)
			return sm_fail(err, EILSEQ, "counter %u is %lu after %lu operations", i, count,
				       trial->outcome[i]->ops);
	}
	return 0;
}

static const struct sm_variant variants[] = {
	{ .name = "packed", .summary = "counters 8 bytes apart, eight to a line", .arg = 8 },
	{ .name = "padded_64", .summary = "counters 64 bytes apart", .arg = 64 },
	{ .name = "padded_128", .summary = "counters 128 bytes apart", .arg = 128 },
	{ 0 },
};

/* With nine counters or more, `packed` needs more than one line of 64 bytes. */
#define C1(number, operation, where, why_question, note)                                                               \
	{                                                                                                              \
		.id = number,                                                                                          \
		.text = "Counters in one cache line cost at least 1.5 times as much as padded ones when "              \
			"processes on different cores " operation,                                                     \
		.source = "popular belief; Intel optimization manual, false sharing", .question = why_question,        \
		SM_RATIO("packed", "padded_64", .min = 1.5),                                                           \
		.at = where " processes<=8 processes<=1xPU placement=near cores=different", .needs = "two cores",      \
		.caveat = note                                                                                         \
	}
/* One claim per amount of work: it may be true at one amount and false at another. */
#define C1B(number, between, why_question, note)                                                                       \
	C1(number, "load and store them, with " between " multiplications in between", "op=load_store work=" between,  \
	   why_question, note)
#define DILUTED                                                                                                        \
	"the line's travel costs what it costs: the more a process does between two operations, the less "             \
	"of its time that is"

static const struct sm_claim claims[] = {
	C1("C1", "add atomically to them, one addition after the other", "op=atomic_add work=0", "Padded or not?",
	   NULL),
	C1("C1.work", "add atomically to them, with 20 multiplications in between", "op=atomic_add work=20", NULL,
	   NULL),
	C1B("C1b", "20", "Padded or not?", NULL),
	C1("C1b.0", "load and store them, one time after the other", "op=load_store work=0", NULL,
	   "back to back the sharing is partly hidden by the store buffer: a core that has the line counts "
	   "on in it, many times before it gives the line away"),
	C1B("C1b.5", "5", NULL, NULL),
	C1B("C1b.100", "100", NULL, DILUTED),
	C1B("C1b.1000", "1000", NULL, DILUTED),
	C1("C1c", "only store to them", "op=store work=0", NULL,
	   "a core may gather stores to one line in its store buffer and fetch the line once for many of "
	   "them: a loop of plain stores then hides the sharing"),
	{ .id = "C2",
	  .text = "64 bytes of padding are enough: 128 bytes make no difference of 5 %",
	  .source = "popular belief; adjacent-line prefetchers are the reason given for 128",
	  SM_RATIO("padded_64", "padded_128", .min = 1 / 1.05, .max = 1.05),
	  .at = "placement=near cores=different",
	  .needs = "two cores" },
	{ .id = "C3",
	  .text = "Packing costs nothing when the processes share one core, within 10 %",
	  .source = "cache coherence: one core, one copy of the line",
	  SM_RATIO("packed", "padded_64", .min = 1 / 1.1, .max = 1.1),
	  .at = "work=0 placement=same-core" },
	{ 0 },
};

static const char *const op_labels[] = { OP_LABELS, NULL };

const struct sm_scenario sm_scenario_false_sharing = {
	.name = "false_sharing",
	.family = "coherence",
	.question = "What does it cost when processes write to one cache line?",
	.summary = "A counter each, packed side by side or padded apart.",
	.why = "A cache line has one writer at a time. Processes that write different words of one "
	       "line take it from each other; apart, each keeps a line of its own. Back to back a core "
	       "that has the line may write to it many times before it gives it away, which hides a part "
	       "of the price; with much work between two writes it is the work that takes the time. "
	       "This is the cause where four things hold together: distance alone takes the cost "
	       "away (packed against padded_64), more distance adds nothing (padded_128), faults "
	       "and switches are alike on both sides, and on one core packing costs nothing (claim "
	       "C3, placement same-core). Where the CPU can count it, loads from another core's "
	       "cache rise with the cost.",
	.claims = claims,
	.variants = variants,
	.params = { { .name = "op",
		      .unit = "1",
		      .summary = "what is done to the counter",
		      .labels = op_labels,
		      .quick = SM_VALUES(OP_LOAD_STORE, OP_ATOMIC_ADD, OP_STORE) },
		    { .name = "processes",
		      .unit = "1",
		      .summary = "writers",
		      .quick = SM_VALUES(2),
		      .full = SM_SWEEP((2, 4, 8, 16), SM_DOUBLING, SM_TIMES_PUS(1)),
		      .min = 1,
		      .max = 4096 },
		    { .name = "work",
		      .unit = "multiplications",
		      .summary = "dependent ones after each operation, 3 to 4 cycles each",
		      .quick = SM_VALUES(0, 20),
		      .standard = SM_VALUES(0, 5, 20, 100, 1000),
		      .full = SM_VALUES(0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000),
		      .max = 1 << 20 } },
	.ends = SM_FIRST_DONE,
	.workers_param = "processes",
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE,
			SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per operation of each process", "ns/op" },
	.events = LINE_EVENTS,
	.state_bytes = sizeof(struct replica_turn),
	.region_bytes = region_bytes,
	.run = run,
	.verify = verify,
};
