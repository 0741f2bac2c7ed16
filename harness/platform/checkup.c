/* `shmeter doctor`: what this machine has, lacks, and what to do about it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "shmeter/environment.h"
#include "shmeter/text.h"

#define NOISE_NS 200000000u

struct list {
	struct sm_checkup *item;
	unsigned count, max;
};

static struct sm_checkup *add(struct list *list, const char *topic, int level, const char *format,
			      ...) __attribute__((format(printf, 4, 5)));

static struct sm_checkup *add(struct list *list, const char *topic, int level, const char *format,
			      ...)
{
	static struct sm_checkup spill; /* what no longer fits goes nowhere */
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

static void check_topology(struct list *list, const struct sm_os *os,
			   const struct sm_topology *topology)
{
	unsigned count;
	const struct sm_pu *pus = sm_topology_pus(topology, &count);
	struct sm_cache cache[8];
	unsigned levels = sm_topology_caches(topology, cache, 8);
	char size[SM_TEXT_MAX], all[256] = "";
	size_t used = 0;

	for (unsigned i = 0; i < levels; i++)
		used += (size_t)snprintf(
			all + used, sizeof(all) - used, ", L%u %s for %u", cache[i].level,
			sm_format_bytes(size, (double)cache[i].bytes), cache[i].pus);
	add(list, "topology", GOOD, "%u PUs allowed (from %u on), %u NUMA node%s%s", count,
	    pus[0].os_index, sm_topology_nodes(topology),
	    sm_topology_nodes(topology) > 1 ? "s" : "", all);
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
	item = add(list, "clock", clock.syscall ? GAP : GOOD,
		   "%s, %.0f ns a read, steps of %.0f ns", clock.source, clock.cost_ns,
		   clock.quantum_ns);
	if (clock.pus > 1)
		add(list, "clock", GOOD, "compared on %u PUs: none is more than %.0f ns from the first",
		    clock.pus, clock.apart_ns);
	if (clock.syscall)
		remedy(item,
		       "a read is a system call: use a clock source with a vDSO (tsc, kvm-clock)");
}

static void check_pool(struct list *list, const struct sm_os *os, const char *name, const char *kib)
{
	char total[32], unused[32], text[160];

	if (sm_os_read(os, total, sizeof(total),
		       "/sys/kernel/mm/hugepages/hugepages-%skB/nr_hugepages", kib) < 0) {
		add(list, "huge pages", WARN, "this CPU or kernel has no %s pages", name);
		return;
	}
	if (sm_os_read(os, unused, sizeof(unused),
		       "/sys/kernel/mm/hugepages/hugepages-%skB/free_hugepages", kib) < 0)
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

	if (sm_os_read(os, text, sizeof(text),
		       "/sys/kernel/mm/transparent_hugepage/shmem_enabled") < 0)
		add(list, "thp", WARN,
		    "this kernel has no transparent huge pages for shared memory");
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
		struct sm_checkup *item = add(list, "/dev/shm", bytes < 1e9 ? GAP : GOOD, "%s",
					      sm_format_bytes(text, bytes));

		if (bytes < 1e9)
			remedy(item,
			       "mount -o remount,size=2g /dev/shm, or in a container --shm-size 2g; "
			       "memfd and anon do not need it");
	} else {
		remedy(add(list, "/dev/shm", GAP, "it is not there: no POSIX shared memory"),
		       "mount -t tmpfs tmpfs /dev/shm");
	}
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		bool enough = geteuid() == 0 || limit.rlim_cur >= 1u << 30;
		struct sm_checkup *item =
			add(list, "memlock", enough ? GOOD : GAP, "%s",
			    limit.rlim_cur == RLIM_INFINITY
				    ? "unlimited"
				    : sm_format_bytes(text, (double)limit.rlim_cur));

		if (!enough)
			remedy(item, "raise it for --prefault mlock: ulimit -l, "
				     "/etc/security/limits.conf");
	}
}

static void check_counters(struct list *list, const struct sm_event_set *events)
{
	for (int state = SM_COUNTED; state < SM_COUNT_STATE_COUNT; state++)
		for (unsigned i = 0; i < events->count; i++) {
			const struct sm_event *event = &events->event[i];
			char names[384];

			if ((int)event->state == state &&
			    sm_events_alike(events, i, names, sizeof(names)))
				remedy(add(list, "counters", state <= SM_SCALED ? GOOD : GAP,
					   "%s: %s", sm_count_state_name(event->state), names),
				       event->reason);
		}
}

static void check_noise(struct list *list, const struct sm_os *os)
{
	struct sm_noise_mark before, after;
	struct sm_noise noise;
	struct sm_checkup *item;
	uint64_t longest;
	double lost;
	char text[SM_TEXT_MAX];

	sm_noise_mark(os, &before);
	sm_noise_gaps(NOISE_NS, &lost, &longest);
	sm_noise_mark(os, &after);
	sm_noise_between(&before, &after, &noise);
	item = add(list, "noise", noise.steal_percent > 5 || lost > 5 ? GAP : GOOD,
		   "in 0.2 s: %.1f %% steal, %.2f %% of one PU's time lost in gaps, the longest %s",
		   isfinite(noise.steal_percent) ? noise.steal_percent : 0.0, lost,
		   sm_format_ns(text, (double)longest));
	if (item->level == SM_GAP)
		remedy(item,
		       "stop other work, or measure with a longer profile; shmeter calls what is too "
		       "noisy inconclusive");
}

static void check_settings(struct list *list, const struct sm_os *os)
{
	char text[64];

	if (sm_os_read(os, text, sizeof(text),
		       "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") < 0)
		add(list, "governor", GOOD, "no frequency scaling is visible here");
	else if (strcmp(text, "performance") == 0)
		add(list, "governor", GOOD, "performance");
	else
		remedy(add(list, "governor", WARN, "%s: the frequency may change during a run",
			   text),
		       "cpupower frequency-set -g performance");
	if (sm_os_read(os, text, sizeof(text), "/proc/sys/kernel/numa_balancing") == 0 &&
	    strcmp(text, "0") != 0)
		remedy(add(list, "numa", WARN,
			   "automatic NUMA balancing moves pages and takes faults"),
		       "sysctl kernel.numa_balancing=0 while measuring");
}

unsigned sm_environment_checkup(const struct sm_os *os, const struct sm_topology *topology,
				const struct sm_event_set *events, struct sm_checkup *out,
				unsigned max)
{
	struct list list = { .item = out, .max = max };

	check_topology(&list, os, topology);
	check_clock(&list, topology);
	check_pool(&list, os, "2 MiB", "2048");
	check_pool(&list, os, "1 GiB", "1048576");
	check_thp(&list, os);
	check_limits(&list);
	check_counters(&list, events);
	check_noise(&list, os);
	check_settings(&list, os);
	return list.count;
}
