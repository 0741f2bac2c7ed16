/* Events by libpfm4's names: encoded once, probed by opening them, each with its state and reason. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "counters_private.h"
/* libpfm4 brings its own copy of <linux/perf_event.h>; the kernel's is already here. */
#define __PERFMON_PERF_EVENT_H__
#include <perfmon/pfmlib_perf_event.h>

#include "shmeter/clock.h"

/* Long enough for a timer tick to rotate multiplexed events onto the PMU. */
#define PROBE_SPIN_NS 200000u

/* The names in counters.csv, and libpfm4's generic events behind them (its perf PMU). */
static const struct {
	const char *name, *event;
} short_names[] = {
	{ "minor-faults", "perf::PERF_COUNT_SW_PAGE_FAULTS_MIN" },
	{ "major-faults", "perf::PERF_COUNT_SW_PAGE_FAULTS_MAJ" },
	{ "context-switches", "perf::PERF_COUNT_SW_CONTEXT_SWITCHES" },
	{ "cpu-migrations", "perf::PERF_COUNT_SW_CPU_MIGRATIONS" },
	{ "task-clock", "perf::PERF_COUNT_SW_TASK_CLOCK" },
	{ "cycles", "perf::PERF_COUNT_HW_CPU_CYCLES" },
	{ "instructions", "perf::PERF_COUNT_HW_INSTRUCTIONS" },
	{ "cache-references", "perf::PERF_COUNT_HW_CACHE_REFERENCES" },
	{ "cache-misses", "perf::PERF_COUNT_HW_CACHE_MISSES" },
	{ "L1D-load-misses", "perf::PERF_COUNT_HW_CACHE_L1D:READ:MISS" },
	{ "LLC-load-misses", "perf::PERF_COUNT_HW_CACHE_LL:READ:MISS" },
	{ "dTLB-load-misses", "perf::PERF_COUNT_HW_CACHE_DTLB:READ:MISS" },
};
#define SHORT_NAMES (sizeof(short_names) / sizeof(short_names[0]))

const char *const sm_events_default =
	"minor-faults,major-faults,context-switches,cpu-migrations,task-clock,cycles,instructions,"
	"cache-references,cache-misses,L1D-load-misses,LLC-load-misses,dTLB-load-misses";

/* Events that each family of CPUs calls differently: the first that libpfm4 knows for this CPU is taken.  AMD
 * cannot tell a transfer within a core complex from a hit in its L3: what counts both bears another name.
 * Meanings: the vendors' lists of events. */
struct candidate {
	const char *event;
	const char *name; /* NULL: as asked for */
	const char *meaning;
};
#define HITM     "loads that another core of the socket answered, which had modified the line"
#define FAR_HITM "loads that a core of another socket answered, which had modified the line"
#define OWN_COMPLEX                                                                                \
	"lines that came from this core complex: from another core's cache or, indistinguishably, from the L3"
