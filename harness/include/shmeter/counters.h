/* Counters of a worker: perf events by libpfm4's names. */
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

struct sm_event {
	char name[SM_EVENT_TEXT_MAX]; /* short name asked for or given: "page_faults" */
	char fstr[SM_EVENT_TEXT_MAX]; /* libpfm4's fully qualified event string: the event's identity */
	enum sm_count_state state;    /* as probed */
	enum sm_count_scope scope;
	bool software;
	char reason[SM_ERROR_TEXT_MAX]; /* why it is unavailable and what would help; "" otherwise */
	struct perf_event_attr attr;
};

/* The events of a run, encoded and probed once. */
struct sm_event_set {
	unsigned count;
	struct sm_event event[SM_EVENTS_MAX];
};

struct sm_count {
	enum sm_count_state state;
	uint64_t raw;
	double value; /* scaled by enabled/running where multiplexed */
	uint64_t enabled_ns, running_ns;
};

/* The default events: minor-faults, major-faults, context-switches, cpu-migrations, cycles, instructions, cache
 * references and misses, L1D, LLC and dTLB load misses.  CPU time is not among them: samples.csv has it of every
 * worker, from a clock that is read anyway. */
extern const char *const sm_events_default;

/* Encodes a comma-separated list of libpfm4 event strings (and of the short names of the default ones, and
 * `loads-from-other-core`, `stores-from-other-core` and `fills-from-other-cache`, which stand for what this CPU has, take
 * another name where that is something else, and become two where the machine has two kinds of cores) and probes each by opening it on the
 * calling process, in the groups that sm_counters_open() uses, and seeing it run.  Falls back from
 * user+kernel to user scope where the former is not permitted.  An unknown event string is -EINVAL
 * with libpfm4's reason; an unavailable event is a state, not an error. */
SM_MUST_USE int sm_events_prepare(struct sm_event_set *set, const struct sm_os *os, const char *list,
				  struct sm_error *err);

/* Open counters of the calling process: software events in one group, the clocks' and each hardware event alone.
 * Plain data of a worker; nothing here is shared. */
struct sm_counters {
	const struct sm_event_set *set;
	const struct sm_os *os;
	int fd[SM_EVENTS_MAX];          /* negative: -errno, or -1 where there is nothing to open */
	unsigned leader[SM_EVENTS_MAX]; /* index of the event that leads the group of this one; its own: it does */
};

/* Opens, disabled, the available events on the calling process.  Events that fail now take their
 * state from the errno.  Never fails as a whole: `counters` says what there is. */
void sm_counters_open(struct sm_counters *counters, const struct sm_event_set *set, const struct sm_os *os);
/* Start and stop counting: one system call a group (a microsecond each on a virtual machine of 2026).  Called outside
 * the stamps of a slice. */
void sm_counters_enable(struct sm_counters *counters);
void sm_counters_disable(struct sm_counters *counters);
/* Totals since open, one entry for each event of the set. */
void sm_counters_read(struct sm_counters *counters, struct sm_count out[SM_EVENTS_MAX]);
void sm_counters_close(struct sm_counters *counters);

/* What an event that bears one of those names counts, from libpfm4's full string, so that it can be said on
 * another machine, too; NULL: it is another event. */
const char *sm_event_meaning(const char *fstr);

bool sm_event_available(const struct sm_event *event);
/* Names of the events that have state and reason of event `first`, separated by commas and cut at `size`.  False where
 * an earlier event has them, so that each reason is told once. */
bool sm_events_alike(const struct sm_event_set *set, unsigned first, char *names, size_t size);

/* One sentence that says what is missing, why, and how to get it; "" where nothing is. */
void sm_events_note(const struct sm_event_set *set, char out[SM_ERROR_TEXT_MAX]);

#endif
