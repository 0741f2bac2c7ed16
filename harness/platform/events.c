/* Performance events by libpfm4's names: encoded once, then probed by opening them; each has a state and a reason. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "counters_private.h"
/* libpfm4 has its own copy of <linux/perf_event.h>; the kernel's is included already. */
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

const char *const sm_events_default = "minor-faults,major-faults,context-switches,cpu-migrations,cycles,instructions,"
				      "cache-references,cache-misses,L1D-load-misses,LLC-load-misses,dTLB-load-misses";

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

/* Sets what every event needs besides what libpfm4 set. */
static void complete(struct sm_event *event)
{
	event->software = event->attr.type == PERF_TYPE_SOFTWARE;
	event->attr.disabled = 1;
	event->attr.inherit = 0;
	event->attr.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
	event->attr.exclude_hv = 1;
}

/* Whether the event names a PMU, "skx::...", that libpfm4 does not see on this machine. */
static bool is_elsewhere(const char *name)
{
	const char *end = strstr(name, "::");
	int number;

	if (!end)
		return false;
	pfm_for_all_pmus(number)
	{
		pfm_pmu_info_t pmu = { .size = sizeof(pmu) };

		if (pfm_get_pmu_info((pfm_pmu_t)number, &pmu) == PFM_SUCCESS && pmu.is_present &&
		    strlen(pmu.name) == (size_t)(end - name) && strncasecmp(pmu.name, name, strlen(pmu.name)) == 0)
			return false;
	}
	return true;
}

static int encode(struct sm_event *event, struct sm_error *err)
{
	int rc = encode_string(event, libpfm_name(event->name));

	if (rc != PFM_SUCCESS && is_elsewhere(event->name)) {
		event->state = SM_NOT_SUPPORTED;
		snprintf(event->reason, sizeof(event->reason), "libpfm4 sees no PMU \"%.*s\" here",
			 (int)strcspn(event->name, ":"), event->name);
		return 0;
	}
	if (rc == PFM_ERR_NOTSUPP) {
		event->state = SM_NOT_SUPPORTED;
		/* the file by which libpfm4 decides whether the kernel supports events */
		snprintf(
			event->reason, sizeof(event->reason), "%s",
			sm_os_has(&sm_os_linux, "/proc/sys/kernel/perf_event_paranoid")
				? "libpfm4 knows no such event for this CPU"
				: "/proc/sys/kernel/perf_event_paranoid is not there: /proc is not mounted, or the kernel is "
				  "built without perf events");
		return 0;
	}
	if (rc != PFM_SUCCESS)
		return sm_fail(err, EINVAL,
			       "--events: libpfm4 does not know \"%s\" (%s); its `showevtinfo` lists "
			       "what it knows",
			       event->name, pfm_strerror(rc));
	complete(event);
	return 0;
}

static void set_scope(struct sm_event *event, enum sm_count_scope scope)
{
	event->scope = scope;
	event->attr.exclude_kernel = scope == SM_SCOPE_USER;
}

/* Counts while spinning; returns whether the event ever ran on a PMU. */
static bool runs(const struct sm_os *os, int fd)
{
	uint64_t value[3] = { 0 }, start = sm_clock_ns();

	os->perf_ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	while (sm_clock_ns() - start < PROBE_SPIN_NS)
		;
	os->perf_ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
	return os->perf_read(fd, value, sizeof(value)) == (ssize_t)sizeof(value) && value[2] > 0;
}

/* Scheduler events happen in the kernel: with user scope they would read 0. */
static bool needs_kernel(const struct sm_event *event)
{
	return event->software && (event->attr.config == PERF_COUNT_SW_CONTEXT_SWITCHES ||
				   event->attr.config == PERF_COUNT_SW_CPU_MIGRATIONS);
}

