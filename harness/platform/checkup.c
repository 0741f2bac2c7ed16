/* `shmeter doctor`: what this machine has and lacks, and what to do about it. */
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "checkup_settings.h"
#include "shmeter/cgroup.h"
#include "shmeter/environment.h"
#include "shmeter/errand.h"
#include "shmeter/region.h"
#include "shmeter/text.h"

#define NOISE_NS 200000000u
/* Workers of the largest case of a standard run. */
#define PROCESSES_ENOUGH 64
/* The share of a PU's time (per cent) that may be lost to others before the checkup suggests a remedy. */
#define LOST_MOST 5

struct list {
	struct sm_checkup *item;
	unsigned count, max;
};

static struct sm_checkup *add(struct list *list, const char *topic, int level, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static struct sm_checkup *add(struct list *list, const char *topic, int level, const char *format, ...)
{
	static struct sm_checkup spill; /* receives what no longer fits */
	struct sm_checkup *item = list->count < list->max ? &list->item[list->count++] : &spill;
	va_list arguments;

	memset(item, 0, sizeof(*item));
	item->topic = topic;
	item->level = level == 0 ? SM_GOOD : level == 1 ? SM_GAP : SM_WARN;
	va_start(arguments, format);
	vsnprintf(item->finding, sizeof(item->finding), format, arguments);
	va_end(arguments);
	return item;
}

enum { GOOD, GAP, WARN };

static void remedy(struct sm_checkup *item, const char *text)
{
	snprintf(item->remedy, sizeof(item->remedy), "%s", text);
}

static int bind_once(void *topology, struct sm_error *err)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);

	return sm_topology_pin(topology, pus[count - 1].os_index, err);
}

/* Binds as every worker does. */
static void check_binding(struct list *list, const struct sm_os *os, const struct sm_topology *topology)
{
	struct sm_errand errand = {
		.title = "bind", .fn = bind_once, .argument = (void *)(uintptr_t)topology, .timeout_ns = 2000000000
	};
	struct sm_error err = { 0 };

	if (!sm_topology_is_here(topology)) {
		add(list, "topology", WARN,
		    "this topology is not this machine's (HWLOC_XMLFILE, HWLOC_SYNTHETIC or HWLOC_FSROOT): a run can be "
		    "planned with it (--dry-run), not measured; pages, memory, limits and counters below are this "
		    "machine's");
		return;
	}
	if (sm_errand_run(os, &errand, &err) < 0)
		remedy(add(list, "binding", GAP, "no worker can be bound to its PU: %s", err.text),
		       "until then every trial is disturbed");
	else
		add(list, "binding", GOOD, "a process can be bound to a PU");
}

/* "; distance 10 to 0, 21 to 1 3": to each node, where the firmware tells, the nearest first. */
static void name_distances(const struct sm_topology *topology, unsigned from, char *out, size_t size)
{
	unsigned count, last = 0, next;
	const struct sm_node *nodes = sm_topology_nodes(topology, &count);
	size_t used = 0;

	out[0] = '\0';
	do {
		next = 0;
		for (unsigned k = 0; k < count; k++) {
			unsigned distance = sm_topology_distance(topology, from, nodes[k].os_index);

			if (distance > last && (next == 0 || distance < next))
				next = distance;
		}
		last = next;
		if (next > 0 && used < size)
			used += (size_t)snprintf(out + used, size - used, "%s %u to", used ? "," : "; distance", next);
		for (unsigned k = 0; next > 0 && k < count && used < size; k++)
			if (sm_topology_distance(topology, from, nodes[k].os_index) == next)
				used += (size_t)snprintf(out + used, size - used, " %u", nodes[k].os_index);
	} while (next > 0);
}

/* "; the firmware promises 90 ns, 20000 MiB/s" */
static void name_promise(const struct sm_topology *topology, unsigned node, char *out, size_t size)
{
	uint64_t latency, bandwidth;
	size_t used = 0;

	out[0] = '\0';
	sm_topology_promise(topology, node, &latency, &bandwidth);
	if (latency > 0)
		used = (size_t)snprintf(out, size, "; the firmware promises %" PRIu64 " ns", latency);
	if (bandwidth > 0)
		snprintf(out + used, size - used, "%s%" PRIu64 " MiB/s", used ? ", " : "; the firmware promises ",
			 bandwidth);
}

