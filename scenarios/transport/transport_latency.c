/* Question: how long does a message take to a process and the answer back?
 * Method:   closed loop of round trips; each message is written by its sender word by word, copied in,
 *           copied out, and checked word by word by its receiver: the same copies for every transport.
 *           Half a round trip is printed as "one way" by declaration, not by measurement.
 * Not shown: latency under load (a closed loop waits for its answer before it sends again), wake-ups apart
 * from the transport: across cores a blocking transport mostly measures the wake-up of the sleeper.
 * Cost of the loop: writing and checking 8 bytes takes about a third of a cycle a word when vectorised;
 * four tallies in the worker's own slot; one switch a slice chooses the transport. */
#include "../subject/transport.h"

static uint64_t run(struct sm_worker *worker)
{
	TRANSPORT_DISPATCH(worker, _round_trips);
}

static uint64_t trace(struct sm_worker *worker)
{
	TRANSPORT_DISPATCH(worker, _traced);
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	for (unsigned i = 0; i < 2; i++) {
		const struct sm_outcome *o = trial->outcome[i];

		if (o->tally[TALLY_WRONG])
			return sm_fail(err, EILSEQ, "worker %u received %lu wrong messages", i,
				       o->tally[TALLY_WRONG]);
		if (o->tally[TALLY_RECEIVED] != o->ops || o->tally[TALLY_SENT] != o->ops)
			return sm_fail(
				err, EILSEQ,
				"worker %u sent %lu and received %lu messages in %lu round trips",
				i, o->tally[TALLY_SENT], o->tally[TALLY_RECEIVED], o->ops);
	}
	return 0;
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	return 2 * c->param[PARAM_MESSAGE];
}

static const struct sm_claim claims[] = {
	{ .id = "T1",
	  .text = "A spinning ring in shared memory beats a pipe when both ends have a core",
	  .source = "textbooks on interprocess communication",
	  .question = "Pipe or shared memory?",
	  .left = "pipe",
	  .right = "shm_ring",
	  .at = "placement=near",
	  .ratio_min = 1,
	  .caveat =
		  "across cores the pipe's figure is mostly the wake-up of a sleeper, and the spinning "
		  "ring burns a core while it waits: compare the CPU time" },
	{ .id = "T2",
	  .text = "With sleeping waits and small messages on one core, shared memory's advantage over a pipe "
		  "shrinks under 1.5 times",
	  .source = "popular belief turned round: notification costs what the pipe costs",
	  .question = "Pipe or shared memory?",
	  .left = "pipe",
	  .right = "shm_ring_futex",
	  .at = "message=64 placement=same-core",
	  .ratio_max = 1.5 },
	{ 0 },
};

const struct sm_scenario sm_scenario_transport_latency = {
	.name = "transport_latency",
	.family = "transport",
	.question = "How long does a message take there and back?",
	.summary = "Round trips of checked messages between two processes.",
	.claims = claims,
	.variants = transport_variants,
	.params = { { .name = "message",
		      .unit = "B",
		      .summary = "bytes of a message",
		      .quick = SM_VALUES(64, 16384),
		      .standard = SM_VALUES(8, 64, 512, 4096, 65536),
		      .full = SM_VALUES(8, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576),
		      .min = 8,
		      .max = 1 << 26 },
		    { .name = "capacity",
		      .unit = "B",
		      .summary = "bytes in flight, at least two messages",
		      .quick = SM_VALUES(65536),
		      .min = 4096,
		      .max = 1 << 28 } },
	.workers = 2,
	.placements = { SM_PLACE_NEAR, SM_PLACE_SAME_CORE, SM_PLACE_SMT, SM_PLACE_SHARED_L3,
			SM_PLACE_SAME_NODE, SM_PLACE_CROSS_NODE },
	/* all that is touched was populated before: a fault in a slice is a mistake */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per round trip", "ns/op" },
	.transfers_per_op = 2,
	.state_bytes = sizeof(struct transport_state),
	.region_bytes = transport_region_bytes,
	.bytes_per_op = bytes_per_op,
	.supported = transport_supported,
	.setup = transport_setup,
	.warm_up = transport_warm_up,
	.run = run,
	.trace = trace,
	.verify = verify,
	.teardown = transport_teardown,
};
