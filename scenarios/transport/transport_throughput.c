/* Question: how many messages, and how many bytes, go one way per second?
 * Method:   worker 0 sends as fast as the transport takes the messages, worker 1 receives; every message is written
 *           in full and checked in full; the slice ends with the last receipt.
 * Not shown: several senders; single-copy transports.
 * Cost of the loop: as transport_latency, one direction. */
#include "../subject/stamped.h"

/* In a variant's `arg`: nothing is written or checked. */
#define RING_COPIES 0x100u
#define TWO_COPIES  0x200u

/* Worker 0 sends, worker 1 receives. */
static ALWAYS_INLINE uint64_t one_way(struct sm_worker *worker, enum transport transport)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count;

	if (worker->index == 0) {
		for (uint64_t i = 0; i < n; i++)
			if (!pair_put(worker, transport, state, 0, bytes))
				return i;
	} else {
		for (uint64_t i = 0; i < n; i++)
			if (!pair_take(worker, transport, state, 0, bytes))
				return i;
	}
	return n;
}
#define STAMP_LOOP one_way
#include "../subject/stamp.h"

/* Only the copies of the ring: nothing is written or checked. */
static uint64_t ring_copies(struct sm_worker *worker)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count, *tally = worker->outcome->tally;

	for (uint64_t i = 0; i < n; i++) {
		if (worker->index == 0 ? !shm_ring_send(&state->channel[0], state->own.out, bytes)
				       : !shm_ring_receive(&state->channel[0], state->own.in, bytes))
			return i;
		tally[worker->index == 0 ? TALLY_SENT : TALLY_RECEIVED]++;
	}
	return n;
}

/* Two plain copies through two blocks, with a counter on each side: the upper bound for a transport that copies
 * twice. */
static uint64_t two_copies(struct sm_worker *worker)
{
	struct transport_state *state = worker->state;
	struct spsc *blocks = state->channel[0].memory; /* its indices count blocks here */
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	uint64_t n = worker->op_count;

	for (uint64_t i = 0; i < n; i++) {
		uint64_t turn = worker->index == 0 ? state->sent++ : state->received++;
		char *block = blocks->data + turn % 2 * bytes;

		if (worker->index == 0) {
			for (unsigned turns = 0; turn - atomic_load_explicit(&blocks->tail, memory_order_acquire) >= 2;)
				if (!sm_spin(&turns, worker->abort))
					return i;
			memcpy(block, state->own.out, bytes);
			atomic_store_explicit(&blocks->head, turn + 1, memory_order_release);
			worker->outcome->tally[TALLY_SENT]++;
		} else {
			for (unsigned turns = 0; atomic_load_explicit(&blocks->head, memory_order_acquire) <= turn;)
				if (!sm_spin(&turns, worker->abort))
					return i;
			memcpy(state->own.in, block, bytes);
			atomic_store_explicit(&blocks->tail, turn + 1, memory_order_release);
			worker->outcome->tally[TALLY_RECEIVED]++;
		}
	}
	return n;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t arg = sm_case_variant(worker->c)->arg;

	if (stamped_loops(worker))
		return stamped_slice(worker, STAMPED_ONE_WAY, one_way_run);
	return arg & RING_COPIES ? ring_copies(worker) : arg & TWO_COPIES ? two_copies(worker) : one_way_run(worker);
}

static int warm_up(struct sm_worker *worker)
{
	return stamped_warm_up(worker, STAMPED_ONE_WAY);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	const struct sm_outcome *sender = trial->outcome[0], *receiver = trial->outcome[1];

	if (receiver->tally[TALLY_WRONG])
		return sm_fail(err, EILSEQ, "%lu messages arrived wrong", receiver->tally[TALLY_WRONG]);
	if (sender->tally[TALLY_SENT] != sender->ops || receiver->tally[TALLY_RECEIVED] != receiver->ops ||
	    sender->ops != receiver->ops)
		return sm_fail(err, EILSEQ, "%lu messages were sent and %lu received in %lu operations",
			       sender->tally[TALLY_SENT], receiver->tally[TALLY_RECEIVED], sender->ops);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	if (sm_case_variant(trial->c)->arg & TWO_COPIES) {
		value[0] = 2;
		value[1] = 2 * (double)trial->c->param[PARAM_MESSAGE];
	} else {
		pair_measure(trial, value);
	}
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return c->param[PARAM_MESSAGE];
}