/* A line for each node: its PUs, its memory, how far the others are. */
static void check_nodes(struct list *list, const struct sm_topology *topology)
{
	unsigned count;
	const struct sm_node *nodes = sm_topology_nodes(topology, &count);

	for (unsigned i = 0; i < count; i++) {
		const struct sm_node *node = &nodes[i];
		char size[SM_TEXT_MAX], memory[96] = "no memory", distances[256], promise[96], package[24] = "";

		if (node->has_memory && node->bytes > 0)
			snprintf(memory, sizeof(memory), "%s%s%s", sm_format_bytes(size, (double)node->bytes),
				 *node->tier ? " of " : "", node->tier);
		else if (node->has_memory)
			snprintf(memory, sizeof(memory), "memory of unknown size");
		name_distances(topology, node->os_index, distances, sizeof(distances));
		name_promise(topology, node->os_index, promise, sizeof(promise));
		if (node->package >= 0)
			snprintf(package, sizeof(package), " (package %d)", node->package);
		add(list, "topology", GOOD, "node %u%s: %u PU%s%s, %s%s%s%s", node->os_index, package, node->pus,
		    node->pus == 1 ? "" : "s", node->has_pus && node->pus == 0 ? " allowed" : "", memory,
		    node->allowed ? "" : ", which cpuset.mems forbids", distances, promise);
	}
}

static void check_kinds(struct list *list, const struct sm_topology *topology)
{
	unsigned count;
	const struct sm_kind *kinds = sm_topology_kinds(topology, &count);

	for (unsigned i = 0; i < count; i++)
		add(list, "topology", GOOD, "cores of kind %d: PUs %s%s%s%s", kinds[i].number, kinds[i].list,
		    *kinds[i].name ? " (" : "", kinds[i].name,
		    kinds[i].number == sm_topology_home_kind(topology)
			    ? *kinds[i].name ? "); single workers and pairs run on them"
					     : "; single workers and pairs run on them"
		    : *kinds[i].name ? ")"
				     : "");
}

static void check_topology(struct list *list, const struct sm_os *os, const struct sm_topology *topology)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);
	struct sm_cache cache[8];
	unsigned levels = sm_topology_caches(topology, cache, 8), nodes, kinds;
	char size[SM_TEXT_MAX], all[256] = "";
	size_t used = 0;

	(void)sm_topology_nodes(topology, &nodes);
	for (unsigned i = 0; i < levels; i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, ", L%u %s for %u", cache[i].level,
					 sm_format_bytes(size, (double)cache[i].bytes), cache[i].pus);
	(void)sm_topology_kinds(topology, &kinds);
	if (kinds > 0 && used < sizeof(all))
		snprintf(all + used, sizeof(all) - used, " (of kind %d)", sm_topology_home_kind(topology));
	add(list, "topology", GOOD, "%u PUs allowed (from %u on), %u NUMA node%s%s", count, pus[0].os_index, nodes,
	    nodes > 1 ? "s" : "", all);
	if (nodes > 1)
		check_nodes(list, topology);
	check_kinds(list, topology);
	if (*sm_topology_forget_policy(false))
		add(list, "topology", WARN,
		    "this shell has the NUMA policy \"%s\" (numactl, NUMAPolicy=): a run takes only what --numa says",
		    sm_topology_forget_policy(false));
	check_binding(list, os, topology);
	if (!sm_os_has(os, "/proc/self/stat"))
		remedy(add(list, "proc", GAP,
			   "/proc cannot be read: what page sizes were got, steal and limits of the cgroup are unknown"),
		       "mount -t proc proc /proc");
	if (!sm_os_has(os, "/sys/devices/system/cpu"))
		remedy(add(list, "sys", GAP,
			   "/sys cannot be read: NUMA nodes and page sizes are unknown, and of caches what the CPU says is all"),
		       "mount -t sysfs sysfs /sys");
	if (count == 1)
		remedy(add(list, "topology", GAP, "one PU: nothing can be measured across cores"),
		       "allow more CPUs (taskset, the container's cpuset)");
	if (sm_hypervisor_seen(os) == 1)
		add(list, "topology", WARN,
		    "this is a virtual machine: its cores may move between the host's from one "
		    "millisecond to the next; every slice is measured with a probe, and results are split "
		    "by what it says");
}

