/* Counters of a worker: perf events, named as libpfm4 names them. */
#ifndef SHMETER_COUNTERS_H
#define SHMETER_COUNTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shmeter/error.h"
#include "shmeter/names.h"
#include "shmeter/os.h"

#define SM_EVENTS_MAX     32
#define SM_EVENT_TEXT_MAX 128
#define SM_PMUS_MAX       8    /* kinds of cores */
#define SM_PMU_PUS        8192 /* PUs have smaller numbers */

/* The PMU of one kind of cores, where the kernel says which PUs have it. */
struct sm_pmu {
	char name[32];                /* the kernel's: "cpu_core", "armv8_cortex_a76" */
	char cpus[64];                /* the PUs as the kernel lists them, cut */
	uint32_t type;                /* its number for perf_event_open() */
	uint64_t pu[SM_PMU_PUS / 64]; /* the same as bits */
};

struct sm_event {
	char name[SM_EVENT_TEXT_MAX]; /* short name asked for or given: "page_faults" */
	char fstr[SM_EVENT_TEXT_MAX]; /* libpfm4's fully qualified event string: the event's identity */
	enum sm_count_state state;    /* what the probe found */
	enum sm_count_scope scope;
	bool software;
	/* The PMUs that count it, as bits, for a generic event on a machine with several; else 0. */
	unsigned pmus;
	char reason[SM_ERROR_TEXT_MAX]; /* why it is unavailable and what would help; "" otherwise */
	struct perf_event_attr attr;
};

/* The events of a run, encoded and probed once. */
struct sm_event_set {
	unsigned count;
	struct sm_event event[SM_EVENTS_MAX];
	unsigned pmu_count; /* 0 on most machines: the kernel has one PMU for all PUs and does not list them */
	struct sm_pmu pmu[SM_PMUS_MAX];
};

struct sm_count {
	enum sm_count_state state;
	uint64_t raw;
	double value; /* scaled by enabled/running where multiplexed */
	uint64_t enabled_ns, running_ns;
	unsigned pmus; /* the PMUs that counted, as bits; 0: there is only one, or it is not known */
};

/* The default events: minor-faults, major-faults, context-switches, cpu-migrations, cycles, instructions, cache
 * references and misses, L1D, LLC and dTLB load misses.  CPU time is not among them: samples.csv has the CPU time of
 * every worker from a clock. */
extern const char *const sm_events_default;

/* Encodes a comma-separated list of events.  Each is a libpfm4 event string, the short name of a default event, or one
 * of `loads-from-other-core`, `stores-from-other-core` and `fills-from-other-cache`.  The last three stand for the
 * matching events of this CPU.  They get another name where the CPU counts something else, and become two events where
 * the machine has two kinds of cores.  Probes each event: opens it on the calling process, in the groups that
 * sm_counters_open() uses, and checks that it runs.  Falls back from user+kernel to user scope where the former is not
 * permitted.  An unknown event string is -EINVAL with libpfm4's reason; an unavailable event, such as one of a PMU that
 * this machine does not have ("skx::..."), is a state, not an error. */
SM_MUST_USE int sm_events_prepare(struct sm_event_set *set, const struct sm_os *os, const char *list,
				  struct sm_error *err);

/* Whether sm_events_prepare() accepts the name of one event on every machine, without probing it: one of shmeter's own
 * names, a generic event of libpfm4 (its PMU "perf"), or an event with its PMU ("skx::...").  True, too, for what this
 * machine cannot tell: the event of a PMU that it does not have, and any event where libpfm4 does not work. */
bool sm_event_known(const char *name);

/* Open counters of the calling process.  Software events share one group; each clock event and each hardware event is
 * alone.  Private to a worker; nothing here is shared. */
struct sm_counters {
	const struct sm_event_set *set;
	const struct sm_os *os;
	int fd[SM_EVENTS_MAX];          /* negative: -errno, or -1 where the event is unavailable */
	unsigned leader[SM_EVENTS_MAX]; /* index of the event that leads the group; a leader has its own */
	unsigned pmus[SM_EVENTS_MAX];   /* as in struct sm_count */
};

/* Opens the available events on the calling process, disabled.  A generic event is opened on the PMU of the PU that the
 * process runs on, so bind it before; on a kind of core that cannot count it, it is not supported.  An event that fails to open takes its state from the
 * errno.  Never fails as a whole: `counters` holds the state of each event. */
void sm_counters_open(struct sm_counters *counters, const struct sm_event_set *set, const struct sm_os *os);
/* Start and stop counting: one system call a group (about 1 us each on a virtual machine of 2026).  Call them outside
 * the timed part of a slice. */
void sm_counters_enable(struct sm_counters *counters);
void sm_counters_disable(struct sm_counters *counters);
/* Totals since open, one entry for each event of the set. */
void sm_counters_read(struct sm_counters *counters, struct sm_count out[SM_EVENTS_MAX]);
void sm_counters_close(struct sm_counters *counters);

/* What an event with one of the three "other core" names of sm_events_prepare() counts, in words.  Takes libpfm4's full
 * string, so it also works for a run of another machine.  NULL: some other event. */
const char *sm_event_meaning(const char *fstr);

/* Writes the identity of a count: libpfm4's full string, and for a generic event that the PMUs `pmus` counted, "@" and
 * their names: "perf::PERF_COUNT_HW_CPU_CYCLES:u=1@cpu_core+cpu_atom". */
void sm_event_identity(const struct sm_event_set *set, unsigned event, unsigned pmus, char *out, size_t size);
/* The names of the PMUs in such an identity, "cpu_core+cpu_atom"; "" for none. */
const char *sm_event_pmus(const char *fstr);

bool sm_event_available(const struct sm_event *event);
/* Lists the events that have the same state and reason as event `first`: names separated by commas, cut at `size`.
 * Returns false where an earlier event has them too, so that a caller prints each reason once. */
bool sm_events_alike(const struct sm_event_set *set, unsigned first, char *names, size_t size);

/* One sentence: which counters are missing, why, and how to get them; "" where none is. */
void sm_events_note(const struct sm_event_set *set, char out[SM_ERROR_TEXT_MAX]);

#endif