static const struct {
	const char *name, *what;
	struct candidate candidate[8];
} by_cpu[] = {
	{ "loads-from-other-core",
	  "loads that another core's cache answered (HITM)",
	  { /* Skylake to Ice Lake */
	    { "MEM_LOAD_L3_HIT_RETIRED:XSNP_HITM", NULL, HITM },
	    /* Sapphire Rapids on */
	    { "MEM_LOAD_L3_HIT_RETIRED:XSNP_FWD", NULL,
	      "loads that another core of the socket answered, which had modified the line or had it alone" },
	    /* Haswell, Broadwell */
	    { "MEM_LOAD_UOPS_L3_HIT_RETIRED:XSNP_HITM", NULL, HITM },
	    /* Sandy Bridge, Ivy Bridge */
	    { "MEM_LOAD_UOPS_LLC_HIT_RETIRED:XSNP_HITM", NULL, HITM },
	    /* Zen 3 */
	    { "DEMAND_DATA_CACHE_FILLS_FROM_SYSTEM:INT_CACHE", "fills-from-own-complex",
	      OWN_COMPLEX },
	    /* Zen 4 */
	    { "DEMAND_DATA_CACHE_FILLS_FROM_SYSTEM:LOCAL_CCX", "fills-from-own-complex",
	      OWN_COMPLEX },
	    /* Zen 2 */
	    { "DATA_CACHE_REFILLS_FROM_SYSTEM:LS_MABRESP_LCL_CACHE", "fills-from-own-die",
	      "lines that came from this core complex (from another core's cache or, indistinguishably, from "
	      "the L3), or from another complex if their memory is this die's" } } },
	{ "fills-from-other-cache",
	  "lines that came from a cache further away: another core complex or socket",
	  { /* Skylake servers on */
	    { "MEM_LOAD_L3_MISS_RETIRED:REMOTE_HITM", NULL, FAR_HITM },
	    /* Haswell, Broadwell servers */
	    { "MEM_LOAD_UOPS_L3_MISS_RETIRED:REMOTE_HITM", NULL, FAR_HITM },
	    /* Ivy Bridge servers */
	    { "MEM_LOAD_UOPS_LLC_MISS_RETIRED:REMOTE_HITM", NULL, FAR_HITM },
	    /* Zen 3 */
	    { "ANY_DATA_CACHE_FILLS_FROM_SYSTEM:EXT_CACHE_LCL:EXT_CACHE_RMT", NULL,
	      "lines that came from the caches of another core complex" },
	    /* Zen 4 */
	    { "ANY_DATA_CACHE_FILLS_FROM_SYSTEM:NEAR_CACHE_NEAR_FAR:FAR_CACHE_NEAR_FAR", NULL,
	      "lines that came from the caches of another core complex" },
	    /* Zen 2 */
	    { "DATA_CACHE_REFILLS_FROM_SYSTEM:LS_MABRESP_RMT_CACHE", NULL,
	      "lines that came from another core complex and whose memory is another die's" } } },
};
#define BY_CPU (sizeof(by_cpu) / sizeof(by_cpu[0]))

static const char *libpfm_name(const char *name)
{
	for (size_t i = 0; i < SHORT_NAMES; i++)
		if (strcmp(short_names[i].name, name) == 0)
			return short_names[i].event;
	return name;
}

/* Encodes one of libpfm4's event strings; returns its code. */
static int encode_string(struct sm_event *event, const char *string)
{
	char *fstr = NULL;
	pfm_perf_encode_arg_t arg = { .attr = &event->attr, .fstr = &fstr, .size = sizeof(arg) };
	int rc;

	memset(&event->attr, 0, sizeof(event->attr));
	event->attr.size = sizeof(event->attr);
	rc = pfm_get_os_event_encoding(string, PFM_PLM0 | PFM_PLM3, PFM_OS_PERF_EVENT, &arg);
	if (fstr)
		snprintf(event->fstr, sizeof(event->fstr), "%s", fstr);
	else
		memcpy(event->fstr, event->name, sizeof(event->fstr));
	free(fstr);
	return rc;
}

/* True where the name is one of `by_cpu`, asked for or got (a resumed run asks for what it got); its code in
 * `rc`, and the reason where no candidate fits. */
static bool encode_by_cpu(struct sm_event *event, int *rc)
{
	for (size_t i = 0; i < BY_CPU; i++) {
		bool any = strcmp(by_cpu[i].name, event->name) == 0, known = any;

		for (unsigned c = 0; by_cpu[i].candidate[c].event; c++) {
			const struct candidate *candidate = &by_cpu[i].candidate[c];

			if (!any && !(candidate->name && strcmp(candidate->name, event->name) == 0))
				continue;
			known = true;
			*rc = encode_string(event, candidate->event);
			if (*rc != PFM_SUCCESS)
				continue;
			if (candidate->name)
				snprintf(event->name, sizeof(event->name), "%s", candidate->name);
			return true;
		}
		if (!known)
			continue;
		*rc = PFM_ERR_NOTSUPP;
		snprintf(event->reason, sizeof(event->reason),
			 "libpfm4 sees no PMU here that counts %s: run on bare metal, or have the "
			 "host give the virtual machine a vPMU",
			 by_cpu[i].what);
		return true;
	}
	return false;
}

