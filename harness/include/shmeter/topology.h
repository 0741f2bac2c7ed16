/* Where processes may run and how PUs relate, from hwloc. */
#ifndef SHMETER_TOPOLOGY_H
#define SHMETER_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "shmeter/error.h"
#include "shmeter/names.h"

/* One processing unit that this process is allowed to use. */
struct sm_pu {
	unsigned os_index;            /* the kernel's number */
	unsigned logical;             /* hwloc's order */
	unsigned core, package, node; /* logical indices */
	unsigned node_os;             /* the kernel's number of the node */
	int l2, l3;                   /* logical index of the cache, -1 where hwloc knows none */
	int kind;                     /* hwloc cpukind by efficiency, from 0; -1 where unknown */
};

struct sm_cache {
	unsigned level;
	uint64_t bytes;
	unsigned line_bytes;
	unsigned pus; /* that share one instance */
};

struct sm_topology;

/* Discovers this machine (source NULL; HWLOC_SYNTHETIC and HWLOC_XMLFILE replace it), or loads an hwloc XML file (a
 * path that ends in ".xml") or a synthetic description ("pack:2 core:4 pu:2").  Keeps only PUs that cgroup and affinity
 * allow.  Close with sm_topology_close(). */
SM_MUST_USE int sm_topology_open(struct sm_topology **out, const char *source, struct sm_error *err);
/* Whether processes can be bound by this topology: it is this machine's, or its PUs are ones that this process may run
 * on. */
bool sm_topology_is_here(const struct sm_topology *topology);
void sm_topology_close(struct sm_topology *topology);

/* The allowed PUs, in hwloc order; `*count` of them, owned by the topology. */
const struct sm_pu *sm_topology_pus(const struct sm_topology *topology, unsigned *count);
unsigned sm_topology_nodes(const struct sm_topology *topology);
/* The data and unified caches above the first allowed PU, nearest first; returns how many (<= max). */
unsigned sm_topology_caches(const struct sm_topology *topology, struct sm_cache *out, unsigned max);
/* Size of the largest last-level cache above an allowed PU, in bytes; 0 where hwloc knows none, as in some virtual
 * machines.  Caches of other sockets or core complexes are not added: a core fills only its own. */
uint64_t sm_topology_llc_bytes(const struct sm_topology *topology);

/* The closest relation of two allowed PUs given by OS index. */
enum sm_placement sm_topology_relation(const struct sm_topology *topology, unsigned os_a, unsigned os_b);

/* The PUs of the workers: seat[i] is the PU (OS index) of worker i. */
struct sm_seats {
	enum sm_placement asked;
	enum sm_placement relation; /* of the first two distinct seats: the real relation */
	bool shared_pu;             /* workers share a PU: they must never spin for each other */
	unsigned count;
	unsigned *seat; /* malloc'ed; sm_seats_free() */
};

/* Seats `workers` processes by relation.  Where there are more workers than PUs of the relation, they share PUs (then
 * `shared_pu` is set); `same-core` seats all on the first PU.  For SM_PLACE_LIST `list` names the PUs.  On hybrid
 * machines workers of one team sit on PUs of one kind while there are enough. -ENODEV where the machine has no such
 * pair (the message says what it has), -EINVAL where a listed PU does not exist or is not allowed. */
SM_MUST_USE int sm_topology_seat(const struct sm_topology *topology, enum sm_placement placement, const unsigned *list,
				 unsigned list_count, unsigned workers, struct sm_seats *out, struct sm_error *err);
void sm_seats_free(struct sm_seats *seats);

/* Binds the calling process to a PU (OS index) and reads the binding back.  -EPERM, or -EXDEV where the kernel reports
 * another binding.  Call it in the child. */
SM_MUST_USE int sm_topology_pin(const struct sm_topology *topology, unsigned os_index, struct sm_error *err);

/* Binds memory of the calling process to one node, or interleaves it over all (hwloc logical node,
 * `-1` = interleave), before it is touched. */
SM_MUST_USE int sm_topology_bind_memory(const struct sm_topology *topology, void *address, uint64_t bytes, int node,
					struct sm_error *err);
/* Bytes of a touched area that lie on each node, sampled page by page (at most 4096 pages, evenly
 * spread) into `bytes_per_node` of `nodes` entries. */
SM_MUST_USE int sm_topology_memory_nodes(const struct sm_topology *topology, const void *address, uint64_t bytes,
					 uint64_t *bytes_per_node, unsigned nodes, struct sm_error *err);
#endif
