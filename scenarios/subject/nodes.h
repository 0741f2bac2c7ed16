/* The NUMA nodes between which a scenario measures: where the worker runs, and where memory lies. */
#ifndef SHMETER_SUBJECT_NODES_H
#define SHMETER_SUBJECT_NODES_H

#include "shmeter/scenario.h"

#define CPU_NODE    "cpu_node"
#define MEMORY_NODE "memory_node"

/* The first two parameters, and the scenario's node_params. */
#define NODE_PARAMS NODE_PARAMS_MOST(0)
/* The same with at most so many nodes: where the answer is the same for every two. */
#define NODE_PARAMS_MOST(most)                                                                                         \
	{ .name = CPU_NODE,                                                                                            \
	  .unit = "node",                                                                                              \
	  .summary = "NUMA node that the worker runs on",                                                              \
	  .every_node = SM_NODES_WITH_PUS,                                                                             \
	  .nodes_most = (most) },                                                                                      \
	{                                                                                                              \
		.name = MEMORY_NODE, .unit = "node", .summary = "NUMA node of the other memory",                       \
		.every_node = SM_NODES_WITH_MEMORY, .nodes_most = (most)                                               \
	}
#define NODE_PARAM_NAMES                                                                                               \
	{                                                                                                              \
		CPU_NODE, MEMORY_NODE                                                                                  \
	}

/* The same work in the memory of the worker's own node, and of the other one. */
#define NODE_VARIANTS                                                                                                  \
	{ .name = "own", .summary = "memory on the worker's node", .memory = { .numa = SM_BIND_FIRST } },              \
	{                                                                                                              \
		.name = "other", .summary = "memory on the other node", .memory = {.numa = SM_BIND_SECOND }            \
	}

#endif
