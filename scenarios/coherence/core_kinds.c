/* Question: how different are the kinds of cores of a hybrid machine?
 * Method:   two workers on two cores of one kind do the same work on each kind: a chain of multiplications, each on its
 *           own, or round trips over the spinning ring, as in transport_latency.
 * Not shown: how long a core keeps its speed under load; workers on cores of two kinds.
 * Cost of the loop: a multiplication and an addition that wait for the ones before, CHAIN times an operation. */
#include "../subject/transport_pair.h"

enum { PARAM_WORK = 2 };
enum work { LOOP, RING };
enum { TALLY_LAST = TALLY_WRONG + 1 };

#define CHAIN 256u

/* Knuth's MMIX generator (The Art of Computer Programming, volume 2, 3.3.4). */
#define FACTOR 6364136223846793005u
#define ADDEND 1442695040888963407u

struct state {
	struct transport_state ring;
	uint64_t last;
};

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_WORK] == RING
		       ? 2 * transport_bytes(TRANSPORT_shm_ring, transport_capacity(c), c->param[PARAM_MESSAGE])
		       : 0;
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	return c->param[PARAM_WORK] == RING ? transport_supported(c, why) : 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	return trial->c->param[PARAM_WORK] == RING ? pair_setup(trial, err) : 0;
}

static int warm_up(struct sm_worker *worker)
{
	return worker->c->param[PARAM_WORK] == RING ? pair_warm_up(worker) : 0;
}

static uint64_t run_chain(struct sm_worker *worker)
{
	struct state *state = worker->state;
	uint64_t x = state->last, n = worker->op_count;

	for (uint64_t i = 0; i < n; i++)
		for (unsigned k = 0; k < CHAIN; k++) {
			x = x * FACTOR + ADDEND;
			__asm__ volatile("" : "+r"(x)); /* keeps the compiler from leaping ahead, as jump() does */
		}
	state->last = worker->outcome->tally[TALLY_LAST] = x;
	return n;
}

static uint64_t run_ring(struct sm_worker *worker)
{
	struct transport_state *ring = &((struct state *)worker->state)->ring;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	int out = worker->index == 0 ? 0 : 1;
	uint64_t n = worker->op_count;

	for (uint64_t i = 0; i < n; i++) {
		if (out == 0 && !pair_put(worker, TRANSPORT_shm_ring, ring, 0, bytes))
			return i;
		if (!pair_take(worker, TRANSPORT_shm_ring, ring, 1 - out, bytes))
			return i;
		if (out == 1 && !pair_put(worker, TRANSPORT_shm_ring, ring, 1, bytes))
			return i;
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	return worker->c->param[PARAM_WORK] == RING ? run_ring(worker) : run_chain(worker);
}

/* The generator after `steps` from 0 on, by squaring (Brown, "Random Number Generation with Arbitrary Strides", 1994). */
static uint64_t jump(uint64_t steps)
{
	uint64_t factor = FACTOR, addend = ADDEND, x = 0;

	for (; steps > 0; steps >>= 1) {
		if (steps & 1)
			x = x * factor + addend;
		addend *= factor + 1;
		factor *= factor;
	}
	return x;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	if (trial->c->param[PARAM_WORK] == RING)
		return pair_verify_trips(trial, err);
	for (unsigned i = 0; i < trial->c->workers; i++)
		if (trial->outcome[i]->tally[TALLY_LAST] != jump(trial->outcome[i]->ops * CHAIN))
			return sm_fail(err, EILSEQ, "the chain of worker %u does not end where %lu operations do", i,
				       trial->outcome[i]->ops);
	return 0;
}

static void teardown(struct sm_trial *trial)
{
	if (trial->c->param[PARAM_WORK] == RING)
		pair_teardown(trial);
}

#define KIND(rank, name_, words)                                                                                       \
	{                                                                                                              \
		.name = name_, .summary = words, .core_kind = rank, .arg = TRANSPORT_shm_ring, .spins = true           \
	}
static const struct sm_variant variants[] = {
	KIND(1, "fastest", "on the fastest kind of core"), KIND(2, "second", "on the second fastest"),
	KIND(3, "third", "on the third fastest"),          KIND(4, "fourth", "on the fourth fastest"),
	KIND(5, "fifth", "on the fifth fastest"),          { 0 },
};

static const struct sm_claim claims[] = {
	{ .id = "H1",
	  .text = "Kinds of cores differ: the same loop takes at least 1.1 times as long on the second fastest kind",
	  .source = "what hybrid machines are built for",
	  SM_RATIO("second", "fastest", .min = 1.1),
	  .at = "work=loop cores=different",
	  .needs = "two kinds of cores" },
	{ 0 },
};

static const char *const work_labels[] = { "loop", "ring", NULL };

const struct sm_scenario sm_scenario_core_kinds = {
	.name = "core_kinds",
	.family = "coherence",
	.question = "How different are the kinds of cores of a hybrid machine?",
	.summary = "The same loop and the same ring on each kind.",
	.why = "Fast and slow cores differ in clock, width and caches. Workers of one measurement "
	       "therefore sit on one kind, unless kinds are what is compared.",
	.claims = claims,
	.variants = variants,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64)),
		    TRANSPORT_CAPACITY,
		    { .name = "work",
		      .unit = "1",
		      .summary = "what the two workers do",
		      .labels = work_labels,
		      .quick = SM_VALUES(LOOP, RING) } },
	.workers = 2,
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per operation", "ns/op" },
	.state_bytes = sizeof(struct state),
	.region_bytes = region_bytes,
	.supported = supported,
	.setup = setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.teardown = teardown,
};
