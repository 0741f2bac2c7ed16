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
	unsigned os_index;      /* the kernel's number */
	unsigned logical;       /* hwloc's order */
	unsigned core, package; /* logical indices */
	/* the kernel's numbers, that of a core within its package; -1: not known */
	int core_number, package_number;
	unsigned node; /* the NUMA node that it belongs to, by the kernel's number */
	int l2, l3;    /* logical index of the cache, -1 where hwloc knows none */
	int kind;      /* kind of its core: the number of a struct sm_kind; -1 where all are of one kind */
};

/* Most nodes that a Linux kernel can have (MAX_NUMNODES with CONFIG_NODES_SHIFT of 10). */
#define SM_NODES_MAX 1024u

/* A NUMA node of the machine, whether or not this process may use it. */
struct sm_node {
	unsigned os_index; /* the kernel's number */
	unsigned pus;      /* allowed PUs that belong to it; 0: it has none, or none is allowed */
	uint64_t bytes;    /* of its memory; 0 where it has none, or where its size is not known */
	bool has_memory;
	bool has_pus;     /* PUs belong to it, allowed or not */
	bool allowed;     /* this process may have memory on it (cpuset.mems) */
	int package;      /* logical index of the package that it lies in; -1: several, or not known */
	const char *tier; /* kind of memory as hwloc or the kernel name it, such as "HBM"; "" where unknown */
};

