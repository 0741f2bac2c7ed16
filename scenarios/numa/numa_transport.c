/* Question: between processes on two nodes, on which node should the ring be?
 * Method:   round trips over the spinning ring as in transport_latency, with the ring's memory bound to one node or
 *           the other.  Worker 0 runs on the first node, worker 1 on the second.
 * Not shown: kernel transports, whose buffers a program cannot place.
 * Cost of the loop: the same as in transport_latency. */
#include "../subject/transport_pair.h"

static size_t region_bytes(const struct sm_case *c)
{
	return 2 * transport_bytes(TRANSPORT_shm_ring, transport_capacity(c), c->param[PARAM_MESSAGE]);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	return transport_supported(c, why);
}

static uint64_t run(struct sm_worker *worker)
{
	struct transport_state *state = worker->state;
	size_t bytes = worker->c->param[PARAM_MESSAGE];
	int out = worker->index == 0 ? 0 : 1;
	uint64_t n = worker->op_count;

	if (worker->index == 0) {
		for (uint64_t i = 0; i < n; i++)
			if (!pair_put(worker, TRANSPORT_shm_ring, state, out, bytes) ||
			    !pair_take(worker, TRANSPORT_shm_ring, state, 1 - out, bytes))
				return i;
	} else {
		for (uint64_t i = 0; i < n; i++)
			if (!pair_take(worker, TRANSPORT_shm_ring, state, 1 - out, bytes) ||
			    !pair_put(worker, TRANSPORT_shm_ring, state, out, bytes))
				return i;
	}
	return n;
}

static const struct sm_variant variants[] = {
	{ .name = "ring_on_first",
	  .summary = "the ring on the node of worker 0",
	  .memory = { .numa = SM_BIND_FIRST },
	  .arg = TRANSPORT_shm_ring },
	{ .name = "ring_on_second",
	  .summary = "the ring on the node of worker 1",
	  .memory = { .numa = SM_BIND_SECOND },
	  .arg = TRANSPORT_shm_ring },
	{ .name = "interleaved",
	  .summary = "the ring page by page over all nodes",
	  .memory = { .numa = SM_INTERLEAVE },
	  .arg = TRANSPORT_shm_ring },
	{ 0 },
};

const struct sm_scenario sm_scenario_numa_transport = {
	.name = "numa_transport",
	.family = "numa",
	.question = "Between two nodes, where should the ring be?",
	.summary = "Round trips over a ring in the memory of either node.",
	.why = "The ring's lines go from cache to cache either way, but the home of a line, "
	       "which keeps track of who has it, is on the node of its memory. A ring on the "
	       "far node makes one side's every miss ask over the link.",
	.variants = variants,
	.params = { TRANSPORT_MESSAGE(8, .quick = SM_VALUES(64), .standard = SM_VALUES(64, 4096)),
		    TRANSPORT_CAPACITY,
		    { .name = "first_node",
		      .unit = "node",
		      .summary = "NUMA node of worker 0, which begins",
		      .every_node = SM_NODES_WITH_PUS },
		    { .name = "second_node",
		      .unit = "node",
		      .summary = "NUMA node of worker 1",
		      .every_node = SM_NODES_WITH_PUS } },
	.workers = 2,
	.node_params = { "first_node", "second_node" },
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per round trip", "ns/op" },
	.transfers_per_op = 2,
	.state_bytes = sizeof(struct transport_state),
	.region_bytes = region_bytes,
	.supported = supported,
	.setup = pair_setup,
	.warm_up = pair_warm_up,
	.run = run,
	.verify = pair_verify_trips,
	.teardown = pair_teardown,
};