/* Whether libpfm4's full string is of the event: "skl::NAME:UNIT:e=0..." has the parts of "NAME:UNIT". */
static bool is_event(const char *fstr, const char *event)
{
	char copy[SM_EVENT_TEXT_MAX], *rest = copy, *part;

	snprintf(copy, sizeof(copy), "%s", event);
	while ((part = strsep(&rest, ":"))) {
		const char *at = strstr(fstr, part);
		size_t length = strlen(part);

		while (at && (at == fstr || at[-1] != ':' || (at[length] && at[length] != ':')))
			at = strstr(at + 1, part);
		if (!at)
			return false;
	}
	return true;
}

const char *sm_event_meaning(const char *fstr)
{
	for (size_t i = 0; i < BY_CPU; i++)
		for (unsigned c = 0; by_cpu[i].candidate[c].event; c++)
			if (is_event(fstr, by_cpu[i].candidate[c].event))
				return by_cpu[i].candidate[c].meaning;
	return NULL;
}

static int encode(struct sm_event *event, struct sm_error *err)
{
	int rc;

	if (!encode_by_cpu(event, &rc))
		rc = encode_string(event, libpfm_name(event->name));
	if (rc == PFM_ERR_NOTSUPP) {
		event->state = SM_NOT_SUPPORTED;
		if (!event->reason[0])
			snprintf(event->reason, sizeof(event->reason),
				 "libpfm4 knows no such event for this CPU");
		return 0;
	}
	if (rc != PFM_SUCCESS)
		return sm_fail(
			err, EINVAL,
			"--events: libpfm4 does not know \"%s\" (%s); its `showevtinfo` lists "
			"what it knows",
			event->name, pfm_strerror(rc));
	event->software = event->attr.type == PERF_TYPE_SOFTWARE;
	event->attr.disabled = 1;
	event->attr.inherit = 0;
	event->attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	event->attr.exclude_hv = 1;
	return 0;
}

static void set_scope(struct sm_event *event, enum sm_count_scope scope)
{
	event->scope = scope;
	event->attr.exclude_kernel = scope == SM_SCOPE_USER;
}

enum sm_count_state counters_state_of(int error, bool software, char reason[SM_ERROR_TEXT_MAX])
{
	const char *text;
	enum sm_count_state state = SM_NOT_SUPPORTED;

	switch (error) {
	case EACCES:
		state = SM_NOT_PERMITTED;
		text = "the kernel does not let this user count it: set kernel.perf_event_paranoid to 1 "
		       "or lower (sysctl), or run with CAP_PERFMON";
		break;
	case EPERM:
		state = SM_NOT_PERMITTED;
		text = "perf_event_open is forbidden here, as in a container with a seccomp filter: run "
		       "it with --cap-add PERFMON or a profile that allows the call";
		break;
	case EMFILE:
		state = SM_NOT_COUNTED;
		text = "too many open files: raise the limit (ulimit -n)";
		break;
	case E2BIG:
		text = "the kernel is older than this build's perf interface: build it there";
		break;
	case EINVAL:
		text = "the kernel refuses this event on this CPU: choose another with --events";
		break;
	default:
		text = software
			       ? "this kernel has no such software event"
			       : "no PMU with this event is visible here: run on bare metal, or have the "
				 "host give the virtual machine a vPMU";
	}
	snprintf(reason, SM_ERROR_TEXT_MAX, "%s", text);
	return state;
}

/* Counts a stretch of spinning; says whether the event ever got onto a PMU. */
static bool runs(const struct sm_os *os, int fd)
{
	uint64_t value[3] = { 0 }, start = sm_clock_ns();

	os->perf_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	while (sm_clock_ns() - start < PROBE_SPIN_NS)
		;
	os->perf_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	return os->perf_read(fd, value, sizeof(value)) == (ssize_t)sizeof(value) && value[2] > 0;
}

