/* Variants by the NUMA node that memory is bound to, and the parameter for the node on which the worker runs. */
#ifndef SHMETER_SUBJECT_NODES_H
#define SHMETER_SUBJECT_NODES_H

#include "shmeter/scenario.h"

#define NODE_VARIANT(node_)                                                                                            \
	{                                                                                                              \
		.name = "m" #node_, .summary = "memory on node " #node_, .memory = { .numa = SM_BIND, .node = node_ }, \
		.extra = node_ > 1                                                                                     \
	}
/* The first eight nodes; nodes above 1 only in the full profile or if they are named. */
#define NODE_VARIANTS                                                                                                  \
	NODE_VARIANT(0), NODE_VARIANT(1), NODE_VARIANT(2), NODE_VARIANT(3), NODE_VARIANT(4), NODE_VARIANT(5),          \
		NODE_VARIANT(6), NODE_VARIANT(7)

#define NODE_PARAM                                                                                                     \
	{                                                                                                              \
		.name = "cpu_node", .unit = "1", .summary = "NUMA node that the worker runs on",                       \
		.quick = SM_VALUES(0, 1), .full = SM_VALUES(0, 1, 2, 3, 4, 5, 6, 7), .min = 0, .max = 1023             \
	}

#endif
