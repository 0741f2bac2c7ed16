/* On a machine with several NUMA nodes: are processes and pages where the harness says?  Asks the kernel by other
 * ways than the harness does: getcpu() for processes, move_pages() for every single page.
 * Prints a line for each question, `ok`, `FAIL` or `skip`; exits with 1 after a FAIL.
 * usage: read_back pins | read_back memory     the guest with two nodes
 *        read_back nodes                       any guest: binds to every node of the kernel, reads numa_maps */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmeter/os.h"
#include "shmeter/region.h"
#include "shmeter/topology.h"

#define NODES        2  /* of the guest with two nodes */
#define KERNEL_NODES 16 /* more than any guest has */
#define MIB          (UINT64_C(1) << 20)

static struct sm_topology *topology;
static bool failed;

__attribute__((format(printf, 2, 3))) static void say(const char *verdict, const char *format, ...)
{
	va_list arguments;

	printf("%-4s ", verdict);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
	fflush(stdout);
	failed |= strcmp(verdict, "FAIL") == 0;
}

/* Runs `work` in a child, so that pins and mappings end with it. */
static void in_child(void (*work)(const void *), const void *argument)
{
	pid_t pid;
	int status = -1;

	pid = fork();
	if (pid == 0) {
		failed = false;
		work(argument);
		_exit(failed);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		say("FAIL", "a child did not end (status %d)", status);
	else
		failed |= WEXITSTATUS(status) != 0;
}

static unsigned node_by_topology(unsigned os_index)
{
	unsigned count;
	const struct sm_pu *pu = sm_topology_pus(topology, &count);

	for (unsigned i = 0; i < count; i++)
		if (pu[i].os_index == os_index)
			return pu[i].node;
	return UINT32_MAX;
}

static unsigned first_pu_of(unsigned node)
{
	unsigned count;
	const struct sm_pu *pu = sm_topology_pus(topology, &count);

	for (unsigned i = 0; i < count; i++)
		if (pu[i].node == node)
			return pu[i].os_index;
	return UINT32_MAX;
}

/* Pins this process; says what the kernel then tells of it. */
static bool settle(unsigned wanted, unsigned *cpu, unsigned *node)
{
	struct sm_error err = { 0 };
	cpu_set_t set;

	if (sm_topology_pin(topology, wanted, &err) < 0) {
		say("FAIL", "pin to %u: %s", wanted, err.text);
		return false;
	}
	if (syscall(SYS_getcpu, cpu, node, NULL) < 0 || sched_getaffinity(0, sizeof(set), &set) < 0 ||
	    CPU_COUNT(&set) != 1 || !CPU_ISSET(wanted, &set)) {
		say("FAIL", "pin to %u: the kernel has another affinity", wanted);
		return false;
	}
	return true;
}

static void check_pin(const void *argument)
{
	unsigned wanted = *(const unsigned *)argument, cpu, node;

	if (settle(wanted, &cpu, &node))
		say(cpu == wanted && node == node_by_topology(wanted) ? "ok" : "FAIL", "pin pu=%u runs=%u node=%u",
		    wanted, cpu, node);
}

static void check_seats(enum sm_placement placement, unsigned workers)
{
	struct sm_seats seats;
	struct sm_error err = { 0 };

	if (sm_topology_seat(topology, placement, NULL, 0, workers, &seats, &err) < 0) {
		say("skip", "seats %s workers=%u: %s", sm_placement_name(placement), workers, err.text);
		return;
	}
	printf("     seats %s workers=%u relation=%s:", sm_placement_name(placement), workers,
	       sm_placement_name(seats.relation));
	for (unsigned i = 0; i < workers; i++)
		printf(" %u", seats.seat[i]);
	printf("\n");
	fflush(stdout);
	for (unsigned i = 0; i < workers; i++)
		in_child(check_pin, &seats.seat[i]);
	sm_seats_free(&seats);
}

static void check_pins(void)
{
	unsigned count;
	const struct sm_pu *pu = sm_topology_pus(topology, &count);

	for (unsigned i = 0; i < count; i++)
		in_child(check_pin, &pu[i].os_index);
	for (int p = SM_PLACE_SMT; p <= SM_PLACE_CROSS_NODE; p++)
		for (unsigned workers = 2; workers <= 4; workers += 2)
			check_seats((enum sm_placement)p, workers);
}

/* One way of having memory, and who touches it. */
struct question {
	struct sm_memory memory;
	uint64_t bytes;
	unsigned toucher; /* node of the process that populates */
};

/* The node of each page, asked of the kernel; NULL on error. */
static int *ask_nodes(const struct sm_region *region, uint64_t pages)
{
	int *node = calloc(pages, sizeof(*node));
	void **where = calloc(pages, sizeof(*where));

	for (uint64_t i = 0; where && i < pages; i++)
		where[i] = (char *)region->address + i * (region->mapped_bytes / pages);
	if (!node || !where || syscall(SYS_move_pages, 0, pages, where, NULL, node, 0) < 0) {
		free(node);
		node = NULL;
	}
	free(where);
	return node;
}

/* Whether the pages lie as the policy says. */
static bool as_asked(const struct question *q, const int *node, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++) {
		int wanted = q->memory.numa == SM_BIND         ? (int)q->memory.node
			     : q->memory.numa == SM_INTERLEAVE ? (node[0] + (int)i) % NODES
							       : (int)q->toucher;

		if (node[i] != wanted)
			return false;
	}
	return true;
}

