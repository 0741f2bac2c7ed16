/* Question: does the kernel move shared memory to the node of the process that uses it?
 * Method:   one worker has the pages of fresh memory placed on another node (its memory policy while it touches them), then
 *           has no policy and reads every page again and again.  Every 50 ms the kernel reports the node of every page
 *           (move_pages), until all are on the worker's node or three seconds are over.  Variants are kinds of memory;
 *           private memory shows that the kernel moves anything at all.  One such use is an operation.
 * Not shown: pages that several nodes use at once; memory under a policy, which the kernel leaves alone.
 * Cost of the loop: a load a page; the questions to the kernel are part of the time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../subject/nodes.h"
#include "../subject/on_disk.h"
#include "shmeter/text.h"

enum { PARAM_CPU_NODE, PARAM_MEMORY_NODE, PARAM_BALANCING, PARAM_BYTES };
enum { TALLY_USES, TALLY_STARTED, TALLY_CAME };
/* In a variant's `arg`. */
#define PRIVATE 1 /* memory of the worker's own */
#define CLEAN   2 /* written to its file before it is used */
/* The kernel begins after a second of a process's time, and then looks once a second (numa_balancing_scan_period_min). */
#define PATIENCE_NS UINT64_C(3000000000)
#define LOOK_NS     50000000u
#define SETTING     "/proc/sys/kernel/numa_balancing"

static size_t region_bytes(const struct sm_case *c)
{
	return c->param[PARAM_BYTES];
}

/* Free pages of 2 MiB of a node: its memory is touched there, and a node without them would end the worker (SIGBUS). */
static uint64_t huge_pages_free(unsigned node)
{
	char path[128], text[32] = "";

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/hugepages/hugepages-2048kB/free_hugepages", node);
	return sm_read_file(path, text, sizeof(text)) < 0 ? 0 : strtoull(text, NULL, 10);
}

static int supported(const struct sm_case *c, struct sm_error *why)
{
	char text[16] = "";
	bool on, asked = c->param[PARAM_BALANCING];
	unsigned node = (unsigned)c->param[PARAM_MEMORY_NODE];

	/* No mode has this number, so nothing is set. */
	if (syscall(SYS_set_mempolicy, -1, NULL, 0ul) < 0 && errno != EINVAL)
		return sm_fail(why, ENOTSUP,
			       "set_mempolicy() is refused (%s): in a container, allow it by --cap-add SYS_NICE",
			       strerror(errno));
	if (sm_case_variant(c)->memory.pages.kind == SM_PAGES_HUGETLB &&
	    huge_pages_free(node) < c->param[PARAM_BYTES] / (2 << 20))
		return sm_fail(why, ENOMEM, "node %u has too few free pages of 2 MiB: reserve some there (--tune does)",
			       node);
	if (sm_read_file(SETTING, text, sizeof(text)) < 0)
		return sm_fail(why, ENOTSUP, "this kernel moves no pages by itself: there is no " SETTING);
	/* bit 0; others are about tiers of memory */
	on = (text[0] - '0') & 1;
	if (on != asked)
		return sm_fail(why, ENOTSUP, "NUMA balancing is %s here: sysctl kernel.numa_balancing=%d turns it %s",
			       on ? "on" : "off", asked, asked ? "on" : "off");
	return 0;
}

static int setup(struct sm_trial *trial, struct sm_error *err)
{
	if (sm_case_variant(trial->c)->arg != CLEAN)
		return 0;
	return on_disk(trial->file_folder, err);
}

/* What this process touches from now on lies on the node; NO_NODE: where the kernel likes.  0, or an errno. */
#define NO_NODE UINT64_MAX
static int prefer(uint64_t node)
{
	unsigned long mask[SM_NODES_MAX / 64] = { 0 };
	long rc;

	if (node == NO_NODE) {
		rc = syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0ul);
	} else if (node < SM_NODES_MAX) {
		mask[node / 64] = 1ul << node % 64;
		rc = syscall(SYS_set_mempolicy, MPOL_BIND, mask, SM_NODES_MAX + 1ul);
	} else {
		return E2BIG;
	}
	return rc < 0 ? errno : 0;
}

/* Has a file's pages forgotten that were made when space was reserved for it: where the file system cannot reserve any, by
 * writing.  0, or an errno. */
