/* Question: how much longer does a load take from another node's memory?
 * Method:   one worker, on each node in turn, walks through memory bound to its own node and to each other one:
 *           dependent loads, one per line, in random order (walk.h).  The placement of the pages is checked.  The
 *           region is at least eight times the last-level cache, so fewer than an eighth of the random loads hit the
 *           cache.
 * Not shown: several workers that share a link (numa_bandwidth); caches of other sockets (core_to_core).
 * Cost of the loop: one dependent load and a shift; latency only. */
#include "../subject/nodes.h"
#include "../subject/walk.h"

enum { PARAM_CPU_NODE, PARAM_MEMORY_NODE, PARAM_BYTES };

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	uint64_t bytes = c->param[PARAM_BYTES];

	if (bytes & (bytes - 1))
		return sm_fail(why, ENOTSUP,
			       "the cycle needs a power of two of bytes, not %lu: "
			       "--set bytes=64m",
			       bytes);
	return 0;
}

static const struct sm_variant variants[] = { NODE_VARIANTS, { 0 } };

static const struct sm_claim claims[] = {
	{ .id = "N1",
	  .text = "A load from another node's memory takes at least 1.3 times as long as one from the memory of the "
		  "worker's own node",
	  .source = "popular figure for two-socket machines",
	  SM_RATIO("other", "own", .min = 1.3),
	  .at = "nodes=with-pus",
	  .needs = "two NUMA nodes with PUs" },
	{ 0 },
};

const struct sm_scenario sm_scenario_numa_latency = {
	.name = "numa_latency",
	.family = "numa",
	.question = "How much longer does a load take from another node's memory?",
	.summary = "Random dependent loads, from each node to the memory of each.",
	.why = "A load that misses all caches goes to the memory controller of the page's "
	       "node: over the link between the sockets and back if that is another one. A "
	       "dependent load cannot start before the one before it is back, so all of the "
	       "way shows.",
	.claims = claims,
	.variants = variants,
	.params = { NODE_PARAMS,
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region, a power of two",
		      .quick = SM_SCALED(SM_TIMES_LLC(8)),
		      .min = 1 << 16,
		      .max = 1ull << 40 } },
	.workers = 1,
	.node_params = NODE_PARAM_NAMES,
	/* everything was populated before the slices: a fault in one is an error */
	.expected = { { .event = "minor-faults", .per_op = 0 } },
	.metric = { "time per dependent load", "ns/op" },
	.memory = { .backing = SM_ANON, .prefault = SM_MADVISE },
	.state_bytes = sizeof(struct walk),
	.subject = SM_KEPT,
	.warm_ns = SM_WARM_MEMORY_NS,
	.region_bytes = region_bytes,
	.supported = supported,
	.warm_up = walk_warm_up,
	.run = walk_run,
	.verify = walk_verify,
};
