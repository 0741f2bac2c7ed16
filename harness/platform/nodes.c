/* The NUMA nodes: which PUs and which memory they have, and how far apart they are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "topology_private.h"

/* Whether the kernel says that a PU belongs to a node.  hwloc makes memory-only nodes local to the PUs that are nearest
 * to them, so it may name several. */
static bool kernel_says(unsigned pu, unsigned node)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/node%u", pu, node);
	return access(path, F_OK) == 0;
}

/* Where the kernel cannot be asked, it is the smallest local node, and of those of equal size the one with the lowest
 * number: firmware lists nodes with PUs before those of memory only (HBM, NVDIMMs, CXL). */
unsigned topology_node_of(const struct sm_topology *t, hwloc_obj_t pu)
{
	hwloc_obj_t node = NULL, found = NULL;

	while ((node = hwloc_get_next_obj_by_type(t->hw, HWLOC_OBJ_NUMANODE, node))) {
		int size = hwloc_bitmap_weight(node->cpuset), least = found ? hwloc_bitmap_weight(found->cpuset) : 0;

		if (!hwloc_bitmap_isset(node->cpuset, pu->os_index))
			continue;
		if (t->this_machine && kernel_says(pu->os_index, node->os_index))
			return node->os_index;
		if (!found || size < least || (size == least && node->os_index < found->os_index))
			found = node;
	}
	return found ? found->os_index : 0;
}

static int by_number(const void *a, const void *b)
{
	const struct sm_node *x = a, *y = b;

	return (x->os_index > y->os_index) - (x->os_index < y->os_index);
}

static const char *tier_of(hwloc_obj_t node)
{
	const char *type = node->subtype ? node->subtype : hwloc_obj_get_info_by_name(node, "DAXType");

	return type ? type : "";
}

static void count_pus(struct sm_topology *t, struct sm_node *node)
{
	hwloc_obj_t pu = NULL;

	for (unsigned i = 0; i < t->pus; i++)
		node->pus += t->pu[i].node == node->os_index;
	node->has_pus = node->pus > 0;
	while (!node->has_pus && (pu = hwloc_get_next_obj_by_type(t->hw, HWLOC_OBJ_PU, pu)))
		node->has_pus = topology_node_of(t, pu) == node->os_index;
}

static void read_node(struct sm_topology *t, hwloc_obj_t object, struct sm_node *out)
{
	hwloc_obj_t package = object->parent;

	while (package && package->type != HWLOC_OBJ_PACKAGE)
		package = package->parent;
	*out = (struct sm_node){
		.os_index = object->os_index,
		.bytes = object->attr->numanode.local_memory,
		.allowed = hwloc_bitmap_isset(hwloc_topology_get_allowed_nodeset(t->hw), object->os_index),
		.package = package ? (int)package->logical_index : -1,
		.tier = tier_of(object),
	};
	count_pus(t, out);
}

static const struct sm_node *node_of_object(const struct sm_topology *t, hwloc_obj_t object)
{
	return object && object->type == HWLOC_OBJ_NUMANODE ? sm_topology_node(t, object->os_index) : NULL;
}

static void read_distances(struct sm_topology *t)
{
	struct hwloc_distances_s *matrix = NULL;
	unsigned count = 1;

	if (hwloc_distances_get_by_name(t->hw, "NUMALatency", &count, &matrix, 0) < 0 || count == 0)
		return;
	for (unsigned i = 0; i < matrix->nbobjs; i++)
		for (unsigned j = 0; j < matrix->nbobjs; j++) {
			const struct sm_node *from = node_of_object(t, matrix->objs[i]);
			const struct sm_node *to = node_of_object(t, matrix->objs[j]);

			if (from && to)
				t->distance[(size_t)(from - t->node) * t->nodes + (size_t)(to - t->node)] =
					(unsigned)matrix->values[i * matrix->nbobjs + j];
		}
	hwloc_distances_release(t->hw, matrix);
}