static void check_clock(struct list *list, const struct sm_topology *topology)
{
	struct sm_clock_report clock;
	struct sm_error err = { 0 };
	struct sm_checkup *item;

	if (sm_clock_check(topology, &clock, &err) < 0) {
		add(list, "clock", GAP, "%s", err.text);
		return;
	}
	item = add(list, "clock", clock.syscall ? GAP : GOOD, "%s, %.0f ns a read, steps of %.0f ns", clock.source,
		   clock.cost_ns, clock.quantum_ns);
	if (clock.pus > 1)
		add(list, "clock", GOOD, "compared on %u PUs: none is more than %.0f ns from the first", clock.pus,
		    clock.apart_ns);
	if (clock.syscall)
		remedy(item, "a read is a system call: use a clock source with a vDSO (tsc, kvm-clock)");
}

/* The sizes without a pool: those of the base pages and of transparent huge ones. */
static void check_pages(struct list *list, const struct sm_os *os)
{
	struct sm_pages pages[SM_PAGES_LIST_MAX];
	char base[SM_TEXT_MAX], huge[SM_TEXT_MAX];
	unsigned count = sm_pages_list(os, pages);

	sm_format_bytes(base, (double)pages[0].bytes);
	if (count > 1 && pages[1].kind == SM_PAGES_THP)
		add(list, "pages", GOOD, "base pages of %s, transparent huge pages of %s", base,
		    sm_format_bytes(huge, (double)pages[1].bytes));
	else
		add(list, "pages", GOOD, "base pages of %s", base);
}

static void check_pool(struct list *list, const struct sm_os *os, const char *name, const char *kib)
{
	char total[32], unused[32], text[160];

	if (sm_os_read(os, total, sizeof(total), "/sys/kernel/mm/hugepages/hugepages-%skB/nr_hugepages", kib) < 0) {
		if (sm_os_has(os, "/sys/kernel/mm"))
			add(list, "huge pages", WARN, "this CPU or kernel has no %s pages", name);
		else
			remedy(add(list, "huge pages", WARN,
				   "whether there are %s pages is unknown: /sys cannot be read", name),
			       "mount -t sysfs sysfs /sys");
		return;
	}
	if (sm_os_read(os, unused, sizeof(unused), "/sys/kernel/mm/hugepages/hugepages-%skB/free_hugepages", kib) < 0)
		return;
	if (atoi(unused) > 0) {
		add(list, "huge pages", GOOD, "%s of %s %s pages are free", unused, total, name);
		return;
	}
	snprintf(text, sizeof(text),
		 "run with --tune as root, or write a number to "
		 "/sys/kernel/mm/hugepages/hugepages-%skB/nr_hugepages",
		 kib);
	remedy(add(list, "huge pages", GAP, "no %s page is free (%s reserved)", name, total), text);
}

static void check_thp(struct list *list, const struct sm_os *os)
{
	char text[128];

	if (sm_os_read(os, text, sizeof(text), "/sys/kernel/mm/transparent_hugepage/shmem_enabled") < 0)
		add(list, "thp", WARN, "%s",
		    sm_os_has(os, "/sys/kernel/mm")
			    ? "this kernel has no transparent huge pages for shared memory"
			    : "whether there are transparent huge pages is unknown: /sys cannot be read");
	else if (strstr(text, "[deny]") || strstr(text, "[never]"))
		remedy(add(list, "thp", GAP,
			   "shared memory gets no transparent huge pages at the fault "
			   "(%s)",
			   strstr(text, "[deny]") ? "deny" : "never"),
		       "run with --tune as root, or write advise to "
		       "/sys/kernel/mm/transparent_hugepage/shmem_enabled");
	else
		add(list, "thp", GOOD, "transparent huge pages for shared memory can be asked for");
}