static int forget(int fd)
{
	if (fsync(fd) < 0)
		return errno;
	return posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

/* Makes all pages of the memory, on the other node. */
static int place(struct sm_worker *worker, char *memory, size_t bytes)
{
	bool clean = sm_case_variant(worker->c)->arg == CLEAN;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct sm_error err = { 0 };
	int code = clean ? forget(worker->mapping->fd) : 0;

	if (code == 0)
		code = prefer(worker->c->param[PARAM_MEMORY_NODE]);
	if (code == 0 && memory == worker->region && sm_region_populate(worker->mapping, &err) < 0)
		return sm_worker_fail(worker, err.code, "%s", err.text);
	for (size_t at = 0; code == 0 && at < bytes; at += page)
		*(volatile uint64_t *)(memory + at) = at + 1;
	/* pages that are not yet in their file are not moved */
	if (code == 0 && clean && msync(memory, bytes, MS_SYNC) < 0)
		code = errno;
	if (code == 0)
		code = prefer(NO_NODE);
	return code ? sm_worker_fail(worker, code, "memory cannot be placed on node %lu: %s",
				     worker->c->param[PARAM_MEMORY_NODE], strerror(code))
		    : 0;
}

/* How many bytes lie on the worker's node; -1: not known. */
static int64_t arrived(struct sm_worker *worker, const char *memory, size_t bytes)
{
	const struct sm_topology *topology = worker->mapping->topology;
	uint64_t on_node[SM_NODES_MAX] = { 0 };
	struct sm_error err = { 0 };
	unsigned count;
	const struct sm_node *nodes = sm_topology_nodes(topology, &count);

	if (count > SM_NODES_MAX || sm_topology_memory_nodes(topology, memory, bytes, on_node, &err) < 0)
		return sm_worker_fail(worker, ENODATA, "the nodes of the pages are not known: %s", err.text);
	for (unsigned i = 0; i < count; i++)
		if (nodes[i].os_index == worker->c->param[PARAM_CPU_NODE])
			return (int64_t)on_node[i];
	return 0;
}

/* Reads every page, again and again, until all have come or it took too long. */
static bool use(struct sm_worker *worker, const char *memory, size_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint64_t start = sm_clock_ns(), looked = start, now;
	int64_t came = arrived(worker, memory, bytes);

	worker->outcome->tally[TALLY_STARTED] += came > 0 ? (uint64_t)came : 0;
	do {
		for (size_t at = 0; at < bytes; at += page)
			(void)*(const volatile uint64_t *)(memory + at);
		now = sm_clock_ns();
		if (now - looked > LOOK_NS) {
			came = arrived(worker, memory, bytes);
			looked = now;
		}
		/* relaxed: only that it is set matters */
	} while (came >= 0 && (size_t)came < bytes && now - start < PATIENCE_NS &&
		 !atomic_load_explicit(worker->abort, memory_order_relaxed));
	worker->outcome->tally[TALLY_CAME] += came > 0 ? (uint64_t)came : 0;
	worker->time_ns += now - start;
	return came >= 0;
}

static uint64_t run(struct sm_worker *worker)
{
	uint64_t n = worker->op_count;
	size_t bytes = worker->region_bytes;
	char *memory = worker->region;
	bool own = sm_case_variant(worker->c)->arg == PRIVATE;

	for (uint64_t i = 0; i < n; i++) {
		if (own)
			memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (memory == MAP_FAILED) {
			sm_worker_fail(worker, errno, "no private memory: %s", strerror(errno));
			return i;
		}
		/* one by one, as the shared ones are */
		if (own)
			madvise(memory, bytes, MADV_NOHUGEPAGE);
		if (place(worker, memory, bytes) < 0 || !use(worker, memory, bytes))
			return i;
		if (own)
			munmap(memory, bytes);
		worker->outcome->tally[TALLY_USES]++;
	}
	return n;
}

static uint64_t one(const struct sm_case *c)
{
	(void)c;
	return 1;
}

static int verify(const struct sm_trial *trial, struct sm_error *err)
{
	uint64_t ops = trial->outcome[0]->ops, uses = trial->outcome[0]->tally[TALLY_USES];

	if (uses != ops)
		return sm_fail(err, EILSEQ, "the memory was used %lu times in %lu operations", uses, ops);
	if (trial->outcome[0]->tally[TALLY_STARTED] > 0)
		return sm_fail(err, EXDEV, "%lu bytes were on the worker's node from the start",
			       trial->outcome[0]->tally[TALLY_STARTED]);
	return 0;
}

static void measure(const struct sm_trial *trial, double value[SM_MORE_MAX])
{
	value[0] = (double)trial->outcome[0]->tally[TALLY_CAME] / (double)trial->c->param[PARAM_BYTES];
}

#define BASE                                                                                                           \
	{                                                                                                              \
		SM_PAGES_BASE, 0                                                                                       \
	}
static const struct sm_variant variants[] = {
	{ .name = "private",
	  .summary = "private memory",
	  .memory = { .backing = SM_ANON, .pages = BASE },
	  .arg = PRIVATE },
	{ .name = "anonymous",
	  .summary = "MAP_SHARED | MAP_ANONYMOUS",
	  .memory = { .backing = SM_ANON, .pages = BASE } },
	{ .name = "memfd", .summary = "a memfd", .memory = { .backing = SM_MEMFD, .pages = BASE } },
	{ .name = "posix", .summary = "POSIX shared memory", .memory = { .backing = SM_POSIX, .pages = BASE } },
	{ .name = "sysv", .summary = "a System V segment", .memory = { .backing = SM_SYSV, .pages = BASE } },
	{ .name = "hugetlb",
	  .summary = "a memfd of pages of 2 MiB from the pool",
	  .memory = { .backing = SM_MEMFD, .pages = { SM_PAGES_HUGETLB, 2 << 20 } } },
	{ .name = "file",
	  .summary = "a file on a disk, written out and only read from then on",
	  .memory = { .backing = SM_FILE, .pages = BASE },
	  .arg = CLEAN },
	{ 0 },
};

#define NUMBER(id_, variant, at_, words, min_, max_, ...)                                                              \
	{                                                                                                              \
		.id = id_, .text = words, .source = "the kernel's sysctl/kernel.rst: numa_balancing",                  \
		SM_METRIC(variant, "moved", .min = (min_), .max = (max_)), .at = at_, __VA_ARGS__                      \
	}
#define MOVES(id_, variant, words)                                                                                     \
	NUMBER(id_, variant, "balancing=on",                                                                           \
	       "With NUMA balancing the kernel moves " words " to the node that uses it", 0.9, 1,                      \
	       .control = "N4.private", .needs = "two NUMA nodes, NUMA balancing")
#define STAYS(id_, variant, words)                                                                                     \
	NUMBER(id_, variant, "balancing=off", "Without NUMA balancing the kernel moves no " words, 0, 0,               \
	       .needs = "two NUMA nodes, no NUMA balancing")
static const struct sm_claim claims[] = {
	MOVES("N4", "sysv", "a System V segment"),
	MOVES("N4.anonymous", "anonymous", "anonymous shared memory"),
	MOVES("N4.memfd", "memfd", "a memfd"),
	MOVES("N4.posix", "posix", "POSIX shared memory"),
	MOVES("N4.hugetlb", "hugetlb", "huge pages from the pool"),
	MOVES("N4.file", "file", "pages of a file that nobody changes"),
	NUMBER("N4.private", "private", "balancing=on",
	       "With NUMA balancing the kernel moves private memory to the node that uses it", 0.9, 1,
	       .needs = "two NUMA nodes, NUMA balancing"),
	STAYS("N4.off", "private", "private memory"),
	STAYS("N4.off_sysv", "sysv", "System V segment"),
	{ 0 },
};

static const char *const off_on[] = { "off", "on", NULL };

const struct sm_scenario sm_scenario_moved_pages = {
	.name = "moved_pages",
	.family = "numa",
	.question = "Does the kernel move shared memory to the node of the process that uses it?",
	.summary = "Pages on another node are used for some seconds, and their nodes asked for.",
	.why = "NUMA balancing takes pages out of the page table from time to time, sees at the "
	       "next fault who uses them, and moves them there. It does so where the kernel's own "
	       "default decides on nodes. Memory of a tmpfs (anonymous shared, memfd, POSIX, "
	       "System V) has a policy of its own that belongs to the object, and is left alone, "
	       "as huge pages of the pool are. So shared memory stays where it was touched first.",
	.claims = claims,
	.variants = variants,
	.params = { NODE_PARAMS_MOST(2),
		    { .name = "balancing",
		      .unit = "1",
		      .summary = "the kernel's setting (kernel.numa_balancing), which is not changed",
		      .labels = off_on,
		      .quick = SM_VALUES(0, 1) },
		    { .name = "bytes",
		      .unit = "B",
		      .summary = "size of the memory",
		      .quick = SM_VALUES(4 << 20),
		      .min = 2 << 20,
		      .max = 16 << 20 } },
	.workers = 1,
	.node_params = NODE_PARAM_NAMES,
	.metric = { "time until moved, or given up", "ns/op" },
	.more = { { "moved", "1" } },
	.memory = { .numa = SM_FIRST_TOUCH, .prefault = SM_TOUCH },
	.subject = SM_COLD,
	.self_timed = true,
	.own_prefault = true,
	.region_bytes = region_bytes,
	.fixed_ops = one,
	.supported = supported,
	.setup = setup,
	.run = run,
	.verify = verify,
	.measure = measure,
};