static const struct sm_plug plugs[] = TRANSPORT_PLUGS;
static const struct sm_variant variants[] = {
#define TRANSPORT(name, words, traits) PAIR_VARIANT(name, words, traits, false)
#define TRANSPORTS_OWN
#include "../subject/transports.def"
	{ .name = "ring_copies",
	  .summary = "shm_ring's copies alone: messages neither written nor checked",
	  .arg = TRANSPORT_shm_ring | RING_COPIES },
	{ .name = "two_copies",
	  .summary = "two plain copies through two blocks of shared memory: the ceiling",
	  .arg = TRANSPORT_shm_ring | TWO_COPIES },
	{ 0 },
};

/* On equal terms: the claim needs channels that hold several messages, which a default pipe with 1 MiB messages does
 * not. */
#define MOVES_FASTER(id_, text_, source_, question_, kernel, other, message, least)                                    \
	{                                                                                                              \
		.id = id_, .text = text_, .source = source_, .question = question_,                                    \
		SM_RATIO(kernel, other, .min = least, .holds = SM_IN_FLIGHT, .holds_min = 2),                          \
		.at = "message=" message " placement=near cores=different", .needs = "two cores"                       \
	}
static const struct sm_claim claims[] = {
	MOVES_FASTER("T3",
		     "A ring in shared memory moves 64 KiB messages at least twice as fast as a pipe "
		     "between two cores",
		     "popular belief: two copies less the system calls", "Pipe or shared memory?", "pipe", "shm_ring",
		     "65536", 2),
	MOVES_FASTER("T4",
		     "A single copy (process_vm_readv) moves 256 KiB messages faster than a pipe's two "
		     "between two cores",
		     "textbooks on interprocess communication: zero-copy and single-copy transfers", NULL, "pipe",
		     "process_vm", "262144", 1),
	MOVES_FASTER("T4.vmsplice",
		     "A pipe that takes pages by reference moves 256 KiB messages faster than one that "
		     "copies between two cores",
		     "vmsplice(2)", NULL, "pipe", "pipe_vmsplice", "262144", 1),
	{ .id = "T9",
	  .text = "A ring in shared memory with room for four copies 64 KiB messages at 90 % at least of "
		  "what two plain copies through two blocks reach between two cores",
	  .source = "the physical ceiling of a transport with two copies",
	  SM_RATIO("ring_copies", "two_copies", .max = 1 / 0.9, .holds = SM_IN_FLIGHT, .holds_min = 2),
	  .at = "message=65536 placement=near cores=different",
	  .needs = "two cores",
	  .caveat = "writing each message and checking it comes on top: compare shm_ring with ring_copies" },
	{ 0 },
};

const struct sm_scenario sm_scenario_transport_throughput = {
	.name = "transport_throughput",
	.family = "transport",
	.question = "How many messages and bytes go one way in a second?",
	.summary = "A stream of checked messages from one process to another.",
	.why = "Each message costs system calls and copies. Small messages are all calls, large "
	       "ones all copies; where the lines cross, the one cost overtakes the other. Switches "
	       "an operation say how often an end ran dry or full and slept.",
	.claims = claims,
	.variants = variants,
	.plugs = plugs,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64, 65536),
				      .standard = SM_VALUES(64, 1024, 8192, 65536, 262144),
				      .full = SM_VALUES(64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304)),
		    TRANSPORT_CAPACITY },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3, SM_PLACE_SAME_NODE,
			SM_PLACE_CROSS_NODE },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per message", "ns/op" },
	.more = { TRANSPORT_HOLDS },
	.transfers_per_op = 1,
	.state_bytes = sizeof(struct transport_state),
	.region_bytes = transport_region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = transport_supported,
	.setup = pair_setup,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
	.measure = measure,
	.teardown = pair_teardown,
};
