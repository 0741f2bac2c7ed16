/* Draws machines: a synthetic topology, to some of which kinds of cores, distances between nodes, and PUs that are not
 * allowed are added. */
#include "drawn.h"

#include <hwloc.h>
#include <stdio.h>

/* SplitMix64 (Vigna). */
static uint64_t state;
static unsigned draw(unsigned below)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ z >> 31) % below);
}

static void describe(char *out, size_t size)
{
	static const char *const shapes[] = {
		"pack:%u l3:%u l2:%u core:%u pu:%u",
		"pack:%u [numa] l3:%u l2:%u core:%u pu:%u",
		"numa:%u l3:%u l2:%u core:%u pu:%u",
		"pack:%u numa:%u l3:%u l2:%u core:%u pu:%u",
		"pack:%u l3:%u [numa] l2:%u core:%u pu:%u",
		"pack:%u l3:%u numa:%u core:%u pu:%u",
		"pack:%u l2:%u core:%u pu:%u",
		"pack:%u core:%u pu:%u",
		"l2:%u pu:%u",
		"pack:%u [numa] [numa] l3:%u core:%u pu:%u",
	};
	const char *shape = shapes[draw(sizeof(shapes) / sizeof(shapes[0]))];
	size_t used = 0;

	for (; *shape && used + 8 < size; shape++) {
		if (shape[0] == '%') {
			used += (size_t)snprintf(out + used, size - used, "%u", 1 + draw(3));
			shape++;
		} else {
			out[used++] = *shape;
		}
	}
	out[used] = '\0';
}

/* Gives the L2 caches, or the cores, one of two or three kinds. */
static void add_kinds(hwloc_topology_t hw)
{
	hwloc_obj_type_t type =
		hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_L2CACHE) > 1 ? HWLOC_OBJ_L2CACHE : HWLOC_OBJ_CORE;
	unsigned kinds = 2 + draw(2);
	hwloc_bitmap_t set[3] = { hwloc_bitmap_alloc(), hwloc_bitmap_alloc(), hwloc_bitmap_alloc() };
	hwloc_obj_t object = NULL;

	while ((object = hwloc_get_next_obj_by_type(hw, type, object))) {
		unsigned kind = draw(kinds);

		hwloc_bitmap_or(set[kind], set[kind], object->cpuset);
	}
	for (unsigned k = 0; k < kinds; k++) {
		if (!hwloc_bitmap_iszero(set[k]))
			hwloc_cpukinds_register(hw, set[k], (int)k, 0, NULL, 0);
		hwloc_bitmap_free(set[k]);
	}
	for (unsigned k = kinds; k < 3; k++)
		hwloc_bitmap_free(set[k]);
}

static void add_distances(hwloc_topology_t hw)
{
	int count = hwloc_get_nbobjs_by_type(hw, HWLOC_OBJ_NUMANODE);
	hwloc_obj_t nodes[64];
	hwloc_uint64_t values[64 * 64];
	hwloc_distances_add_handle_t handle;

	if (count < 2 || count > 64)
		return;
	for (int i = 0; i < count; i++) {
		nodes[i] = hwloc_get_obj_by_type(hw, HWLOC_OBJ_NUMANODE, (unsigned)i);
		for (int k = 0; k < count; k++)
			values[i * count + k] = i == k ? 10 : 11 + draw(4);
	}
	handle = hwloc_distances_add_create(hw, "NUMALatency",
					    HWLOC_DISTANCES_KIND_FROM_OS | HWLOC_DISTANCES_KIND_MEANS_LATENCY, 0);
	if (handle && hwloc_distances_add_values(hw, handle, (unsigned)count, nodes, values, 0) == 0)
		(void)hwloc_distances_add_commit(hw, handle, 0);
}

static void forbid_some(hwloc_topology_t hw)
{
	hwloc_bitmap_t allowed = hwloc_bitmap_dup(hwloc_topology_get_topology_cpuset(hw));
	int pu;

	hwloc_bitmap_foreach_begin(pu, hwloc_topology_get_topology_cpuset(hw)) if (draw(3) == 0)
		hwloc_bitmap_clr(allowed, (unsigned)pu);
	hwloc_bitmap_foreach_end();
	if (!hwloc_bitmap_iszero(allowed))
		(void)hwloc_topology_allow(hw, allowed, NULL, HWLOC_ALLOW_FLAG_CUSTOM);
	hwloc_bitmap_free(allowed);
}

bool draw_machine(uint64_t seed, const char *file, char *text, size_t size)
{
	hwloc_topology_t hw;
	bool done;

	state = seed;
	describe(text, size);
	if (hwloc_topology_init(&hw) < 0)
		return false;
	done = hwloc_topology_set_synthetic(hw, text) == 0 &&
	       hwloc_topology_set_flags(hw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED) == 0 &&
	       hwloc_topology_load(hw) == 0;
	if (done) {
		if (draw(2))
			add_distances(hw);
		if (draw(2))
			add_kinds(hw);
		if (draw(3) == 0)
			forbid_some(hw);
		done = hwloc_topology_export_xml(hw, file, 0) == 0;
	}
	hwloc_topology_destroy(hw);
	return done;
}
