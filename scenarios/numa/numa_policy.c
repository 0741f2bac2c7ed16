/* Question: on which node does shared memory end up?
 * Method:   one worker, on each node in turn, writes a word of every page of fresh memory under a policy: none
 *           (first touch), bound to its own node or to another one, interleaved.  Then the kernel reports the node
 *           of every page (move_pages), which is compared with what the policy promises.  One page is an operation.
 *           The same amount of memory is touched, flushed from the caches and freed right before.
 * Not shown: automatic NUMA balancing, which may move pages later.
 * Cost of the loop: one store and an addition per page; everything else is the fault. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "../subject/nodes.h"

enum { PARAM_CPU_NODE, PARAM_MEMORY_NODE, PARAM_BYTES };
enum { TALLY_ELSEWHERE, TALLY_ASKED };

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

static uint64_t pages(const struct sm_case *c)
{
	return c->param[PARAM_BYTES] / (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t run(struct sm_worker *worker)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	volatile uint64_t *words = worker->region;
	uint64_t n = worker->op_count;

	for (uint64_t i = 0; i < n; i++)
		words[i * step] = i * 2 + 1;
	return n;
}

/* The pages that a node may have: all where the policy names it, its share under interleaving. */
static double allowed_pages(const struct sm_case *c, const struct sm_topology *topology, const struct sm_node *node)
{
	double all = (double)pages(c), weights = 0;
	unsigned count;
	const struct sm_node *nodes = sm_topology_nodes(topology, &count);

	if (c->memory.numa == SM_BIND)
		return node->os_index == c->memory.node ? all : 0;
	if (c->memory.numa == SM_FIRST_TOUCH)
		return node->os_index == c->param[PARAM_CPU_NODE] ? all : 0;
	if (!sm_node_gives_memory(node))
		return 0;
	for (unsigned i = 0; i < count; i++)
		if (sm_node_gives_memory(&nodes[i]))
			weights += c->memory.numa == SM_WEIGHTED ? sm_topology_weight(nodes[i].os_index) : 1;
	/* the last round of interleaving may end anywhere */
	return c->memory.numa == SM_WEIGHTED ? ceil(all / weights) * sm_topology_weight(node->os_index)
					     : ceil(all / weights);
}

/* After the slices: records how many pages are not where the policy promises. */
static uint64_t trace(struct sm_worker *worker)
{
	const struct sm_topology *topology = worker->mapping->topology;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t on_node[SM_NODES_MAX] = { 0 }, *tally = worker->outcome->tally;
	unsigned count;
	const struct sm_node *nodes = sm_topology_nodes(topology, &count);
	struct sm_error err = { 0 };
	uint64_t known = 0;

	if (count > SM_NODES_MAX) {
		sm_worker_fail(worker, E2BIG, "more than %u NUMA nodes", SM_NODES_MAX);
		return 0;
	}
	/* One page per call: for more pages the function only takes a sample. */
	for (uint64_t i = 0; i < pages(worker->c); i++) {
		char *at = (char *)worker->region + i * page;

		if (sm_topology_memory_nodes(topology, at, page, on_node, &err) < 0) {
			sm_worker_fail(worker, err.code, "%s", err.text);
			return 0;
		}
		tally[TALLY_ASKED]++;
	}
	for (unsigned i = 0; i < count; i++)
		known += on_node[i] / page;
	if (known < tally[TALLY_ASKED]) {
		sm_worker_fail(worker, ENODATA, "the kernel does not say on which node %lu of %lu pages lie",
			       tally[TALLY_ASKED] - known, tally[TALLY_ASKED]);
		return 0;
	}
	for (unsigned i = 0; i < count; i++) {
		double has = (double)(on_node[i] / page), may = allowed_pages(worker->c, topology, &nodes[i]);

		tally[TALLY_ELSEWHERE] += has > may ? (uint64_t)(has - may) : 0;
	}
	return 0;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	size_t step = (size_t)sysconf(_SC_PAGESIZE) / sizeof(uint64_t);
	const uint64_t *words = trial->region;

	for (uint64_t i = 0; i < trial->outcome[0]->ops; i++)
		if (words[i * step] != i * 2 + 1)
			return sm_fail(err, EILSEQ, "page %lu was not written", i);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	const uint64_t *tally = trial->outcome[0]->tally;

	value[0] = tally[TALLY_ASKED] ? (double)tally[TALLY_ELSEWHERE] : (double)NAN;
}

static const struct sm_variant variants[] = {
	{ .name = "first_touch",
	  .summary = "no policy: where the first writer runs",
	  .memory = { .numa = SM_FIRST_TOUCH, .prefault = SM_LAZY } },
	{ .name = "bind_own",
	  .summary = "bound to the writer's node",
	  .memory = { .numa = SM_BIND_FIRST, .prefault = SM_LAZY } },
	{ .name = "bind_other",
	  .summary = "bound to the other node",
	  .memory = { .numa = SM_BIND_SECOND, .prefault = SM_LAZY } },
	{ .name = "interleave",
	  .summary = "page by page over all nodes",
	  .memory = { .numa = SM_INTERLEAVE, .prefault = SM_LAZY } },
	{ .name = "weighted",
	  .summary = "interleaved by the kernel's weights of the nodes",
	  .memory = { .numa = SM_WEIGHTED, .prefault = SM_LAZY } },
	{ 0 },
};

#define PLACED(id_, variant, words)                                                                                    \
	{                                                                                                              \
		.id = id_, .text = words, .source = "set_mempolicy(2), mbind(2)",                                      \
		SM_METRIC(variant, "pages elsewhere", .max = 0), .needs = "two NUMA nodes"                             \
	}
static const struct sm_claim claims[] = {
	PLACED("N2", "first_touch", "Every page lands on the node of the process that writes to it first"),
	PLACED("N3", "bind_other", "Binding to another node puts every page there, wherever the writer runs"),
	PLACED("N3.own", "bind_own", "Binding to the writer's node puts every page there"),
	PLACED("N3.interleave", "interleave", "Interleaving gives no node more than its share"),
	PLACED("N3.weighted", "weighted", "Weighted interleaving gives no node more than its weight says"),
	{ 0 },
};

const struct sm_scenario sm_scenario_numa_policy = {
	.name = "numa_policy",
	.family = "numa",
	.question = "On which node does shared memory end up?",
	.summary = "Fresh memory under each policy, and the node of every page.",
	.why = "A page is placed when it is first touched, not when it is mapped: on the "
	       "node of the processor that touches it, unless a policy says otherwise. What "
	       "is read back from the kernel is the evidence; asking for a node proves "
	       "nothing.",
	.claims = claims,
	.variants = variants,
	.params = { NODE_PARAMS,
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the region",
		      .quick = SM_VALUES(16 << 20),
		      .min = 4096,
		      .max = 1ull << 36 } },
	.workers = 1,
	.node_params = NODE_PARAM_NAMES,
	.expected = { { .event = "minor-faults", .per_op = 1 } },
	.metric = { "time per page", "ns/op" },
	.more = { { "pages elsewhere", "1" } },
	.memory = { .backing = SM_ANON, .pages = { SM_PAGES_BASE, 0 } },
	.subject = SM_COLD,
	.warm_physical = true,
	.region_bytes = region_bytes,
	.fixed_ops = pages,
	.run = run,
	.trace = trace,
	.verify = verify,
	.measure = measure,
};