/* One kind of core, on machines that have several. */
struct sm_kind {
	int number;    /* from 0, the fastest last where hwloc can rank them */
	unsigned rank; /* among the allowed kinds: 1 is the fastest; 0: which is faster is not known */
	unsigned pus;  /* allowed ones */
	char list[64]; /* their OS indices, as "0-7,16"; cut with "..." */
	char name[64]; /* what the kernel tells of it, such as "IntelAtom" or "3200 MHz"; "" where nothing */
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
/* The PU of that number (OS index); NULL where it does not exist or is not allowed. */
const struct sm_pu *sm_topology_pu(const struct sm_topology *topology, unsigned os_index);
/* The NUMA nodes of the machine by ascending number; `*count` of them, at least one, owned by the topology.  A machine
 * that tells of none has node 0. */
const struct sm_node *sm_topology_nodes(const struct sm_topology *topology, unsigned *count);
/* The node of that number; NULL: there is none. */
const struct sm_node *sm_topology_node(const struct sm_topology *topology, unsigned os_index);
/* Whether this process can have memory there: the node has some, and cpuset.mems has the node. */
static inline bool sm_node_gives_memory(const struct sm_node *node)
{
	return node->has_memory && node->allowed;
}
/* Whether this process can have memory on the node of that number: 0, or -ENODEV with the reason and the nodes that
 * there are. */
SM_MUST_USE int sm_topology_gives_memory(const struct sm_topology *topology, unsigned os_index, struct sm_error *err);
/* The number of nodes on which this process can have memory. */
unsigned sm_topology_memory_node_count(const struct sm_topology *topology);
/* The distance from one node to another as the firmware tells it (ACPI SLIT, numactl --hardware: 10 is local); 0:
 * unknown. */
unsigned sm_topology_distance(const struct sm_topology *topology, unsigned from, unsigned to);
/* What the firmware promises of a node's memory, accessed by the PUs that are best connected to it (ACPI HMAT, which
 * hwloc reads); nanoseconds and MiB a second; 0: it does not tell. */
void sm_topology_promise(const struct sm_topology *topology, unsigned os_index, uint64_t *latency_ns,
			 uint64_t *bandwidth_mib);

/* The weight of a node under weighted interleaving, from the kernel; 1 where it tells none. */
unsigned sm_topology_weight(unsigned os_index);

/* The kinds of cores; `*count` is 0 where all are of one kind.  Owned by the topology. */
const struct sm_kind *sm_topology_kinds(const struct sm_topology *topology, unsigned *count);
/* The kind on which single workers and pairs run: the fastest that has two cores.  -1 where all are of one kind. */
int sm_topology_home_kind(const struct sm_topology *topology);
/* Takes only the PUs of one kind from now on, as if no other were allowed: a number, "fastest" or "slowest".  -EINVAL
 * where no allowed PU is of it; the message lists the kinds. */
SM_MUST_USE int sm_topology_keep_kind(struct sm_topology *topology, const char *kind, struct sm_error *err);
/* The data and unified caches above the PU on which a single worker runs, nearest first; returns how many (<= max). */
unsigned sm_topology_caches(const struct sm_topology *topology, struct sm_cache *out, unsigned max);
/* Size of the largest last-level cache above an allowed PU, in bytes; 0 where hwloc knows none, as in some virtual
 * machines.  Caches of other sockets or core complexes are not added: a core fills only its own. */
uint64_t sm_topology_llc_bytes(const struct sm_topology *topology);

/* The closest relation of two allowed PUs given by OS index. */
enum sm_placement sm_topology_relation(const struct sm_topology *topology, unsigned os_a, unsigned os_b);

/* The same for two entries of sm_topology_pus(). */
enum sm_placement sm_pu_relation(const struct sm_pu *a, const struct sm_pu *b);

/* The PUs of the workers: seat[i] is the PU (OS index) of worker i. */
struct sm_seats {
	enum sm_placement asked;
	enum sm_placement relation; /* of the first two distinct seats: the real relation */
	bool shared_pu;             /* workers share a PU: they must never spin for each other */
	unsigned count;
	unsigned *seat; /* malloc'ed; sm_seats_free() */
};

/* Seats `workers` processes so that the placement holds for all of them:
 *   near            a PU each while there are enough, the closest cores first; then they share PUs
 *   same-core       all on one PU
 *   smt             PUs of one core, one each
 *   shared-l2, -l3  PUs under one cache, one each, cores before second threads.  Workers 0 and 1 have no closer cache
 *                   in common; nor have the others while there are enough PUs without one
 *   same-node       cores of one NUMA node of which no two share a cache
 *   cross-node      the even workers on one NUMA node and the odd ones on another, a PU each, cores before second
 *                   threads; the two nodes that are nearest to each other
 *   farthest-node   the same with the two that are farthest from each other
 *   cross-package   the even workers in one package and the odd ones in another, likewise; each side on one NUMA node
 *                   while that has enough PUs
 *   list            the PUs of `list`, in turn
 * Single workers and pairs run on cores of the home kind (sm_topology_home_kind()); larger teams on the fastest kind
 * that has a core for each, else a PU for each, else on as few kinds as possible.
 * -ENODEV where the placement cannot be kept; the message names what is missing, or the pair of workers that breaks it.
 * -EINVAL where a listed PU does not exist or is not allowed. */
SM_MUST_USE int sm_topology_seat(const struct sm_topology *topology, enum sm_placement placement, const unsigned *list,
				 unsigned list_count, unsigned workers, struct sm_seats *out, struct sm_error *err);
void sm_seats_free(struct sm_seats *seats);

/* Binds the calling process to a PU (OS index) and reads the binding back.  -EPERM, or -EXDEV where the kernel reports
 * another binding.  Call it in the child. */
SM_MUST_USE int sm_topology_pin(const struct sm_topology *topology, unsigned os_index, struct sm_error *err);

/* The NUMA policy that the calling process was started with (numactl, systemd's NUMAPolicy=): "interleave", ""  for none,
 * or where the kernel does not tell.  With `forget` set the process and those that it forks have none from now on. */
const char *sm_topology_forget_policy(bool forget);
/* Binds memory of the calling process to one node (OS number), before it is touched.  -ENODEV as for
 * sm_topology_gives_memory(). */
SM_MUST_USE int sm_topology_bind_memory(const struct sm_topology *topology, void *address, uint64_t bytes,
					unsigned node, struct sm_error *err);
/* Interleaves it over all nodes that give memory: page by page, or by the kernel's weights (Linux 6.9; -ENOTSUP
 * before). */
SM_MUST_USE int sm_topology_interleave_memory(const struct sm_topology *topology, void *address, uint64_t bytes,
					      bool weighted, struct sm_error *err);
/* Bytes of a touched area that lie on each node, sampled page by page (at most 4096 pages, evenly spread): adds them to
 * `bytes_per_node`, which has an entry for each of sm_topology_nodes(), in that order. */
SM_MUST_USE int sm_topology_memory_nodes(const struct sm_topology *topology, const void *address, uint64_t bytes,
					 uint64_t *bytes_per_node, struct sm_error *err);
#endif
