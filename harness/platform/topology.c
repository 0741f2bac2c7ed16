/* The allowed PUs and their relations, from hwloc. */
#include "shmeter/topology.h"

#include <errno.h>
#include <hwloc.h>
#include <stdlib.h>
#include <string.h>

#include "topology_private.h"
#include "topology_source.h"

/* Logical index of the cache of a level above an object, -1 if hwloc knows none. */
static int cache_above(hwloc_topology_t hw, hwloc_obj_t pu, hwloc_obj_type_t type)
{
	hwloc_obj_t cache = hwloc_get_ancestor_obj_by_type(hw, type, pu);

	return cache ? (int)cache->logical_index : -1;
}

static unsigned index_above(hwloc_topology_t hw, hwloc_obj_t pu, hwloc_obj_type_t type, unsigned otherwise)
{
	hwloc_obj_t object = hwloc_get_ancestor_obj_by_type(hw, type, pu);

	return object ? object->logical_index : otherwise;
}

/* The kernel's number of an object above; -1: none, or not known. */
static int number_above(hwloc_topology_t hw, hwloc_obj_t pu, hwloc_obj_type_t type)
{
	hwloc_obj_t object = hwloc_get_ancestor_obj_by_type(hw, type, pu);

	return object && object->os_index != HWLOC_UNKNOWN_INDEX ? (int)object->os_index : -1;
}

static int collect_pus(struct sm_topology *t, struct sm_error *err)
{
	hwloc_const_cpuset_t allowed = hwloc_topology_get_allowed_cpuset(t->hw);
	hwloc_bitmap_t usable = hwloc_bitmap_dup(allowed);
	hwloc_bitmap_t bound = hwloc_bitmap_alloc();
	hwloc_obj_t pu = NULL;

	/* The affinity that this process was started with (taskset) restricts what the cgroup allows. */
	if (t->this_machine && hwloc_get_cpubind(t->hw, bound, HWLOC_CPUBIND_THREAD) == 0)
		hwloc_bitmap_and(usable, usable, bound);
	t->pu = calloc((size_t)hwloc_get_nbobjs_by_type(t->hw, HWLOC_OBJ_PU) + 1, sizeof(*t->pu));
	while (t->pu && (pu = hwloc_get_next_obj_by_type(t->hw, HWLOC_OBJ_PU, pu))) {
		if (!hwloc_bitmap_isset(usable, pu->os_index))
			continue;
		t->pu[t->pus++] = (struct sm_pu){
			.os_index = pu->os_index,
			.logical = pu->logical_index,
			/* if hwloc knows no cores, each PU counts as a core of its own */
			.core = index_above(t->hw, pu, HWLOC_OBJ_CORE, pu->logical_index),
			.package = index_above(t->hw, pu, HWLOC_OBJ_PACKAGE, 0),
			.core_number = number_above(t->hw, pu, HWLOC_OBJ_CORE),
			.package_number = number_above(t->hw, pu, HWLOC_OBJ_PACKAGE),
			.node = topology_node_of(t, pu),
			.l2 = cache_above(t->hw, pu, HWLOC_OBJ_L2CACHE),
			.l3 = cache_above(t->hw, pu, HWLOC_OBJ_L3CACHE),
			.kind = -1,
		};
	}
	hwloc_bitmap_free(bound);
	hwloc_bitmap_free(usable);
	if (!t->pu)
		return sm_fail(err, ENOMEM, "no memory for the topology");
	if (t->pus == 0)
		return sm_fail(err, ENODEV, "no CPU is allowed to this process; look at its cpuset");
	return 0;
}

/* hwloc takes every error of sched_getaffinity(2) to mean that the mask is too small, and retries with ever larger
 * masks. */
static int may_ask_for_affinity(struct sm_error *err)
{
	cpu_set_t mask;

	if (sched_getaffinity(0, sizeof(mask), &mask) == 0 || errno == EINVAL)
		return 0;
	return sm_fail(err, ENODEV,
		       "the kernel does not tell this process its CPUs (sched_getaffinity: %s): look at "
		       "the container's or service's system call filter",
		       strerror(errno));
}