static void check_limits(struct list *list)
{
	char text[SM_TEXT_MAX];
	struct rlimit limit;
	struct statvfs shm;

	if (statvfs("/dev/shm", &shm) == 0) {
		double bytes = (double)shm.f_blocks * (double)shm.f_frsize;
		struct sm_checkup *item =
			add(list, "/dev/shm", bytes < 1e9 ? GAP : GOOD, "%s", sm_format_bytes(text, bytes));

		if (bytes < 1e9)
			remedy(item, "mount -o remount,size=2g /dev/shm, or in a container --shm-size 2g; "
				     "memfd and anon do not need it");
	} else {
		remedy(add(list, "/dev/shm", GAP, "it is not there: no POSIX shared memory"),
		       "mount -t tmpfs tmpfs /dev/shm");
	}
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		bool enough = geteuid() == 0 || limit.rlim_cur >= 1u << 30;
		struct sm_checkup *item = add(
			list, "memlock", enough ? GOOD : GAP, "%s",
			limit.rlim_cur == RLIM_INFINITY ? "unlimited" : sm_format_bytes(text, (double)limit.rlim_cur));

		if (!enough)
			remedy(item, "raise it for --prefault mlock: ulimit -l, "
				     "/etc/security/limits.conf");
	}
}

static void check_huge_limit(struct list *list, const struct sm_os *os, const char *name, uint64_t page_bytes)
{
	char most[SM_TEXT_MAX];
	struct sm_room room;

	sm_hugetlb_room(os, page_bytes, &room);
	if (room.left != UINT64_MAX)
		remedy(add(list, "cgroup", WARN, "its limit on %s pages is %s: what needs more is skipped", name,
			   sm_format_bytes(most, (double)room.limit)),
		       "raise its hugetlb.*.max");
}

static void check_quota(struct list *list, const struct sm_topology *topology, double pus)
{
	unsigned count;

	sm_topology_pus(topology, &count);
	if (isfinite(pus) && pus < count)
		remedy(add(list, "cgroup", GAP,
			   "its CPU limit is %.3g PUs of %u: processes are stopped for a part of each period, and times hold "
			   "these pauses",
			   pus, count),
		       "raise its cpu.max (a container's --cpus), or give it whole CPUs instead (--cpuset-cpus)");
	else if (isfinite(pus))
		add(list, "cgroup", GOOD, "its CPU limit is %.3g PUs, and %u are allowed", pus, count);
}

/* Each limit that the control group has. */
static void check_group(struct list *list, const struct sm_os *os, const struct sm_topology *topology)
{
	char most[SM_TEXT_MAX], left[SM_TEXT_MAX];
	struct sm_cgroup_limits limits;
	struct sm_checkup *item;
	struct sm_room room;

	sm_cgroup_limits(os, &limits);
	check_quota(list, topology, limits.cpu_pus);
	sm_memory_room(os, &room);
	if (room.file[0])
		remedy(add(list, "cgroup", WARN,
			   "its memory limit is %s, of which %s are left: what needs more is skipped",
			   sm_format_bytes(most, (double)room.limit), sm_format_bytes(left, (double)room.left)),
		       "raise its memory.max (a container's --memory)");
	sm_pids_room(os, &room);
	if (room.left != UINT64_MAX) {
		item = add(list, "cgroup", room.left < PROCESSES_ENOUGH ? GAP : GOOD,
			   "it may have %" PRIu64 " processes, %" PRIu64 " more than now", room.limit, room.left);
		if (item->level == SM_GAP)
			remedy(item, "raise its pids.max (a container's --pids-limit)");
	}
	check_huge_limit(list, os, "2 MiB", 2u << 20);
	check_huge_limit(list, os, "1 GiB", 1u << 30);
}

static void check_counters(struct list *list, const struct sm_event_set *events)
{
	for (int state = SM_COUNTED; state < SM_COUNT_STATE_COUNT; state++)
		for (unsigned i = 0; i < events->count; i++) {
			const struct sm_event *event = &events->event[i];
			char names[384];

			if ((int)event->state == state && sm_events_alike(events, i, names, sizeof(names)))
				remedy(add(list, "counters", state <= SM_SCALED ? GOOD : GAP, "%s: %s",
					   sm_count_state_name(event->state), names),
				       event->reason);
		}
}