static int open_on(const struct sm_event *event, const struct sm_pmu *pmu, const struct sm_os *os)
{
	struct perf_event_attr attr = event->attr;

	if (pmu)
		counters_set_pmu(&attr, pmu);
	return os->perf_open(&attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Opens the event with the widest scope that is permitted. */
static int open_widest(struct sm_event *event, const struct sm_pmu *pmu, const struct sm_os *os)
{
	int fd;

	set_scope(event, SM_SCOPE_USER_KERNEL);
	fd = open_on(event, pmu, os);
	if (fd < 0 && (errno == EACCES || errno == EPERM) && !needs_kernel(event)) {
		set_scope(event, SM_SCOPE_USER);
		fd = open_on(event, pmu, os);
	}
	return fd;
}

/* Finds the PMUs that count a generic event.  None: the kernel (before 5.13, or on Arm before 6.6) cannot direct it to
 * one, or does not count it at all. */
static void find_kinds(const struct sm_event_set *set, struct sm_event *event, const struct sm_os *os)
{
	for (unsigned p = 0; p < set->pmu_count; p++) {
		int fd = open_widest(event, &set->pmu[p], os);

		if (fd < 0)
			continue;
		event->pmus |= 1u << p;
		close(fd);
	}
}

static void probe(const struct sm_event_set *set, struct sm_event *event, const struct sm_os *os)
{
	int fd, here = counters_pmu_here(set);

	if (counters_is_of_kinds(set, &event->attr))
		find_kinds(set, event, os);
	if (event->pmus && counters_of_other_cores(set, event)) {
		event->state = SM_COUNTED; /* it opens, and cannot be tried here */
		return;
	}
	fd = open_widest(event, event->pmus && here >= 0 ? &set->pmu[here] : NULL, os);
	if (fd < 0) {
		event->state = counters_state_of(errno);
		counters_why_refused(os, event, errno, event->reason);
		return;
	}
	event->state = SM_COUNTED;
	/* the process may have moved to another kind of core meanwhile */
	if (!runs(os, fd) && !counters_of_other_cores(set, event) && counters_pmu_here(set) == here) {
		event->state = SM_NOT_COUNTED;
		counters_why_idle(os, event->reason);
	}
	close(fd);
}

/* Adds an entry that only has its name. */
static int new_event(struct sm_event_set *set, const char *name, struct sm_event **event, struct sm_error *err)
{
	if (set->count == SM_EVENTS_MAX)
		return sm_fail(err, EINVAL, "--events: at most %d events", SM_EVENTS_MAX);
	*event = &set->event[set->count];
	if (strlen(name) >= sizeof((*event)->name))
		return sm_fail(err, EINVAL, "--events: \"%.40s...\" is too long", name);
	memset(*event, 0, sizeof(**event));
	snprintf((*event)->name, sizeof((*event)->name), "%s", name);
	set->count++;
	return 0;
}

/* The first candidate of `name` that libpfm4 can encode for this PMU; NULL: none. */
static const struct line_candidate *encode_on(struct sm_event *event, const char *name, const char *pmu)
{
	const struct line_candidate *candidate;
	char string[2 * SM_EVENT_TEXT_MAX];

	for (unsigned number = 0; (candidate = line_candidate(name, number)); number++) {
		snprintf(string, sizeof(string), "%s::%s", pmu, candidate->event);
		if (encode_string(event, string) == PFM_SUCCESS)
			return candidate;
	}
	return NULL;
}

/* Adds the event for a name of line_events.c, for each PMU of the machine.  With two kinds of cores there are two
 * PMUs; the event of the second one is called NAME@PMU. */
static int add_line_events(struct sm_event_set *set, const struct sm_os *os, const char *asked, struct sm_error *err)
{
	unsigned before = set->count;
	char name[SM_EVENT_TEXT_MAX], pmus[256] = "", *wanted;
	struct sm_event *event = NULL;
	int number, rc;

	snprintf(name, sizeof(name), "%s", asked);
	wanted = strchr(name, '@');
	if (wanted)
		*wanted++ = '\0';
	pfm_for_all_pmus(number)
	{
		pfm_pmu_info_t pmu = { .size = sizeof(pmu) };
		const struct line_candidate *candidate;

		if (pfm_get_pmu_info((pfm_pmu_t)number, &pmu) != PFM_SUCCESS || !pmu.is_present ||
		    pmu.type != PFM_PMU_TYPE_CORE || (wanted && strcmp(wanted, pmu.name) != 0))
			continue;
		rc = new_event(set, name, &event, err);
		if (rc < 0)
			return rc;
		candidate = encode_on(event, name, pmu.name);
		if (!candidate) {
			size_t used = strlen(pmus);

			snprintf(pmus + used, sizeof(pmus) - used, "%s%s", used ? " and " : "", pmu.desc);
			set->count--;
			continue;
		}
		snprintf(event->name, sizeof(event->name), "%.60s%s%.60s", candidate->name ? candidate->name : name,
			 wanted || set->count - before > 1 ? "@" : "",
			 wanted || set->count - before > 1 ? pmu.name : "");
		complete(event);
		probe(set, event, os);
	}
	if (set->count > before)
		return 0;
	rc = new_event(set, asked, &event, err);
	if (rc < 0)
		return rc;
	snprintf(event->fstr, sizeof(event->fstr), "%.*s", (int)sizeof(event->fstr) - 1, asked);
	event->state = SM_NOT_SUPPORTED;
	if (wanted && !*pmus)
		snprintf(event->reason, sizeof(event->reason), "libpfm4 sees no PMU \"%s\" here", wanted);
	else
		counters_why_unknown(os, line_what(name), pmus, event->reason);
	return 0;
}

static bool is_line_event(const char *name)
{
	char plain[SM_EVENT_TEXT_MAX];

	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(name, "@"), name);
	return line_candidate(plain, 0) != NULL;
}

static int add_event(struct sm_event_set *set, const struct sm_os *os, const char *name, struct sm_error *err)
{
	struct sm_event *event = NULL;
	int rc;

	if (is_line_event(name))
		return add_line_events(set, os, name, err);
	rc = new_event(set, name, &event, err);
	if (rc == 0)
		rc = encode(event, err);
	if (rc == 0 && event->state == SM_COUNT_NONE)
		probe(set, event, os);
	return rc;
}

int sm_events_prepare(struct sm_event_set *set, const struct sm_os *os, const char *list, struct sm_error *err)
{
	char *copy = strdup(list), *rest = copy, *name;
	int rc = 0;

	memset(set, 0, sizeof(*set));
	if (!copy)
		return sm_fail(err, ENOMEM, "no memory for the events");
	counters_find_pmus(os, set);
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

bool sm_event_known(const char *name)
{
	struct sm_event event = { 0 };
	char string[2 * SM_EVENT_TEXT_MAX];
	int rc;

	if (libpfm_name(name) != name || is_line_event(name) || pfm_initialize() != PFM_SUCCESS)
		return true;
	snprintf(string, sizeof(string), "%s%s", strstr(name, "::") ? "" : "perf::", name);
	rc = encode_string(&event, string);
	return rc == PFM_SUCCESS || rc == PFM_ERR_NOTSUPP || is_elsewhere(string);
}

bool sm_event_available(const struct sm_event *event)
{
	return event->state == SM_COUNTED || event->state == SM_SCALED;
}

bool sm_events_alike(const struct sm_event_set *set, unsigned first, char *names, size_t size)
{
	const struct sm_event *one = &set->event[first];
	size_t used = 0;

	names[0] = '\0';
	for (unsigned i = 0; i < set->count; i++) {
		const struct sm_event *event = &set->event[i];

		if (event->state != one->state || strcmp(event->reason, one->reason) != 0)
			continue;
		if (i < first)
			return false;
		if (used < size)
			used += (size_t)snprintf(names + used, size - used, "%s%s", used ? ", " : "", event->name);
	}
	return true;
}

void sm_events_note(const struct sm_event_set *set, char out[SM_ERROR_TEXT_MAX])
{
	char names[256];
	size_t used = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < set->count && used < SM_ERROR_TEXT_MAX; i++)
		if (!sm_event_available(&set->event[i]) && sm_events_alike(set, i, names, sizeof(names)))
			used += (size_t)snprintf(out + used, SM_ERROR_TEXT_MAX - used, "%s%s (%s)",
						 used ? "; " : "Not counted: ", names, set->event[i].reason);
	if (used && used + 1 < SM_ERROR_TEXT_MAX)
		snprintf(out + used, SM_ERROR_TEXT_MAX - used, ".");
}