static int load_once(struct sm_topology *t, const char *source, struct sm_error *err)
{
	size_t length = source ? strlen(source) : 0;
	int rc = 0;

	if (hwloc_topology_init(&t->hw) < 0)
		return sm_fail(err, ENOMEM, "no memory for the topology");
	if (length > 4 && strcmp(source + length - 4, ".xml") == 0)
		rc = hwloc_topology_set_xml(t->hw, source);
	else if (source)
		rc = hwloc_topology_set_synthetic(t->hw, source);
	if (rc < 0)
		return sm_fail(err, EINVAL,
			       "\"%s\" is neither an hwloc XML file nor a synthetic "
			       "topology",
			       source);
	hwloc_topology_set_all_types_filter(t->hw, HWLOC_TYPE_FILTER_KEEP_IMPORTANT);
	hwloc_topology_set_cache_types_filter(t->hw, HWLOC_TYPE_FILTER_KEEP_ALL);
	/* Keep the PUs that are not allowed, to distinguish "not allowed" from "does not exist". */
	hwloc_topology_set_flags(t->hw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
	if (hwloc_topology_load(t->hw) < 0)
		return topology_cannot_load(source, errno, err);
	t->this_machine = hwloc_topology_is_thissystem(t->hw);
	return 0;
}

/* Whether this process may run on each PU of the topology. */
static bool has_these_pus(hwloc_topology_t hw)
{
	cpu_set_t mask;
	hwloc_obj_t pu = NULL;

	if (sched_getaffinity(0, sizeof(mask), &mask) < 0)
		return false;
	while ((pu = hwloc_get_next_obj_by_type(hw, HWLOC_OBJ_PU, pu)))
		if (pu->os_index >= CPU_SETSIZE || !CPU_ISSET(pu->os_index, &mask))
			return false;
	return true;
}

static int load(struct sm_topology *t, const char *source, struct sm_error *err)
{
	int rc = may_ask_for_affinity(err);

	if (rc == 0 && !source)
		rc = topology_check_source(err);
	if (rc == 0)
		rc = load_once(t, source, err);
	/* An hwloc environment variable may give another description of the same PUs: then treat it as this
	 * machine's own, so that workers are bound.  hwloc itself takes that from an environment variable, too. */
	if (rc == 0 && !source && !t->this_machine && !getenv("HWLOC_THISSYSTEM") && has_these_pus(t->hw)) {
		hwloc_topology_destroy(t->hw);
		t->hw = NULL;
		if (setenv("HWLOC_THISSYSTEM", "1", false) < 0)
			return sm_fail(err, errno, "no memory for the topology");
		rc = load_once(t, source, err);
		unsetenv("HWLOC_THISSYSTEM");
	}
	return rc;
}

bool sm_topology_is_here(const struct sm_topology *topology)
{
	return topology->this_machine;
}

int sm_topology_open(struct sm_topology **out, const char *source, struct sm_error *err)
{
	struct sm_topology *t = calloc(1, sizeof(*t));
	int rc;

	*out = NULL;
	if (!t)
		return sm_fail(err, ENOMEM, "no memory for the topology");
	rc = load(t, source, err);
	if (rc == 0)
		rc = collect_pus(t, err);
	if (rc == 0)
		rc = topology_collect_nodes(t, err);
	if (rc == 0)
		rc = topology_collect_kinds(t, err);
	if (rc < 0) {
		sm_topology_close(t);
		return rc;
	}
	*out = t;
	return 0;
}

void sm_topology_close(struct sm_topology *topology)
{
	if (!topology)
		return;
	if (topology->hw)
		hwloc_topology_destroy(topology->hw);
	free(topology->pu);
	free(topology->node);
	free(topology->distance);
	free(topology->kind);
	free(topology);
}

const struct sm_pu *sm_topology_pus(const struct sm_topology *topology, unsigned *count)
{
	*count = topology->pus;
	return topology->pu;
}

unsigned topology_home_pu(const struct sm_topology *t)
{
	unsigned i = 0;

	while (i + 1 < t->pus && t->pu[i].kind != t->home_kind)
		i++;
	return t->pu[i].os_index;
}

unsigned sm_topology_caches(const struct sm_topology *topology, struct sm_cache *out, unsigned max)
{
	hwloc_obj_t object = hwloc_get_pu_obj_by_os_index(topology->hw, topology_home_pu(topology));
	unsigned count = 0;

	for (; object && count < max; object = object->parent) {
		if (!hwloc_obj_type_is_dcache(object->type))
			continue;
		out[count++] = (struct sm_cache){
			.level = object->attr->cache.depth,
			.bytes = object->attr->cache.size,
			.line_bytes = object->attr->cache.linesize,
			.pus = (unsigned)hwloc_bitmap_weight(object->cpuset),
		};
	}
	return count;
}

uint64_t sm_topology_llc_bytes(const struct sm_topology *topology)
{
	uint64_t most = 0;

	for (unsigned i = 0; i < topology->pus; i++) {
		hwloc_obj_t object = hwloc_get_pu_obj_by_os_index(topology->hw, topology->pu[i].os_index);

		for (; object; object = object->parent)
			if (hwloc_obj_type_is_dcache(object->type) && object->attr->cache.size > most)
				most = object->attr->cache.size;
	}
	return most;
}

const struct sm_pu *sm_topology_pu(const struct sm_topology *topology, unsigned os_index)
{
	for (unsigned i = 0; i < topology->pus; i++)
		if (topology->pu[i].os_index == os_index)
			return &topology->pu[i];
	return NULL;
}

enum sm_placement topology_relation(const struct sm_pu *a, const struct sm_pu *b)
{
	if (a == b)
		return SM_PLACE_SAME_CORE;
	if (a->core == b->core)
		return SM_PLACE_SMT;
	if (a->l2 >= 0 && a->l2 == b->l2)
		return SM_PLACE_SHARED_L2;
	if (a->l3 >= 0 && a->l3 == b->l3)
		return SM_PLACE_SHARED_L3;
	if (a->package != b->package)
		return SM_PLACE_CROSS_PACKAGE;
	return a->node == b->node ? SM_PLACE_SAME_NODE : SM_PLACE_CROSS_NODE;
}

enum sm_placement sm_topology_relation(const struct sm_topology *topology, unsigned os_a, unsigned os_b)
{
	const struct sm_pu *a = sm_topology_pu(topology, os_a);
	const struct sm_pu *b = sm_topology_pu(topology, os_b);

	return a && b ? topology_relation(a, b) : SM_PLACE_UNSET;
}

enum sm_placement sm_pu_relation(const struct sm_pu *a, const struct sm_pu *b)
{
	return topology_relation(a, b);
}