/* What the harness says of the region agrees with the kernel's pages. */
static bool harness_agrees(const struct question *q, const struct sm_region *region, const uint64_t *on_node,
			   uint64_t pages, struct sm_error *err)
{
	uint64_t bytes[NODES] = { 0 };
	struct sm_region_got got;
	int single = on_node[0] == pages ? 0 : on_node[1] == pages ? 1 : -1;

	if (sm_region_inspect(region, true, &got, err) < 0)
		return false;
	if (got.node != single) {
		sm_fail(err, EXDEV, "the harness reads node %d", got.node);
		return false;
	}
	if (sm_topology_memory_nodes(topology, region->address, region->mapped_bytes, bytes, err) < 0)
		return false;
	for (unsigned n = 0; n < NODES; n++)
		if (bytes[n] * pages != on_node[n] * region->mapped_bytes) {
			sm_fail(err, EXDEV, "the harness reads %" PRIu64 " bytes on node %u", bytes[n], n);
			return false;
		}
	(void)q;
	return true;
}

static const char *describe(const struct question *q, char out[160])
{
	char pages[16], numa[24];

	snprintf(out, 160, "memory pages=%s backing=%s numa=%s prefault=%s toucher=%u",
		 sm_pages_name(q->memory.pages, pages), sm_backing_name(q->memory.backing),
		 sm_numa_name(q->memory, numa), sm_prefault_name(q->memory.prefault), q->toucher);
	return out;
}

struct touched {
	const struct question *question;
	struct sm_region *region;
};

static void touch_and_ask(const void *argument)
{
	const struct question *q = ((const struct touched *)argument)->question;
	struct sm_region *region = ((const struct touched *)argument)->region;
	uint64_t pages = region->mapped_bytes / region->page_bytes, on_node[NODES] = { 0 };
	struct sm_error err = { 0 };
	char what[160];
	unsigned cpu, node;
	bool right;
	int *nodes;

	if (!settle(first_pu_of(q->toucher), &cpu, &node))
		return;
	if (sm_region_populate(region, &err) < 0) {
		say("FAIL", "%s: %s", describe(q, what), err.text);
		return;
	}
	nodes = ask_nodes(region, pages);
	if (!nodes) {
		say("FAIL", "%s: move_pages: %s", describe(q, what), strerror(errno));
		return;
	}
	for (uint64_t i = 0; i < pages; i++)
		if (nodes[i] >= 0 && nodes[i] < NODES)
			on_node[nodes[i]]++;
	right = as_asked(q, nodes, pages) && harness_agrees(q, region, on_node, pages, &err);
	say(right ? "ok" : "FAIL", "%s on0=%" PRIu64 " on1=%" PRIu64 "%s%s", describe(q, what), on_node[0], on_node[1],
	    err.text[0] ? ": " : "", err.text);
	free(nodes);
}

static void check_memory(const struct question *q)
{
	struct sm_region region = { 0 };
	struct sm_error err = { 0 };
	char what[160];
	int rc = sm_region_supported(&sm_os_linux, topology, q->memory, q->bytes, NULL, &err);

	if (rc < 0) {
		say("skip", "%s: %s", describe(q, what), err.text);
		return;
	}
	rc = sm_region_create(&region, &sm_os_linux, topology, q->memory, q->bytes, NULL, &err);
	if (rc < 0)
		say("FAIL", "%s: %s", describe(q, what), err.text);
	else
		in_child(touch_and_ask, &(struct touched){ q, &region });
	sm_region_destroy(&region);
}