int topology_collect_nodes(struct sm_topology *t, struct sm_error *err)
{
	int known = hwloc_get_nbobjs_by_type(t->hw, HWLOC_OBJ_NUMANODE);
	hwloc_obj_t object = NULL;
	bool sized = false;

	t->nodes = known > 0 ? (unsigned)known : 1;
	t->node = calloc(t->nodes, sizeof(*t->node));
	t->distance = calloc((size_t)t->nodes * t->nodes, sizeof(*t->distance));
	if (!t->node || !t->distance)
		return sm_fail(err, ENOMEM, "no memory for %u NUMA nodes", t->nodes);
	if (known <= 0)
		t->node[0] =
			(struct sm_node){ .pus = t->pus, .has_pus = true, .allowed = true, .package = -1, .tier = "" };
	for (unsigned i = 0; known > 0 && (object = hwloc_get_next_obj_by_type(t->hw, HWLOC_OBJ_NUMANODE, object)); i++)
		read_node(t, object, &t->node[i]);
	qsort(t->node, t->nodes, sizeof(*t->node), by_number);
	for (unsigned i = 0; i < t->nodes; i++)
		sized |= t->node[i].bytes > 0;
	/* some descriptions tell no sizes at all: then each node has memory, of unknown size */
	for (unsigned i = 0; i < t->nodes; i++)
		t->node[i].has_memory = !sized || t->node[i].bytes > 0;
	read_distances(t);
	return 0;
}

const struct sm_node *sm_topology_nodes(const struct sm_topology *topology, unsigned *count)
{
	*count = topology->nodes;
	return topology->node;
}

const struct sm_node *sm_topology_node(const struct sm_topology *topology, unsigned os_index)
{
	const struct sm_node wanted = { .os_index = os_index };

	return bsearch(&wanted, topology->node, topology->nodes, sizeof(wanted), by_number);
}

/* "0,2-3": the nodes that give memory. */
static void list_nodes(const struct sm_topology *t, char *out, size_t size)
{
	hwloc_bitmap_t set = hwloc_bitmap_alloc();

	snprintf(out, size, "?");
	for (unsigned i = 0; set && i < t->nodes; i++)
		if (sm_node_gives_memory(&t->node[i]))
			hwloc_bitmap_set(set, t->node[i].os_index);
	if (set)
		hwloc_bitmap_list_snprintf(out, size, set);
	hwloc_bitmap_free(set);
}

int sm_topology_gives_memory(const struct sm_topology *topology, unsigned os_index, struct sm_error *err)
{
	const struct sm_node *node = sm_topology_node(topology, os_index);
	char nodes[64];

	if (node && sm_node_gives_memory(node))
		return 0;
	list_nodes(topology, nodes, sizeof(nodes));
	if (!node)
		return sm_fail(err, ENODEV, "this machine has no NUMA node %u: choose among %s", os_index, nodes);
	return sm_fail(err, ENODEV, "NUMA node %u %s: choose among %s", os_index,
		       node->has_memory ? "may not be used by this process (cpuset.mems)" : "has no memory", nodes);
}

unsigned sm_topology_memory_node_count(const struct sm_topology *topology)
{
	unsigned count = 0;

	for (unsigned i = 0; i < topology->nodes; i++)
		count += sm_node_gives_memory(&topology->node[i]);
	return count;
}

unsigned sm_topology_distance(const struct sm_topology *topology, unsigned from, unsigned to)
{
	const struct sm_node *a = sm_topology_node(topology, from), *b = sm_topology_node(topology, to);

	return a && b ? topology->distance[(size_t)(a - topology->node) * topology->nodes +
					   (size_t)(b - topology->node)]
		      : 0;
}

unsigned sm_topology_weight(unsigned os_index)
{
	char path[96];
	unsigned weight = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/kernel/mm/mempolicy/weighted_interleave/node%u", os_index);
	file = fopen(path, "re");
	if (file && fscanf(file, "%u", &weight) != 1)
		weight = 0;
	if (file)
		fclose(file);
	return weight ? weight : 1;
}

void sm_topology_promise(const struct sm_topology *topology, unsigned os_index, uint64_t *latency_ns,
			 uint64_t *bandwidth_mib)
{
	hwloc_obj_t node = hwloc_get_numanode_obj_by_os_index(topology->hw, os_index);
	struct hwloc_location initiator;
	hwloc_uint64_t value;

	*latency_ns = *bandwidth_mib = 0;
	if (!node)
		return;
	if (hwloc_memattr_get_best_initiator(topology->hw, HWLOC_MEMATTR_ID_LATENCY, node, 0, &initiator, &value) == 0)
		*latency_ns = value;
	if (hwloc_memattr_get_best_initiator(topology->hw, HWLOC_MEMATTR_ID_BANDWIDTH, node, 0, &initiator, &value) ==
	    0)
		*bandwidth_mib = value;
}