/* A machine with several kinds of cores has a PMU for each. */
static void check_pmus(struct list *list, const struct sm_event_set *events)
{
	char text[384] = "";
	size_t used = 0;

	for (unsigned p = 0; events->pmu_count > 1 && p < events->pmu_count && used < sizeof(text); p++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s (PUs %s)", p ? ", " : "",
					 events->pmu[p].name, events->pmu[p].cpus);
	if (used)
		add(list, "counters", GOOD, "each kind of core has a PMU, which counts for the workers on it: %s",
		    text);
	for (unsigned p = 0; p < events->pmu_count; p++) {
		text[0] = '\0';
		used = 0;
		for (unsigned i = 0; i < events->count && used < sizeof(text); i++)
			if (events->event[i].pmus && !(events->event[i].pmus >> p & 1))
				used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "",
							 events->event[i].name);
		if (used)
			add(list, "counters", WARN, "not counted by %s: %s", events->pmu[p].name, text);
	}
}

static void check_noise(struct list *list, const struct sm_os *os)
{
	struct sm_noise_mark before, after;
	struct sm_noise noise;
	struct sm_cgroup_limits limits;
	struct sm_checkup *item;
	uint64_t longest;
	bool stopped;
	double lost;
	char text[SM_TEXT_MAX];

	sm_noise_mark(os, &before);
	sm_noise_gaps(NOISE_NS, &lost, &longest);
	sm_noise_mark(os, &after);
	sm_noise_between(&before, &after, &noise);
	sm_cgroup_limits(os, &limits);
	stopped = noise.throttled_times > 0;
	item = add(list, "noise", noise.steal_percent > LOST_MOST || lost > LOST_MOST ? GAP : GOOD,
		   "in 0.2 s: %.1f %% steal, %.2f %% of one PU's time lost in gaps, the longest %s%s",
		   isfinite(noise.steal_percent) ? noise.steal_percent : 0.0, lost, sm_format_ns(text, (double)longest),
		   stopped ? ", and the CPU limit stopped this process" : "");
	if (item->level == SM_GAP && (stopped || limits.cpu_pus < 1))
		remedy(item,
		       "the CPU limit of its cgroup takes this time, not other work: raise its cpu.max (a container's "
		       "--cpus)");
	else if (item->level == SM_GAP)
		remedy(item, "stop other work, or measure with a longer profile; shmeter calls what is too "
			     "noisy inconclusive");
}

static void check_settings(struct list *list, const struct sm_os *os)
{
	char text[64];

	if (sm_os_read(os, text, sizeof(text), "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") < 0)
		add(list, "governor", sm_os_has(os, "/sys/devices/system/cpu") ? GOOD : WARN, "%s",
		    sm_os_has(os, "/sys/devices/system/cpu") ? "no frequency scaling is visible here"
							     : "unknown: /sys cannot be read");
	else if (strcmp(text, "performance") == 0)
		add(list, "governor", GOOD, "performance");
	else
		remedy(add(list, "governor", WARN, "%s: the frequency may change during a run", text),
		       "cpupower frequency-set -g performance");
	if (sm_os_read(os, text, sizeof(text), "/proc/sys/kernel/numa_balancing") == 0 && strcmp(text, "0") != 0)
		remedy(add(list, "numa", WARN, "automatic NUMA balancing moves pages and takes faults"),
		       "sysctl kernel.numa_balancing=0 while measuring");
}

/* What --baseline and the history compare by. */
static void check_identity(struct list *list, const json_t *environment)
{
	const char *by = json_string_value(json_object_get(environment, "host_by"));
	struct sm_identity identity;

	sm_environment_identify(environment, &identity);
	add(list, "identity", GOOD, "host %s of type %s; the host is known by %s", identity.host, identity.type,
	    by ? by : "nothing");
}

unsigned sm_environment_checkup(const struct sm_os *os, const struct sm_topology *topology,
				const struct sm_event_set *events, struct sm_checkup *out, unsigned max)
{
	struct list list = { .item = out, .max = max };
	json_t *environment = sm_environment_capture(os, topology);

	check_topology(&list, os, topology);
	check_clock(&list, topology);
	check_pages(&list, os);
	check_pool(&list, os, "2 MiB", "2048");
	check_pool(&list, os, "1 GiB", "1048576");
	check_thp(&list, os);
	check_limits(&list);
	check_group(&list, os, topology);
	check_counters(&list, events);
	check_pmus(&list, events);
	check_noise(&list, os);
	check_settings(&list, os);
	check_identity(&list, environment);
	list.count += checkup_settings(environment, out + list.count, max - list.count);
	json_decref(environment);
	return list.count;
}