/* Every policy; the one who touches sits on the node where the pages should not come from by chance. */
static void check_policies(struct sm_memory memory, uint64_t bytes)
{
	for (unsigned node = 0; node < NODES; node++) {
		memory.numa = SM_BIND;
		memory.node = node;
		check_memory(&(struct question){ memory, bytes, NODES - 1 - node });
		memory.numa = SM_FIRST_TOUCH;
		memory.node = 0;
		check_memory(&(struct question){ memory, bytes, node });
	}
	memory.numa = SM_INTERLEAVE;
	check_memory(&(struct question){ memory, bytes, 0 });
}

static void check_all_memory(void)
{
	static const struct {
		struct sm_pages pages;
		uint64_t bytes;
	} sizes[] = {
		{ { SM_PAGES_BASE, 4096 }, 4 * MIB },
		{ { SM_PAGES_THP, 2 * MIB }, 16 * MIB },
		{ { SM_PAGES_HUGETLB, 2 * MIB }, 16 * MIB },
	};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (int backing = SM_ANON; backing <= SM_FILE; backing++)
			for (int prefault = SM_TOUCH; prefault <= SM_MLOCK; prefault++)
				check_policies((struct sm_memory){ .backing = (enum sm_backing)backing,
								   .pages = sizes[s].pages,
								   .prefault = (enum sm_prefault)prefault },
					       sizes[s].bytes);
	/* A gibibyte takes its time: one page on each node is enough. */
	for (unsigned node = 0; node < NODES; node++)
		check_memory(&(struct question){ .memory = { .backing = SM_MEMFD,
							     .pages = { SM_PAGES_HUGETLB, 1024 * MIB },
							     .prefault = SM_TOUCH,
							     .numa = SM_BIND,
							     .node = node },
						 .bytes = 1024 * MIB,
						 .toucher = NODES - 1 - node });
}

/* Whether a list such as "0-2,5" of a file below /sys or /proc holds a number; `before` is what stands before it. */
static bool listed(const char *path, const char *before, unsigned number)
{
	char line[256];
	bool found = false;
	FILE *file = fopen(path, "re");

	while (file && !found && fgets(line, sizeof(line), file)) {
		char *at = line + strlen(before);

		if (strncmp(line, before, strlen(before)) != 0)
			continue;
		while (!found && *at && *at != '\n') {
			unsigned long low = strtoul(at, &at, 10), high = *at == '-' ? strtoul(at + 1, &at, 10) : low;

			found = low <= number && number <= high;
			at += *at == ',';
		}
	}
	if (file)
		fclose(file);
	return found;
}

/* Whether the kernel lets this process have memory of a node. */
static bool has_memory(unsigned node)
{
	return listed("/sys/devices/system/node/has_memory", "", node) &&
	       listed("/proc/self/status", "Mems_allowed_list:\t", node);
}

/* Bytes of the region on each node, as numa_maps has them: "7f12a0000000 bind:2 file=... N2=1024 kernelpagesize_kB=4". */
static bool read_numa_maps(const struct sm_region *region, uint64_t on_node[KERNEL_NODES])
{
	FILE *file = fopen("/proc/self/numa_maps", "re");
	char line[1024], *rest, *word;
	uint64_t kib = 0, count;
	unsigned node;

	memset(on_node, 0, KERNEL_NODES * sizeof(*on_node));
	while (file && kib == 0 && fgets(line, sizeof(line), file)) {
		if (strtoull(line, NULL, 16) != (uintptr_t)region->address)
			continue;
		for (rest = line; (word = strsep(&rest, " \n"));) {
			if (sscanf(word, "N%u=%" SCNu64, &node, &count) == 2 && node < KERNEL_NODES)
				on_node[node] = count;
			(void)!sscanf(word, "kernelpagesize_kB=%" SCNu64, &kib);
		}
	}
	if (file)
		fclose(file);
	for (node = 0; node < KERNEL_NODES; node++)
		on_node[node] *= kib * 1024;
	return kib > 0;
}

