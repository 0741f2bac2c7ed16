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

/* The machine as a JSON object: host, kernel, cpu model, microcode, hypervisor, governor, SMT, caches,
 * allowed PUs, nodes, memory, page pools, THP settings, /dev/shm size and huge=, limits (memlock,
 * nofile, msgmax, shmmax, pipe-max-size), perf_event_paranoid, container, clock source, NUMA
 * balancing, virtual machine.  What cannot be read is absent, never 0.  Caller decrefs; NULL only
 * without memory. */
json_t *sm_environment_capture(const struct sm_os *os, const struct sm_topology *topology);

/* Whether a hypervisor is seen to run this machine: by the CPU's flag, the kernel (/sys/hypervisor, the device tree) or
 * the firmware's names (DMI).  1: yes; 0: these could be read and none tells of one; -1: nothing here could tell. */
int sm_hypervisor_seen(const struct sm_os *os);

/* Who measured, in two parts, each a stable hash of 16 hex digits.  Two machines of one type are comparable: CPU model, PUs,
 * caches, nodes, memory rounded, the kernel's major.minor, hypervisor.  The host tells machines of one type apart. */
struct sm_identity {
	char type[17], host[17];
};
void sm_environment_identify(const json_t *environment, struct sm_identity *out);

/* Steal and interrupt state of the whole machine, to be subtracted. */
struct sm_noise_mark {
	uint64_t total_ticks, steal_ticks, busy_ticks; /* /proc/stat, all PUs, USER_HZ */
	uint64_t interrupts, context_switches;
	uint64_t taken_ns;
	uint64_t monotonic_ns,
		boot_ns;     /* CLOCK_MONOTONIC, and CLOCK_BOOTTIME, which goes on while the machine is suspended */
	uint64_t own_cpu_ns; /* of this process and its ended children */
	double throttled_ns, throttled_times; /* by the container's CPU limit; NaN: not known */
	double memory_kills;                  /* processes that the kernel killed for memory; NaN: not known */
};
void sm_noise_mark(const struct sm_os *os, struct sm_noise_mark *mark);

struct sm_noise {
	double steal_percent;  /* of all PU time between two marks; NaN where unreadable */
	double busy_percent;   /* not idle, ours and others' */
	double others_percent; /* used by other processes than ours; at least 0 */
	double interrupts_per_s, switches_per_s;
	/* Kept off the PUs by the CPU limit: a share of all PUs' time, and how often; NaN: not known. */
	double throttled_percent, throttled_times;
	double memory_kills; /* NaN: not known */
};
void sm_noise_between(const struct sm_noise_mark *before, const struct sm_noise_mark *after, struct sm_noise *out);

/* Whether the clocks disagree between two marks: true, with how in words, where the machine was suspended or the clock
 * jumped.  What was measured meanwhile is no time of its work. */
bool sm_clocks_disagree(const struct sm_noise_mark *before, const struct sm_noise_mark *after, char *out, size_t size);

/* Timer gaps: spins for `duration_ns` reading the clock and reports holes longer than 10 us: share of
 * time lost in percent, and the longest hole. */
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
