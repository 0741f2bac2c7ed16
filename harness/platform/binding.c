/* Binds processes and memory, and reads back what the kernel did. */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shmeter/os.h"
#include "shmeter/refusal.h"
#include "topology_private.h"

/* Pages per query for the node of memory. */
#define SAMPLE_PAGES 4096

int sm_topology_pin(const struct sm_topology *topology, unsigned os_index, struct sm_error *err)
{
	hwloc_bitmap_t set = hwloc_bitmap_alloc(), got = hwloc_bitmap_alloc();
	int rc = 0;

	if (!set || !got) {
		rc = sm_fail(err, ENOMEM, "no memory for a CPU set");
		goto out_free;
	}
	hwloc_bitmap_only(set, os_index);
	/* By thread: a member of a team has only one.  For a process hwloc reads /proc/self/task, which may be
	 * missing. */
	if (hwloc_set_cpubind(topology->hw, set, HWLOC_CPUBIND_THREAD) < 0) {
		rc = sm_fail(err, errno, "cannot bind to PU %u: %s%s", os_index, strerror(errno),
			     sm_refusal("sched_setaffinity", errno));
		goto out_free;
	}
	if (hwloc_get_cpubind(topology->hw, got, HWLOC_CPUBIND_THREAD) < 0 || !hwloc_bitmap_isequal(set, got) ||
	    sched_getcpu() != (int)os_index)
		rc = sm_fail(err, EXDEV, "the kernel did not honour the binding to PU %u (it runs on %d)", os_index,
			     sched_getcpu());
out_free:
	hwloc_bitmap_free(set);
	hwloc_bitmap_free(got);
	return rc;
}

const char *sm_topology_forget_policy(bool forget)
{
	/* include/uapi/linux/mempolicy.h */
	static const char *const names[] = { "",          "preferred",          "bind", "interleave", "local",
					     "preferred", "weighted interleave" };
	int mode = 0;

	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 0) < 0)
		return "";
	mode &= 0xff; /* flags are above */
	if (forget && mode != 0)
		(void)!syscall(SYS_set_mempolicy, 0, NULL, 0);
	return mode >= 0 && (size_t)mode < sizeof(names) / sizeof(names[0]) ? names[mode] : "unknown";
}

static int cannot_place(struct sm_error *err)
{
	return sm_fail(err, errno == ENOSYS ? ENOTSUP : errno, "cannot set the NUMA policy of the region (mbind): %s%s",
		       strerror(errno), sm_refusal("mbind", errno));
}

int sm_topology_bind_memory(const struct sm_topology *topology, void *address, uint64_t bytes, unsigned node,
			    struct sm_error *err)
{
	hwloc_bitmap_t nodes = hwloc_bitmap_alloc();
	int rc = nodes ? sm_topology_gives_memory(topology, node, err)
		       : sm_fail(err, ENOMEM, "no memory for a node set");

	if (rc == 0) {
		hwloc_bitmap_only(nodes, node);
		/* STRICT: without it a bind is only a preference on Linux (hwloc's documentation). */
		if (hwloc_set_area_membind(topology->hw, address, bytes, nodes, HWLOC_MEMBIND_BIND,
					   HWLOC_MEMBIND_BYNODESET | HWLOC_MEMBIND_STRICT) < 0)
			rc = cannot_place(err);
	}
	hwloc_bitmap_free(nodes);
	return rc;
}

/* include/uapi/linux/mempolicy.h; newer than the C library's header and hwloc 2.9 */
#define MPOL_WEIGHTED_INTERLEAVE 6

/* hwloc does not know this policy. */
static int interleave_by_weight(void *address, uint64_t bytes, hwloc_const_bitmap_t nodes, struct sm_error *err)
{
	unsigned long mask[SM_NODES_MAX / (8 * sizeof(unsigned long))] = { 0 };
	unsigned words = sizeof(mask) / sizeof(mask[0]);

	(void)!hwloc_bitmap_to_ulongs(nodes, words, mask);
	if (syscall(SYS_mbind, address, bytes, MPOL_WEIGHTED_INTERLEAVE, mask, (unsigned long)SM_NODES_MAX + 1, 0) == 0)
		return 0;
	return errno == EINVAL ? sm_fail(err, ENOTSUP,
					 "this kernel has no weighted interleaving: it needs Linux 6.9; choose "
					 "interleave")
			       : cannot_place(err);
}

int sm_topology_interleave_memory(const struct sm_topology *topology, void *address, uint64_t bytes, bool weighted,
				  struct sm_error *err)
{
	hwloc_bitmap_t nodes = hwloc_bitmap_alloc();
	int rc = 0;

	if (!nodes)
		return sm_fail(err, ENOMEM, "no memory for a node set");
	for (unsigned i = 0; i < topology->nodes; i++)
		if (sm_node_gives_memory(&topology->node[i]))
			hwloc_bitmap_set(nodes, topology->node[i].os_index);
	if (weighted)
		rc = interleave_by_weight(address, bytes, nodes, err);
	else if (hwloc_set_area_membind(topology->hw, address, bytes, nodes, HWLOC_MEMBIND_INTERLEAVE,
					HWLOC_MEMBIND_BYNODESET) < 0)
		rc = cannot_place(err);
	hwloc_bitmap_free(nodes);
	return rc;
}

int sm_topology_memory_nodes(const struct sm_topology *topology, const void *address, uint64_t bytes,
			     uint64_t *bytes_per_node, struct sm_error *err)
{
	uint64_t page = sm_os_page_bytes(&sm_os_linux);
	uint64_t pages = (bytes + page - 1) / page;
	uint64_t sampled = pages < SAMPLE_PAGES ? pages : SAMPLE_PAGES;
	void **where = calloc(sampled + 1, sizeof(*where));
	int *status = calloc(sampled + 1, sizeof(*status)), rc = 0;

	if (!where || !status) {
		rc = sm_fail(err, ENOMEM, "no memory to ask for pages' nodes");
		goto out_free;
	}
	for (uint64_t i = 0; i < sampled; i++)
		where[i] = (char *)(uintptr_t)address + i * pages / sampled * page;
	if (syscall(SYS_move_pages, 0, sampled, where, NULL, status, 0) < 0) {
		rc = sm_fail(err, errno, "the kernel does not say on which node pages lie (move_pages): %s%s",
			     strerror(errno), sm_refusal("move_pages", errno));
		goto out_free;
	}
	for (uint64_t i = 0; i < sampled; i++) {
		const struct sm_node *node = status[i] < 0 ? NULL : sm_topology_node(topology, (unsigned)status[i]);

		if (node)
			bytes_per_node[node - topology->node] += bytes / sampled;
	}
out_free:
	free(where);
	free(status);
	return rc;
}
