/* Question: when a flag is seen, is the data seen that was written before it?
 * Method:   one process writes data and then a flag, each on its own line.  The other waits for the flag and reads
 *           the data.  With release and acquire the data must be there.  With relaxed accesses nothing guarantees
 *           it, but machines that keep stores in order (x86) show it all the same.
 * Not shown: data in the same line as the flag.
 * Cost of the loop: two line transfers per message. */
#include <errno.h>
#include <stdalign.h>

#include "shmeter/scenario.h"

enum { RELEASE_ACQUIRE, RELAXED };
enum { TALLY_MESSAGES, TALLY_STALE };
#define SLOTS 32u

struct shared {
	struct {
		alignas(SM_LINE_PAIR) _Atomic uint64_t data;
		alignas(SM_LINE_PAIR) _Atomic uint64_t flag;
	} slot[SLOTS];
	alignas(SM_LINE_PAIR) _Atomic uint64_t taken;
};

struct state {
	uint64_t number;
};

static size_t region_bytes(const struct sm_case *c)
{
	(void)c;
	return sizeof(struct shared);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	if (c->shared_pu)
		return sm_fail(why, ENOTSUP,
			       "one PU sees its own stores in order: what is asked needs two, choose "
			       "--placement near on a machine that has them");
	return 0;
}

static inline bool wait_for(const _Atomic uint64_t *word, uint64_t least, memory_order order,
			    const _Atomic uint32_t *abort)
{
	for (unsigned turns = 0; atomic_load_explicit(word, order) < least;)
		if ((++turns & 1023u) == 0 && atomic_load_explicit(abort, memory_order_relaxed))
			return false;
	return true;
}

static inline __attribute__((always_inline)) uint64_t pass(struct sm_worker *worker, memory_order publish,
							   memory_order look)
{
	struct shared *shared = worker->region;
	struct state *state = worker->state;
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++, tally[TALLY_MESSAGES]++) {
		uint64_t number = ++state->number, slot = number % SLOTS;
		_Atomic uint64_t *data = &shared->slot[slot].data, *flag = &shared->slot[slot].flag;

		if (worker->index == 0) {
			/* acquire: the reader is done with the slot. */
			if (number > SLOTS &&
			    !wait_for(&shared->taken, number - SLOTS, memory_order_acquire, worker->abort))
				return i;
			atomic_store_explicit(data, ~number, memory_order_relaxed);
			atomic_store_explicit(flag, number, publish);
			continue;
		}
		if (!wait_for(flag, number, look, worker->abort))
			return i;
		tally[TALLY_STALE] += atomic_load_explicit(data, memory_order_relaxed) != ~number;
		atomic_store_explicit(&shared->taken, number, memory_order_release);
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	if (sm_case_variant(worker->c)->arg == RELEASE_ACQUIRE)
		return pass(worker, memory_order_release, memory_order_acquire);
	return pass(worker, memory_order_relaxed, memory_order_relaxed);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (sm_trial_tally(trial, TALLY_MESSAGES) != sm_trial_ops(trial))
		return sm_fail(err, EILSEQ, "%lu messages in %lu operations", sm_trial_tally(trial, TALLY_MESSAGES),
			       sm_trial_ops(trial));
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	value[0] = (double)trial->outcome[1]->tally[TALLY_STALE];
	value[1] = (double)trial->outcome[1]->tally[TALLY_MESSAGES];
}

static const struct sm_variant variants[] = {
	{ .name = "release_acquire",
	  .summary = "the flag stored with release, loaded with acquire",
	  .arg = RELEASE_ACQUIRE },
	{ .name = "relaxed", .summary = "no order promised", .arg = RELAXED },
	{ 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "K4",
	  .text = "Passing data behind a flag with release and acquire never fails",
	  .source = "C11, 5.1.2.4",
	  SM_METRIC("release_acquire", "stale data", .max = 0),
	  .caveat = "x86 keeps the order of relaxed accesses, too, so that there this is about the compiler alone" },
	{ .id = "K4.relaxed",
	  .text = "With relaxed accesses the reader gets stale data now and then on arm64",
	  .source = "C11 promises nothing; arm64 orders neither two stores nor two loads to different words",
	  SM_METRIC("relaxed", "stale data", .min = 1, .max = 1e18, .once = true),
	  .caveat = "a core may order more than its architecture promises: what did not come here may come elsewhere",
	  .machine = SM_ARM64 },
	{ .id = "K4.x86",
	  .text = "On x86 relaxed accesses never fail either, where the compiler left them in order",
	  .source = "P. Sewell et al., x86-TSO, CACM 2010",
	  SM_METRIC("relaxed", "stale data", .max = 0),
	  .caveat = "C11 lets a compiler swap them, and a program that relies on the order breaks on arm64",
	  .machine = SM_X86 },
	{ 0 },
};

const struct sm_scenario sm_scenario_message_passing = {
	.name = "message_passing",
	.family = "correctness",
	.question = "When a flag is seen, is the data seen that was written before it?",
	.summary = "The message-passing litmus test between two processes.",
	.why = "A release store says: what I wrote before is to be seen by whoever sees "
	       "this. An acquire load takes the other half of that promise. x86 keeps stores "
	       "in their order and loads in theirs, so there even the relaxed variant never "
	       "fails; the compiler and other processors owe nothing.",
	.claims = claims,
	.variants = variants,
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SMT, SM_PLACE_CROSS_NODE },
	.metric = { "time per message", "ns/op" },
	.more = { { "stale data", "1" }, { "messages", "1" } },
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.supported = supported,
	.run = run,
	.verify = verify,
	.measure = measure,
};