/* Whether every byte lies where the policy promises: bound on the node, interleaved on every node that may have it. */
static bool lies_right(const struct sm_region *region, const uint64_t on_node[KERNEL_NODES])
{
	uint64_t all = 0, least = UINT64_MAX, most = 0;

	for (unsigned n = 0; n < KERNEL_NODES; n++) {
		all += on_node[n];
		if (!has_memory(n))
			continue;
		least = on_node[n] < least ? on_node[n] : least;
		most = on_node[n] > most ? on_node[n] : most;
	}
	if (all != region->mapped_bytes)
		return false;
	if (region->asked.numa == SM_BIND)
		return on_node[region->asked.node] == all;
	return most - least <= region->page_bytes;
}

static void populate_and_read(const void *argument)
{
	struct touched touched = *(const struct touched *)argument;
	uint64_t on_node[KERNEL_NODES];
	struct sm_region_got got;
	struct sm_error err = { 0 };
	char what[160], found[256] = "";
	size_t used = 0;
	bool right;

	if (sm_region_populate(touched.region, &err) < 0) {
		say("FAIL", "%s: %s", describe(touched.question, what), err.text);
		return;
	}
	if (!read_numa_maps(touched.region, on_node)) {
		say("FAIL", "%s: not in /proc/self/numa_maps", describe(touched.question, what));
		return;
	}
	for (unsigned n = 0; n < KERNEL_NODES; n++)
		if (on_node[n] > 0)
			used += (size_t)snprintf(found + used, sizeof(found) - used, " on%u=%" PRIu64, n, on_node[n]);
	right = lies_right(touched.region, on_node) && sm_region_inspect(touched.region, true, &got, &err) == 0;
	say(right ? "ok" : "FAIL", "%s%s%s%s", describe(touched.question, what), found, err.text[0] ? ": " : "",
	    err.text);
}

/* Memory of a node that has none, or may not be used, has to be refused with a reason. */
static void check_node(const struct question *q)
{
	struct sm_region region = { 0 };
	struct sm_error err = { 0 };
	char what[160];
	bool possible = q->memory.numa != SM_BIND || has_memory(q->memory.node);
	int rc = sm_region_supported(&sm_os_linux, topology, q->memory, q->bytes, NULL, &err);

	if (rc < 0) {
		say(possible ? "FAIL" : "ok", "%s refused: %s", describe(q, what), err.text);
		return;
	}
	if (!possible) {
		say("FAIL", "%s: the kernel has no such memory for this process, and it is not refused",
		    describe(q, what));
		return;
	}
	rc = sm_region_create(&region, &sm_os_linux, topology, q->memory, q->bytes, NULL, &err);
	if (rc < 0)
		say("FAIL", "%s: %s", describe(q, what), err.text);
	else
		in_child(populate_and_read, &(struct touched){ q, &region });
	sm_region_destroy(&region);
}

static void check_nodes(void)
{
	struct sm_memory memory = { .pages = { SM_PAGES_BASE, (uint64_t)sysconf(_SC_PAGESIZE) },
				    .prefault = SM_MADVISE };

	for (int backing = SM_ANON; backing <= SM_SYSV; backing++) {
		memory.backing = (enum sm_backing)backing;
		memory.numa = SM_BIND;
		for (memory.node = 0; memory.node < KERNEL_NODES; memory.node++)
			if (listed("/sys/devices/system/node/online", "", memory.node))
				check_node(&(struct question){ .memory = memory, .bytes = 4 * MIB });
		memory.numa = SM_INTERLEAVE;
		memory.node = 0;
		check_node(&(struct question){ .memory = memory, .bytes = 4 * MIB });
	}
}

int main(int argc, char **argv)
{
	struct sm_error err = { 0 };
	unsigned nodes;

	if (argc != 2 ||
	    (strcmp(argv[1], "pins") != 0 && strcmp(argv[1], "memory") != 0 && strcmp(argv[1], "nodes") != 0)) {
		fprintf(stderr, "usage: read_back pins | read_back memory | read_back nodes\n");
		return 4;
	}
	if (sm_topology_open(&topology, NULL, &err) < 0) {
		fprintf(stderr, "read_back: %s\n", err.text);
		return 5;
	}
	sm_topology_nodes(topology, &nodes);
	if (strcmp(argv[1], "nodes") != 0 && nodes != NODES) {
		fprintf(stderr, "read_back: %u NUMA nodes, and %d are needed: run it in the guest\n", nodes, NODES);
		sm_topology_close(topology);
		return 5;
	}
	if (strcmp(argv[1], "pins") == 0)
		check_pins();
	else if (strcmp(argv[1], "memory") == 0)
		check_all_memory();
	else
		check_nodes();
	sm_topology_close(topology);
	return failed ? 1 : 0;
}
