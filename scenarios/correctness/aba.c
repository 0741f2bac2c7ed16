/* Question: what does compare-and-swap miss when a value comes back?
 * Method:   two processes take nodes from a stack in shared memory and put them back, the first one first, so that the
 *           same node is on top again with another one below it.  A node that is taken while somebody has it was popped
 *           twice.  In one of 16 pops the process is delayed between looking at the top and swapping it, as an interrupt
 *           would delay it.  In the end the nodes on the stack are counted.
 * Not shown: hazard pointers and epochs, with which a node is not used again while somebody looks at it.
 * Cost of the loop: two pops, two pushes. */
#include <errno.h>
#include <stdalign.h>

#include "../subject/meet.h"
#include "../subject/work.h"
#include "shmeter/scenario.h"

enum { NAIVE, TAGGED };
enum { TALLY_TRIES, TALLY_TWICE, TALLY_EMPTY };
#define NODES 64u
#define DELAY 200 /* multiplications: about a quarter of a microsecond */

struct node {
	alignas(SM_LINE_PAIR) _Atomic uint32_t next; /* number of the node below, from 1; 0: none */
	_Atomic uint32_t taken;
};

struct stack {
	alignas(SM_LINE_PAIR) _Atomic uint64_t top; /* number of a node; in the upper half a tag, or always 0 */
	struct node node[NODES + 1];                /* from 1 */
};

struct state {
	uint64_t random;
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct stack);
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	struct stack *stack = trial->region;

	(void)err;
	for (uint32_t i = 1; i <= NODES; i++)
		atomic_init(&stack->node[i].next, i - 1);
	atomic_init(&stack->top, NODES);
	return 0;
}

/* One step of the tag, or none. */
static inline uint64_t changed(uint64_t top, uint64_t node, uint64_t way)
{
	return (way == TAGGED ? (top & ~(uint64_t)UINT32_MAX) + ((uint64_t)1 << 32) : 0) | node;
}

static uint32_t pop(struct sm_worker *worker, struct stack *stack, uint64_t way)
{
	struct state *state = worker->state;
	uint64_t top = atomic_load_explicit(&stack->top, memory_order_acquire);
	uint32_t node, next;

	do {
		node = (uint32_t)top;
		if (node == 0)
			return 0;
		next = atomic_load_explicit(&stack->node[node].next, memory_order_relaxed);
		state->random =
			state->random * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX generator */
		if (state->random >> 60 == 0)
			state->random += work(state->random, DELAY) & 1;
	} while (!atomic_compare_exchange_weak_explicit(&stack->top, &top, changed(top, next, way),
							memory_order_acquire, memory_order_acquire));
	if (atomic_exchange_explicit(&stack->node[node].taken, 1, memory_order_acq_rel) == 0)
		return node;
	worker->outcome->tally[TALLY_TWICE]++; /* it is another one's: leave it alone */
	return 0;
}

static void push(struct stack *stack, uint32_t node, uint64_t way)
{
	uint64_t top = atomic_load_explicit(&stack->top, memory_order_relaxed);

	if (node == 0)
		return;
	atomic_store_explicit(&stack->node[node].taken, 0, memory_order_release);
	do
		atomic_store_explicit(&stack->node[node].next, (uint32_t)top, memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&stack->top, &top, changed(top, node, way), memory_order_release,
						      memory_order_relaxed));
}

static int warm_up(struct sm_worker *worker)
{
	((struct state *)worker->state)->random = worker->seed;
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count, way = sm_case_variant(worker->c)->arg, *tally = worker->outcome->tally;
	struct stack *stack = worker->region;

	for (uint64_t i = 0; i < n; i++) {
		uint32_t first = pop(worker, stack, way), second = pop(worker, stack, way);

		tally[TALLY_EMPTY] += first == 0 && second == 0;
		push(stack, first, way); /* the one that the other process saw on top: back, without the second */
		push(stack, second, way);
		tally[TALLY_TRIES]++;
	}
	return n;
}

/* Nodes that can be reached from the top, each once. */
static unsigned reachable(const struct stack *stack)
{
	bool seen[NODES + 1] = { false };
	unsigned count = 0;

	for (uint32_t at = (uint32_t)atomic_load(&stack->top); at != 0 && !seen[at];
	     at = atomic_load(&stack->node[at].next), count++)
		seen[at] = true;
	return count;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	unsigned left = reachable(trial->region);

	if (sm_trial_tally(trial, TALLY_TRIES) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu tries in %lu operations", sm_trial_tally(trial, TALLY_TRIES),
			       sm_trial_ops(trial));
	if (sm_case_variant(trial->c)->arg == TAGGED && sm_trial_tally(trial, TALLY_TWICE) == 0 && left != NODES)
		return sm_fail(err, EILSEQ, "%u of %u nodes are left, though none was popped twice", left, NODES);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	value[0] = (double)sm_trial_tally(trial, TALLY_TWICE);
	value[1] = NODES - (double)reachable(trial->region);
	value[2] = (double)sm_trial_ops(trial);
}

static const struct sm_variant variants[] = {
	{ .name = "naive", .summary = "compare-and-swap of the number of the top node", .arg = NAIVE },
	{ .name = "tagged", .summary = "the same, with a count of changes beside the number", .arg = TAGGED },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K33",
	  .text = "A stack that swaps its top by a plain compare-and-swap gives a node to two processes (ABA)",
	  .source = "textbooks on lock-free structures; IBM System/370 manual on CS and CDS",
	  SM_METRIC("naive", "nodes popped twice", .min = 1, .max = 1e18, .once = true),
	  .at = "placement=near cores=different",
	  .needs = "two cores" },
	{ .id = "K33.tagged",
	  .text = "With a count of changes beside the top none is given twice",
	  .source = "the same",
	  SM_METRIC("tagged", "nodes popped twice", .max = 0),
	  .control = "K33" },
	{ .id = "K33.whole",
	  .text = "And none is lost",
	  .source = "the same",
	  SM_METRIC("tagged", "nodes lost", .max = 0),
	  .control = "K33" },
	{ 0 },
};

const struct sm_scenario sm_scenario_aba = {
	.name = "aba",
	.family = "correctness",
	.question = "What does compare-and-swap miss when a value comes back?",
	.summary = "A stack of 64 nodes that are used again at once.",
	.why = "A pop reads the top A and the node below it, B, and swaps A for B if the top is still A. Meanwhile "
	       "another process may have popped A and B and pushed A again: the top is A, so the swap succeeds, and B is "
	       "on top though somebody has it. Compare-and-swap compares values, not histories. A count of changes in the "
	       "same word makes the two As differ.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE },
	.metric = { "time per two pops and two pushes", "ns/op" },
	.more = { { "nodes popped twice", "1" }, { "nodes lost", "1" }, { "tries", "1" } },
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
};
