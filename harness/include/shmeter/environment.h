/* What machine this is, how noisy it is, and what limits it sets. */
#ifndef SHMETER_ENVIRONMENT_H
#define SHMETER_ENVIRONMENT_H

#include <jansson.h>
#include <stdint.h>

#include "shmeter/clock.h"
#include "shmeter/counters.h"
#include "shmeter/error.h"
#include "shmeter/os.h"
#include "shmeter/topology.h"

/* The machine as a JSON object: host, kernel, cpu model, microcode, hypervisor, SMT, caches, allowed PUs, nodes, memory,
 * page pools, THP settings, /dev/shm size, limits (memlock, nofile, msgmax, shmmax, pipe-max-size), perf_event_paranoid,
 * container, clock source, NUMA balancing, virtual machine; frequency (governor, limits, boost), idle PUs (driver,
 * governor, how long a guest polls before it halts), isolated and tickless PUs, mitigations, whether the kernel clears
 * memory (and where that is said), file systems.  What cannot be read is absent, never 0.  The caller
 * decrefs it.  NULL only where memory is refused. */
json_t *sm_environment_capture(const struct sm_os *os, const struct sm_topology *topology);

/* What a text of /sys/devices/system/cpu/vulnerabilities says: "Not affected", "Vulnerable...", "Mitigation: ...", or
 * one of the last two after "KVM: ". */
enum sm_vulnerability { SM_NOT_AFFECTED, SM_VULNERABLE, SM_MITIGATED };
enum sm_vulnerability sm_vulnerability_of(const char *state);

/* Whether a hypervisor runs this machine, from the CPU's flag, the kernel (/sys/hypervisor, the device tree,
 * /proc/sysinfo) or the firmware's names (DMI).  1: yes; 0: these could be read and show none; -1: none of them could be read. */
int sm_hypervisor_seen(const struct sm_os *os);

/* Identity of the machine: two stable hashes of 16 hex digits each.  `type` covers CPU model, PUs, caches, nodes,
 * rounded memory, base pages, the kernel's major.minor and the hypervisor; times of one type may be compared on request.
 * `host` distinguishes machines of one type, guests of one image, and a container from the machine below it; "-": not
 * known.  The machine is the same where both are. */
struct sm_identity {
	char type[17], host[17];
};
void sm_environment_identify(const json_t *environment, struct sm_identity *out);

/* Counters of the whole machine at one moment; sm_noise_between() subtracts two of these. */
struct sm_noise_mark {
	uint64_t total_ticks, steal_ticks, busy_ticks; /* /proc/stat, all PUs, USER_HZ */
	uint64_t interrupts, context_switches;
	uint64_t taken_ns;
	uint64_t monotonic_ns, boot_ns;       /* CLOCK_MONOTONIC, and CLOCK_BOOTTIME, which also runs during suspend */
	uint64_t own_cpu_ns;                  /* this process and its children that ended */
	double throttled_ns, throttled_times; /* by the container's CPU limit; NaN: not known */
	double memory_kills;                  /* kills for lack of memory; NaN: not known */
};
void sm_noise_mark(const struct sm_os *os, struct sm_noise_mark *mark);

struct sm_noise {
	double steal_percent;  /* of all PU time between the marks; NaN where unreadable */
	double busy_percent;   /* not idle: our processes and others */
	double others_percent; /* used by other processes; at least 0 */
	double interrupts_per_s, switches_per_s;
	/* Throttling by the CPU limit: share of all PU time, and how often; NaN: not known. */
	double throttled_percent, throttled_times;
	double memory_kills; /* NaN: not known */
};
void sm_noise_between(const struct sm_noise_mark *before, const struct sm_noise_mark *after, struct sm_noise *out);

/* Whether the clocks disagree between two marks because the machine was suspended or a clock jumped; `out` says how.  A
 * time measured in between is then not the time of the work. */
bool sm_clocks_disagree(const struct sm_noise_mark *before, const struct sm_noise_mark *after, char *out, size_t size);

/* Measures timer gaps: reads the clock in a loop for `duration_ns` and reports gaps longer than 10 us: the share of
 * time lost, in percent, and the longest gap. */
void sm_noise_gaps(uint64_t duration_ns, double *lost_percent, uint64_t *longest_ns);

/* `shmeter doctor`: one finding about this machine and its remedy. */
struct sm_checkup {
	const char *topic; /* "huge pages", "counters", "noise", ... */
	enum { SM_GOOD, SM_GAP, SM_WARN } level;
	char finding[SM_ERROR_TEXT_MAX];
	char remedy[SM_ERROR_TEXT_MAX]; /* "" where nothing is to be done */
};
/* Writes up to `max` check-ups, returns how many. */
unsigned sm_environment_checkup(const struct sm_os *os, const struct sm_topology *topology,
				const struct sm_event_set *events, struct sm_checkup *out, unsigned max);

#endif