/* Events of the scheduler happen in the kernel: with user scope they would read 0. */
static bool needs_kernel(const struct sm_event *event)
{
	return event->software && (event->attr.config == PERF_COUNT_SW_CONTEXT_SWITCHES ||
				   event->attr.config == PERF_COUNT_SW_CPU_MIGRATIONS);
}

static void probe(struct sm_event *event, const struct sm_os *os)
{
	int fd;

	set_scope(event, SM_SCOPE_USER_KERNEL);
	fd = os->perf_open(&event->attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 && (errno == EACCES || errno == EPERM) && !needs_kernel(event)) {
		set_scope(event, SM_SCOPE_USER);
		fd = os->perf_open(&event->attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	}
	if (fd < 0) {
		event->state = counters_state_of(errno, event->software, event->reason);
		return;
	}
	event->state = SM_COUNTED;
	if (!runs(os, fd)) {
		event->state = SM_NOT_COUNTED;
		snprintf(
			event->reason, sizeof(event->reason),
			"it opened but never ran: the PMU's counters are taken, for example by the NMI "
			"watchdog (sysctl kernel.nmi_watchdog=0) or another profiler");
	}
	close(fd);
}

static int add_event(struct sm_event_set *set, const struct sm_os *os, const char *name,
		     struct sm_error *err)
{
	struct sm_event *event;
	int rc;

	if (set->count == SM_EVENTS_MAX)
		return sm_fail(err, EINVAL, "--events: at most %d events", SM_EVENTS_MAX);
	event = &set->event[set->count];
	if (strlen(name) >= sizeof(event->name))
		return sm_fail(err, EINVAL, "--events: \"%.40s...\" is too long", name);
	snprintf(event->name, sizeof(event->name), "%s", name);
	rc = encode(event, err);
	if (rc < 0)
		return rc;
	if (event->state == SM_COUNT_NONE)
		probe(event, os);
	set->count++;
	return 0;
}

int sm_events_prepare(struct sm_event_set *set, const struct sm_os *os, const char *list,
		      struct sm_error *err)
{
	char *copy = strdup(list), *rest = copy, *name;
	int rc = 0;

	memset(set, 0, sizeof(*set));
	if (!copy)
		return sm_fail(err, ENOMEM, "no memory for the events");
	if (pfm_initialize() != PFM_SUCCESS)
		rc = sm_fail(err, ENOTSUP, "libpfm4 does not initialise on this machine");
	while (rc == 0 && (name = strsep(&rest, ","))) {
		if (!*name)
			rc = sm_fail(err, EINVAL, "--events \"%s\": a name is missing", list);
		else
			rc = add_event(set, os, name, err);
	}
	free(copy);
	return rc;
}

const char *sm_count_state_name(enum sm_count_state state)
{
	static const char *const name[SM_COUNT_STATE_COUNT] = {
		"none", "counted", "scaled", "not_counted", "not_supported", "not_permitted",
	};

	return state < SM_COUNT_STATE_COUNT ? name[state] : "none";
}

const char *sm_count_scope_name(enum sm_count_scope scope)
{
	return scope == SM_SCOPE_USER ? "user" : "user+kernel";
}

void sm_events_note(const struct sm_event_set *set, char out[SM_ERROR_TEXT_MAX])
{
	const struct sm_event *first = NULL;
	char names[256] = "";
	size_t used = 0;

	out[0] = '\0';
	/* One sentence: the reason of the first missing event, and all that share it. */
	for (unsigned i = 0; i < set->count; i++) {
		const struct sm_event *event = &set->event[i];

		if (event->state == SM_COUNTED || event->state == SM_SCALED)
			continue;
		first = first ? first : event;
		if (used < sizeof(names))
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
						 used ? ", " : "", event->name);
	}
	if (first)
		snprintf(out, SM_ERROR_TEXT_MAX, "Not counted: %s; %.240s.", names, first->reason);
}
