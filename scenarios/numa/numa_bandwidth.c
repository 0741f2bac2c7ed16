/* Question: how much slower is sequential access to another node's memory?
 * Method:   one worker, on each node in turn, passes over memory bound to its own node and to each other one, reading,
 *           writing or copying.
 *           The placement of the pages is checked.  The region is at least four times the last-level cache.  An
 *           operation is 4096 bytes.
 * Not shown: the combined bandwidth of all cores of a node.
 * Cost of the loop: 256 vectors of 16 bytes; a comparison and a branch per block. */
#include "../subject/nodes.h"
#include "../subject/stream.h"

enum { PARAM_CPU_NODE, PARAM_MEMORY_NODE, PARAM_OP, PARAM_BYTES };

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static uint64_t bytes_per_op(const struct sm_case *c)
{
	(void)c;
	return STREAM_BLOCK;
}

static int warm_up(struct sm_worker *worker)
{
	stream_fill(worker->region, worker->region_bytes);
	return 0;
}

static uint64_t run(struct sm_worker *worker)
{
	switch ((enum stream_op)worker->c->param[PARAM_OP]) {
	case STREAM_READ: return stream_run(worker, STREAM_READ);
	case STREAM_WRITE: return stream_run(worker, STREAM_WRITE);
	default: return stream_run(worker, STREAM_COPY);
	}
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	return stream_verify(trial, (enum stream_op)trial->c->param[PARAM_OP], err);
}

static const struct sm_variant variants[] = { NODE_VARIANTS, { 0 } };

const struct sm_scenario sm_scenario_numa_bandwidth = {
	.name = "numa_bandwidth",
	.family = "numa",
	.question = "How much slower is another node's memory passed over in order?",
	.summary = "Reading, writing and copying, from each node in the memory of each.",
	.why = "Memory of another node comes over the link between the sockets, which is "
	       "slower than a node's own memory channels and shared by all that use it. "
	       "Prefetchers hide the longer way of a stream, not the narrower one.",
	.variants = variants,
	.params = { NODE_PARAMS,
		    STREAM_OP_PARAM,
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_SCALED(SM_TIMES_LLC(4)),
		      .min = 3 * STREAM_BLOCK,
		      .max = 1ull << 40 } },
	.workers = 1,
	.warm_ns = SM_WARM_MEMORY_NS,
	.node_params = NODE_PARAM_NAMES,
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per 4096 bytes", "ns/op" },
	.memory = { .backing = SM_ANON, .prefault = SM_MADVISE },
	.state_bytes = sizeof(struct stream_state),
	.region_bytes = region_bytes,
	.bytes_per_op = bytes_per_op,
	.warm_up = warm_up,
	.run = run,
	.verify = verify,
};
